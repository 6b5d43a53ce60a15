r"""f-divergences: one generator, one divergence.

A convex function f with f(1) = 0 gives

.. math:: D_f(p \,\|\, q) = \sum_x q(x)\, f\!\left(\frac{p(x)}{q(x)}\right),

where :math:`0 f(0/0) = 0`, an outcome that only `q` has counts :math:`q\, f(0^+)`, and one that
only `p` has :math:`p \lim_{t \to \infty} f(t)/t`. ``FAMILY`` holds the named members as data; the
functions of one divergence are quicker, and keep all digits of nearly equal distributions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import wrightomega

from divkit import _kernels
from divkit._kernels import (
    LOG2,
    again,
    careful_sum,
    careful_total_variation,
    differences,
    exact_sum,
    expm1_minus,
    kl_terms,
    over_columns,
    over_rows,
)
from divkit._validation import (
    LARGEST,
    Floats,
    Reals,
    Rows,
    as_reals,
    checked,
    probabilities,
    tolerance,
)

__all__ = [
    "FAMILY",
    "FDivergence",
    "alpha",
    "alpha_divergence",
    "bhattacharyya_divergence",
    "bretagnolle_huber_bound",
    "chi2_divergence",
    "f_divergence",
    "hellinger_distance",
    "jeffreys_divergence",
    "js_distance",
    "js_divergence",
    "kl_bernoulli_inverse",
    "kl_bound_from_chi2",
    "pinsker_bound",
    "renyi_divergence",
    "total_variation",
    "tv_bounds_from_hellinger",
    "variational_bound",
]

Function = Callable[[Floats], Floats]


@dataclass(frozen=True)
class FDivergence:
    r"""An f-divergence: its generator and what goes with it.

    Parameters
    ----------
    name : str
        What it is called.
    f : callable
        The generator, a convex function of an array of positive numbers, with f(1) = 0.
    at_zero : float
        The limit of f(t) as t falls to 0: what an outcome costs that `p` lacks.
    slope : float
        The limit of f(t)/t as t grows: what an outcome costs that `q` lacks.
    conjugate : callable
        :math:`f^*(u) = \sup_{t > 0} \{u t - f(t)\}`, infinite outside its domain.
    activation : callable
        A map of all real numbers into the domain of the conjugate, for the last layer of a critic.
    conjugate_of_activation : callable, optional
        :math:`f^*(\text{activation}(v))`, simplified where that saves digits.

    See Also
    --------
    f_divergence : evaluates one.

    References
    ----------
    I. Csiszár (1967). Information-type measures of difference of probability distributions and
    indirect observations. Studia Scientiarum Mathematicarum Hungarica 2, 299-318.
    S. Nowozin, B. Cseke and R. Tomioka (2016). f-GAN: training generative neural samplers using
    variational divergence minimization. doi:10.48550/arXiv.1606.00709

    Examples
    --------
    >>> pearson = FAMILY["pearson_chi2"]
    >>> pearson.f(np.array([1.0, 3.0])).tolist(), pearson.at_zero, pearson.slope
    ([0.0, 4.0], 1.0, inf)
    """

    name: str
    f: Function
    at_zero: float
    slope: float
    conjugate: Function
    activation: Function
    conjugate_of_activation: Function | None = None

    def gan_loss(self, real: ArrayLike, fake: ArrayLike) -> Floats:
        r"""Value of the f-GAN game; the generator lowers it, the critic raises it.

        .. math:: E_{\text{real}}[g(v)] - E_{\text{fake}}[f^*(g(v))],

        where g is the activation. With the best critic it is the divergence itself.

        Parameters
        ----------
        real, fake : array_like
            Outputs v of the critic, before the activation, on real and on generated samples; any
            shapes, any finite numbers.

        Returns
        -------
        float
            At most the divergence, in the limit of many samples.

        Raises
        ------
        ValueError
            If there are no outputs or one is not finite.

        Examples
        --------
        For "js" and D the logistic function of v it is log 2 and half the value of the usual GAN.

        >>> round(FAMILY["js"].gan_loss([0.0, 0.0], [0.0]).item(), 12)
        0.0
        """
        v, w = _outputs(real, "real"), _outputs(fake, "fake")
        second = self.conjugate_of_activation or (lambda x: self.conjugate(self.activation(x)))
        with np.errstate(all="ignore"):
            first = _mean(self.activation(v))
            return first if first == -np.inf else first - _mean(second(w)) + 0.0


def _outputs(x: ArrayLike, name: str) -> Floats:
    """Return finite numbers in float64, at least one, or raise."""
    values = as_reals(x, name).astype(np.float64)
    if values.size == 0:
        raise ValueError(f"{name} of shape {values.shape} is empty")
    if not np.isfinite(values).all():
        place = np.unravel_index(int(np.argmin(np.isfinite(values))), values.shape)
        index = f"[{', '.join(str(int(i)) for i in place)}]" if place else ""
        raise ValueError(f"{name}{index} is {values[place]}: it must be finite")
    return values


def _mean(x: Floats) -> Floats:
    mean: Floats = np.asarray(x).mean(axis=None)
    return mean


def _within_domain(u: Floats, edge: float, inside: Function) -> Floats:
    """Return `inside(u)` up to the edge of the domain and infinity beyond it."""
    with np.errstate(all="ignore"):
        return np.where(u <= edge, inside(np.minimum(u, edge)), np.inf)


def _softplus(v: Floats) -> Floats:
    return np.logaddexp(0.0, v)


def _jeffreys_conjugate(u: Floats) -> Floats:
    w = wrightomega(1 - np.asarray(u))  # w exp(w) = exp(1 - u); t = 1/w attains the supremum
    value: Floats = w + 1 / w + u - 2
    return value


_MEMBERS = (
    FDivergence(
        name="kl",
        f=lambda t: t * np.log(t),
        at_zero=0.0,
        slope=np.inf,
        conjugate=lambda u: np.exp(u - 1),
        activation=lambda v: v,
    ),
    FDivergence(
        name="reverse_kl",
        f=lambda t: -np.log(t),
        at_zero=np.inf,
        slope=0.0,
        conjugate=lambda u: _within_domain(u, 0.0, lambda x: -1 - np.log(-x)),
        activation=lambda v: -np.exp(-v),
        conjugate_of_activation=lambda v: v - 1,
    ),
    FDivergence(
        name="jeffreys",
        f=lambda t: (t - 1) * np.log(t),
        at_zero=np.inf,
        slope=np.inf,
        conjugate=_jeffreys_conjugate,
        activation=lambda v: v - np.expm1(-v),  # the best critic has v = log(p/q)
        conjugate_of_activation=lambda v: v + np.expm1(v),
    ),
    FDivergence(
        name="js",
        f=lambda t: (t * np.log(t) - (t + 1) * np.log((t + 1) / 2)) / 2,
        at_zero=LOG2 / 2,
        slope=LOG2 / 2,
        conjugate=lambda u: _within_domain(
            u, LOG2 / 2, lambda x: -(LOG2 + np.log(-np.expm1(2 * x - LOG2))) / 2
        ),
        activation=lambda v: (LOG2 - _softplus(-v)) / 2,
        conjugate_of_activation=lambda v: (_softplus(v) - LOG2) / 2,
    ),
    FDivergence(
        name="total_variation",
        f=lambda t: abs(t - 1) / 2,
        at_zero=0.5,
        slope=0.5,
        conjugate=lambda u: _within_domain(u, 0.5, lambda x: np.maximum(x, -0.5)),
        activation=lambda v: np.tanh(v) / 2,
    ),
    FDivergence(
        name="squared_hellinger",
        f=lambda t: (np.sqrt(t) - 1) ** 2 / 2,
        at_zero=0.5,
        slope=0.5,
        conjugate=lambda u: _within_domain(u, 0.5, lambda x: x / (1 - 2 * x)),
        activation=lambda v: -np.expm1(-v) / 2,
        conjugate_of_activation=lambda v: np.expm1(v) / 2,
    ),
    FDivergence(
        name="pearson_chi2",
        f=lambda t: (t - 1) ** 2,
        at_zero=1.0,
        slope=np.inf,
        conjugate=lambda u: np.where(u > -2, u + u * u / 4, -1.0),
        activation=lambda v: v,
    ),
    FDivergence(
        name="neyman_chi2",
        f=lambda t: (t - 1) ** 2 / t,
        at_zero=np.inf,
        slope=1.0,
        conjugate=lambda u: _within_domain(u, 1.0, lambda x: 2 - 2 * np.sqrt(1 - x)),
        activation=lambda v: -np.expm1(-v),
        conjugate_of_activation=lambda v: -2 * np.expm1(-v / 2),
    ),
    FDivergence(
        name="triangular",
        f=lambda t: (t - 1) ** 2 / (t + 1),
        at_zero=1.0,
        slope=1.0,
        conjugate=lambda u: np.where(
            u > -3, _within_domain(u, 1.0, lambda x: 4 - x - 4 * np.sqrt(1 - x)), -1.0
        ),
        activation=lambda v: -np.expm1(-v),
        conjugate_of_activation=lambda v: np.where(
            v > -2 * LOG2, 3 + np.exp(-v) - 4 * np.exp(-v / 2), -1.0
        ),
    ),
)

FAMILY: Mapping[str, FDivergence] = MappingProxyType({d.name: d for d in _MEMBERS})
"""The named f-divergences by name, as data without code of their own."""


def alpha(order: float) -> FDivergence:
    r"""The f-divergence of `alpha_divergence` for one order.

    .. math:: f(t) = \frac{t^\alpha - 1 - \alpha (t - 1)}{\alpha (\alpha - 1)}

    with the limits t log t - t + 1 at order 1 and t - 1 - log t at order 0.

    Parameters
    ----------
    order : float
        The order alpha, any finite number.

    Returns
    -------
    FDivergence
        The member of that order.

    Raises
    ------
    ValueError
        If the order is no finite number.

    See Also
    --------
    alpha_divergence : the quick and exact way to its value.

    References
    ----------
    S. Amari (2016). Information geometry and its applications. Springer.
    doi:10.1007/978-4-431-55978-8

    Examples
    --------
    >>> alpha(2).f(np.array([3.0])).tolist()
    [2.0]
    """
    a = _order(order, least=-np.inf, most=LARGEST)
    return FDivergence(
        name=f"alpha({a:g})",
        f=partial(_alpha_generator, a=a),
        at_zero=1 / a if a > 0 else np.inf,
        slope=1 / (1 - a) if a < 1 else np.inf,
        conjugate=partial(_alpha_conjugate, a=a),
        activation=(lambda v: -np.expm1(-v) / (1 - a)) if a < 1 else (lambda v: v),
        conjugate_of_activation=partial(_alpha_fake, a=a) if a < 1 else None,
    )


def _alpha_generator(t: Floats, a: float) -> Floats:
    if a == 1:
        return t * np.log(t) - t + 1
    if a == 0:
        return t - 1 - np.log(t)
    return (t**a - 1 - a * (t - 1)) / (a * (a - 1))


def _alpha_conjugate(u: Floats, a: float) -> Floats:
    """((1 + (a - 1) u)^(a/(a - 1)) - 1)/a; beyond the edge the supremum is at t = 0 or infinite."""
    if a == 1:
        return np.expm1(u)
    x = np.maximum((a - 1) * np.asarray(u), -1.0)
    with np.errstate(all="ignore"):
        inside = -np.log1p(x) if a == 0 else np.expm1(a / (a - 1) * np.log1p(x)) / a
    return np.where((a - 1) * np.asarray(u) >= -1, inside, -1 / a if a > 1 else np.inf)


def _alpha_fake(v: Floats, a: float) -> Floats:
    """The conjugate of the activation, for orders below 1."""
    return v if a == 0 else np.expm1(v * a / (1 - a)) / a


def _order(order: float, *, least: float, most: float) -> float:
    """Return the order as a float, or raise."""
    real = isinstance(order, int | float | np.integer | np.floating) and order is not True
    if not (real and least <= order <= most and order > -np.inf):
        asked = "a finite number" if least < 0 else "a number from 0 to infinity"
        raise ValueError(f"order must be {asked}, got {order!r}")
    return float(order)


def f_divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    f: FDivergence | Function,
    at_zero: float | None = None,
    slope: float | None = None,
    axis: int = -1,
    keepdims: bool = False,
    normalize: bool = False,
) -> Floats:
    r"""f-divergence of any generator.

    .. math:: D_f(p \,\|\, q) = \sum_x q(x)\, f\!\left(\frac{p(x)}{q(x)}\right)

    with :math:`0 f(0/0) = 0`; an outcome that only `q` has counts :math:`q f(0^+)`, one that only
    `p` has :math:`p \lim_{t \to \infty} f(t)/t`.

    Parameters
    ----------
    p, q : array_like
        Distributions along `axis`; the other axes broadcast.
    f : FDivergence or callable
        A member of ``FAMILY``, or a convex function of an array of positive numbers with f(1) = 0.
    at_zero, slope : float, optional
        For a callable: the limits of f(t) at 0 and of f(t)/t at infinity. Found numerically, to
        about 12 digits, if None; a limit that is approached too slowly must be given.
    axis : int
        Axis of the outcomes, in each array separately.
    keepdims : bool
        Keep `axis` with length 1.
    normalize : bool
        Divide both by their sums first (for counts).

    Returns
    -------
    ndarray or float
        At least 0, in the unit of f (nats for natural logarithms); infinite where the support
        makes it so, or where p/q or f(p/q) is beyond the largest float.

    Raises
    ------
    ValueError
        If a row is no distribution, f(1) is not 0, f is seen not to be convex or is NaN, or a limit
        cannot be found.
    TypeError
        If f returns no array of the shape of its argument.

    See Also
    --------
    divkit.information.kl_divergence : quicker, and exact for nearly equal distributions.
    js_divergence, total_variation, hellinger_distance, chi2_divergence, alpha_divergence

    References
    ----------
    S. M. Ali and S. D. Silvey (1966). A general class of coefficients of divergence of one
    distribution from another. doi:10.1111/j.2517-6161.1966.tb00626.x

    Examples
    --------
    >>> f_divergence([0.5, 0.5], [0.25, 0.75], f=FAMILY["total_variation"]).item()
    0.25
    >>> f_divergence([0.5, 0.5], [1, 0], f=lambda t: (np.sqrt(t) - 1) ** 2).round(6).item()
    0.585786
    """
    if isinstance(f, FDivergence):
        if at_zero is not None or slope is not None:
            raise ValueError(f"at_zero and slope are those of {f.name}: pass them with a callable")
        generator, at_zero, slope = f.f, f.at_zero, f.slope
    else:
        generator = _checked_generator(f)
        at_zero = _limit(lambda e: f(2.0**-e), "at_zero", at_zero)
        slope = _limit(lambda e: f(2.0**e) / 2.0**e, "slope", slope)
    kernel = partial(_generic, f=generator, at_zero=at_zero, slope=slope)
    return over_rows(kernel, p=p, q=q, axis=axis, keepdims=keepdims, normalize=normalize)


def _generic(p: Rows, q: Rows, *, f: Function, at_zero: float, slope: float) -> Floats:
    """sum q f(p/q), with the two limits where one of them is 0."""

    def part(p_x: Floats, q_x: Floats) -> Floats:
        return _generic_sums(p_x / p.totals[:, None], q_x / q.totals[:, None], f)

    value, size, lost, extra = over_columns(part, p.values, q.values).T
    value += np.where(lost > 0, lost * at_zero, 0.0) + np.where(extra > 0, extra * slope, 0.0)
    if (value < -1e-9 * (1 + size)).any():
        raise ValueError(f"f is not convex: the divergence came out as {value.min()}")
    nats: Floats = np.maximum(value, 0.0)
    return nats


def _generic_sums(p: Floats, q: Floats, f: Function) -> Floats:
    """Sums of q f(p/q) and its size where p and q are positive, of q without p, of p without q."""
    ratio = p / q
    both = (ratio > 0) & (ratio < np.inf)
    values = np.where(both, f(np.where(both, ratio, 1.0)), 0.0)
    if np.isnan(values).any():
        raise ValueError(f"f is NaN at {ratio[np.isnan(values)][0]}")
    sums = np.empty((len(p), 4))
    sums[:, 0], sums[:, 1] = np.vecdot(q, values), np.vecdot(q, abs(values))
    sums[:, 2], sums[:, 3] = (
        np.where(ratio == r, x, 0.0).sum(axis=-1) for r, x in ((0, q), (np.inf, p))
    )
    return sums


def _checked_generator(f: Function) -> Function:
    """Return f, made to complain of what it returns, or raise."""
    if not callable(f):
        raise TypeError(f"f must be an FDivergence or a callable, got {f!r}")

    def generator(t: Floats) -> Floats:
        values = np.asarray(f(t))
        if values.shape != t.shape or values.dtype.kind not in "fiu":
            raise TypeError(
                f"f must return an array of real numbers of the shape {t.shape} of its argument, "
                f"got shape {values.shape} and dtype {values.dtype}"
            )
        return values.astype(np.float64)

    at_one = generator(np.ones(2))[0]
    if not abs(at_one) < 1e-12:
        raise ValueError(f"f(1) is {at_one}, not 0: subtract it, or D(p, p) would not be 0")
    return generator


def _limit(along: Function, name: str, given: float | None) -> float:
    """Return the limit of a sequence of powers of two, unless it is given.

    It is taken where two values agree, and is infinite where the steps do not shrink as the
    exponents double.
    """
    if given is not None:
        if not (isinstance(given, int | float | np.number) and given > -np.inf):
            raise ValueError(f"{name} must be a number or infinity, got {given!r}")
        return float(given)
    with np.errstate(all="ignore"):
        values = np.asarray(along(np.array([30.0, 60, 120, 240, 480, 960])), dtype=np.float64)
        steps = np.diff(values)
        still = abs(steps) <= 1e-12 * np.maximum(1, abs(values[:-1]))
    if still.any():
        return float(values[:-1][still][0])
    grows = (steps > 0).all() and (np.diff(steps) > -1e-9 * steps[:-1]).all()
    if grows or values[-1] == np.inf:
        return np.inf
    raise ValueError(f"no limit of f was found: its values are {values.tolist()}; pass {name}=")


def variational_bound(
    p: ArrayLike,
    q: ArrayLike,
    *,
    f: FDivergence,
    critic: ArrayLike | Callable[[Any], ArrayLike],
    normalize: bool = False,
) -> Floats:
    r"""Lower bound of an f-divergence by a critic T.

    .. math:: D_f(p \,\|\, q) \ge E_p[T] - E_q[f^*(T)],

    with equality where T = f'(p/q).

    Parameters
    ----------
    p, q : array_like
        With a table as the critic: two distributions. With a function: samples of the two laws,
        in whatever form the function takes.
    f : FDivergence
        A member of ``FAMILY``, or your own.
    critic : array_like or callable
        T: a number for every outcome, or a function from samples to a number for each. Finite.
    normalize : bool
        Divide distributions by their sums first (for counts).

    Returns
    -------
    float
        At most the divergence (for samples, on average over samples); minus infinity where T
        leaves the domain of the conjugate.

    Raises
    ------
    ValueError
        If the distributions are none, T is not finite, or the shapes differ.
    TypeError
        If f is no FDivergence: the bound needs its conjugate.

    See Also
    --------
    FDivergence.gan_loss : the same for the raw outputs of a network.

    References
    ----------
    X. Nguyen, M. J. Wainwright and M. I. Jordan (2010). Estimating divergence functionals and the
    likelihood ratio by convex risk minimization. doi:10.1109/TIT.2010.2068870

    Examples
    --------
    >>> p, q = np.array([0.1, 0.2, 0.7]), np.array([0.8, 0.1, 0.1])
    >>> kl = FAMILY["kl"]
    >>> variational_bound(p, q, f=kl, critic=1 + np.log(p / q)).round(6).item()
    1.292822
    >>> x, y = np.array([0.0, 1.0]), np.array([2.0, 3.0])  # samples
    >>> variational_bound(x, y, f=kl, critic=lambda z: 1 - z).round(6).item()
    0.407439
    """
    if not isinstance(f, FDivergence):
        raise TypeError(f"f must be an FDivergence, for its conjugate, got {f!r}")
    with np.errstate(all="ignore"):
        if callable(critic):
            t, u = (_outputs(critic(x), f"critic({n})") for n, x in (("p", p), ("q", q)))
            return _mean(t) - _mean(f.conjugate(u)) + 0.0
        table = _outputs(critic, "critic")
        p_x, q_x = (_distribution(x, n, normalize) for n, x in (("p", p), ("q", q)))
        if not table.shape == p_x.shape == q_x.shape:
            shapes = f"p {p_x.shape}, q {q_x.shape}, critic {table.shape}"
            raise ValueError(f"the shapes must match, but they are {shapes}")
        cost = np.where(q_x > 0, q_x * f.conjugate(table), 0.0)
        cost[(q_x == 0) & (p_x > 0) & (table > f.slope)] = np.inf  # more than such an x can bear
        value: Floats = np.vecdot(p_x, table) - cost.sum() + 0.0
        return value


def _distribution(x: ArrayLike, name: str, normalize: bool) -> Floats:
    """Return one distribution, divided by its sum, or raise."""
    array = as_reals(x, name)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be one distribution, got shape {array.shape}")
    row = checked(array[None], name, tolerance(array), 0, normalize)
    value: Floats = row.values[0] / row.totals[0]
    return value


def js_divergence(
    p: ArrayLike,
    q: ArrayLike | None = None,
    *,
    weights: ArrayLike | None = None,
    among: int = -2,
    axis: int = -1,
    base: float | None = None,
    keepdims: bool = False,
    normalize: bool = False,
) -> Floats:
    r"""Jensen-Shannon divergence of two or more distributions.

    .. math:: \tfrac12 D_{\mathrm{KL}}(p \,\|\, m) + \tfrac12 D_{\mathrm{KL}}(q \,\|\, m),
       \qquad m = \tfrac12 (p + q)

    and with weights w of n distributions :math:`\sum_i w_i D_{\mathrm{KL}}(p_i \,\|\, m)` with
    :math:`m = \sum_i w_i p_i`.

    Parameters
    ----------
    p, q : array_like
        Distributions along `axis`; the other axes broadcast. Without `q` the distributions to
        compare lie along the axis `among` of `p`.
    weights : array_like, optional
        One weight for each distribution; they sum to 1. Equal if None.
    among : int
        Axis of `p` along which the distributions lie that are compared; of use without `q` only.
    axis : int
        Axis of the outcomes, in each array separately.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.
    keepdims : bool
        Keep `axis` with length 1.
    normalize : bool
        Divide distributions and weights by their sums first (for counts).

    Returns
    -------
    ndarray or float
        From 0 (all equal) to the entropy of the weights (log 2 for two equal ones), which it
        reaches where no two share an outcome. Never NaN or infinite.

    Raises
    ------
    ValueError
        If a row is no distribution, the alphabets differ, or the weights are none.
    TypeError
        If an argument does not hold real numbers or has masked entries.

    See Also
    --------
    js_distance : the root, a metric.
    scipy.spatial.distance.jensenshannon : the root; normalises silently.
    divkit.information.js_from_logits : for softmaxes.

    Notes
    -----
    It is the mutual information of an outcome and the number of the distribution it came from.

    References
    ----------
    J. Lin (1991). Divergence measures based on the Shannon entropy. doi:10.1109/18.61115

    Examples
    --------
    >>> js_divergence([0.1, 0.2, 0.7], [0.8, 0.1, 0.1]).round(12).item()
    0.289987547684
    >>> js_divergence([[1, 0, 0], [0, 1, 0], [0, 0, 1]]).round(6).item()
    1.098612
    >>> js_divergence([1, 0], [0, 1], weights=[0.25, 0.75], base=2).round(6).item()
    0.811278
    """
    laws = _apart(p, among, axis) if q is None else {"p": as_reals(p, "p"), "q": as_reals(q, "q")}
    kernel, entries = _kernels.js, _kernels.LARGE_BLOCK
    if weights is not None or len(laws) != 2:
        shares = np.full(len(laws), 1 / len(laws)) if weights is None else weights
        kernel = partial(_weighted_js, weights=_weights(shares, len(laws), normalize))
        entries = max(1, _kernels.BLOCK // len(laws))
    return over_rows(
        kernel,
        axis=-1 if q is None else axis,
        base=base,
        keepdims=keepdims,
        normalize=normalize,
        entries=entries,
        **laws,  # type: ignore[arg-type]
    )


def _apart(p: ArrayLike, among: int, axis: int) -> dict[str, Reals]:
    """Cut an array of distributions along the axis `among`, the outcomes moved last."""
    array = as_reals(p, "p")
    for name, number in (("axis", axis), ("among", among)):
        if not -array.ndim <= number < array.ndim:
            raise ValueError(f"{name}={number} does not exist in p of shape {array.shape}")
    if among % array.ndim == axis % array.ndim:
        raise ValueError(f"among={among} and axis={axis} are the same axis of p")
    if array.shape[among] == 0:
        raise ValueError(f"p of shape {array.shape} has no distributions along axis {among}")
    moved = np.moveaxis(array, (among, axis), (0, -1))
    return {f"p[{i}]": law for i, law in enumerate(moved)}


def _weights(weights: ArrayLike, n: int, normalize: bool) -> Floats:
    """Return the weights of n distributions, or raise."""
    values = _distribution(weights, "weights", normalize)
    if values.shape != (n,):
        raise ValueError(f"weights has {values.size} entries for {n} distributions")
    return values


def _weighted_js(*laws: Rows, weights: Floats) -> Floats:
    """sum w KL(p||m) with m = sum w p."""
    chosen = [law for law, w in zip(laws, weights, strict=True) if w > 0]
    w = weights[weights > 0]
    arrays = [law.values for law in chosen]

    def part(*pieces: Floats) -> Floats:
        both = zip(pieces, chosen, strict=True)
        table = np.stack([piece / law.totals[:, None] for piece, law in both])
        logs = np.log(np.fmax(table / np.tensordot(w, table, 1), _kernels.TINY))
        nats: Floats = w @ np.vecdot(table, logs)
        return nats

    value = over_columns(part, *arrays, entries=max(1, _kernels.BLOCK // len(arrays)))
    again(value, partial(_careful_weighted_js, w=w), *arrays, below=_kernels.JS_CAREFUL_BELOW)
    return np.minimum(value, -w @ np.log(w))


def _careful_weighted_js(*laws: Floats, w: Floats) -> Floats:
    """sum w (p log(p/m) - p + m); the gaps p - m come from the gaps to the first distribution."""
    part = partial(_careful_weighted_part, w=w, sums=[exact_sum(law) for law in laws])
    return over_columns(part, *laws, entries=max(1, _kernels.CAREFUL_BLOCK // len(laws)))


def _careful_weighted_part(
    first: Floats, *others: Floats, w: Floats, sums: list[tuple[Floats, Floats]]
) -> Floats:
    """The sum over some of the outcomes; `sums` are those of whole rows."""
    gaps, laws = [np.zeros_like(first)], [first / sums[0][0]]
    for other, total in zip(others, sums[1:], strict=True):
        d, s, (p, _) = differences(other, first, (total, sums[0]))
        gaps.append(d * s)
        laws.append(p)
    m, mean_gap = np.tensordot(w, np.stack(laws), 1), np.tensordot(w, np.stack(gaps), 1)
    value = np.zeros(len(first))
    for share, p, gap in zip(w, laws, gaps, strict=True):
        s = p + m
        d = np.divide(gap - mean_gap, s, out=np.zeros_like(s), where=s > 0)
        value += share * kl_terms(p, m, d, s).sum(axis=-1)
    return value


def js_distance(
    p: ArrayLike,
    q: ArrayLike,
    *,
    axis: int = -1,
    base: float | None = None,
    keepdims: bool = False,
    normalize: bool = False,
) -> Floats:
    r"""Jensen-Shannon distance, the root of the divergence: a metric.

    .. math:: \sqrt{\mathrm{JS}(p, q)}

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
        From 0 to the root of log 2, 1 for base 2.

    Raises
    ------
    ValueError
        If a row is no distribution or the alphabets differ.

    See Also
    --------
    scipy.spatial.distance.jensenshannon : the same, but NaN or inf for some near-equal or tiny
        probabilities; normalises silently.

    References
    ----------
    D. M. Endres and J. E. Schindelin (2003). A new metric for probability distributions.
    doi:10.1109/TIT.2003.813506

    Examples
    --------
    >>> js_distance([1, 0], [0, 1], base=2).item()
    1.0
    """
    squares = js_divergence(p, q, axis=axis, base=base, keepdims=keepdims, normalize=normalize)
    return np.sqrt(squares, out=squares if squares.ndim else None)


def jeffreys_divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    axis: int = -1,
    base: float | None = None,
    keepdims: bool = False,
    normalize: bool = False,
) -> Floats:
    r"""Jeffreys' divergence: the sum of both KL divergences.

    .. math:: D_{\mathrm{KL}}(p \,\|\, q) + D_{\mathrm{KL}}(q \,\|\, p)
       = \sum_x (p(x) - q(x)) \log \frac{p(x)}{q(x)}

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
        At least 0; infinite where one of two probabilities is 0 and the other is not.

    Raises
    ------
    ValueError
        If a row is no distribution or the alphabets differ.
    TypeError
        If an argument does not hold real numbers or has masked entries.

    See Also
    --------
    divkit.information.kl_divergence : one direction.
    js_divergence : symmetric and bounded.

    References
    ----------
    H. Jeffreys (1946). An invariant form for the prior probability in estimation problems.
    doi:10.1098/rspa.1946.0056

    Examples
    --------
    >>> jeffreys_divergence([0.1, 0.2, 0.7], [0.8, 0.1, 0.1]).round(12).item()
    2.692469886665
    """
    return over_rows(
        _jeffreys, p=p, q=q, axis=axis, base=base, keepdims=keepdims, normalize=normalize
    )


def _jeffreys(p: Rows, q: Rows) -> Floats:
    return _kernels.kl(p, q) + _kernels.kl(q, p)


def total_variation(
    p: ArrayLike,
    q: ArrayLike,
    *,
    axis: int = -1,
    keepdims: bool = False,
    normalize: bool = False,
) -> Floats:
    r"""Total variation distance: the largest difference in the probability of an event.

    .. math:: \mathrm{TV}(p, q) = \max_A |p(A) - q(A)| = \tfrac12 \sum_x |p(x) - q(x)|

    Parameters
    ----------
    p, q : array_like
        Distributions along `axis`; the other axes broadcast.
    axis : int
        Axis of the outcomes, in each array separately.
    keepdims : bool
        Keep `axis` with length 1.
    normalize : bool
        Divide both by their sums first (for counts).

    Returns
    -------
    ndarray or float
        From 0 to 1, which it reaches where no outcome is shared.

    Raises
    ------
    ValueError
        If a row is no distribution or the alphabets differ.
    TypeError
        If an argument does not hold real numbers or has masked entries.

    See Also
    --------
    pinsker_bound, bretagnolle_huber_bound, tv_bounds_from_hellinger
    scipy.spatial.distance.cityblock : twice as much, and unchecked.

    References
    ----------
    A. L. Gibbs and F. E. Su (2002). On choosing and bounding probability metrics.
    doi:10.1111/j.1751-5823.2002.tb00178.x

    Examples
    --------
    >>> total_variation([0.1, 0.2, 0.7], [0.8, 0.1, 0.1]).round(12).item()
    0.7
    """
    return over_rows(_total_variation, p=p, q=q, axis=axis, keepdims=keepdims, normalize=normalize)


def _total_variation(p: Rows, q: Rows) -> Floats:
    def part(p_x: Floats, q_x: Floats) -> Floats:
        total: Floats = abs(p_x / p.totals[:, None] - q_x / q.totals[:, None]).sum(axis=-1) / 2
        return total

    value = over_columns(part, p.values, q.values)
    again(value, careful_total_variation, p.values, q.values)
    return np.minimum(value, 1.0)


def hellinger_distance(
    p: ArrayLike,
    q: ArrayLike,
    *,
    axis: int = -1,
    keepdims: bool = False,
    normalize: bool = False,
) -> Floats:
    r"""Hellinger distance, a metric: the distance of the roots of the probabilities.

    .. math:: H(p, q) = \sqrt{\tfrac12 \sum_x \bigl(\sqrt{p(x)} - \sqrt{q(x)}\bigr)^2}

    Parameters
    ----------
    p, q : array_like
        Distributions along `axis`; the other axes broadcast.
    axis : int
        Axis of the outcomes, in each array separately.
    keepdims : bool
        Keep `axis` with length 1.
    normalize : bool
        Divide both by their sums first (for counts).

    Returns
    -------
    ndarray or float
        From 0 to 1, which it reaches where no outcome is shared.

    Raises
    ------
    ValueError
        If a row is no distribution or the alphabets differ.
    TypeError
        If an argument does not hold real numbers or has masked entries.

    See Also
    --------
    bhattacharyya_divergence : -log(1 - H^2).
    tv_bounds_from_hellinger

    References
    ----------
    E. Hellinger (1909). Neue Begründung der Theorie quadratischer Formen von unendlichvielen
    Veränderlichen. doi:10.1515/crll.1909.136.210

    Examples
    --------
    >>> hellinger_distance([0.1, 0.2, 0.7], [0.8, 0.1, 0.1]).round(12).item()
    0.557817891593
    """
    squares = over_rows(
        _squared_hellinger, p=p, q=q, axis=axis, keepdims=keepdims, normalize=normalize
    )
    return np.sqrt(squares, out=squares if squares.ndim else None)


def _squared_hellinger(p: Rows, q: Rows) -> Floats:
    def part(p_x: Floats, q_x: Floats) -> Floats:
        gaps = np.sqrt(p_x / p.totals[:, None]) - np.sqrt(q_x / q.totals[:, None])
        return np.asarray(np.vecdot(gaps, gaps) / 2)

    value = over_columns(part, p.values, q.values)
    again(value, partial(careful_sum, _hellinger_terms), p.values, q.values)
    return np.minimum(value, 1.0)


def _hellinger_terms(p: Floats, q: Floats, d: Floats, s: Floats) -> Floats:
    """(sqrt p - sqrt q)^2 / 2, the gap of the roots as p - q over their sum."""
    roots = np.sqrt(p) + np.sqrt(q)
    gaps = np.divide(d * s, roots, out=np.zeros_like(s), where=roots > 0)
    return np.asarray(gaps * gaps / 2)


def chi2_divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    axis: int = -1,
    keepdims: bool = False,
    normalize: bool = False,
) -> Floats:
    r"""Pearson's chi-squared divergence.

    .. math:: \chi^2(p \,\|\, q) = \sum_x \frac{(p(x) - q(x))^2}{q(x)}

    Parameters
    ----------
    p, q : array_like
        Distributions along `axis`; the other axes broadcast.
    axis : int
        Axis of the outcomes, in each array separately.
    keepdims : bool
        Keep `axis` with length 1.
    normalize : bool
        Divide both by their sums first (for counts).

    Returns
    -------
    ndarray or float
        At least 0; infinite where q = 0 < p, or beyond the largest float.

    Raises
    ------
    ValueError
        If a row is no distribution or the alphabets differ.
    TypeError
        If an argument does not hold real numbers or has masked entries.

    See Also
    --------
    scipy.stats.chisquare : the statistic of a test, the sample size times as much.
    kl_bound_from_chi2

    Notes
    -----
    Neyman's divergence, with p in the denominator, is ``chi2_divergence(q, p)``.

    References
    ----------
    K. Pearson (1900). On the criterion that a given system of deviations from the probable in the
    case of a correlated system of variables is such that it can be reasonably supposed to have
    arisen from random sampling. doi:10.1080/14786440009463897

    Examples
    --------
    >>> chi2_divergence([0.1, 0.2, 0.7], [0.8, 0.1, 0.1]).round(12).item()
    4.3125
    """
    return over_rows(_chi2, p=p, q=q, axis=axis, keepdims=keepdims, normalize=normalize)


def _chi2(p: Rows, q: Rows) -> Floats:
    def part(p_x: Floats, q_x: Floats) -> Floats:
        q_x = q_x / q.totals[:, None]
        total: Floats = _chi2_terms(p_x / p.totals[:, None] - q_x, q_x).sum(axis=-1)
        return total

    value = over_columns(part, p.values, q.values)
    careful = partial(careful_sum, lambda _, q, d, s: _chi2_terms(d * s, q))
    return again(value, careful, p.values, q.values)


def _chi2_terms(gaps: Floats, q: Floats) -> Floats:
    """gaps^2/q, where 0/0 = 0."""
    roots = np.divide(gaps, np.sqrt(q), out=np.zeros_like(gaps), where=gaps != 0)
    return np.asarray(roots * roots)


def renyi_divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    order: float,
    axis: int = -1,
    base: float | None = None,
    keepdims: bool = False,
    normalize: bool = False,
) -> Floats:
    r"""Rényi divergence.

    .. math:: D_a(p \,\|\, q) = \frac{1}{a - 1} \log \sum_x p(x)^a q(x)^{1 - a}

    Parameters
    ----------
    p, q : array_like
        Distributions along `axis`; the other axes broadcast.
    order : float
        The order a, from 0 to infinity. Order 0 is -log q(p > 0), order 1 the KL divergence, order
        infinity the logarithm of the largest p/q.
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
        At least 0, growing with the order; infinite where q = 0 < p for orders of at least 1, and
        for smaller ones only if no outcome is shared.

    Raises
    ------
    ValueError
        If a row is no distribution or the alphabets differ,
        or the order is negative or NaN.
    TypeError
        If an argument does not hold real numbers or has masked entries.

    See Also
    --------
    bhattacharyya_divergence : half of order 1/2.
    chi2_divergence : order 2 is log(1 + chi2).
    alpha_divergence : the same sum without the logarithm.

    References
    ----------
    A. Rényi (1961). On measures of entropy and information. Fourth Berkeley Symposium 1, 547-561.
    T. van Erven and P. Harremoës (2014). Rényi divergence and Kullback-Leibler divergence.
    doi:10.1109/TIT.2014.2320500

    Examples
    --------
    >>> p, q = [0.5, 0.5], [0.25, 0.75]
    >>> [renyi_divergence(p, q, order=a).round(6).item() for a in (0, 0.5, 1, 2, np.inf)]
    [0.0, 0.069336, 0.143841, 0.287682, 0.693147]
    """
    kernel = partial(_renyi, order=_order(order, least=0, most=np.inf))
    return over_rows(kernel, p=p, q=q, axis=axis, base=base, keepdims=keepdims, normalize=normalize)


def _renyi(p: Rows, q: Rows, *, order: float) -> Floats:
    if order == 1:
        return _kernels.kl(p, q)
    if order == np.inf:
        return again(_largest_log_ratio(p, q), _careful_largest_log_ratio, p.values, q.values)
    if order == 0:
        return _minus_log_kept(p, q)
    value: Floats = _log_sum(p, q, order) / (order - 1)
    return value


def _minus_log_kept(p: Rows, q: Rows) -> Floats:
    """-log q(p > 0)."""

    def kept_by(p_x: Floats, q_x: Floats) -> Floats:
        return np.asarray(np.where(p_x > 0, q_x, 0.0).sum(axis=-1))

    def lost_by(p_x: Floats, q_x: Floats) -> Floats:
        return np.asarray(np.where(p_x > 0, 0.0, q_x).sum(axis=-1))

    kept, lost = (over_columns(f, p.values, q.values) / q.totals for f in (kept_by, lost_by))
    value: Floats = -np.where(lost < 0.5, np.log1p(-lost), np.log(kept))
    return value


def _log_ratio(p: Floats, q: Floats) -> Floats:
    """log(p/q), also where p/q is too large or too small for a float; NaN for 0/0."""
    logs: Floats = np.log(p / q)
    beyond = np.isinf(logs) & (p > 0) & (q > 0)
    if beyond.any():
        logs[beyond] = np.log(p[beyond]) - np.log(q[beyond])
    return logs


def _largest_log_ratio(p: Rows, q: Rows) -> Floats:
    def part(p_x: Floats, q_x: Floats) -> Floats:
        largest: Floats = np.where(p_x > 0, _log_ratio(p_x, q_x), -np.inf).max(axis=-1)
        return largest

    return over_columns(part, p.values, q.values, join=np.maximum) + np.log(q.totals / p.totals)


def _careful_largest_log_ratio(p: Floats, q: Floats) -> Floats:
    sums = exact_sum(p), exact_sum(q)

    def part(p: Floats, q: Floats) -> Floats:
        largest: Floats = differences(p, q, sums)[0].max(axis=-1)
        return largest

    d = over_columns(part, p, q, entries=_kernels.CAREFUL_BLOCK, join=np.maximum)
    return np.asarray(2 * np.arctanh(d))


def _log_sum(p: Rows, q: Rows, order: float) -> Floats:
    """log sum p^a q^(1 - a) = log sum p (p/q)^b with b = a - 1.

    Orders below 1/2 are computed as orders above 1/2 of the exchanged distributions.
    """
    p, q, a, b = (p, q, order, order - 1) if order >= 0.5 else (q, p, 1 - order, -order)
    shift = np.log(q.totals / p.totals)[:, None]

    def part(p_x: Floats, q_x: Floats) -> Floats:
        powers = np.where(p_x > 0, b * (_log_ratio(p_x, q_x) + shift), -np.inf)
        top = powers.max(axis=-1)
        rest = np.vecdot(p_x, np.exp(powers - top[:, None])) / p.totals
        return np.asarray(np.where(np.isfinite(top), top + np.log(rest), top))

    sign = 1.0 if b > 0 else -1.0
    size: Floats = sign * over_columns(part, p.values, q.values, join=np.logaddexp)
    careful = partial(_careful_log_sum, a=a, b=b, sign=sign)
    return np.asarray(sign * again(size, careful, p.values, q.values, most=np.inf))


def _careful_log_sum(p: Floats, q: Floats, a: float, b: float, sign: float) -> Floats:
    """log(1 + ab D) without its sign, which is that of b; D is the alpha-divergence of order a."""
    size: Floats = sign * np.log1p(a * b * careful_sum(partial(_alpha_terms, a=a, b=b), p, q))
    return size


def _alpha_terms(p: Floats, q: Floats, d: Floats, s: Floats, a: float, b: float) -> Floats:
    """(p log(p/q) - p + q + p (exp(bL) - 1 - bL)/b)/a with L = log(p/q): no digits are lost."""
    near = abs(d) < _kernels.SERIES_BELOW
    logs = 2 * np.arctanh(np.where(near, d, 0.0))
    if not near.all():
        both = (p > 0) & (q > 0)
        far_logs = np.log(np.where(both, p, 1.0)) - np.log(np.where(both, q, 1.0))
        logs = np.where(near, logs, far_logs)
    terms = (kl_terms(p, q, d, s) + p * expm1_minus(b * logs) / b) / a
    alone = (p > 0) & (q == 0)
    terms[alone] = -p[alone] / b  # b < 0: for others the sum is infinite, and never near
    return np.asarray(terms)


def alpha_divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    order: float,
    axis: int = -1,
    keepdims: bool = False,
    normalize: bool = False,
) -> Floats:
    r"""Alpha-divergence of Amari, between and beyond the two KL divergences.

    .. math:: D_\alpha(p \,\|\, q)
       = \frac{\sum_x p(x)^\alpha q(x)^{1 - \alpha} - 1}{\alpha (\alpha - 1)}

    Parameters
    ----------
    p, q : array_like
        Distributions along `axis`; the other axes broadcast.
    order : float
        The order, any finite number: 1 is KL(p || q), 0 is KL(q || p), 1/2 four times the squared
        Hellinger distance, 2 half of Pearson's and -1 half of Neyman's chi-squared.
    axis : int
        Axis of the outcomes, in each array separately.
    keepdims : bool
        Keep `axis` with length 1.
    normalize : bool
        Divide both by their sums first (for counts).

    Returns
    -------
    ndarray or float
        At least 0; infinite where q = 0 < p for orders of at least 1, where p = 0 < q for orders
        of at most 0, or beyond the largest float.

    Raises
    ------
    ValueError
        If a row is no distribution or the alphabets differ,
        or the order is not finite.
    TypeError
        If an argument does not hold real numbers or has masked entries.

    See Also
    --------
    alpha : the same as an f-divergence.
    renyi_divergence : with the logarithm of the sum.

    References
    ----------
    A. Cichocki and S. Amari (2010). Families of alpha- beta- and gamma-divergences: flexible and
    robust measures of similarities. doi:10.3390/e12061532

    Examples
    --------
    >>> p, q = [0.5, 0.5], [0.25, 0.75]
    >>> [alpha_divergence(p, q, order=a).round(6).item() for a in (0, 0.5, 1, 2)]
    [0.130812, 0.136297, 0.143841, 0.166667]
    """
    kernel = partial(_alpha, order=_order(order, least=-np.inf, most=LARGEST))
    return over_rows(kernel, p=p, q=q, axis=axis, keepdims=keepdims, normalize=normalize)


def _alpha(p: Rows, q: Rows, order: float) -> Floats:
    if order in (0, 1):
        return _kernels.kl(p, q) if order == 1 else _kernels.kl(q, p)
    value: Floats = np.expm1(_log_sum(p, q, order)) / (order * (order - 1))
    return value


def bhattacharyya_divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    axis: int = -1,
    base: float | None = None,
    keepdims: bool = False,
    normalize: bool = False,
) -> Floats:
    r"""Bhattacharyya divergence; no metric, for all that it is often called a distance.

    .. math:: -\log \sum_x \sqrt{p(x)\, q(x)}

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
        At least 0; infinite where no outcome is shared.

    Raises
    ------
    ValueError
        If a row is no distribution or the alphabets differ.
    TypeError
        If an argument does not hold real numbers or has masked entries.

    See Also
    --------
    hellinger_distance : a metric, the root of 1 - exp(-this).
    renyi_divergence : twice as much at order 1/2.

    References
    ----------
    A. Bhattacharyya (1943). On a measure of divergence between two statistical populations defined
    by their probability distributions. Bulletin of the Calcutta Mathematical Society 35, 99-109.

    Examples
    --------
    >>> bhattacharyya_divergence([0.5, 0.5], [1, 0], base=2).round(12).item()
    0.5
    """
    return over_rows(
        _bhattacharyya, p=p, q=q, axis=axis, base=base, keepdims=keepdims, normalize=normalize
    )


def _bhattacharyya(p: Rows, q: Rows) -> Floats:
    return -_log_sum(p, q, 0.5)


def pinsker_bound(kl: ArrayLike) -> Floats:
    r"""Pinsker's upper bound of the total variation distance by the KL divergence.

    .. math:: \mathrm{TV}(p, q) \le \sqrt{\tfrac12 D_{\mathrm{KL}}(p \,\|\, q)}

    Parameters
    ----------
    kl : array_like
        KL divergences in nats, of any shape.

    Returns
    -------
    ndarray or float
        The bound, at least 0; above 1, for more than 2 nats, it says nothing.

    Raises
    ------
    ValueError
        If a divergence is negative or NaN.

    See Also
    --------
    bretagnolle_huber_bound : better for large divergences, never above 1.

    References
    ----------
    S. Kullback (1967). A lower bound for discrimination information in terms of variation.
    doi:10.1109/TIT.1967.1053968

    Examples
    --------
    >>> pinsker_bound([0.02, 2.0]).round(12).tolist()
    [0.1, 1.0]
    """
    return np.sqrt(_at_least_zero(kl, "kl") / 2)


def bretagnolle_huber_bound(kl: ArrayLike) -> Floats:
    r"""Upper bound of the total variation distance by the KL divergence that stays below 1.

    .. math:: \mathrm{TV}(p, q) \le \sqrt{1 - e^{-D_{\mathrm{KL}}(p \,\|\, q)}}

    Parameters
    ----------
    kl : array_like
        KL divergences in nats, of any shape.

    Returns
    -------
    ndarray or float
        The bound, from 0 to 1.

    Raises
    ------
    ValueError
        If a divergence is negative or NaN.

    See Also
    --------
    pinsker_bound : better for divergences below 1.59 nats.

    References
    ----------
    J. Bretagnolle and C. Huber (1979). Estimation des densités: risque minimax.
    doi:10.1007/BF00535278

    Examples
    --------
    >>> bretagnolle_huber_bound([0.0, 2.0, np.inf]).round(6).tolist()
    [0.0, 0.929873, 1.0]
    """
    return np.sqrt(-np.expm1(-_at_least_zero(kl, "kl"))) + 0.0


def tv_bounds_from_hellinger(h: ArrayLike) -> tuple[Floats, Floats]:
    r"""Lower and upper bound of the total variation distance by the Hellinger distance.

    .. math:: H^2 \le \mathrm{TV}(p, q) \le H \sqrt{2 - H^2}

    Parameters
    ----------
    h : array_like
        Hellinger distances in [0, 1], of any shape.

    Returns
    -------
    tuple of ndarray or float
        The lower and the upper bound, both from 0 to 1.

    Raises
    ------
    ValueError
        If a distance is not in [0, 1].

    See Also
    --------
    hellinger_distance, total_variation

    References
    ----------
    L. Le Cam (1969). Théorie asymptotique de la décision statistique. Presses de l'Université de
    Montréal.

    Examples
    --------
    >>> [bound.round(6).item() for bound in tv_bounds_from_hellinger(0.5)]
    [0.25, 0.661438]
    """
    values = _at_least_zero(h, "h")
    if (values > 1).any():
        raise ValueError(f"h holds {values[values > 1].flat[0]}: Hellinger distances are at most 1")
    return values**2, values * np.sqrt(2 - values**2)


def kl_bound_from_chi2(chi2: ArrayLike) -> Floats:
    r"""Upper bound of the KL divergence by Pearson's chi-squared divergence.

    .. math:: D_{\mathrm{KL}}(p \,\|\, q) \le \log(1 + \chi^2(p \,\|\, q))

    Parameters
    ----------
    chi2 : array_like
        Chi-squared divergences, of any shape.

    Returns
    -------
    ndarray or float
        The bound in nats, at least 0.

    Raises
    ------
    ValueError
        If a divergence is negative or NaN.

    See Also
    --------
    renyi_divergence : the bound is its value at order 2.

    References
    ----------
    A. L. Gibbs and F. E. Su (2002). On choosing and bounding probability metrics.
    doi:10.1111/j.1751-5823.2002.tb00178.x

    Examples
    --------
    >>> kl_bound_from_chi2(4.3125).round(6).item()
    1.670063
    """
    return np.log1p(_at_least_zero(chi2, "chi2"))


def _at_least_zero(x: ArrayLike, name: str) -> Floats:
    """Return an array in float64 without negative numbers and NaN, or raise."""
    values = as_reals(x, name).astype(np.float64)
    if not (values >= 0).all():
        bad = values[~(values >= 0)].flat[0]
        raise ValueError(f"{name} holds {bad}: it must be at least 0")
    return values[()] + 0.0


def kl_bernoulli_inverse(
    p: ArrayLike, bound: ArrayLike, *, side: Literal["lower", "upper"] = "upper"
) -> Floats:
    r"""The probability farthest from p whose KL divergence from p is at most a bound, elementwise.

    .. math:: \max \left\{ q \ge p : p \log\frac{p}{q} + (1 - p) \log\frac{1 - p}{1 - q}
       \le c \right\}

    and the least such q up to p for the lower side: confidence limits of a frequency p, with
    :math:`c = \log(1/\delta)/n` after n trials.

    Parameters
    ----------
    p : array_like
        Probabilities in [0, 1].
    bound : array_like
        The largest divergence c in nats, at least 0; broadcasts with `p`.
    side : str
        ``"upper"`` for the largest q, ``"lower"`` for the least.

    Returns
    -------
    ndarray or float
        From p to 1, or from 0 to p.

    Raises
    ------
    ValueError
        If p is no probability, the bound is negative or NaN, or the side is neither.

    See Also
    --------
    divkit.gaussian.kl_bernoulli : what it inverts.
    pinsker_bound : gives limits in closed form, and wider.

    Notes
    -----
    Bisection over the floating-point numbers themselves: neighbouring floats have neighbouring bit
    patterns, so 62 steps give the last digit of any q, however small.

    References
    ----------
    A. Garivier and O. Cappé (2011). The KL-UCB algorithm for bounded stochastic bandits and beyond.
    doi:10.48550/arXiv.1102.2490

    Examples
    --------
    Nothing in a hundred trials: with 95 % confidence the probability is below

    >>> kl_bernoulli_inverse(0.0, np.log(20) / 100).round(6).item()
    0.029513
    """
    if side not in ("lower", "upper"):
        raise ValueError(f"side must be 'lower' or 'upper', got {side!r}")
    start, limit = np.broadcast_arrays(probabilities(p, "p"), _at_least_zero(bound, "bound"))
    shape, start, limit = start.shape, start.ravel() + 0.0, limit.ravel()
    good, bad = start, np.full_like(start, 1.0 if side == "upper" else 0.0)
    good = np.where(_kl_coins(start, bad) <= limit, bad, good).view(np.int64)
    bad = bad.view(np.int64)
    for _ in range(62):
        middle = good + (bad - good) // 2
        fits = _kl_coins(start, middle.view(np.float64)) <= limit
        good, bad = np.where(fits, middle, good), np.where(fits, bad, middle)
    return good.view(np.float64).reshape(shape)[()]


def _kl_coins(p: Floats, q: Floats) -> Floats:
    with np.errstate(all="ignore"):
        return _kernels.careful_kl(np.stack([p, 1 - p], axis=-1), np.stack([q, 1 - q], axis=-1))
