"""Rows of arrays in blocks, on one thread or more: numpy lets go of the interpreter meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from math import prod
from operator import index
from typing import TypeVar

import numpy as np

from divkit._validation import Reals

__all__ = ["workers"]

Item = TypeVar("Item")
Value = TypeVar("Value")

_threads: ContextVar[int] = ContextVar("threads", default=1)


@contextmanager
def workers(count: int) -> Iterator[None]:
    """Let functions of many rows use several threads.

    The blocks of rows that a function goes through anyway are shared out. Values, and the first
    fault that is named, are the same for every `count`; memory grows by the blocks, a few MB each.

    Parameters
    ----------
    count : int
        Number of threads, at least 1; more than the machine has cores bring nothing.

    Raises
    ------
    ValueError
        If `count` is below 1.

    Notes
    -----
    It holds for `information`, `fdivergence` and the distances of `transport` on a line, in the
    block of the ``with`` statement, for the thread (or task) that entered it.

    See Also
    --------
    scipy.fft.set_workers : the same for Fourier transforms.

    Examples
    --------
    >>> from divkit import entropy, workers
    >>> with workers(2):
    ...     entropy([[0.5, 0.5], [1, 0]], base=2).tolist()
    [1.0, 0.0]
    """
    if isinstance(count, bool) or index(count) < 1:
        raise ValueError(f"workers needs a number of threads of at least 1, got {count!r}")
    token = _threads.set(index(count))
    try:
        yield
    finally:
        _threads.reset(token)


def in_parallel(function: Callable[[Item], Value], items: Iterable[Item]) -> Iterator[Value]:
    """Like `map`, on as many threads as `workers` allows; values and errors come in order."""
    threads, items = _threads.get(), list(items)
    if threads == 1 or len(items) == 1:
        return map(function, items)
    with ThreadPoolExecutor(threads) as pool:
        return iter(list(pool.map(function, items)))


class Table:
    """The rows of an array broadcast to common leading axes, handed out block by block."""

    def __init__(self, array: Reals, leading: tuple[int, ...]) -> None:
        self.array, self.leading = array, leading
        self.size = array.shape[-1]
        simple = len(leading) < 2 or array.flags.c_contiguous  # reshaped without a copy
        whole = array.shape[:-1] == leading and simple
        self.flat = array.reshape(prod(leading), self.size) if whole else None

    def block(self, first: int, stop: int) -> Reals:
        """Return the rows from `first` to before `stop`, a view where that is possible."""
        if self.flat is not None:
            return self.flat[first:stop]
        view = np.broadcast_to(self.array, (*self.leading, self.size))
        rows = np.arange(first, min(stop, prod(self.leading)))
        return np.asarray(view[np.unravel_index(rows, self.leading)])
