r"""Entropy and its relatives for discrete distributions.

`p` and `q` are arrays whose rows are probability distributions. Along `axis` they must sum to 1
within the square root of the machine epsilon of their dtype and are then rescaled exactly; pass
``normalize=True`` for counts. Results are in nats unless `base` says otherwise, and
:math:`0 \log 0 = 0`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlog1py, xlogy

from divkit import _kernels
from divkit._validation import Floats, Reals, Rows, as_reals, probabilities

__all__ = [
    "binary_entropy",
    "conditional_entropy",
    "conditional_kl_divergence",
    "cross_entropy",
    "cross_entropy_from_logits",
    "entropy",
    "information_content",
    "joint_entropy",
    "js_from_logits",
    "kl_divergence",
    "kl_from_logits",
    "mutual_information",
    "perplexity",
]

Axes = tuple[int, int]


def information_content(p: ArrayLike, *, base: float | None = None) -> Floats:
    r"""Information content (surprise) of events of probability `p`.

    .. math:: I = -\log p

    Parameters
    ----------
    p : array_like
        Probabilities in [0, 1], of any shape; they need not sum to 1.
    base : float, optional
        Base of the logarithm, finite and greater than 1: 2 for bits, 10 for hartleys. Nats if None.

    Returns
    -------
    ndarray or float
        Of the shape of `p`, from 0 (a certain event) to infinity (an impossible one).

    Raises
    ------
    ValueError
        If an entry is no probability, or the base no base.
    TypeError
        If `p` does not hold real numbers or has masked entries.

    See Also
    --------
    entropy : its mean.
    perplexity : the same on the scale of outcomes.

    References
    ----------
    C. E. Shannon (1948). A mathematical theory of communication.
    doi:10.1002/j.1538-7305.1948.tb01338.x

    Examples
    --------
    >>> information_content([1, 0.5, 0.25], base=2).tolist()
    [0.0, 1.0, 2.0]
    """
    return _kernels.over_items(lambda p: -np.log(probabilities(p, "p")), base=base, p=p)


def entropy(
    p: ArrayLike,
    *,
    axis: int = -1,
    base: float | None = None,
    keepdims: bool = False,
    normalize: bool = False,
) -> Floats:
    r"""Entropy, the mean information content of the outcomes.

    .. math:: H(p) = -\sum_x p(x) \log p(x)

    Parameters
    ----------
    p : array_like
        Distributions along `axis`.
    axis : int
        Axis of the outcomes.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.
    keepdims : bool
        Keep `axis` with length 1.
    normalize : bool
        Divide by the sum first (for counts), instead of asking for a sum of 1.

    Returns
    -------
    ndarray or float
        From 0 to log K for K outcomes; a float for a single distribution.

    Raises
    ------
    ValueError
        If a row is no distribution; the message names it.
    TypeError
        If `p` does not hold real numbers or has masked entries.

    See Also
    --------
    scipy.stats.entropy : normalises silently.
    perplexity, cross_entropy

    References
    ----------
    C. E. Shannon (1948). doi:10.1002/j.1538-7305.1948.tb01338.x

    Examples
    --------
    >>> entropy([0.5, 0.25, 0.25], base=2).item()
    1.5
    """
    return _kernels.over_rows(
        _kernels.entropy,
        p=p,
        axis=axis,
        base=base,
        keepdims=keepdims,
        normalize=normalize,
        entries=_kernels.LARGE_BLOCK,
    )


def binary_entropy(p: ArrayLike, *, base: float | None = None) -> Floats:
    r"""Entropy of an event of probability `p`, elementwise.

    .. math:: h(p) = -p \log p - (1 - p) \log(1 - p)

    Parameters
    ----------
    p : array_like
        Probabilities in [0, 1], of any shape.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    ndarray or float
        Of the shape of `p`, from 0 to log 2.

    Raises
    ------
    ValueError
        If an entry is no probability.

    See Also
    --------
    entropy : of any number of outcomes.
    scipy.special.entr : one of the two terms, in nats.

    Examples
    --------
    >>> binary_entropy([0, 0.5, 1], base=2).tolist()
    [0.0, 1.0, 0.0]
    """

    def nats(p: Reals) -> Floats:
        values = probabilities(p, "p")
        return np.asarray(-(xlogy(values, values) + xlog1py(1 - values, -values)))

    return _kernels.over_items(nats, base=base, p=p)


def perplexity(
    p: ArrayLike, *, axis: int = -1, keepdims: bool = False, normalize: bool = False
) -> Floats:
    r"""Perplexity: how many equally likely outcomes would be as uncertain.

    .. math:: \exp H(p)

    Parameters
    ----------
    p : array_like
        Distributions along `axis`.
    axis : int
        Axis of the outcomes.
    keepdims : bool
        Keep `axis` with length 1.
    normalize : bool
        Divide by the sum first (for counts).

    Returns
    -------
    ndarray or float
        From 1 to K for K outcomes, whatever the base.

    Raises
    ------
    ValueError
        If a row is no distribution.

    See Also
    --------
    entropy

    Examples
    --------
    >>> round(perplexity([0.25, 0.25, 0.25, 0.25]).item(), 12)
    4.0
    """
    nats = entropy(p, axis=axis, keepdims=keepdims, normalize=normalize)
    return np.exp(nats, out=nats if nats.ndim else None)


def cross_entropy(
    p: ArrayLike,
    q: ArrayLike,
    *,
    axis: int = -1,
    base: float | None = None,
    keepdims: bool = False,
    normalize: bool = False,
) -> Floats:
    r"""Mean information content under `q` of outcomes drawn from `p`.

    .. math:: H(p, q) = -\sum_x p(x) \log q(x)

    Parameters
    ----------
    p, q : array_like
        Distributions along `axis`; the other axes broadcast.
    axis : int
        Axis of the outcomes, in each array separately.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.
    keepdims : bool
        Keep `axis` with length 1.
    normalize : bool
        Divide both by their sums first (for counts).

    Returns
    -------
    ndarray or float
        At least the entropy of `p`; infinite where q = 0 < p.

    Raises
    ------
    ValueError
        If a row is no distribution or the alphabets differ.

    See Also
    --------
    kl_divergence : the excess over the entropy.
    keras.losses.CategoricalCrossentropy : clips q.
    torch.nn.functional.cross_entropy : takes logits of q.

    Examples
    --------
    >>> cross_entropy([0.5, 0.5], [0.25, 0.75], base=2).round(6).item()
    1.207519
    """
    return _kernels.over_rows(
        _kernels.cross_entropy,
        p=p,
        q=q,
        axis=axis,
        base=base,
        keepdims=keepdims,
        normalize=normalize,
        entries=_kernels.LARGE_BLOCK,
    )


def kl_divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    axis: int = -1,
    base: float | None = None,
    keepdims: bool = False,
    normalize: bool = False,
) -> Floats:
    r"""Kullback-Leibler divergence, or relative entropy, of `p` from `q`.

    .. math:: D_{\mathrm{KL}}(p \,\|\, q) = \sum_x p(x) \log \frac{p(x)}{q(x)}

    Parameters
    ----------
    p, q : array_like
        Distributions along `axis`; the other axes broadcast.
    axis : int
        Axis of the outcomes, in each array separately.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.
    keepdims : bool
        Keep `axis` with length 1.
    normalize : bool
        Divide both by their sums first (for counts).

    Returns
    -------
    ndarray or float
        At least 0, and 0 only where p = q; infinite where q = 0 < p. Never NaN.

    Raises
    ------
    ValueError
        If a row is no distribution or the alphabets differ.
    TypeError
        If an argument does not hold real numbers or has masked entries.

    See Also
    --------
    scipy.stats.entropy : with two arguments; normalises silently.
    scipy.special.rel_entr : one term; no check, no sum.
    keras.losses.KLDivergence : clips both arguments.
    torch.nn.functional.kl_div : takes log q first, then p.

    References
    ----------
    S. Kullback and R. A. Leibler (1951). On information and sufficiency.
    doi:10.1214/aoms/1177729694

    Examples
    --------
    >>> kl_divergence([0.5, 0.5], [0.25, 0.75], base=2).round(6).item()
    0.207519
    >>> kl_divergence([0.5, 0.5], [1, 0]).item()
    inf
    >>> kl_divergence([3, 1], [1, 1], normalize=True).round(6).item()
    0.130812
    """
    return _kernels.over_rows(
        _kernels.kl,
        p=p,
        q=q,
        axis=axis,
        base=base,
        keepdims=keepdims,
        normalize=normalize,
        entries=_kernels.LARGE_BLOCK,
    )


def _flat(pxy: ArrayLike, name: str, axes: Axes) -> tuple[Reals, Axes]:
    """Move the two axes of a joint table to the end and join them; return their sizes too."""
    table = as_reals(pxy, name)
    if len(axes) != 2 or len({axis % max(table.ndim, 1) for axis in axes}) != 2:
        raise ValueError(f"axes={axes} must name two axes of {name} of shape {table.shape}")
    table = np.moveaxis(table, axes, (-2, -1))
    sizes = (table.shape[-2], table.shape[-1])
    return table.reshape(*table.shape[:-2], sizes[0] * sizes[1]), sizes


def joint_entropy(
    pxy: ArrayLike, *, axes: Axes = (-2, -1), base: float | None = None, normalize: bool = False
) -> Floats:
    r"""Entropy of a pair of variables.

    .. math:: H(X, Y) = -\sum_{x,y} p(x, y) \log p(x, y)

    Parameters
    ----------
    pxy : array_like
        Joint tables along `axes`.
    axes : tuple of int
        The axes of x and of y.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.
    normalize : bool
        Divide by the sum first (for counts).

    Returns
    -------
    ndarray or float
        At least 0.

    Raises
    ------
    ValueError
        If a table is no distribution.

    See Also
    --------
    entropy : of one variable.
    conditional_entropy, mutual_information

    Examples
    --------
    >>> joint_entropy([[0.25, 0.25], [0.5, 0]], base=2).item()
    1.5
    """
    table, _ = _flat(pxy, "pxy", axes)
    return _kernels.over_rows(_kernels.entropy, pxy=table, base=base, normalize=normalize)


def conditional_entropy(
    pxy: ArrayLike,
    *,
    given: Literal["x", "y"],
    axes: Axes = (-2, -1),
    base: float | None = None,
    normalize: bool = False,
) -> Floats:
    r"""Entropy that one variable keeps, on average, when the other is known.

    .. math:: H(Y \mid X) = -\sum_{x,y} p(x, y) \log \frac{p(x, y)}{p(x)}

    Parameters
    ----------
    pxy : array_like
        Joint tables along `axes`.
    given : str
        The variable that is known: ``"x"`` gives H(Y|X), ``"y"`` gives H(X|Y).
    axes : tuple of int
        The axes of x and of y.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.
    normalize : bool
        Divide by the sum first (for counts).

    Returns
    -------
    ndarray or float
        From 0 to the entropy of the other variable.

    Raises
    ------
    ValueError
        If a table is no distribution or `given` names no variable.

    See Also
    --------
    joint_entropy : of both variables.
    mutual_information : what the knowledge takes away.

    Examples
    --------
    >>> conditional_entropy([[0.25, 0.25], [0.5, 0]], given="x", base=2).item()
    0.5
    """
    if given not in ("x", "y"):
        raise ValueError(f"given must be 'x' or 'y', got {given!r}")
    table, sizes = _flat(pxy, "pxy", axes)

    def kernel(p: Rows) -> Floats:
        joint = p.values.reshape(-1, *sizes)
        known = joint.sum(axis=-1 if given == "x" else -2, keepdims=True)
        ratio = np.divide(joint, known, out=np.ones_like(joint), where=joint > 0)
        nats: Floats = -(joint * np.log(np.minimum(ratio, 1.0))).sum(axis=(-2, -1)) / p.totals
        return nats

    return _kernels.over_rows(kernel, pxy=table, base=base, normalize=normalize)


def mutual_information(
    pxy: ArrayLike, *, axes: Axes = (-2, -1), base: float | None = None, normalize: bool = False
) -> Floats:
    r"""Information that each of two variables carries about the other.

    .. math:: I(X; Y) = D_{\mathrm{KL}}\bigl(p(x, y) \,\|\, p(x)\, p(y)\bigr)

    Parameters
    ----------
    pxy : array_like
        Joint tables along `axes`.
    axes : tuple of int
        The axes of x and of y.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.
    normalize : bool
        Divide by the sum first (for counts).

    Returns
    -------
    ndarray or float
        At least 0, and 0 only for independent variables.

    Raises
    ------
    ValueError
        If a table is no distribution.

    See Also
    --------
    sklearn.metrics.mutual_info_score : from samples or a contingency table.

    Examples
    --------
    >>> mutual_information([[0.5, 0], [0, 0.5]], base=2).item()
    1.0
    """
    table, sizes = _flat(pxy, "pxy", axes)

    def kernel(p: Rows) -> Floats:
        joint = p.values.reshape(-1, *sizes)
        product = joint.sum(axis=-1, keepdims=True) * joint.sum(axis=-2, keepdims=True)
        return _kernels.kl(p, Rows(product.reshape(p.values.shape), p.totals**2, p.low))

    return _kernels.over_rows(kernel, pxy=table, base=base, normalize=normalize)


def conditional_kl_divergence(
    pxy: ArrayLike,
    qxy: ArrayLike,
    *,
    axes: Axes = (-2, -1),
    base: float | None = None,
    normalize: bool = False,
) -> Floats:
    r"""KL divergence of p(y|x) from q(y|x), averaged over p(x).

    .. math:: \sum_{x,y} p(x, y) \log \frac{p(y \mid x)}{q(y \mid x)}

    The chain rule adds it to the divergence of the marginals:
    KL(p(x, y) || q(x, y)) = KL(p(x) || q(x)) + this.

    Parameters
    ----------
    pxy, qxy : array_like
        Joint tables along `axes`; the other axes broadcast.
    axes : tuple of int
        The axes of x and of y.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.
    normalize : bool
        Divide by the sums first (for counts).

    Returns
    -------
    ndarray or float
        At least 0; infinite where q(x, y) = 0 < p(x, y), also if q has no such x at all.

    Raises
    ------
    ValueError
        If a table is no distribution or the alphabets differ.

    See Also
    --------
    kl_divergence : of the joint tables, this plus that of the marginals.

    Examples
    --------
    >>> conditional_kl_divergence([[0.5, 0], [0.25, 0.25]], [[0.25, 0.25]] * 2, base=2).item()
    0.5
    """
    (p_table, sizes), (q_table, q_sizes) = _flat(pxy, "pxy", axes), _flat(qxy, "qxy", axes)
    if sizes != q_sizes:
        raise ValueError(f"the alphabets must match, but pxy is {sizes} and qxy is {q_sizes}")

    def kernel(p: Rows, q: Rows) -> Floats:
        p_x, q_x = (r.values.reshape(-1, *sizes).sum(axis=-1, keepdims=True) for r in (p, q))
        scale = np.divide(p_x, q_x, out=np.zeros_like(p_x), where=q_x > 0)
        scaled = (q.values.reshape(-1, *sizes) * scale).reshape(q.values.shape)
        return _kernels.kl(p, Rows(scaled, p.totals, 0.0))

    return _kernels.over_rows(kernel, pxy=p_table, qxy=q_table, base=base, normalize=normalize)


def cross_entropy_from_logits(
    p: ArrayLike,
    logits: ArrayLike,
    *,
    axis: int = -1,
    base: float | None = None,
    keepdims: bool = False,
    normalize: bool = False,
) -> Floats:
    r"""Cross-entropy of distributions with the softmax of logits.

    .. math:: -\sum_x p(x) \log \operatorname{softmax}(\ell)(x)

    Parameters
    ----------
    p : array_like
        Distributions along `axis`.
    logits : array_like
        Logits along `axis`: finite, or -inf for a probability of 0.
    axis : int
        Axis of the outcomes, in each array separately.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.
    keepdims : bool
        Keep `axis` with length 1.
    normalize : bool
        Divide `p` by its sum first (for counts).

    Returns
    -------
    ndarray or float
        At least the entropy of `p`; finite even where the softmax is too small for a float.

    Raises
    ------
    ValueError
        If a row of `p` is no distribution, a logit is NaN or +inf, or the alphabets differ.

    See Also
    --------
    keras.losses.CategoricalCrossentropy : with ``from_logits=True``.
    torch.nn.functional.cross_entropy : takes the logits first.

    Examples
    --------
    >>> cross_entropy_from_logits([1, 0], [0, 1000]).item()
    1000.0
    """
    return _kernels.over_rows(
        _kernels.cross_entropy_of_logits,
        p=p,
        logits=logits,
        as_logits=("logits",),
        axis=axis,
        base=base,
        keepdims=keepdims,
        normalize=normalize,
    )


def kl_from_logits(
    p_logits: ArrayLike,
    q_logits: ArrayLike,
    *,
    axis: int = -1,
    base: float | None = None,
    keepdims: bool = False,
) -> Floats:
    r"""KL divergence between the softmaxes of two rows of logits.

    .. math:: D_{\mathrm{KL}}(\operatorname{softmax}(\ell_p) \,\|\, \operatorname{softmax}(\ell_q))

    Parameters
    ----------
    p_logits, q_logits : array_like
        Logits along `axis`: finite, or -inf for a probability of 0.
    axis : int
        Axis of the outcomes, in each array separately.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.
    keepdims : bool
        Keep `axis` with length 1.

    Returns
    -------
    ndarray or float
        At least 0; infinite where q = 0 < p.

    Raises
    ------
    ValueError
        If a logit is NaN or +inf, a row is all -inf, or the alphabets differ.

    See Also
    --------
    torch.nn.functional.kl_div : takes log q first, then p.

    Examples
    --------
    >>> kl_from_logits([0, 0], [0, 2000]).round(6).item()
    999.306853
    """
    return _kernels.over_rows(
        _kernels.kl_of_logits,
        p_logits=p_logits,
        q_logits=q_logits,
        as_logits=("p_logits", "q_logits"),
        axis=axis,
        base=base,
        keepdims=keepdims,
    )


def js_from_logits(
    p_logits: ArrayLike,
    q_logits: ArrayLike,
    *,
    axis: int = -1,
    base: float | None = None,
    keepdims: bool = False,
) -> Floats:
    r"""Jensen-Shannon divergence between the softmaxes of two rows of logits.

    .. math:: \tfrac12 D_{\mathrm{KL}}(p \,\|\, m) + \tfrac12 D_{\mathrm{KL}}(q \,\|\, m),
       \qquad m = \tfrac12 (p + q)

    Parameters
    ----------
    p_logits, q_logits : array_like
        Logits along `axis`: finite, or -inf for a probability of 0.
    axis : int
        Axis of the outcomes, in each array separately.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.
    keepdims : bool
        Keep `axis` with length 1.

    Returns
    -------
    ndarray or float
        From 0 to log 2.

    Raises
    ------
    ValueError
        If a logit is NaN or +inf, a row is all -inf, or the alphabets differ.

    See Also
    --------
    scipy.spatial.distance.jensenshannon : the square root, of probabilities.

    References
    ----------
    J. Lin (1991). Divergence measures based on the Shannon entropy. doi:10.1109/18.61115

    Examples
    --------
    >>> js_from_logits([0, -1e9], [-1e9, 0], base=2).item()
    1.0
    """
    return _kernels.over_rows(
        _kernels.js_of_logits,
        p_logits=p_logits,
        q_logits=q_logits,
        as_logits=("p_logits", "q_logits"),
        axis=axis,
        base=base,
        keepdims=keepdims,
    )
