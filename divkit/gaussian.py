r"""Closed forms for normal laws. `sd` is a standard deviation; the order is mean, sd, mean, sd."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from divkit._kernels import artanh_minus, expm1_minus, finished
from divkit._validation import Floats, as_reals, unit

__all__ = ["kl_normal", "kl_standard_normal"]


def _finite(x: ArrayLike, name: str) -> Floats:
    """Return an array of finite numbers in float64, or raise."""
    values = as_reals(x, name).astype(np.float64)
    if not np.isfinite(values).all():
        bad = values[~np.isfinite(values)].flat[0]
        raise ValueError(f"{name} holds {bad}: parameters must be finite")
    return values


def _positive(x: ArrayLike, name: str) -> Floats:
    """Return an array of positive numbers in float64, or raise."""
    values = _finite(x, name)
    if not (values > 0).all():
        bad = values[~(values > 0)].flat[0]
        raise ValueError(f"{name} holds {bad}: a standard deviation is greater than 0")
    return values


def _scale_part(s0: Floats, s1: Floats) -> Floats:
    """x - log(1 + x) with 1 + x = (s0/s1)^2.

    Near 1 it is x d - 2 (artanh d - d) with d = x/(2 + x), which does not cancel.
    """
    ratio = s0 / s1
    x = ((s0 - s1) / s1) * (ratio + 1)
    d = x / (2 + x)
    near = x * d - 2 * artanh_minus(np.clip(d, -0.19, 0.19))
    return np.where(abs(d) < 0.19, near, ratio**2 - 1 - 2 * (np.log(s0) - np.log(s1)))


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
    m0, m1 = _finite(mean0, "mean0"), _finite(mean1, "mean1")
    s0, s1 = _positive(sd0, "sd0"), _positive(sd1, "sd1")
    with np.errstate(over="ignore", invalid="ignore"):
        nats = (_scale_part(s0, s1) + ((m0 - m1) / s1) ** 2) / 2
    return finished(np.asarray(nats), scale=unit(base), axis=(), keepdims=False)


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
    mu, log_variance = _finite(mean, "mean"), _finite(logvar, "logvar")
    if np.broadcast(mu, log_variance).ndim == 0:
        raise ValueError("mean and logvar are single numbers: they need an axis of dimensions")
    with np.errstate(over="ignore"):
        nats = (mu**2 + expm1_minus(log_variance)).sum(axis=axis) / 2
    return finished(np.asarray(nats), scale=1.0, axis=(), keepdims=False)
