"""Transport against scipy, POT, linear programmes and 50 digits, and what it refuses."""

import math
import os
import tracemalloc
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from divkit import transport

for backend in ("TENSORFLOW", "PYTORCH", "JAX", "CUPY"):
    os.environ.setdefault(f"POT_BACKEND_DISABLE_{backend}", "1")  # POT imports them all: seconds
ot = transport._pot()

quick = settings(max_examples=40, derandomize=True, deadline=None, database=None)
numbers = st.integers(-1000, 1000).map(lambda k: k / 8)
samples = st.lists(numbers, min_size=1, max_size=8)
orders = st.sampled_from([1, 1.5, 2, 3, 7, math.inf])
P1, P2 = [0.1, 0.2, 0.7], [0.8, 0.1, 0.1]


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def exact_w(u, v, order, u_weights=None, v_weights=None):
    """W from its definition: quantile functions of exact rational weights, in 50 digits."""
    with mpmath.workdps(50):
        laws = []
        for x, w in ((u, u_weights), (v, v_weights)):
            w = [mpmath.mpf(float(a)) for a in (w if w is not None else [1] * len(x))]
            pairs = sorted(zip(map(float, x), w, strict=True))
            laws.append([(mpmath.mpf(a), b / mpmath.fsum(w)) for a, b in pairs])
        total, largest = mpmath.mpf(0), mpmath.mpf(0)
        (i, j), left = (0, 0), [laws[0][0][1], laws[1][0][1]]
        while True:
            gap, mass = abs(laws[0][i][0] - laws[1][j][0]), min(left)
            if mass > mpmath.mpf(10) ** -40:
                largest = max(largest, gap)
                if order != math.inf:
                    total += mass * gap**order
            left = [a - mass for a in left]
            if left[0] < mpmath.mpf(10) ** -40:
                i += 1
                if i == len(laws[0]):
                    break
                left[0] = laws[0][i][1]
            if left[1] < mpmath.mpf(10) ** -40:
                j += 1
                if j == len(laws[1]):
                    break
                left[1] = laws[1][j][1]
        return float(largest if order == math.inf else total ** (mpmath.mpf(1) / order))


class TestWasserstein1d:
    @pytest.mark.parametrize("sizes", [(7, 7), (6, 4), (5, 9), (1, 8)])
    @pytest.mark.parametrize("order", [1, 1.5, 2, 5, 60, math.inf])
    def test_is_its_definition_in_fifty_digits(self, sizes, order):
        u, v = random(sizes[0]), random(sizes[1], seed=1)
        a, b = (np.random.default_rng(2).integers(1, 6, n) for n in sizes)
        assert transport.wasserstein_1d(u, v, order=order) == pytest.approx(
            exact_w(u, v, order), rel=1e-13
        )
        weighted = transport.wasserstein_1d(u, v, order=order, u_weights=a, v_weights=b)
        assert weighted == pytest.approx(exact_w(u, v, order, a, b), rel=1e-13)

    def test_of_order_one_is_scipys_row_by_row(self):
        u, v, w = random(20, 30), random(20, 30, seed=1), random(20, 17, seed=2)
        for other in (v, w):
            expected = [stats.wasserstein_distance(*pair) for pair in zip(u, other, strict=True)]
            assert np.allclose(transport.wasserstein_1d(u, other), expected, rtol=1e-13)

    def test_of_a_plan_by_assignment_is_the_same(self):
        u, v = random(40), random(40, seed=1)
        plan = ot.lp.emd(np.ones(40) / 40, np.ones(40) / 40, abs(u[:, None] - v) ** 3)
        cost = (plan * abs(u[:, None] - v) ** 3).sum() ** (1 / 3)
        assert transport.wasserstein_1d(u, v, order=3) == pytest.approx(cost, rel=1e-12)

    def test_is_the_root_where_pot_returns_the_power(self):
        u, v = random(9), random(9, seed=1)
        root = transport.wasserstein_1d(u, v, order=2)
        assert ot.wasserstein_1d(u, v, p=2) == pytest.approx(root**2, rel=1e-12)
        assert ot.emd2_1d(u, v) == pytest.approx(root**2, rel=1e-12)  # squared unless told

    def test_of_point_masses_is_their_distance(self):
        for t in (0.0, 1e-6, 0.5, 1.0, 4.0, 9.0):
            assert transport.wasserstein_1d([0], [t]) == t
            assert transport.wasserstein_1d([-t], [0], order=math.inf) == t

    def test_of_the_course_samples_are_places_not_weights(self):
        assert transport.wasserstein_1d(P1, P2) == pytest.approx(0.0666667, abs=5e-8)

    def test_uniform_weights_are_no_weights(self):
        u, v = random(4, 12), random(4, 15, seed=1)
        for order in (1, 2, math.inf):
            plain = transport.wasserstein_1d(u, v, order=order)
            weighted = transport.wasserstein_1d(u, v, order=order, v_weights=np.full(15, 1 / 15))
            assert np.allclose(plain, weighted, rtol=1e-12)

    @pytest.mark.parametrize("order", [1, 2, 10, 50, math.inf])
    def test_rounding_of_cumulative_weights_is_not_amplified(self, order):
        """Ten weights of 0.1 against 0.3 and 0.7 of the same law: W_50 was .47 and W_inf 1."""
        u, v = [0] * 3 + [1] * 7, [0, 1]
        value = transport.wasserstein_1d(
            u, v, order=order, u_weights=[0.1] * 10, v_weights=[0.3, 0.7]
        )
        assert value == pytest.approx(0, abs=1e-15)

    @pytest.mark.parametrize("order", [2, 8, math.inf])
    def test_a_tiny_weight_of_one_law_is_no_rounding(self, order):
        u = {"u": [0, 1000], "u_weights": [1 - 2.0**-43, 2.0**-43]}
        expected = 1000 * 2.0 ** (-43 / order)
        assert transport.wasserstein_1d(**u, v=[0], order=order) == pytest.approx(expected)
        mirrored = transport.wasserstein_1d([0], u["u"], v_weights=u["u_weights"], order=order)
        assert mirrored == pytest.approx(expected)

    def test_samples_of_weight_zero_do_not_count(self):
        for order in (1, 2, math.inf):
            value = transport.wasserstein_1d(
                [0, 5, 1], [1, 0, -9], u_weights=[1, 0, 1], v_weights=[2, 2, 0], order=order
            )
            assert value == 0

    @pytest.mark.parametrize("order", [1, 2, 300, math.inf])
    @pytest.mark.parametrize("size", [5e-324, 1e-300, 1.0, 1e300])
    def test_powers_neither_overflow_nor_vanish(self, size, order):
        for weights in (None, [1, 1]):
            value = transport.wasserstein_1d(
                [-size, -size], [size, size], order=order, u_weights=weights
            )
            assert value == 2 * size

    def test_sums_of_the_largest_floats_do_not_overflow(self):
        assert transport.wasserstein_1d([1.7e308] * 3, [0.2e308] * 3) == pytest.approx(1.5e308)
        assert transport.wasserstein_1d([1.7e308], [-1.7e308, 1.7e308]) == pytest.approx(1.7e308)

    def test_single_precision_is_sorted_in_single_precision(self):
        u, v = (random(5, 33, seed=s).astype(np.float32) for s in (0, 1))
        value = transport.wasserstein_1d(u, v)
        double = transport.wasserstein_1d(u.astype(float), v.astype(float))
        assert value.dtype == np.float64
        assert np.array_equal(value, double)

    def test_rows_broadcast_and_the_axis_may_be_chosen(self):
        u, v = random(3, 1, 8), random(4, 8, seed=1)
        w = np.random.default_rng(0).random(8)
        for options in ({}, {"u_weights": w}, {"u_weights": w, "order": 2}):
            values = transport.wasserstein_1d(u, v, **options)
            assert values.shape == (3, 4)
            for i, j in np.ndindex(3, 4):
                alone = transport.wasserstein_1d(u[i, 0], v[j], **options)
                assert values[i, j] == pytest.approx(alone, rel=1e-14)
        assert np.array_equal(
            transport.wasserstein_1d(u[:, 0].T, u[:, 0].T[:5], axis=0),
            transport.wasserstein_1d(u[:, 0], u[:, 0, :5]),
        )
        assert type(transport.wasserstein_1d(u[0, 0], v[0])) is np.float64
        assert transport.wasserstein_1d(np.empty((0, 4)), np.empty((0, 5))).shape == (0,)

    def test_blocks_of_rows_and_long_rows_agree_with_one_row_at_a_time(self):
        u, v = random(300, 700), random(300, 501, seed=1)
        for other in (v, v[0], u[::-1]):
            values = transport.wasserstein_1d(u, other)
            rows = np.broadcast_to(other, (300, other.shape[-1]))
            alone = [transport.wasserstein_1d(u[i], rows[i]) for i in (0, 77, 299)]
            assert np.allclose(values[[0, 77, 299]], alone, rtol=1e-14)
        long = random(70_001), random(70_000, seed=1)
        expected = stats.wasserstein_distance(*long)
        assert transport.wasserstein_1d(*long) == pytest.approx(expected, rel=1e-12)

    def test_the_arguments_are_left_as_they_are(self):
        u, v, w = random(3, 6), random(6, seed=1), np.ones(6)
        copies = [a.copy() for a in (u, v, w)]
        for order in (1, 2, math.inf):
            transport.wasserstein_1d(u, v, order=order)
            transport.wasserstein_1d(u, v, order=order, u_weights=w)
        transport.energy_distance(u, v, u_weights=w)
        assert all(np.array_equal(a, b) for a, b in zip((u, v, w), copies, strict=True))

    @quick
    @given(samples, samples, samples, orders)
    def test_is_a_metric(self, u, v, w, order):
        uv, vw, uw = (
            transport.wasserstein_1d(a, b, order=order) for a, b in ((u, v), (v, w), (u, w))
        )
        assert uv == transport.wasserstein_1d(v, u, order=order) >= 0
        assert uw <= (uv + vw) * (1 + 1e-12)
        assert transport.wasserstein_1d(u, u[::-1], order=order) == 0
        assert (uv == 0) == (stats.wasserstein_distance(u, v) < 1e-9)

    @quick
    @given(samples, samples)
    def test_grows_with_the_order(self, u, v):
        values = [transport.wasserstein_1d(u, v, order=p) for p in (1, 1.5, 2, 9, math.inf)]
        assert all(a <= b * (1 + 1e-12) for a, b in pairwise(values))

    @quick
    @given(samples, samples, orders, numbers, numbers)
    def test_ignores_translations_and_scales_with_the_unit(self, u, v, order, shift, factor):
        u, v = np.array(u), np.array(v)
        value = transport.wasserstein_1d(u, v, order=order)
        moved = transport.wasserstein_1d(u + shift, v + shift, order=order)
        assert moved == pytest.approx(value, rel=1e-12)
        scaled = transport.wasserstein_1d(factor * u, factor * v, order=order)
        assert scaled == pytest.approx(abs(factor) * value, rel=1e-12)
        assert transport.wasserstein_1d(u, u + shift, order=order) == pytest.approx(abs(shift))

    @quick
    @given(samples, samples, orders, st.data())
    def test_with_weights_is_that_of_repeated_samples(self, u, v, order, data):
        counts = [
            data.draw(st.lists(st.integers(1, 4), min_size=len(x), max_size=len(x))) for x in (u, v)
        ]
        repeated = transport.wasserstein_1d(
            np.repeat(u, counts[0]), np.repeat(v, counts[1]), order=order
        )
        value = transport.wasserstein_1d(
            u, v, u_weights=counts[0], v_weights=counts[1], order=order
        )
        assert value == pytest.approx(repeated, rel=1e-11)

    def test_many_rows_need_no_more_than_32_mib_beyond_input_and_output(self):
        u, v, w = random(6000, 784), random(6000, 784, seed=1), random(500, seed=2)
        calls = [
            lambda: transport.wasserstein_1d(u, v),
            lambda: transport.wasserstein_1d(u, w, order=2),
            lambda: transport.wasserstein_1d(u[:600], v[:600], u_weights=abs(v[:600]), order=2),
            lambda: transport.wasserstein_1d(u.T, v.T, axis=0),
        ]
        for call in calls:
            tracemalloc.start()
            call()
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 32 * 2**20

    def test_one_long_row_needs_as_much_as_the_input_and_with_weights_four_times(self):
        u, v, a, b = random(4, 200_000)
        weights = {"u_weights": abs(a), "v_weights": abs(b)}
        for options, limit in (
            ({}, 2),
            ({"order": 2}, 2),
            (weights, 16),
            ({**weights, "order": 2}, 16),
        ):
            tracemalloc.start()
            transport.wasserstein_1d(u, v, **options)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < limit * u.nbytes + 2**16, options


class TestEnergyDistance:
    def test_is_scipys_also_with_weights(self):
        u, v, a, b = random(9), random(12, seed=1), abs(random(9, seed=2)), abs(random(12, seed=3))
        assert transport.energy_distance(u, v) == pytest.approx(stats.energy_distance(u, v))
        expected = stats.energy_distance(u, v, a, b)
        value = transport.energy_distance(u, v, u_weights=a, v_weights=b)
        assert value == pytest.approx(expected, rel=1e-12)

    def test_is_the_root_of_mean_distances(self):
        u, v = random(2, 7)
        uv, uu, vv = (abs(a[:, None] - b).mean() for a, b in ((u, v), (u, u), (v, v)))
        expected = math.sqrt(2 * uv - uu - vv)
        assert transport.energy_distance(u, v) == pytest.approx(expected, rel=1e-12)

    @quick
    @given(samples, samples, samples)
    def test_is_a_metric(self, u, v, w):
        uv, vw, uw = (transport.energy_distance(a, b) for a, b in ((u, v), (v, w), (u, w)))
        assert uw <= uv + vw + 1e-12
        assert uv == transport.energy_distance(v, u) >= 0
        assert transport.energy_distance(u, u[::-1]) == 0

    def test_large_places_do_not_overflow(self):
        assert transport.energy_distance([1e308], [-1e308 / 2]) == pytest.approx(
            math.sqrt(2) * math.sqrt(1.5e308)
        )


class TestWassersteinPmf:
    def test_of_the_course_is_one_point_three(self):
        assert transport.wasserstein_pmf(P1, P2) == pytest.approx(1.3, rel=1e-15)

    def test_scipy_given_pmfs_alone_compares_their_values_as_places(self):
        assert stats.wasserstein_distance([0, 0.5, 0.5], [0.5, 0.5, 0]) == 0
        assert transport.wasserstein_pmf([0, 0.5, 0.5], [0.5, 0.5, 0]) == 1

    @pytest.mark.parametrize("order", [1, 1.5, 2, 40, math.inf])
    def test_is_that_of_weighted_places_and_its_definition(self, order):
        rng = np.random.default_rng(0)
        p, q, x = rng.dirichlet(np.ones(11)), rng.dirichlet(np.ones(11)), rng.random(11).cumsum()
        value = transport.wasserstein_pmf(p, q, x, order=order)
        weighted = transport.wasserstein_1d(x, x, u_weights=p, v_weights=q, order=order)
        assert value == pytest.approx(weighted, rel=1e-12)
        assert value == pytest.approx(exact_w(x, x, order, p, q), rel=1e-12)

    def test_is_scipys_row_by_row(self):
        rng = np.random.default_rng(1)
        p, q = rng.dirichlet(np.ones(30), 50), rng.dirichlet(np.ones(30), 50)
        x = rng.random(30).cumsum()
        expected = [stats.wasserstein_distance(x, x, *pq) for pq in zip(p, q, strict=True)]
        assert np.allclose(transport.wasserstein_pmf(p, q, x), expected, rtol=1e-12)

    def test_places_in_any_order_are_sorted_with_their_weights(self):
        rng = np.random.default_rng(2)
        p, q, x = rng.dirichlet(np.ones(9)), rng.dirichlet(np.ones(9)), rng.random(9)
        by_x = x.argsort()
        for order in (1, 3):
            value = transport.wasserstein_pmf(p, q, x, order=order)
            assert value == transport.wasserstein_pmf(p[by_x], q[by_x], x[by_x], order=order)

    def test_counts_rows_and_axes_follow_the_conventions(self):
        p, q = [[1, 2, 1], [0, 0, 4]], [3, 0, 1]
        values = transport.wasserstein_pmf(p, q, normalize=True, keepdims=True)
        assert values.tolist() == [[0.5], [1.5]]
        turned = transport.wasserstein_pmf(
            np.transpose(p), np.array(q)[:, None], axis=0, normalize=True
        )
        assert turned.tolist() == [0.5, 1.5]
        assert type(transport.wasserstein_pmf(P1, P2)) is np.float64
        assert transport.wasserstein_pmf([1.0], [1.0]) == 0

    @pytest.mark.parametrize("order", [1, 50, math.inf])
    def test_equal_laws_are_zero_apart_without_a_sign(self, order):
        p = np.random.default_rng(3).dirichlet(np.ones(50))
        value = transport.wasserstein_pmf(p, p, order=order)
        assert value == 0
        assert not np.signbit(value)

    def test_disjoint_point_masses_are_as_far_as_their_places(self):
        eye = np.eye(10)
        assert [transport.wasserstein_pmf(eye[0], eye[k]).item() for k in (1, 5, 9)] == [1, 5, 9]

    def test_many_rows_need_no_more_than_32_mib(self):
        p = np.random.default_rng(0).dirichlet(np.ones(500), 8000)
        for order in (1, 2):
            tracemalloc.start()
            transport.wasserstein_pmf(p, p[::-1], order=order)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 32 * 2**20
