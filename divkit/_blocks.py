"""Rows of arrays in blocks, on one thread or more: numpy lets go of the interpreter meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from math import prod
from operator import index
from typing import Any, TypeVar

import numpy as np

from divkit._validation import Reals

__all__ = ["workers"]

Item = TypeVar("Item")
Value = TypeVar("Value")
Box = tuple[slice, ...]

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
    It holds for `information`, `fdivergence`, `gaussian` and the distances of `transport` on a
    line, in the block of the ``with`` statement, for the thread (or task) that entered it.

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


def in_blocks(
    kernel: Callable[..., Reals],
    arrays: list[Reals],
    core: Sequence[int],
    *,
    entries: int,
    result: tuple[int, ...] = (),
    whole: Callable[[], Reals] | None = None,
) -> Reals:
    """Apply a kernel to numbers, vectors or matrices whose other axes broadcast, block by block.

    The last `core` axes of each array belong to one item, for which the kernel returns a number,
    or an array of the shape `result`. It checks its arguments: if a block is refused, it is given
    everything at once (by `whole`), so that places are counted in the arrays as they came.
    """
    few = prod([array.size for array in arrays]) <= entries
    if few or all(array.ndim <= n for array, n in zip(arrays, core, strict=True)):
        return whole() if whole else kernel(*arrays)
    whole = whole or partial(kernel, *arrays)
    outer = [array.shape[: max(0, array.ndim - n)] for array, n in zip(arrays, core, strict=True)]
    largest = max(prod(a.shape[len(axes) :]) for a, axes in zip(arrays, outer, strict=True))
    try:
        leading = np.broadcast_shapes(*outer)
    except ValueError:
        return whole()  # it says so
    items = max(1, entries // largest)
    if prod(leading) <= items:
        return whole()

    def of_box(box: Box) -> Reals:
        return kernel(*(within_box(a, axes, box) for a, axes in zip(arrays, outer, strict=True)))

    try:
        return filled(np.empty((*leading, *result)), of_box, boxes(leading, items))
    except ValueError:
        whole()
        raise


def filled(values: Reals, function: Callable[[Any], Reals], parts: Iterable[Any]) -> Reals:
    """Fill parts of an array with the values of a function of the part."""

    def fill(part: Any) -> None:
        with np.errstate(all="ignore"):  # threads do not inherit it
            values[part] = function(part)

    for _ in in_parallel(fill, parts):
        pass
    return values


def boxes(leading: tuple[int, ...], items: int) -> Iterator[Box]:
    """Cut leading axes into boxes of at most so many items, in order."""
    axis = next(k for k in range(len(leading)) if prod(leading[k + 1 :]) <= items)
    width = items // prod(leading[axis + 1 :])
    rest = [slice(None)] * (len(leading) - axis - 1)
    for place in np.ndindex(leading[:axis]):
        one = [slice(i, i + 1) for i in place]
        for first in range(0, leading[axis], width):
            yield (*one, slice(first, first + width), *rest)


def within_box(array: Reals, axes: tuple[int, ...], box: Box) -> Reals:
    """Return the part of an array, with these leading axes, that broadcasts to a box: a view."""
    cuts = box[len(box) - len(axes) :]
    here = (slice(None) if n == 1 else cut for n, cut in zip(axes, cuts, strict=True))
    return array[tuple(here)]


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
