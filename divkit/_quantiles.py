"""Transport on a line, of many rows at once: sorting, quantile grids and power means.

On a line the best plan keeps the order, so that a distance of order p is the power mean of the gaps
between quantiles. Rows are read in blocks that fit the cache; only what stands for one block is
ever copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import gcd, prod

import numpy as np
from numpy.typing import NDArray

from divkit._blocks import Table, in_parallel
from divkit._validation import Floats, Reals, Rows

BLOCK = 2**16  # entries of a block
KEPT = 2**20  # entries of an array that is sorted once if its rows are used several times
CLOSE = 1e-12  # cumulative weights of two laws that differ by less differ by rounding
LARGE, SHRINK = 2.0**900, 2.0**-200


class Sorted(Table):
    """Rows of finite samples in increasing order, in float32 if they are float32."""

    def __init__(self, array: Reals, leading: tuple[int, ...], name: str) -> None:
        self.name = name
        self.once = array.size <= KEPT and prod(array.shape[:-1]) < prod(leading)
        if self.once:
            rows = array.reshape(-1, array.shape[-1])
            array = self.in_order(rows, 0).reshape(array.shape)
        super().__init__(array, leading)

    def block(self, first: int, stop: int) -> Reals:
        """Return sorted rows, a copy that may be changed."""
        rows = super().block(first, stop)
        return rows if self.once else self.in_order(rows, first)  # once: already a copy

    def in_order(self, rows: Reals, first: int) -> Reals:
        """Sort rows; NaN and the infinities are then at the ends."""
        ordered = rows.astype(np.float32 if rows.dtype == np.float32 else np.float64)
        ordered.sort(axis=-1)
        if not np.isfinite(ordered[:, [0, -1]]).all():
            refuse_infinite(rows, self.name, first)
        return ordered


def refuse_infinite(rows: Reals, name: str, first: int) -> None:
    """Name the first sample that is not finite."""
    row, column = np.argwhere(~np.isfinite(rows))[0]
    raise ValueError(
        f"{name}, row {first + row}: entry {column} is {rows[row, column]}, "
        "but samples and places are finite: leave it out"
    )


def blocks(rows: int, size: int) -> Iterator[tuple[int, int]]:
    """Cut rows of `size` entries into blocks."""
    step = max(1, BLOCK // size)
    return ((first, min(first + step, rows)) for first in range(0, rows, step))


def by_blocks(kernel: Callable[[int, int], Floats], leading: tuple[int, ...], size: int) -> Floats:
    """Collect the values of a kernel that takes the first row and the one after the last."""

    def values_of(block: tuple[int, int]) -> Floats:
        with np.errstate(all="ignore"):
            return kernel(*block)

    parts = in_parallel(values_of, blocks(prod(leading), size))
    return np.concatenate([np.empty(0), *parts]).reshape(leading)


def in_range(*arrays: Reals) -> tuple[Floats, list[Reals]]:
    """Shrink pairs of rows so large that sums of gaps would overflow; return the factors."""
    top = np.max([abs(a[:, [0, -1]].astype(np.float64)).max(axis=-1) for a in arrays], axis=0)
    shrink = np.where(top > LARGE, SHRINK, 1.0)
    if (shrink == 1).all():
        return shrink, list(arrays)
    return shrink, [a * shrink[:, None] for a in arrays]


def power_mean(gaps: Floats, weights: Floats | None, order: float) -> Floats:
    """(sum w |gap|^p)^(1/p) of rows, equal weights if None; the gaps are overwritten.

    Gaps are divided by the largest before the power, which neither overflows nor vanishes then.
    """
    np.abs(gaps, out=gaps)
    if weights is not None:
        gaps *= weights > 0
    if order == 1:
        return mean(gaps, weights)
    top: Floats = gaps.max(axis=-1)
    if order == np.inf:
        return top
    gaps /= np.where(top > 0, top, 1.0)[:, None]
    np.power(gaps, order, out=gaps)  # numpy squares for order 2
    return np.asarray(top * mean(gaps, weights) ** (1 / order))


def mean(gaps: Floats, weights: Floats | None) -> Floats:
    """Return the mean of rows."""
    value: Floats = gaps.mean(axis=-1) if weights is None else np.vecdot(gaps, weights)
    return value


def of_equal_sizes(u: Sorted, v: Sorted, order: float) -> Floats:
    """The k-th smallest of one sample goes to the k-th smallest of the other."""

    def kernel(first: int, stop: int) -> Floats:
        shrink, (x, y) = in_range(*in_parallel(lambda rows: rows.block(first, stop), (u, v)))
        room = next((a for a in (x, y) if a.dtype == np.float64), None)
        gaps: Floats = np.subtract(x, y, out=room, dtype=np.float64)
        return power_mean(gaps, None, order) / shrink

    return by_blocks(kernel, u.leading, u.size)


def of_unequal_sizes(u: Sorted, v: Sorted, order: float) -> Floats:
    """One grid of quantiles serves all rows: the multiples of 1/n and of 1/m, in units of 1/nm."""
    n, m = u.size, v.size
    cuts = np.concatenate([np.arange(n + 1) * m, np.arange(1, m) * n])
    cuts.sort()
    cuts = cuts[np.append(True, cuts[1:] > cuts[:-1])] if gcd(n, m) > 1 else cuts
    cells = len(cuts) - 1
    widths = np.diff(cuts) / (n * m)
    parts = [(slice(i, i + BLOCK), cuts[i : i + BLOCK]) for i in range(0, cells, BLOCK)]
    places = [(part, c // m, c // n) for part, c in parts] if cells <= BLOCK else None

    def kernel(first: int, stop: int) -> Floats:
        shrink, (x, y) = in_range(u.block(first, stop), v.block(first, stop))
        gaps = np.empty((stop - first, cells))
        for part, i, j in places or ((part, c // m, c // n) for part, c in parts):
            width = gaps[:, part].shape[1]
            np.subtract(
                x.take(i[:width], axis=1), y.take(j[:width], axis=1), gaps[:, part], dtype=float
            )
        return power_mean(gaps, widths, order) / shrink

    return by_blocks(kernel, u.leading, cells)


def taken(rows: Floats, places: NDArray[np.intp]) -> Floats:
    """Return the entries of rows at their own places; long rows one by one, three times faster."""
    if rows.shape[-1] < 256:
        return np.take_along_axis(rows, places, -1)
    values = np.empty(places.shape)
    for row, where, room in zip(rows, places, values, strict=True):
        row.take(where, out=room, mode="clip")
    return values


def sorted_with(x: Floats, w: Rows) -> tuple[Floats, Floats]:
    """Sort places and carry their weights along; return the cumulative weights, up to 1."""
    order = x.argsort(axis=-1)
    cumulative = taken(w.values, order).cumsum(axis=-1)
    cumulative /= cumulative[:, -1:].copy()
    return taken(x, order), cumulative


def cells_of(cu: Floats, cv: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Merge cumulative weights: the quantiles of both laws in each cell, and the cell's weight.

    Where a cut of one law is within `CLOSE` of a cut of the other, they are the same but for
    rounding, which a large order would amplify: ten weights of .1 do not sum to .3 + .7.
    """
    n, m = cu.shape[-1], cv.shape[-1]
    cuts = np.concatenate([cu, cv], axis=-1)
    order = cuts.argsort(axis=-1, kind="stable")
    cuts = taken(cuts, order)
    of_u = order < n
    del order
    rounding = np.zeros(cuts.shape, dtype=bool)
    rounding[:, 1:] = (np.diff(cuts) <= CLOSE) & (of_u[:, 1:] != of_u[:, :-1]) & (cuts[:, 1:] < 1)
    cuts[rounding] = 0.0
    widths = np.diff(np.maximum.accumulate(cuts, axis=-1, out=cuts), prepend=0.0)
    del cuts
    i = of_u.cumsum(axis=-1)
    i -= of_u  # cuts of u before: the quantile of u in the cell
    j = np.arange(n + m) - i
    return np.minimum(i, n - 1, out=i), np.minimum(j, m - 1, out=j), widths


def by_quantiles(x: Floats, u: Rows, y: Floats, v: Rows, order: float) -> Floats:
    """W of any order between rows of places `x` of weights `u` and places `y` of weights `v`."""
    (x, cu), (y, cv) = sorted_with(x, u), sorted_with(y, v)
    i, j, widths = cells_of(cu, cv)
    gaps = taken(x, i)
    gaps -= taken(y, j)
    return power_mean(gaps, widths, order)


def cdf_differences(x: Floats, u: Rows, y: Floats, v: Rows) -> tuple[Floats, Floats]:
    """Return F - G between neighbouring places, and the distances of these: one argsort.

    Weights are multiplied by the other's total and divided once: counts stay exact.
    """
    places = np.concatenate([x, y], axis=-1)
    order = places.argsort(axis=-1)
    places = taken(places, order)
    signed = np.concatenate([u.values, v.values], axis=-1)
    signed[:, : x.shape[-1]] *= v.totals[:, None]
    signed[:, x.shape[-1] :] *= -u.totals[:, None]
    signed = taken(signed, order)
    del order
    signed.cumsum(axis=-1, out=signed)
    signed /= (u.totals * v.totals)[:, None]
    return signed[:, :-1], np.diff(places)
