r"""Optimal transport: what it costs to move one distribution onto another.

`wasserstein_1d` takes samples, `wasserstein_pmf` takes weights on a grid: two things under two
names. `order` is the p of :math:`W_p`, and every distance is the root. Matrices of costs are given
as they are; a regularisation `reg` is absolute, in the unit of the cost.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from divkit import _quantiles, _sinkhorn
from divkit._blocks import Table
from divkit._kernels import finished, leading_shape
from divkit._quantiles import Sorted
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
    "SinkhornResult",
    "barycentric_map",
    "energy_distance",
    "kantorovich_potentials",
    "mmd2",
    "sinkhorn",
    "sinkhorn_divergence",
    "sliced_wasserstein",
    "transport_plan",
    "wasserstein_1d",
    "wasserstein_barycenter",
    "wasserstein_nd",
    "wasserstein_pmf",
]

Rng = np.random.Generator | int | None


def _pot() -> Any:
    """Import POT, the extra of exact plans between weighted points.

    It would import every array library it finds, which takes seconds and writes on stderr; who uses
    it with one of them imports it first, or sets the variable to an empty text.
    """
    if "ot" not in sys.modules:
        for library in ("CUPY", "JAX", "PYTORCH", "TENSORFLOW"):
            os.environ.setdefault(f"POT_BACKEND_DISABLE_{library}", "1")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own, at its first import
            return import_module("ot")
    except ImportError as error:
        raise ImportError('weighted plans need POT: pip install "divkit[ot]"') from error


def _order(order: float) -> float:
    """Return the order of a distance, or raise."""
    if isinstance(order, bool) or not isinstance(order, int | float | np.integer | np.floating):
        raise TypeError(f"order must be a number, got {order!r}")
    if not order >= 1:
        raise ValueError(f"order must be at least 1 (below, W is no distance), got {order}")
    return float(order)


def _positive(number: float, name: str) -> float:
    """Return a positive finite number, or raise."""
    if isinstance(number, bool) or not isinstance(number, int | float | np.integer | np.floating):
        raise TypeError(f"{name} must be a number, got {number!r}")
    if not 0 < number < np.inf:
        raise ValueError(f"{name} must be positive and finite, got {number}")
    return float(number)


def _count(number: int, name: str) -> int:
    """Return a whole number of at least 1, or raise."""
    if isinstance(number, bool) or not isinstance(number, int | np.integer):
        raise TypeError(f"{name} must be a whole number, got {number!r}")
    if number < 1:
        raise ValueError(f"{name} must be at least 1, got {number}")
    return int(number)


def _generator(rng: Rng) -> np.random.Generator:
    """Return a generator of random numbers, or raise."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        message = f"rng must be a numpy.random.Generator or a seed, got {rng!r}"
        raise type(error)(message) from None


def _samples(
    u: ArrayLike, v: ArrayLike, u_weights: ArrayLike | None, v_weights: ArrayLike | None, axis: int
) -> tuple[dict[str, Reals], tuple[int, ...]]:
    """Return the samples and weights that are given, samples last, and the shape of the rows."""
    weights = {"u_weights": u_weights, "v_weights": v_weights}
    named = {"u": u, "v": v} | {name: w for name, w in weights.items() if w is not None}
    arrays = {name: alphabet_last(as_reals(x, name), name, axis) for name, x in named.items()}
    for name in ("u", "v"):
        size, found = arrays[name].shape[-1], arrays.get(f"{name}_weights", arrays[name]).shape[-1]
        if found != size:
            raise ValueError(
                f"{name}_weights has {found} entries for {size} samples of {name}: "
                "each sample needs one weight"
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


def _points(x: ArrayLike, name: str) -> Floats:
    """Return finite points as rows in float64, or raise."""
    points = as_reals(x, name).astype(np.float64)
    if points.ndim != 2 or 0 in points.shape:
        raise ValueError(
            f"{name} must hold points as rows, shape (n, d), got {points.shape}: "
            "numbers on a line become points by reshape(-1, 1)"
        )
    if not np.isfinite(points).all():
        _quantiles.refuse_infinite(points, name, 0)
    return points


def _pair(X: ArrayLike, Y: ArrayLike) -> tuple[Floats, Floats]:
    """Return two sets of points of one space."""
    x, y = _points(X, "X"), _points(Y, "Y")
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"X has {x.shape[1]} dimensions and Y {y.shape[1]}: they must agree")
    return x, y


def _weights(w: ArrayLike | None, size: int, name: str) -> Floats:
    """Return the weights of points, divided by their sum; equal ones if None."""
    if w is None:
        return np.full(size, 1 / size)
    weights = as_reals(w, name)
    if weights.shape != (size,):
        raise ValueError(f"{name} has shape {weights.shape} for {size} points")
    rows = checked(weights[None], name, np.inf, 0, normalize=True)
    return np.asarray(rows.values[0] / rows.totals[0])


def _problem(a: ArrayLike, b: ArrayLike, cost: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return two distributions, rescaled exactly, and a finite matrix of costs between them."""
    laws = []
    for x, name in ((a, "a"), (b, "b")):
        array = alphabet_last(as_reals(x, name), name, -1)
        if array.ndim != 1:
            raise ValueError(f"{name} must be one distribution, got shape {array.shape}")
        rows = checked(array[None], name, tolerance(array), 0, normalize=False)
        laws.append(rows.values[0] / rows.totals[0])
    return laws[0], laws[1], _costs(cost, (len(laws[0]), len(laws[1])))


def _costs(cost: ArrayLike, shape: tuple[int, int]) -> Floats:
    """Return a finite matrix of costs of the given shape."""
    costs = as_reals(cost, "cost").astype(np.float64)
    if costs.shape != shape:
        raise ValueError(
            f"cost must have a row for each a and a column for each b, {shape}, got {costs.shape}"
        )
    if not np.isfinite(costs).all():
        i, j = np.argwhere(~np.isfinite(costs))[0]
        raise ValueError(f"cost[{i}, {j}] is {costs[i, j]}, but costs are finite")
    return costs


def _distances(x: Floats, y: Floats) -> Floats:
    """Return the Euclidean distances of points, scaled by a power of two against overflow."""
    from scipy.spatial.distance import cdist

    exponent = int(np.frexp(max(abs(x).max(), abs(y).max()))[1])
    return np.asarray(np.ldexp(cdist(np.ldexp(x, -exponent), np.ldexp(y, -exponent)), exponent))


def _one_to_one(a: Floats, b: Floats) -> bool:
    """Tell whether equally many points have equal weights: a permutation is then optimal."""
    return len(a) == len(b) and bool(np.ptp(a) == 0 == np.ptp(b))


def _assignment(cost: Floats) -> NDArray[np.intp]:
    """Return the column of each row in the cheapest permutation."""
    from scipy.optimize import linear_sum_assignment

    return np.asarray(linear_sum_assignment(cost)[1])


def _network(a: Floats, b: Floats, cost: Floats) -> tuple[Floats, Floats]:
    """Return plan and column potentials of POT's network simplex."""
    largest = abs(cost).max() or 1.0
    plan, log = _pot().lp.emd(a, b, cost / largest, numItermax=10**7, log=True)
    if log["warning"]:
        raise RuntimeError(f"POT found no optimal plan: {log['warning']}")
    return np.asarray(plan), np.asarray(log["v"]) * largest


def transport_plan(a: ArrayLike, b: ArrayLike, cost: ArrayLike) -> Floats:
    r"""Cheapest plan that moves one distribution onto another: exact.

    .. math:: \min_{P \ge 0} \sum_{ij} P_{ij} C_{ij}
       \quad\text{with}\quad \sum_j P_{ij} = a_i, \; \sum_i P_{ij} = b_j

    Parameters
    ----------
    a : array_like of shape (n,)
        The distribution to be moved.
    b : array_like of shape (m,)
        Where it is moved to.
    cost : array_like of shape (n, m)
        Cost of moving a unit of mass; any finite numbers.

    Returns
    -------
    ndarray of shape (n, m)
        How much mass goes from i to j. A permutation divided by n if both are uniform over equally
        many points. There may be other plans as cheap.

    Raises
    ------
    ValueError
        If `a` or `b` is no distribution or the costs do not fit.
    ImportError
        If POT is needed (weights, or different sizes) and not installed.

    See Also
    --------
    kantorovich_potentials : the proof that it is the cheapest.
    scipy.optimize.linear_sum_assignment : used for uniform weights.
    ot.emd : used for the others.

    References
    ----------
    G. Peyré and M. Cuturi (2019). Computational optimal transport. Chapter 3.
    doi:10.1561/2200000073

    Examples
    --------
    >>> transport_plan([0.5, 0.5], [0.5, 0.5], [[1, 0], [0, 2]]).tolist()
    [[0.0, 0.5], [0.5, 0.0]]
    """
    source, target, costs = _problem(a, b, cost)
    if not _one_to_one(source, target):
        return _network(source, target, costs)[0]
    plan = np.zeros_like(costs)
    plan[np.arange(len(plan)), _assignment(costs)] = 1 / len(plan)
    return plan


def kantorovich_potentials(a: ArrayLike, b: ArrayLike, cost: ArrayLike) -> tuple[Floats, Floats]:
    r"""Best prices for collecting mass at i and delivering it at j: the dual of transport.

    .. math:: \max_{f, g} \sum_i a_i f_i + \sum_j b_j g_j
       \quad\text{with}\quad f_i + g_j \le C_{ij}

    No prices bring in more than any plan costs (weak duality), and the best bring in as much as the
    cheapest plan costs (strong duality).

    Parameters
    ----------
    a : array_like of shape (n,)
        The distribution to be moved.
    b : array_like of shape (m,)
        Where it is moved to.
    cost : array_like of shape (n, m)
        Cost of moving a unit of mass; any finite numbers.

    Returns
    -------
    f : ndarray of shape (n,)
        Prices of collecting, in the unit of the cost.
    g : ndarray of shape (m,)
        Prices of delivering. As a constant may be moved from f to g, their mean under b is 0.

    Raises
    ------
    ValueError
        If `a` or `b` is no distribution or the costs do not fit.
    ImportError
        If POT is needed (weights, or different sizes) and not installed.

    See Also
    --------
    transport_plan : the primal.
    ot.emd : with ``log=True``, used where weights or sizes differ.

    References
    ----------
    L. V. Kantorovich (1942). On the translocation of masses. doi:10.1007/s10958-006-0049-2

    Examples
    --------
    >>> f, g = kantorovich_potentials([0.5, 0.5], [0.5, 0.5], [[1, 0], [0, 3]])
    >>> (0.5 * f.sum() + 0.5 * g.sum()).item()
    0.0
    """
    source, target, costs = _problem(a, b, cost)
    g = (
        _prices(costs, _assignment(costs))
        if _one_to_one(source, target)
        else _network(source, target, costs)[1]
    )
    f = (costs - g).min(axis=1)
    g = (costs - f[:, None]).min(axis=0)  # as high as f allows
    g -= target @ g
    return (costs - g).min(axis=1), g


def _prices(cost: Floats, columns: NDArray[np.intp]) -> Floats:
    """Lower the prices of columns until no detour is cheaper than the optimal permutation.

    These are shortest paths (Bellman and Ford): at most n rounds, as no cycle can gain.
    """
    detours = (cost - np.take_along_axis(cost, columns[:, None], 1))[columns.argsort()]
    g = np.zeros(len(cost))
    for _ in g:
        lower = (g[:, None] + detours).min(axis=0)
        if not (lower < g).any():
            break
        g = np.minimum(lower, g)
    return g


def wasserstein_nd(
    X: ArrayLike,
    Y: ArrayLike,
    *,
    order: float = 1,
    x_weights: ArrayLike | None = None,
    y_weights: ArrayLike | None = None,
) -> np.float64:
    r"""Wasserstein distance between samples in several dimensions: exact.

    .. math:: W_p(X, Y) = \Bigl(\min_P \sum_{ij} P_{ij} \|x_i - y_j\|_2^p\Bigr)^{1/p}

    Parameters
    ----------
    X : array_like of shape (n, d)
        Points as rows.
    Y : array_like of shape (m, d)
        Points as rows.
    order : float
        The order p, at least 1 and finite.
    x_weights, y_weights : array_like, optional
        Weights of the points, not negative, with a positive sum; they are divided by it.

    Returns
    -------
    float
        At least 0, in the unit of the points: the root, not its p-th power.

    Raises
    ------
    ValueError
        If points, weights or order are not as described.
    ImportError
        If POT is needed (weights, or different sizes) and not installed.

    See Also
    --------
    wasserstein_1d : on a line, for millions of points.
    sliced_wasserstein : a lower bound for many points.
    scipy.stats.wasserstein_distance_nd : order 1 by a linear programme, hundreds of times slower.
    ot.solve_sample : many variants.

    Notes
    -----
    Time grows like the third power of n, memory like n m. The distance between the laws that the
    samples come from is overestimated by about n to the power -1/d.

    References
    ----------
    C. Villani (2009). Optimal Transport, Old and New. doi:10.1007/978-3-540-71050-9

    Examples
    --------
    >>> wasserstein_nd([[0, 0], [1, 0]], [[1, 1], [0, 1]]).item()
    1.0
    """
    order = _order(order)
    if order == np.inf:
        raise ValueError("order must be finite here, got inf: that is no linear programme")
    x, y = _pair(X, Y)
    a, b = _weights(x_weights, len(x), "x_weights"), _weights(y_weights, len(y), "y_weights")
    gaps = _distances(x, y)
    cost = (gaps / (gaps.max() or 1.0)) ** order
    if _one_to_one(a, b):
        used = gaps[np.arange(len(x)), _assignment(cost)]
        return np.float64(_quantiles.power_mean(used[None], None, order)[0])
    plan, _ = _network(a, b, cost)
    moved = plan > 0
    return np.float64(_quantiles.power_mean(gaps[moved][None], plan[moved][None], order)[0])


def barycentric_map(plan: ArrayLike, Y: ArrayLike) -> Floats:
    r"""Mean place to which a plan sends each point.

    .. math:: T(x_i) = \frac{\sum_j P_{ij} y_j}{\sum_j P_{ij}}

    Parameters
    ----------
    plan : array_like of shape (n, m)
        Mass moved from i to j, not negative.
    Y : array_like of shape (m, d)
        The points moved to.

    Returns
    -------
    ndarray of shape (n, d)
        Images. The map moves X exactly onto Y only if the plan splits no mass.

    Raises
    ------
    ValueError
        If an entry of the plan is negative, a row holds no mass, or the shapes do not fit.

    See Also
    --------
    transport_plan, sinkhorn
    ot.da.EMDTransport : the same map, with ``transform``.

    References
    ----------
    G. Peyré and M. Cuturi (2019). Computational optimal transport. Remark 4.11.
    doi:10.1561/2200000073

    Examples
    --------
    >>> barycentric_map([[0.25, 0.25], [0, 0.5]], [[0.0], [1.0]]).tolist()
    [[0.5], [1.0]]
    """
    points, moved = _points(Y, "Y"), as_reals(plan, "plan")
    if moved.ndim != 2 or moved.shape[1] != len(points):
        raise ValueError(f"plan has shape {moved.shape}, but there are {len(points)} points in Y")
    rows = checked(moved, "plan", np.inf, 0, normalize=True)
    return np.asarray(rows.values / rows.totals[:, None] @ points)


def sliced_wasserstein(
    X: ArrayLike,
    Y: ArrayLike,
    *,
    order: float = 1,
    n_projections: int = 100,
    rng: Rng = None,
) -> np.float64:
    r"""Sliced Wasserstein distance: the power mean over random directions of those on a line.

    .. math:: SW_p(X, Y) = \Bigl(\frac1L \sum_{l=1}^L
       W_p(\langle\theta_l, X\rangle, \langle\theta_l, Y\rangle)^p\Bigr)^{1/p},
       \qquad \theta_l \text{ uniform on the sphere}

    Parameters
    ----------
    X : array_like of shape (n, d)
        Points as rows.
    Y : array_like of shape (m, d)
        Points as rows, not necessarily equally many.
    order : float
        The order p, from 1 to infinity; at infinity the largest over the directions drawn.
    n_projections : int
        The number L of directions. The error of the mean shrinks with its root.
    rng : numpy.random.Generator or int, optional
        Source of the directions, or its seed.

    Returns
    -------
    float
        At least 0 and at most `wasserstein_nd` of the same order, in the unit of the points.

    Raises
    ------
    ValueError
        If points, order or the number of directions are not as described.

    See Also
    --------
    wasserstein_nd : exact, for hundreds of points.
    ot.sliced_wasserstein_distance : order 2 unless told.

    References
    ----------
    N. Bonneel, J. Rabin, G. Peyré and H. Pfister (2015). Sliced and Radon Wasserstein barycenters
    of measures. doi:10.1007/s10851-014-0506-3

    Examples
    --------
    >>> sliced_wasserstein([[0.0], [1.0]], [[2.0], [3.0]], rng=0).item()
    2.0
    """
    order = _order(order)
    x, y = _pair(X, Y)
    shape = _count(n_projections, "n_projections"), x.shape[1]
    directions = _generator(rng).standard_normal(shape)
    directions /= np.sqrt(np.vecdot(directions, directions))[:, None]
    step = max(1, _quantiles.KEPT // max(len(x), len(y)))
    parts = [directions[i : i + step] for i in range(0, len(directions), step)]
    values = [wasserstein_1d(part @ x.T, part @ y.T, order=order) for part in parts]
    return np.float64(_quantiles.power_mean(np.concatenate(values)[None], None, order)[0])


def mmd2(
    X: ArrayLike, Y: ArrayLike, *, bandwidth: float | None = None, unbiased: bool = True
) -> np.float64:
    r"""Squared maximum mean discrepancy, with the Gaussian kernel.

    .. math:: \mathrm{MMD}^2 = \mathbb E\, k(X, X') + \mathbb E\, k(Y, Y')
       - 2\, \mathbb E\, k(X, Y), \qquad k(x, y) = e^{-\|x - y\|^2 / 2 h^2}

    Parameters
    ----------
    X : array_like of shape (n, d)
        Points as rows.
    Y : array_like of shape (m, d)
        Points as rows.
    bandwidth : float, optional
        The h of the kernel, in the unit of the points. If None the median distance of two points of
        both samples together; give it when you compare values.
    unbiased : bool
        Leave out the pairs of a point with itself. The estimate is then right on average, hence
        negative about every other time where both laws are equal. Otherwise the discrepancy of the
        two empirical laws themselves, never negative.

    Returns
    -------
    float
        At most 2, without a unit.

    Raises
    ------
    ValueError
        If the bandwidth is not positive, or a sample has one point only and `unbiased` is set.

    See Also
    --------
    energy_distance : the same idea with minus the distance as the kernel.

    References
    ----------
    A. Gretton, K. M. Borgwardt, M. J. Rasch, B. Schölkopf and A. Smola (2012). A kernel two-sample
    test. Journal of Machine Learning Research 13, 723-773.

    Examples
    --------
    >>> mmd2([[0.0], [1.0]], [[0.0], [1.0]], bandwidth=1, unbiased=False).item()
    0.0
    """
    x, y = _pair(X, Y)
    if unbiased and min(len(x), len(y)) < 2:
        raise ValueError("X and Y need two points each for the unbiased estimate")
    if bandwidth is None:
        both = np.concatenate([x, y])
        bandwidth = float(np.median(_distances(both, both)[np.triu_indices(len(both), 1)])) or 1.0
    bandwidth = _positive(bandwidth, "bandwidth")

    def mean(a: Floats, b: Floats) -> float:
        kernel = np.exp(-((_distances(a, b) / bandwidth) ** 2) / 2)
        if a is b and unbiased:
            return float((kernel.sum() - len(a)) / (len(a) * (len(a) - 1)))
        return float(kernel.mean())

    value = mean(x, x) + mean(y, y) - 2 * mean(x, y)
    return np.float64(value if unbiased else max(value, 0.0))  # rounding: it is a squared norm


class SinkhornResult(NamedTuple):
    """What `sinkhorn` returns.

    Attributes
    ----------
    plan : ndarray of shape (n, m)
        The plan P.
    cost : float
        What it costs, the sum of P C.
    value : float
        The optimum, the sum of P C plus reg times KL(P || a b): from the potentials, so that its
        error is of second order in that of the marginals.
    potentials : tuple of ndarray
        f of shape (n,) and g of shape (m,); P = a b exp((f + g - C)/reg).
    marginal_error : float
        Total of the absolute differences of both marginals of P from a and b.
    converged : bool
        Whether that is at most the tolerance.
    iterations : int
        Number of iterations.

    Examples
    --------
    >>> sinkhorn([1], [1], [[3]], reg=1).cost.item()
    3.0
    """

    plan: Floats
    cost: np.float64
    value: np.float64
    potentials: tuple[Floats, Floats]
    marginal_error: float
    converged: bool
    iterations: int


def sinkhorn(
    a: ArrayLike,
    b: ArrayLike,
    cost: ArrayLike,
    *,
    reg: float,
    tol: float = 1e-9,
    max_iter: int = 10_000,
) -> SinkhornResult:
    r"""Optimal transport with entropic regularisation, by Sinkhorn's iteration.

    .. math:: \mathrm{OT}_\varepsilon(a, b) = \min_P \sum_{ij} P_{ij} C_{ij}
       + \varepsilon \, D_{\mathrm{KL}}(P \,\|\, a \otimes b)

    Parameters
    ----------
    a : array_like of shape (n,)
        The distribution to be moved.
    b : array_like of shape (m,)
        Where it is moved to.
    cost : array_like of shape (n, m)
        Cost of moving a unit of mass; any finite numbers.
    reg : float
        The regularisation, in the unit of the cost. The number of iterations grows as it shrinks.
    tol : float
        Total of the absolute errors of the marginals at which to stop.
    max_iter : int
        Most iterations to make.

    Returns
    -------
    SinkhornResult
        Plan, cost, value, potentials, marginal error, whether it converged, and iterations.

    Raises
    ------
    ValueError
        If `a` or `b` is no distribution, the costs do not fit, or `reg` is not positive.

    See Also
    --------
    sinkhorn_divergence : without the bias of the regularisation.
    transport_plan : without regularisation.
    ot.sinkhorn : its stabilised variant may return a plan without mass.

    Notes
    -----
    Stays in the range of floats at any `reg`: potentials are taken out of the scalings before these
    overflow, and the iteration starts from the potentials of larger regularisations.

    References
    ----------
    M. Cuturi (2013). Sinkhorn distances: lightspeed computation of optimal transport.
    doi:10.48550/arXiv.1306.0895
    B. Schmitzer (2019). Stabilized sparse scaling algorithms for entropy regularized transport
    problems. doi:10.1137/16M1106018

    Examples
    --------
    >>> result = sinkhorn([0.5, 0.5], [0.5, 0.5], [[0, 1], [1, 0]], reg=0.1)
    >>> result.converged, result.plan.round(6).tolist()
    (True, [[0.499977, 2.3e-05], [2.3e-05, 0.499977]])
    """
    source, target, costs = _problem(a, b, cost)
    reg, tol = _positive(reg, "reg"), _positive(tol, "tol")
    max_iter = _count(max_iter, "max_iter")
    with np.errstate(all="ignore"):
        state = _sinkhorn.solve(source, target, costs, reg, 0.99 * tol, max_iter)
    f, g = state.f + reg * np.log(state.u), state.g + reg * np.log(state.v)
    plan = (source * state.u)[:, None] * state.kernel * (target * state.v)
    error = float(abs(plan.sum(axis=1) - source).sum() + abs(plan.sum(axis=0) - target).sum())
    value = source @ f + target @ g - reg * (plan.sum() - 1)
    return SinkhornResult(
        plan, np.float64(np.vdot(plan, costs)), value, (f, g), error, error <= tol, state.iterations
    )


def sinkhorn_divergence(
    X: ArrayLike,
    Y: ArrayLike,
    *,
    reg: float,
    order: float = 2,
    x_weights: ArrayLike | None = None,
    y_weights: ArrayLike | None = None,
    tol: float = 1e-9,
    max_iter: int = 10_000,
) -> np.float64:
    r"""Sinkhorn divergence: regularised transport without its bias.

    .. math:: S_\varepsilon(X, Y) = \mathrm{OT}_\varepsilon(X, Y)
       - \tfrac12 \mathrm{OT}_\varepsilon(X, X) - \tfrac12 \mathrm{OT}_\varepsilon(Y, Y)

    with the cost :math:`\|x - y\|_2^p`. It is :math:`W_p^p` for small `reg`.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Points as rows.
    Y : array_like of shape (m, d)
        Points as rows.
    reg : float
        The regularisation, in the unit of the cost.
    order : float
        The power p of the distance, from 1 to 2.
    x_weights, y_weights : array_like, optional
        Weights of the points, not negative, with a positive sum; they are divided by it.
    tol : float
        Tolerance of the marginals, see `sinkhorn`.
    max_iter : int
        Most iterations to make.

    Returns
    -------
    float
        At least 0, and 0 only for equal laws; in the unit of the cost, not a root.

    Raises
    ------
    ValueError
        If points, weights, order or `reg` are not as described.

    Warns
    -----
    RuntimeWarning
        If an iteration did not converge.

    See Also
    --------
    sinkhorn : with the bias, and the plan.
    ot.bregman.empirical_sinkhorn_divergence : of the costs without their entropy.

    References
    ----------
    J. Feydy, T. Séjourné, F.-X. Vialard, S. Amari, A. Trouvé and G. Peyré (2019). Interpolating
    between optimal transport and MMD using Sinkhorn divergences. doi:10.48550/arXiv.1810.08278

    Examples
    --------
    >>> sinkhorn_divergence([[0.0], [1.0]], [[3.0], [4.0]], reg=1).round(6).item()
    9.0
    """
    if not 1 <= _order(order) <= 2:
        raise ValueError(f"order must be from 1 to 2 (else it may be negative), got {order}")
    x, y = _pair(X, Y)
    a, b = _weights(x_weights, len(x), "x_weights"), _weights(y_weights, len(y), "y_weights")
    between = sinkhorn(a, b, _distances(x, y) ** order, reg=reg, tol=tol, max_iter=max_iter)
    with np.errstate(all="ignore"):
        (within_x, x_error), (within_y, y_error) = (
            _sinkhorn.solve_symmetric(w, _distances(s, s) ** order, reg, tol, max_iter)
            for s, w in ((x, a), (y, b))
        )
    error = max(between.marginal_error, x_error, y_error)
    if error > tol:
        message = f"sinkhorn stopped at a marginal error of {error}: raise max_iter, reg or tol"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    return np.float64(max(between.value - within_x / 2 - within_y / 2, 0.0))


def wasserstein_barycenter(
    p: ArrayLike,
    x: ArrayLike | None = None,
    *,
    weights: ArrayLike | None = None,
    reg: float | None = None,
    tol: float = 1e-9,
    max_iter: int = 10_000,
) -> tuple[Floats, Floats]:
    r"""Barycentre of distributions on a grid, for the squared distance.

    .. math:: \arg\min_r \sum_k \lambda_k W_2^2(p_k, r)

    On a line its quantile function is the mean of theirs,
    :math:`F_r^{-1} = \sum_k \lambda_k F_k^{-1}`: exact, but on places of its own. With `reg` the
    places are those of the grid, and the entropy of the plans is rewarded times `reg`, which blurs.

    Parameters
    ----------
    p : array_like of shape (N, K)
        Distributions as rows.
    x : array_like of shape (K,), optional
        Places of the outcomes. 0, 1, 2, ... if None.
    weights : array_like of shape (N,), optional
        The weights :math:`\lambda`, divided by their sum. Equal ones if None.
    reg : float, optional
        Regularisation, in squared units of `x`. Exact if None.
    tol : float
        Total of the absolute differences between the marginals at which to stop.
    max_iter : int
        Most iterations to make.

    Returns
    -------
    places : ndarray of shape (L,)
        Increasing places of the barycentre; `x` if regularised.
    masses : ndarray of shape (L,)
        Their probabilities.

    Raises
    ------
    ValueError
        If a row is no distribution, or places, weights or `reg` are not as described.

    Warns
    -----
    RuntimeWarning
        If the iteration did not converge.

    See Also
    --------
    wasserstein_pmf : the distance.
    ot.bregman.barycenter : regularised; unequal weights need ``method="sinkhorn_log"``.

    References
    ----------
    M. Agueh and G. Carlier (2011). Barycenters in the Wasserstein space. doi:10.1137/100805741
    J.-D. Benamou, G. Carlier, M. Cuturi, L. Nenna and G. Peyré (2015). Iterative Bregman
    projections for regularized transportation problems. doi:10.1137/141000439

    Examples
    --------
    >>> places, masses = wasserstein_barycenter([[1, 0, 0, 0, 0], [0, 0, 0, 0, 1]])
    >>> places.tolist(), masses.tolist()
    ([2.0], [1.0])
    """
    table = alphabet_last(as_reals(p, "p"), "p", -1)
    if table.ndim != 2 or len(table) == 0:
        raise ValueError(f"p must hold distributions as rows, shape (N, K), got {table.shape}")
    rows = checked(table, "p", tolerance(table), 0, normalize=False)
    places = _grid(x, table.shape[1])
    by_place = np.argsort(places, kind="stable")
    places, laws = places[by_place], (rows.values / rows.totals[:, None])[:, by_place]
    shares = _weights(weights, len(laws), "weights")
    if reg is None:
        return _mean_of_quantiles(laws, places, shares)
    cost = (places[:, None] - places) ** 2 / _positive(reg, "reg")
    tol, max_iter = _positive(tol, "tol"), _count(max_iter, "max_iter")
    masses, error = _sinkhorn.barycenter(laws, cost, shares, tol, max_iter)
    if error > tol:
        message = f"the iteration stopped at an error of {error}: raise max_iter, reg or tol"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    return places, masses


def _mean_of_quantiles(laws: Floats, x: Floats, shares: Floats) -> tuple[Floats, Floats]:
    """Average the quantile functions, step by step."""
    cumulative = laws.cumsum(axis=1)
    cumulative /= cumulative[:, -1:].copy()
    cuts = np.sort(np.append(0.0, cumulative))
    cuts = cuts[np.append(np.diff(cuts) > _quantiles.CLOSE, True)]
    middles = (cuts[1:] + cuts[:-1]) / 2
    quantiles = [x[np.searchsorted(law, middles, side="right")] for law in cumulative]
    places, which = np.unique(shares @ np.array(quantiles), return_inverse=True)
    return places, np.bincount(which, weights=np.diff(cuts)).astype(np.float64)
