"""Blocks of rows on more than one thread: numpy lets go of the interpreter while it computes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from operator import index
from typing import TypeVar

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
