"""Derivations in sympy: every step checked, every result against other routes, slips caught."""

import builtins
import math
import sys
from dataclasses import FrozenInstanceError, replace
from importlib import import_module

import numpy as np
import pytest
import sympy as sp
from scipy import integrate, optimize, stats

from divkit import gaussian, symbolic
from divkit.symbolic import Derivation, Step

DERIVATIONS = [name for name in symbolic.__all__ if name.startswith("derive_")]
CLOSED = [name for name in DERIVATIONS if name != "derive_js_normals"]


def derived(name):
    return getattr(symbolic, name)()


def four_parameters(rng):
    m0, m1 = rng.normal(size=2)
    s0, s1 = rng.uniform(0.5, 2, 2)
    return {"mu_0": m0, "sigma_0": s0, "mu_1": m1, "sigma_1": s1}


def mean_under(p, integrand):
    low, high = p.mean() - 12 * p.std(), p.mean() + 12 * p.std()
    return integrate.quad(lambda x: p.pdf(x) * integrand(x), low, high, epsabs=1e-12)[0]


def laws(at):
    return stats.norm(at["mu_0"], at["sigma_0"]), stats.norm(at["mu_1"], at["sigma_1"])


AT = [four_parameters(np.random.default_rng(seed)) for seed in range(5)]


class TestEveryDerivation:
    @pytest.mark.parametrize("name", DERIVATIONS)
    def test_holds_step_by_step(self, name):
        derived(name).check_all(n=2)

    @pytest.mark.parametrize("name", DERIVATIONS)
    def test_is_made_once_and_cannot_be_changed(self, name):
        derivation = derived(name)
        assert derived(name) is derivation
        with pytest.raises(FrozenInstanceError):
            derivation.result = 0
        with pytest.raises(FrozenInstanceError):
            derivation[0].after = 0

    @pytest.mark.parametrize("name", DERIVATIONS)
    def test_a_slip_in_any_step_is_caught_and_named(self, name):
        for step in derived(name):
            slip = replace(step, after=step.after + sp.Rational(1, 1000))
            with pytest.raises(ValueError, match="is wrong: before - after is") as caught:
                slip.check(n=1)
            assert step.title in str(caught.value)

    @pytest.mark.parametrize("name", DERIVATIONS)
    def test_titles_are_unique_and_every_step_has_a_reason(self, name):
        titles = [step.title for step in derived(name)]
        assert len(set(titles)) == len(titles)
        assert all(step.reason.endswith(".") for step in derived(name))

    @pytest.mark.parametrize("name", CLOSED)
    def test_a_closed_result_is_said_to_be_closed(self, name):
        assert derived(name).is_closed
        assert "quadrature" not in derived(name)._repr_markdown_()

    @pytest.mark.parametrize(
        "name", ["derive_kl_normal", "derive_entropy_normal", "derive_cross_entropy_normal"]
    )
    def test_the_steps_lead_from_the_definition_to_the_result_without_a_gap(self, name):
        reached = derived(name)[0].before
        for step in derived(name):
            moment = step.title in ("Area", "First moment", "Second moment")
            if not moment:
                assert step.before == reached, step.title
                reached = step.after
        assert reached == derived(name).result

    def test_the_terms_are_minus_entropy_and_minus_cross_entropy(self):
        steps = {step.title: step for step in symbolic.derive_kl_normal_by_terms()}
        entropy = symbolic.derive_entropy_normal().result.subs(symbolic.SIGMA, symbolic.SIGMA0)
        crossed = symbolic.derive_cross_entropy_normal().result
        assert sp.simplify(sp.expand_log(steps["First term"].after + entropy)) == 0
        assert sp.simplify(sp.expand_log(steps["Second term"].after + crossed)) == 0

    def test_the_terms_lead_from_the_definition_to_the_result_without_a_gap(self):
        steps = {step.title: step for step in symbolic.derive_kl_normal_by_terms()}
        assert steps["Logarithms put in"].before == steps["Start"].after
        terms = steps["First term by powers"].before, steps["Second term by powers"].before
        assert steps["Logarithms put in"].after == terms[0] - terms[1]
        for name in ("First term", "Second term"):
            assert steps[name].before == steps[f"{name} by powers"].after
        assert steps["Subtracted"].before == steps["First term"].after - steps["Second term"].after
        assert steps["Subtracted"].after == symbolic.derive_kl_normal_by_terms().result

    def test_moments_come_out_of_integrals_not_out_of_substitution(self):
        steps = {step.title: step for step in symbolic.derive_kl_normal()}
        for title in ("Area", "First moment", "Second moment"):
            assert isinstance(steps[title].before, sp.Integral)
            assert steps[title].before.doit() - steps[title].after == 0


class TestResults:
    @pytest.mark.parametrize("at", AT)
    def test_kl_is_the_closed_form_of_gaussian_and_the_integral(self, at):
        value = symbolic.derive_kl_normal().value(**at)
        p, q = laws(at)
        assert value == pytest.approx(gaussian.kl_normal(*at.values()), rel=1e-12)
        integral = mean_under(p, lambda x: p.logpdf(x) - q.logpdf(x))
        assert value == pytest.approx(integral, rel=1e-9)

    @pytest.mark.parametrize(
        ("four", "exact"),
        [
            ((0, 1, 1, 2), 0.443147180560),
            ((1, 2, 0, 1), 1.306852819440),
            ((0, 2, 0, 1), 0.806853),
            ((0, math.sqrt(2), 0, 1), 0.153426),
            ((0, 1, 0, 2), 0.3181471806),
            ((0, 1, 1, 1), 0.5),
            ((3, 2, 3, 2), 0.0),
        ],
    )
    def test_kl_has_the_values_of_the_course(self, four, exact):
        at = dict(zip(("mu_0", "sigma_0", "mu_1", "sigma_1"), four, strict=True))
        digits = len(str(exact)) - 2
        assert abs(symbolic.derive_kl_normal().value(**at) - exact) <= 0.51 * 10.0**-digits

    def test_kl_against_the_standard_normal_law_is_the_term_of_the_vae(self):
        result = symbolic.derive_kl_normal().result
        vae = result.subs({symbolic.MU1: 0, symbolic.SIGMA1: 1})
        for mean, sd in [(0.3, 0.7), (-2.0, 1.4)]:
            number = vae.subs({symbolic.MU0: mean, symbolic.SIGMA0: sd})
            term = gaussian.kl_standard_normal([mean], [2 * math.log(sd)])
            assert float(number) == pytest.approx(term, rel=1e-12)

    @pytest.mark.parametrize("sd", [0.3, 1.0, 2.5])
    def test_entropy_is_scipys_and_the_integral(self, sd):
        law = stats.norm(0.4, sd)
        value = symbolic.derive_entropy_normal().value(sigma=sd)
        assert value == pytest.approx(law.entropy(), rel=1e-12)
        assert value == pytest.approx(mean_under(law, lambda x: -law.logpdf(x)), rel=1e-9)

    @pytest.mark.parametrize("at", AT)
    def test_cross_entropy_is_entropy_plus_kl_and_the_integral(self, at):
        value = symbolic.derive_cross_entropy_normal().value(**at)
        p, q = laws(at)
        assert value == pytest.approx(p.entropy() + gaussian.kl_normal(*at.values()), rel=1e-12)
        assert value == pytest.approx(mean_under(p, lambda x: -q.logpdf(x)), rel=1e-9)

    @pytest.mark.parametrize("seed", range(3))
    def test_kl_in_the_plane_is_the_matrix_formula_and_the_integral(self, seed):
        rng = np.random.default_rng(seed)
        means, roots, at = rng.normal(size=(2, 2)), [], {}
        for k in range(2):
            (a, b), c = rng.uniform(0.6, 1.5, 2), rng.normal()
            roots.append(np.array([[a, 0], [c, b]]))
            at |= {f"mu_{k}1": means[k, 0], f"mu_{k}2": means[k, 1]}
            at |= {f"a_{k}": a, f"b_{k}": b, f"c_{k}": c}
        value = symbolic.derive_kl_mvn().value(**at)
        cov0, cov1 = (root @ root.T for root in roots)
        inverse, shift = np.linalg.inv(cov1), means[1] - means[0]
        textbook = np.trace(inverse @ cov0) + shift @ inverse @ shift - 2
        textbook += np.log(np.linalg.det(cov1) / np.linalg.det(cov0))
        assert value == pytest.approx(textbook / 2, rel=1e-11)
        p, q = (stats.multivariate_normal(m, c) for m, c in zip(means, (cov0, cov1), strict=True))

        def integrand(points):
            return p.pdf(points) * (p.logpdf(points) - q.logpdf(points))

        spread = 9 * np.sqrt(np.diag(cov0))
        box = means[0] - spread, means[0] + spread
        integral = integrate.cubature(integrand, *box, rtol=1e-9, atol=1e-9).estimate
        assert value == pytest.approx(integral, rel=1e-7)

    @pytest.mark.parametrize("seed", range(3))
    def test_kl_in_the_plane_of_independent_coordinates_is_a_sum(self, seed):
        first, second = AT[seed], AT[seed + 1]
        at = {"c_0": 0.0, "c_1": 0.0}
        for k in (0, 1):
            at |= {f"mu_{k}1": first[f"mu_{k}"], f"mu_{k}2": second[f"mu_{k}"]}
            at |= {f"a_{k}": first[f"sigma_{k}"], f"b_{k}": second[f"sigma_{k}"]}
        parts = [gaussian.kl_normal(*one.values()) for one in (first, second)]
        assert symbolic.derive_kl_mvn().value(**at) == pytest.approx(sum(parts), rel=1e-11)


class TestJS:
    def test_has_the_value_of_the_course(self):
        value = symbolic.derive_js_normals().value(mu_0=0, sigma_0=1, mu_1=1, sigma_1=1)
        assert value == pytest.approx(0.11142148218473617972, abs=1e-14)

    @pytest.mark.parametrize("at", AT[:3])
    def test_is_the_integral_of_its_definition(self, at):
        p, q = laws(at)

        def to_mixture(a, b):
            return mean_under(
                a, lambda x: a.logpdf(x) - np.logaddexp(a.logpdf(x), b.logpdf(x)) + math.log(2)
            )

        reference = (to_mixture(p, q) + to_mixture(q, p)) / 2
        assert symbolic.derive_js_normals().value(**at) == pytest.approx(reference, rel=1e-9)

    def test_is_not_closed_and_the_text_says_so_and_claims_no_proof(self):
        derivation = symbolic.derive_js_normals()
        assert not derivation.is_closed
        text = derivation._repr_markdown_()
        assert "no closed form: sympy leaves the integral unevaluated" in text
        assert "proves nothing" in text

    def test_sympy_hands_the_integral_back(self):
        (left,) = symbolic.derive_js_normals().result.atoms(sp.Integral)
        numbers = {symbolic.MU0: 0, symbolic.SIGMA0: 1, symbolic.MU1: 1, symbolic.SIGMA1: 1}
        integrand = left.function.subs(numbers)
        assert sp.integrate(integrand, *left.limits, meijerg=True).has(sp.Integral)


class TestOptima:
    def test_moment_matching_is_what_a_minimiser_finds_for_a_law_that_is_not_normal(self):
        law = stats.gamma(3, scale=0.5)

        def loss(parameters):
            return mean_under_gamma(lambda x: -stats.norm.logpdf(x, *parameters))

        def mean_under_gamma(integrand):
            return integrate.quad(lambda x: law.pdf(x) * integrand(x), 0, 40, epsabs=1e-12)[0]

        found = optimize.minimize(loss, [1.0, 1.0], method="Nelder-Mead", tol=1e-9).x
        result = symbolic.derive_moment_matching().result
        numbers = {symbolic.MU: law.mean(), symbolic.SIGMA: law.std()}
        assert [float(best.subs(numbers)) for best in result] == pytest.approx(found, abs=1e-6)

    def test_the_mixture_at_three_has_standard_deviation_root_ten(self):
        variance = symbolic.derive_moment_matching()[-1].after
        (a,) = variance.free_symbols
        assert variance.subs(a, 3) == 10

    def test_the_curvatures_of_moment_matching_are_positive(self):
        steps = {step.title: step for step in symbolic.derive_moment_matching()}
        assert steps["Curvature in m"].after.is_positive
        assert steps["Curvature in s"].after.is_positive

    @pytest.mark.parametrize("p", [1e-3, 0.2, 0.9])
    def test_the_pointwise_minimiser_is_where_a_search_finds_it_with_a_negative_value(self, p):
        found = optimize.minimize_scalar(
            lambda q: q * math.log(q / p), bounds=(p / 100, 3 * p), options={"xatol": 1e-12}
        )
        assert symbolic.derive_pointwise_minimiser().value(p=p) == pytest.approx(found.x, rel=1e-5)
        value = symbolic.derive_pointwise_minimiser()[3].after.subs("p", p)
        assert found.fun == pytest.approx(-p / math.e, rel=1e-9)
        assert str(value) == "-p*exp(-1)"

    @pytest.mark.parametrize(("p", "q"), [(0.2, 0.7), (1.5, 0.1)])
    def test_the_best_discriminator_is_where_a_search_finds_it(self, p, q):
        found = optimize.minimize_scalar(
            lambda d: -p * math.log(d) - q * math.log(1 - d),
            bounds=(1e-6, 1 - 1e-6),
            options={"xatol": 1e-12},
        )
        best = symbolic.derive_optimal_discriminator().value(p=p, q=q)
        assert best == pytest.approx(found.x, abs=1e-6)

    def test_the_best_discriminator_of_two_normal_laws_reaches_2_js_minus_2_log_2(self):
        at = AT[0]
        p, q = laws(at)
        best = sp.lambdify(
            sp.symbols("p q", positive=True), symbolic.derive_optimal_discriminator().result
        )
        reached = mean_under(p, lambda x: math.log(best(p.pdf(x), q.pdf(x))))
        reached += mean_under(q, lambda x: math.log(1 - best(p.pdf(x), q.pdf(x))))
        js = symbolic.derive_js_normals().value(**at)
        assert reached == pytest.approx(2 * js - 2 * math.log(2), rel=1e-8)

    @pytest.mark.parametrize(
        ("theta", "weight", "slope"),
        [(3, 10, 1.15), (0.25, 10, 1.0125), (0.5, 10, 1.025), (1, 10, 1.05), (2, 10, 1.1)],
    )
    def test_the_critics_slope_under_the_penalty(self, theta, weight, slope):
        at = {"theta": theta, "lambda": weight}
        assert symbolic.derive_wgan_gp_slope().value(**at) == pytest.approx(slope, rel=1e-14)
        found = optimize.minimize_scalar(lambda s: weight * (abs(s) - 1) ** 2 - s * theta)
        assert found.x == pytest.approx(slope, rel=1e-6)


class TestFisherInformation:
    def test_is_the_mean_of_the_products_of_scores(self):
        mean, sd = 0.7, 1.6
        law = stats.norm(mean, sd)

        def products(x):
            scores = np.array([(x - mean) / sd**2, ((x - mean) ** 2 - sd**2) / sd**3])
            return law.pdf(x) * np.outer(scores, scores)

        expected, _ = integrate.quad_vec(products, mean - 12 * sd, mean + 12 * sd)
        matrix = symbolic.derive_fisher_information().result.subs(symbolic.SIGMA, sd)
        assert np.allclose(np.array(matrix, dtype=float), expected, rtol=1e-9, atol=1e-12)

    def test_half_its_quadratic_form_is_kl_to_second_order(self):
        sd, direction = 1.6, np.array([0.8, -0.5])
        matrix = symbolic.derive_fisher_information().result.subs(symbolic.SIGMA, sd)
        form = direction @ np.array(matrix, dtype=float) @ direction / 2
        ratios = []
        for t in (1e-2, 1e-3, 1e-4):
            kl = gaussian.kl_normal(0.7, sd, 0.7 + t * direction[0], sd + t * direction[1])
            ratios.append(abs(kl / (t**2 * form) - 1))
        assert ratios[0] < 0.02
        assert ratios[1] < ratios[0] / 8
        assert ratios[2] < ratios[1] / 8


S = sp.Symbol("s", positive=True)


class TestStep:
    def test_a_moment_put_in_by_hand_is_caught(self):
        density = symbolic.derive_kl_normal()[3].before.function
        integral = sp.Integral(symbolic.X**2 * density, (symbolic.X, -sp.oo, sp.oo))
        wrong = Step("x squared is mu squared", integral, symbolic.MU0**2, "The mean put in for x.")
        with pytest.raises(ValueError, match=r"'x squared is mu squared' is wrong.*sigma_0"):
            wrong.check()

    def test_the_numbers_catch_what_the_algebra_lets_pass(self, monkeypatch):
        monkeypatch.setattr(symbolic, "_remainder", lambda difference: sp.S.Zero)
        with pytest.raises(ValueError, match=r"'Slip' is wrong: before is .*, after is .* at s = "):
            Step("Slip", S, S + sp.Rational(1, 10**6), "None.").check(n=1)

    def test_the_algebra_catches_what_the_numbers_let_pass(self):
        with pytest.raises(ValueError, match="'Tiny' is wrong: before - after is"):
            Step("Tiny", S, S + sp.Rational(1, 10**12), "None.").check()

    def test_a_side_that_is_not_real_is_no_equality(self):
        with pytest.raises(ValueError, match="'Complex' is wrong"):
            Step("Complex", sp.log(-1 - S), sp.log(1 + S), "None.").check()

    def test_an_unknown_function_stands_for_every_density(self):
        p = sp.Function("p", positive=True)(symbolic.X)
        line = (symbolic.X, -sp.oo, sp.oo)
        both = sp.Integral((1 + symbolic.X) * p, line)
        parts = sp.Integral(p, line) + sp.Integral(symbolic.X * p, line)
        Step("Linear", both, parts, "Integration is linear.").check(n=2)
        with pytest.raises(ValueError, match="'Not linear' is wrong"):
            Step("Not linear", both, parts + sp.Integral(p, line), "None.").check(n=2)

    def test_a_name_is_shown_and_what_it_stands_for_is_checked(self):
        p = sp.Function("p", positive=True)(symbolic.X)
        half_line = (symbolic.X, 0, sp.oo)
        step = Step(
            "Mean",
            sp.Integral(symbolic.X * p, half_line),
            1 / S,
            "By parts.",
            where=((p, S * sp.exp(-S * symbolic.X)),),
        )
        step.check(n=2)
        assert repr(step) == "Mean: Integral(x*p(x), (x, 0, oo)) = 1/s"
        assert "p{\\left(x \\right)}" in step._repr_markdown_()
        other = replace(step, where=((p, 2 * S * sp.exp(-2 * S * symbolic.X)),))
        with pytest.raises(ValueError, match=r"'Mean' is wrong: before - after is -1/\(2\*s\)"):
            other.check(n=2)

    def test_random_points_are_the_same_again_unless_asked(self, monkeypatch):
        points = []
        original = symbolic._random_point

        def spy(expression, generator):
            points.append(original(expression, generator)[1][S])
            return original(expression, generator)

        monkeypatch.setattr(symbolic, "_random_point", spy)
        step = Step("Double", S + S, 2 * S, "Sum.")
        step.check(n=3)
        step.check(n=3)
        step.check(n=3, rng=np.random.default_rng(1))
        assert points[:3] == points[3:6]
        assert points[:3] != points[6:]
        assert len(set(points[:3])) == 3
        assert all(0.5 <= point <= 2 for point in points)

    @pytest.mark.parametrize("n", [0, -1, 2.5, True, "3", None])
    def test_a_number_of_points_below_one_is_refused(self, n):
        with pytest.raises(ValueError, match="n must be a whole number of points, at least 1, got"):
            Step("Double", S + S, 2 * S, "Sum.").check(n)

    def test_differences_are_shown_as_one_writes_them(self):
        square = Step("Square", (symbolic.X - symbolic.MU) ** 2, S, "None.")
        assert "x - \\mu" in square._repr_latex_()
        assert "- \\mu + x" not in square._repr_latex_()

    def test_a_sum_of_integrals_is_shown_a_term_a_line(self):
        start, area = (symbolic.derive_kl_normal_by_terms()[k] for k in (0, 4))
        assert start._repr_markdown_().count("\\\\") == 2
        assert area._repr_markdown_().count("\\\\") == 0

    def test_shows_itself_as_a_formula_and_with_its_reason(self):
        step = symbolic.derive_kl_normal()[3]
        assert step._repr_latex_().startswith("$\\displaystyle \\int")
        assert step._repr_latex_().endswith("= 1$")
        text = step._repr_markdown_()
        assert text.startswith("**Area.** sympy integrates over the real line.\n\n$$\n")
        assert text.endswith("\n$$")


class TestDerivation:
    def test_is_a_row_of_steps(self):
        derivation = symbolic.derive_pointwise_minimiser()
        assert len(derivation) == 5
        assert list(derivation) == list(derivation.steps)
        assert derivation[-1] is derivation.steps[-1]
        assert derivation[1:3] == derivation.steps[1:3]

    def test_a_wrong_step_among_right_ones_is_found(self):
        steps = list(symbolic.derive_pointwise_minimiser())
        steps[2] = replace(steps[2], after=-steps[2].after)
        wrong = Derivation("Wrong", tuple(steps), sp.S.Zero)
        with pytest.raises(ValueError, match="the step 'Curvature' is wrong"):
            wrong.check_all(n=1)

    def test_shows_title_steps_and_result_in_order(self):
        derivation = symbolic.derive_pointwise_minimiser()
        text = derivation._repr_markdown_()
        places = [text.index(f"**{step.title}.**") for step in derivation]
        assert text.startswith("### Pointwise minimiser of q log(q/p)\n")
        assert places == sorted(places)
        assert text.endswith("**Result.**\n\n$$\n\\frac{p}{e}\n$$")

    @pytest.mark.parametrize(
        ("at", "message"),
        [
            ({}, r"the symbols are \['sigma'\], got \[\]"),
            ({"sigma": 1, "mu": 0}, r"got \['mu', 'sigma'\]"),
            ({"sigma": 0}, "sigma is 0, but must be positive"),
            ({"sigma": -1.5}, "sigma is -1.5, but must be positive"),
            ({"sigma": math.nan}, "sigma is nan"),
            ({"sigma": math.inf}, "sigma is inf"),
        ],
    )
    def test_a_value_needs_each_symbol_and_numbers_that_fit(self, at, message):
        with pytest.raises(ValueError, match=message):
            symbolic.derive_entropy_normal().value(**at)

    def test_a_mean_must_be_finite(self):
        at = {"mu_0": math.inf, "sigma_0": 1, "mu_1": 0, "sigma_1": 1}
        with pytest.raises(ValueError, match="mu_0 is inf, but must be finite"):
            symbolic.derive_kl_normal().value(**at)

    @pytest.mark.parametrize("bad", [1j, "one", None])
    def test_a_value_is_a_real_number(self, bad):
        with pytest.raises(TypeError, match="sigma must hold real numbers"):
            symbolic.derive_entropy_normal().value(sigma=bad)

    @pytest.mark.parametrize("name", ["derive_fisher_information", "derive_moment_matching"])
    def test_a_matrix_or_a_pair_has_no_single_value(self, name):
        with pytest.raises(TypeError, match="take one of its entries"):
            derived(name).value(sigma=1, mu=0)

    def test_a_value_is_a_float_of_numpy(self):
        assert type(symbolic.derive_entropy_normal().value(sigma=1)) is np.float64


def test_without_sympy_the_error_says_what_to_install(monkeypatch):
    original = builtins.__import__

    def without_sympy(name, *args, **kwargs):
        if name.split(".")[0] == "sympy":
            raise ModuleNotFoundError("No module named 'sympy'", name="sympy")
        return original(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "divkit.symbolic")
    monkeypatch.setattr(builtins, "__import__", without_sympy)
    with pytest.raises(ImportError, match=r'pip install "divkit\[symbolic\]"'):
        import_module("divkit.symbolic")


def test_the_names_are_sorted_and_each_has_a_runnable_example():
    assert symbolic.__all__ == sorted(symbolic.__all__)
    for name in symbolic.__all__:
        assert ">>>" in getattr(symbolic, name).__doc__
