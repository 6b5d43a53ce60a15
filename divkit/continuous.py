r"""Entropy and divergences of densities on the line, by quadrature or by sampling.

Densities are given by their logarithms, as functions of an array: ``scipy.stats.norm(0, 1).logpdf``
will do. Every quadrature comes with its error, and finds first that each density integrates to 1.

The substitution is logarithmic: the support is cut into rays x = c + e^u or x = c - e^u, which
start at its finite ends, at the given `points` and at the modes that a search finds. A power-law
singularity, a tail of any weight and a peak of any width become smooth functions of u. Closer to c
than floats (or 1e-150) can tell, and beyond 1e150, a log-density is continued as a straight line
in u, that is as a power law, which is exact in the limit for the beta, gamma, Student and Pareto
laws. The slope is read where the function's own rounding disturbs it least, and the doubt that
remains is part of the error: a law with much of its mass next to an end keeps most digits if that
end is 0, or if the function is exact there (Beta(.1, .2) of scipy on (0, 1): 13 digits; moved to
(1, 4): 7).

Not resolved are other laws than powers there (1/(x log^2 x) at 0), peaks of relative width below
1e-10 at a place that is not 0, slivers between two jumps, and narrow peaks below the flank of a
wide one unless `points` names them. Then the masses do not come to 1 and the functions say so, or
the error tells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from divkit._kernels import expm1_minus
from divkit._validation import DOUBLE_TOLERANCE, Floats, as_reals, checked, tolerance, unit

__all__ = [
    "MixtureBounds",
    "MonteCarlo",
    "Quadrature",
    "entropy_density",
    "hellinger_density",
    "js_density",
    "kl_density",
    "kl_mixture",
    "kl_mixture_bounds",
    "kl_mixture_monte_carlo",
    "kl_monte_carlo",
    "tv_density",
]

LogDensity = Callable[[Any], Any]
Kernel = Callable[..., Floats]

FLOOR, CEILING = 1e-150, 1e150  # distances between which log-densities are called
GUARD = 8  # spacings of floats, the least distance from a centre
STRIDE = 4 * np.log(2.0)  # in u, between the places where the power laws at the ends are read
APART = 2.0**25  # spacings of floats between two centres
NEGLIGIBLE = -690.0  # the logarithm of a mass that may be lost to underflow
STEEP = 100.0  # a slope that belongs to no power law
SEARCH_STEP, FINE_STEP, PANEL = 0.25, 0.01, 4.0  # in u
USUAL = 1e6  # the search for modes is fine at distances from 1/USUAL to USUAL
MOST_PANELS, MOST_PEAKS, DEPTH = 4096, 32, 60
GOAL = 1e-13


class Quadrature(NamedTuple):
    """An integral and a bound on its error, estimated.

    Attributes
    ----------
    value : float
        The integral.
    error : float
        Change at the last bisection, summed over all panels: usually far above the true error.

    Examples
    --------
    >>> Quadrature(value=0.5, error=1e-12).value
    0.5
    """

    value: np.float64
    error: np.float64


class MonteCarlo(NamedTuple):
    """A mean over a sample and its standard error.

    Attributes
    ----------
    value : float
        The mean.
    standard_error : float
        Standard deviation of the terms over the root of their number.

    Examples
    --------
    >>> MonteCarlo(value=0.5, standard_error=0.01).standard_error
    0.01
    """

    value: np.float64
    standard_error: np.float64


class MixtureBounds(NamedTuple):
    """What closed forms tell about the KL divergence of Gaussian mixtures.

    Attributes
    ----------
    lower, upper : float
        Bounds: lower <= KL <= upper. The upper is the least of the three known here.
    convexity : float
        The bound by convexity, the mean of the divergences of the components.
    variational, product : float
        Two approximations, which may be above or below; `variational` is 0 for equal mixtures.

    Examples
    --------
    >>> bounds = kl_mixture_bounds(([1.0], [0.0], [1.0]), ([1.0], [1.0], [1.0]))
    >>> round(bounds.upper.item(), 12), round(bounds.variational.item(), 12)
    (0.5, 0.5)
    """

    lower: np.float64
    upper: np.float64
    convexity: np.float64
    variational: np.float64
    product: np.float64


class _Rays(NamedTuple):
    """Pieces x = centre + sign e^u of the support, u <= reach, with x a float from low to high."""

    centre: Floats
    sign: Floats
    reach: Floats
    low: Floats
    high: Floats

    def x(self, ray: NDArray[np.intp], u: Floats) -> Floats:
        at: Floats = self.centre[ray] + self.sign[ray] * np.exp(u)
        return at


def _rays(support: tuple[float, float], anchors: Sequence[float]) -> _Rays:
    """Cut the support half-way between the anchors."""
    pieces = []
    for left, right in pairwise(anchors):
        half = np.log(right / 2 - left / 2)
        pieces += [(left, 1.0, half), (right, -1.0, half)]
    if support[0] == -np.inf:
        pieces.append((anchors[0], -1.0, np.inf))
    if support[1] == np.inf:
        pieces.append((anchors[-1], 1.0, np.inf))
    centre, sign, reach = np.array(pieces).T
    low = np.log(np.maximum(GUARD * np.spacing(abs(centre)), FLOOR))
    return _Rays(centre, sign, reach, low, np.minimum(reach, np.log(CEILING)))


def _values(log_density: LogDensity, name: str, x: Floats) -> Floats:
    """Call a log-density; raise if it gives anything but numbers below +inf."""
    values = as_reals(log_density(x), f"{name}(x)").astype(np.float64)
    if values.shape != x.shape:
        raise ValueError(
            f"{name} must be vectorised: for x of shape {x.shape} it gave shape {values.shape}"
        )
    bad = ~(values < np.inf)
    if bad.any():
        raise ValueError(
            f"{name}({x[bad][0]}) is {values[bad][0]}, but a log-density is finite or -inf: "
            "pass its support, and singular places as points"
        )
    return values


class _Density:
    """A log-density along rays, continued where floats cannot tell x from the centre."""

    def __init__(self, log_density: LogDensity, name: str, rays: _Rays) -> None:
        self.log_density, self.name, self.rays = log_density, name, rays
        infinite = rays.reach == np.inf
        self.low, self.slope_low, self.doubt_low, self.steep_low = self._power_law(STRIDE)
        high, slope, doubt, steep = self._power_law(-STRIDE)
        self.high = np.where(infinite, high, rays.high)
        self.slope_high, self.doubt_high = np.where(infinite, [slope, doubt], 0.0)
        self.steep_high = infinite & steep

    def _power_law(self, stride: float) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
        """Return for each ray a place near its end, the slope of log p there, and its doubt.

        Of the slopes between six places that is taken which its neighbour confirms best: at the
        very end the function's own rounding may spoil it. It is 0 where the density is 0 and,
        but for tails that fall, where it is steep, that is where the density is no power.
        """
        end = self.rays.low if stride > 0 else self.rays.high
        every = np.arange(len(end))
        u = end + stride * np.arange(6)[:, None]
        x = self.rays.x(every, u)
        values = _values(self.log_density, self.name, x)
        slopes = np.diff(values, axis=0) / np.diff(np.log(abs(x - self.rays.centre)), axis=0)
        slopes = np.where(np.isfinite(slopes), slopes, 0.0)
        doubts = 4 * abs(np.diff(slopes, axis=0))
        best = doubts.argmin(axis=0)
        slope, doubt = slopes[best, every], doubts[best, every]
        steep = abs(slopes).max(axis=0) > STEEP
        # A far tail that falls steeply goes on falling: level in x it would rise in u.
        level = steep & ((stride > 0) | (slope > 0))
        return u[best, every], np.where(level, 0.0, slope), np.where(steep, 0.0, doubt), steep

    def __call__(self, ray: NDArray[np.intp], u: Floats) -> Floats:
        """Return log p(x) + u: the logarithm of the density of u.

        The power law also repairs the rounding of x, since distances are those of the rounded x.
        """
        low, high = self.low[ray], self.high[ray]
        x = self.rays.x(ray, np.clip(u, low, high))
        lost = np.minimum(u, high) - np.log(abs(x - self.rays.centre[ray]))
        beyond = np.maximum(u - high, 0.0)
        values = _values(self.log_density, self.name, x) + u
        values += self.slope_low[ray] * lost + self.slope_high[ray] * beyond
        return values

    def doubt(self, ray: NDArray[np.intp], u: Floats) -> Floats:
        """How far the continued log-density may be off."""
        below, above = np.maximum(self.low[ray] - u, 0), np.maximum(u - self.high[ray], 0)
        off: Floats = self.doubt_low[ray] * below + self.doubt_high[ray] * above
        return off


def _brackets(
    log_density: LogDensity, name: str, rays: _Rays, *, step: float, edge: float
) -> list[tuple[float, float, float]]:
    """Search the rays for local maxima: return the value, the place before and the place after."""
    low, high = rays.low.clip(-edge, edge)[:, None], rays.high.clip(-edge, edge)[:, None]
    u = low + (high - low) * np.linspace(0, 1, 2 + int((high - low).max() / step))
    x = rays.centre[:, None] + rays.sign[:, None] * np.exp(u)
    values = _values(log_density, name, x)
    rise, fall = values[:, 1:-1] - values[:, :-2], values[:, 1:-1] - values[:, 2:]
    clear = rise + fall > 1e-3 + 1e-9 * abs(values[:, 1:-1])  # not the steps of rounding
    rows, at = np.nonzero((rise > 0) & (fall > 0) & clear)
    return list(zip(values[rows, at + 1], x[rows, at], x[rows, at + 2], strict=True))


def _peaks(log_density: LogDensity, name: str, rays: _Rays) -> list[float]:
    """Search the rays for modes, finely at usual distances, and close in on the highest."""
    found = _brackets(log_density, name, rays, step=SEARCH_STEP, edge=np.inf)
    found += _brackets(log_density, name, rays, step=FINE_STEP, edge=float(np.log(USUAL)))
    if not found:
        return []
    _, left, right = np.array(sorted(found, reverse=True)[:MOST_PEAKS]).T
    every = np.arange(len(left))
    for _ in range(15):  # 16**15 > 2**53
        grid = left[:, None] + (right - left)[:, None] * np.linspace(0, 1, 33)
        best = _values(log_density, name, grid).argmax(axis=1)
        left = grid[every, (best - 1).clip(0)]
        right = grid[every, (best + 1).clip(None, 32)]
    return [float(x) for x in (left + right) / 2]


def _anchors(
    densities: dict[str, LogDensity], support: tuple[float, float], points: Sequence[float]
) -> list[float]:
    """Collect finite ends, points and modes; from those found the search goes on."""
    ends = [end for end in support if np.isfinite(end)]
    anchors = sorted({*points, *(ends or [0.0])})
    for _ in range(4):
        rays = _rays(support, anchors)
        found = [x for name, log in densities.items() for x in _peaks(log, name, rays)]
        size = len(anchors)
        for x in found:
            near = min(anchors, key=lambda anchor: abs(anchor - x))
            apart = APART * np.spacing(max(abs(x), abs(near)))
            if abs(near - x) > apart and support[0] < x < support[1]:
                anchors.append(x)
        anchors.sort()
        if len(anchors) == size:
            break
    return anchors


def _panels(rays: _Rays, densities: list[_Density]) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Cut the rays into panels, as far as a continued density has any mass."""
    decay = np.min([1 + density.slope_low for density in densities], axis=0).clip(1e-5, 1.0)
    growth = np.min([-1 - density.slope_high for density in densities], axis=0).clip(1e-5, 1.0)
    ray, left, right = [], [], []
    for i, (low, high) in enumerate(zip(rays.low, rays.high, strict=True)):
        edges = [np.linspace(low - 45 / decay[i], low, 17)[:-1]]
        edges.append(np.linspace(low, high, 1 + int(np.ceil((high - low) / PANEL))))
        if rays.reach[i] == np.inf:
            edges.append(np.linspace(high, high + 45 / growth[i], 17)[1:])
        cuts = np.concatenate(edges)
        ray += [i] * (len(cuts) - 1)
        left.append(cuts[:-1])
        right.append(cuts[1:])
    return np.array(ray), np.concatenate(left), np.concatenate(right)


def _adaptive(
    integrand: Callable[[NDArray[np.intp], Floats], Floats],
    ray: NDArray[np.intp],
    left: Floats,
    right: Floats,
) -> tuple[Floats, Floats]:
    """Bisect panels until a Gauss-Legendre rule agrees with itself on both halves.

    It has to agree twice in a row, since at a jump it may once by chance.
    """
    nodes, weights = np.polynomial.legendre.leggauss(16)

    def rule(ray: NDArray[np.intp], left: Floats, right: Floats) -> Floats:
        half = (right - left)[:, None] / 2
        values = integrand(ray[:, None], left[:, None] + half * (1 + nodes))
        integrals: Floats = (values * half) @ weights
        return integrals

    whole = rule(ray, left, right)
    value, size, error = np.zeros((3, len(whole)))
    before = np.ones(len(ray), dtype=bool)
    for depth in range(DEPTH):
        middle = (left + right) / 2
        ray, left, right = np.tile(ray, 2), np.append(left, middle), np.append(middle, right)
        parts = rule(ray, left, right)
        halves = parts.reshape(len(parts), 2, -1)
        change = abs(whole - halves.sum(axis=1))
        goal = GOAL * (size + abs(parts).sum(axis=1))
        calm = (change <= goal[:, None]).all(axis=0)
        done = calm & before
        if (~done).sum() > MOST_PANELS or depth == DEPTH - 1:
            done[:] = True
        value += halves[:, :, done].sum(axis=(1, 2))
        size += abs(halves[:, :, done]).sum(axis=(1, 2))
        error += 4 * change[:, done].sum(axis=1)
        again = np.tile(~done, 2)
        ray, left, right, whole = ray[again], left[again], right[again], parts[:, again]
        before = np.tile(calm[~done], 2)
        if done.all():
            break
    return value, error + 10 * GOAL * size


def _checked_support(support: Any, points: Any) -> tuple[tuple[float, float], list[float]]:
    """Return the interval and the points inside as floats, or raise."""
    ends, inner = as_reals(support, "support"), as_reals(points, "points").astype(np.float64)
    if ends.shape != (2,) or not ends[0] < ends[1]:
        raise ValueError(f"support must be an interval (a, b) with a < b, got {support!r}")
    if inner.ndim != 1:
        raise ValueError(f"points must be a sequence of numbers, got shape {inner.shape}")
    a, b = map(float, ends)
    bad = ~((inner >= a) & (inner <= b) & np.isfinite(inner))
    if bad.any():
        place = int(np.argmax(bad))
        raise ValueError(f"points[{place}] is {inner[place]}, not inside the support ({a}, {b})")
    return (a, b), inner.tolist()


def _integral(
    kernel: Kernel,
    densities: dict[str, LogDensity],
    support: tuple[float, float],
    points: Sequence[float],
) -> tuple[float, float, list[float]]:
    """Integrate a kernel of u and log-densities of u; return the value, its error and the masses.

    Three rows go together: the masses, the kernel, and what the doubt of the continuation makes.
    """
    for name, log_density in densities.items():
        if not callable(log_density):
            raise TypeError(
                f"{name} must be a function of x, got {type(log_density).__name__}: "
                "of a law of scipy.stats pass the method logpdf"
            )
    interval, places = _checked_support(support, points)
    with np.errstate(all="ignore"):
        rays = _rays(interval, _anchors(densities, interval, places))
        curves = [_Density(log_density, name, rays) for name, log_density in densities.items()]

        def integrand(ray: NDArray[np.intp], u: Floats) -> Floats:
            logs = [curve(ray, u) for curve in curves]
            masses = [np.exp(log) for log in logs]
            doubt = sum(curve.doubt(ray, u) for curve in curves)
            value = kernel(u, *logs)
            least = np.where(doubt > 0, doubt * (abs(value) + sum(masses)), 0.0)
            return np.array([*masses, value, least])

        values, errors = _adaptive(integrand, *_panels(rays, curves))
        *masses, value, doubt = values.tolist()
        *slips, error, _ = errors.tolist()
        for name, mass, slip in zip(densities, masses, slips, strict=True):
            _check_mass(name, mass, slip + doubt, interval)
        if np.isfinite(value):
            value, rest = _ends(
                lambda ray, u: kernel(u, *(c(ray, u) for c in curves)), curves, value
            )
            error += rest + doubt
    return value, error if np.isfinite(value) else 0.0, masses


def _check_mass(name: str, mass: float, error: float, support: tuple[float, float]) -> None:
    """Raise unless a density integrates to 1."""
    if not abs(mass - 1) <= DOUBLE_TOLERANCE + min(error, 1e-4):
        raise ValueError(
            f"exp({name}) integrates to {mass:.9g} over {support}, not to 1: if it is a density, "
            "pass its support, and the places of narrow modes, jumps and singularities as points"
        )


def _ends(
    integrand: Callable[[NDArray[np.intp], Floats], Floats], curves: list[_Density], value: float
) -> tuple[float, float]:
    """Look where a log-density is no power law at an end: return the value, or inf, and the rest.

    There the integrand, where it is not negligible, must decay; what is missing is then estimated.
    """
    rest = 0.0
    lows, highs = np.max([c.low for c in curves], axis=0), np.min([c.high for c in curves], axis=0)
    steep_low = np.any([c.steep_low for c in curves], axis=0)
    steep_high = np.any([c.steep_high for c in curves], axis=0)
    for steep, end, step in [(steep_low, lows, 1.0), (steep_high, highs, -1.0)]:
        ray = np.flatnonzero(steep)
        last, before = (abs(integrand(ray, end[ray] + by)) for by in (0.0, step))
        matters = last > 1e-14 * (1 + abs(value))
        decay = np.log(before[matters] / last[matters])
        if (decay < 0.005).any():
            return float(np.copysign(np.inf, value)), 0.0
        rest += float((last[matters] / decay).sum())
    return value, rest


def _entropy(u: Floats, log_p: Floats) -> Floats:
    """-p log p, where p e^u is the density of u."""
    p = np.exp(log_p)
    terms: Floats = np.where(p > 0, p * (u - log_p), 0.0)
    return terms


def _log_ratio(log_p: Floats, log_q: Floats) -> Floats:
    """log(p/q), and 0 where both are 0."""
    return np.where(log_p == log_q, 0.0, log_p - log_q)


def _kl(u: Floats, log_p: Floats, log_q: Floats) -> Floats:
    """p log(p/q) - p + q: its integral is that of p log(p/q), and it is nowhere negative."""
    p, q, d = np.exp(log_p), np.exp(log_q), _log_ratio(log_p, log_q)
    far = np.where(log_p > NEGLIGIBLE, p * (d - 1), 0.0) + q
    terms: Floats = np.where(abs(d) < 1, p * expm1_minus(np.clip(-d, -1, 1)), far)
    return terms


def _js(u: Floats, log_p: Floats, log_q: Floats) -> Floats:
    """(p log(p/m) + q log(q/m))/2 as (p + q)/4 times a function of d = log(p/q)."""
    d = np.minimum(abs(_log_ratio(log_p, log_q)), 800.0)
    near, small = np.tanh(np.minimum(d, 2) / 2), np.exp(-d)
    close = d * near + np.log1p(-near * near)
    apart = 2 * (np.log(2.0) - np.log1p(small) - d * small / (1 + small))
    both: Floats = np.exp(log_p) + np.exp(log_q)
    terms: Floats = both / 4 * np.where(d < 2, close, apart)
    return terms


def _tv(u: Floats, log_p: Floats, log_q: Floats) -> Floats:
    """|p - q|/2 without cancellation."""
    larger: Floats = np.exp(np.maximum(log_p, log_q))
    terms: Floats = larger * -np.expm1(-abs(_log_ratio(log_p, log_q))) / 2
    return terms


def _hellinger(u: Floats, log_p: Floats, log_q: Floats) -> Floats:
    """(sqrt p - sqrt q)^2/2 without cancellation."""
    larger: Floats = np.exp(np.maximum(log_p, log_q))
    terms: Floats = larger * np.expm1(-abs(_log_ratio(log_p, log_q)) / 2) ** 2 / 2
    return terms


def _result(value: float, error: float, scale: float = 1.0) -> Quadrature:
    """Change the unit; never -0.0."""
    return Quadrature(np.float64(value / scale + 0.0), np.float64(error / scale))


def entropy_density(
    log_p: LogDensity,
    *,
    support: tuple[float, float] = (-np.inf, np.inf),
    points: Sequence[float] = (),
    base: float | None = None,
) -> Quadrature:
    r"""Differential entropy of a density.

    .. math:: h(p) = -\int p(x) \log p(x) \, dx

    Parameters
    ----------
    log_p : callable
        Log-density as a vectorised function of x, such as `logpdf` of a law of scipy.stats.
    support : tuple of float
        An interval (a, b), possibly infinite, outside which the density is 0.
    points : sequence of float
        Places in the support of kinks, jumps, singularities and hidden narrow modes.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    Quadrature
        Value, of any sign, and error.

    Raises
    ------
    ValueError
        If a density does not integrate to 1 (the message has the value found), a log-density is
        NaN or +inf somewhere, or the support or points are no such thing.
    TypeError
        If a density is no function.

    See Also
    --------
    scipy.stats.rv_continuous.entropy : closed forms, else quadrature.
    divkit.information.entropy : of discrete laws; it does not depend on a unit of length.

    References
    ----------
    C. E. Shannon (1948). A mathematical theory of communication.
    doi:10.1002/j.1538-7305.1948.tb01338.x

    Examples
    --------
    >>> value, error = entropy_density(lambda x: -x, support=(0, np.inf))
    >>> round(value.item(), 12), bool(error < 1e-9)
    (1.0, True)
    """
    scale = unit(base)
    value, error, (mass,) = _integral(_entropy, {"log_p": log_p}, support, points)
    return _result(value / mass + np.log(mass), error, scale)


def kl_density(
    log_p: LogDensity,
    log_q: LogDensity,
    *,
    support: tuple[float, float] = (-np.inf, np.inf),
    points: Sequence[float] = (),
    base: float | None = None,
) -> Quadrature:
    r"""Kullback-Leibler divergence between two densities.

    .. math:: D_{\mathrm{KL}}(p \,\|\, q) = \int p(x) \log \frac{p(x)}{q(x)} \, dx

    Parameters
    ----------
    log_p, log_q : callable
        Log-densities as vectorised functions of x, such as `logpdf` of the laws of scipy.stats.
    support : tuple of float
        An interval (a, b), possibly infinite, outside which both densities are 0.
    points : sequence of float
        Places in the support of kinks, jumps, singularities and hidden narrow modes.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    Quadrature
        Value, at least 0, and error. Infinite, with error 0, where q = 0 < p, and where the
        integrand does not decay towards an end at which a log-density is no power law.

    Raises
    ------
    ValueError
        If a density does not integrate to 1 (the message has the value found), a log-density is
        NaN or +inf somewhere, or the support or points are no such thing.
    TypeError
        If a density is no function.

    See Also
    --------
    kl_monte_carlo : by sampling, in any dimension.
    divkit.gaussian.kl_normal : a closed form.
    torch.distributions.kl_divergence : closed forms of known pairs.

    Notes
    -----
    log q must be computed as a logarithm: log(pdf) is -inf where the density underflows, and the
    divergence of such a q is infinite.

    References
    ----------
    S. Kullback and R. A. Leibler (1951). On information and sufficiency.
    doi:10.1214/aoms/1177729694

    Examples
    --------
    A beta law with most of its mass next to 0 and 1, some of it closer to 1 than floats are.

    >>> from scipy import stats
    >>> value, error = kl_density(
    ...     stats.beta(0.1, 0.2).logpdf, stats.uniform().logpdf, support=(0, 1)
    ... )
    >>> round(value.item(), 7), bool(error < 1e-9)
    (4.9773417, True)
    """
    scale = unit(base)
    value, error, masses = _integral(_kl, {"log_p": log_p, "log_q": log_q}, support, points)
    return _result(value / masses[0], error, scale)


def js_density(
    log_p: LogDensity,
    log_q: LogDensity,
    *,
    support: tuple[float, float] = (-np.inf, np.inf),
    points: Sequence[float] = (),
    base: float | None = None,
) -> Quadrature:
    r"""Jensen-Shannon divergence between two densities.

    .. math:: \tfrac12 D_{\mathrm{KL}}(p \,\|\, m) + \tfrac12 D_{\mathrm{KL}}(q \,\|\, m),
       \qquad m = \tfrac12 (p + q)

    Parameters
    ----------
    log_p, log_q : callable
        Log-densities as vectorised functions of x, such as `logpdf` of the laws of scipy.stats.
    support : tuple of float
        An interval (a, b), possibly infinite, outside which both densities are 0.
    points : sequence of float
        Places in the support of kinks, jumps, singularities and hidden narrow modes.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    Quadrature
        Value, from 0 to log 2, and error.

    Raises
    ------
    ValueError
        If a density does not integrate to 1 (the message has the value found), a log-density is
        NaN or +inf somewhere, or the support or points are no such thing.
    TypeError
        If a density is no function.

    See Also
    --------
    scipy.spatial.distance.jensenshannon : the root, of discrete laws.

    References
    ----------
    J. Lin (1991). Divergence measures based on the Shannon entropy. doi:10.1109/18.61115

    Examples
    --------
    >>> from scipy import stats
    >>> p, q = stats.uniform(0, 2).logpdf, stats.uniform(1, 2).logpdf
    >>> round(js_density(p, q, points=[0, 1, 2, 3], base=2).value.item(), 12)
    0.5
    """
    scale = unit(base)
    value, error, masses = _integral(_js, {"log_p": log_p, "log_q": log_q}, support, points)
    return _result(value / (sum(masses) / 2), error, scale)


def tv_density(
    log_p: LogDensity,
    log_q: LogDensity,
    *,
    support: tuple[float, float] = (-np.inf, np.inf),
    points: Sequence[float] = (),
) -> Quadrature:
    r"""Total variation distance between two densities.

    .. math:: \tfrac12 \int |p(x) - q(x)| \, dx

    Parameters
    ----------
    log_p, log_q : callable
        Log-densities as vectorised functions of x, such as `logpdf` of the laws of scipy.stats.
    support : tuple of float
        An interval (a, b), possibly infinite, outside which both densities are 0.
    points : sequence of float
        Places in the support of kinks, jumps, singularities and hidden narrow modes.

    Returns
    -------
    Quadrature
        Value, from 0 to 1, and error.

    Raises
    ------
    ValueError
        If a density does not integrate to 1 (the message has the value found), a log-density is
        NaN or +inf somewhere, or the support or points are no such thing.
    TypeError
        If a density is no function.

    See Also
    --------
    hellinger_density : H^2 <= TV <= H sqrt(2 - H^2).

    Examples
    --------
    >>> from scipy import stats
    >>> tv_density(stats.norm(0, 1).logpdf, stats.norm(2, 1).logpdf).value.round(9).item()
    0.682689492
    """
    value, error, masses = _integral(_tv, {"log_p": log_p, "log_q": log_q}, support, points)
    return _result(value / (sum(masses) / 2), error)


def hellinger_density(
    log_p: LogDensity,
    log_q: LogDensity,
    *,
    support: tuple[float, float] = (-np.inf, np.inf),
    points: Sequence[float] = (),
) -> Quadrature:
    r"""Hellinger distance between two densities.

    .. math:: H(p, q) = \sqrt{\tfrac12 \int \bigl(\sqrt{p(x)} - \sqrt{q(x)}\bigr)^2 dx}

    Parameters
    ----------
    log_p, log_q : callable
        Log-densities as vectorised functions of x, such as `logpdf` of the laws of scipy.stats.
    support : tuple of float
        An interval (a, b), possibly infinite, outside which both densities are 0.
    points : sequence of float
        Places in the support of kinks, jumps, singularities and hidden narrow modes.

    Returns
    -------
    Quadrature
        Value, from 0 to 1 (it is a metric, not its square), and error.

    Raises
    ------
    ValueError
        If a density does not integrate to 1 (the message has the value found), a log-density is
        NaN or +inf somewhere, or the support or points are no such thing.
    TypeError
        If a density is no function.

    See Also
    --------
    tv_density : H^2 <= TV <= H sqrt(2 - H^2).

    References
    ----------
    E. Hellinger (1909). Neue Begründung der Theorie quadratischer Formen von unendlichvielen
    Veränderlichen. doi:10.1515/crll.1909.136.210

    Examples
    --------
    >>> from scipy import stats
    >>> hellinger_density(stats.expon().logpdf, stats.expon(scale=4).logpdf,
    ...     support=(0, np.inf)).value.round(12).item()
    0.4472135955
    """
    square, error, masses = _integral(_hellinger, {"log_p": log_p, "log_q": log_q}, support, points)
    root = np.sqrt(square / (sum(masses) / 2))
    return _result(root, np.sqrt(square + error) - np.sqrt(max(square - error, 0.0)))


def _size(size: int) -> int:
    """Return the size of a sample, at least 2, or raise."""
    if isinstance(size, bool) or not isinstance(size, int | np.integer):
        raise TypeError(f"size must be an integer, got {size!r}")
    if size < 2:
        raise ValueError(f"size must be at least 2 for a standard error, got {size}")
    return int(size)


def kl_monte_carlo(
    log_p: LogDensity,
    log_q: LogDensity,
    *,
    sampler: Callable[[np.random.Generator, int], Any],
    size: int = 100_000,
    rng: np.random.Generator | int | None = None,
    base: float | None = None,
) -> MonteCarlo:
    r"""Kullback-Leibler divergence by sampling from `p`, in any dimension.

    .. math:: \frac1n \sum_{i=1}^n \log \frac{p(x_i)}{q(x_i)}, \qquad x_i \sim p

    Parameters
    ----------
    log_p, log_q : callable
        Log-densities, normalised: functions of the sample that return `size` numbers.
    sampler : callable
        ``sampler(rng, size)`` returns a sample of `p`, along the first axis.
    size : int
        Number of samples n, at least 2.
    rng : Generator or int, optional
        A generator or the seed of one.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    MonteCarlo
        Value, raw and thus at times negative, and standard error. An infinite value (a sample
        where q = 0) is sure and has the standard error 0.

    Raises
    ------
    ValueError
        If a log-density gives NaN, +inf or the wrong number of values, or p = 0 at a sample.
    TypeError
        If an argument is no function, or `size` no integer.

    See Also
    --------
    kl_density : by quadrature, on the line.

    Notes
    -----
    The standard error supposes that log(p/q) has a variance under p. It cannot tell of regions
    with q far below p that no sample met: the value is then too small, and looks certain.

    Examples
    --------
    >>> from scipy import stats
    >>> p, q = stats.norm(0, 1), stats.norm(1, 2)
    >>> value, standard_error = kl_monte_carlo(
    ...     p.logpdf, q.logpdf, sampler=lambda rng, n: p.rvs(n, random_state=rng), rng=0
    ... )
    >>> bool(abs(value - 0.443147) < 3 * standard_error), bool(standard_error < 0.002)
    (True, True)
    """
    for name, function in {"log_p": log_p, "log_q": log_q, "sampler": sampler}.items():
        if not callable(function):
            raise TypeError(f"{name} must be a function, got {type(function).__name__}")
    scale, count = unit(base), _size(size)
    sample = sampler(np.random.default_rng(rng), count)
    logs = {}
    for name, function in {"log_p": log_p, "log_q": log_q}.items():
        with np.errstate(all="ignore"):
            logs[name] = as_reals(function(sample), f"{name}(sample)").astype(np.float64)
        if logs[name].shape != (count,):
            raise ValueError(f"{name}(sample) has shape {logs[name].shape}, not ({count},)")
        bad = ~(logs[name] < np.inf) | ((name == "log_p") & np.isneginf(logs[name]))
        if bad.any():
            place = int(np.argmax(bad))
            raise ValueError(
                f"{name} is {logs[name][place]} at sample {place}: a log-density is finite or "
                "-inf, and finite where its own samples lie"
            )
    return _mean(logs["log_p"] - logs["log_q"], scale)


def _mean(terms: Floats, scale: float) -> MonteCarlo:
    """The mean of a sample and its standard error."""
    if np.isposinf(terms).any():
        return MonteCarlo(np.float64(np.inf), np.float64(0.0))
    deviation = terms.std(ddof=1) / np.sqrt(terms.size)
    return MonteCarlo(np.float64(terms.mean() / scale + 0.0), np.float64(deviation / scale))


class _Mixture(NamedTuple):
    """A Gaussian mixture: weights (K,), means (K, d), lower Cholesky factors (K, d, d)."""

    weights: Floats
    means: Floats
    factors: Floats

    def log_density(self, x: Floats) -> Floats:
        """Return log sum_k w_k N(x; m_k, L_k L_k^T) for x of shape (n, d)."""
        logs = []
        for weight, mean, factor in zip(*self, strict=True):
            z = _solve(factor, (x - mean).T)
            scale = np.log(weight) - np.log(np.diag(factor)).sum()
            logs.append(scale - (z**2).sum(axis=0) / 2 - x.shape[1] / 2 * np.log(2 * np.pi))
        return _log_sum(np.array(logs).T)

    def sample(self, rng: np.random.Generator, size: int) -> Floats:
        """Draw points, shape (size, d)."""
        which = rng.choice(len(self.weights), size=size, p=self.weights)
        z = rng.standard_normal((size, self.means.shape[1]))
        drawn: Floats = self.means[which] + np.einsum("nij,nj->ni", self.factors[which], z)
        return drawn


def _solve(factor: Floats, right: Floats) -> Floats:
    """Solve with a lower triangle."""
    from scipy.linalg import solve_triangular

    if len(factor) == 1:  # on the line, where quadrature asks for many points
        return np.asarray(right / factor[0, 0])
    solution: Floats = solve_triangular(factor, right, lower=True)
    return solution


def _log_sum(logs: Floats) -> Floats:
    """log sum exp along the last axis."""
    top = logs.max(axis=-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(logs - top).sum(axis=-1)) + top[..., 0])


def _mixture(given: Any, name: str) -> _Mixture:
    """Return a checked mixture; components of weight 0 are left out."""
    if not isinstance(given, tuple | list) or len(given) != 3:
        raise TypeError(f"{name} must be a triple (weights, means, sds or covariances)")
    labels = [f"{name}[{i}] ({what})" for i, what in enumerate(("weights", "means", "scales"))]
    weights, means, scales = (as_reals(x, label) for x, label in zip(given, labels, strict=True))
    if weights.ndim != 1 or weights.size == 0:
        raise ValueError(f"{labels[0]} must be one distribution (K,), got shape {weights.shape}")
    rows = checked(weights[None], labels[0], tolerance(weights), 0, False)
    shape = means.shape if means.ndim < 2 else (*means.shape, means.shape[-1])
    if means.ndim not in (1, 2) or len(means) != weights.size or scales.shape != shape:
        raise ValueError(
            f"{name} of {weights.size} components needs means (K,) with standard deviations (K,), "
            f"or means (K, d) with covariances (K, d, d), got {means.shape} and {scales.shape}"
        )
    centres = means.astype(np.float64).reshape(weights.size, -1)
    if not np.isfinite(centres).all():
        place = int(np.argmin(np.isfinite(centres).all(axis=1)))
        raise ValueError(f"{labels[1]}: entry {place} is {means[place]}, not finite")
    factors = _factors(scales.astype(np.float64), labels[2])
    kept = rows.values[0] > 0
    return _Mixture(rows.values[0][kept] / rows.totals[0], centres[kept], factors[kept])


def _factors(scales: Floats, label: str) -> Floats:
    """Return lower Cholesky factors of covariances, or standard deviations as 1 x 1 factors."""
    if scales.ndim == 1:
        if not ((scales > 0) & (scales < np.inf)).all():
            place = int(np.argmin((scales > 0) & (scales < np.inf)))
            raise ValueError(
                f"{label}: entry {place} is {scales[place]}, but a standard deviation is finite "
                "and greater than 0"
            )
        return scales[:, None, None]
    factors = np.empty_like(scales)
    for place, covariance in enumerate(scales):
        if not np.isfinite(covariance).all():
            raise ValueError(f"{label}: covariance {place} is not finite")
        if not np.allclose(covariance, covariance.T, rtol=1e-10, atol=0):
            raise ValueError(f"{label}: covariance {place} is not symmetric")
        try:
            factors[place] = np.linalg.cholesky(covariance)
        except np.linalg.LinAlgError:
            raise ValueError(f"{label}: covariance {place} is not positive definite") from None
    return factors


def _pair(p: Any, q: Any) -> tuple[_Mixture, _Mixture]:
    """Return two mixtures in the same space, or raise."""
    f, g = _mixture(p, "p"), _mixture(q, "q")
    if f.means.shape[1] != g.means.shape[1]:
        raise ValueError(f"p lives in {f.means.shape[1]} dimensions, q in {g.means.shape[1]}")
    return f, g


def kl_mixture(p: Any, q: Any, *, base: float | None = None) -> Quadrature:
    r"""Kullback-Leibler divergence between Gaussian mixtures on the line, by quadrature.

    .. math:: D_{\mathrm{KL}}(p \,\|\, q), \qquad p = \sum_k w_k N(\mu_k, \sigma_k^2)

    It has no closed form.

    Parameters
    ----------
    p, q : tuple
        Mixtures (weights, means, sds), each of shape (K,); the numbers of components may differ.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    Quadrature
        Value, at least 0, and error.

    Raises
    ------
    ValueError
        If the weights are no distribution, the shapes do not fit, a parameter is not finite or a
        standard deviation not positive; for mixtures in several dimensions.
    TypeError
        If a mixture is no triple of real arrays.

    See Also
    --------
    kl_mixture_monte_carlo : in any dimension.
    kl_mixture_bounds : without integration.

    Examples
    --------
    >>> p, q = ([0.5, 0.5], [-3, 3], [1, 1]), ([1], [0], [10**0.5])
    >>> kl_mixture(p, q).value.round(3).item()
    0.462
    """
    f, g = _pair(p, q)
    if f.means.shape[1] != 1:
        raise ValueError(
            f"p lives in {f.means.shape[1]} dimensions: use kl_mixture_monte_carlo, "
            "or kl_mixture_bounds"
        )

    def log_density(mixture: _Mixture) -> LogDensity:
        return lambda x: mixture.log_density(x.reshape(-1, 1)).reshape(x.shape)

    places = np.unique(np.append(f.means, g.means))
    return kl_density(log_density(f), log_density(g), points=places.tolist(), base=base)


def kl_mixture_monte_carlo(
    p: Any,
    q: Any,
    *,
    size: int = 100_000,
    rng: np.random.Generator | int | None = None,
    base: float | None = None,
) -> MonteCarlo:
    r"""Kullback-Leibler divergence between Gaussian mixtures in any dimension, by sampling.

    .. math:: \frac1n \sum_{i=1}^n \log \frac{p(x_i)}{q(x_i)}, \qquad x_i \sim p

    Parameters
    ----------
    p, q : tuple
        Mixtures (weights, means, sds) of shapes (K,), or (weights, means, covariances) of shapes
        (K,), (K, d), (K, d, d).
    size : int
        Number of samples n, at least 2.
    rng : Generator or int, optional
        A generator or the seed of one.
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    MonteCarlo
        Value, raw and thus at times negative, and standard error.

    Raises
    ------
    ValueError
        If the weights are no distribution, the shapes do not fit, a parameter is not finite, a
        standard deviation not positive or a covariance not positive definite.
    TypeError
        If a mixture is no triple of real arrays, or `size` no integer.

    See Also
    --------
    kl_mixture : on the line, far more exact.

    Examples
    --------
    >>> p, q = ([0.5, 0.5], [-3, 3], [1, 1]), ([1], [0], [10**0.5])
    >>> value, standard_error = kl_mixture_monte_carlo(p, q, rng=0)
    >>> bool(abs(value - 0.4620) < 3 * standard_error)
    True
    """
    f, g = _pair(p, q)
    return kl_monte_carlo(
        f.log_density, g.log_density, sampler=f.sample, size=size, rng=rng, base=base
    )


def kl_mixture_bounds(p: Any, q: Any, *, base: float | None = None) -> MixtureBounds:
    r"""Bounds and approximations of the KL divergence between Gaussian mixtures, without sampling.

    With p = sum_a v_a f_a, q = sum_b w_b g_b, overlaps z(f, g) = int f g and entropies h:

    .. math::

       \begin{aligned}
       \text{variational} &= \sum_a v_a \log \frac{\sum_{a'} v_{a'} e^{-D(f_a \| f_{a'})}}
       {\sum_b w_b e^{-D(f_a \| g_b)}} \\
       \text{product} &= \sum_a v_a \log \frac{\sum_{a'} v_{a'} z(f_a, f_{a'})}
       {\sum_b w_b z(f_a, g_b)} \\
       \text{lower} &= \sum_a v_a \Bigl(\log \frac{\sum_{a'} v_{a'} e^{-D(f_a \| f_{a'})}}
       {\sum_b w_b z(f_a, g_b)} - h(f_a)\Bigr) \\
       \text{convexity} &= \sum_{a,b} v_a w_b D(f_a \| g_b)
       \end{aligned}

    The upper bound is the least of the bound by convexity, of the counterpart of `lower` with
    the two kinds of sums exchanged, and of Hershey and Olsen's variational bound: the mixtures are
    split into parts of weights phi_ab (of p) and psi_ab (of q), and KL is at most
    sum phi (log(phi/psi) + D(f_a||g_b)), minimised over the splittings in turn.

    Parameters
    ----------
    p, q : tuple
        Mixtures (weights, means, sds) of shapes (K,), or (weights, means, covariances) of shapes
        (K,), (K, d), (K, d, d).
    base : float, optional
        Base of the logarithm, finite and greater than 1. Nats if None.

    Returns
    -------
    MixtureBounds
        `lower` (at least 0, as KL is), `upper`, `convexity`, `variational` and `product`.

    Raises
    ------
    ValueError
        If the weights are no distribution, the shapes do not fit, a parameter is not finite, a
        standard deviation not positive or a covariance not positive definite.
    TypeError
        If a mixture is no triple of real arrays.

    See Also
    --------
    kl_mixture, kl_mixture_monte_carlo

    References
    ----------
    J. R. Hershey and P. A. Olsen (2007). Approximating the Kullback Leibler divergence between
    Gaussian mixture models. doi:10.1109/ICASSP.2007.366913

    J.-L. Durrieu, J.-P. Thiran and F. Kelly (2012). Lower and upper bounds for approximation of
    the Kullback-Leibler divergence between Gaussian mixture models.
    doi:10.1109/ICASSP.2012.6289001

    Examples
    --------
    >>> p, q = ([0.5, 0.5], [-3, 3], [1, 1]), ([1], [0], [10**0.5])
    >>> bounds = kl_mixture_bounds(p, q)
    >>> bool(bounds.lower < 0.462 < bounds.upper <= bounds.convexity)
    True
    """
    scale, (f, g) = unit(base), _pair(p, q)
    v, log_v, log_w = f.weights, np.log(f.weights), np.log(g.weights)
    between = _component_kl(f, g)
    near_f, near_g = _log_sum(log_v - _component_kl(f, f)), _log_sum(log_w - between)
    over_f, over_g = _log_sum(log_v + _overlap(f, f)), _log_sum(log_w + _overlap(f, g))
    dimension = f.means.shape[1]
    logdets = np.log(np.diagonal(f.factors, axis1=1, axis2=2)).sum(axis=1)
    entropies = dimension / 2 * np.log(2 * np.pi * np.e) + logdets
    convexity = v @ between @ g.weights
    upper = min(convexity, v @ (over_f + entropies - near_g), _split(f.weights, g.weights, between))
    lower = max(0.0, v @ (near_f - entropies - over_g))
    values = [lower, upper, convexity, v @ (near_f - near_g), v @ (over_f - over_g)]
    return MixtureBounds(*(np.float64(value / scale + 0.0) for value in values))


def _component_kl(f: _Mixture, g: _Mixture) -> Floats:
    """D(f_a || g_b) for all components; with A = L_b^-1 L_a no term is negative."""
    table = np.empty((len(f.weights), len(g.weights)))
    for b, (mean, factor) in enumerate(zip(g.means, g.factors, strict=True)):
        shifts = _solve(factor, (f.means - mean).T)
        for a, other in enumerate(f.factors):
            ratio = _solve(factor, other)
            diagonal = expm1_minus(2 * np.log(np.diag(ratio)))  # A_ii^2 - 1 - log A_ii^2
            rest = (np.tril(ratio, -1) ** 2).sum() + (shifts[:, a] ** 2).sum()
            table[a, b] = (diagonal.sum() + rest) / 2
    return table


def _overlap(f: _Mixture, g: _Mixture) -> Floats:
    """log int f_a g_b, a normal density of the difference of the means, for all components."""
    table = np.empty((len(f.weights), len(g.weights)))
    for a, (mean, factor) in enumerate(zip(f.means, f.factors, strict=True)):
        for b, (other_mean, other) in enumerate(zip(g.means, g.factors, strict=True)):
            joined = np.linalg.cholesky(factor @ factor.T + other @ other.T)
            law = _Mixture(np.ones(1), other_mean[None], joined[None])
            table[a, b] = law.log_density(mean[None])[0]
    return table


def _split(v: Floats, w: Floats, between: Floats) -> float:
    """Hershey and Olsen's variational upper bound: the least sum phi (log(phi/psi) + D).

    Both steps lower it: psi_ab ~ phi_ab with sum_a psi = w_b, and phi_ab ~ psi_ab e^(-D_ab) with
    sum_b phi = v_a. Logarithms keep parts that are too small for a float.
    """
    log_v, log_w = np.log(v)[:, None], np.log(w)
    log_phi = log_v + log_w
    best = np.inf
    for _ in range(200):
        log_psi = log_w + log_phi - _log_sum(log_phi.T)
        log_phi = log_psi - between
        log_phi = log_v + log_phi - _log_sum(log_phi)[:, None]
        bound = float((np.exp(log_phi) * (log_phi - log_psi + between)).sum())
        if not bound < best * (1 - 1e-12):
            break
        best = bound
    return max(0.0, min(best, bound))  # a KL divergence plus what is not negative, but rounded
