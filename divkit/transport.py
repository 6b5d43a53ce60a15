r"""Optimal transport: what it costs to move one distribution onto another.

`wasserstein_1d` takes samples, `wasserstein_pmf` takes weights on a grid: two things under two
names. `order` is the p of :math:`W_p`, and every distance is the root. Matrices of costs are given
as they are; a regularisation `reg` is absolute, in the unit of the cost.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from divkit import _quantiles
from divkit._kernels import finished, leading_shape
from divkit._quantiles import Sorted, Table
from divkit._validation import (
    Floats,
    Reals,
    Rows,
    alphabet_last,
    as_reals,
    checked,
    same_alphabet,
    tolerance,
)

__all__ = [
    "energy_distance",
    "wasserstein_1d",
    "wasserstein_pmf",
]


def _pot() -> Any:
    """Import POT, the extra of exact plans between weighted points."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own, at its first import
            return import_module("ot")
    except ImportError as error:
        raise ImportError('weighted plans need POT: pip install "divkit[ot]"') from error


def _order(order: float) -> float:
    """Return the order of a distance, or raise."""
    if isinstance(order, bool) or not isinstance(order, int | float | np.number):
        raise TypeError(f"order must be a number, got {order!r}")
    if not order >= 1:
        raise ValueError(f"order must be at least 1 (below, W is no distance), got {order}")
    return float(order)


def _samples(
    u: ArrayLike, v: ArrayLike, u_weights: ArrayLike | None, v_weights: ArrayLike | None, axis: int
) -> tuple[dict[str, Reals], tuple[int, ...]]:
    """Return the samples and weights that are given, samples last, and the shape of the rows."""
    named = {"u": u, "v": v, "u_weights": u_weights, "v_weights": v_weights}
    arrays = {
        name: alphabet_last(as_reals(x, name), name, axis)
        for name, x in named.items()
        if x is not None
    }
    for name in ("u", "v"):
        weights = arrays.get(f"{name}_weights")
        if weights is not None and weights.shape[-1] != arrays[name].shape[-1]:
            raise ValueError(
                f"{name}_weights has {weights.shape[-1]} entries for {arrays[name].shape[-1]} "
                f"samples of {name}: each sample needs one weight"
            )
    return arrays, leading_shape(arrays)


class _Weighted:
    """Samples and their weights, 1 for each if none are given."""

    def __init__(self, name: str, arrays: dict[str, Reals], leading: tuple[int, ...]) -> None:
        self.name, self.samples = name, Table(arrays[name], leading)
        weights = arrays.get(f"{name}_weights")
        self.weights = None if weights is None else Table(weights, leading)

    def block(self, first: int, stop: int) -> tuple[Floats, Rows]:
        values = np.asarray(self.samples.block(first, stop), dtype=np.float64)
        if not np.isfinite(values).all():
            _quantiles.refuse_infinite(values, self.name, first)
        if self.weights is None:
            return values, Rows(np.ones_like(values), np.full(len(values), values.shape[-1]), 1.0)
        rows = self.weights.block(first, stop)
        return values, checked(rows, f"{self.name}_weights", np.inf, first, normalize=True)


def _over_weighted(
    kernel: Callable[[Floats, Rows, Floats, Rows], Floats],
    arrays: dict[str, Reals],
    leading: tuple[int, ...],
    *,
    power: float = 1,
) -> Floats:
    """Apply a kernel of samples and weights, of some power of their unit, block by block."""
    u, v = _Weighted("u", arrays, leading), _Weighted("v", arrays, leading)

    def of_block(first: int, stop: int) -> Floats:
        (x, x_weights), (y, y_weights) = u.block(first, stop), v.block(first, stop)
        ends = [np.stack([a.min(-1), a.max(-1)], -1) for a in (x, y)]
        shrink, _ = _quantiles.in_range(*ends)
        if (shrink < 1).any():
            x, y = x * shrink[:, None], y * shrink[:, None]
        return kernel(x, x_weights, y, y_weights) / shrink**power

    return _quantiles.by_blocks(of_block, leading, u.samples.size + v.samples.size)


def _area(x: Floats, u: Rows, y: Floats, v: Rows) -> Floats:
    """W_1, the area between the distribution functions."""
    heights, steps = _quantiles.cdf_differences(x, u, y, v)
    area: Floats = np.vecdot(np.abs(heights, out=heights), steps)
    return area


def _energy(x: Floats, u: Rows, y: Floats, v: Rows) -> Floats:
    """The root of twice the integral of (F - G)^2."""
    heights, steps = _quantiles.cdf_differences(x, u, y, v)
    root: Floats = np.sqrt(2 * np.vecdot(np.square(heights, out=heights), steps))
    return root


def wasserstein_1d(
    u: ArrayLike,
    v: ArrayLike,
    *,
    order: float = 1,
    u_weights: ArrayLike | None = None,
    v_weights: ArrayLike | None = None,
    axis: int = -1,
) -> Floats:
    r"""Wasserstein distance between samples on a line.

    .. math:: W_p(u, v) = \Bigl(\int_0^1 |F_u^{-1}(t) - F_v^{-1}(t)|^p \, dt\Bigr)^{1/p}

    The best plan keeps the order: for equally many samples without weights,
    :math:`W_p^p = \frac1n \sum_k |u_{(k)} - v_{(k)}|^p`.

    Parameters
    ----------
    u, v : array_like
        Finite samples along `axis`, not necessarily equally many; the other axes broadcast. These
        are *places*: for probabilities on a grid use `wasserstein_pmf`.
    order : float
        The order p, from 1 to infinity; at infinity the largest gap between quantiles.
    u_weights, v_weights : array_like, optional
        Weights of the samples, not negative, with a positive sum; they are divided by it. Equal
        weights if None.
    axis : int
        Axis of the samples, in each array separately.

    Returns
    -------
    ndarray or float
        At least 0, in the unit of the samples: the root, not its p-th power.

    Raises
    ------
    ValueError
        If a sample is not finite, a weight negative, or the order below 1.
    TypeError
        If an argument does not hold real numbers or has masked entries.

    See Also
    --------
    wasserstein_pmf : for weights on a grid.
    wasserstein_nd : in more dimensions.
    scipy.stats.wasserstein_distance : order 1, one pair at a time.
    ot.wasserstein_1d : returns the p-th power.

    Notes
    -----
    float32 samples are sorted in float32. With weights, cumulative weights of the two laws that
    differ by less than 1e-12 count as equal (for orders above 1): their rounding would else decide
    about the distance at a large order.

    References
    ----------
    C. Villani (2009). Optimal Transport, Old and New. doi:10.1007/978-3-540-71050-9

    Examples
    --------
    >>> wasserstein_1d([0, 1, 2], [1, 2, 3]).item()
    1.0
    >>> wasserstein_1d([0, 1], [0, 1], u_weights=[1, 3], v_weights=[1, 1], order=2).item()
    0.5
    """
    order = _order(order)
    arrays, leading = _samples(u, v, u_weights, v_weights, axis)
    if len(arrays) > 2:
        if order == 1:
            values = _over_weighted(_area, arrays, leading)
        else:
            values = _over_weighted(
                lambda x, w, y, z: _quantiles.by_quantiles(x, w, y, z, order), arrays, leading
            )
    else:
        first, second = (Sorted(arrays[name], leading, name) for name in ("u", "v"))
        equal = first.size == second.size
        kernel = _quantiles.of_equal_sizes if equal else _quantiles.of_unequal_sizes
        values = kernel(first, second, order)
    return finished(values, scale=1.0, axis=(), keepdims=False)


def energy_distance(
    u: ArrayLike,
    v: ArrayLike,
    *,
    u_weights: ArrayLike | None = None,
    v_weights: ArrayLike | None = None,
    axis: int = -1,
) -> Floats:
    r"""Energy distance between samples on a line: the root.

    .. math:: D(u, v) = \Bigl(2 \int (F_u - F_v)^2 \, dx\Bigr)^{1/2}
       = \bigl(2 \, \mathbb E|X - Y| - \mathbb E|X - X'| - \mathbb E|Y - Y'|\bigr)^{1/2}

    Parameters
    ----------
    u, v : array_like
        Finite samples along `axis`; the other axes broadcast.
    u_weights, v_weights : array_like, optional
        Weights of the samples, not negative, with a positive sum. Equal weights if None.
    axis : int
        Axis of the samples, in each array separately.

    Returns
    -------
    ndarray or float
        At least 0, in the *root* of the unit of the samples, and a metric.

    Raises
    ------
    ValueError
        If a sample is not finite or a weight negative.

    See Also
    --------
    scipy.stats.energy_distance : one pair at a time.
    wasserstein_1d : of order 1 it is the area between the distribution functions.

    References
    ----------
    G. J. Székely and M. L. Rizzo (2013). Energy statistics: a class of statistics based on
    distances. doi:10.1016/j.jspi.2013.03.018

    Examples
    --------
    >>> energy_distance([0], [2]).item()
    2.0
    """
    values = _over_weighted(_energy, *_samples(u, v, u_weights, v_weights, axis), power=0.5)
    return finished(values, scale=1.0, axis=(), keepdims=False)


def _grid(x: ArrayLike | None, size: int) -> Floats:
    """Return the places of a grid, 0, 1, 2, ... if None."""
    if x is None:
        return np.arange(float(size))
    places = as_reals(x, "x").astype(np.float64)
    if places.shape != (size,):
        raise ValueError(f"x has shape {places.shape}, but the alphabet has {size} outcomes")
    if not np.isfinite(places).all():
        bad = int(np.argmin(np.isfinite(places)))
        raise ValueError(f"x[{bad}] is {places[bad]}, but places are finite")
    return places


def wasserstein_pmf(
    p: ArrayLike,
    q: ArrayLike,
    x: ArrayLike | None = None,
    *,
    order: float = 1,
    axis: int = -1,
    keepdims: bool = False,
    normalize: bool = False,
) -> Floats:
    r"""Wasserstein distance between distributions on a grid.

    .. math:: W_1(p, q) = \sum_k |P_k - Q_k| \, (x_{k+1} - x_k)

    with the cumulative sums :math:`P_k = p_1 + \dots + p_k`; other orders by quantiles as in
    `wasserstein_1d`.

    Parameters
    ----------
    p, q : array_like
        Distributions along `axis`; the other axes broadcast.
    x : array_like of shape (K,), optional
        Places of the outcomes, best in increasing order (else they are sorted, and `p` and `q` with
        them). 0, 1, 2, ... if None.
    order : float
        The order p, from 1 to infinity.
    axis : int
        Axis of the outcomes, in each array separately.
    keepdims : bool
        Keep `axis` with length 1.
    normalize : bool
        Divide both by their sums first (for counts).

    Returns
    -------
    ndarray or float
        At least 0, in the unit of `x`: the root, not its p-th power.

    Raises
    ------
    ValueError
        If a row is no distribution, the alphabets differ, or the order is below 1.

    See Also
    --------
    wasserstein_1d : for samples.
    scipy.stats.wasserstein_distance : takes ``(x, x, p, q)``; given p and q alone it would compare
        their values as if these were places.

    References
    ----------
    C. Villani (2009). Optimal Transport, Old and New. doi:10.1007/978-3-540-71050-9

    Examples
    --------
    >>> round(wasserstein_pmf([0.1, 0.2, 0.7], [0.8, 0.1, 0.1]).item(), 12)
    1.3
    """
    order = _order(order)
    arrays = {
        name: alphabet_last(as_reals(a, name), name, axis) for name, a in (("p", p), ("q", q))
    }
    same_alphabet(arrays)
    leading, size = leading_shape(arrays), arrays["p"].shape[-1]
    places = _grid(x, size)
    sorting = None if (places[1:] >= places[:-1]).all() else np.argsort(places, kind="stable")
    places = places if sorting is None else places[sorting]
    shrink, (grid,) = _quantiles.in_range(places[None])
    tables = {name: Table(array, leading) for name, array in arrays.items()}

    def of_block(first: int, stop: int) -> Floats:
        a, b = (
            checked(table.block(first, stop), name, tolerance(table.array), first, normalize)
            for name, table in tables.items()
        )
        if sorting is not None:
            a, b = (rows._replace(values=rows.values[:, sorting]) for rows in (a, b))
        return _on_grid(a, b, grid[0], order) / shrink

    values = _quantiles.by_blocks(of_block, leading, size)
    return finished(values, scale=1.0, axis=axis, keepdims=keepdims)


def _on_grid(p: Rows, q: Rows, x: Floats, order: float) -> Floats:
    """W of rows of weights on one increasing grid."""
    if order == 1:
        excess = p.values * q.totals[:, None]
        excess -= q.values * p.totals[:, None]
        heights = excess[:, :-1].cumsum(axis=-1)
        area: Floats = np.vecdot(np.abs(heights, out=heights), np.diff(x)) / (p.totals * q.totals)
        return area
    cu, cv = (rows.values.cumsum(axis=-1) for rows in (p, q))
    i, j, widths = _quantiles.cells_of(cu / cu[:, -1:], cv / cv[:, -1:])
    return _quantiles.power_mean(x[i] - x[j], widths, order)
