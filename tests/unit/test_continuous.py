"""Quadrature, sampling and bounds against closed forms, mpmath, scipy and each other."""

import math
import warnings
from itertools import permutations, product

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from divkit import continuous, gaussian
from divkit.continuous import (
    entropy_density,
    hellinger_density,
    js_density,
    kl_density,
    kl_mixture,
    kl_mixture_bounds,
    kl_mixture_monte_carlo,
    kl_monte_carlo,
    tv_density,
)

quick = settings(max_examples=10, derandomize=True, deadline=None, database=None)
means, sds = st.floats(-100, 100), st.floats(0.01, 100)
positive = (0.0, math.inf)
PAIRS = [kl_density, js_density, tv_density, hellinger_density]


def normal(mean, sd):
    return stats.norm(mean, sd).logpdf


def uniform(a, b):
    return stats.uniform(a, b - a).logpdf


def two_modes(place, sd):
    """Half N(0, 1), half N(place, sd^2)."""
    return lambda x: np.logaddexp(normal(0, 1)(x), normal(place, sd)(x)) - math.log(2)


def kl_beta(a, b, c, d):
    """The closed form for beta laws, at 50 digits."""
    with mpmath.workdps(50):
        a, b, c, d = map(mpmath.mpf, (a, b, c, d))
        digamma, both = mpmath.digamma, mpmath.digamma(a + b)
        return float(
            mpmath.log(mpmath.beta(c, d) / mpmath.beta(a, b))
            + (a - c) * (digamma(a) - both)
            + (b - d) * (digamma(b) - both)
        )


def by_mpmath(integrand, *places):
    with mpmath.workdps(20):
        return float(mpmath.quad(integrand, places))


def mp_normal(mean, sd):
    return lambda x: mpmath.npdf(x, mpmath.mpf(mean), mpmath.mpf(sd))


def holds(result, reference, least=0.0):
    """The error reported covers the true error."""
    return abs(result.value - reference) <= result.error + least + 1e-15 * abs(reference)


class TestEntropyDensity:
    @pytest.mark.parametrize(
        ("law", "support"),
        [
            (stats.norm(3, 1e-6), (-math.inf, math.inf)),
            (stats.norm(0, 1e100), (-math.inf, math.inf)),
            (stats.cauchy(5, 2), (-math.inf, math.inf)),
            (stats.laplace(-7, 3), (-math.inf, math.inf)),
            (stats.expon(scale=5), positive),
            (stats.gamma(0.05), positive),
            (stats.gamma(300), positive),
            (stats.lognorm(0.5), positive),
            (stats.lognorm(1, scale=1e6), positive),
            (stats.lognorm(20), positive),
            (stats.beta(0.5, 0.5), (0, 1)),
            (stats.beta(400, 700), (0, 1)),
            (stats.beta(0.01, 0.02), (0, 1)),
            (stats.uniform(2, 7), (2, 9)),
            (stats.gumbel_r(1, 2), (-math.inf, math.inf)),
        ],
    )
    def test_agrees_with_the_closed_form(self, law, support):
        result = entropy_density(law.logpdf, support=support)
        assert result.value == pytest.approx(law.entropy(), rel=1e-9, abs=1e-9)
        assert holds(result, law.entropy(), least=1e-12)
        assert result.error < 1e-6

    def test_of_a_levy_law_where_scipys_closed_form_has_ten_digits(self):
        with mpmath.workdps(30):
            exact = float((1 + 3 * mpmath.euler + mpmath.log(16 * mpmath.pi)) / 2)
        value = entropy_density(stats.levy().logpdf, support=positive).value
        assert value == pytest.approx(exact, rel=1e-14)

    def test_the_base_is_the_unit(self):
        value, error = entropy_density(uniform(0, 8), support=(0, 8), base=2)
        assert value == pytest.approx(3, rel=1e-13)
        assert 0 < error < 1e-10
        assert type(value) is type(error) is np.float64

    def test_a_unit_interval_is_zero_without_a_sign_and_shorter_ones_are_negative(self):
        value = entropy_density(uniform(0, 1), support=(0, 1)).value
        assert abs(value) < 1e-13
        narrow = entropy_density(uniform(0, 0.25), support=(0, 0.25), base=2).value
        assert narrow == pytest.approx(-2, rel=1e-12)

    def test_of_a_triangle_with_a_kink(self):
        value = entropy_density(stats.triang(0.3).logpdf, support=(0, 1)).value
        assert value == pytest.approx(0.5 - math.log(2), abs=1e-12)

    def test_of_a_singularity_inside_that_points_names(self):
        def log_p(x):
            return -np.log(np.abs(x - 0.3)) / 2 - math.log(2 * (math.sqrt(0.3) + math.sqrt(0.7)))

        a, b = mpmath.mpf("0.3"), mpmath.mpf("0.7")
        scale = 2 * (mpmath.sqrt(a) + mpmath.sqrt(b))

        def part(s):  # -int p log p over distances up to s
            root = mpmath.sqrt(s)
            return root / scale * (mpmath.log(s) - 2 + 2 * mpmath.log(scale))

        result = entropy_density(log_p, support=(0, 1), points=[0.3])
        assert result.value == pytest.approx(float(part(a) + part(b)), abs=1e-11)


class TestKLDensity:
    def test_values_of_the_course_to_the_digits_printed_there(self):
        p, q = normal(0, 1), normal(1, 2)
        assert kl_density(p, q).value == pytest.approx(0.443147180560, abs=5e-13)
        assert kl_density(q, p).value == pytest.approx(1.306852819440, abs=5e-13)
        assert kl_density(p, normal(100, 1)).value == pytest.approx(5000, rel=1e-11)
        assert kl_density(stats.cauchy().logpdf, p) == (math.inf, 0)

    def test_mass_closer_to_the_ends_than_floats_is_not_lost(self):
        result = kl_density(stats.beta(0.1, 0.2).logpdf, uniform(0, 1), support=(0, 1))
        assert round(result.value.item(), 7) == 4.9773417
        assert result.value == pytest.approx(kl_beta(0.1, 0.2, 1, 1), rel=1e-12)

    def test_where_quadrature_in_x_truncates(self):
        p = stats.beta(0.1, 0.2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            in_x, _ = integrate.quad(lambda x: p.pdf(x) * p.logpdf(x), 0, 1)
        assert abs(in_x - 4.9773417) > 1e-3

    @pytest.mark.parametrize(
        "shapes", [(0.01, 0.02, 0.5, 0.5), (2, 3, 0.1, 0.1), (0.1, 5, 7, 0.3), (50, 60, 0.5, 2)]
    )
    def test_of_beta_laws_is_the_closed_form(self, shapes):
        a, b, c, d = shapes
        result = kl_density(stats.beta(a, b).logpdf, stats.beta(c, d).logpdf, support=(0, 1))
        assert result.value == pytest.approx(kl_beta(*shapes), rel=1e-9)
        assert holds(result, kl_beta(*shapes))

    @pytest.mark.parametrize("sd", [0.03, 0.5, 1.7, 1.9, 10])
    def test_of_log_normal_laws_is_that_of_the_normal_laws(self, sd):
        p, q = stats.lognorm(sd), stats.lognorm(2 * sd, scale=math.e)
        result = kl_density(p.logpdf, q.logpdf, support=positive)
        assert result.value == pytest.approx(gaussian.kl_normal(0, sd, 1, 2 * sd), rel=1e-12)
        assert holds(result, gaussian.kl_normal(0, sd, 1, 2 * sd))

    def test_of_a_power_tail_from_a_log_normal_one_is_finite(self):
        def folded_cauchy(x):
            return math.log(2 / math.pi) - np.log1p(x * x)

        result = kl_density(folded_cauchy, stats.lognorm(1).logpdf, support=positive)
        # E[log^2 x] = pi^2/4 and E[log x] = 0, and the entropy is log(2 pi)
        exact = math.pi**2 / 8 + math.log(2 * math.pi) / 2 - math.log(2 * math.pi)
        assert result.value == pytest.approx(exact, rel=1e-12)
        assert holds(result, exact)

    def test_shapes_of_a_thousandth_put_half_the_mass_beyond_all_floats(self):
        shapes = (0.001, 0.002, 1, 1)
        result = kl_density(stats.beta(0.001, 0.002).logpdf, uniform(0, 1), support=(0, 1))
        assert result.value == pytest.approx(kl_beta(*shapes), rel=1e-9)
        assert holds(result, kl_beta(*shapes))

    def test_ends_away_from_zero_cost_digits_that_the_error_admits(self):
        law = stats.beta(0.1, 0.2, loc=1, scale=3)  # (x - 1)/3 is rounded before 1 is near
        result = kl_density(law.logpdf, uniform(1, 4), support=(1, 4))
        assert abs(result.value - kl_beta(0.1, 0.2, 1, 1)) <= result.error < 1e-4

    @quick
    @given(means, sds, means, sds)
    def test_of_normal_laws_is_the_closed_form_and_not_negative(self, m0, s0, m1, s1):
        result = kl_density(normal(m0, s0), normal(m1, s1))
        exact = gaussian.kl_normal(m0, s0, m1, s1)
        assert result.value >= 0
        assert result.value == pytest.approx(exact, rel=1e-6, abs=1e-12)
        assert holds(result, exact, least=1e-6 * exact + 1e-14)

    @pytest.mark.parametrize("step", [1e-2, 1e-4, 1e-6, 1e-8])
    def test_nearly_equal_laws_keep_their_digits(self, step):
        value = kl_density(normal(0, 1), normal(step, 1)).value
        assert value == pytest.approx(step**2 / 2, rel=1e-7)  # log p and log q are rounded

    def test_equal_laws_are_zero_apart_without_a_sign_or_an_error(self):
        value, error = kl_density(normal(3, 2), normal(3, 2))
        assert (value, error) == (0, 0)
        assert not np.signbit(value)

    @pytest.mark.parametrize("df", [2.2, 3, 10])
    def test_heavy_tails_are_integrated_to_their_end(self, df):
        p = stats.t(df)
        exact = df / (df - 2) / 2 + math.log(2 * math.pi) / 2 - p.entropy()
        assert kl_density(p.logpdf, normal(0, 1)).value == pytest.approx(exact, rel=1e-9)

    def test_of_two_cauchy_laws_is_the_closed_form(self):
        m0, s0, m1, s1 = 1, 2, -3, 0.1
        exact = math.log(((s0 + s1) ** 2 + (m0 - m1) ** 2) / (4 * s0 * s1))
        value = kl_density(stats.cauchy(m0, s0).logpdf, stats.cauchy(m1, s1).logpdf).value
        assert value == pytest.approx(exact, rel=1e-12)

    @pytest.mark.parametrize(
        ("p", "q", "support"),
        [
            (normal(0, 1), uniform(0, 1), (-math.inf, math.inf)),
            (uniform(0, 2), uniform(0, 1), (0, 2)),
            (uniform(0, 1.001), uniform(0, 1), (0, 3)),
            (stats.cauchy().logpdf, normal(0, 1), (-math.inf, math.inf)),
            (stats.t(2).logpdf, normal(0, 1), (-math.inf, math.inf)),
            (uniform(0, 1), lambda x: 1 - 1 / x - 2 * np.log(x), (0, 1)),
            (uniform(0, 1), lambda x: 1 - 1 / (1 - x) - 2 * np.log(1 - x), (0, 1)),
        ],
    )
    def test_is_infinite_without_support_and_where_the_integral_diverges(self, p, q, support):
        assert kl_density(p, q, support=support) == (math.inf, 0)

    @pytest.mark.parametrize("end", [0.5, 0.999, 1.001, 2, 10])
    def test_is_infinite_beyond_a_jump_wherever_it_lies(self, end):
        assert kl_density(normal(0, 1), uniform(0, end)) == (math.inf, 0)

    @pytest.mark.parametrize(
        ("low", "width"),
        [
            (3.0118847275265086, 65.8206208988635),  # each jump next to an edge of a panel
            (-2.112418686840501, 1.464333286044512),
            (8.387416732202402, 0.05115722306303524),
            (-7.095911718830923, 24.726624467847323),
            (1.2895910844666900, 15.321351674453780),
        ],
    )
    def test_jumps_that_points_does_not_name_are_within_the_error(self, low, width):
        sd = width + abs(low)
        square = width**2 / 12 + (low + width / 2) ** 2
        exact = math.log(math.sqrt(2 * math.pi) * sd / width) + square / (2 * sd**2)
        assert holds(kl_density(uniform(low, low + width), normal(0, sd)), exact, least=1e-12)

    def test_points_may_lie_on_the_ends_of_the_support(self):
        p, q = stats.beta(2, 3).logpdf, stats.beta(3, 2).logpdf
        plain = kl_density(p, q, support=(0, 1)).value
        ends = kl_density(p, q, support=(0, 1), points=[0, 0.5, 1]).value
        assert ends == pytest.approx(plain, rel=1e-12)

    def test_a_larger_support_of_q_is_no_violation(self):
        value = kl_density(uniform(0, 1), uniform(-1, 3)).value
        assert value == pytest.approx(math.log(4), rel=1e-12)
        shifted = kl_density(stats.expon(3).logpdf, stats.expon(1).logpdf).value
        assert shifted == pytest.approx(2, rel=1e-10)

    def test_does_not_depend_on_the_unit_of_length(self):
        for unit in (1e-30, 1e-3, 1e40):
            value = kl_density(normal(0, unit), normal(unit, 2 * unit)).value
            assert value == pytest.approx(0.443147180560, abs=1e-11)


def pareto(shape):
    """On (1, inf), and as a logarithm where the density of scipy underflows."""
    return lambda x: math.log(shape) - (shape + 1) * np.log(x)


def beyond(start):
    """The part of the standard normal law beyond a place."""
    mass = stats.norm.logsf(start)
    return lambda x: normal(0, 1)(x) - mass


def log_corrected(m):
    """The law c / (x^3 log^m x) on (e, inf), and its divergence from the normal law there."""
    cuts = [1, 2, 4, 10, 40, 200]
    with mpmath.workdps(20):
        c = 1 / mpmath.quad(lambda t: mpmath.exp(-2 * t) * t**-m, cuts)
        constant = mpmath.log(c) + mpmath.log(2 * mpmath.pi) / 2 + stats.norm.logsf(math.e)

        def term(t):
            return c * mpmath.exp(-2 * t) * t**-m * (constant - 3 * t - m * mpmath.log(t))

        exact = mpmath.quad(term, cuts) + (c / 2 / (m - 1) if m > 1 else mpmath.inf)
    log_c = float(mpmath.log(c))
    return lambda x: log_c - 3 * np.log(x) - m * np.log(np.log(x)), float(exact)


class TestTailsBeyondFloats:
    """Of an expectation that converges as slowly as x^-0.001, floats hold but the beginning."""

    @pytest.mark.parametrize("df", [2.0001, 2.001, 2.01, 2.05, 2.08])
    @pytest.mark.parametrize(("m", "s"), [(0, 1), (3, 0.2)])
    def test_of_student_and_normal_laws_are_the_second_moment(self, df, m, s):
        p = stats.t(df)
        exact = (df / (df - 2) + m * m) / 2 / s**2 + math.log(2 * math.pi * s**2) / 2 - p.entropy()
        result = kl_density(p.logpdf, normal(m, s))
        assert result.value == pytest.approx(exact, rel=1e-8)
        assert holds(result, exact)
        assert result.error < 1e-7 * exact

    @pytest.mark.parametrize("df", [1.001, 1.01, 1.2])
    def test_of_student_and_laplace_laws_are_the_first_moment(self, df):
        p = stats.t(df)
        mean = 2 * math.sqrt(df) / (df - 1) / float(mpmath.beta(df / 2, 0.5))
        result = kl_density(p.logpdf, lambda x: -abs(x) - math.log(2))
        exact = mean + math.log(2) - p.entropy()
        assert result.value == pytest.approx(exact, rel=1e-8)
        assert holds(result, exact)

    @pytest.mark.parametrize("shape", [2.001, 2.01, 2.1])
    def test_of_a_pareto_law_that_starts_at_a_finite_end(self, shape):
        exact = math.log(shape) - 1 - 1 / shape + shape / (shape - 2) / 2
        exact += math.log(2 * math.pi) / 2 + stats.norm.logsf(1)
        result = kl_density(pareto(shape), beyond(1), support=(1, math.inf))
        assert result.value == pytest.approx(exact, rel=1e-8)
        assert holds(result, exact)

    @pytest.mark.parametrize("shape", [1.001, 1.01, 1.1])
    @pytest.mark.parametrize("place", [0, 1])
    def test_of_gamma_and_inverse_gamma_laws_are_the_mean_of_the_inverse(self, shape, place):
        p, q = stats.gamma(shape, loc=place), stats.invgamma(1, loc=place)
        exact = 2 * float(mpmath.digamma(shape)) + 1 / (shape - 1) - p.entropy()
        result = kl_density(p.logpdf, q.logpdf, support=(place, math.inf))
        assert holds(result, exact)
        if place == 0:  # at 1 floats end at distances of 1e-15, and the error admits it
            assert result.value == pytest.approx(exact, rel=1e-8)

    @pytest.mark.parametrize("m", [2.5, 3, 5])
    def test_that_end_as_slowly_as_a_power_of_the_logarithm(self, m):
        log_p, exact = log_corrected(m)
        result = kl_density(log_p, beyond(math.e), support=(math.e, math.inf))
        assert holds(result, exact)
        assert result.error < 2e-3

    @pytest.mark.parametrize("m", [1, 1.2])
    def test_that_may_be_infinite_or_not_have_an_infinite_error(self, m):
        log_p, exact = log_corrected(m)
        value, error = kl_density(log_p, beyond(math.e), support=(math.e, math.inf))
        assert value < exact
        assert error == math.inf

    def test_of_a_law_that_decays_faster_than_all_powers_have_no_mass(self):
        def half_lognormal(x):
            return stats.lognorm(1).logpdf(x) + math.log(2)

        shape = 0.3
        exact = math.log(shape) - 1 + 1 / shape**2 + math.log(math.pi / 2) / 2
        result = kl_density(pareto(shape), half_lognormal, support=(1, math.inf))
        assert result.value == pytest.approx(exact, rel=1e-12)
        assert holds(result, exact)


class TestModes:
    def test_narrow_modes_far_away_are_found(self):
        value, error = kl_density(normal(1e6, 1e-3), normal(1e6 + 1e-3, 1e-3))
        assert value == pytest.approx(0.5, abs=1e-6)
        assert abs(value - 0.5) < 1e-7 + error < 1e-5

    @pytest.mark.parametrize(("place", "sd"), [(0.3, 1e-8), (-50, 1e-6), (1e9, 1.0), (1e-9, 1e-12)])
    def test_wherever_they_are(self, place, sd):
        value = entropy_density(normal(place, sd)).value
        assert value == pytest.approx(math.log(2 * math.pi * math.e * sd**2) / 2, abs=1e-5)

    def test_several_separate_modes_are_found_one_from_the_other(self):
        log_p = two_modes(40, 0.01)
        exact = math.log(2 * math.pi * math.e) / 2 + math.log(0.01) / 2 + math.log(2)
        assert entropy_density(log_p).value == pytest.approx(exact, abs=1e-11)

    def test_a_hidden_one_is_missed_aloud_and_points_is_the_remedy(self):
        log_p = two_modes(1.2345e6, 1e-3)
        message = r"exp\(log_p\) integrates to 0.5 over \(-inf, inf\), not to 1: .* as points"
        with pytest.raises(ValueError, match=message):
            entropy_density(log_p)
        exact = math.log(2 * math.pi * math.e) / 2 + math.log(1e-3) / 2 + math.log(2)
        assert entropy_density(log_p, points=[1.2345e6]).value == pytest.approx(exact, abs=1e-6)

    @pytest.mark.parametrize(
        ("log_p", "support", "mass"),
        [
            (lambda x: -x * x / 2, (-math.inf, math.inf), "2.50662827"),
            (normal(0, 1), (-1, 1), "0.682689492"),
            (uniform(1e5, 1e5 + 1), (-math.inf, math.inf), "0"),
            (lambda x: -1.2 * np.log(x), (0, 1), "inf"),
            (lambda x: -np.log(x) - 2 * np.log1p(-np.log(x)), (0, 1), "0.99"),
            (lambda x: uniform(0, 1)(x) + 1e-6, (0, 1), "1.000001"),
        ],
    )
    def test_a_density_that_does_not_integrate_to_one_is_refused(self, log_p, support, mass):
        with pytest.raises(ValueError, match=rf"exp\(log_p\) integrates to {mass}"):
            entropy_density(log_p, support=support)
        ends = [end if math.isfinite(end) else math.copysign(9, end) for end in support]
        with pytest.raises(ValueError, match=rf"exp\(log_q\) integrates to {mass}"):
            tv_density(uniform(*ends), log_p, support=support)


class TestDistances:
    def test_values_of_the_course_to_the_digits_printed_there(self):
        p, q = normal(0, 1), normal(1, 1)
        assert js_density(p, q).value == pytest.approx(0.11142148218473617972, rel=1e-13)
        assert js_density(p, q, base=2).value == pytest.approx(0.16074721979641687, rel=1e-13)
        assert tv_density(p, q).value == pytest.approx(0.382924922548, abs=5e-13)
        assert hellinger_density(p, q).value ** 2 == pytest.approx(0.117503097415, abs=5e-13)

    @pytest.mark.parametrize(("m", "s"), [(0.1, 1), (3, 1), (1, 2), (-2, 0.3)])
    def test_js_is_the_integral_of_its_definition_in_mpmath(self, m, s):
        p, q = mp_normal(0, 1), mp_normal(m, s)

        def term(x):
            a, b = p(x), q(x)
            mean = (a + b) / 2
            return (a * mpmath.log(a / mean) + b * mpmath.log(b / mean)) / 2

        exact = by_mpmath(term, -20, *sorted({-5, 0, m - 3 * s, m, m + 3 * s, 5}), 20)
        result = js_density(normal(0, 1), normal(m, s))
        assert result.value == pytest.approx(exact, rel=1e-12)
        assert holds(result, exact)

    @pytest.mark.parametrize(("m", "s"), [(0.1, 1), (3, 1), (1, 2), (-2, 0.3)])
    def test_hellinger_of_normal_laws_is_the_closed_form(self, m, s):
        square = 1 - math.sqrt(2 * s / (1 + s * s)) * math.exp(-m * m / 4 / (1 + s * s))
        result = hellinger_density(normal(0, 1), normal(m, s))
        assert result.value == pytest.approx(math.sqrt(square), rel=1e-12)
        assert holds(result, math.sqrt(square), least=1e-15)

    @pytest.mark.parametrize("s", [0.5, 1.1, 3])
    def test_tv_of_normal_laws_is_a_difference_of_cdfs_at_the_crossings(self, s):
        at = math.sqrt(2 * math.log(s) / (1 - s**-2))
        exact = abs(2 * (stats.norm.cdf(at) - stats.norm.cdf(at / s)))
        result = tv_density(normal(0, 1), normal(0, s))
        assert result.value == pytest.approx(exact, rel=1e-11)

    def test_beta_laws_by_the_beta_function(self):
        a, b, c, d = 0.1, 0.2, 0.5, 0.05
        beta = mpmath.beta
        affinity = beta((a + c) / 2, (b + d) / 2) / mpmath.sqrt(beta(a, b) * beta(c, d))
        p, q = stats.beta(a, b).logpdf, stats.beta(c, d).logpdf
        value = hellinger_density(p, q, support=(0, 1)).value
        assert value == pytest.approx(math.sqrt(1 - affinity), rel=1e-11)

    def test_uniform_laws_that_overlap_by_half(self):
        p, q = uniform(0, 2), uniform(1, 3)
        assert tv_density(p, q, support=(0, 3)).value == pytest.approx(0.5, abs=1e-12)
        assert js_density(p, q, support=(0, 3), base=2).value == pytest.approx(0.5, abs=1e-12)
        assert hellinger_density(p, q).value ** 2 == pytest.approx(0.5, abs=1e-12)

    def test_laws_without_common_support_are_as_far_as_can_be(self):
        p, q = uniform(0, 1), uniform(2, 3)
        assert js_density(p, q, support=(0, 3), base=2).value == pytest.approx(1, rel=1e-15)
        assert tv_density(p, q, support=(0, 3)).value == 1
        assert hellinger_density(p, q, support=(0, 3)).value == 1
        assert js_density(normal(-100, 1), normal(100, 1)).value == pytest.approx(math.log(2))

    @pytest.mark.parametrize("step", [1e-2, 1e-4, 1e-6])
    def test_nearly_equal_laws_keep_their_digits(self, step):
        p, q = normal(0, 1), normal(step, 1)
        assert js_density(p, q).value == pytest.approx(step**2 / 8, rel=step**2 + 1e-9)
        tv = math.erf(step / math.sqrt(8))
        assert tv_density(p, q).value == pytest.approx(tv, rel=1e-9)
        hellinger = math.sqrt(-math.expm1(-(step**2) / 8))
        assert hellinger_density(p, q).value == pytest.approx(hellinger, rel=1e-9)

    @pytest.mark.parametrize("distance", PAIRS)
    def test_equal_laws_are_zero_apart(self, distance):
        value, error = distance(stats.cauchy(2).logpdf, stats.cauchy(2).logpdf)
        assert (value, error) == (0, 0)

    @quick
    @given(means, sds, means, sds)
    def test_inequalities_between_them(self, m0, s0, m1, s1):
        p, q = normal(m0, s0), normal(m1, s1)
        kl, js, tv, h = (distance(p, q).value for distance in PAIRS)
        assert min(kl, js, tv, h) >= 0
        assert js <= math.log(2) * (1 + 1e-15)
        assert h**2 <= tv + 1e-11
        assert tv <= h * math.sqrt(2 - h**2) + 1e-11
        assert tv <= math.sqrt(kl / 2) + 1e-11
        assert tv <= math.sqrt(-math.expm1(-kl)) + 1e-11
        for distance, value in [(js_density, js), (tv_density, tv), (hellinger_density, h)]:
            assert distance(q, p).value == pytest.approx(value, rel=1e-9, abs=1e-12)

    @quick
    @given(means, sds, means, sds, means, sds)
    def test_the_triangle_inequality_of_the_metrics(self, m0, s0, m1, s1, m2, s2):
        p, q, r = normal(m0, s0), normal(m1, s1), normal(m2, s2)
        for metric in (tv_density, hellinger_density, lambda *a: [js_density(*a).value ** 0.5]):
            assert metric(p, r)[0] <= metric(p, q)[0] + metric(q, r)[0] + 1e-10


class TestMonteCarlo:
    def sampler(self, law):
        return lambda rng, size: law.rvs(size, random_state=rng)

    def test_agrees_with_the_closed_form_within_its_standard_error(self):
        p, q = stats.norm(0, 1), stats.norm(1, 2)
        scores = []
        for seed in range(40):
            value, se = kl_monte_carlo(
                p.logpdf, q.logpdf, sampler=self.sampler(p), size=1000, rng=seed
            )
            scores.append((value - gaussian.kl_normal(0, 1, 1, 2)) / se)
        assert 0.7 < np.std(scores) < 1.3
        assert abs(np.mean(scores)) < 0.5

    def test_works_in_several_dimensions(self):
        p = stats.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]])
        q = stats.multivariate_normal([1, 0], [[2, 0], [0, 1]])
        inverse = np.diag([0.5, 1])
        exact = (np.trace(inverse @ p.cov) - 2 + 0.5 + math.log(2 / 0.75)) / 2
        value, se = kl_monte_carlo(p.logpdf, q.logpdf, sampler=self.sampler(p), rng=1)
        assert abs(value - exact) < 4 * se < 0.02

    def test_the_same_seed_gives_the_same_value_and_the_base_is_the_unit(self):
        p, q = stats.norm(0, 1), stats.norm(1, 2)
        options = {"sampler": self.sampler(p), "size": 100}
        nats = kl_monte_carlo(p.logpdf, q.logpdf, rng=3, **options)
        bits = kl_monte_carlo(p.logpdf, q.logpdf, rng=np.random.default_rng(3), base=2, **options)
        assert bits == pytest.approx(np.array(nats) / math.log(2), rel=1e-15)

    def test_equal_laws_are_zero_apart_for_sure(self):
        p = stats.norm(0, 1)
        assert kl_monte_carlo(p.logpdf, p.logpdf, sampler=self.sampler(p), rng=0) == (0, 0)

    def test_one_sample_outside_the_support_of_q_makes_it_infinite_for_sure(self):
        p = stats.norm(0, 1)
        result = kl_monte_carlo(p.logpdf, uniform(-1, 1), sampler=self.sampler(p), rng=0)
        assert result == (math.inf, 0)

    @pytest.mark.parametrize(
        ("changes", "kind", "message"),
        [
            ({"size": 1}, ValueError, "size must be at least 2 for a standard error, got 1"),
            ({"size": 2.5}, TypeError, "size must be an integer, got 2.5"),
            ({"sampler": 3}, TypeError, "sampler must be a function, got int"),
            ({"log_q": stats.norm()}, TypeError, "log_q must be a function, got rv_continuous"),
            ({"log_q": lambda x: x[1:]}, ValueError, r"log_q\(sample\) has shape \(99,\), not"),
            ({"log_q": lambda x: x + math.nan}, ValueError, "log_q is nan at sample 0"),
            ({"log_p": uniform(5, 6)}, ValueError, "log_p is -inf at sample 0"),
            ({"log_p": lambda x: x * 1j}, TypeError, "log_p.sample. must hold real numbers"),
            ({"base": 1}, ValueError, "base must be a finite number greater than 1"),
        ],
    )
    def test_faults_are_named(self, changes, kind, message):
        p = stats.norm(0, 1)
        options = {"log_p": p.logpdf, "log_q": p.logpdf, "sampler": self.sampler(p), "size": 100}
        with pytest.raises(kind, match=message):
            kl_monte_carlo(**{**options, "rng": 0, **changes})


MIXTURES = [
    ([0.5, 0.5], [-3.0, 3.0], [1.0, 1.0]),
    ([1.0], [0.0], [10**0.5]),
    ([0.2, 0.3, 0.5], [-1.0, 0.0, 4.0], [0.5, 2.0, 1.0]),
    ([0.7, 0.3], [-3.0, 3.1], [1.1, 0.9]),
    ([0.9, 0.1], [0.0, 30.0], [1.0, 0.01]),
]


def in_dimensions(mixture, dimension):
    """A mixture on the line, turned into a line of the space and blown up by N(0, I)."""
    weights, centres, widths = map(np.array, mixture)
    places = np.zeros((len(weights), dimension))
    places[:, 0] = centres
    covariances = np.tile(np.eye(dimension), (len(weights), 1, 1))
    covariances[:, 0, 0] = widths**2
    turn, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((dimension, dimension)))
    turned = turn @ covariances @ turn.T
    return weights, places @ turn.T, (turned + turned.transpose(0, 2, 1)) / 2


class TestMixtures:
    def test_values_of_the_course_to_the_digits_printed_there(self):
        value, error = kl_mixture(MIXTURES[0], MIXTURES[1])
        assert value == pytest.approx(0.461994613, abs=5e-10)
        assert error < 1e-10
        reverse = [
            kl_mixture(([1], [m], [s]), MIXTURES[0]).value for m, s in [(2.984, 1.023), (0, 2.744)]
        ]
        assert reverse == pytest.approx([0.689, 0.841], abs=5e-4)

    @pytest.mark.parametrize(("p", "q"), list(permutations(MIXTURES[1:4], 2))[::2])
    def test_quadrature_is_the_integral_of_the_definition_in_mpmath(self, p, q):
        def density(mixture):
            return lambda x: sum(w * mpmath.npdf(x, m, s) for w, m, s in zip(*mixture, strict=True))

        a, b = density(p), density(q)
        exact = by_mpmath(lambda x: a(x) * mpmath.log(a(x) / b(x)), *range(-24, 26, 4))
        assert kl_mixture(p, q).value == pytest.approx(exact, rel=1e-9, abs=1e-12)

    def test_one_component_each_is_the_closed_form(self):
        value = kl_mixture(([1], [0], [1]), ([1], [1], [2])).value
        assert value == pytest.approx(gaussian.kl_normal(0, 1, 1, 2), rel=1e-12)

    @pytest.mark.parametrize(("p", "q"), list(product(MIXTURES, MIXTURES)))
    def test_the_bounds_hold(self, p, q):
        exact, bounds = kl_mixture(p, q).value, kl_mixture_bounds(p, q)
        assert 0 <= bounds.lower <= exact + 1e-11
        assert exact <= bounds.upper + 1e-11
        assert bounds.upper <= bounds.convexity

    @pytest.mark.parametrize("mixture", MIXTURES)
    def test_equal_mixtures_are_zero_apart_in_the_approximations(self, mixture):
        bounds = kl_mixture_bounds(mixture, mixture)
        assert kl_mixture(mixture, mixture) == pytest.approx((0, 0), abs=1e-15)
        assert bounds.variational == bounds.product == bounds.lower == 0
        assert bounds.upper == pytest.approx(0, abs=1e-9)

    def test_one_component_each_makes_all_but_the_lower_bound_exact(self):
        p, q = ([1], [0], [1]), ([1], [1], [2])
        bounds, exact = kl_mixture_bounds(p, q, base=2), gaussian.kl_normal(0, 1, 1, 2, base=2)
        assert bounds.upper == pytest.approx(exact, rel=1e-14)
        assert bounds.convexity == pytest.approx(exact, rel=1e-14)
        assert bounds.variational == pytest.approx(exact, rel=1e-14)

    def test_the_product_and_lower_terms_by_integrals_of_products(self):
        p, q = MIXTURES[2], MIXTURES[3]

        def overlap(m, s, mixture):
            def integrand(x):
                return stats.norm.pdf(x, m, s) * np.dot(weights, stats.norm.pdf(x, centres, widths))

            weights, centres, widths = map(np.array, mixture)
            return integrate.quad(integrand, -30, 30, points=[-3, 0, 4], epsabs=1e-13)[0]

        def nearness(m, s, mixture):
            return sum(
                w * math.exp(-gaussian.kl_normal(m, s, n, r))
                for w, n, r in zip(*mixture, strict=True)
            )

        rows = list(zip(*p, strict=True))
        terms = [(w, overlap(m, s, p), overlap(m, s, q), nearness(m, s, p), nearness(m, s, q),
                  stats.norm.entropy(m, s)) for w, m, s in rows]  # fmt: skip
        bounds = kl_mixture_bounds(p, q)
        expected = sum(w * math.log(a / b) for w, a, b, _, _, _ in terms)
        assert bounds.product == pytest.approx(expected, rel=1e-10)
        expected = sum(w * math.log(a / b) for w, _, _, a, b, _ in terms)
        assert bounds.variational == pytest.approx(expected, rel=1e-12)
        expected = sum(w * (math.log(a / b) - h) for w, _, b, a, _, h in terms)
        assert bounds.lower == pytest.approx(max(0, expected), rel=1e-10)

    def test_the_variational_bound_is_the_least_over_all_splittings(self):
        from scipy.optimize import minimize

        p, q = MIXTURES[0], MIXTURES[3]
        v, w = np.array(p[0]), np.array(q[0])
        between = gaussian.kl_normal(*(np.array(x)[:, None] for x in p[1:]), *q[1:])

        def bound(free):
            a, b = 1 / (1 + np.exp(-np.reshape(free, (2, 2))))
            phi = np.stack([v * a, v * (1 - a)], axis=1)
            psi = np.stack([w * b, w * (1 - b)], axis=0)
            return float((phi * (np.log(phi / psi) + between)).sum())

        starts = np.random.default_rng(0).standard_normal((5, 4))
        least = min(
            minimize(bound, start, tol=1e-12, bounds=[(-30, 30)] * 4).fun for start in starts
        )
        assert continuous._split(v, w, between) == pytest.approx(least, rel=1e-6)

    @pytest.mark.parametrize("dimension", [1, 3])
    def test_bounds_in_space_are_those_on_the_line(self, dimension):
        p, q = MIXTURES[0], MIXTURES[2]
        turned = kl_mixture_bounds(in_dimensions(p, dimension), in_dimensions(q, dimension))
        assert turned[1:] == pytest.approx(kl_mixture_bounds(p, q)[1:], rel=1e-10)

    @pytest.mark.parametrize("dimension", [1, 2])
    def test_sampling_agrees_with_quadrature_in_any_dimension(self, dimension):
        p, q = (in_dimensions(m, dimension) for m in (MIXTURES[0], MIXTURES[2]))
        value, se = kl_mixture_monte_carlo(p, q, rng=0, size=50_000)
        assert abs(value - kl_mixture(MIXTURES[0], MIXTURES[2]).value) < 4 * se < 0.1

    def test_components_of_weight_zero_do_not_count(self):
        p, q = ([1, 0], [0, 5], [1, 1]), ([0, 1], [9, 1], [1, 2])
        exact = gaussian.kl_normal(0, 1, 1, 2)
        assert kl_mixture(p, q).value == pytest.approx(exact, rel=1e-12)
        assert kl_mixture_bounds(p, q).upper == pytest.approx(exact, rel=1e-12)

    def test_far_components_do_not_underflow(self):
        p, q = ([0.5, 0.5], [0, 100], [1, 1]), ([0.5, 0.5], [1000, 1100], [1, 1])
        exact, bounds = kl_mixture(p, q).value, kl_mixture_bounds(p, q)
        assert bounds.lower <= exact <= bounds.upper * (1 + 1e-12) < math.inf
        assert all(np.isfinite(bounds))

    @pytest.mark.parametrize("function", [kl_mixture, kl_mixture_monte_carlo, kl_mixture_bounds])
    @pytest.mark.parametrize(
        ("p", "kind", "message"),
        [
            (([0.5, 0.6], [0, 1], [1, 1]), ValueError, r"p\[0\] \(weights\), row 0 sums to 1.1"),
            (([1.5, -0.5], [0, 1], [1, 1]), ValueError, "entry 1 is -0.5"),
            (([], [], []), ValueError, r"must be one distribution \(K,\), got shape \(0,\)"),
            (([1], [0, 1], [1, 1]), ValueError, "p of 1 components needs means"),
            (([0.5, 0.5], [0, 1], [1]), ValueError, r"got \(2,\) and \(1,\)"),
            (([0.5, 0.5], [0, 1], [1, 0]), ValueError, "entry 1 is 0.0, but a standard deviation"),
            (([0.5, 0.5], [0, math.nan], [1, 1]), ValueError, r"\(means\): entry 1 is nan"),
            (([1], [[0, 1]], [[[1, 2], [2, 1]]]), ValueError, "0 is not positive definite"),
            (([1], [[0, 1]], [[[1, 2], [0, 1]]]), ValueError, "0 is not symmetric"),
            (([1], [[0, 1]], [[[math.inf, 0], [0, 1]]]), ValueError, "covariance 0 is not"),
            (([1], [[0, 1]], [[[1, 0], [0, 1]]]), ValueError, "p lives in 2 dimensions, q in 1"),
            (([1], [0]), TypeError, "p must be a triple"),
            (([1], ["0"], [1]), TypeError, r"p\[1\] \(means\) must hold real numbers"),
        ],
    )
    def test_faults_are_named(self, function, p, kind, message):
        with pytest.raises(kind, match=message):
            function(p, ([1], [0], [1]))

    def test_quadrature_is_for_the_line(self):
        p = in_dimensions(MIXTURES[0], 2)
        with pytest.raises(ValueError, match="2 dimensions: use kl_mixture_monte_carlo"):
            kl_mixture(p, p)


class TestFaults:
    @pytest.mark.parametrize("function", PAIRS)
    @pytest.mark.parametrize(
        ("log_q", "options", "kind", "message"),
        [
            (stats.norm(), {}, TypeError, "log_q must be a function of x, got rv_continuous_froz"),
            (3.0, {}, TypeError, "log_q must be a function of x, got float"),
            (lambda x: 3.0, {}, ValueError, "log_q must be vectorised: for x of shape"),
            (lambda x: x * 1j, {}, TypeError, r"log_q\(x\) must hold real numbers"),
            (lambda x: x * math.nan, {}, ValueError, r"log_q\(.*\) is nan, but a log-density is"),
            (lambda x: x + math.inf, {}, ValueError, r"log_q\(.*\) is inf, but a log-density is"),
            (
                normal(0, 1),
                {"support": (1, 0)},
                ValueError,
                r"support must be an interval \(a, b\)",
            ),
            (normal(0, 1), {"support": (0, math.nan)}, ValueError, "support must be an interval"),
            (normal(0, 1), {"support": 3}, ValueError, "support must be an interval"),
            (normal(0, 1), {"support": ("a", "b")}, TypeError, "support must hold real numbers"),
            (
                normal(0, 1),
                {"support": (0, 1), "points": [0.5, 3]},
                ValueError,
                r"points\[1\] is 3",
            ),
            (
                normal(0, 1),
                {"points": [math.inf]},
                ValueError,
                r"points\[0\] is inf: points lie inside",
            ),
            (normal(0, 1), {"points": 1.0}, ValueError, "points must be a sequence"),
        ],
    )
    def test_are_named(self, function, log_q, options, kind, message):
        with pytest.raises(kind, match=message):
            function(normal(0, 1), log_q, **options)

    @pytest.mark.parametrize("function", [kl_density, js_density])
    @pytest.mark.parametrize("base", [1, 0, -2, math.inf])
    def test_a_base_is_greater_than_one(self, function, base):
        with pytest.raises(ValueError, match="base must be a finite number greater than 1"):
            function(normal(0, 1), normal(0, 1), base=base)

    def test_the_message_of_a_singular_place_names_the_remedy(self):
        with pytest.raises(ValueError, match=r"pass its support, and singular places as points"):
            entropy_density(stats.beta(0.5, 0.5).logpdf)
