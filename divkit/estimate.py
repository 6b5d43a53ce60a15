r"""Distributions and divergences from data.

Histograms as probability mass functions; entropy, KL and Jensen-Shannon divergence and mutual
information from samples; intervals by subsampling and tests by permutation; calibration of
predicted probabilities. Estimates are returned as they come: where theory promises a non-negative
number, an estimate may well be negative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma, gammaln, logsumexp

from divkit._kernels import finished, log_softmax
from divkit._validation import (
    Floats,
    Reals,
    as_reals,
    checked,
    finite,
    refuse,
    some,
    some_finite,
    tolerance,
    unit,
)
from divkit._validation import probabilities as checked_probabilities
from divkit.information import entropy, kl_divergence, mutual_information

__all__ = [
    "PermutationTest",
    "calibration_error",
    "entropy_from_samples",
    "histogram_pmf",
    "image_histograms",
    "js_from_samples",
    "kl_from_samples",
    "mutual_information_from_samples",
    "permutation_test",
    "subsampling_interval",
    "temperature_scaling",
]

_BLOCK = 2**16  # values counted at once
_KERNELS = 2**18  # kernels evaluated at once


def _check_pseudocount(pseudocount: float) -> None:
    if not (isinstance(pseudocount, int | float | np.number) and 0 <= pseudocount < np.inf):
        raise ValueError(f"pseudocount must be finite and not negative, got {pseudocount}")


def _check_bins(bins: int) -> None:
    if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or bins < 1:
        raise ValueError(f"bins must be a positive whole number, got {bins!r}")


def histogram_pmf(
    samples: ArrayLike,
    *,
    bins: int | ArrayLike,
    range: tuple[float, float] | None = None,
    pseudocount: float = 0.0,
) -> tuple[Floats, Floats]:
    r"""Probability mass of each bin, estimated from samples.

    .. math:: \hat p_k = \frac{n_k + c}{n + K c}

    These are probabilities, not densities: they sum to 1 whatever the width of the bins, so their
    entropies and divergences are those of the binned laws.

    Parameters
    ----------
    samples : array_like
        Finite numbers, of any shape.
    bins : int or array_like
        The number K of equal bins, or their K + 1 increasing edges.
    range : tuple of float, optional
        Ends of the bins where `bins` is a number; both ends belong to the bins. The smallest and
        the largest sample if None: give it when you compare two histograms.
    pseudocount : float
        The count c added to every bin. With 0 an empty bin has probability 0, and a KL divergence
        may be infinite.

    Returns
    -------
    pmf : ndarray of shape (K,)
        Probabilities.
    edges : ndarray of shape (K + 1,)
        Edges of the bins.

    Raises
    ------
    ValueError
        If there is no sample, or one is not finite or lies outside the bins.

    See Also
    --------
    numpy.histogram : drops what lies outside; ``density=True`` divides by the width.
    image_histograms : many images at once.

    Examples
    --------
    >>> pmf, edges = histogram_pmf([0.1, 0.2, 0.9], bins=2, range=(0, 1), pseudocount=1)
    >>> pmf.tolist(), edges.tolist()
    ([0.6, 0.4], [0.0, 0.5, 1.0])
    """
    values = some(np.atleast_1d(as_reals(samples, "samples")), "samples")
    _check_pseudocount(pseudocount)
    if range is None and values.size > _BLOCK:
        ends = [(x.min(), x.max()) for x in _blocks_of(values, "samples")]
        range = min(low for low, _ in ends), max(high for _, high in ends)
    if isinstance(bins, str):  # numpy's rules need all samples
        bins = np.histogram_bin_edges(values, bins, range)
    counts, edges = np.zeros(1, dtype=np.intp), np.empty(0)
    for x in _blocks_of(values, "samples"):
        found, edges = np.histogram(x, bins, range)
        counts = counts + found
    if counts.sum() < values.size:
        _refuse_outside(values, edges)
    weights = counts + float(pseudocount)
    return weights / weights.sum(), edges.astype(np.float64)


def _blocks_of(samples: Reals, name: str) -> Iterator[Floats]:
    """Go through finite samples in float64, or raise."""
    step = max(1, _BLOCK * len(samples) // samples.size)
    for i in range(0, len(samples), step):
        yield finite(samples[i : i + step], name, "samples", i)


def _refuse_outside(samples: Reals, edges: Floats) -> None:
    """Raise for the samples that lie in no bin."""
    blocks = _blocks_of(samples, "samples")
    outside = [x[(x < edges[0]) | (x > edges[-1])] for x in blocks]
    first = next(x[0] for x in outside if x.size)
    raise ValueError(
        f"{sum(x.size for x in outside)} samples lie outside the bins [{edges[0]}, {edges[-1]}], "
        f"the first is {first}: widen range or edges"
    )


def image_histograms(images: ArrayLike, *, bins: int = 256, pseudocount: float = 0.0) -> Floats:
    r"""Distributions of the grey values of images, all on the same bins.

    The values of an image are pooled over all its axes, colour channels included. The bins divide
    the range of values, 0 to 255 for bytes and 0 to 1 for floats, into equal parts.

    Parameters
    ----------
    images : array_like of shape (n, ...)
        Bytes, or floats in [0, 1].
    bins : int
        The number K of bins.
    pseudocount : float
        Count added to every bin.

    Returns
    -------
    ndarray of shape (n, K)
        Probabilities; every row sums to 1.

    Raises
    ------
    ValueError
        If an image is empty, a float lies outside [0, 1], or `bins` is not positive.
    TypeError
        If the images are neither bytes nor floats.

    See Also
    --------
    histogram_pmf : one set of samples, any bins.

    Examples
    --------
    >>> image_histograms([[0.0, 0.2, 0.9, 1.0]], bins=2).tolist()
    [[0.5, 0.5]]
    """
    _check_bins(bins)
    _check_pseudocount(pseudocount)
    array = as_reals(images, "images")
    if array.ndim < 2 or 0 in array.shape[1:]:
        raise ValueError(f"images must have shape (n, ...) with values in each, got {array.shape}")
    pixels = int(np.prod(array.shape[1:]))
    step = max(1, _BLOCK // max(pixels, bins))
    pmfs = np.empty((len(array), bins))
    for i in range(0, len(array), step):
        images = array[i : i + step]
        weights = _counts(images.reshape(len(images), pixels), bins) + float(pseudocount)
        np.divide(weights, weights.sum(axis=-1, keepdims=True), out=pmfs[i : i + step])
    return pmfs


def _counts(rows: Reals, bins: int) -> NDArray[np.intp]:
    """How many values of each image fall into each bin: one count over all, with offsets."""
    if rows.dtype == np.uint8:
        places = rows.astype(np.intp)
        if bins != 256:
            places = (np.arange(256) * bins // 256)[places]
    elif rows.dtype.kind == "f":
        if not (rows.min() >= 0 and rows.max() <= 1):
            raise ValueError(
                f"images hold values from {rows.min()} to {rows.max()}, outside [0, 1]: "
                "divide by 255"
            )
        places = np.minimum((rows * bins).astype(np.intp), bins - 1)
    else:
        raise TypeError(f"images must be uint8 or floats in [0, 1], got dtype {rows.dtype}")
    places += bins * np.arange(len(rows))[:, None]
    return np.bincount(places.ravel(), minlength=bins * len(rows)).reshape(-1, bins)


Statistic = Callable[..., Any]
Seed = np.random.Generator | int | None


def entropy_from_samples(
    samples: ArrayLike,
    *,
    method: Literal["plugin", "miller-madow", "knn", "kde"] = "plugin",
    pseudocount: float = 0.0,
    outcomes: ArrayLike | None = None,
    k: int = 3,
    bandwidth: float | None = None,
    base: float | None = None,
) -> Floats:
    r"""Entropy of the law that samples were drawn from: discrete, or differential.

    .. math:: \hat H = -\sum_x \hat p(x) \log \hat p(x), \qquad
       \hat H_{\mathrm{MM}} = \hat H + \frac{K_+ - 1}{2n}, \qquad
       \hat h = \psi(n) - \psi(k) + \log V_d + \frac dn \sum_i \log \rho_k(x_i)

    The first two, ``"plugin"`` and ``"miller-madow"``, estimate the entropy of a discrete law from
    the frequencies of its outcomes, of which :math:`K_+` were seen. The third, ``"knn"``, estimates
    the differential entropy of a density in d dimensions from the distance :math:`\rho_k` of each
    sample to its k-th neighbour (:math:`V_d` is the volume of the unit ball), and ``"kde"`` the
    same from a kernel estimate of the density at each sample without that sample.

    Parameters
    ----------
    samples : array_like of shape (n,), or (n, d) for ``"knn"`` and ``"kde"``
        Independent samples.
    method : str
        ``"plugin"``, ``"miller-madow"``, ``"knn"`` or ``"kde"``.
    pseudocount : float
        Added to the count of every outcome (``"plugin"`` only).
    outcomes : array_like, optional
        The alphabet, for pseudocounts of what was never seen. The values seen if None.
    k : int
        Which neighbour (``"knn"``).
    bandwidth : float, optional
        Width of the kernels in standard deviations of the data (``"kde"``); Scott's
        n^(-1/(d+4)) if None.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    float
        The estimate as it comes. A differential entropy may be negative.

    Raises
    ------
    ValueError
        If a sample is not finite or no outcome, there are too few, or neighbours coincide.

    See Also
    --------
    divkit.information.entropy : of a known distribution.
    scipy.stats.differential_entropy : spacings, one dimension.

    Notes
    -----
    The plug-in is too small by about (K - 1)/(2n) for K outcomes, at any n: of 100 outcomes 200
    samples miss a quarter of a nat. Miller and Madow add this for the outcomes seen, which leaves
    O(1/n^2) when n is much larger than K, and too little when outcomes remain unseen. The error of
    both is otherwise of order n^(-1/2) (1/n for a uniform law). The neighbour estimate has a bias
    of order (k/n)^(2/d), the kernel estimate of order n^(-2/(d+4)): hardly any progress in high
    dimension. No estimator does better for all laws.

    References
    ----------
    G. A. Miller (1955). Note on the bias of information estimates. L. Paninski (2003).
    doi:10.1162/089976603321780272. L. F. Kozachenko and N. N. Leonenko (1987). Sample estimate of
    the entropy of a random vector.

    Examples
    --------
    >>> entropy_from_samples([0, 0, 1, 1], base=2).item()
    1.0
    >>> entropy_from_samples([0, 0, 1, 1], method="miller-madow").round(4).item()
    0.8181
    """
    _check_method(method, ("plugin", "miller-madow", "knn", "kde"))
    _check_discrete_options(method, pseudocount, outcomes)
    if method in ("plugin", "miller-madow"):
        (counts,) = _counts_of(outcomes, pseudocount, samples=samples)
        nats = entropy(counts, normalize=True)
        if method == "miller-madow":
            nats = nats + (np.count_nonzero(counts) - 1) / (2 * counts.sum())
    else:
        x = _points(samples, "samples")
        nats = _entropy_knn(x, k) if method == "knn" else -_mean(_log_kde(x, None, bandwidth))
    return finished(np.asarray(nats), scale=unit(base), axis=(), keepdims=False)


def kl_from_samples(
    x: ArrayLike,
    y: ArrayLike,
    *,
    method: Literal["plugin", "knn", "kde"] = "plugin",
    pseudocount: float = 0.0,
    outcomes: ArrayLike | None = None,
    k: int = 1,
    bandwidth: float | None = None,
    base: float | None = None,
) -> Floats:
    r"""KL divergence between the laws of two samples.

    .. math:: \sum_x \hat p(x) \log \frac{\hat p(x)}{\hat q(x)}, \qquad
       \frac dn \sum_{i=1}^n \log \frac{\nu_k(x_i)}{\rho_k(x_i)} + \log \frac{m}{n - 1}, \qquad
       \frac1n \sum_{i=1}^n \log \frac{\hat p_{-i}(x_i)}{\hat q(x_i)}

    These are ``"plugin"``, for discrete laws; ``"knn"``, for densities, from the distance of each
    sample :math:`x_i` to its k-th neighbour among the other x (:math:`\rho_k`) and among the y
    (:math:`\nu_k`); and ``"kde"``, from kernel estimates of both densities.

    Parameters
    ----------
    x, y : array_like of shape (n,) and (m,), or (n, d) and (m, d) for ``"knn"`` and ``"kde"``
        Independent samples of the first and of the second law.
    method : str
        ``"plugin"``, ``"knn"`` or ``"kde"``.
    pseudocount : float
        Added to the count of every outcome in both samples (``"plugin"`` only). With 0 the estimate
        is infinite as soon as one outcome of x is missing in y.
    outcomes : array_like, optional
        The alphabet. The values seen in x or y if None.
    k : int
        Which neighbour (``"knn"``); a larger one has less variance and more bias.
    bandwidth : float, optional
        Width of the kernels in standard deviations of each sample (``"kde"``); Scott's
        n^(-1/(d+4)) if None.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    float
        The estimate as it comes: for equal densities ``"knn"`` is negative half the time.

    Raises
    ------
    ValueError
        If a sample is not finite or no outcome, there are too few, or neighbours coincide (then
        the laws are no densities, or a bootstrap repeated samples).

    See Also
    --------
    divkit.information.kl_divergence : of known distributions.
    permutation_test : whether the laws differ at all.

    Notes
    -----
    Without pseudocounts the plug-in has no mean, since it can be infinite; with them it is biased
    upwards by about (K - 1)(1/n + 1/m)/2 where the laws are close, and towards 0 where q is small.
    The neighbour estimate is consistent for every fixed k, with an error of n^(-1/2) in low
    dimension and a bias of order n^(-1/d) to n^(-2/d) above: a thousand samples say little in ten
    dimensions. It is far too small when the laws are far apart. The kernel estimate is biased by
    smoothing, order n^(-2/(d+4)), and has the wrong tails.

    References
    ----------
    Q. Wang, S. R. Kulkarni and S. Verdu (2009). Divergence estimation for multidimensional
    densities via k-nearest-neighbor distances. doi:10.1109/TIT.2009.2016060. F. Perez-Cruz (2008).
    doi:10.1109/ISIT.2008.4595271

    Examples
    --------
    >>> kl_from_samples([0, 0, 1, 1], [0, 1, 1, 1], base=2).round(6).item()
    0.207519
    >>> kl_from_samples([0, 1], [0, 0]).item()
    inf
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(0, 1, 4000), rng.normal(1, 2, 4000)  # the truth is 0.4431
    >>> kl_from_samples(x, y, method="knn", k=5).round(2).item()
    0.46
    """
    _check_method(method, ("plugin", "knn", "kde"))
    _check_discrete_options(method, pseudocount, outcomes)
    if method == "plugin":
        p, q = _pmfs(outcomes, pseudocount, x=x, y=y)
        nats = kl_divergence(p, q)
    else:
        a, b = _two_sets(x, y)
        if method == "knn":
            rho, nu = _neighbour(a, a, k, "x", "x"), _neighbour(b, a, k, "y", "x")
            nats = a.shape[1] * _mean(np.log(nu / rho)) + np.log(len(b) / (len(a) - 1))
        else:
            nats = _mean(_log_kde(a, None, bandwidth) - _log_kde(b, a, bandwidth))
    return finished(np.asarray(nats), scale=unit(base), axis=(), keepdims=False)


def js_from_samples(
    x: ArrayLike,
    y: ArrayLike,
    *,
    method: Literal["plugin", "knn", "kde"] = "plugin",
    pseudocount: float = 0.0,
    outcomes: ArrayLike | None = None,
    k: int = 3,
    bandwidth: float | None = None,
    base: float | None = None,
) -> Floats:
    r"""Jensen-Shannon divergence between the laws of two samples.

    .. math:: \mathrm{JS}(p, q) = \tfrac12 D_{\mathrm{KL}}(p \,\|\, m)
       + \tfrac12 D_{\mathrm{KL}}(q \,\|\, m), \qquad m = \tfrac12 (p + q)

    ``"plugin"`` puts frequencies into this formula (discrete laws), ``"kde"`` kernel estimates of
    the densities, averaged over the samples. ``"knn"`` uses that the divergence is the mutual
    information between a point and the name of the sample it comes from: for a point of x, count
    the c points of y nearer than its k-th neighbour in x; the point contributes

    .. math:: \psi(k) - \psi(n) - \psi(w) + \psi(N), \qquad
       w = \frac N2 \Bigl(\frac kn + \frac cm\Bigr), \quad N = n + m.

    Parameters
    ----------
    x, y : array_like of shape (n,) and (m,), or (n, d) and (m, d) for ``"knn"`` and ``"kde"``
        Independent samples of both laws; both laws weigh the same whatever n and m.
    method : str
        ``"plugin"``, ``"knn"`` or ``"kde"``.
    pseudocount : float
        Added to the count of every outcome in both samples (``"plugin"`` only).
    outcomes : array_like, optional
        The alphabet. The values seen in x or y if None.
    k : int
        Which neighbour (``"knn"``).
    bandwidth : float, optional
        Width of the kernels in standard deviations of each sample (``"kde"``); Scott's
        n^(-1/(d+4)) if None.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    float
        The estimate as it comes. The truth lies between 0 and log 2; only ``"plugin"`` must.

    Raises
    ------
    ValueError
        If a sample is not finite or no outcome, there are too few, or neighbours coincide.

    See Also
    --------
    scipy.spatial.distance.jensenshannon : of known distributions, and the root of it.
    permutation_test : whether the laws differ at all.

    Notes
    -----
    The plug-in is biased upwards, by about (K - 1)(1/n + 1/m)/8 where the laws are close: it is
    not 0 for equal laws. The others behave as for `kl_from_samples`, with a smaller variance,
    because each term is bounded.

    References
    ----------
    J. Lin (1991). doi:10.1109/18.61115. B. C. Ross (2014). Mutual information between discrete and
    continuous data sets (equal sizes; the weights are for unequal ones).
    doi:10.1371/journal.pone.0087357

    Examples
    --------
    >>> js_from_samples([0, 0, 1, 1], [2, 2, 3, 3], base=2).item()
    1.0
    """
    _check_method(method, ("plugin", "knn", "kde"))
    _check_discrete_options(method, pseudocount, outcomes)
    if method == "plugin":
        p, q = _pmfs(outcomes, pseudocount, x=x, y=y)
        m = (p + q) / 2
        nats = (kl_divergence(p, m) + kl_divergence(q, m)) / 2
    else:
        a, b = _two_sets(x, y)
        if method == "knn":
            nats = (_half_js_knn(a, b, k, "x") + _half_js_knn(b, a, k, "y")) / 2
        else:
            nats = (_half_js_kde(a, b, bandwidth) + _half_js_kde(b, a, bandwidth)) / 2
    return finished(np.asarray(nats), scale=unit(base), axis=(), keepdims=False)


def mutual_information_from_samples(
    x: ArrayLike,
    y: ArrayLike,
    *,
    method: Literal["plugin", "miller-madow", "knn"] = "plugin",
    pseudocount: float = 0.0,
    k: int = 3,
    base: float | None = None,
) -> Floats:
    r"""Mutual information of two variables from pairs of samples.

    .. math:: \sum_{x,y} \hat p(x, y) \log \frac{\hat p(x, y)}{\hat p(x)\, \hat p(y)}, \qquad
       \psi(k) + \psi(n) - \frac1n \sum_{i=1}^n \psi(n_x(i) + 1) + \psi(n_y(i) + 1)

    The first is ``"plugin"``, for discrete variables; ``"miller-madow"`` corrects the three
    entropies H(X) + H(Y) - H(X, Y). The second, ``"knn"``, is the first estimator of Kraskov,
    Stoegbauer and Grassberger for variables with a density: :math:`n_x(i)` counts the points whose
    x is nearer to :math:`x_i` than the k-th neighbour of the pair, in the maximum norm.

    Parameters
    ----------
    x, y : array_like of shape (n,), or (n, d) for ``"knn"``
        Pairs: the i-th of x belongs to the i-th of y.
    method : str
        ``"plugin"``, ``"miller-madow"`` or ``"knn"``.
    pseudocount : float
        Added to the count of every pair of values seen (``"plugin"`` only).
    k : int
        Which neighbour (``"knn"``).
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    float
        The estimate as it comes; the last two may be negative for independent variables.

    Raises
    ------
    ValueError
        If the sizes differ, a sample is not finite, there are too few, or neighbours coincide.

    See Also
    --------
    divkit.information.mutual_information : of a known joint table.
    sklearn.feature_selection.mutual_info_regression : the same neighbours; clamps at 0.

    Notes
    -----
    The plug-in is too large by about (K_x - 1)(K_y - 1)/(2n), so that independent variables seem
    dependent: test with `permutation_test`. The neighbour estimate has almost no bias for
    independent variables, an error of order n^(-1/2) in one dimension each, and is far too small
    for nearly deterministic ones: to find I nats it needs of order exp(I) samples.

    References
    ----------
    A. Kraskov, H. Stoegbauer and P. Grassberger (2004). Estimating mutual information.
    doi:10.1103/PhysRevE.69.066138

    Examples
    --------
    >>> mutual_information_from_samples([0, 0, 1, 1], [5, 5, 7, 7], base=2).item()
    1.0
    """
    _check_method(method, ("plugin", "miller-madow", "knn"))
    _check_discrete_options(method, pseudocount)
    if method == "knn":
        nats = _ksg(_points(x, "x"), _points(y, "y"), k)
    else:
        table = _contingency(x, y, pseudocount)
        nats = mutual_information(table, normalize=True)
        if method == "miller-madow":
            rows, columns = table.shape
            nats = nats + (rows + columns - np.count_nonzero(table) - 1) / (2 * table.sum())
    return finished(np.asarray(nats), scale=unit(base), axis=(), keepdims=False)


class PermutationTest(NamedTuple):
    """What `permutation_test` found.

    Attributes
    ----------
    statistic : float
        Of the samples as they are.
    pvalue : float
        Between 1/(1 + B) and 1.

    Examples
    --------
    >>> permutation_test([1, 2], [1, 2], lambda x, y: abs(x.mean() - y.mean())).pvalue
    1.0
    """

    statistic: float
    pvalue: float


def subsampling_interval(
    x: ArrayLike,
    statistic: Statistic,
    *,
    y: ArrayLike | None = None,
    rate: float = 0.5,
    size: int | None = None,
    n_subsamples: int = 999,
    level: float = 0.95,
    rng: Seed = None,
) -> Floats:
    r"""Confidence interval from smaller samples drawn without replacement.

    .. math:: \bigl[\hat\theta_n - n^{-r} c_{1 - \alpha/2},\
       \hat\theta_n - n^{-r} c_{\alpha/2}\bigr], \qquad
       c = \text{quantiles of } \Bigl(\frac{b}{1 - b/n}\Bigr)^r
       (\hat\theta_b - \hat\theta_n)

    A sample of b of the n values is a true sample of the unknown law, only smaller: its errors are
    those of the statistic, larger by (n/b)^r. A bootstrap sample is not one: it repeats values, and
    a statistic that minds repetitions (entropy, neighbours, a distance of equal laws) is wrong on
    all of them. The factor 1 - b/n is for drawing without replacement.

    Parameters
    ----------
    x : array_like of shape (n, ...)
        Samples along the first axis. Pairs go together in one array of shape (n, 2).
    statistic : callable
        ``statistic(x)``, or ``statistic(x, y)`` if `y` is given, returns a number.
    y : array_like of shape (m, ...), optional
        A second, independent sample; the same share of it is drawn.
    rate : float
        The exponent r, such that n^r times the error of the statistic has a limit law: 1/2 for
        smooth statistics and for W1; 1 for a divergence of equal discrete laws or for the entropy
        of a uniform one.
    size : int, optional
        The size b, at least 2 and less than n. If None, n^(2/3).
    n_subsamples : int
        How many subsamples.
    level : float
        The probability that the interval should cover the limit of the statistic, 1 - alpha.
    rng : Generator or int, optional
        Source of randomness, or its seed.

    Returns
    -------
    ndarray of shape (2,)
        Lower and upper end.

    Raises
    ------
    ValueError
        If an option is out of range or the statistic is not finite.

    See Also
    --------
    scipy.stats.bootstrap : draws with replacement; for means and other smooth statistics.
    permutation_test : for the question whether two laws are the same.

    Notes
    -----
    What is covered is the number the statistic converges to, and only if n^r times its *bias*
    vanishes and b is large enough for the limit to show: the plug-in entropy of 100 outcomes is not
    covered at n = 200 by any such interval, since its bias is several times its spread. A wrong
    rate gives an interval of a wrong length. Coverage approaches the level slowly, with b/n and
    1/b; intervals of 95 % cover in 90 to 95 % of cases at n = 400.

    References
    ----------
    D. N. Politis and J. P. Romano (1994). Large sample confidence regions based on subsamples under
    minimal assumptions. doi:10.1214/aos/1176325770

    Examples
    --------
    >>> x = np.random.default_rng(0).integers(0, 4, 500)  # entropy log 4 = 1.386
    >>> subsampling_interval(
    ...     x, lambda z: entropy_from_samples(z, method="miller-madow"), rate=1.0, rng=0
    ... ).round(2).tolist()
    [1.38, 1.39]
    """
    draw = np.random.default_rng(rng)
    samples = [_rows(x, "x")] if y is None else [_rows(x, "x"), _rows(y, "y")]
    sizes = _subsample_sizes([len(z) for z in samples], size)
    _check_count(n_subsamples, "n_subsamples")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    if not 0 < rate < np.inf:
        raise ValueError(f"rate must be finite and positive, got {rate}")
    n, b = len(samples[0]), sizes[0]
    whole = _value_of(statistic, samples)
    smaller = [
        _value_of(statistic, [_some(z, k, draw) for z, k in zip(samples, sizes, strict=True)])
        for _ in range(n_subsamples)
    ]
    errors = (b / (1 - b / n)) ** rate * (np.array(smaller) - whole)
    tails = [(1 + level) / 2, (1 - level) / 2]
    ends: Floats = whole - np.quantile(errors, tails) / n**rate
    return ends


def permutation_test(
    x: ArrayLike,
    y: ArrayLike,
    statistic: Statistic,
    *,
    n_permutations: int = 999,
    rng: Seed = None,
) -> PermutationTest:
    r"""Test whether two samples come from the same law.

    .. math:: p = \frac{1 + \#\{b : T_b \ge T\}}{1 + B}

    If both laws are the same, every way to share the pooled values out is equally likely. The
    statistic of the samples as they are is compared with that of B random ways; the p-value is
    valid at every sample size, whatever the bias of the statistic.

    Parameters
    ----------
    x, y : array_like of shape (n, ...) and (m, ...)
        Samples along the first axis.
    statistic : callable
        ``statistic(x, y)`` returns a number, large when the laws differ; infinity is allowed.
    n_permutations : int
        The number B of permutations; the least possible p-value is 1/(1 + B).
    rng : Generator or int, optional
        Source of randomness, or its seed.

    Returns
    -------
    PermutationTest
        ``statistic`` and ``pvalue``.

    Raises
    ------
    ValueError
        If a sample is empty, the shapes do not fit, or the statistic is NaN.

    See Also
    --------
    scipy.stats.permutation_test : other designs.

    Notes
    -----
    A p-value below alpha occurs with probability at most alpha when the laws are the same. It does
    not measure how different they are: for that estimate a divergence.

    References
    ----------
    B. Phipson and G. K. Smyth (2010). Permutation p-values should never be zero.
    doi:10.2202/1544-6115.1585

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(0, 1, 50), rng.normal(1, 1, 50)
    >>> permutation_test(x, y, lambda a, b: abs(a.mean() - b.mean()), rng=0).pvalue
    0.001
    """
    _check_count(n_permutations, "n_permutations")
    a, b = _rows(x, "x"), _rows(y, "y")
    if a.shape[1:] != b.shape[1:]:
        raise ValueError(f"points of x have shape {a.shape[1:]}, those of y {b.shape[1:]}")
    draw = np.random.default_rng(rng)
    pooled = np.concatenate([a, b])
    observed = _value_of(statistic, [a, b], infinite=True)
    threshold = observed - 1e-12 * abs(observed) if np.isfinite(observed) else observed
    larger = 0
    for _ in range(n_permutations):
        mixed = pooled[draw.permutation(len(pooled))]
        larger += (
            _value_of(statistic, [mixed[: len(a)], mixed[len(a) :]], infinite=True) >= threshold
        )
    return PermutationTest(observed, (1 + larger) / (1 + n_permutations))


def calibration_error(probabilities: ArrayLike, labels: ArrayLike, *, bins: int = 15) -> Floats:
    r"""Expected calibration error: how far confidence is from frequency.

    .. math:: \mathrm{ECE} = \sum_k \frac{n_k}{n}
       \Bigl| \frac{1}{n_k} \sum_{i \in B_k} (a_i - c_i) \Bigr|

    The predictions are put into equal bins of [0, 1] by their confidence c. For rows of
    probabilities c is the largest and a = 1 where its class is the label; for single probabilities
    c is the probability of label 1 and a the label.

    Parameters
    ----------
    probabilities : array_like of shape (n, K) or (n,)
        Distributions over K classes, or probabilities of label 1.
    labels : array_like of shape (n,)
        Whole numbers from 0 to K - 1, or 0 and 1.
    bins : int
        How many bins.

    Returns
    -------
    float
        From 0, calibrated, to 1.

    Raises
    ------
    ValueError
        If a row is no distribution, an entry no probability or a label no class.

    See Also
    --------
    temperature_scaling : mends it.
    sklearn.calibration.calibration_curve : the bins, for two classes.

    Notes
    -----
    An estimate of the same number for the law behind the data, and biased upwards: a perfectly
    calibrated model has about sqrt(bins/n)/3, falling no faster. It depends on the bins.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger (2017). On calibration of modern neural networks.
    doi:10.48550/arXiv.1706.04599

    Examples
    --------
    >>> calibration_error([[0.9, 0.1], [0.9, 0.1]], [0, 1]).round(6).item()
    0.4
    """
    _check_count(bins, "bins")
    array = as_reals(probabilities, "probabilities")
    if array.ndim not in (1, 2) or array.size == 0:
        raise ValueError(f"probabilities must have shape (n, K) or (n,), got {array.shape}")
    classes = _labels_of(labels, len(array))
    gaps, step = np.zeros(bins), max(1, _BLOCK * len(array) // array.size)
    for i in range(0, len(array), step):
        confidence, right = _forecasts(array[i : i + step], classes[i : i + step], i)
        places = np.minimum((confidence * bins).astype(np.intp), bins - 1)
        gaps += np.bincount(places, weights=right - confidence, minlength=bins)
    error: Floats = np.abs(gaps).sum() / len(array)
    return error


def _forecasts(block: Reals, labels: Reals, first: int) -> tuple[Floats, Floats]:
    """Return how sure each forecast is, and 1 where it is right or 0, or raise."""
    if block.ndim == 1:
        confidence = checked_probabilities(block, "probabilities", first)
        return confidence, _classes(labels, 2, first).astype(np.float64)
    rows = checked(block, "probabilities", tolerance(block), first, False)
    right = rows.values.argmax(axis=1) == _classes(labels, block.shape[1], first)
    return rows.values.max(axis=1) / rows.totals, right.astype(np.float64)


def temperature_scaling(logits: ArrayLike, labels: ArrayLike) -> float:
    r"""Temperature at which logits predict the labels best.

    .. math:: \hat T = \operatorname{argmin}_T \;
       -\frac1n \sum_i \log \operatorname{softmax}(z_i / T)_{y_i}

    The maximum likelihood estimate of one number, on data that the model was not trained on:
    dividing the logits by it leaves every decision as it was and mends the confidence.

    Parameters
    ----------
    logits : array_like of shape (n, K)
        Finite numbers.
    labels : array_like of shape (n,)
        Whole numbers from 0 to K - 1.

    Returns
    -------
    float
        More than 1 where the model is too sure. 0 if every label has the largest logit of its row
        (the colder the better), infinity if the logits say no more than nothing (the best is the
        uniform law), and 1 if all logits of each row are equal.

    Raises
    ------
    ValueError
        If a logit is not finite or a label no class.

    See Also
    --------
    calibration_error : what it mends.
    divkit.information.cross_entropy_from_logits : what it minimises.

    Notes
    -----
    In b = 1/T the mean is convex, with the slope mean(E[z] - z_y) under softmax(b z): the only
    minimum is found to all digits by its sign. The error of the estimate is of order n^(-1/2).

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger (2017). On calibration of modern neural networks.
    doi:10.48550/arXiv.1706.04599

    Examples
    --------
    >>> logits = [[2.0, 0.0]] * 4  # says 0.88, and is right three times of four
    >>> round(temperature_scaling(logits, [0, 0, 0, 1]), 6)  # 2 / log 3
    1.820478
    """
    table = some(as_reals(logits, "logits"), "logits", "logits")
    if table.ndim != 2:
        raise ValueError(f"logits must have shape (n, K), got {table.shape}")
    classes = _labels_of(labels, len(table))

    few = list(_above_label(table, classes)) if table.size <= _BLOCK else None

    def over_rows(total: Callable[[Floats], Any]) -> Floats:
        return np.array([total(z) for z in few or _above_label(table, classes)])

    low, high, total = over_rows(lambda z: (z.min(), z.max(), z.sum())).T
    spread = float(max(-low.min(), high.max()))
    if spread == 0:
        return 1.0
    if total.sum() >= 0:
        return float(np.inf)
    if high.max() <= 0:
        return 0.0

    def slope(log_b: float) -> float:
        b = np.exp(log_b) / spread
        means = over_rows(lambda z: np.vecdot(np.exp(log_softmax(b * z)), z).sum())
        return float(means.sum() / (spread * len(table)))

    return spread / float(np.exp(_zero(slope)))


def _above_label(logits: Reals, labels: Reals) -> Iterator[Floats]:
    """Go through logits less that of the row's label, in blocks of rows, or raise."""
    step = max(1, _BLOCK // logits.shape[1])
    for i in range(0, len(logits), step):
        z = finite(logits[i : i + step], "logits", "logits", i)
        z -= np.take_along_axis(z, _classes(labels[i : i + step], z.shape[1], i)[:, None], 1)
        yield z


def _zero(increasing: Callable[[float], float]) -> float:
    """Where an increasing function changes its sign."""
    from scipy.optimize import brentq

    low, high = -1.0, 1.0
    while increasing(low) > 0:
        low -= 2
    while increasing(high) < 0:
        high += 2
    return float(brentq(increasing, low, high, xtol=1e-14, rtol=1e-14))


def _check_method(method: str, known: tuple[str, ...]) -> None:
    if method not in known:
        raise ValueError(f"method must be one of {', '.join(known)}, got {method!r}")


def _check_discrete_options(
    method: str, pseudocount: float, outcomes: ArrayLike | None = None
) -> None:
    """Refuse an option that the method would ignore."""
    if method != "plugin" and pseudocount != 0:
        raise ValueError(f"pseudocount={pseudocount} is only for method='plugin', not {method!r}")
    if method in ("knn", "kde") and outcomes is not None:
        raise ValueError(f"outcomes are only for discrete laws, not for method={method!r}")


def _check_count(value: int, name: str, least: int = 1) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")


def _labels(x: ArrayLike, name: str) -> Floats:
    values = some_finite(x, name)
    if values.ndim != 1:
        raise ValueError(f"{name} has shape {values.shape}: discrete samples form one row, (n,)")
    return values


def _counts_of(
    outcomes: ArrayLike | None, pseudocount: float, **named: ArrayLike
) -> tuple[Floats, ...]:
    """How often each outcome occurs in each of the named samples, on one alphabet."""
    _check_pseudocount(pseudocount)
    samples = {name: _labels(x, name) for name, x in named.items()}
    if outcomes is None:
        alphabet = np.unique(np.concatenate(list(samples.values())))
    else:
        alphabet = np.unique(_labels(outcomes, "outcomes"))
    for name, values in samples.items():
        refuse(~np.isin(values, alphabet), values, name, "it is not among the outcomes")
    size = len(alphabet)
    places = (np.searchsorted(alphabet, values) for values in samples.values())
    return tuple(np.bincount(p, minlength=size).astype(np.float64) + pseudocount for p in places)


def _pmfs(outcomes: ArrayLike | None, pseudocount: float, **named: ArrayLike) -> list[Floats]:
    return [c / c.sum() for c in _counts_of(outcomes, pseudocount, **named)]


def _contingency(x: ArrayLike, y: ArrayLike, pseudocount: float) -> Floats:
    """How often each pair of values occurs."""
    _check_pseudocount(pseudocount)
    a, b = _labels(x, "x"), _labels(y, "y")
    _check_pairs(a, b)
    a_values, rows = np.unique(a, return_inverse=True)
    b_values, columns = np.unique(b, return_inverse=True)
    shape = (len(a_values), len(b_values))
    counts = np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1])
    return counts.reshape(shape).astype(np.float64) + pseudocount


def _check_pairs(x: Floats, y: Floats) -> None:
    if len(x) != len(y):
        raise ValueError(f"x and y must be pairs, but x has {len(x)} samples and y has {len(y)}")


def _points(x: ArrayLike, name: str) -> Floats:
    """Return samples as a table, a row a point."""
    values = some_finite(x, name)
    if values.ndim > 2:
        raise ValueError(f"{name} has shape {values.shape}: points have shape (n,) or (n, d)")
    return values.reshape(len(values), -1)


def _two_sets(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    a, b = _points(x, "x"), _points(y, "y")
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"x has {a.shape[1]} dimensions and y has {b.shape[1]}")
    return a, b


def _neighbour(
    among: Floats, at: Floats, k: int, name: str, at_name: str, norm: float = 2.0
) -> Floats:
    """Distance from each point to its k-th neighbour, itself not counted; never 0."""
    from scipy.spatial import cKDTree

    _check_count(k, "k")
    rank = k + (among is at)
    if len(among) < rank:
        raise ValueError(f"{name} has {len(among)} samples: the neighbour k={k} needs {rank}")
    distance: Floats = cKDTree(among).query(at, [rank], p=norm)[0][:, 0]
    if not distance.all():
        i = int(np.argmin(distance))
        raise ValueError(
            f"{at_name}[{i}] coincides with its neighbour k={k} in {name}: neighbours are for "
            "densities, which never repeat a value; use method='plugin', or a larger k"
        )
    return distance


def _mean(values: Floats) -> Floats:
    return np.asarray(values.mean())


def _entropy_knn(x: Floats, k: int) -> Floats:
    n, d = x.shape
    log_ball = d / 2 * np.log(np.pi) - gammaln(d / 2 + 1)
    rho = _neighbour(x, x, k, "samples", "samples")
    nats: Floats = digamma(n) - digamma(k) + log_ball + d * _mean(np.log(rho))
    return nats


def _half_js_knn(x: Floats, y: Floats, k: int, name: str) -> Floats:
    """KL(p || m) from the points of x and their neighbours on both sides."""
    n, m = len(x), len(y)
    rho = _neighbour(x, x, k, name, name)
    w = (n + m) / 2 * (k / n + _count_within(y, x, rho) / m)
    return _mean(digamma(k) - digamma(n) - digamma(w) + digamma(n + m))


def _half_js_kde(x: Floats, y: Floats, bandwidth: float | None) -> Floats:
    """KL(p || m) from kernel estimates of p and q at the points of x."""
    log_p, log_q = _log_kde(x, None, bandwidth), _log_kde(y, x, bandwidth)
    return _mean(log_p - np.logaddexp(log_p, log_q) + np.log(2.0))


def _count_within(among: Floats, at: Floats, radius: Floats, norm: float = 2.0) -> Floats:
    """How many points lie nearer than the radius (strictly)."""
    from scipy.spatial import cKDTree

    inside = np.nextafter(radius, 0)
    counts: Floats = cKDTree(among).query_ball_point(at, inside, p=norm, return_length=True)
    return counts


def _ksg(x: Floats, y: Floats, k: int) -> Floats:
    _check_pairs(x, y)
    pairs = np.concatenate([x, y], axis=1)
    radius = _neighbour(pairs, pairs, k, "the pairs", "the pairs", norm=np.inf)
    counts = [_count_within(z, z, radius, norm=np.inf) for z in (x, y)]  # the point itself included
    nats: Floats = digamma(k) + digamma(len(x)) - _mean(sum(digamma(c) for c in counts))
    return nats


def _log_kde(data: Floats, at: Floats | None, bandwidth: float | None) -> Floats:
    """Log of a sum of normal kernels; at the data themselves (None) without each own kernel."""
    n, d = data.shape
    if n < d + 2:
        raise ValueError(f"kernels in {d} dimensions need at least {d + 2} samples, got {n}")
    factor = float(n) ** (-1 / (d + 4)) if bandwidth is None else float(bandwidth)
    if not 0 < factor < np.inf:
        raise ValueError(f"bandwidth must be finite and positive, got {bandwidth}")
    covariance: Floats = np.atleast_2d(np.cov(data, rowvar=False))
    if np.linalg.matrix_rank(covariance) < d:
        raise ValueError("the samples lie in a subspace: kernels need a spread in every direction")
    root: Floats = np.linalg.cholesky(covariance) * factor
    centres = np.linalg.solve(root, data.T).T.astype(np.float64)
    points = centres if at is None else np.linalg.solve(root, at.T).T.astype(np.float64)
    constant = d / 2 * np.log(2 * np.pi) + np.log(np.diag(root)).sum() + np.log(n - (at is None))
    step = max(1, _KERNELS // n)
    blocks = [
        _log_kernel_sums(centres, points[i : i + step], i if at is None else None)
        for i in range(0, len(points), step)
    ]
    logs: Floats = np.concatenate(blocks) - constant
    return logs


def _log_kernel_sums(centres: Floats, points: Floats, first: int | None) -> Floats:
    """log sum exp(-distance^2 / 2); with `first` the points are centres and skip themselves."""
    exponents = -((points[:, None, :] - centres) ** 2).sum(axis=-1) / 2
    if first is not None:
        rows = np.arange(len(points))
        exponents[rows, first + rows] = -np.inf
    sums: Floats = logsumexp(exponents, axis=1)
    return sums


def _rows(x: ArrayLike, name: str) -> Reals:
    """Return samples along the first axis, at least one, in their own dtype."""
    samples = as_reals(x, name)
    if samples.ndim == 0 or len(samples) == 0:
        raise ValueError(f"{name} of shape {samples.shape} holds no samples")
    return samples


def _subsample_sizes(lengths: list[int], size: int | None) -> list[int]:
    """The size b, and the same share of a second sample."""
    n = lengths[0]
    if min(lengths) < 4:
        raise ValueError(f"subsampling needs at least 4 samples, got {min(lengths)}")
    b = round(n ** (2 / 3)) if size is None else size
    _check_count(b, "size", least=2)
    if b >= n:
        raise ValueError(f"size={b} must be less than the {n} samples of x")
    return [b, *(min(max(2, round(b / n * m)), m - 1) for m in lengths[1:])]


def _some(samples: Reals, size: int, draw: np.random.Generator) -> Reals:
    chosen: Reals = samples[draw.permutation(len(samples))[:size]]
    return chosen


def _value_of(statistic: Statistic, samples: list[Reals], infinite: bool = False) -> float:
    value = float(statistic(*samples))
    if np.isnan(value) or not (infinite or np.isfinite(value)):
        sizes = " and ".join(str(len(z)) for z in samples)
        raise ValueError(f"the statistic of {sizes} samples is {value}")
    return value


def _labels_of(labels: ArrayLike, rows: int) -> Reals:
    """Return labels, one a row, or raise."""
    values = as_reals(labels, "labels")
    if values.shape != (rows,):
        raise ValueError(f"labels must have shape ({rows},), one a row, got {values.shape}")
    return values


def _classes(labels: Reals, classes: int, first: int) -> NDArray[np.intp]:
    """Return labels that are classes, or raise; `first` is the number of the first."""
    bad = ~((labels >= 0) & (labels < classes) & (labels == np.floor(labels)))
    refuse(bad, labels, "labels", f"a class is a whole number from 0 to {classes - 1}", first)
    return labels.astype(np.intp)
