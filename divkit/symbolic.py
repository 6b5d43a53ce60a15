r"""Derivations in sympy, step by step, each step checked by algebra and by numbers.

A `Step` claims that two expressions are equal and says why. Its `check` has sympy show that they
are, and compares both sides at random points, where integrals are done by quadrature. A
`Derivation` is a tuple of steps with a title and a result; both show themselves in a notebook.

Every moment is integrated by sympy over the real line. Scales are declared positive, without which
it cannot: `sigma` is a standard deviation, `mu` a mean.

Needs sympy (``pip install "divkit[symbolic]"``); `import divkit` alone does not load it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, overload

import numpy as np

from divkit._validation import as_reals

try:
    import mpmath
    import sympy as sp
    from sympy.printing.latex import LatexPrinter
except ImportError as error:
    raise ImportError(
        'divkit.symbolic needs sympy. Install it with: pip install "divkit[symbolic]"'
    ) from error

__all__ = [
    "Derivation",
    "Step",
    "derive_cross_entropy_normal",
    "derive_entropy_normal",
    "derive_fisher_information",
    "derive_js_normals",
    "derive_kl_mvn",
    "derive_kl_normal",
    "derive_kl_normal_by_terms",
    "derive_moment_matching",
    "derive_optimal_discriminator",
    "derive_pointwise_minimiser",
    "derive_wgan_gp_slope",
]

Expression = Any  # sympy carries no types
RELATIVE_TOLERANCE = 1e-8
ONE_LINE = 140  # characters of LaTeX that fit on a line

X = sp.Symbol("x", real=True)
MU, MU0, MU1 = sp.symbols("mu mu_0 mu_1", real=True)
SIGMA, SIGMA0, SIGMA1 = sp.symbols("sigma sigma_0 sigma_1", positive=True)


@dataclass(frozen=True, repr=False)
class Step:
    """One equality of a derivation: `before` is `after`, because of `reason`.

    Parameters
    ----------
    title : str
        What the step does, in a few words; an error names it.
    before, after : sympy.Expr
        The two sides. Integrals and derivatives may stand unevaluated, and functions of `x` such
        as `p(x)` stand for any density.
    reason : str
        Why they are equal, in Markdown.
    where : tuple of pairs
        Functions of `x` in the two sides that stand for a certain density, each with it. The step
        is shown with the short names and checked with what they stand for.

    See Also
    --------
    Derivation : steps in a row.
    sympy.Expr.equals : tests equality at random points, without quadrature.

    Examples
    --------
    >>> s = sp.Symbol("s", positive=True)
    >>> area = sp.Integral(sp.exp(-s * X), (X, 0, sp.oo))
    >>> Step("Area", area, 1 / s, "an exponential function").check()
    >>> Step("Area", area, s, "a slip").check()
    Traceback (most recent call last):
        ...
    ValueError: the step 'Area' is wrong: before - after is -s + 1/s, not 0
    >>> p = sp.Function("p", positive=True)(X)
    >>> mean = sp.Integral(X * p, (X, 0, sp.oo))
    >>> Step("Mean", mean, 1 / s, "by parts", where=((p, s * sp.exp(-s * X)),)).check()
    """

    title: str
    before: Expression
    after: Expression
    reason: str
    where: tuple[tuple[Expression, Expression], ...] = ()

    def __repr__(self) -> str:
        return f"{self.title}: {self.before} = {self.after}"

    def _spelt_out(self) -> tuple[Expression, Expression]:
        """Both sides, with the densities that `where` gives put in."""
        densities = dict(self.where)
        return self.before.xreplace(densities), self.after.xreplace(densities)

    def check(self, n: int = 20, *, rng: np.random.Generator | int | None = 0) -> None:
        """Verify the step: sympy shows that before - after is 0, and `n` random points agree.

        At each point a positive symbol is drawn from [0.5, 2], any other from [-2, 2], and a
        function of `x` becomes the density of a random mixture of two normal laws. Integrals are
        done by tanh-sinh quadrature (mpmath); both sides must agree to 1e-8.

        Parameters
        ----------
        n : int
            Number of random points, at least 1.
        rng : numpy.random.Generator, int or None
            Where they come from; None draws different ones each time.

        Raises
        ------
        ValueError
            If either comparison fails; the message has the step's title.

        Examples
        --------
        >>> derive_kl_normal().steps[0].check(n=3)
        """
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
            raise ValueError(f"n must be a whole number of points, at least 1, got {n!r}")
        before, after = self._spelt_out()
        left = _remainder(before - after)
        if left != 0:
            raise ValueError(f"the step {self.title!r} is wrong: before - after is {left}, not 0")
        generator = np.random.default_rng(rng)
        for _ in range(n):
            self._compare(generator)

    def _compare(self, generator: np.random.Generator) -> None:
        """Compare the two sides at one random point."""
        sides = sp.Tuple(*self._spelt_out())
        densities, symbols = _random_point(sides, generator)
        before, after = _numbers(sides, densities, symbols)
        if not bool(abs(before - after) <= RELATIVE_TOLERANCE * max(1, abs(before), abs(after))):
            where = ", ".join(f"{symbol} = {value:.6g}" for symbol, value in symbols.items())
            raise ValueError(
                f"the step {self.title!r} is wrong: before is {sp.N(before, 12)}, "
                f"after is {sp.N(after, 12)} at {where}"
            )

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {_latex(self.before)} = {_latex(self.after)}$"

    def _repr_markdown_(self) -> str:
        before, after = _lines(self.before), _lines(self.after)
        split = " " if len(before + after) < ONE_LINE else " \\\\ &"
        return (
            f"**{self.title}.** {self.reason}\n\n"
            f"$$\n\\begin{{aligned}}\n& {before}{split}= {after}\n\\end{{aligned}}\n$$"
        )


@dataclass(frozen=True)
class Derivation:
    """A derivation: a title, its steps in order, and the result.

    Parameters
    ----------
    title : str
        What is derived.
    steps : tuple of Step
        The steps; `len`, indexing and iteration go over them.
    result : sympy.Basic
        An expression, or a tuple or matrix of expressions. Where sympy finds no closed form it
        contains an integral, and the text shown says so.

    See Also
    --------
    Step : one equality.

    Examples
    --------
    >>> derivation = derive_wgan_gp_slope()
    >>> [step.title for step in derivation][-1]
    'Value'
    >>> derivation.result
    1 + theta/(2*lambda)
    >>> derivation.check_all()
    """

    title: str
    steps: tuple[Step, ...]
    result: Expression

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Step, ...]: ...
    def __getitem__(self, index: int | slice) -> Step | tuple[Step, ...]:
        return self.steps[index]

    @property
    def is_closed(self) -> bool:
        """Whether the result contains no unevaluated integral.

        Examples
        --------
        >>> derive_kl_normal().is_closed, derive_js_normals().is_closed
        (True, False)
        """
        return not self.result.has(sp.Integral)

    def check_all(self, n: int = 20, *, rng: np.random.Generator | int | None = 0) -> None:
        """Check every step, as `Step.check` does.

        Parameters
        ----------
        n : int
            Number of random points for each step.
        rng : numpy.random.Generator, int or None
            Where they come from.

        Raises
        ------
        ValueError
            For the first step that fails, with its title.

        Examples
        --------
        >>> derive_pointwise_minimiser().check_all()
        """
        generator = np.random.default_rng(rng)
        for step in self:
            step.check(n, rng=generator)

    def value(self, **symbols: float) -> np.float64:
        """Return the result as a number, integrals by quadrature.

        Parameters
        ----------
        **symbols : float
            A value for each symbol in the result, by name.

        Returns
        -------
        float
            The number, right to about 1e-12.

        Raises
        ------
        ValueError
            If a symbol is missing, unknown or against its assumptions.
        TypeError
            If the result is not a single expression, or a value not a real number.

        Examples
        --------
        >>> derive_kl_normal().value(mu_0=0, sigma_0=1, mu_1=1, sigma_1=2).round(12).item()
        0.44314718056
        """
        if not isinstance(self.result, sp.Expr) or self.result.is_Matrix:
            raise TypeError(f"the result is {self.result}: take one of its entries")
        known = {symbol.name: symbol for symbol in self.result.free_symbols}
        if set(known) != set(symbols):
            raise ValueError(f"the symbols are {sorted(known)}, got {sorted(symbols)}")
        for name, number in symbols.items():
            as_reals(number, name)
            if not np.isfinite(number) or (known[name].is_positive and number <= 0):
                kind = "positive" if known[name].is_positive else "finite"
                raise ValueError(f"{name} is {number}, but must be {kind}")
        (number,) = _numbers(
            sp.Tuple(self.result), {}, {known[name]: value for name, value in symbols.items()}
        )
        return np.float64(number)

    def _repr_markdown_(self) -> str:
        steps = "\n\n".join(step._repr_markdown_() for step in self)
        text = f"### {self.title}\n\n{steps}\n\n**Result.**\n\n$$\n{_latex(self.result)}\n$$"
        if self.is_closed:
            return text
        return (
            f"{text}\n\nThis is no closed form: sympy leaves the integral unevaluated. That proves "
            "nothing about it, and its values come from quadrature."
        )


class _Printer(LatexPrinter):  # type: ignore[misc]
    """LaTeX as one writes it: x - mu, not -mu + x, and limits beside the integral sign."""

    def _as_ordered_terms(self, expression: Expression, order: str | None = None) -> list[Any]:
        """Put the first term without a minus sign to the front."""
        terms = list(super()._as_ordered_terms(expression, order))
        first = next((k for k, term in enumerate(terms) if not _negative(term)), 0)
        return [terms[first], *terms[:first], *terms[first + 1 :]]


def _negative(term: Expression) -> bool:
    return bool(term.could_extract_minus_sign())


def _latex(expression: Expression) -> str:
    return str(_Printer({"itex": True}).doprint(expression))


def _lines(expression: Expression) -> str:
    """LaTeX, a term a line where a sum holds several integrals."""
    if not expression.is_Add or len(expression.atoms(sp.Integral)) < 2:
        return _latex(expression)
    first, *rest = map(_latex, _Printer()._as_ordered_terms(expression))
    signed = [term if term.startswith("-") else f"+ {term}" for term in rest]
    return " \\\\ & \\quad ".join([first, *signed])


def _expanded(expression: Expression) -> Expression:
    """Take derivatives, split logarithms and multiply out, except in exp, log and integrals."""
    split = sp.expand_log(expression.doit(integrals=False))
    kept = split.atoms(sp.exp, sp.log, sp.Integral, sp.core.function.AppliedUndef)
    names = {part: sp.Dummy(positive=part.is_positive) for part in kept}
    multiplied = sp.expand(split.xreplace(names))
    return multiplied.xreplace({name: part for part, name in names.items()})


def _remainder(difference: Expression) -> Expression:
    """Return `difference` simplified, so that 0 means that sympy has shown it to be 0.

    Integrals over the same range become one. Only what is left of its integrand is integrated, so
    that a step need not evaluate what stands on both sides.
    """
    rest = sp.S.Zero
    integrands: dict[Any, Any] = {}
    for term in sp.Add.make_args(_expanded(difference)):
        coefficient, integral = term.as_independent(sp.Integral)
        if isinstance(integral, sp.Integral):
            total = integrands.get(integral.limits, sp.S.Zero)
            integrands[integral.limits] = total + coefficient * integral.function
        else:
            rest += term
    for limits, integrand in integrands.items():
        left = _expanded(integrand)
        hard = left.has(sp.log, sp.core.function.AppliedUndef)
        if left != 0 and not (hard and sp.simplify(left) == 0):
            rest += _integrated(left, limits)
    return sp.simplify(_expanded(rest))


def _integrated(integrand: Expression, limits: tuple[Any, ...]) -> Expression:
    """Have sympy integrate, first over the first variable, each power of it on its own."""
    for limit in limits:
        parts: dict[Any, Any] = {}
        for term in sp.Add.make_args(_expanded(integrand)):
            coefficient, part = term.as_independent(limit[0], as_Add=False)
            parts[part] = parts.get(part, sp.S.Zero) + coefficient
        integrand = sum(
            coefficient * _integrated_part(part, limit) for part, coefficient in parts.items()
        )
    return integrand


@cache
def _integrated_part(part: Expression, limit: tuple[Any, ...]) -> Expression:
    """Integrate one power of x times a density, which many steps need."""
    return sp.simplify(sp.integrate(part, limit))


def _random_point(
    expression: Expression, generator: np.random.Generator
) -> tuple[dict[Any, Any], dict[Any, float]]:
    """Draw a density for each function of x and a number for each symbol."""
    densities = {
        function: _random_mixture(function.args[0], generator)
        for function in _sorted(expression.atoms(sp.core.function.AppliedUndef))
    }
    numbers = {
        symbol: float(generator.uniform(0.5 if symbol.is_positive else -2, 2))
        for symbol in _sorted(expression.free_symbols)
    }
    return densities, numbers


def _sorted(expressions: Any) -> list[Any]:
    """The same order in every process, for the same random numbers."""
    return sorted(expressions, key=str)


def _random_mixture(x: Expression, generator: np.random.Generator) -> Expression:
    """A density without symmetry: two normal laws mixed, with random parameters."""
    weight, *means = generator.uniform([0.2, -1, -1], [0.8, 1, 1])
    sds = generator.uniform(0.5, 2, 2)
    first, second = (_normal(x, m, s) for m, s in zip(means, sds, strict=True))
    return weight * first + (1 - weight) * second


def _numbers(
    expressions: Expression, densities: dict[Any, Any], symbols: dict[Any, float]
) -> list[Any]:
    """Evaluate to 15 digits, with densities for functions, numbers for symbols, quadrature."""
    plain = sp.Tuple(*(each.xreplace(densities).doit(integrals=False) for each in expressions))
    plain = plain.xreplace({symbol: sp.Float(value, 15) for symbol, value in symbols.items()})
    integrals = {each: sp.Float(_quadrature(each), 15) for each in plain.atoms(sp.Integral)}
    return [each.xreplace(integrals).evalf(15) for each in plain]


def _quadrature(integral: Expression) -> Expression:
    """Integrate numerically: one variable by tanh-sinh, several by adaptive cubature.

    mpmath's exponents do not underflow: there the logarithm of a density far out stays finite.
    """
    variables = [variable for variable, *_ in integral.limits]
    if len(variables) == 1:
        function = sp.lambdify(variables, integral.function, "mpmath", cse=True)
        return mpmath.quad(function, [float(end) for end in integral.limits[0][1:]])
    from scipy.integrate import cubature

    function = sp.lambdify(variables, sp.expand_log(integral.function), "numpy")
    low, high = (np.array([float(limit[k]) for limit in integral.limits]) for k in (1, 2))
    return cubature(lambda points: function(*points.T), low, high, rtol=1e-9, atol=1e-9).estimate


def _normal(x: Expression, mu: Expression, sigma: Expression) -> Expression:
    """Return the density of N(mu, sigma^2) at x."""
    return sp.exp(-((x - mu) ** 2) / (2 * sigma**2)) / (sigma * sp.sqrt(2 * sp.pi))


def _over_line(integrand: Expression) -> Expression:
    """Return the integral over the real line, unevaluated."""
    return sp.Integral(integrand, (X, -sp.oo, sp.oo))


def _log(density: Expression) -> Expression:
    """Return the logarithm, split into a sum."""
    return sp.expand_log(sp.log(density))


def _at(function: Expression, variable: Expression, place: Expression, order: int) -> Expression:
    """Return a derivative at a place, unevaluated."""
    return sp.Subs(sp.Derivative(function, (variable, order)), variable, place)


def _moment_steps(mu: Expression, sigma: Expression) -> list[Step]:
    """The moments of order 0, 1 and 2 of a normal law, integrated by sympy."""
    steps = []
    for power, name in enumerate(("Area", "First moment", "Second moment")):
        integral = _over_line(X**power * _normal(X, mu, sigma))
        value = _integrated(integral.function, integral.limits)
        steps.append(Step(name, integral, value, "sympy integrates over the real line."))
    return steps


def _expectation_steps(
    start: Expression, polynomial: Expression, law: tuple[Expression, Expression], end: Expression
) -> tuple[Step, ...]:
    """From `start`, the mean of a quadratic polynomial under a normal law, to `end`."""
    density = _normal(X, *law)
    written = _over_line(polynomial * density)
    powers = sp.collect(sp.expand(polynomial), X, evaluate=False)
    by_powers = sum(c * _over_line(power * density) for power, c in powers.items())
    moments = _moment_steps(*law)
    integrated = by_powers.xreplace({moment.before: moment.after for moment in moments})
    return (
        Step("Logarithms written out", start, written, "The logarithm undoes the exponential."),
        Step("Powers of x", written, by_powers, "Integration is linear."),
        *moments,
        Step("Moments put in", by_powers, integrated, "The three integrals above."),
        Step("Collected", integrated, end, "Terms put together."),
    )


def _cross_entropy(p: tuple[Expression, Expression], q: tuple[Expression, Expression]) -> Any:
    """Return the closed form of -E_p log q."""
    return sp.log(2 * sp.pi * q[1] ** 2) / 2 + (p[1] ** 2 + (p[0] - q[0]) ** 2) / (2 * q[1] ** 2)


@cache
def derive_kl_normal() -> Derivation:
    r"""KL divergence between two normal laws, by integration.

    .. math:: D_{\mathrm{KL}}\bigl(N(\mu_0, \sigma_0^2) \,\|\, N(\mu_1, \sigma_1^2)\bigr)
       = \log\frac{\sigma_1}{\sigma_0} + \frac{\sigma_0^2 + (\mu_0 - \mu_1)^2}{2 \sigma_1^2}
       - \frac12

    Returns
    -------
    Derivation
        In nats; symbols mu_0, sigma_0, mu_1, sigma_1.

    See Also
    --------
    divkit.gaussian.kl_normal : the number, with all its digits for nearly equal laws.

    References
    ----------
    S. Kullback (1959). Information Theory and Statistics. Wiley. Chapter 9.

    Examples
    --------
    >>> derive_kl_normal().result
    log(sigma_1/sigma_0) - 1/2 + (sigma_0**2 + (mu_0 - mu_1)**2)/(2*sigma_1**2)
    """
    p, q = _normal(X, MU0, SIGMA0), _normal(X, MU1, SIGMA1)
    definition = _over_line(p * sp.log(p / q))
    split = _over_line(p * sp.log(p)) - _over_line(p * sp.log(q))
    result = (
        sp.log(SIGMA1 / SIGMA0)
        + (SIGMA0**2 + (MU0 - MU1) ** 2) / (2 * SIGMA1**2)
        - sp.Rational(1, 2)
    )
    first = Step("Logarithm split", definition, split, "The logarithm of a quotient.")
    rest = _expectation_steps(split, _log(p) - _log(q), (MU0, SIGMA0), result)
    return Derivation("KL divergence of two normal laws", (first, *rest), result)


@cache
def derive_kl_normal_by_terms() -> Derivation:
    r"""KL divergence between two normal laws, its two terms one after the other.

    .. math:: D_{\mathrm{KL}}(p \,\|\, q) = \int p \log p \,dx - \int p \log q \,dx

    The way most textbooks go. The steps are written with p(x) and q(x), which stand for the
    densities of N(μ₀, σ₀²) and N(μ₁, σ₁²); the first step holds for any two densities.

    Returns
    -------
    Derivation
        In nats; symbols mu_0, sigma_0, mu_1, sigma_1.

    See Also
    --------
    derive_kl_normal : the same in one go, with the densities written out.

    References
    ----------
    S. Kullback (1959). Information Theory and Statistics. Wiley. Chapter 9.

    Examples
    --------
    >>> derive_kl_normal_by_terms()[6]
    Second moment: Integral(x**2*p(x), (x, -oo, oo)) = mu_0**2 + sigma_0**2
    """
    p, q = (sp.Function(name, positive=True)(X) for name in "pq")
    where = ((p, _normal(X, MU0, SIGMA0)), (q, _normal(X, MU1, SIGMA1)))
    logs = [_log_normal(MU0, SIGMA0), _log_normal(MU1, SIGMA1)]
    split = _over_line(p * sp.log(p)) - _over_line(p * sp.log(q))
    put_in = _over_line(p * logs[0]) - _over_line(p * logs[1])
    first, second = _first_term(p), _second_term(p)
    result = derive_kl_normal().result
    difference = first[-1].after - second[-1].after
    steps = (
        Step("Start", _over_line(p * sp.log(p / q)), split, "The logarithm of a quotient."),
        Step("Logarithm of p", sp.log(p), logs[0], "It undoes the exponential."),
        Step("Logarithm of q", sp.log(q), logs[1], "The same."),
        Step("Logarithms put in", split, put_in, "The average is under $p$ both times."),
        *_moments_by_name(p),
        *first,
        *second,
        Step("Subtracted", difference, result, "The constants cancel."),
    )
    named = tuple(replace(step, where=where) for step in steps[1:])
    return Derivation("KL divergence of two normal laws, term by term", (steps[0], *named), result)


def _log_normal(mu: Expression, sigma: Expression) -> Expression:
    """Return the logarithm of a normal density at x, its square not multiplied out."""
    return -sp.log(sigma) - sp.log(2 * sp.pi) / 2 - (X - mu) ** 2 / (2 * sigma**2)


def _moments_by_name(p: Expression) -> list[Step]:
    """The moments of p(x), which stands for N(mu_0, sigma_0^2)."""
    return [
        Step(step.title, _over_line(X**power * p), step.after, step.reason)
        for power, step in enumerate(_moment_steps(MU0, SIGMA0))
    ]


def _term_steps(
    name: str, p: Expression, mu: Expression, sigma: Expression, end: Expression
) -> list[Step]:
    """From the mean of log N(mu, sigma^2) under p, by powers of x, to `end`."""
    area, first, second = (_over_line(X**power * p) for power in range(3))
    by_powers = (-sp.log(sigma) - sp.log(2 * sp.pi) / 2) * area
    by_powers -= second / (2 * sigma**2) - mu * first / sigma**2 + mu**2 * area / (2 * sigma**2)
    written = _over_line(p * _log_normal(mu, sigma))
    return [
        Step(f"{name} term by powers", written, by_powers, "The square multiplied out."),
        Step(f"{name} term", by_powers, end, "The three integrals put in."),
    ]


def _first_term(p: Expression) -> list[Step]:
    """The mean of log p under p: minus the differential entropy."""
    end = -sp.log(SIGMA0) - sp.log(2 * sp.pi) / 2 - sp.Rational(1, 2)
    return _term_steps("First", p, MU0, SIGMA0, end)


def _second_term(p: Expression) -> list[Step]:
    """The mean of log q under p: minus the cross-entropy."""
    end = -sp.log(SIGMA1) - sp.log(2 * sp.pi) / 2
    end -= (SIGMA0**2 + (MU0 - MU1) ** 2) / (2 * SIGMA1**2)
    return _term_steps("Second", p, MU1, SIGMA1, end)


@cache
def derive_entropy_normal() -> Derivation:
    r"""Differential entropy of a normal law, by integration.

    .. math:: h\bigl(N(\mu, \sigma^2)\bigr) = \tfrac12 \log(2 \pi e \sigma^2)

    Returns
    -------
    Derivation
        In nats; symbol sigma.

    See Also
    --------
    scipy.stats.norm.entropy : the number.

    References
    ----------
    T. M. Cover and J. A. Thomas (2006). Elements of Information Theory, 2nd edition, chapter 8.
    doi:10.1002/047174882X

    Examples
    --------
    >>> derive_entropy_normal().value(sigma=1).round(6).item()
    1.418939
    """
    p = _normal(X, MU, SIGMA)
    result = sp.log(2 * sp.pi * sp.E * SIGMA**2) / 2
    steps = _expectation_steps(-_over_line(p * sp.log(p)), -_log(p), (MU, SIGMA), result)
    return Derivation("Entropy of a normal law", steps, result)


@cache
def derive_cross_entropy_normal() -> Derivation:
    r"""Cross-entropy of two normal laws, by integration.

    .. math:: -\int p \log q = \tfrac12 \log(2 \pi \sigma_1^2)
       + \frac{\sigma_0^2 + (\mu_0 - \mu_1)^2}{2 \sigma_1^2}

    Returns
    -------
    Derivation
        In nats; symbols mu_0, sigma_0, mu_1, sigma_1.

    See Also
    --------
    derive_kl_normal : this minus the entropy of the first law.

    References
    ----------
    T. M. Cover and J. A. Thomas (2006). Elements of Information Theory, 2nd edition, chapter 8.
    doi:10.1002/047174882X

    Examples
    --------
    >>> value = derive_cross_entropy_normal().value(mu_0=0, sigma_0=1, mu_1=0, sigma_1=1)
    >>> value.round(6).item()
    1.418939
    """
    p, q = _normal(X, MU0, SIGMA0), _normal(X, MU1, SIGMA1)
    result = _cross_entropy((MU0, SIGMA0), (MU1, SIGMA1))
    steps = _expectation_steps(-_over_line(p * sp.log(q)), -_log(q), (MU0, SIGMA0), result)
    return Derivation("Cross-entropy of two normal laws", steps, result)


def _plane_law(k: int) -> tuple[Expression, Expression]:
    """Return the mean and the Cholesky factor of the k-th law in the plane."""
    mean = sp.symbols(f"mu_{k}1 mu_{k}2", real=True)
    a, b = sp.symbols(f"a_{k} b_{k}", positive=True)
    return sp.Matrix(mean), sp.Matrix([[a, 0], [sp.Symbol(f"c_{k}", real=True), b]])


def _plane_density(x: Expression, mean: Expression, covariance: Expression) -> Expression:
    """Return the density of a normal law in the plane, as textbooks print it."""
    distance = ((x - mean).T * covariance.inv() * (x - mean))[0]
    return sp.exp(-distance / 2) / (2 * sp.pi * sp.sqrt(covariance.det()))


def _plane_moments(polynomial: Expression, z: Any, density: Expression) -> tuple[Any, list[Step]]:
    """Return the mean of a polynomial in z by moments, and a step for each moment."""
    total, steps = sp.S.Zero, []
    for powers, coefficient in sp.Poly(polynomial, *z).terms():
        monomial = sp.Mul(*(symbol**power for symbol, power in zip(z, powers, strict=True)))
        limits = [(symbol, -sp.oo, sp.oo) for symbol in z]
        integral = sp.Integral(monomial * density, *limits)
        total += coefficient * integral
        title = f"Mean of ${sp.latex(monomial)}$"
        steps.append(Step(title, integral, integral.doit(), "sympy integrates over the plane."))
    return total, steps


@cache
def derive_kl_mvn() -> Derivation:
    r"""KL divergence between two normal laws in the plane, any covariances.

    .. math:: D_{\mathrm{KL}} = \tfrac12 \Bigl(\operatorname{tr}(\Sigma_1^{-1} \Sigma_0)
       + (\mu_1 - \mu_0)^\top \Sigma_1^{-1} (\mu_1 - \mu_0) - 2
       + \log \frac{\det \Sigma_1}{\det \Sigma_0}\Bigr)

    The covariances are given by their Cholesky factors, Σ = L Lᵀ with L = ((a, 0), (c, b)), and
    x = μ₀ + L₀ z turns the first law into the standard normal law of z.

    Returns
    -------
    Derivation
        In nats; for k = 0, 1 symbols mu_k1, mu_k2 and a_k, b_k > 0, c_k.

    See Also
    --------
    derive_kl_normal : one dimension.

    References
    ----------
    S. Kullback (1959). Information Theory and Statistics. Wiley. Chapter 9.

    Examples
    --------
    >>> means = {"mu_01": 0, "mu_02": 0, "mu_11": 1, "mu_12": 0}
    >>> derive_kl_mvn().value(**means, a_0=1, b_0=1, c_0=0, a_1=1, b_1=1, c_1=0).item()
    0.5
    """
    z = sp.symbols("z_1 z_2", real=True)
    (mean0, root0), (mean1, root1) = _plane_law(0), _plane_law(1)
    cov0, cov1 = root0 * root0.T, root1 * root1.T
    x = mean0 + root0 * sp.Matrix(z)
    p, q = _plane_density(x, mean0, cov0), _plane_density(x, mean1, cov1)
    standard = _normal(z[0], 0, 1) * _normal(z[1], 0, 1)
    log_ratio = sp.log(root1.det() / root0.det()) - _half_square(z)
    log_ratio += _half_square(root1.inv() * (x - mean1))
    result = _plane_kl(mean1 - mean0, cov0, cov1)
    given = "$x = \\mu_0 + L_0 z$, $dx = \\det L_0 dz$."
    steps = (
        Step("Substitution", p * root0.det(), standard, given),
        Step("Logarithm of p/q", sp.log(p / q), log_ratio, "At the same $x$, a polynomial in $z$."),
        *_plane_expectation(log_ratio, z, standard, result),
    )
    return Derivation("KL divergence of two normal laws in the plane", steps, result)


def _half_square(vector: Any) -> Expression:
    """Half of the squared length of a vector in the plane."""
    return (vector[0] ** 2 + vector[1] ** 2) / 2


def _plane_kl(shift: Expression, cov0: Expression, cov1: Expression) -> Expression:
    """Trace, distance and determinants."""
    distance = (shift.T * cov1.inv() * shift)[0]
    logarithm = sp.log(cov1.det() / cov0.det())
    return ((cov1.inv() * cov0).trace() + distance - 2 + logarithm) / 2


def _plane_expectation(
    polynomial: Expression, z: Any, density: Expression, result: Expression
) -> list[Step]:
    """Steps from the integral of a polynomial times a density to its value, by the moments."""
    whole = sp.Integral(density * polynomial, *((symbol, -sp.oo, sp.oo) for symbol in z))
    by_powers, moments = _plane_moments(sp.expand(polynomial), z, density)
    integrated = by_powers.xreplace({moment.before: moment.after for moment in moments})
    collected = "$\\Sigma = L L^\\top$: trace, distance, determinants."
    return [
        Step("Powers of z", whole, by_powers, "Integration is linear."),
        *moments,
        Step("Moments put in", by_powers, integrated, "The integrals above."),
        Step("Collected", integrated, result, collected),
    ]


@cache
def derive_js_normals() -> Derivation:
    r"""JS divergence of two normal laws, as far as it goes: one integral remains.

    .. math:: \mathrm{JS} = -\int m \log m \,dx - \tfrac12 \log(2 \pi e \sigma_0 \sigma_1),
       \qquad m = \tfrac12 (p + q)

    The entropies of the two laws are closed forms; the mixture's is not. sympy leaves its integral
    unevaluated, which proves nothing; `Derivation.value` computes it by quadrature.

    Returns
    -------
    Derivation
        In nats; symbols mu_0, sigma_0, mu_1, sigma_1. `is_closed` is False.

    See Also
    --------
    derive_entropy_normal : the entropies that are put in.

    References
    ----------
    J. Lin (1991). Divergence measures based on the Shannon entropy. doi:10.1109/18.61115

    Examples
    --------
    >>> derive_js_normals().value(mu_0=0, sigma_0=1, mu_1=1, sigma_1=1).round(12).item()
    0.111421482185
    """
    p, q = _normal(X, MU0, SIGMA0), _normal(X, MU1, SIGMA1)
    m = (p + q) / 2
    definition = _over_line(p * sp.log(p / m)) / 2 + _over_line(q * sp.log(q / m)) / 2
    mixture = -_over_line(m * sp.log(m))
    inner = [_over_line(density * sp.log(density)) for density in (p, q)]
    closed = [-sp.log(2 * sp.pi * sp.E * sigma**2) / 2 for sigma in (SIGMA0, SIGMA1)]
    split = mixture + (inner[0] + inner[1]) / 2
    integrated = mixture + (closed[0] + closed[1]) / 2
    result = mixture - sp.log(2 * sp.pi * sp.E * SIGMA0 * SIGMA1) / 2
    steps = (
        Step("Logarithms split", definition, split, "$m$ is the mean of $p$ and $q$."),
        Step("First entropy", inner[0], closed[0], "As for the entropy of a normal law."),
        Step("Second entropy", inner[1], closed[1], "As for the entropy of a normal law."),
        Step("Entropies put in", split, integrated, "The two integrals above."),
        Step("Collected", integrated, result, "The integral of $m \\log m$ remains."),
    )
    return Derivation("JS divergence of two normal laws", steps, result)


def _only_root(expression: Expression, unknown: Expression) -> Expression:
    """Solve expression = 0 and insist that there is one solution."""
    (root,) = sp.solve(expression, unknown)
    return root


@cache
def derive_moment_matching() -> Derivation:
    r"""The normal law nearest in forward KL has the mean and the variance of the given law.

    .. math:: \operatorname*{argmin}_{m, s} D_{\mathrm{KL}}\bigl(p \,\|\, N(m, s^2)\bigr)
       = (\mu, \sigma), \qquad \mu = \int x\,p, \quad \sigma^2 = \int (x - \mu)^2 p

    Only the cross-entropy depends on m and s. `p` is any density with two moments; a mixture of
    two normal laws at -a and a serves as an example.

    Returns
    -------
    Derivation
        The result is the pair (mu, sigma).

    See Also
    --------
    derive_cross_entropy_normal : the same for a normal p.

    References
    ----------
    C. M. Bishop (2006). Pattern Recognition and Machine Learning, section 10.7. Springer.

    Examples
    --------
    >>> derive_moment_matching().result
    (mu, sigma)
    """
    m, s = sp.Symbol("m", real=True), sp.Symbol("s", positive=True)
    loss = _cross_entropy((MU, SIGMA), (m, s))
    slopes = (m - MU) / s**2, (s**2 - SIGMA**2 - (m - MU) ** 2) / s**3
    (best,) = sp.solve(slopes, (m, s))
    then = "Then zero only where $s = \\sigma$."
    least = "The entropy of the normal law found; minus that of $p$ it is the least KL."
    steps = (
        *_loss_by_moments(m, s, loss),
        Step("Slope in m", sp.Derivative(loss, m), slopes[0], "Zero only where $m = \\mu$."),
        Step("Slope in s", sp.Derivative(loss, s), slopes[1], then),
        *_minimum_of_loss(loss, (m, s), best),
        Step(
            "Least loss", loss.subs({m: best[0], s: best[1]}), derive_entropy_normal().result, least
        ),
        *_mixture_moments(),
    )
    return Derivation("Forward KL matches moments", steps, sp.Tuple(*best))


def _loss_by_moments(m: Expression, s: Expression, loss: Expression) -> list[Step]:
    """Of a law, the cross-entropy with a normal law needs two moments only."""
    p = sp.Function("p", positive=True)(X)
    zeroth, first, second = (_over_line(X**power * p) for power in range(3))
    by_moments = sp.log(2 * sp.pi * s**2) / 2 * zeroth
    by_moments += (second - 2 * m * first + m**2 * zeroth) / (2 * s**2)
    given = by_moments.xreplace({zeroth: sp.S.One, first: MU, second: SIGMA**2 + MU**2})
    whole = -_over_line(p * _log(_normal(X, m, s)))
    moments = "$p$ has $\\int p = 1$, $\\int x p = \\mu$ and $\\int x^2 p = \\sigma^2 + \\mu^2$."
    return [
        Step("Moments", whole, by_moments, "The square in $\\log q$, by powers."),
        Step("Loss", given, loss, moments),
    ]


def _minimum_of_loss(loss: Expression, variables: Any, best: Any) -> list[Step]:
    """The loss has no slope at its best place, and positive curvatures."""
    m, s = variables

    def there(*by: Any) -> Expression:
        return sp.Subs(sp.Derivative(loss, *by), variables, best)

    place = "At $m = \\mu$, $s = \\sigma$."
    return [
        Step("Stationary in m", there(m), sp.S.Zero, place),
        Step("Stationary in s", there(s), sp.S.Zero, place),
        Step("Curvature in m", there(m, m), 1 / SIGMA**2, "Positive."),
        Step("Curvature in s", there(s, s), 2 / SIGMA**2, "Positive."),
        Step("Mixed curvature", there(m, s), sp.S.Zero, "So the point is a minimum."),
    ]


def _mixture_moments() -> list[Step]:
    """Mean and variance of an even mixture of N(-a, 1) and N(a, 1), integrated by sympy."""
    a = sp.Symbol("a", positive=True)
    mixture = (_normal(X, -a, sp.S.One) + _normal(X, a, sp.S.One)) / 2
    example = "For example, $\\frac12 N(-a, 1) + \\frac12 N(a, 1)$: sympy integrates."
    return [
        Step("Mean of a mixture", _over_line(X * mixture), sp.S.Zero, example),
        Step("Variance of a mixture", _over_line(X**2 * mixture), 1 + a**2, example),
    ]


@cache
def derive_pointwise_minimiser() -> Derivation:
    r"""The q that makes one term q log(q/p) smallest is p/e, not 0.

    .. math:: \operatorname*{argmin}_{q > 0} q \log \frac{q}{p} = \frac{p}{e},
       \qquad \min = -\frac{p}{e} < 0

    A term of the reverse KL divergence may be negative; the sum may not.

    Returns
    -------
    Derivation
        The result is p/e; symbol p.

    See Also
    --------
    scipy.special.rel_entr : the term q log(q/p), elementwise.

    References
    ----------
    K. P. Murphy (2022). Probabilistic Machine Learning: An Introduction, section 6.2. MIT Press.

    Examples
    --------
    >>> derive_pointwise_minimiser().result
    p*exp(-1)
    """
    p, q = sp.symbols("p q", positive=True)
    term = q * sp.log(q / p)
    slope = sp.log(q / p) + 1
    best = _only_root(slope, q)
    steps = (
        Step("Slope", sp.Derivative(term, q), slope, "Product rule; it grows with $q$."),
        Step("Stationary", _at(term, q, best, 1), sp.S.Zero, "The only zero of the slope."),
        Step("Curvature", sp.Derivative(term, (q, 2)), 1 / q, "Positive everywhere: a minimum."),
        Step("Value", term.subs(q, best), -p / sp.E, "Negative."),
        Step("At zero", sp.Limit(term, q, 0), sp.S.Zero, "Larger than the minimum."),
    )
    return Derivation("Pointwise minimiser of q log(q/p)", steps, best)


@cache
def derive_optimal_discriminator() -> Derivation:
    r"""The best discriminator of a GAN, and what it reaches.

    .. math:: D^*(x) = \frac{p(x)}{p(x) + q(x)}, \qquad
       V(D^*) = 2\,\mathrm{JS}(p, q) - 2 \log 2

    `V` is maximised at each x on its own, so D must be unrestricted. Its value is first split for
    any two densities; sympy then integrates for two normal laws.

    Returns
    -------
    Derivation
        The result is p/(p + q); symbols p, q.

    See Also
    --------
    derive_js_normals : the divergence reached.

    References
    ----------
    I. Goodfellow et al. (2014). Generative adversarial nets, proposition 1 and theorem 1.
    doi:10.48550/arXiv.1406.2661

    Examples
    --------
    >>> derive_optimal_discriminator().result
    p/(p + q)
    """
    p, q, d = sp.symbols("p q d", positive=True)
    payoff = p * sp.log(d) + q * sp.log(1 - d)
    slope = (p - (p + q) * d) / (d * (1 - d))
    best = _only_root(sp.numer(slope), d)
    highest = p * sp.log(p / (p + q)) + q * sp.log(q / (p + q))
    steps = (
        Step("Slope", sp.Derivative(payoff, d), slope, "Zero where the numerator is."),
        Step("Stationary", _at(payoff, d, best, 1), sp.S.Zero, "The only zero of the slope."),
        Step(
            "Curvature",
            sp.Derivative(payoff, (d, 2)),
            -p / d**2 - q / (1 - d) ** 2,
            "Negative everywhere: a maximum.",
        ),
        Step("Largest payoff", payoff.subs(d, best), highest, "$1 - D^* = q/(p + q)$."),
        *_discriminator_value(highest, p, q),
    )
    return Derivation("Optimal discriminator", steps, best)


def _discriminator_value(payoff: Expression, p: Expression, q: Expression) -> list[Step]:
    """The integral of the best payoff: for any two densities, then for two normal laws."""
    any_two = {p: sp.Function("p", positive=True)(X), q: sp.Function("q", positive=True)(X)}
    normal = {p: _normal(X, MU0, SIGMA0), q: _normal(X, MU1, SIGMA1)}
    to_mixture = p * sp.log(2 * p / (p + q)), q * sp.log(2 * q / (p + q))

    def twice_js(laws: dict[Any, Any]) -> Expression:
        return sum(_over_line(part.xreplace(laws)) for part in to_mixture)

    areas = sum(_over_line(density) for density in any_two.values())
    return [
        Step(
            "Value",
            _over_line(payoff.xreplace(any_two)),
            twice_js(any_two) - sp.log(2) * areas,
            "Twice the JS divergence appears: $2p/(p + q) = p/m$ with $m = (p + q)/2$.",
        ),
        Step(
            "Value for normal laws",
            _over_line(payoff.xreplace(normal)),
            twice_js(normal) - 2 * sp.log(2),
            "The areas are 1, by sympy: what is reached is $2\\,\\mathrm{JS} - 2 \\log 2$.",
        ),
    ]


@cache
def derive_wgan_gp_slope() -> Derivation:
    r"""The gradient penalty makes the best critic too steep.

    .. math:: s^* = \operatorname*{argmax}_s \; s\,\theta - \lambda (s - 1)^2
       = 1 + \frac{\theta}{2 \lambda}

    Two parallel lines at distance θ, so W₁ = θ. A critic with slope g along the way between them
    reports θ·∫g, and pays λ·∫(g − 1)². The best has the same slope everywhere and overestimates
    W₁ by the factor of the result.

    Returns
    -------
    Derivation
        The result is the slope 1 + θ/(2λ); symbols theta, lambda.

    See Also
    --------
    divkit.symbolic.Derivation.value : pass ``**{"theta": 3, "lambda": 10}``.

    References
    ----------
    I. Gulrajani et al. (2017). Improved training of Wasserstein GANs.
    doi:10.48550/arXiv.1704.00028

    Examples
    --------
    >>> derive_wgan_gp_slope().value(**{"theta": 3, "lambda": 10}).item()
    1.15
    """
    theta, weight = sp.symbols("theta lambda", positive=True)
    s, t = sp.symbols("s t", real=True)
    objective = s * theta - weight * (s - 1) ** 2
    slope = theta - 2 * weight * (s - 1)
    best = sp.expand(_only_root(slope, s))
    value = theta + theta**2 / (4 * weight)
    g = sp.Function("g", real=True)(t)

    def gain(slope: Expression) -> Expression:
        return theta * _along(slope, t) - weight * _along((slope - 1) ** 2, t)

    square = "The square completed. What is subtracted vanishes only for the constant slope $s^*$."
    steps = (
        Step("Any critic", gain(g), value - weight * _along((g - best) ** 2, t), square),
        Step("Constant slope", gain(s), objective, "Penalty points are uniform between the lines."),
        Step("Slope", sp.Derivative(objective, s), slope, "Linear in $s$: one zero."),
        Step("Stationary", _at(objective, s, best, 1), sp.S.Zero, "At $s^*$."),
        Step("Curvature", sp.Derivative(objective, (s, 2)), -2 * weight, "Negative: a maximum."),
        Step("Value", objective.subs(s, best), value, "More than $W_1 = \\theta$."),
    )
    return Derivation("Slope of a critic under a gradient penalty", steps, best)


def _along(integrand: Expression, t: Expression) -> Expression:
    """Integrate over the way from one line to the other."""
    return sp.Integral(integrand, (t, 0, 1))


@cache
def derive_fisher_information() -> Derivation:
    r"""Fisher information of a normal law, twice: by integration and as the curvature of KL.

    .. math:: I(\mu, \sigma) = \operatorname{diag}\Bigl(\frac1{\sigma^2}, \frac2{\sigma^2}\Bigr),
       \qquad D_{\mathrm{KL}}\bigl(p_\vartheta \,\|\, p_{\vartheta + t d}\bigr)
       = \frac{t^2}{2}\, d^\top I\, d + O(t^3)

    Returns
    -------
    Derivation
        The result is the matrix for (mu, sigma).

    See Also
    --------
    derive_kl_normal : the divergence that is expanded.

    References
    ----------
    S. Kullback (1959). Information Theory and Statistics. Wiley. Chapter 2, section 6.

    Examples
    --------
    >>> derive_fisher_information().result
    Matrix([
    [sigma**(-2),           0],
    [          0, 2/sigma**2]])
    """
    log_p = _log(_normal(X, MU, SIGMA))
    scores = (X - MU) / SIGMA**2, ((X - MU) ** 2 - SIGMA**2) / SIGMA**3
    density = _normal(X, MU, SIGMA)
    names = ("mean and mean", scores[0] ** 2), ("mean and scale", scores[0] * scores[1])
    entries = []
    for name, product in (*names, ("scale and scale", scores[1] ** 2)):
        value = sp.simplify(_integrated(density * product, ((X, -sp.oo, sp.oo),)))
        reason = "sympy integrates over the real line."
        entries.append(Step(f"Entry for {name}", _over_line(density * product), value, reason))
    first, mixed, second = (entry.after for entry in entries)
    matrix = sp.ImmutableMatrix([[first, mixed], [mixed, second]])
    steps = (
        Step("Score of the mean", sp.Derivative(log_p, MU), scores[0], "Derivative of $\\log p$."),
        Step("Score of the scale", sp.Derivative(log_p, SIGMA), scores[1], "The same for σ."),
        *entries,
        *_kl_expanded(matrix),
    )
    return Derivation("Fisher information of a normal law", steps, matrix)


def _kl_expanded(information: Expression) -> list[Step]:
    """KL from (mu, sigma) to (mu + t u, sigma + t v), expanded at t = 0."""
    t, u, v = sp.symbols("t u v", real=True)
    moved = {MU0: MU, SIGMA0: SIGMA, MU1: MU + t * u, SIGMA1: SIGMA + t * v}
    kl = derive_kl_normal().result.xreplace(moved)
    direction = sp.Matrix([u, v])
    form = (direction.T * information * direction)[0]
    return [
        Step("Constant term", _at(kl, t, sp.S.Zero, 0), sp.S.Zero, "The law against itself."),
        Step("Linear term", _at(kl, t, sp.S.Zero, 1), sp.S.Zero, "KL is least there."),
        Step("Second derivative", _at(kl, t, sp.S.Zero, 2), form, "The same matrix."),
    ]
