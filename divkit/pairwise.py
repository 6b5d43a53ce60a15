r"""Matrices of divergences between the rows of two tables, by matrix products.

Most divergences are sums over products of a function of p and a function of q: with
:math:`H(p, q) = -\sum_x p(x) \log q(x)`, all cross-entropies at once are :math:`-P \log Q^\top`.
What such a product loses to rounding, the nearly equal pairs, is computed again pair by pair.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from divkit._kernels import (
    BLOCK,
    CAREFUL_BLOCK,
    TINY,
    careful_js,
    careful_kl,
    careful_total_variation,
    differences,
)
from divkit._validation import (
    Floats,
    Reals,
    Rows,
    alphabet_last,
    as_reals,
    checked,
    same_alphabet,
    tolerance,
    unit,
)

__all__ = ["pairwise"]

PRODUCT_BELOW = 1e-3  # of the entropy or of 1: what is smaller has lost three digits or more
TABLE_BLOCK = 2**18  # entries of a block of rows: 2 MB
MOST_ROWS = 1024  # rows of a block: at most 8 MB of the matrix at a time


class _Metric(NamedTuple):
    """How a block of the matrix is computed, and how a few pairs of rows with care."""

    block: Callable[[Rows, Rows, Floats], Floats | float]
    careful: Callable[[Floats, Floats], Floats] | None
    symmetric: bool
    supported: bool = False  # infinite where q = 0 < p
    nats: bool = False
    root: bool = False


def pairwise(
    P: ArrayLike,
    Q: ArrayLike | None = None,
    *,
    metric: str = "kl",
    axis: int = -1,
    base: float | None = None,
    normalize: bool = False,
) -> Floats:
    r"""Matrix of the divergences of every row of `P` from every row of `Q`.

    .. math:: D_{ij} = D(P_i, Q_j)

    Parameters
    ----------
    P : array_like, shape (n, K)
        Distributions along `axis`.
    Q : array_like, shape (m, K), optional
        Distributions along `axis`; `P` itself if None, which is quicker if `metric` is symmetric.
    metric : str
        One of the names below.
    axis : int
        Axis of the outcomes, in each table separately.
    base : float, optional
        Base of the logarithm, finite and greater than 1, for ``"kl"``, ``"js"``, ``"jeffreys"``
        and ``"cross_entropy"``. Nats if None.
    normalize : bool
        Divide the rows by their sums first (for counts).

    Returns
    -------
    ndarray, shape (n, m)
        At least 0, never NaN.

    Raises
    ------
    ValueError
        If a row is no distribution, a table has not two axes, the alphabets differ, the metric is
        unknown or has no base.
    TypeError
        If a table does not hold real numbers or has masked entries.

    See Also
    --------
    divkit.information.kl_divergence : pair by pair, with broadcasting.
    divkit.gaussian.pairwise_kl_mvn : multivariate normal laws.
    scipy.spatial.distance.cdist : its ``"jensenshannon"`` is the root of the divergence.

    Notes
    -----
    ===================  ==========================================  ============================
    metric               formula                                     range
    ===================  ==========================================  ============================
    ``"kl"``             :math:`\sum p \log (p / q)`                 to infinity, if q = 0 < p
    ``"js"``             :math:`\tfrac12 KL(p, m) + \tfrac12 KL(q,   to log 2
                         m)`, :math:`m = \tfrac12 (p + q)`
    ``"tv"``             :math:`\tfrac12 \sum |p - q|`               to 1
    ``"hellinger"``      :math:`\sqrt{\tfrac12 \sum (\sqrt p -       to 1
                         \sqrt q)^2}`
    ``"chi2"``           :math:`\sum (p - q)^2 / q`                  to infinity, if q = 0 < p
    ``"jeffreys"``       :math:`\sum (p - q) \log (p / q)`           to infinity, if one is 0
    ``"cross_entropy"``  :math:`-\sum p \log q`                      to infinity, if q = 0 < p
    ===================  ==========================================  ============================

    Beyond the matrix itself the memory stays below 32 MiB for rows of up to 2^18 outcomes.

    References
    ----------
    J. Lin (1991). Divergence measures based on the Shannon entropy. doi:10.1109/18.61115

    Examples
    --------
    >>> pairwise([[0.5, 0.5], [0.25, 0.75]], [[0.5, 0.5], [1, 0]], base=2).round(6).tolist()
    [[0.0, inf], [0.188722, inf]]
    >>> pairwise([[0.5, 0.5], [0.25, 0.75]], metric="tv").tolist()
    [[0.0, 0.25], [0.25, 0.0]]
    """
    if metric not in _METRICS:
        raise ValueError(f"metric must be one of {', '.join(_METRICS)}, got {metric!r}")
    rule = _METRICS[metric]
    if base is not None and not rule.nats:
        raise ValueError(f"metric={metric!r} has no logarithm: leave base out, got {base!r}")
    scale = unit(base)
    first = _table(P, "P", axis)
    second = first if Q is None else _table(Q, "Q", axis)
    same_alphabet({"P": first, "Q": second})
    with np.errstate(all="ignore"):
        matrix = _matrix(rule, first, second, normalize)
    if scale != 1:
        matrix /= scale
    return matrix


def _table(x: ArrayLike, name: str, axis: int) -> Reals:
    """Return a table with the outcomes last, or raise."""
    table = as_reals(x, name)
    if table.ndim != 2:
        raise ValueError(f"{name} must be a table with two axes, got the shape {table.shape}")
    return alphabet_last(table, name, axis)


def _matrix(rule: _Metric, first: Reals, second: Reals, normalize: bool) -> Floats:
    """Fill the matrix block by block; of a symmetric one with itself only the upper half."""
    matrix = np.empty((len(first), len(second)))
    step = max(1, min(MOST_ROWS, TABLE_BLOCK // first.shape[1]))
    alone = first is second
    for i in range(0, len(first), step):
        p = checked(first[i : i + step], "P", tolerance(first), i, normalize)
        for j in range(i if alone and rule.symmetric else 0, len(second), step):
            same = alone and i == j
            q = p if same else checked(second[j : j + step], "Q", tolerance(second), j, normalize)
            block = matrix[i : i + step, j : j + step]
            _fill(rule, p, q, block)
            if alone and rule.symmetric and not same:
                matrix[j : j + step, i : i + step] = block.T
    if not len(first):  # the second table is checked all the same
        for j in range(0, len(second), step):
            checked(second[j : j + step], "Q", tolerance(second), j, normalize)
    return matrix


def _fill(rule: _Metric, p: Rows, q: Rows, out: Floats) -> None:
    """Compute one block in nats: the product, the repair, the support, the root."""
    same = p is q
    limit = rule.block(p, q, out)
    if rule.careful:
        if same:
            np.fill_diagonal(out, np.inf)
        if not out.min() > np.max(limit):
            _repair(rule.careful, np.flatnonzero(~(out > limit)), p.values, q.values, out)
        if same:
            np.fill_diagonal(out, 0.0)
    if rule.supported and q.low <= 0:
        out[_unsupported(p.values, q.values)] = np.inf
    if rule.supported and rule.symmetric and p.low <= 0:
        out[_unsupported(q.values, p.values).T] = np.inf
    if rule.root:
        np.sqrt(out, out=out)
    if rule.symmetric and same:
        for i in range(1, len(out)):
            out[i, :i] = out[:i, i]


def _repair(
    careful: Callable[[Floats, Floats], Floats], pairs: Reals, p: Floats, q: Floats, out: Floats
) -> None:
    """Compute the pairs of these numbers again, a few at a time."""
    step = max(1, CAREFUL_BLOCK // p.shape[1])
    for start in range(0, len(pairs), step):
        i, j = np.divmod(pairs[start : start + step], out.shape[1])
        out[i, j] = careful(p[i], q[j])


def _unsupported(p: Floats, q: Floats) -> Reals:
    """Tell the pairs where q = 0 < p: a product of truth values counts such outcomes."""
    columns = np.flatnonzero((q == 0).any(axis=0))
    missing = (q[:, columns] == 0).astype(np.float32)
    lost: Reals = (p[:, columns] > 0).astype(np.float32) @ missing.T > 0
    return lost


def _divided(rows: Rows) -> Floats:
    """Rows of probabilities that sum to 1."""
    return rows.values / rows.totals[:, None]


def _minus_log(rows: Rows) -> Floats:
    """-log q, finite where q = 0; a subnormal q would lose digits if it were divided first."""
    logs = np.maximum(rows.values, 5e-324)
    np.log(logs, out=logs)
    return np.subtract(np.log(rows.totals)[:, None], logs, out=logs)


def _cross_entropy(p: Rows, q: Rows, out: Floats) -> float:
    """-P log Q^T."""
    np.matmul(_divided(p), _minus_log(q).T, out=out)
    np.maximum(out, 0.0, out=out)
    out += 0.0  # never -0.0
    return 0.0


def _kl(p: Rows, q: Rows, out: Floats) -> Floats:
    """-P log Q^T - H(P)."""
    rows, minus_log = _divided(p), _minus_log(q)
    entropies = np.vecdot(rows, minus_log if p is q else _minus_log(p))
    np.matmul(rows, minus_log.T, out=out)
    out -= entropies[:, None]
    limit: Floats = PRODUCT_BELOW * np.maximum(1.0, entropies)[:, None]
    return limit


def _jeffreys(p: Rows, q: Rows, out: Floats) -> Floats:
    """Both KL divergences."""
    limit = _kl(p, q, out)
    back = np.empty(out.shape[::-1])
    limits = _kl(q, p, back)
    out += back.T
    return limit + limits.T


def _careful_jeffreys(p: Floats, q: Floats) -> Floats:
    """Both KL divergences."""
    return careful_kl(p, q) + careful_kl(q, p)


def _js(p: Rows, q: Rows, out: Floats) -> Floats:
    """H((p + q)/2) - (H(p) + H(q))/2 = log 2 - (sum s log s - sum p log p - sum q log q)/2.

    Here s = p + q. This is no matrix product: every pair of entries needs a logarithm.
    """
    entropies = [np.vecdot(_divided(x), _minus_log(x)) for x in (p, q)]
    others = np.maximum(_divided(q), TINY)  # so that no s is 0
    step = max(1, BLOCK // others.shape[1])
    sums, logs = np.empty((2, min(step, len(others)), others.shape[1]))
    for i, row in enumerate(_divided(p)):
        first = i + 1 if p is q else 0
        out[i, :first] = -np.inf  # the half that is copied later becomes infinite
        for j in range(first, len(others), step):
            part = others[j : j + step]
            s = np.add(part, row, out=sums[: len(part)])
            out[i, j : j + step] = np.vecdot(s, np.log(s, out=logs[: len(part)]))
    out += entropies[0][:, None]
    out += entropies[1]
    out *= -0.5
    out += np.log(2.0)
    limit: Floats = PRODUCT_BELOW * np.maximum(1.0, entropies[0])[:, None]
    return limit


def _tv(p: Rows, q: Rows, out: Floats) -> float:
    """Half of sum |p - q|."""
    from scipy.spatial.distance import cdist

    np.multiply(cdist(_divided(p), _divided(q), "cityblock"), 0.5, out=out)
    return PRODUCT_BELOW


def _hellinger(p: Rows, q: Rows, out: Floats) -> float:
    """The square of the distance: 1 - sum sqrt(p q)."""
    roots = np.sqrt(_divided(p))
    np.matmul(roots, (roots if p is q else np.sqrt(_divided(q))).T, out=out)
    np.subtract(1.0, out, out=out)
    return PRODUCT_BELOW


def _careful_hellinger(p: Floats, q: Floats) -> Floats:
    """Half of sum (sqrt P - sqrt Q)^2, each root difference from P - Q."""
    d, s, (p, q) = differences(p, q)
    both = np.sqrt(p) + np.sqrt(q)
    gaps = np.divide(d * s, both, out=np.zeros_like(both), where=both > 0)
    squares: Floats = np.vecdot(gaps, gaps) / 2
    return squares


def _chi2(p: Rows, q: Rows, out: Floats) -> float:
    """The sum of p^2/q, minus 1."""
    rows, others = _divided(p), _divided(q)
    inverses = np.divide(1.0, others, out=np.zeros_like(others), where=q.values > 0)
    np.matmul(rows * rows, inverses.T, out=out)
    out -= 1.0
    if np.isinf(inverses).any():
        out[np.isinf(out)] = np.nan  # p/q p may be finite: to be repaired
    return PRODUCT_BELOW


def _careful_chi2(p: Floats, q: Floats) -> Floats:
    """The sum of (P - Q)^2/Q, from exact differences."""
    d, s, (_, q) = differences(p, q)
    excess = d * s
    terms = np.divide(excess, q, out=np.zeros_like(q), where=q > 0) * excess
    sums: Floats = terms.sum(axis=-1)
    return sums


_METRICS = {
    "kl": _Metric(_kl, careful_kl, symmetric=False, supported=True, nats=True),
    "js": _Metric(_js, careful_js, symmetric=True, nats=True),
    "tv": _Metric(_tv, careful_total_variation, symmetric=True),
    "hellinger": _Metric(_hellinger, _careful_hellinger, symmetric=True, root=True),
    "chi2": _Metric(_chi2, _careful_chi2, symmetric=False, supported=True),
    "jeffreys": _Metric(_jeffreys, _careful_jeffreys, symmetric=True, supported=True, nats=True),
    "cross_entropy": _Metric(_cross_entropy, None, symmetric=False, supported=True, nats=True),
}
