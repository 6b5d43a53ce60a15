"""Closed forms against quadrature, mpmath and each other, and what they refuse."""

import math
import tracemalloc
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from divkit import _kernels, gaussian, information, workers

quick = settings(max_examples=40, derandomize=True, deadline=None, database=None)
means, sds = st.floats(-1e3, 1e3), st.floats(1e-3, 1e3)


def exact_kl(m0, s0, m1, s1):
    m0, s0, m1, s1 = (mpmath.mpf(float(x)) for x in (m0, s0, m1, s1))
    return mpmath.log(s1 / s0) + (s0**2 + (m0 - m1) ** 2) / (2 * s1**2) - mpmath.mpf(1) / 2


def error(value, reference):
    if reference == 0:
        return float(abs(value))
    return float(abs(mpmath.mpf(float(value)) - reference) / abs(reference))


def integral(f, low, high):
    return integrate.quad(f, low, high, epsabs=1e-13, epsrel=1e-12, limit=200)[0]


def kl_by_quadrature(p, q, *ends):
    """The integral of p log(p/q) for two frozen laws of scipy, piece by piece."""
    return sum(
        integral(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), low, high)
        for low, high in pairwise(ends)
    )


def covariances(d, n=None, seed=0):
    """Random covariance matrices that are symmetric to the last bit."""
    shape = (d, 2 * d + 1) if n is None else (n, d, 2 * d + 1)
    half = np.random.default_rng(seed).standard_normal(shape)
    cov = half @ half.mT / (2 * d)
    return (cov + cov.mT) / 2


def laws(d, n=None, seed=0):
    """Means and covariance matrices of two laws, or of two lists of laws."""
    rng = np.random.default_rng(seed + 100)
    m0, m1 = rng.standard_normal((2, d) if n is None else (2, n, d))
    return m0, covariances(d, n, seed), m1, covariances(d, n, seed + 1)


def exact_mvn(m0, c0, m1, c1):
    """The same four in mpmath, with the means as columns."""
    return [mpmath.matrix(np.asarray(x, float).tolist()) for x in (m0, c0, m1, c1)]


def exact_kl_mvn(*four):
    m0, c0, m1, c1 = exact_mvn(*four)
    inverse = c1**-1
    product = inverse * c0
    trace = mpmath.fsum(product[i, i] for i in range(product.rows))
    maha = ((m1 - m0).T * inverse * (m1 - m0))[0]
    return (trace - product.rows + maha + mpmath.log(mpmath.det(c1) / mpmath.det(c0))) / 2


def exact_renyi_mvn(*four, order):
    m0, c0, m1, c1 = exact_mvn(*four)
    a = mpmath.mpf(float(order))
    mixed = a * c1 + (1 - a) * c0
    maha = ((m0 - m1).T * mixed**-1 * (m0 - m1))[0]
    dets = mpmath.log(mpmath.det(mixed)) - (1 - a) * mpmath.log(mpmath.det(c0))
    return a / 2 * maha - (dets - a * mpmath.log(mpmath.det(c1))) / (2 * (a - 1))


def near(d, step, seed=0):
    """Two laws whose parameters differ by about `step`."""
    m0, c0, *_ = laws(d, seed=seed)
    change = step * np.random.default_rng(seed + 7).standard_normal((d, d))
    return m0, c0, m0 + step, c0 + change + change.T


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
            ((0, 0, 0, 1), "sd0 is 0.0: a standard deviation is greater than 0"),
            ((0, 1, 0, [1, -2]), r"sd1\[1\] is -2.0"),
            ((math.nan, 1, 0, 1), "mean0 is nan: parameters are finite numbers"),
            ((0, 1, math.inf, 1), "mean1 is inf"),
            ((0, 1, 0, math.inf), "sd1 is inf"),
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
        with pytest.raises(ValueError, match=r"logvar\[0\] is -inf"):
            gaussian.kl_standard_normal([0], [-math.inf])


class TestEntropyNormal:
    @pytest.mark.parametrize("sd", [0.1, 1, 7.5])
    def test_is_the_integral_of_its_definition(self, sd):
        law = stats.norm(0, sd)
        value = integral(lambda x: -law.pdf(x) * law.logpdf(x), -15 * sd, 15 * sd)
        assert gaussian.entropy_normal(sd) == pytest.approx(value, rel=1e-10)

    def test_is_negative_for_a_narrow_law_and_is_not_clamped(self):
        assert gaussian.entropy_normal(0.1) == pytest.approx(-0.8836465597893728, rel=1e-14)

    def test_agrees_with_scipy_in_bits(self):
        sd = np.geomspace(1e-300, 1e300, 9)
        bits = stats.norm(0, sd).entropy() / math.log(2)
        assert np.allclose(gaussian.entropy_normal(sd, base=2), bits, rtol=1e-14)


class TestKLMvn:
    @pytest.mark.parametrize("d", [1, 2, 5])
    def test_is_the_textbook_formula_in_sixty_digits(self, d):
        with mpmath.workdps(60):
            assert error(gaussian.kl_mvn(*laws(d)), exact_kl_mvn(*laws(d))) < 1e-13

    def test_is_the_integral_of_its_definition(self):
        m0, c0, m1, c1 = laws(2)
        x, w = np.polynomial.hermite_e.hermegauss(4)  # exact for a quadratic function
        grid = np.stack(np.meshgrid(x, x), -1) @ np.linalg.cholesky(c0).T + m0
        p, q = stats.multivariate_normal(m0, c0), stats.multivariate_normal(m1, c1)
        value = np.outer(w, w).ravel() @ (p.logpdf(grid) - q.logpdf(grid)).ravel() / (2 * math.pi)
        assert gaussian.kl_mvn(*laws(2)) == pytest.approx(value, rel=1e-12)

    def test_of_diagonal_laws_is_the_sum_over_dimensions(self):
        rng = np.random.default_rng(2)
        m, s = rng.standard_normal((2, 4)), rng.uniform(0.2, 3, (2, 4))
        value = gaussian.kl_mvn(m[0], np.diag(s[0] ** 2), m[1], np.diag(s[1] ** 2))
        assert value == pytest.approx(gaussian.kl_normal(m[0], s[0], m[1], s[1]).sum(), rel=1e-13)

    @pytest.mark.parametrize("step", [1e-2, 1e-4, 1e-6, 1e-8])
    def test_nearly_equal_laws_lose_no_more_than_the_factors_do(self, step):
        with mpmath.workdps(60):
            reference = exact_kl_mvn(*near(4, step))
            assert error(gaussian.kl_mvn(*near(4, step)), reference) < 1e-14 / step

    def test_of_equal_laws_is_zero_without_a_sign(self):
        m, c, *_ = laws(6)
        value = gaussian.kl_mvn(m, c, m, c)
        assert value == 0
        assert not np.signbit(value)

    def test_the_posterior_of_the_course_is_as_far_as_it_says(self):
        prior, posterior = ([0], [[1]]), ([1], [[0.5]])
        assert gaussian.kl_mvn(*prior, *posterior) == pytest.approx(1.153426, abs=5e-7)
        assert gaussian.kl_mvn(*posterior, *prior) == pytest.approx(0.596574, abs=5e-7)

    @quick
    @given(st.integers(0, 10**6), st.integers(1, 4))
    def test_does_not_depend_on_the_coordinates(self, seed, d):
        m0, c0, m1, c1 = laws(d, seed=seed)
        a = np.random.default_rng(seed).standard_normal((d, d)) + 3 * np.eye(d)
        turned = (a @ m0, a @ c0 @ a.T, a @ m1, a @ c1 @ a.T)
        value = gaussian.kl_mvn(m0, c0, m1, c1)
        assert value > 0
        assert gaussian.kl_mvn(*turned) == pytest.approx(value, rel=1e-6)

    def test_a_batch_is_its_members_one_by_one(self):
        m0, c0, m1, c1 = laws(3, n=5)
        values = gaussian.kl_mvn(m0[:, None], c0[:, None], m1, c1)
        assert values.shape == (5, 5)
        single = [[gaussian.kl_mvn(m0[i], c0[i], m1[j], c1[j]) for j in range(5)] for i in range(5)]
        assert np.allclose(values, single, rtol=1e-13, atol=0)
        assert type(gaussian.kl_mvn(m0[0], c0[0], m1[0], c1[0])) is np.float64

    def test_one_covariance_serves_many_means_and_the_base_is_the_unit(self):
        values = gaussian.kl_mvn(np.arange(6.0).reshape(3, 2), np.eye(2), [0, 0], np.eye(2), base=2)
        assert np.allclose(values, np.array([0.5, 6.5, 20.5]) / math.log(2), rtol=1e-14)

    def test_rounding_in_the_symmetry_is_averaged_and_nothing_is_changed(self):
        m0, c0, m1, c1 = laws(3)
        skew = c1.copy()
        skew[0, 1] *= 1 + 1e-10
        kept = skew.copy()
        mean = (skew + skew.T) / 2
        assert gaussian.kl_mvn(m0, c0, m1, skew) == gaussian.kl_mvn(m0, c0, m1, mean)
        assert gaussian.kl_mvn(m0, c0, m1, mean) != gaussian.kl_mvn(m0, c0, m1, c1)
        assert np.array_equal(skew, kept)


class TestPairwiseKLMvn:
    @pytest.mark.parametrize("move", [0, 1e6])
    @pytest.mark.parametrize("spread", [0, 12])
    def test_is_the_matrix_of_all_pairs_wherever_the_laws_lie(self, move, spread):
        m0, c0, m1, c1 = laws(4, n=6)
        stretch = np.exp(spread * np.random.default_rng(0).standard_normal(4))
        m0, m1 = ((m + move) * stretch for m in (m0, m1))
        c0, c1 = (c * np.outer(stretch, stretch) for c in (c0, c1))
        single = gaussian.kl_mvn(m0[:, None], c0[:, None], m1, c1)
        assert np.allclose(gaussian.pairwise_kl_mvn(m0, c0, m1, c1), single, rtol=1e-10, atol=0)

    def test_nearly_equal_and_ill_conditioned_pairs_are_as_right_as_single_calls(self):
        m, c, *_ = laws(3, n=5)
        m[1], c[1] = m[0] + 1e-7, c[0] * (1 + 1e-7)
        m[4], c[4] = m[0] - 1e-4, c[0] * (1 - 1e-4)
        m[3], c[3] = m[2], c[2] + 1e9 * np.ones((3, 3))
        value = gaussian.pairwise_kl_mvn(m, c, base=2)
        single = gaussian.kl_mvn(m[:, None], c[:, None], m, c, base=2)
        assert np.allclose(value, single, rtol=1e-10, atol=0)
        assert 0 < value[0, 1] < 1e-12
        assert not np.diag(value).any()

    def test_laws_too_different_for_one_unit_are_computed_one_by_one(self):
        m, c = np.zeros((3, 1)), np.array([1e-300, 1.0, 1e300]).reshape(3, 1, 1)
        value = gaussian.pairwise_kl_mvn(m, c)
        single = gaussian.kl_mvn(m[:, None], c[:, None], m, c)
        assert single[2, 0] == math.inf
        assert np.allclose(value, single, rtol=1e-14, atol=0)

    @pytest.mark.parametrize(("n", "spread"), [(1500, 1.0), (300, 1e-9)])
    def test_needs_ten_mib_beyond_the_matrix_also_for_nearly_equal_laws(self, n, spread):
        m, c, *_ = laws(4, n=n)
        m, c = m[0] + spread * m, c[0] + spread * c
        tracemalloc.start()
        matrix = gaussian.pairwise_kl_mvn(m, c)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak - matrix.nbytes < 10 * 2**20 < n * n * 4 * 4 * 8
        last = gaussian.kl_mvn(m[-1], c[-1], m, c)
        assert np.allclose(matrix[-1], last, rtol=1e-9, atol=0)

    def test_neighbours_in_clusters_far_apart_keep_their_digits(self):
        m = np.array([[-1e4, 0.0], [-1e4 + 0.05, 0.0], [1e4, 0.0], [1e4, 0.05]])
        c = np.array([np.eye(2)] * 4)
        value = gaussian.pairwise_kl_mvn(m, c)
        assert value[0, 1] == pytest.approx(0.05**2 / 2, rel=1e-9)
        assert value[2, 3] == pytest.approx(0.05**2 / 2, rel=1e-15)
        assert np.allclose(value, gaussian.kl_mvn(m[:, None], c[:, None], m, c), rtol=1e-15)

    def test_no_laws_give_no_values(self):
        empty = np.empty((0, 2)), np.empty((0, 2, 2))
        assert gaussian.pairwise_kl_mvn(*empty).shape == (0, 0)
        assert gaussian.pairwise_kl_mvn(*empty, [[0, 0]], [np.eye(2)]).shape == (0, 1)

    def test_faults_are_named(self):
        m, c, *_ = laws(2, n=3)
        with pytest.raises(ValueError, match=r"means0 must have the shape .*got \(2,\) and \(2, 2"):
            gaussian.pairwise_kl_mvn(m[0], c[0])
        with pytest.raises(ValueError, match="means1 and covs1 must be given both or not at all"):
            gaussian.pairwise_kl_mvn(m, c, m)
        with pytest.raises(ValueError, match="means0 has 2 and means1 has 1"):
            gaussian.pairwise_kl_mvn(m, c, [[0]], [[[1]]])
        with pytest.raises(ValueError, match=r"covs1\[2\] is not positive definite"):
            gaussian.pairwise_kl_mvn(
                m, c, m, c - 9 * np.eye(2) * (np.arange(3) == 2)[:, None, None]
            )
        with pytest.raises(ValueError, match="base must be"):
            gaussian.pairwise_kl_mvn(m, c, base=1)


def exact_w2_squared(*four):
    """The textbook formula, with roots of matrices by eigenvalues in mpmath."""
    m0, c0, m1, c1 = exact_mvn(*four)
    values, vectors = mpmath.eigsy(c0)
    root = vectors * mpmath.diag([mpmath.sqrt(v) for v in values]) * vectors.T
    cross = mpmath.fsum(mpmath.sqrt(v) for v in mpmath.eigsy(root * c1 * root, eigvals_only=True))
    traces = mpmath.fsum(c0[i, i] + c1[i, i] for i in range(c0.rows))
    return mpmath.norm(m0 - m1) ** 2 + traces - 2 * cross


class TestW2:
    @pytest.mark.parametrize("four", [(0, 1, 2, 3), (1, 0.5, 1, 2), (-1, 2, 4, 2)])
    def test_of_normals_is_the_distance_of_quantile_functions(self, four):
        p, q = stats.norm(*four[:2]), stats.norm(*four[2:])
        square = integral(lambda u: (p.ppf(u) - q.ppf(u)) ** 2, 0, 1)
        assert gaussian.w2_normal(*four) == pytest.approx(math.sqrt(square), rel=1e-8)

    def test_of_normals_neither_overflows_nor_vanishes(self):
        assert gaussian.w2_normal(3e200, 5e200, 0, 1e200) == pytest.approx(5e200)
        assert gaussian.w2_normal(0, 1, 3e-200, 1) == 3e-200
        assert gaussian.w2_mvn([3e200], [[1]], [0], [[1]]) == 3e200

    @pytest.mark.parametrize("d", [1, 2, 5])
    def test_is_the_textbook_formula_in_fifty_digits(self, d):
        with mpmath.workdps(50):
            reference = mpmath.sqrt(exact_w2_squared(*laws(d)))
            assert error(gaussian.w2_mvn(*laws(d)), reference) < 1e-13

    @pytest.mark.parametrize("step", [1e-3, 1e-6, 1e-9])
    def test_nearly_equal_laws_keep_digits_that_the_difference_of_traces_loses(self, step):
        with mpmath.workdps(50):
            reference = mpmath.sqrt(exact_w2_squared(*near(3, step)))
            assert error(gaussian.w2_mvn(*near(3, step)), reference) < 1e-14 / step

    def test_agrees_with_the_roots_of_scipy(self):
        from scipy.linalg import sqrtm

        m0, c0, m1, c1 = laws(4, seed=3)
        root = sqrtm(c0)
        square = np.sum((m0 - m1) ** 2) + np.trace(c0 + c1 - 2 * sqrtm(root @ c1 @ root).real)
        assert gaussian.w2_mvn(m0, c0, m1, c1) == pytest.approx(math.sqrt(square), rel=1e-10)

    def test_of_laws_with_common_axes_is_the_distance_of_means_and_deviations(self):
        a, b = np.array([1.0, 2, 3]), np.array([3.0, 2, 0.5])
        value = gaussian.w2_mvn([0, 0, 0], np.diag(a**2), [1, 1, 1], np.diag(b**2))
        assert value == pytest.approx(math.sqrt(3 + ((a - b) ** 2).sum()), rel=1e-14)

    def test_of_equal_laws_is_zero(self):
        m, c, *_ = laws(6)
        assert gaussian.w2_mvn(m, c, m, c) == 0
        assert gaussian.w2_normal(1, 2, 1, 2) == 0

    @quick
    @given(st.integers(0, 10**6), st.integers(1, 4))
    def test_is_a_metric_that_scales_with_the_unit_of_length(self, seed, d):
        m0, c0, m1, c1 = laws(d, seed=seed)
        m2, c2, *_ = laws(d, seed=seed + 5)
        there = gaussian.w2_mvn(m0, c0, m1, c1)
        assert there == pytest.approx(gaussian.w2_mvn(m1, c1, m0, c0), rel=1e-9)
        around = gaussian.w2_mvn(m0, c0, m2, c2) + gaussian.w2_mvn(m2, c2, m1, c1)
        assert there <= around * (1 + 1e-12)
        scaled = gaussian.w2_mvn(3 * m0, 9 * c0, 3 * m1, 9 * c1)
        assert scaled == pytest.approx(3 * there, rel=1e-9)

    def test_a_batch_is_its_members_one_by_one(self):
        four = laws(3, n=4)
        single = [gaussian.w2_mvn(*(x[i] for x in four)) for i in range(4)]
        assert np.allclose(gaussian.w2_mvn(*four), single, rtol=1e-12)


class TestHellingerMvn:
    def test_of_two_unit_normals_one_apart_is_the_value_of_the_course(self):
        value = gaussian.hellinger_mvn([0], [[1]], [1], [[1]]) ** 2
        assert value == pytest.approx(0.117503097415, abs=5e-13)

    @pytest.mark.parametrize("four", [(0, 1, 0, 3), (1, 0.5, -1, 2)])
    def test_is_the_integral_of_its_definition(self, four):
        p, q = stats.norm(*four[:2]), stats.norm(*four[2:])
        square = integral(lambda x: (math.sqrt(p.pdf(x)) - math.sqrt(q.pdf(x))) ** 2, -40, 40) / 2
        m0, s0, m1, s1 = four
        value = gaussian.hellinger_mvn([m0], [[s0**2]], [m1], [[s1**2]])
        assert value == pytest.approx(math.sqrt(square), rel=1e-9)

    @pytest.mark.parametrize("step", [1, 1e-3, 1e-6])
    def test_has_its_digits_at_every_scale(self, step):
        four = laws(4) if step == 1 else near(4, step)
        with mpmath.workdps(60):
            half = exact_renyi_mvn(*four, order=0.5)
            reference = mpmath.sqrt(-mpmath.expm1(-half / 2))
            assert error(gaussian.hellinger_mvn(*four), reference) < 1e-14 / step

    def test_of_laws_far_apart_is_one_and_of_equal_laws_zero(self):
        assert gaussian.hellinger_mvn([0], [[1]], [100], [[1]]) == 1
        m, c, *_ = laws(5)
        assert gaussian.hellinger_mvn(m, c, m, c) == 0

    def test_a_batch_is_its_members_one_by_one(self):
        four = laws(3, n=4)
        single = [gaussian.hellinger_mvn(*(x[i] for x in four)) for i in range(4)]
        assert np.allclose(gaussian.hellinger_mvn(*four), single, rtol=1e-12)


class TestRenyiMvn:
    @pytest.mark.parametrize("order", [0.01, 0.3, 0.5, 0.999, 1.001, 1.5])
    @pytest.mark.parametrize("d", [1, 3])
    def test_is_the_textbook_formula_in_sixty_digits(self, order, d):
        m0, c0, m1, c1 = laws(d)
        c1 = c1 + 5 * np.eye(d)
        with mpmath.workdps(60):
            for four in ((m0, c0, m1, c1), (m0, c0 / 1e8, m1, c1), near(d, 1e-3)):
                value = gaussian.renyi_mvn(*four, order=order)
                assert error(value, exact_renyi_mvn(*four, order=order)) < 1e-10

    @pytest.mark.parametrize("order", [0.5, 2])
    def test_is_the_integral_of_its_definition(self, order):
        p, q = stats.norm(0, 1), stats.norm(1, 2)
        total = integral(
            lambda x: math.exp(order * p.logpdf(x) + (1 - order) * q.logpdf(x)), -30, 30
        )
        value = gaussian.renyi_mvn([0], [[1]], [1], [[4]], order=order)
        assert value == pytest.approx(math.log(total) / (order - 1), rel=1e-9)

    def test_of_order_one_is_the_kl_divergence_and_of_order_zero_nothing(self):
        four = laws(3)
        assert gaussian.renyi_mvn(*four, order=1) == gaussian.kl_mvn(*four)
        beside = gaussian.renyi_mvn(*four, order=1 - 1e-9)
        assert beside == pytest.approx(gaussian.kl_mvn(*four), rel=1e-7)
        assert gaussian.renyi_mvn(*four, order=0) == 0

    def test_is_infinite_where_the_mixed_covariance_is_not_positive_definite(self):
        assert gaussian.renyi_mvn([0], [[2]], [0], [[1]], order=2) == math.inf
        assert gaussian.renyi_mvn([0], [[1.99]], [0], [[1]], order=2) < math.inf

    @quick
    @given(st.integers(0, 10**6), st.floats(0, 5), st.floats(0, 5))
    def test_grows_with_the_order(self, seed, one, other):
        low, high = sorted((one, other))
        four = laws(2, seed=seed)
        lower, higher = (gaussian.renyi_mvn(*four, order=order) for order in (low, high))
        assert 0 <= lower <= higher * (1 + 1e-9) + 1e-12

    def test_a_batch_is_its_members_one_by_one_in_any_unit(self):
        four = laws(3, n=4)
        bits = gaussian.renyi_mvn(*four, order=0.7, base=2)
        single = [gaussian.renyi_mvn(*(x[i] for x in four), order=0.7) for i in range(4)]
        assert np.allclose(bits, np.array(single) / math.log(2), rtol=1e-12)

    @pytest.mark.parametrize("order", [-0.1, -math.inf, math.nan, "2", None])
    def test_an_order_below_zero_or_none_at_all_is_refused(self, order):
        with pytest.raises(ValueError, match="order must be a number of at least 0"):
            gaussian.renyi_mvn([0], [[1]], [0], [[1]], order=order)

    @pytest.mark.parametrize("d", [1, 2, 4])
    def test_of_infinite_order_is_the_largest_log_ratio_that_a_search_finds(self, d):
        m0, c0, m1, c1 = laws(d)
        c1 = c0 + c1  # q is wider in all directions
        p, q = stats.multivariate_normal(m0, c0), stats.multivariate_normal(m1, c1)
        found = optimize.minimize(lambda x: q.logpdf(x) - p.logpdf(x), m0, tol=1e-10)
        value = gaussian.renyi_mvn(m0, c0, m1, c1, order=math.inf)
        assert value == pytest.approx(-found.fun, rel=1e-8)
        bits = gaussian.renyi_mvn(m0, c0, m1, c1, order=math.inf, base=2)
        assert bits == pytest.approx(value / math.log(2), rel=1e-14)

    def test_of_large_order_comes_near_to_that_of_infinite_order(self):
        m0, c0, m1, c1 = laws(3)
        four = m0, c0, m1, c0 + c1
        limit = gaussian.renyi_mvn(*four, order=math.inf)
        gaps = [limit - gaussian.renyi_mvn(*four, order=10.0**k) for k in (2, 4, 6)]
        assert gaps[0] > gaps[1] > gaps[2] > 0
        assert gaps[2] < 1e-4

    @pytest.mark.parametrize(
        ("four", "expected"),
        [
            (([0], [[2]], [0], [[1]]), math.inf),
            (([0], [[1]], [1e-9], [[1]]), math.inf),
            (([0], [[1]], [0], [[1]]), 0),
            (([0, 0], [[1, 0], [0, 1]], [0, 0], [[1, 0], [0, 4]]), math.log(2)),
            (([0, 0], [[1, 0], [0, 1]], [1, 0], [[1, 0], [0, 4]]), math.inf),
            (([0, 0], [[1, 0], [0, 1]], [0, 1], [[1, 0], [0, 4]]), math.log(2) + 1 / 6),
        ],
    )
    def test_of_infinite_order_is_finite_only_under_a_covariance_that_dominates(
        self, four, expected
    ):
        value = gaussian.renyi_mvn(*four, order=math.inf)
        assert value == pytest.approx(expected, rel=1e-14)
        assert not np.signbit(value)


class TestMeanField:
    @pytest.mark.parametrize("rho", [0, 0.5, -0.9, 0.999])
    def test_in_the_plane_keeps_the_variances_or_shrinks_them(self, rho):
        cov = [[1, 2 * rho], [2 * rho, 4]]
        forward = gaussian.mean_field_normal(cov, direction="forward")
        assert forward.tolist() == np.diag(cov).tolist()
        reverse = gaussian.mean_field_normal(cov, direction="reverse")
        assert np.allclose(reverse, (1 - rho**2) * forward, rtol=1e-12)

    @pytest.mark.parametrize("direction", ["forward", "reverse"])
    @pytest.mark.parametrize("d", [2, 4])
    def test_is_what_a_search_over_means_and_variances_finds(self, direction, d):
        mean, cov, *_ = laws(d)

        def loss(parameters):
            product = parameters[:d], np.diag(np.exp(parameters[d:]))
            pair = (mean, cov, *product) if direction == "forward" else (*product, mean, cov)
            return gaussian.kl_mvn(*pair)

        found = optimize.minimize(loss, np.zeros(2 * d), tol=1e-9)
        assert np.allclose(found.x[:d], mean, atol=1e-4)
        variances = gaussian.mean_field_normal(cov, direction=direction)
        assert np.allclose(np.exp(found.x[d:]), variances, rtol=1e-4)

    def test_reverse_is_the_variance_given_all_other_coordinates(self):
        _, cov, *_ = laws(4)
        variances = gaussian.mean_field_normal(cov)
        for k in range(4):
            others = np.arange(4) != k
            row = cov[k, others]
            given = cov[k, k] - row @ np.linalg.solve(cov[np.ix_(others, others)], row)
            assert variances[k] == pytest.approx(given, rel=1e-12)
        assert (variances < np.diag(cov)).all()

    @pytest.mark.parametrize("rho", [0.3, -0.9])
    def test_both_are_off_by_the_mutual_information_in_the_plane(self, rho):
        cov, zero = np.array([[1, rho], [rho, 1]]), [0, 0]
        forward, reverse = (
            np.diag(gaussian.mean_field_normal(cov, direction=name))
            for name in ("forward", "reverse")
        )
        information = -math.log1p(-(rho**2)) / 2
        assert gaussian.kl_mvn(zero, cov, zero, forward) == pytest.approx(information, rel=1e-12)
        assert gaussian.kl_mvn(zero, reverse, zero, cov) == pytest.approx(information, rel=1e-12)

    def test_of_a_batch_is_that_of_its_members_and_changes_nothing(self):
        covs = laws(3, n=4)[1]
        for direction in ("forward", "reverse"):
            values = gaussian.mean_field_normal(covs, direction=direction)
            single = [gaussian.mean_field_normal(cov, direction=direction) for cov in covs]
            assert np.allclose(values, single, rtol=1e-14)
            before = covs.copy()
            values[:] = 0
            assert np.array_equal(covs, before)

    def test_another_direction_is_refused(self):
        with pytest.raises(ValueError, match="direction must be 'forward' or 'reverse', got 'js'"):
            gaussian.mean_field_normal(np.eye(2), direction="js")


class TestFaultsOfMultivariateLaws:
    functions = (
        gaussian.kl_mvn,
        gaussian.w2_mvn,
        gaussian.hellinger_mvn,
        lambda *four: gaussian.renyi_mvn(*four, order=2),
    )
    eye = np.eye(2)

    @pytest.mark.parametrize("function", functions)
    @pytest.mark.parametrize(
        ("four", "message"),
        [
            (([0, 0], [[1, 2], [2, 1]], [0, 0], eye), "cov0 is not positive definite.* -1.0"),
            (([0, 0], eye, [0, 0], np.zeros((2, 2))), "cov1 is not positive definite"),
            (
                ([0, 0], [eye, -eye, eye], [0, 0], eye),
                r"cov0\[1\] is not positive definite: its least eigenvalue is -1.0",
            ),
            (([0, 0], [[1, 0.1], [0, 1]], [0, 0], eye), r"cov0\[0, 1\] is 0.1.*symmetric"),
            (([0, 0], eye, [0, math.nan], eye), r"mean1\[1\] is nan"),
            (([0, 0], eye, [0, 0], [[1, 0], [0, math.inf]]), r"cov1\[1, 1\] is inf"),
            (([0, 0], eye, [0, 0, 0], eye), "mean0 has 2, mean1 has 3"),
            (([0, 0], eye, [0, 0], np.eye(3)), "cov1 has 3"),
            ((0, [[1]], [0], [[1]]), "mean0 is the single number 0.0"),
            (([0, 0], [1, 1], [0, 0], eye), r"cov0 of shape \(2,\) holds no square matrices"),
            (([0, 0], eye[:1], [0, 0], eye), r"cov0 of shape \(1, 2\) holds no square"),
            (([], np.empty((0, 0)), [], np.empty((0, 0))), r"cov0 of shape \(0, 0\) holds no"),
            ((np.zeros((3, 2)), eye, np.zeros((2, 2)), eye), r"do not broadcast: mean0: \(3,\)"),
        ],
    )
    def test_are_named(self, function, four, message):
        with pytest.raises(ValueError, match=message):
            function(*four)

    @pytest.mark.parametrize("function", functions)
    def test_what_is_no_real_number_is_refused(self, function):
        with pytest.raises(TypeError, match="cov1 must hold real numbers"):
            function([0], [[1]], [0], [[1j]])
        with pytest.raises(TypeError, match="mean0 has masked entries"):
            function(np.ma.masked_array([0], [True]), [[1]], [0], [[1]])


def exact_gamma(k0, t0, k1, t1):
    k0, t0, k1, t1 = (mpmath.mpf(float(x)) for x in (k0, t0, k1, t1))
    shapes = (k0 - k1) * mpmath.digamma(k0) - mpmath.loggamma(k0) + mpmath.loggamma(k1)
    return shapes + k1 * mpmath.log(t1 / t0) + k0 * (t0 / t1 - 1)


def exact_dirichlet(a, b):
    a, b = ([mpmath.mpf(float(x)) for x in row] for row in (a, b))
    total = mpmath.loggamma(mpmath.fsum(a)) - mpmath.loggamma(mpmath.fsum(b))
    middle = mpmath.digamma(mpmath.fsum(a))
    for x, y in zip(a, b, strict=True):
        total += mpmath.loggamma(y) - mpmath.loggamma(x) + (x - y) * (mpmath.digamma(x) - middle)
    return total


def exact_beta(a0, b0, a1, b1):
    return exact_dirichlet([a0, b0], [a1, b1])


def exact_exponential(t0, t1):
    t0, t1 = mpmath.mpf(float(t0)), mpmath.mpf(float(t1))
    return t0 / t1 - 1 - mpmath.log(t0 / t1)


def exact_poisson(r0, r1):
    r0, r1 = mpmath.mpf(float(r0)), mpmath.mpf(float(r1))
    return r0 * mpmath.log(r0 / r1) - r0 + r1


def exact_laplace(m0, b0, m1, b1):
    m0, b0, m1, b1 = (mpmath.mpf(float(x)) for x in (m0, b0, m1, b1))
    far = abs(m0 - m1)
    return mpmath.log(b1 / b0) + far / b1 + b0 / b1 * mpmath.exp(-far / b0) - 1


def exact_bernoulli(p, q):
    p, q = mpmath.mpf(float(p)), mpmath.mpf(float(q))
    return p * mpmath.log(p / q) + (1 - p) * mpmath.log((1 - p) / (1 - q))


FAMILIES = {
    "kl_gamma": (exact_gamma, (2.5, 0.7, 4.0, 0.3)),
    "kl_beta": (exact_beta, (0.4, 3.0, 2.0, 1.5)),
    "kl_exponential": (exact_exponential, (0.7, 2.0)),
    "kl_poisson": (exact_poisson, (3.5, 1.25)),
    "kl_laplace": (exact_laplace, (0.5, 2.0, -1.0, 0.75)),
    "kl_bernoulli": (exact_bernoulli, (0.3, 0.6)),
}


@pytest.mark.parametrize("name", FAMILIES)
class TestFamilies:
    def test_are_their_formulas_in_sixty_digits(self, name):
        exact, parameters = FAMILIES[name]
        with mpmath.workdps(60):
            assert error(getattr(gaussian, name)(*parameters), exact(*parameters)) < 1e-14

    @pytest.mark.parametrize("step", [0.3, 1e-2, 1e-5, 1e-9, 1e-14])
    def test_keep_their_digits_for_nearly_equal_laws(self, name, step):
        exact, parameters = FAMILIES[name]
        half = len(parameters) // 2
        first = parameters[:half]
        for signs in ((1, 1), (1, -1), (0, 1)):
            moved = [x * (1 + sign * step) for x, sign in zip(first, signs, strict=False)]
            with mpmath.workdps(70):
                value = getattr(gaussian, name)(*first, *moved)
                assert error(value, exact(*first, *moved)) < 2e-14

    @quick
    @given(logs=st.lists(st.floats(-6, 6), min_size=4, max_size=4))
    def test_are_right_over_twelve_orders_of_magnitude(self, name, logs):
        exact, parameters = FAMILIES[name]
        given_ = [10.0**x for x in logs[: len(parameters)]]
        if name == "kl_bernoulli":
            given_ = [x / (1 + x) for x in given_]
        with mpmath.workdps(60):
            value = getattr(gaussian, name)(*given_)
            assert value >= 0
            assert error(value, exact(*given_)) < 1e-11

    @quick
    @given(logs=st.lists(st.floats(-300, 300), min_size=4, max_size=4))
    def test_are_never_negative_and_never_nan(self, name, logs):
        size = len(FAMILIES[name][1])
        values = 10.0 ** np.array(logs[:size])
        values = np.minimum(values, 1) if name == "kl_bernoulli" else values
        assert getattr(gaussian, name)(*values) >= 0
        assert getattr(gaussian, name)(*values[: size // 2], *values[: size // 2]) == 0

    def test_broadcast_have_a_unit_and_change_nothing(self, name):
        _, parameters = FAMILIES[name]
        arrays = [np.full((3, 1) if i % 2 else 2, x) for i, x in enumerate(parameters)]
        function = getattr(gaussian, name)
        values = function(*arrays, base=2)
        assert values.shape == (3, 2)
        assert np.allclose(values, function(*parameters) / math.log(2), rtol=1e-14)
        assert type(function(*parameters)) is np.float64
        assert all((x == y).all() for x, y in zip(arrays, parameters, strict=True))

    def test_name_what_they_refuse(self, name):
        _, parameters = FAMILIES[name]
        function = getattr(gaussian, name)
        for bad in (math.nan, math.inf, -1.0):
            if name == "kl_laplace" and bad == -1:
                continue
            with pytest.raises(ValueError, match=rf"\[1\] is {bad}"):
                function([parameters[0], bad], *parameters[1:])
        with pytest.raises(TypeError, match="must hold real numbers"):
            function(1j, *parameters[1:])
        with pytest.raises(TypeError, match="has masked entries"):
            function(*parameters[:-1], np.ma.masked_array([1.0], [True]))
        with pytest.raises(ValueError, match="do not broadcast"):
            function([parameters[0]] * 3, *parameters[1:-1], [parameters[-1]] * 2)
        with pytest.raises(ValueError, match="base must be"):
            function(*parameters, base=0)


class TestFamiliesByQuadrature:
    def test_gamma(self):
        k0, t0, k1, t1 = FAMILIES["kl_gamma"][1]
        p, q = stats.gamma(k0, scale=t0), stats.gamma(k1, scale=t1)
        value = kl_by_quadrature(p, q, 0, 2, 10, 60)
        assert gaussian.kl_gamma(k0, t0, k1, t1) == pytest.approx(value, rel=1e-9)

    def test_beta(self):
        p, q = stats.beta(1.4, 3), stats.beta(2, 1.5)
        value = kl_by_quadrature(p, q, 0, 0.5, 1)
        assert gaussian.kl_beta(1.4, 3, 2, 1.5) == pytest.approx(value, rel=1e-8)

    def test_exponential(self):
        p, q = stats.expon(scale=0.7), stats.expon(scale=2)
        value = kl_by_quadrature(p, q, 0, 5, 60)
        assert gaussian.kl_exponential(0.7, 2) == pytest.approx(value, rel=1e-9)

    def test_laplace(self):
        p, q = stats.laplace(0.5, 2), stats.laplace(-1, 0.75)
        value = kl_by_quadrature(p, q, -80, -1, 0.5, 80)
        assert gaussian.kl_laplace(0.5, 2, -1, 0.75) == pytest.approx(value, rel=1e-9)

    def test_poisson(self):
        p, q, k = stats.poisson(3.5), stats.poisson(1.25), np.arange(100)
        value = p.pmf(k) @ (p.logpmf(k) - q.logpmf(k))
        assert gaussian.kl_poisson(3.5, 1.25) == pytest.approx(value, rel=1e-12)

    def test_bernoulli(self):
        p, q = np.random.default_rng(0).random((2, 50))
        tables = [np.stack([x, 1 - x], -1) for x in (p, q)]
        assert np.allclose(gaussian.kl_bernoulli(p, q), information.kl_divergence(*tables), 1e-12)

    def test_dirichlet_is_a_chain_of_betas(self):
        a, b = np.array([0.4, 2.0, 5.0]), np.array([1.5, 0.3, 4.0])
        parts = [gaussian.kl_beta(a[i], a[i + 1 :].sum(), b[i], b[i + 1 :].sum()) for i in (0, 1)]
        assert gaussian.kl_dirichlet(a, b) == pytest.approx(sum(parts), rel=1e-13)


class TestParticularLaws:
    def test_the_beta_law_of_the_course_is_not_truncated(self):
        assert gaussian.kl_beta(0.1, 0.2, 1, 1) == pytest.approx(4.9773417, abs=5e-8)
        assert gaussian.kl_beta(0.3, 0.3, 1, 1) == pytest.approx(0.9533, abs=5e-5)
        assert gaussian.kl_beta(0.5, 0.5, 1, 1) == pytest.approx(0.2416, abs=5e-5)

    def test_a_gamma_law_of_shape_one_is_exponential(self):
        t = np.geomspace(1e-3, 1e3, 7)
        assert np.allclose(gaussian.kl_gamma(1, t, 1, 2), gaussian.kl_exponential(t, 2), 1e-14)

    def test_normal_laws_differ_in_scale_as_gamma_laws_of_shape_one_half_do(self):
        sds = np.geomspace(1e-3, 1e3, 7)
        squares = gaussian.kl_gamma(0.5, 2 * sds**2, 0.5, 2)
        assert np.allclose(squares, gaussian.kl_normal(0, sds, 0, 1), rtol=1e-13)

    def test_rates_and_probabilities_at_the_ends(self):
        assert gaussian.kl_poisson(0, [0, 3]).tolist() == [0, 3]
        assert gaussian.kl_poisson(2, 0) == math.inf
        assert gaussian.kl_poisson(1e308, 1e308) == 0
        assert gaussian.kl_bernoulli([0, 1, 0, 1, 0.5], [0, 1, 1, 0, 1]).tolist() == [
            0, 0, math.inf, math.inf, math.inf,
        ]  # fmt: skip
        assert gaussian.kl_bernoulli(1, 5e-324) == pytest.approx(744.4400719213812, rel=1e-15)

    def test_a_dirichlet_law_has_an_axis_and_may_keep_it(self):
        a, b = np.random.default_rng(0).uniform(0.1, 5, (2, 3, 4))
        values = gaussian.kl_dirichlet(a, b)
        with mpmath.workdps(50):
            assert all(
                error(v, exact_dirichlet(*rows)) < 1e-13
                for v, *rows in zip(values, a, b, strict=True)
            )
        assert np.allclose(gaussian.kl_dirichlet(a.T, b.T, axis=0), values, rtol=1e-13)
        assert gaussian.kl_dirichlet(a, b, keepdims=True).shape == (3, 1)
        assert np.allclose(gaussian.kl_dirichlet(a, b[0], base=2)[0], values[0] / math.log(2))
        assert gaussian.kl_dirichlet([3.0], [5.0]) == 0

    @pytest.mark.parametrize("scale", [1e-3, 1, 1e3, 1e8])
    @pytest.mark.parametrize("step", [1, 1e-3, 1e-9])
    def test_dirichlet_laws_with_one_mean_keep_their_digits(self, scale, step):
        a = scale * np.array([0.2, 0.3, 0.5])
        with mpmath.workdps(60):
            reference = exact_dirichlet(a, a * (1 + step))
            assert error(gaussian.kl_dirichlet(a, a * (1 + step)), reference) < 2e-14

    def test_faults_of_dirichlet_laws_are_named(self):
        for bad, message in [
            (([1, 0], [1, 1]), r"alpha0\[1\] is 0.0: a parameter is greater than 0"),
            (([1, 1], [1, 1, 1]), "alpha0 has 2 outcomes, alpha1 has 3 outcomes"),
            ((1, [1, 1]), "alpha0 is the single number"),
            (([], []), r"alpha0 of shape \(0,\) has no outcomes"),
        ]:
            with pytest.raises(ValueError, match=message):
                gaussian.kl_dirichlet(*bad)
        with pytest.raises(ValueError, match="axis=1 does not exist"):
            gaussian.kl_dirichlet([1, 1], [1, 1], axis=1)

    def test_gamma_laws_with_one_mean_and_large_shapes_keep_their_digits(self):
        for shapes in ((21, 130), (130, 21), (40, 4e5), (1e-3, 25)):
            four = (shapes[0], 1, shapes[1], shapes[0] / shapes[1])
            with mpmath.workdps(60):
                assert error(gaussian.kl_gamma(*four), exact_gamma(*four)) < 1e-13

    def test_laplace_laws_too_far_apart_in_scale_are_infinitely_far(self):
        assert gaussian.kl_laplace(0, 1e300, 0, 1e-300) == math.inf
        assert gaussian.kl_laplace(1, 1e-300, 0, 1e300) == pytest.approx(600 * math.log(10) - 1)


def beyond_the_values(function, *arguments):
    """The most memory in MiB that a call holds at a time, less that of the values it returns."""
    tracemalloc.start()
    values = function(*arguments)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return (peak - np.asarray(values).nbytes) / 2**20


def positive(n, *shape):
    return np.full((n, *shape), 0.5, dtype=np.float32)


def normal_laws(n, d=6):
    return [np.zeros((n, d)), np.tile(np.eye(d), (n, 1, 1)), np.ones(d), np.eye(d) * 2]


# Name: the function, its arguments for n items, and a number of items that needs blocks.
BATCHES = {
    "entropy_normal": (gaussian.entropy_normal, lambda n: [positive(n)], 5_000_000),
    "kl_normal": (gaussian.kl_normal, lambda n: [positive(n)] * 4, 1_500_000),
    "w2_normal": (gaussian.w2_normal, lambda n: [positive(n)] * 4, 1_500_000),
    "kl_bernoulli": (gaussian.kl_bernoulli, lambda n: [positive(n)] * 2, 500_000),
    "kl_poisson": (gaussian.kl_poisson, lambda n: [positive(n)] * 2, 1_000_000),
    "kl_exponential": (gaussian.kl_exponential, lambda n: [positive(n)] * 2, 1_000_000),
    "kl_laplace": (gaussian.kl_laplace, lambda n: [positive(n)] * 4, 1_000_000),
    "kl_gamma": (gaussian.kl_gamma, lambda n: [positive(n)] * 4, 150_000),
    "kl_beta": (gaussian.kl_beta, lambda n: [positive(n)] * 4, 80_000),
    "kl_dirichlet": (gaussian.kl_dirichlet, lambda n: [positive(n, 10), positive(10)], 15_000),
    "kl_dirichlet along columns": (
        lambda *a: gaussian.kl_dirichlet(*a, axis=0),
        lambda n: [positive(n, 10).T, positive(10)],
        15_000,
    ),
    "kl_standard_normal": (
        gaussian.kl_standard_normal,
        lambda n: [positive(n, 10), positive(10)],
        500_000,
    ),
    "kl_standard_normal along columns": (
        lambda *a: gaussian.kl_standard_normal(*a, axis=0),
        lambda n: [positive(10, n), positive(10, 1)],
        500_000,
    ),
    "kl_mvn": (gaussian.kl_mvn, normal_laws, 60_000),
    "w2_mvn": (gaussian.w2_mvn, normal_laws, 30_000),
    "hellinger_mvn": (gaussian.hellinger_mvn, normal_laws, 30_000),
    "renyi_mvn": (lambda *a: gaussian.renyi_mvn(*a, order=2), normal_laws, 30_000),
    "mean_field_normal": (gaussian.mean_field_normal, lambda n: [normal_laws(n)[1]], 100_000),
}


class TestMemory:
    @pytest.mark.parametrize("name", BATCHES)
    def test_many_items_need_12_mib_beyond_what_they_return_however_many(self, name):
        function, arguments, number = BATCHES[name]
        limit = 22 if name == "kl_beta" else 12  # it has two parameters an item
        for n in (number // 8, number):
            assert beyond_the_values(function, *arguments(n)) < limit

    @pytest.mark.parametrize("name", BATCHES)
    def test_blocks_change_no_value_beyond_the_order_of_a_sum(self, name, monkeypatch):
        function, arguments, _ = BATCHES[name]
        sizes = np.random.default_rng(0).uniform(0.5, 1, 50)
        given = [
            x * sizes.reshape([50 if n == 50 else 1 for n in x.shape]) if 50 in x.shape else x
            for x in arguments(50)
        ]
        whole = function(*given)
        for entries in (7, 40, 200):
            monkeypatch.setattr(_kernels, "ITEMS", entries)
            assert np.allclose(function(*given), whole, rtol=1e-14, atol=0)

    def test_outer_products_of_laws_are_cut_along_both_axes(self, monkeypatch):
        m, c, *_ = laws(3, n=7)
        given = m[:, None], c[:, None], m[None, :5], c[None, :5]
        whole = gaussian.kl_mvn(*given)
        for entries in (1, 30, 90, 200):
            monkeypatch.setattr(_kernels, "ITEMS", entries)
            assert np.array_equal(gaussian.kl_mvn(*given), whole)
            with workers(2):
                assert np.array_equal(gaussian.kl_mvn(*given), whole)

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda x: gaussian.kl_normal(0.0, 1.0, 0.0, x), r"sd1\[2, 35000\] is -1\.0"),
            (lambda x: gaussian.kl_dirichlet(x, x, axis=0), r"alpha0\[2, 35000\] is -1\.0"),
            (
                lambda x: gaussian.kl_standard_normal(np.log(x), x, axis=0),
                r"mean\[2, 35000\] is nan",
            ),
            (lambda x: gaussian.kl_bernoulli(0.5, x), r"q\[2, 35000\] is -1\.0"),
            (
                lambda x: gaussian.kl_mvn([0], x[..., None, None], [0], [[1]]),
                r"cov0\[2, 35000\] is not positive definite",
            ),
        ],
    )
    def test_a_fault_in_a_later_block_is_named_by_its_place_in_the_whole(self, call, message):
        x = np.ones((3, 40_000))
        x[2, 35_000] = -1
        with np.errstate(invalid="ignore"), pytest.raises(ValueError, match=message):
            call(x)
