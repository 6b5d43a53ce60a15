r"""Closed forms for normal laws and for the exponential families of the course.

`sd` is a standard deviation, `cov` a covariance matrix; gamma, exponential and Laplace laws have
scipy's shape, location and scale. The parameters of the first law come before those of the second.
"""

from __future__ import annotations

from functools import partial
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln, rel_entr, zeta

from divkit._kernels import (
    CAREFUL_BLOCK,
    SERIES_BELOW,
    artanh_minus,
    careful_kl,
    expm1_minus,
    leading_shape,
    over_items,
)
from divkit._validation import (
    LARGEST,
    Floats,
    Reals,
    all_within,
    alphabet_last,
    as_reals,
    finite,
    probabilities,
    refuse,
    same_alphabet,
    tolerance,
    unit,
)

__all__ = [
    "entropy_normal",
    "hellinger_mvn",
    "kl_bernoulli",
    "kl_beta",
    "kl_dirichlet",
    "kl_exponential",
    "kl_gamma",
    "kl_laplace",
    "kl_mvn",
    "kl_normal",
    "kl_poisson",
    "kl_standard_normal",
    "mean_field_normal",
    "pairwise_kl_mvn",
    "renyi_mvn",
    "w2_mvn",
    "w2_normal",
]

DOUBTFUL = 1e-5  # of the size of what cancels: eleven digits are left
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


def _positive(x: ArrayLike, name: str, noun: str = "a standard deviation") -> Floats:
    """Return an array of positive numbers in float64, or raise."""
    values = as_reals(x, name).astype(np.float64)
    if not all_within(values, 5e-324, LARGEST):
        finite(values, name)
        refuse(~(values > 0), values, name, f"{noun} is greater than 0")
    return values


def _together(**parameters: Floats) -> None:
    """Refuse parameters whose shapes do not broadcast."""
    try:
        np.broadcast_shapes(*(x.shape for x in parameters.values()))
    except ValueError:
        found = ", ".join(f"{name}: {x.shape}" for name, x in parameters.items())
        raise ValueError(f"the shapes of the parameters do not broadcast: {found}") from None


def _log_gap(x: Floats, log: Floats) -> Floats:
    """x - log(1 + x), given both; it does not cancel near 0.

    There it is x d - 2 (artanh d - d) with d = x/(2 + x).
    """
    d = x / (2 + x)
    near = x * d - 2 * artanh_minus(np.clip(d, -0.19, 0.19))
    return np.where(abs(d) < 0.19, near, x - log)


def _scale_part(s0: Floats, s1: Floats) -> Floats:
    """x - log(1 + x) with 1 + x = (s0/s1)^2."""
    x = ((s0 - s1) / s1) * (s0 / s1 + 1)
    return _log_gap(x, 2 * (np.log(s0) - np.log(s1)))


def _excess(p: Floats, q: Floats, difference: Floats) -> Floats:
    """p log(p/q) - p + q, given also p - q: never negative, and it does not cancel."""
    high = np.maximum(p, q)
    total = 1 + np.divide(np.minimum(p, q), high, out=np.zeros_like(high), where=high > 0)
    d = np.divide(difference, high, out=np.zeros_like(high), where=high > 0) / total
    near = np.where(abs(d) < SERIES_BELOW, d, 0.0)
    series = high * (total * (near * near + (1 + near) * artanh_minus(near)))
    return np.where(abs(d) < SERIES_BELOW, series, rel_entr(p, q) - difference)


def entropy_normal(sd: ArrayLike, *, base: float | None = None) -> Floats:
    r"""Differential entropy of a normal law, elementwise; its mean does not matter.

    .. math:: h\bigl(N(\mu, \sigma^2)\bigr) = \tfrac12 \log(2 \pi e \sigma^2)

    Parameters
    ----------
    sd : array_like
        Standard deviations.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    ndarray or float
        Of any sign: negative for standard deviations below 0.242.

    Raises
    ------
    ValueError
        If a standard deviation is not positive and finite.

    See Also
    --------
    scipy.stats.norm.entropy : NaN for a standard deviation of 0.
    torch.distributions.Normal.entropy

    References
    ----------
    C. E. Shannon (1948). doi:10.1002/j.1538-7305.1948.tb01338.x

    Examples
    --------
    >>> entropy_normal([1, 0.1]).round(6).tolist()
    [1.418939, -0.883647]
    """

    def nats(sd: Reals) -> Floats:
        return np.asarray((np.log(2 * np.pi) + 1) / 2 + np.log(_positive(sd, "sd")))

    return over_items(nats, base=base, sd=sd)


def kl_normal(
    mean0: ArrayLike,
    sd0: ArrayLike,
    mean1: ArrayLike,
    sd1: ArrayLike,
    *,
    base: float | None = None,
) -> Floats:
    r"""KL divergence between two normal laws, elementwise.

    .. math:: D_{\mathrm{KL}}\bigl(N(\mu_0, \sigma_0^2) \,\|\, N(\mu_1, \sigma_1^2)\bigr)
       = \log\frac{\sigma_1}{\sigma_0} + \frac{\sigma_0^2 + (\mu_0 - \mu_1)^2}{2 \sigma_1^2}
       - \frac12

    Parameters
    ----------
    mean0, sd0 : array_like
        Mean and standard deviation of the first law.
    mean1, sd1 : array_like
        Mean and standard deviation of the second law; all four broadcast.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    ndarray or float
        At least 0, and 0 only for equal parameters.

    Raises
    ------
    ValueError
        If a parameter is not finite or a standard deviation not positive.

    See Also
    --------
    kl_standard_normal : against N(0, 1), from log-variances.
    kl_mvn : several dimensions.
    torch.distributions.kl_divergence : the same for distribution objects.

    Notes
    -----
    Nearly equal laws keep all their digits: with x = (sd0/sd1)^2 - 1 the scales contribute
    (x - log(1 + x))/2, which is computed without cancellation.

    References
    ----------
    S. Kullback (1959). Information Theory and Statistics. Wiley. Chapter 9.

    Examples
    --------
    >>> kl_normal(0, 1, 1, 2).round(6).item()
    0.443147
    """

    def nats(*parameters: Reals) -> Floats:
        m0, s0, m1, s1 = _two_normal(*parameters)
        return np.asarray((_scale_part(s0, s1) + ((m0 - m1) / s1) ** 2) / 2)

    return over_items(nats, base=base, mean0=mean0, sd0=sd0, mean1=mean1, sd1=sd1)


def _two_normal(mean0: Reals, sd0: Reals, mean1: Reals, sd1: Reals) -> tuple[Floats, ...]:
    """Return the parameters in float64, or raise."""
    m0, m1 = finite(mean0, "mean0"), finite(mean1, "mean1")
    s0, s1 = _positive(sd0, "sd0"), _positive(sd1, "sd1")
    _together(mean0=m0, sd0=s0, mean1=m1, sd1=s1)
    return m0, s0, m1, s1


def kl_standard_normal(mean: ArrayLike, logvar: ArrayLike, *, axis: int = -1) -> Floats:
    r"""KL divergence from the standard normal law to a diagonal one, summed over dimensions.

    .. math:: D_{\mathrm{KL}}\bigl(N(\mu, \operatorname{diag} \sigma^2) \,\|\, N(0, I)\bigr)
       = \frac12 \sum_k \mu_k^2 + \sigma_k^2 - 1 - \log \sigma_k^2

    Parameters
    ----------
    mean : array_like
        Means along `axis`.
    logvar : array_like
        Logarithms of the variances along `axis`; broadcasts with `mean`.
    axis : int
        Axis of the dimensions.

    Returns
    -------
    ndarray or float
        Nats, at least 0.

    Raises
    ------
    ValueError
        If a parameter is not finite or there is no axis of dimensions.

    See Also
    --------
    kl_normal : one dimension, any second law.

    References
    ----------
    D. P. Kingma and M. Welling (2014). Auto-encoding variational Bayes, appendix B.
    doi:10.48550/arXiv.1312.6114

    Examples
    --------
    >>> kl_standard_normal([1.0, 0.0], [0.0, 0.0]).item()
    0.5
    """
    given = as_reals(mean, "mean"), as_reals(logvar, "logvar")

    def nats(mean: Reals, logvar: Reals, axis: int = -1) -> Floats:
        mu, log_variance = finite(mean, "mean"), finite(logvar, "logvar")
        return np.asarray((mu**2 + expm1_minus(log_variance)).sum(axis=axis) / 2)

    last = _dimensions_last(*given, axis)
    return over_items(nats, core=1, whole=lambda: nats(*given, axis), **last)  # type: ignore[arg-type]


def _dimensions_last(mean: Reals, logvar: Reals, axis: int) -> dict[str, Reals]:
    """Move the axis of the dimensions, counted in what both broadcast to, to the end, or raise."""
    ndim = max(mean.ndim, logvar.ndim)
    if ndim == 0:
        raise ValueError("mean and logvar are single numbers: they need an axis of dimensions")
    if not isinstance(axis, int | np.integer):
        raise TypeError(f"axis must be an integer, got {axis!r}")
    if axis not in (-1, ndim - 1):
        mean, logvar = (
            np.moveaxis(x.reshape((1,) * (ndim - x.ndim) + x.shape), axis, -1)
            for x in (mean, logvar)
        )
    return {"mean": mean, "logvar": logvar}


def w2_normal(mean0: ArrayLike, sd0: ArrayLike, mean1: ArrayLike, sd1: ArrayLike) -> Floats:
    r"""Wasserstein distance of order 2 between two normal laws, elementwise.

    .. math:: W_2\bigl(N(\mu_0, \sigma_0^2), N(\mu_1, \sigma_1^2)\bigr)
       = \sqrt{(\mu_0 - \mu_1)^2 + (\sigma_0 - \sigma_1)^2}

    Parameters
    ----------
    mean0, sd0 : array_like
        Mean and standard deviation of the first law.
    mean1, sd1 : array_like
        Mean and standard deviation of the second law; all four broadcast.

    Returns
    -------
    ndarray or float
        The distance itself, not its square; at least 0, in the unit of the means.

    Raises
    ------
    ValueError
        If a parameter is not finite or a standard deviation not positive.

    See Also
    --------
    w2_mvn : several dimensions.

    References
    ----------
    C. R. Givens and R. M. Shortt (1984). A class of Wasserstein metrics for probability
    distributions. doi:10.1307/mmj/1029003026

    Examples
    --------
    >>> w2_normal(0, 1, 3, 5).item()
    5.0
    """

    def distance(*parameters: Reals) -> Floats:
        m0, s0, m1, s1 = _two_normal(*parameters)
        return np.asarray(np.hypot(m0 - m1, s0 - s1))

    return over_items(distance, mean0=mean0, sd0=sd0, mean1=mean1, sd1=sd1)


def _place(leading: tuple[int, ...], number: int) -> str:
    """Write the index of a matrix of a batch, or nothing if it stands alone."""
    where = [str(int(i)) for i in np.unravel_index(number, leading)] if leading else []
    return f"[{', '.join(where)}]" if where else ""


def _factor(matrices: Floats) -> Floats:
    """Return the lower triangular L with L L^T = the matrix."""
    return np.asarray(np.linalg.cholesky(matrices), dtype=np.float64)


def _symmetric(values: Floats, name: str, limit: float) -> Floats:
    """Average matrices with their transposes if they differ by rounding, or raise."""
    turned = values.mT
    if np.array_equal(values, turned):
        return values
    spread = np.sqrt(abs(values.diagonal(axis1=-2, axis2=-1)))
    bad = abs(values - turned) > limit * (spread[..., :, None] * spread[..., None, :])
    rule = (
        "a covariance matrix is symmetric, but the entry across the diagonal differs; "
        "average it with its transpose if only rounded"
    )
    refuse(bad, values, name, rule)
    return (values + turned) / 2


def _cholesky(cov: ArrayLike, name: str) -> tuple[Floats, Floats]:
    """Return covariance matrices in float64 and their lower Cholesky factors, or raise."""
    given = as_reals(cov, name)
    if given.ndim < 2 or given.shape[-1] != given.shape[-2] or given.shape[-1] == 0:
        raise ValueError(f"{name} of shape {given.shape} holds no square matrices")
    values = _symmetric(finite(given, name), name, tolerance(given))
    try:
        return values, _factor(values)
    except np.linalg.LinAlgError:
        least = np.linalg.eigvalsh(values)[..., 0]
        number = int(np.argmin(least))
        raise ValueError(
            f"{name}{_place(least.shape, number)} is not positive definite: its least eigenvalue "
            f"is {least.flat[number]}; leave out dimensions that depend on others, or add a small "
            "multiple of the identity"
        ) from None


def _two_laws(
    mean0: ArrayLike, cov0: ArrayLike, mean1: ArrayLike, cov1: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """Return the difference of the means and both Cholesky factors."""
    means = {"mean0": finite(mean0, "mean0"), "mean1": finite(mean1, "mean1")}
    factors = {"cov0": _cholesky(cov0, "cov0")[1], "cov1": _cholesky(cov1, "cov1")[1]}
    for name, mean in means.items():
        if mean.ndim == 0:
            raise ValueError(f"{name} is the single number {mean}: it needs an axis of dimensions")
    everything = means | {name: factor[..., 0] for name, factor in factors.items()}
    if len({array.shape[-1] for array in everything.values()}) > 1:
        found = ", ".join(f"{name} has {a.shape[-1]}" for name, a in everything.items())
        raise ValueError(f"the dimensions must match, but {found}")
    if len({array.shape for array in everything.values()}) > 1:
        leading_shape(everything)
    return means["mean0"] - means["mean1"], factors["cov0"], factors["cov1"]


def _solve_lower(lower: Floats, right: Floats) -> Floats:
    """Solve L x = b row after row, for all matrices of a batch at a time."""
    leading = np.broadcast_shapes(lower.shape[:-2], right.shape[:-2])
    x = np.empty((*leading, *right.shape[-2:]))
    for i in range(lower.shape[-1]):
        known = lower[..., i : i + 1, :i] @ x[..., :i, :]
        x[..., i, :] = (right[..., i, :] - known[..., 0, :]) / lower[..., i, i, None]
    return x


def _kl_of_factors(shift: Floats, l0: Floats, l1: Floats) -> Floats:
    """KL divergence in nats from Cholesky factors: a sum of terms none of which is negative.

    With M = L1^-1 L0 the trace is the sum of all M_ij^2, and the determinants are in M_ii.
    """
    diagonals = (np.diagonal(factor, axis1=-2, axis2=-1) for factor in (l0, l1))
    below = np.tril(_solve_lower(l1, l0 - l1), -1)
    moved = _solve_lower(l1, shift[..., None])[..., 0]
    scales: Floats = _scale_part(*diagonals).sum(axis=-1)
    nats: Floats = (scales + (below**2).sum(axis=(-2, -1)) + (moved**2).sum(axis=-1)) / 2
    return nats


def kl_mvn(
    mean0: ArrayLike,
    cov0: ArrayLike,
    mean1: ArrayLike,
    cov1: ArrayLike,
    *,
    base: float | None = None,
) -> Floats:
    r"""KL divergence between two multivariate normal laws.

    .. math:: D_{\mathrm{KL}}\bigl(N(\mu_0, \Sigma_0) \,\|\, N(\mu_1, \Sigma_1)\bigr)
       = \frac12 \Bigl( \operatorname{tr}(\Sigma_1^{-1} \Sigma_0) - d
       + (\mu_1 - \mu_0)^\top \Sigma_1^{-1} (\mu_1 - \mu_0)
       + \log \frac{\det \Sigma_1}{\det \Sigma_0} \Bigr)

    Parameters
    ----------
    mean0, mean1 : array_like, shape (..., d)
        Means.
    cov0, cov1 : array_like, shape (..., d, d)
        Covariance matrices, symmetric and positive definite; the leading axes of all four
        broadcast.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    ndarray or float
        At least 0.

    Raises
    ------
    ValueError
        If a parameter is not finite, a covariance matrix not symmetric or not positive definite,
        or the dimensions differ.

    See Also
    --------
    pairwise_kl_mvn : all pairs of two lists of laws.
    torch.distributions.kl_divergence : of two MultivariateNormal objects.

    Notes
    -----
    No matrix is inverted: with Cholesky factors L0, L1 and M = L1^-1 L0 the divergence is half of
    the squares below the diagonal of M, plus M_ii^2 - 1 - log M_ii^2, plus the squared length of
    L1^-1 (mean1 - mean0). No term is negative, so nearly equal laws keep their digits. Asymmetry
    within rounding is averaged out.

    References
    ----------
    S. Kullback (1959). Information Theory and Statistics. Wiley. Chapter 9.

    Examples
    --------
    >>> kl_mvn([0, 0], [[1, 0], [0, 1]], [1, 0], [[1, 0], [0, 4]]).round(6).item()
    0.818147
    """

    def nats(*parameters: Reals) -> Floats:
        return _kl_of_factors(*_two_laws(*parameters))

    return over_items(
        nats, core=(1, 2, 1, 2), base=base, mean0=mean0, cov0=cov0, mean1=mean1, cov1=cov1
    )


class _Laws(NamedTuple):
    """A list of normal laws with the Cholesky factors of the covariance matrices."""

    means: Floats
    covs: Floats
    factors: Floats


def _laws(means: ArrayLike, covs: ArrayLike, tag: str) -> _Laws:
    """Return a checked list of laws, or raise."""
    m = finite(means, f"means{tag}")
    c = as_reals(covs, f"covs{tag}")
    if m.ndim != 2 or c.ndim != 3 or c.shape != (*m.shape, m.shape[1]):
        raise ValueError(
            f"means{tag} must have the shape (n, d) and covs{tag} (n, d, d), "
            f"got {m.shape} and {c.shape}"
        )
    return _Laws(m, *_cholesky(c, f"covs{tag}"))


def _two_lists(
    means0: ArrayLike, covs0: ArrayLike, means1: ArrayLike | None, covs1: ArrayLike | None
) -> tuple[_Laws, _Laws]:
    """Return two lists of laws in the same space, the first twice if there is no second."""
    if (means1 is None) != (covs1 is None):
        raise ValueError("means1 and covs1 must be given both or not at all")
    first = _laws(means0, covs0, "0")
    second = first if means1 is None or covs1 is None else _laws(means1, covs1, "1")
    sizes = first.means.shape[1], second.means.shape[1]
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"the dimensions must match, but means0 has {sizes[0]} and means1 has {sizes[1]}"
        )
    return first, second


def pairwise_kl_mvn(
    means0: ArrayLike,
    covs0: ArrayLike,
    means1: ArrayLike | None = None,
    covs1: ArrayLike | None = None,
    *,
    base: float | None = None,
) -> Floats:
    r"""KL divergences between all pairs of two lists of multivariate normal laws.

    .. math:: K_{ij} = D_{\mathrm{KL}}\bigl(N(\mu_i, \Sigma_i) \,\|\, N(\mu'_j, \Sigma'_j)\bigr)

    Parameters
    ----------
    means0 : array_like, shape (n, d)
        Means of the first laws.
    covs0 : array_like, shape (n, d, d)
        Covariance matrices of the first laws.
    means1 : array_like, shape (m, d), optional
        Means of the second laws; the first laws if None.
    covs1 : array_like, shape (m, d, d), optional
        Covariance matrices of the second laws; the first laws if None.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    ndarray, shape (n, m)
        At least 0.

    Raises
    ------
    ValueError
        If a parameter is not finite, a covariance matrix not symmetric or not positive definite,
        or the shapes do not fit.

    See Also
    --------
    kl_mvn : pair by pair, with broadcasting.

    Notes
    -----
    The trace of a product of two symmetric matrices is the scalar product of their upper
    triangles, entries off the diagonal counted twice, so one matrix product gives all pairs.
    Pairs where it loses digits (nearly equal laws, ill-conditioned matrices) are computed again
    by `kl_mvn`.

    Examples
    --------
    >>> pairwise_kl_mvn([[0], [1]], [[[1]], [[4]]]).round(6).tolist()
    [[0.0, 0.443147], [1.306853, 0.0]]
    """
    scale = unit(base)
    first, second = _two_lists(means0, covs0, means1, covs1)
    with np.errstate(all="ignore"):
        nats, sizes = _all_pairs(first, second)
        if second is first:
            np.fill_diagonal(nats, np.inf)
        largest = [size.max(initial=0) for size in sizes]
        if not nats.min(initial=np.inf) > DOUBTFUL * largest[0] * largest[1]:
            _repair(nats, ~(nats > DOUBTFUL * np.multiply.outer(*sizes)), first, second)
        if second is first:
            np.fill_diagonal(nats, 0.0)
    nats /= scale
    return nats


def _common_unit(first: _Laws, second: _Laws) -> tuple[Floats, Floats]:
    """Return a centre and a stretch of each axis: means near 0 and variances near 1 after them.

    The divergences stay what they are; the rounding errors of the product become small.
    """
    means = np.concatenate([first.means, second.means])
    variances = [np.diagonal(laws.covs, axis1=1, axis2=2) for laws in (first, second)]
    number = max(1, len(means))
    _, powers = np.frexp(np.concatenate(variances).sum(axis=0) / number)
    return means.sum(axis=0) / number, np.ldexp(1.0, -powers // 2)


def _upper(matrices: Floats) -> Floats:
    """Return the upper triangles of a list of matrices as rows."""
    n, d, _ = matrices.shape
    i, j = np.triu_indices(d)
    rows: Floats = np.take(matrices.reshape(n, d * d), i * d + j, axis=1)
    return rows


def _all_pairs(first: _Laws, second: _Laws) -> tuple[Floats, tuple[Floats, Floats]]:
    """Return the matrix of divergences by one product, and the sizes of what cancels in it."""
    centre, stretch = _common_unit(first, second)
    m0, m1 = ((laws.means - centre) * stretch for laws in (first, second))
    n, d = m0.shape
    root = _solve_lower(second.factors * stretch[:, None], np.eye(d))
    precision = root.mT @ root
    i, j = np.triu_indices(d)
    covs, precisions = _upper(first.covs) * (stretch[i] * stretch[j]), _upper(precision)
    sizes = [np.sqrt(2 * np.vecdot(x, x)) for x in (covs, precisions)]
    precisions *= np.where(i == j, 0.5, 1.0)
    pulled = np.matvec(precision, m1)
    offset = np.vecdot(m1, pulled)[:, None] / 2
    diagonals = [laws.factors.diagonal(axis1=1, axis2=2) for laws in (first, second)]
    logs = [np.log(diagonal).sum(axis=1)[:, None] for diagonal in diagonals]
    covs += m0[:, i] * m0[:, j]
    value: Floats = (
        np.hstack([covs, m0, np.ones((n, 1)), -logs[0] - d / 2])
        @ np.hstack([precisions, -pulled, logs[1] + offset, np.ones_like(offset)]).T
    )
    return value, (1 + sizes[0], 1 + sizes[1] + offset[:, 0])


def _repair(value: Floats, doubtful: Reals, first: _Laws, second: _Laws) -> None:
    """Compute the doubtful pairs again from the Cholesky factors, in blocks."""
    pairs = np.flatnonzero(doubtful)
    step = max(1, CAREFUL_BLOCK // max(1, first.means.shape[1] ** 2))
    for start in range(0, len(pairs), step):
        i, j = np.divmod(pairs[start : start + step], value.shape[1])
        shift = first.means[i] - second.means[j]
        value[i, j] = _kl_of_factors(shift, first.factors[i], second.factors[j])


def w2_mvn(mean0: ArrayLike, cov0: ArrayLike, mean1: ArrayLike, cov1: ArrayLike) -> Floats:
    r"""Wasserstein distance of order 2 between two multivariate normal laws (Bures).

    .. math:: W_2^2 = \|\mu_0 - \mu_1\|^2 + \operatorname{tr} \bigl( \Sigma_0 + \Sigma_1
       - 2 (\Sigma_0^{1/2} \Sigma_1 \Sigma_0^{1/2})^{1/2} \bigr)

    Parameters
    ----------
    mean0, mean1 : array_like, shape (..., d)
        Means.
    cov0, cov1 : array_like, shape (..., d, d)
        Covariance matrices, symmetric and positive definite; the leading axes of all four
        broadcast.

    Returns
    -------
    ndarray or float
        The distance itself, not its square; at least 0, in the unit of the means.

    Raises
    ------
    ValueError
        If a parameter is not finite, a covariance matrix not symmetric or not positive definite,
        or the dimensions differ.

    See Also
    --------
    ot.gaussian.bures_wasserstein_distance : the trace as a difference; loses digits when small.

    Notes
    -----
    The trace is also the least squared distance between L0 and L1 U, where L0 and L1 are Cholesky
    factors and U runs over the orthogonal matrices. The best U comes from the singular vectors of
    L1^T L0. Unlike the difference of traces, this keeps the digits of nearly equal laws.

    References
    ----------
    R. Bhatia, T. Jain and Y. Lim (2019). On the Bures-Wasserstein distance between positive
    definite matrices. doi:10.1016/j.exmath.2018.01.002

    Examples
    --------
    >>> w2_mvn([0, 0], [[1, 0], [0, 1]], [1, 0], [[1, 0], [0, 9]]).round(6).item()
    2.236068
    """

    def distance(*parameters: Reals) -> Floats:
        shift, l0, l1 = _two_laws(*parameters)
        left, _, right = np.linalg.svd(l1.mT @ l0)
        gaps = l0 - l1 @ (left @ right)
        spread = np.hypot.reduce(np.hypot.reduce(gaps, axis=-1), axis=-1)  # cannot overflow
        spread = np.where((l0 == l1).all(axis=(-2, -1)), 0.0, spread)
        return np.asarray(np.hypot(np.hypot.reduce(shift, axis=-1), spread))

    return over_items(distance, core=(1, 2, 1, 2), mean0=mean0, cov0=cov0, mean1=mean1, cov1=cov1)


def hellinger_mvn(mean0: ArrayLike, cov0: ArrayLike, mean1: ArrayLike, cov1: ArrayLike) -> Floats:
    r"""Hellinger distance between two multivariate normal laws.

    .. math:: H^2 = 1 - \frac{\det(\Sigma_0)^{1/4} \det(\Sigma_1)^{1/4}}{\det(\bar\Sigma)^{1/2}}
       \exp\Bigl( -\tfrac18 (\mu_0 - \mu_1)^\top \bar\Sigma^{-1} (\mu_0 - \mu_1) \Bigr),
       \qquad \bar\Sigma = \tfrac12 (\Sigma_0 + \Sigma_1)

    Parameters
    ----------
    mean0, mean1 : array_like, shape (..., d)
        Means.
    cov0, cov1 : array_like, shape (..., d, d)
        Covariance matrices, symmetric and positive definite; the leading axes of all four
        broadcast.

    Returns
    -------
    ndarray or float
        H itself, not its square: from 0 to 1.

    Raises
    ------
    ValueError
        If a parameter is not finite, a covariance matrix not symmetric or not positive definite,
        or the dimensions differ.

    See Also
    --------
    renyi_mvn : of order 1/2 it is -2 log(1 - H^2).

    References
    ----------
    L. Pardo (2006). Statistical Inference Based on Divergence Measures. Chapman & Hall/CRC.
    doi:10.1201/9781420034813

    Examples
    --------
    >>> (hellinger_mvn([0], [[1]], [1], [[1]]) ** 2).round(6).item()
    0.117503
    """

    def distance(*parameters: Reals) -> Floats:
        half = _renyi(*_two_laws(*parameters), 0.5)
        return np.asarray(np.sqrt(-np.expm1(-half / 2)))

    return over_items(distance, core=(1, 2, 1, 2), mean0=mean0, cov0=cov0, mean1=mean1, cov1=cov1)


def renyi_mvn(
    mean0: ArrayLike,
    cov0: ArrayLike,
    mean1: ArrayLike,
    cov1: ArrayLike,
    *,
    order: float,
    base: float | None = None,
) -> Floats:
    r"""Rényi divergence between two multivariate normal laws.

    .. math:: D_\alpha = \frac{\alpha}{2} (\mu_0 - \mu_1)^\top \Sigma_\alpha^{-1} (\mu_0 - \mu_1)
       - \frac{1}{2 (\alpha - 1)} \log \frac{\det \Sigma_\alpha}
       {\det(\Sigma_0)^{1 - \alpha} \det(\Sigma_1)^{\alpha}},
       \qquad \Sigma_\alpha = \alpha \Sigma_1 + (1 - \alpha) \Sigma_0

    Parameters
    ----------
    mean0, mean1 : array_like, shape (..., d)
        Means.
    cov0, cov1 : array_like, shape (..., d, d)
        Covariance matrices, symmetric and positive definite; the leading axes of all four
        broadcast.
    order : float
        The order, at least 0; 1 gives the KL divergence, 0 gives 0, and infinity the largest
        log-ratio of the densities.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    ndarray or float
        At least 0; infinite where Sigma_alpha is not positive definite (order above 1 only). Of
        infinite order it is finite only if cov1 - cov0 has no negative eigenvalue, and the means
        do not differ along those that are 0.

    Raises
    ------
    ValueError
        If the order is negative or NaN, a parameter is not finite, a covariance matrix not
        symmetric or not positive definite, or the dimensions differ.

    See Also
    --------
    kl_mvn, hellinger_mvn
    divkit.fdivergence.renyi_divergence : of discrete laws.

    Notes
    -----
    Where the laws have a variance in common, infinite order is at the edge between a finite and an
    infinite value, and rounding decides, unless they are equal or both matrices are diagonal.

    References
    ----------
    M. Gil, F. Alajaji and T. Linder (2013). Rényi divergence measures for commonly used univariate
    continuous distributions. doi:10.1016/j.ins.2013.06.018

    Examples
    --------
    >>> renyi_mvn([0], [[1]], [1], [[1]], order=0.5).round(6).item()
    0.25
    >>> renyi_mvn([0], [[4]], [0], [[1]], order=2).item()
    inf
    >>> renyi_mvn([0], [[1]], [1], [[4]], order=np.inf).round(6).item()  # log 2 + 1/6
    0.859814
    """
    if not (isinstance(order, int | float | np.number) and order >= 0):
        raise ValueError(f"order must be a number of at least 0, got {order!r}")

    def nats(*parameters: Reals) -> Floats:
        laws = _two_laws(*parameters)
        value = _kl_of_factors(*laws) if order == 1 else _renyi(*laws, float(order))
        return value if order > 0 else np.zeros_like(value)

    return over_items(
        nats, core=(1, 2, 1, 2), base=base, mean0=mean0, cov0=cov0, mean1=mean1, cov1=cov1
    )


def _renyi(shift: Floats, l0: Floats, l1: Floats, order: float) -> Floats:
    """Rényi divergence in nats along the axes where both laws have independent coordinates.

    There the second law has variance 1 and the first v, the squared singular values of L1^-1 L0.
    """
    left, s, _ = np.linalg.svd(np.eye(l0.shape[-1]) + np.tril(_solve_lower(l1, l0 - l1)))
    y = np.vecmat(_solve_lower(l1, shift[..., None])[..., 0], left)
    x = (s - 1) * (s + 1)
    if order == np.inf:
        return _largest_log_ratio(x, y, s)
    mixed = np.minimum(1 + (1 - order) * x, LARGEST)
    scales = np.log1p((1 - order) * x) / (1 - order) - 2 * np.log(s)
    terms = (order * (y / np.sqrt(mixed)) ** 2 + np.maximum(scales, 0.0)) / 2
    nats: Floats = np.where(mixed > 0, terms, np.inf).sum(axis=-1)
    return nats


def _largest_log_ratio(x: Floats, y: Floats, s: Floats) -> Floats:
    """Return the largest log(p/q) of normal laws of variances s^2 = 1 + x and 1, means y and 0."""
    top = np.where(x < 0, np.log(s) + y * y / (2 * x), np.where((x == 0) & (y == 0), 0.0, -np.inf))
    nats: Floats = -top.sum(axis=-1) + 0.0
    return nats


def mean_field_normal(
    cov: ArrayLike, *, direction: Literal["forward", "reverse"] = "reverse"
) -> Floats:
    r"""Variances of the product of normal laws nearest to a normal law.

    .. math::

       \begin{aligned}
       \text{forward: } \operatorname{argmin}_v
       D_{\mathrm{KL}}\bigl(N(\mu, \Sigma) \,\|\, N(\mu, \operatorname{diag} v)\bigr)
       &= \Sigma_{kk} \\
       \text{reverse: } \operatorname{argmin}_v
       D_{\mathrm{KL}}\bigl(N(\mu, \operatorname{diag} v) \,\|\, N(\mu, \Sigma)\bigr)
       &= \frac{1}{(\Sigma^{-1})_{kk}}
       \end{aligned}

    Parameters
    ----------
    cov : array_like, shape (..., d, d)
        Covariance matrices, symmetric and positive definite.
    direction : str
        ``"forward"`` keeps the variance of each coordinate; ``"reverse"``, which is the mean field
        of variational inference, has the variance of each coordinate given all others.

    Returns
    -------
    ndarray, shape (..., d)
        Variances, the reverse ones at most the forward ones. The means are those of the law.

    Raises
    ------
    ValueError
        If the direction is another, or a covariance matrix not finite, not symmetric or not
        positive definite.

    See Also
    --------
    divkit.fit.project : onto any family, on the line or over outcomes.

    Notes
    -----
    No product of any laws comes nearer: the forward one has the marginals, and in the reverse one
    each coordinate is normal, since the others enter its optimum by their means alone. In two
    dimensions both are equally far off, by the mutual information -log(1 - rho^2)/2.

    References
    ----------
    C. M. Bishop (2006). Pattern Recognition and Machine Learning, section 10.1.2. Springer.

    Examples
    --------
    >>> cov = [[1, 0.9], [0.9, 1]]
    >>> mean_field_normal(cov, direction="forward").tolist()
    [1.0, 1.0]
    >>> mean_field_normal(cov, direction="reverse").round(12).tolist()
    [0.19, 0.19]
    """
    if direction not in ("forward", "reverse"):
        raise ValueError(f"direction must be 'forward' or 'reverse', got {direction!r}")

    def variances(cov: Reals) -> Floats:
        values, factors = _cholesky(cov, "cov")
        if direction == "forward":
            return values.diagonal(axis1=-2, axis2=-1).copy()
        root = _solve_lower(factors, np.eye(values.shape[-1]))
        return np.asarray(1 / (root**2).sum(axis=-2))

    matrices = as_reals(cov, "cov")
    return over_items(variances, core=2, result=matrices.shape[-1:], cov=matrices)


def kl_bernoulli(p: ArrayLike, q: ArrayLike, *, base: float | None = None) -> Floats:
    r"""KL divergence between two Bernoulli laws, elementwise.

    .. math:: D_{\mathrm{KL}} = p \log \frac pq + (1 - p) \log \frac{1 - p}{1 - q}

    Parameters
    ----------
    p, q : array_like
        Probabilities of success in [0, 1]; they broadcast.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    ndarray or float
        At least 0; infinite where q is 0 or 1 and p is not the same.

    Raises
    ------
    ValueError
        If an entry is no probability.

    See Also
    --------
    divkit.information.kl_divergence : for rows of probabilities.
    keras.losses.BinaryCrossentropy : clips q; a cross-entropy, not a divergence.

    References
    ----------
    S. Kullback and R. A. Leibler (1951). doi:10.1214/aoms/1177729694

    Examples
    --------
    >>> kl_bernoulli(0.5, [0.25, 0.5, 1], base=2).round(6).tolist()
    [0.207519, 0.0, inf]
    """

    def nats(p: Reals, q: Reals) -> Floats:
        a, b = probabilities(p, "p"), probabilities(q, "q")
        _together(p=a, q=b)
        return _excess(a, b, a - b) + _excess(1 - a, 1 - b, b - a)

    return over_items(nats, base=base, p=p, q=q)


def kl_poisson(rate0: ArrayLike, rate1: ArrayLike, *, base: float | None = None) -> Floats:
    r"""KL divergence between two Poisson laws, elementwise.

    .. math:: D_{\mathrm{KL}} = \lambda_0 \log \frac{\lambda_0}{\lambda_1} - \lambda_0 + \lambda_1

    Parameters
    ----------
    rate0, rate1 : array_like
        Means (scipy's `mu`), at least 0; they broadcast.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    ndarray or float
        At least 0; infinite where only the second rate is 0.

    Raises
    ------
    ValueError
        If a rate is negative or not finite.

    See Also
    --------
    scipy.special.kl_div : the same expression, which loses digits when it is small.
    torch.nn.PoissonNLLLoss : a likelihood, not a divergence.

    References
    ----------
    S. Kullback (1959). Information Theory and Statistics. Wiley. Chapter 4.

    Examples
    --------
    >>> kl_poisson(2, [1, 2, 3]).round(6).tolist()
    [0.386294, 0.0, 0.18907]
    """

    def nats(rate0: Reals, rate1: Reals) -> Floats:
        r0, r1 = finite(rate0, "rate0"), finite(rate1, "rate1")
        for name, rate in (("rate0", r0), ("rate1", r1)):
            refuse(rate < 0, rate, name, "a rate is at least 0")
        _together(rate0=r0, rate1=r1)
        return _excess(r0, r1, r0 - r1)

    return over_items(nats, base=base, rate0=rate0, rate1=rate1)


def kl_exponential(scale0: ArrayLike, scale1: ArrayLike, *, base: float | None = None) -> Floats:
    r"""KL divergence between two exponential laws, elementwise.

    .. math:: D_{\mathrm{KL}} = \frac{\theta_0}{\theta_1} - 1 - \log \frac{\theta_0}{\theta_1}

    Parameters
    ----------
    scale0, scale1 : array_like
        Scales (the means, as in scipy; not rates); they broadcast.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    ndarray or float
        At least 0, and 0 only for equal scales.

    Raises
    ------
    ValueError
        If a scale is not positive and finite.

    See Also
    --------
    kl_gamma : shape 1 is the exponential law.
    torch.distributions.kl_divergence : of two Exponential objects, which have rates.

    References
    ----------
    S. Kullback (1959). Information Theory and Statistics. Wiley. Chapter 4.

    Examples
    --------
    >>> kl_exponential([1, 2], 1).round(6).tolist()
    [0.0, 0.306853]
    """

    def nats(scale0: Reals, scale1: Reals) -> Floats:
        s0, s1 = _positive(scale0, "scale0", "a scale"), _positive(scale1, "scale1", "a scale")
        _together(scale0=s0, scale1=s1)
        return _log_gap((s0 - s1) / s1, np.log(s0) - np.log(s1))

    return over_items(nats, base=base, scale0=scale0, scale1=scale1)


def kl_laplace(
    loc0: ArrayLike,
    scale0: ArrayLike,
    loc1: ArrayLike,
    scale1: ArrayLike,
    *,
    base: float | None = None,
) -> Floats:
    r"""KL divergence between two Laplace laws, elementwise.

    .. math:: D_{\mathrm{KL}} = \log \frac{b_1}{b_0} + \frac{|\mu_0 - \mu_1|}{b_1}
       + \frac{b_0}{b_1} e^{-|\mu_0 - \mu_1| / b_0} - 1

    Parameters
    ----------
    loc0, scale0 : array_like
        Location and scale of the first law, as in scipy.
    loc1, scale1 : array_like
        Location and scale of the second law; all four broadcast.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    ndarray or float
        At least 0, and 0 only for equal parameters.

    Raises
    ------
    ValueError
        If a parameter is not finite or a scale not positive.

    See Also
    --------
    torch.distributions.kl_divergence : of two Laplace objects.

    References
    ----------
    M. Gil, F. Alajaji and T. Linder (2013). doi:10.1016/j.ins.2013.06.018

    Examples
    --------
    >>> kl_laplace(0, 1, 1, [1, 2]).round(6).tolist()
    [0.367879, 0.377087]
    """

    def nats(loc0: Reals, scale0: Reals, loc1: Reals, scale1: Reals) -> Floats:
        m0, m1 = finite(loc0, "loc0"), finite(loc1, "loc1")
        s0, s1 = _positive(scale0, "scale0", "a scale"), _positive(scale1, "scale1", "a scale")
        _together(loc0=m0, scale0=s0, loc1=m1, scale1=s1)
        ratio, shift = np.minimum(s0 / s1, LARGEST), abs(m0 - m1)
        z = shift / s0
        moved = np.where(z < 1, ratio * expm1_minus(-z), shift / s1 + ratio * np.expm1(-z))
        return _log_gap((s0 - s1) / s1, np.log(s0) - np.log(s1)) + moved

    return over_items(nats, base=base, loc0=loc0, scale0=scale0, loc1=loc1, scale1=scale1)


# Gamma and Dirichlet laws need what log Gamma(k) rises above its tangent. Both log Gamma and its
# main part k log k - k are convex and large; the rest F(k) = log Gamma(k) - k log k + k is small
# and convex too, and what the main part contributes has a closed form of its own.

_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)


def _rest(k: Floats) -> Floats:
    """F(k) = log Gamma(k) - k log k + k, by Stirling's series for large k."""
    large = np.maximum(k, 20.0)
    series = sum(c * large ** -(2 * n + 1) for n, c in enumerate(_STIRLING))
    stirling = np.log(2 * np.pi / large) / 2 + series
    return np.where(k < 20, gammaln(k) - k * np.log(k) + k, stirling)


def _rest_slope(k: Floats) -> Floats:
    """F'(k) = digamma(k) - log k."""
    large = np.maximum(k, 20.0)
    series = sum(-(2 * n + 1) * c * large ** -(2 * n + 2) for n, c in enumerate(_STIRLING))
    return np.where(k < 20, digamma(k) - np.log(k), series - 0.5 / large)


def _rest_curvature(k: Floats) -> Floats:
    """k^2 F''(k) = k^2 trigamma(k) - k, from 1 for small k to 1/2 for large."""
    large = np.maximum(k, 20.0)
    series = sum(
        (2 * n + 1) * (2 * n + 2) * c * large ** -(2 * n + 1) for n, c in enumerate(_STIRLING)
    )
    return np.where(k < 20, 1 - k + k * k * zeta(2, 1 + k), 0.5 + series)


def _above_tangent(k0: Floats, k1: Floats, h: Floats) -> Floats:
    """F(k1) - F(k0) - h F'(k0), where h = k1 - k0.

    For k1 near k0 it is the integral of (k1 - t) F''(t), by Gauss's rule with 16 nodes.
    """
    near = abs(h) < 0.75 * np.maximum(k0, k1)
    step = np.where(near, h, 0.0)
    integral = np.zeros_like(step)
    for u, weight in zip(_NODES, _WEIGHTS, strict=True):
        t = k0 + step * (1 + u) / 2
        integral += weight * (1 - u) / 4 * (step / t) ** 2 * _rest_curvature(t)
    far = _rest(k1) - _rest(k0) - h * _rest_slope(k0)
    return np.where(near, integral, far)


def kl_gamma(
    shape0: ArrayLike,
    scale0: ArrayLike,
    shape1: ArrayLike,
    scale1: ArrayLike,
    *,
    base: float | None = None,
) -> Floats:
    r"""KL divergence between two gamma laws, elementwise.

    .. math:: D_{\mathrm{KL}} = (k_0 - k_1) \psi(k_0) - \log \Gamma(k_0) + \log \Gamma(k_1)
       + k_1 \log \frac{\theta_1}{\theta_0} + k_0 \Bigl( \frac{\theta_0}{\theta_1} - 1 \Bigr)

    Parameters
    ----------
    shape0, scale0 : array_like
        Shape (scipy's `a`) and scale of the first law.
    shape1, scale1 : array_like
        Shape and scale of the second law; all four broadcast.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    ndarray or float
        At least 0, and 0 only for equal parameters.

    Raises
    ------
    ValueError
        If a parameter is not positive and finite.

    See Also
    --------
    kl_exponential : shape 1.
    torch.distributions.kl_divergence : of two Gamma objects, which have rates.

    Notes
    -----
    With r = (shape0 scale0)/(shape1 scale1) it is shape1 (r - 1 - log r) plus a part that depends
    on the shapes only; neither is negative, and neither cancels.

    References
    ----------
    M. Gil, F. Alajaji and T. Linder (2013). doi:10.1016/j.ins.2013.06.018

    Examples
    --------
    >>> kl_gamma(2, 1, [1, 2, 3], 1).round(6).tolist()
    [0.422784, 0.0, 0.270363]
    """

    def nats(shape0: Reals, scale0: Reals, shape1: Reals, scale1: Reals) -> Floats:
        k0, k1 = _positive(shape0, "shape0", "a shape"), _positive(shape1, "shape1", "a shape")
        s0, s1 = _positive(scale0, "scale0", "a scale"), _positive(scale1, "scale1", "a scale")
        _together(shape0=k0, scale0=s0, shape1=k1, scale1=s1)
        a, b = (k0 - k1) / k1, (s0 - s1) / s1
        log_r = (np.log(k0) - np.log(k1)) + (np.log(s0) - np.log(s1))
        close = (abs(a) < 0.5) & (abs(b) < 0.5)
        x = np.where(close, a + b + a * b, np.expm1(log_r))  # r - 1
        return np.maximum(k1 * _log_gap(x, log_r) + _above_tangent(k0, k1, k1 - k0), 0.0)

    return over_items(nats, base=base, shape0=shape0, scale0=scale0, shape1=shape1, scale1=scale1)


def kl_dirichlet(
    alpha0: ArrayLike,
    alpha1: ArrayLike,
    *,
    axis: int = -1,
    base: float | None = None,
    keepdims: bool = False,
) -> Floats:
    r"""KL divergence between two Dirichlet laws.

    .. math:: D_{\mathrm{KL}} = \log \frac{\Gamma(A)}{\Gamma(B)}
       - \sum_k \log \frac{\Gamma(\alpha_k)}{\Gamma(\beta_k)}
       + \sum_k (\alpha_k - \beta_k) \bigl( \psi(\alpha_k) - \psi(A) \bigr),
       \qquad A = \sum_k \alpha_k, \quad B = \sum_k \beta_k

    Parameters
    ----------
    alpha0, alpha1 : array_like
        Parameters of the first law (:math:`\alpha`) and the second (:math:`\beta`) along `axis`;
        the other axes broadcast.
    axis : int
        Axis of the parameters, in each array separately.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.
    keepdims : bool
        Keep `axis` with length 1.

    Returns
    -------
    ndarray or float
        At least 0.

    Raises
    ------
    ValueError
        If a parameter is not positive and finite, or the numbers of parameters differ.

    See Also
    --------
    kl_beta : two parameters.
    torch.distributions.kl_divergence : of two Dirichlet objects.

    Notes
    -----
    It is B times the discrete divergence of beta/B from alpha/A, plus a part that is small.

    References
    ----------
    W. D. Penny (2001). Kullback-Liebler Divergences of Normal, Gamma, Dirichlet and Wishart
    Densities. Technical report, Wellcome Department of Cognitive Neurology.

    Examples
    --------
    >>> kl_dirichlet([1, 1, 1], [2, 1, 1]).round(6).item()
    0.401388
    """
    given = {"alpha0": as_reals(alpha0, "alpha0"), "alpha1": as_reals(alpha1, "alpha1")}

    def nats(*parameters: Reals, axis: int = -1) -> Floats:
        checked = {
            name: alphabet_last(_positive(x, name, "a parameter"), name, axis)
            for name, x in zip(given, parameters, strict=True)
        }
        same_alphabet(checked)
        leading = leading_shape(checked)
        return _kl_dirichlet(
            *(np.broadcast_to(x, (*leading, x.shape[-1])) for x in checked.values())
        )

    last = {name: alphabet_last(x, name, axis) for name, x in given.items()}
    whole = partial(nats, *given.values(), axis=axis)
    value = over_items(nats, core=1, base=base, whole=whole, **last)  # type: ignore[arg-type]
    return np.expand_dims(value, axis) if keepdims else value


def _kl_dirichlet(a: Floats, b: Floats) -> Floats:
    """KL divergence in nats between Dirichlet laws whose parameters lie along the last axis."""
    h = b - a
    sums = a.sum(axis=-1), b.sum(axis=-1)
    p, q = (np.ldexp(x, -np.frexp(y)[1][..., None]) for x, y in zip((a, b), sums, strict=True))
    main = sums[1] * careful_kl(q, p)
    small = _above_tangent(a, b, h).sum(axis=-1)
    small = np.where(small < np.inf, small - _above_tangent(*sums, h.sum(axis=-1)), small)
    nats: Floats = np.maximum(main + small, 0.0) * (h != 0).any(axis=-1)
    return nats


def kl_beta(
    a0: ArrayLike, b0: ArrayLike, a1: ArrayLike, b1: ArrayLike, *, base: float | None = None
) -> Floats:
    r"""KL divergence between two beta laws, elementwise.

    .. math:: D_{\mathrm{KL}} = \log \frac{B(a_1, b_1)}{B(a_0, b_0)} + (a_0 - a_1) \psi(a_0)
       + (b_0 - b_1) \psi(b_0) + (a_1 - a_0 + b_1 - b_0) \psi(a_0 + b_0)

    Parameters
    ----------
    a0, b0 : array_like
        Parameters of the first law.
    a1, b1 : array_like
        Parameters of the second law; all four broadcast.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    ndarray or float
        At least 0.

    Raises
    ------
    ValueError
        If a parameter is not positive and finite.

    See Also
    --------
    kl_dirichlet : more than two parameters.
    torch.distributions.kl_divergence : of two Beta objects.

    References
    ----------
    W. D. Penny (2001). Kullback-Liebler Divergences of Normal, Gamma, Dirichlet and Wishart
    Densities. Technical report, Wellcome Department of Cognitive Neurology.

    Examples
    --------
    >>> kl_beta(0.1, 0.2, 1, 1).round(6).item()
    4.977342
    """
    given = {"a0": a0, "b0": b0, "a1": a1, "b1": b1}

    def nats(*parameters: Reals) -> Floats:
        named = zip(given, parameters, strict=True)
        arrays = {name: _positive(x, name, "a parameter") for name, x in named}
        _together(**arrays)
        a0, b0, a1, b1 = np.broadcast_arrays(*arrays.values())
        return _kl_dirichlet(np.stack([a0, b0], -1), np.stack([a1, b1], -1))

    return over_items(nats, base=base, **given)  # type: ignore[arg-type]
