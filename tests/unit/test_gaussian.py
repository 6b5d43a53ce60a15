"""Closed forms for normal laws against quadrature, mpmath and what they refuse."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from divkit import gaussian

quick = settings(max_examples=40, derandomize=True, deadline=None, database=None)
means, sds = st.floats(-1e3, 1e3), st.floats(1e-3, 1e3)


def exact_kl(m0, s0, m1, s1):
    m0, s0, m1, s1 = (mpmath.mpf(float(x)) for x in (m0, s0, m1, s1))
    return mpmath.log(s1 / s0) + (s0**2 + (m0 - m1) ** 2) / (2 * s1**2) - mpmath.mpf(1) / 2


def error(value, reference):
    return float(abs(mpmath.mpf(float(value)) - reference) / abs(reference))


class TestKLNormal:
    @pytest.mark.parametrize("laws", [(0, 1, 0, 2), (1, 2, -1, 0.7), (0, 0.1, 3, 5)])
    def test_is_the_integral_of_its_definition(self, laws):
        m0, s0, m1, s1 = laws
        p, q = stats.norm(m0, s0), stats.norm(m1, s1)
        value, _ = integrate.quad(
            lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)),
            m0 - 12 * s0,
            m0 + 12 * s0,
            epsabs=1e-12,
        )
        assert gaussian.kl_normal(*laws) == pytest.approx(value, rel=1e-9)

    @pytest.mark.parametrize("step", [10.0**-k for k in range(0, 15, 2)])
    def test_nearly_equal_laws_keep_their_digits(self, step):
        with mpmath.workdps(60):
            for laws in [
                (0, 1, step, 1),
                (0, 1, 0, 1 + step),
                (0, 1 + step, 0, 1),
                (2, 3, 2, 3 + step),
            ]:
                assert error(gaussian.kl_normal(*laws), exact_kl(*laws)) < 1e-13

    @quick
    @given(means, sds, means, sds)
    def test_is_right_and_never_negative(self, m0, s0, m1, s1):
        value = gaussian.kl_normal(m0, s0, m1, s1)
        assert value >= 0
        with mpmath.workdps(60):
            reference = exact_kl(m0, s0, m1, s1)
            assert reference == 0 or error(value, reference) < 1e-11

    @quick
    @given(means, sds, means, sds, st.floats(0.1, 10))
    def test_does_not_depend_on_the_unit_of_length(self, m0, s0, m1, s1, unit):
        scaled = gaussian.kl_normal(m0 * unit, s0 * unit, m1 * unit, s1 * unit)
        assert scaled == pytest.approx(gaussian.kl_normal(m0, s0, m1, s1), rel=1e-6, abs=1e-9)

    def test_equal_laws_are_zero_apart_without_a_sign(self):
        value = gaussian.kl_normal(3, 2, 3, 2)
        assert value == 0
        assert not np.signbit(value)

    def test_the_four_arguments_broadcast_and_the_base_is_the_unit(self):
        values = gaussian.kl_normal(np.zeros((2, 1)), 1, [0, 1, 2], 1, base=2)
        assert np.allclose(values, [np.array([0, 0.5, 2]) / math.log(2)] * 2, rtol=1e-15)
        assert type(gaussian.kl_normal(0, 1, 1, 2)) is np.float64

    @pytest.mark.parametrize(
        ("laws", "message"),
        [
            ((0, 0, 0, 1), "sd0 holds 0.0: a standard deviation is greater than 0"),
            ((0, 1, 0, [1, -2]), r"sd1\[1\] holds -2.0"),
            ((math.nan, 1, 0, 1), "mean0 holds nan: parameters must be finite"),
            ((0, 1, math.inf, 1), "mean1 holds inf"),
            ((0, 1, 0, math.inf), "sd1 holds inf"),
        ],
    )
    def test_faults_are_named(self, laws, message):
        with pytest.raises(ValueError, match=message):
            gaussian.kl_normal(*laws)

    @pytest.mark.parametrize("bad", [1j, "one", None])
    def test_what_is_no_real_number_is_refused(self, bad):
        with pytest.raises(TypeError, match="mean0 must hold real numbers"):
            gaussian.kl_normal(bad, 1, 0, 1)


class TestKLStandardNormal:
    def test_is_the_sum_over_dimensions_of_the_general_form(self):
        rng = np.random.default_rng(0)
        mean, logvar = rng.standard_normal((2, 7, 4))
        parts = gaussian.kl_normal(mean, np.exp(logvar / 2), 0, 1)
        assert np.allclose(gaussian.kl_standard_normal(mean, logvar), parts.sum(-1), rtol=1e-13)

    def test_the_axis_of_dimensions_may_be_chosen(self):
        mean = np.random.default_rng(1).standard_normal((4, 7))
        value = gaussian.kl_standard_normal(mean, np.zeros((4, 7)), axis=0)
        assert np.allclose(value, (mean**2).sum(0) / 2, rtol=1e-14)

    @pytest.mark.parametrize("logvar", [1e-9, -1e-9, 1e-4, 1.0, -30.0])
    def test_variances_near_one_keep_their_digits(self, logvar):
        with mpmath.workdps(60):
            x = mpmath.mpf(logvar)
            assert (
                error(gaussian.kl_standard_normal([0], [logvar]), (mpmath.expm1(x) - x) / 2) < 1e-14
            )

    def test_a_variance_too_large_for_a_float_is_infinitely_far(self):
        assert gaussian.kl_standard_normal([0.0], [1000.0]) == math.inf

    def test_single_numbers_and_infinite_parameters_are_refused(self):
        with pytest.raises(ValueError, match="they need an axis of dimensions"):
            gaussian.kl_standard_normal(0, 0)
        with pytest.raises(ValueError, match=r"logvar\[0\] holds -inf"):
            gaussian.kl_standard_normal([0], [-math.inf])
