r"""Fitting a family of laws: maximum likelihood, Fisher information, and projections.

A family is a function ``log_density(x, parameters)`` that returns the logarithm of the density, or
of the probability, at every point of `x`. Derivatives are central differences of fourth order with
steps of a thousandth of the scale on which the function bends, so that no family has to supply its
own; they are right to about ten digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from divkit._validation import (
    Floats,
    Support,
    as_reals,
    checked,
    interval,
    some_finite,
    tolerance,
    unit_mass,
)

__all__ = [
    "LikelihoodFit",
    "StationaryPoint",
    "fisher_information",
    "maximum_likelihood",
    "project",
    "sandwich_covariance",
]

LogDensity = Callable[[Any, Any], Any]
LogTarget = Callable[[Any], Any]
Objective = Callable[[Floats], Any]
REALS = (-np.inf, np.inf)

_STEP = 1e-3  # of the scale: the error of a derivative is _STEP^4 + eps/_STEP
_NEWTON_STEPS = 30
_SCALE_STEPS = 12
_POINTS = 2**10
_MOST_POINTS = 2**16


class LikelihoodFit(NamedTuple):
    """What `maximum_likelihood` found.

    Attributes
    ----------
    parameters : ndarray of shape (d,)
        The estimate.
    log_likelihood : float
        Sum of the log-density over the samples.
    covariance : ndarray of shape (d, d)
        Of the estimate, if the family is right: the inverse of the observed Fisher information.

    Examples
    --------
    >>> fit = maximum_likelihood(lambda x, p: -x / p[0] - np.log(p[0]), [1.0, 2.0, 3.0], [1.0])
    >>> fit.covariance.round(6).tolist()  # mean^2 / n
    [[1.333333]]
    """

    parameters: Floats
    log_likelihood: float
    covariance: Floats


class StationaryPoint(NamedTuple):
    """Parameters at which a divergence has no slope.

    Attributes
    ----------
    parameters : ndarray of shape (d,)
        Where; (mean, sd) for the normal family.
    value : float
        The divergence there, in nats.
    kind : str
        ``"minimum"``, ``"maximum"``, ``"saddle"``, or ``"degenerate"`` if a curvature is 0 to the
        precision of the computation.
    error : float
        What halving the grid changes in the value; 0 for discrete laws.

    Examples
    --------
    >>> best = project(lambda x: -(x**2) / 2 - np.log(2 * np.pi) / 2, "normal")[0]
    >>> (best.parameters.round(6) + 0.0).tolist(), best.kind
    ([0.0, 1.0], 'minimum')
    """

    parameters: Floats
    value: float
    kind: Literal["minimum", "maximum", "saddle", "degenerate"]
    error: float


def maximum_likelihood(
    log_density: LogDensity, samples: ArrayLike, start: ArrayLike, *, max_iterations: int = 2000
) -> LikelihoodFit:
    r"""Parameters under which the samples are most probable.

    .. math:: \hat\theta = \operatorname{argmax}_\theta \sum_i \log p_\theta(x_i), \qquad
       \operatorname{cov} \hat\theta \approx
       \Bigl(-\sum_i \nabla^2 \log p_{\hat\theta}(x_i)\Bigr)^{-1}

    Searched by the simplex of Nelder and Mead, which needs no derivatives and steps back from
    parameters outside the family (where the log-density is NaN or -inf), then by Newton's method to
    the last digits.

    Parameters
    ----------
    log_density : callable
        ``log_density(x, parameters)``, the log-density at each of the samples.
    samples : array_like of shape (n, ...)
        Independent samples along the first axis.
    start : array_like of shape (d,)
        Parameters to start from, inside the family.
    max_iterations : int
        Steps of the simplex for each parameter.

    Returns
    -------
    LikelihoodFit
        ``parameters``, ``log_likelihood`` and ``covariance``.

    Raises
    ------
    ValueError
        If the likelihood is 0 at the start, or no maximum inside the family was reached: it may lie
        on the edge, or at infinity, or the parameters may not be identified.

    See Also
    --------
    scipy.stats.fit : for scipy's distributions; no covariance.
    sandwich_covariance : if the family may be wrong.
    project : the same for a known law instead of samples.

    Notes
    -----
    The maximum found may be a local one: start from several places. Maximum likelihood is the
    forward KL projection of the law of the samples, of which they show as much as they can.

    References
    ----------
    R. A. Fisher (1922). On the mathematical foundations of theoretical statistics.
    doi:10.1098/rsta.1922.0009

    Examples
    --------
    >>> def log_normal(x, parameters):
    ...     mean, sd = parameters
    ...     return -(((x - mean) / sd) ** 2) / 2 - np.log(sd * np.sqrt(2 * np.pi))
    >>> fit = maximum_likelihood(log_normal, [1.0, 2.0, 6.0], [0.0, 1.0])
    >>> fit.parameters.round(6).tolist()  # mean and standard deviation, divided by n
    [3.0, 2.160247]
    """
    x, theta = some_finite(samples, "samples"), _parameters(start, "start")

    def loss(parameters: Floats) -> float:
        value = -float(np.mean(_log_values(log_density, x, parameters)))
        return value if np.isfinite(value) else np.inf

    if not np.isfinite(loss(theta)):
        raise ValueError(f"the likelihood at start={theta.tolist()} is 0 or undefined")
    with np.errstate(all="ignore"):
        near = _simplex(loss, theta, max_iterations * len(theta))
        point = _newton(loss, near)
        scales = _scales(loss, near if point is None else point)
        hessian = None if point is None else _hessian(loss, point, scales)
    if point is None or hessian is None or _kind(hessian, scales) != "minimum":
        raise ValueError(
            f"no maximum of the likelihood near {near.tolist()}: it may lie on the edge of the "
            "family or at infinity, or the parameters may not be identified; try another start"
        )
    covariance = np.linalg.inv(hessian) / len(x)
    return LikelihoodFit(point, -loss(point) * len(x), covariance)


def _simplex(loss: Objective, start: Floats, steps: int) -> Floats:
    """Go down by the method of Nelder and Mead, also where the loss is infinite in places."""
    from scipy.optimize import minimize

    options = {"xatol": 1e-6, "fatol": 1e-12, "maxiter": steps, "maxfev": 2 * steps}
    lowest: Floats = minimize(loss, start, method="Nelder-Mead", options=options).x
    return lowest


def fisher_information(
    log_density: LogDensity,
    parameters: ArrayLike,
    *,
    samples: ArrayLike | None = None,
    outcomes: ArrayLike | None = None,
    support: Support = REALS,
) -> Floats:
    r"""Fisher information: how sharply the family tells its parameters apart.

    .. math:: I(\theta) = \mathbb{E}_\theta\bigl[s s^{\mathsf T}\bigr], \qquad
       s = \nabla_\theta \log p_\theta(x), \qquad
       D_{\mathrm{KL}}(p_\theta \,\|\, p_{\theta + \delta})
       = \tfrac12 \delta^{\mathsf T} I(\theta)\, \delta + O(\delta^3)

    The expectation is an integral over `support` for a density, a sum over `outcomes` for a
    discrete law, and the mean over `samples` if they are given.

    Parameters
    ----------
    log_density : callable
        ``log_density(x, parameters)``.
    parameters : array_like of shape (d,)
        Where.
    samples : array_like of shape (n, ...), optional
        Samples of the law: a Monte Carlo estimate, with an error of order n^(-1/2).
    outcomes : array_like of shape (K, ...), optional
        All outcomes of a discrete law.
    support : tuple of float
        The interval of a density in one dimension.

    Returns
    -------
    ndarray of shape (d, d)
        Symmetric, with no negative eigenvalue; per sample: n samples have n times as much.

    Raises
    ------
    ValueError
        If the probabilities do not sum, or the density not integrate, to 1.

    See Also
    --------
    maximum_likelihood : its covariance is the inverse of the observed information.

    References
    ----------
    S. Kullback (1959). Information Theory and Statistics. Wiley. Chapter 2.

    Examples
    --------
    >>> def log_bernoulli(x, parameters):
    ...     return np.where(x == 1, np.log(parameters[0]), np.log(1 - parameters[0]))
    >>> fisher_information(log_bernoulli, [0.2], outcomes=[0, 1]).round(6).tolist()
    [[6.25]]
    """
    theta = _parameters(parameters, "parameters")
    if samples is not None:
        x = some_finite(samples, "samples")
        weights = np.full(len(x), 1 / len(x))
    else:
        with np.errstate(all="ignore"):
            space = _space(lambda z: log_density(z, theta), "the law", support, outcomes)
            x, volume = space.grid()
            weights = np.exp(_log_values(log_density, x, theta)) * volume
        _check_mass(float(weights.sum()), "the law", space.over)
    x, weights = x[weights > 0], weights[weights > 0]
    scores = _scores(log_density, theta, x, weights)
    information: Floats = (scores * weights) @ scores.T
    return information


def sandwich_covariance(
    log_density: LogDensity, parameters: ArrayLike, samples: ArrayLike
) -> Floats:
    r"""Covariance of a maximum likelihood estimate whose family may be wrong.

    .. math:: A^{-1} B A^{-1}, \qquad
       A = -\sum_i \nabla^2 \log p_{\hat\theta}(x_i), \qquad
       B = \sum_i s_i s_i^{\mathsf T}

    If the family contains the law of the samples, A and B agree on average and the inverse
    information is left. If not, the estimate converges to the forward KL projection and this is its
    covariance, where the inverse information is not.

    Parameters
    ----------
    log_density : callable
        ``log_density(x, parameters)``.
    parameters : array_like of shape (d,)
        The estimate.
    samples : array_like of shape (n, ...)
        The samples it was made from.

    Returns
    -------
    ndarray of shape (d, d)
        Of the estimate (it falls like 1/n).

    Raises
    ------
    ValueError
        If the log-density is not finite at a sample, or the likelihood has no curvature in some
        direction.

    See Also
    --------
    maximum_likelihood : with the covariance for a right family.

    References
    ----------
    H. White (1982). Maximum likelihood estimation of misspecified models. doi:10.2307/1912526

    Examples
    --------
    >>> def log_poisson(x, parameters):  # up to a constant, which has no slope
    ...     return x * np.log(parameters[0]) - parameters[0]
    >>> sandwich_covariance(log_poisson, [2.0], [0, 0, 0, 8]).round(6).tolist()  # variance / n
    [[3.0]]
    """
    x, theta = some_finite(samples, "samples"), _parameters(parameters, "parameters")

    def loss(point: Floats) -> float:
        return -float(np.mean(_log_values(log_density, x, point)))

    with np.errstate(all="ignore"):
        if not np.isfinite(loss(theta)):
            raise ValueError(f"the likelihood at parameters={theta.tolist()} is 0 or undefined")
        scales = _scales(loss, theta)
        bread = _hessian(loss, theta, scales)
    if not np.isfinite(bread).all() or _kind(bread, scales) == "degenerate":
        raise ValueError("the likelihood has no curvature in some direction of the parameters")
    scores = _scores(log_density, theta, x, np.full(len(x), 1 / len(x)))
    half = np.linalg.solve(bread, scores)
    covariance: Floats = half @ half.T / len(x) ** 2
    return covariance


def project(
    target: LogTarget | ArrayLike,
    family: LogDensity | Literal["normal"] = "normal",
    direction: Literal["forward", "reverse", "js"] = "forward",
    *,
    starts: ArrayLike | None = None,
    outcomes: ArrayLike | None = None,
    support: Support = REALS,
    rtol: float = 1e-9,
) -> list[StationaryPoint]:
    r"""Every member of a family at which its divergence from a target is stationary.

    .. math:: \text{forward } D_{\mathrm{KL}}(p \,\|\, q_\theta), \qquad
       \text{reverse } D_{\mathrm{KL}}(q_\theta \,\|\, p), \qquad
       \text{js } \mathrm{JS}(p, q_\theta)

    The integral is a double exponential quadrature on one grid, refined until the values stand; of
    discrete laws it is the sum over `outcomes`. The zeros of the gradient are searched from many
    starts, polished by Newton's method, and told apart by the eigenvalues of the second derivative.
    All that were found are returned, which need not be all there are.

    Parameters
    ----------
    target : callable or array_like of shape (K,)
        ``target(x)``, the log-density of p at an array of points; it integrates to 1. Of a discrete
        law the logarithm of the probability at each of the outcomes, or an array of probabilities.
    family : callable or str
        ``family(x, parameters)``, the log-density of q (of a discrete law the logarithm of the
        probability), or ``"normal"`` with (mean, sd).
    direction : str
        ``"forward"``, ``"reverse"`` or ``"js"``.
    starts : array_like of shape (m, d), optional
        Parameters to search from; needed for families other than ``"normal"``, for which they are
        a net over the range of the target if None.
    outcomes : array_like of shape (K, ...), optional
        All outcomes of a discrete target, along the first axis.
    support : tuple of float
        The interval on which the target lives, and the family too unless the direction is
        forward; give it also if the target is very narrow or far from 0.
    rtol : float
        The grid is fine enough when halving it changes no value by more than this times
        max(value, 1).

    Returns
    -------
    list of StationaryPoint
        With ``parameters``, ``value``, ``kind`` and ``error``, the least value first.

    Raises
    ------
    ValueError
        If the target does not integrate to 1 over the support, or sum to 1 over the outcomes,
        the divergence is infinite at every start, nothing stationary was found, or the grid does
        not suffice.
    TypeError
        If the target is neither a function nor, with outcomes, an array of real numbers.

    See Also
    --------
    maximum_likelihood : the forward projection of samples.

    Notes
    -----
    The forward projection onto the normal laws, or any exponential family, has the moments of the
    target, and is the only stationary point. The reverse one may have several: for two equal unit
    normals at -a and a the centred law alone is a minimum for a < 2.41; then two minima of one mode
    and two saddles are born, and the one-mode laws are better for a > 2.80. The centred law remains
    a minimum beyond.

    References
    ----------
    T. Minka (2005). Divergence measures and message passing. Microsoft Research TR-2005-173.

    Examples
    --------
    >>> def two_modes(x):
    ...     return np.logaddexp(-((x - 3) ** 2) / 2, -((x + 3) ** 2) / 2) - np.log(8 * np.pi) / 2
    >>> [best] = project(two_modes, "normal", "forward")
    >>> (best.parameters.round(4) + 0.0).tolist(), round(best.value, 4)
    ([0.0, 3.1623], 0.462)
    >>> for point in project(two_modes, "normal", "reverse"):
    ...     print(point.kind, (point.parameters.round(2) + 0.0).tolist(), round(point.value, 3))
    minimum [-2.98, 1.02] 0.689
    minimum [2.98, 1.02] 0.689
    minimum [0.0, 2.74] 0.841
    saddle [-1.84, 2.1] 0.972
    saddle [1.84, 2.1] 0.972

    Of a discrete law onto binomial ones, which match its mean:

    >>> def log_binomial(k, parameters):
    ...     return np.log([1, 2, 1]) + k * np.log(parameters) + (2 - k) * np.log1p(-parameters)
    >>> [best] = project([0.5, 0.1, 0.4], log_binomial, outcomes=[0, 1, 2], starts=[[0.5]])
    >>> best.parameters.round(6).tolist(), round(best.value, 6)
    ([0.45], 0.363615)
    """
    if direction not in _DIVERGENCES:
        raise ValueError(f"direction must be one of {', '.join(_DIVERGENCES)}, got {direction!r}")
    _check_rtol(rtol)
    member, net, outside = _family(family, starts, discrete=outcomes is not None)
    log_p = _log_target(target, outcomes)
    with np.errstate(all="ignore"):
        space = _space(log_p, "the target", support, outcomes)
        projection = _Projection(log_p, member, direction, space)
        coarse = projection.on(_POINTS)
        places = _normal_net(projection, coarse, support) if net is None else net
        points = _refined(projection.on, _stationary(coarse, places, projection.resolves), rtol)
        for point in points:
            projection.check(point.parameters)
    shown = [point._replace(parameters=outside(point.parameters)) for point in points]
    return sorted(shown, key=lambda point: (round(point.value, 9), *point.parameters.tolist()))


def _log_target(target: LogTarget | ArrayLike, outcomes: ArrayLike | None) -> LogTarget:
    """Return the log-density of the target, or the logarithms of its probabilities."""
    if callable(target):
        return target
    if outcomes is None:
        raise TypeError(
            f"target must be a function, its log-density, got {type(target).__name__}: "
            "probabilities need outcomes"
        )
    p, size = as_reals(target, "target"), len(some_finite(outcomes, "outcomes", "outcomes"))
    if p.shape != (size,):
        raise ValueError(
            f"target must hold one probability for each of {size} outcomes, got shape {p.shape}"
        )
    rows = checked(p[None], "target", tolerance(p), 0, False)
    with np.errstate(divide="ignore"):
        log_p = np.log(rows.values[0] / rows.totals[0])
    return lambda x: log_p


class _Line(NamedTuple):
    """The points where densities are integrated, around the middle of the target."""

    over: Support
    middle: float
    scale: float

    def grid(self, points: int = 2**14) -> tuple[Floats, Floats]:
        """Return the points and the volume each stands for."""
        return _grid(self.over, self.middle, self.scale, points)


class _Outcomes(NamedTuple):
    """The points over which probabilities are summed; one grid has them all."""

    x: Floats
    over: None = None

    def grid(self, points: int = 0) -> tuple[Floats, Floats]:
        """Return the points and the volume each stands for."""
        return self.x, np.ones(len(self.x))


def _space(
    log_p: LogTarget, name: str, support: Support, outcomes: ArrayLike | None
) -> _Line | _Outcomes:
    """Where a law lives."""
    if outcomes is not None:
        return _Outcomes(some_finite(outcomes, "outcomes", "outcomes"))
    over = interval(support)
    left, middle, right = _quantiles(log_p, name, over, (0.16, 0.5, 0.84))
    return _Line(over, middle, (right - left) / 2)


class _Projection:
    """The divergence of the members of a family from a target, on grids of any fineness."""

    def __init__(
        self, log_p: LogTarget, member: LogDensity, direction: str, space: _Line | _Outcomes
    ) -> None:
        self.log_p, self.member, self.direction, self.space = log_p, member, direction, space
        self.coarse = space.grid(_POINTS)

    def on(self, points: int) -> Objective:
        """Return the divergence as a function of the parameters."""
        x, volume = self.space.grid(points)
        log_p = _log_values(lambda z, _: self.log_p(z), x, x)
        p = np.exp(log_p)
        _check_mass(float(np.vecdot(p, volume)), "the target", self.space.over)
        divergence = _DIVERGENCES[self.direction]

        def objective(theta: Floats) -> float:
            log_q = _log_values(self.member, x, theta)
            return float(np.vecdot(divergence(p, log_p, np.exp(log_q), log_q), volume))

        return objective

    def resolves(self, theta: Floats) -> bool:
        """Tell whether a member is wide enough for the first grid."""
        x, volume = self.coarse
        parts = np.exp(_log_values(self.member, x, theta)) * volume
        mass, half = parts.sum(), 2 * parts[::2].sum()
        discrete = self.space.over is None
        return discrete or bool(mass > 1e-3 and abs(mass - half) < 0.05 * mass)

    def check(self, theta: Floats) -> None:
        """Refuse a member that is not normalised, unless it may reach beyond the target."""
        x, volume = self.space.grid()
        mass = float(np.vecdot(np.exp(_log_values(self.member, x, theta)), volume))
        if self.direction != "forward" or mass > 1 or self.space.over == REALS:
            _check_mass(mass, "the family", self.space.over)


def _stationary(
    objective: Objective, net: Floats, resolved: Callable[[Floats], bool]
) -> list[Floats]:
    """Search the zeros of the gradient from every start, within five times the extent of these.

    Those that the grid does not resolve, because the law is too narrow for it, are no zeros.
    """
    if not any(np.isfinite(objective(start)) for start in net):
        raise ValueError(
            "the divergence is infinite or undefined at every start: give others, or another "
            "direction if the first law has mass where the second has none"
        )
    middle = (net.min(axis=0) + net.max(axis=0)) / 2
    reach = np.maximum(np.ptp(net, axis=0), np.maximum(abs(net).max(axis=0), 1.0))
    found: list[Floats] = []
    for start in net:
        place = _level_place(objective, start, _scales(objective, start, reach))
        if (abs(place - middle) < 5 * reach).all():
            point = _newton(objective, place, reach)
            if point is None or any(_near(objective, p, point, 1e-4) for p in found):
                continue
            if resolved(point):
                found.append(point)
    return found


def _level_place(objective: Objective, start: Floats, scales: Floats) -> Floats:
    """Where the gradient is about 0: Powell's method, or if it gets lost, down the slope."""
    from scipy.optimize import minimize, root

    def slopes(move: Floats) -> Floats:
        return _derivative(objective, start + scales * move, scales) * scales

    still = np.zeros(len(start))
    options = {"xtol": 1e-3, "maxfev": 60, "factor": 1.0}
    found = root(slopes, still, options=options)
    if not found.success:
        corners = np.vstack([still, 0.5 * np.eye(len(still))])
        found = minimize(
            lambda move: np.nan_to_num(objective(start + scales * move), nan=np.inf),
            still,
            method="Nelder-Mead",
            options={"xatol": 1e-3, "fatol": 1e-6, "initial_simplex": corners},
        )
    place: Floats = start + scales * found.x
    return place


def _refined(
    objective_on: Callable[[int], Objective], found: list[Floats], rtol: float
) -> list[StationaryPoint]:
    """Follow the points to finer and finer grids until halving one changes no value."""
    points, coarse = _POINTS, objective_on(_POINTS)
    while found and points < _MOST_POINTS:
        points *= 2
        fine = objective_on(points)
        polished = [(old, _newton(fine, old)) for old in found]
        found = [new for old, new in polished if new is not None and _near(fine, new, old, 0.1)]
        errors = [abs(fine(point) - coarse(point)) for point in found]
        if all(e <= rtol * max(fine(t), 1.0) for e, t in zip(errors, found, strict=True)):
            return [_described(fine, t, e) for e, t in zip(errors, found, strict=True)]
        coarse = fine
    raise ValueError(
        f"the quadrature does not settle to rtol={rtol} with {points} points: give the support"
        if found
        else "no stationary point was found: give other starts"
    )


def _described(objective: Objective, point: Floats, error: float) -> StationaryPoint:
    scales = _scales(objective, point)
    kind = _kind(_hessian(objective, point, scales), scales)
    return StationaryPoint(point, max(float(objective(point)), 0.0), kind, error)


def _near(objective: Objective, point: Floats, other: Floats, share: float) -> bool:
    return bool((abs(point - other) < share * _scales(objective, point)).all())


def _forward(p: Floats, log_p: Floats, q: Floats, log_q: Floats) -> Floats:
    return np.where(p > 0, p * (log_p - log_q), 0.0)


def _reverse(p: Floats, log_p: Floats, q: Floats, log_q: Floats) -> Floats:
    return np.where(q > 0, q * (log_q - log_p), 0.0)


def _js(p: Floats, log_p: Floats, q: Floats, log_q: Floats) -> Floats:
    log_m = np.logaddexp(log_p, log_q) - np.log(2.0)
    return (_forward(p, log_p, q, log_m) + _reverse(p, log_m, q, log_q)) / 2


_DIVERGENCES = {"forward": _forward, "reverse": _reverse, "js": _js}


def _log_normal(x: Floats, theta: Floats) -> Floats:
    """Log-density of the normal law with the parameters (mean, log sd): any two numbers will do."""
    mean, log_sd = theta
    value: Floats = -((x - mean) ** 2) / (2 * np.exp(2 * log_sd)) - log_sd - np.log(2 * np.pi) / 2
    return value


def _family(
    family: LogDensity | str, starts: ArrayLike | None, discrete: bool
) -> tuple[LogDensity, Floats | None, Callable[[Floats], Floats]]:
    """Return the log-density, where to search, and how to show the parameters."""
    net = None if starts is None else np.atleast_2d(some_finite(starts, "starts", "parameters"))
    if callable(family):
        if net is None:
            raise ValueError("starts must be given for a family that is not 'normal'")
        return family, net, lambda theta: theta
    if family != "normal":
        raise ValueError(f"family must be a function or 'normal', got {family!r}")
    if discrete:
        raise ValueError("family 'normal' has densities: outcomes need a function instead")
    if net is not None:
        if net.shape[1] != 2 or not (net[:, 1] > 0).all():
            raise ValueError("starts for the normal family are rows (mean, sd) with sd > 0")
        net = np.stack([net[:, 0], np.log(net[:, 1])], axis=1)
    return _log_normal, net, lambda theta: np.array([theta[0], np.exp(theta[1])])


def _normal_net(projection: _Projection, objective: Objective, support: Support) -> Floats:
    """The nodes of a net of (mean, log sd) round which both slopes of the objective change sign."""
    levels = (1e-3, *np.linspace(0.02, 0.98, 25), 1 - 1e-3)
    places = _quantiles(projection.log_p, "the target", support, (*levels, 0.16, 0.84))
    spread = (places[-1] - places[-2]) / 2
    means = np.unique([*places[:-2], *np.linspace(places[0], places[len(levels) - 1], 24)])
    log_sds = np.log(spread * np.geomspace(0.05, 2.5, 25))
    nodes = [np.array([m, t]) for m in means for t in log_sds]
    values = np.array([objective(z) if projection.resolves(z) else np.nan for z in nodes])
    slopes = np.array(np.gradient(values.reshape(len(means), -1), means, log_sds))
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(slopes, ((0, 0), (1, 1), (1, 1)), mode="edge"), (3, 3), axis=(1, 2)
    )
    least, most = around.min(axis=(-2, -1)), around.max(axis=(-2, -1))
    turning = ((least <= 0) & (most >= 0) & (most - least > 1e-9)).all(axis=0)
    if not turning.any():
        raise ValueError("no stationary point was found: give other starts")
    return np.array([(means[i], log_sds[j]) for i, j in np.argwhere(turning)])


def _quantiles(
    log_p: LogTarget, name: str, support: Support, levels: tuple[float, ...]
) -> tuple[float, ...]:
    x, volume = _grid(support, 0.0, 1.0, 2**14)
    parts = np.exp(_log_values(lambda z, _: log_p(z), x, x)) * volume
    _check_mass(float(parts.sum()), name, support, limit=0.05)
    mass = np.cumsum(parts)
    return tuple(np.interp(np.array(levels) * mass[-1], mass, x).tolist())


def _grid(support: Support, centre: float, scale: float, points: int) -> tuple[Floats, Floats]:
    """Points and volumes of the double exponential rule, even in t from -4 to 4."""
    low, high = support
    t = np.linspace(-4.0, 4.0, points + 1)
    u = np.pi / 2 * np.sinh(t)
    du = np.pi / 2 * np.cosh(t) * (8.0 / points)
    if np.isinf(low) and np.isinf(high):
        return centre + scale * np.sinh(u), scale * np.cosh(u) * du
    if np.isinf(high):
        return low + scale * np.exp(u), scale * np.exp(u) * du
    if np.isinf(low):
        return (high - scale * np.exp(-u)), scale * np.exp(-u) * du
    share = 1 / (1 + np.exp(-2 * u))
    inside = np.clip(low + (high - low) * share, np.nextafter(low, high), np.nextafter(high, low))
    return inside, (high - low) / (2 * np.cosh(u) ** 2) * du


def _check_rtol(rtol: float) -> None:
    if not 1e-14 <= rtol < 1:
        raise ValueError(f"rtol must lie between 1e-14 and 1, got {rtol}")


def _check_mass(mass: float, name: str, over: Support | None, limit: float = 1e-6) -> None:
    remedy = "normalise it"
    if over is not None:
        remedy += ", or give the support if it is very narrow or far from 0"
    unit_mass(mass, name, limit, over=over, remedy=remedy)


def _log_values(log_density: LogDensity, x: Floats, theta: Floats) -> Floats:
    values: Floats = np.asarray(log_density(x, theta), dtype=np.float64)
    if values.shape != x.shape[:1]:
        raise ValueError(
            f"the log-density must return one number a point, shape {x.shape[:1]}, "
            f"but returned shape {values.shape}"
        )
    return values


def _parameters(theta: ArrayLike, name: str) -> Floats:
    values = some_finite(theta, name, "parameters")
    if values.ndim != 1:
        raise ValueError(f"{name} must have shape (d,), got {values.shape}")
    return values


def _derivative(f: Callable[[Floats], Any], point: Floats, scales: Floats) -> Floats:
    """Derivative by each parameter: central differences of fourth order."""
    slopes = []
    for j, scale in enumerate(scales):
        step = np.zeros_like(point)
        step[j] = (point[j] + _STEP * scale) - point[j]
        near, far = f(point + step) - f(point - step), f(point + 2 * step) - f(point - 2 * step)
        slopes.append((8 * near - far) / (12 * step[j]))
    return np.array(slopes)


def _scores(log_density: LogDensity, theta: Floats, x: Floats, weights: Floats) -> Floats:
    """Derivatives of the log-density at each point, a row a parameter."""
    with np.errstate(all="ignore"):
        scales = _scales(lambda t: -float(weights @ _log_values(log_density, x, t)), theta)
        scores = _derivative(lambda t: _log_values(log_density, x, t), theta, scales)
    if not np.isfinite(scores).all():
        raise ValueError(f"the log-density has no finite slope at parameters={theta.tolist()}")
    return scores


def _hessian(f: Objective, point: Floats, scales: Floats) -> Floats:
    h = _derivative(lambda theta: _derivative(f, theta, scales), point, scales)
    return (h + h.T) / 2


def _scales(f: Objective, point: Floats, most: Floats | float = np.inf) -> Floats:
    """How far each parameter must move for f to bend by about 1, but not beyond `most`."""
    scales = np.minimum(np.maximum(abs(point), 1.0), most)
    limits = np.broadcast_to(np.asarray(most), scales.shape)
    here = f(point)
    for j, limit in enumerate(limits):
        for _ in range(_SCALE_STEPS):
            h = np.zeros_like(point)
            h[j] = _STEP * scales[j]
            if not np.isfinite(f(point - 100 * h) + f(point + 100 * h)):  # outside the family
                scales[j], limit = scales[j] / 100, scales[j] / 100
                continue
            bend = abs(f(point - h) + f(point + h) - 2 * here) / _STEP**2
            ratio = min(1 / np.sqrt(max(bend, 1e-12)), limit / scales[j])
            scales[j] *= ratio
            if 0.3 < ratio < 3:
                break
    return scales


def _newton(f: Objective, point: Floats, most: Floats | float = np.inf) -> Floats | None:
    """Return the zero of the gradient that Newton's method reaches from here, if any."""
    scales = _scales(f, point, most)
    for _ in range(_NEWTON_STEPS):
        slope = _derivative(f, point, scales) * scales
        bend = _hessian(f, point, scales) * np.outer(scales, scales)
        if not (np.isfinite(slope).all() and np.isfinite(bend).all()):
            return None
        if abs(bend).max() < 1e-6:  # flat: nothing ends here
            return None
        move = np.linalg.lstsq(bend, slope)[0]
        length = float(abs(move).max())
        point = point - scales * move * min(1.0, 1.0 / max(length, 1e-300))
        if length < 1e-7:
            return point
    return None


def _kind(hessian: Floats, scales: Floats) -> Any:
    """Tell a minimum from a maximum and a saddle by the signs of the curvatures."""
    curvatures = np.linalg.eigvalsh(hessian * np.outer(scales, scales))
    if abs(curvatures).min() < 1e-6 * max(1.0, abs(curvatures).max()):
        return "degenerate"
    if curvatures[0] > 0:
        return "minimum"
    return "maximum" if curvatures[-1] < 0 else "saddle"
