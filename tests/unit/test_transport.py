"""Transport against scipy, POT, linear programmes and 50 digits, and what it refuses."""

import math
import sys
import tracemalloc
import warnings
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats
from scipy.spatial.distance import pdist

from divkit import transport

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

    def test_tiny_weights_of_one_law_are_not_merged_with_one_another(self):
        u, weights = [0] + [1] * 998 + [1000], np.array([1.0] + [2.0**-43] * 999)
        value = transport.wasserstein_1d(u, [0], order=2, u_weights=weights)
        expected = math.sqrt((998 + 1000**2) * 2.0**-43 / weights.sum())
        assert value == pytest.approx(expected, rel=1e-9)

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
        assert transport.wasserstein_1d([8e307] * 10, [0] * 10) == pytest.approx(8e307)
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

    def test_all_pairs_of_rows_are_never_held_at_a_time(self):
        u, p = random(40, 784), np.random.default_rng(1).dirichlet(np.ones(784), 40)
        assert 40 * u.nbytes > 9 * 2**20
        calls = [
            lambda: transport.wasserstein_1d(u[:, None], u[None]),
            lambda: transport.wasserstein_1d(u[:, None], u[None], u_weights=p[:, None]),
            lambda: transport.energy_distance(u[:, None], u[None], v_weights=p[None]),
            lambda: transport.wasserstein_pmf(p[:, None], p[None]),
            lambda: transport.wasserstein_pmf(p[:, None], p[None], order=2),
        ]
        for call in calls:
            tracemalloc.start()
            call()
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 8 * 2**20

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


def problem(n, m, seed=0, zeros=0):
    """Two distributions, some of whose weights may be 0, and costs between points."""
    rng = np.random.default_rng(seed)
    a, b = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
    a[:zeros], b[-zeros or m :] = 0, 0
    x, y = rng.standard_normal((n, 2)), rng.standard_normal((m, 2)) + 1
    cost = np.linalg.norm(x[:, None] - y, axis=-1)
    return a / a.sum(), b / b.sum(), cost


def cheapest(a, b, cost):
    """The minimum of the linear programme, by HiGHS."""
    n, m = cost.shape
    sums = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    return optimize.linprog(cost.ravel(), A_eq=sums, b_eq=np.concatenate([a, b])).fun


problems = st.builds(
    problem, st.integers(2, 6), st.integers(2, 6), st.integers(0, 10**6), st.integers(0, 1)
)


class TestExactPlans:
    def test_the_course_example_costs_one_point_three_and_other_plans_more(self):
        cost = abs(np.subtract.outer(range(3), range(3)))
        plan = transport.transport_plan(P1, P2, cost)
        assert (plan * cost).sum() == pytest.approx(1.3, rel=1e-12)
        assert cheapest(P1, P2, cost) == pytest.approx(1.3, rel=1e-9)
        assert (np.outer(P1, P2) * cost).sum() > 1.3
        f, g = transport.kantorovich_potentials(P1, P2, cost)
        assert P1 @ f + P2 @ g == pytest.approx(1.3, rel=1e-12)

    def test_steeper_prices_bring_in_more(self):
        cost = 4.0 * abs(np.subtract.outer(range(3), range(3)))
        f, g = transport.kantorovich_potentials(P1, P2, cost)
        assert P1 @ f + P2 @ g == pytest.approx(5.2, rel=1e-12)

    @pytest.mark.parametrize("shift", [-3.0, 0.0, 1e6])
    def test_a_constant_added_to_all_costs_is_added_to_the_optimum(self, shift):
        a, b, cost = problem(6, 8, zeros=1)
        expected = cheapest(a, b, cost) + shift
        plan = transport.transport_plan(a, b, cost + shift)
        assert (plan * (cost + shift)).sum() == pytest.approx(expected, rel=1e-9)
        f, g = transport.kantorovich_potentials(a, b, cost + shift)
        assert a @ f + b @ g == pytest.approx(expected, rel=1e-9)
        moved = transport.sinkhorn(a, b, cost + shift, reg=0.1)
        assert moved.value - shift == pytest.approx(
            transport.sinkhorn(a, b, cost, reg=0.1).value, rel=1e-7, abs=1e-8
        )

    def test_the_cost_of_being_elsewhere_is_total_variation(self):
        plan = transport.transport_plan(P1, P2, 1 - np.eye(3))
        assert (plan * (1 - np.eye(3))).sum() == pytest.approx(0.7, rel=1e-12)

    def test_uniform_plans_are_permutations_and_cost_what_pot_finds(self):
        _, _, cost = problem(60, 60)
        uniform = np.full(60, 1 / 60)
        plan = transport.transport_plan(uniform, uniform, cost)
        assert set(np.unique(plan)) == {0, 1 / 60}
        assert (plan * cost).sum() == pytest.approx(ot.emd2(uniform, uniform, cost), rel=1e-12)

    @quick
    @given(problems)
    def test_marginals_fit_and_nothing_is_cheaper(self, given_problem):
        a, b, cost = given_problem
        plan = transport.transport_plan(a, b, cost)
        assert (plan >= 0).all()
        assert np.allclose(plan.sum(1), a, atol=1e-14)
        assert np.allclose(plan.sum(0), b, atol=1e-14)
        assert (plan * cost).sum() == pytest.approx(cheapest(a, b, cost), rel=1e-9, abs=1e-9)

    @quick
    @given(problems, st.booleans(), st.data())
    def test_no_prices_exceed_a_plan_and_the_best_reach_it(self, given_problem, uniform, data):
        a, b, cost = given_problem
        if uniform:
            n = min(cost.shape)
            a, b, cost = np.full(n, 1 / n), np.full(n, 1 / n), cost[:n, :n]
        f, g = transport.kantorovich_potentials(a, b, cost)
        assert (f[:, None] + g <= cost + 1e-12).all()
        best = (transport.transport_plan(a, b, cost) * cost).sum()
        assert a @ f + b @ g == pytest.approx(best, rel=1e-9, abs=1e-12)
        assert b @ g == pytest.approx(0, abs=1e-12)
        other = np.array(data.draw(st.lists(numbers, min_size=len(b), max_size=len(b))))
        assert a @ (cost - other).min(axis=1) + b @ other <= best + 1e-9  # weak duality

    @pytest.mark.parametrize("unit", [2.0**-900, 2.0**900])
    def test_plans_and_prices_do_not_depend_on_the_unit_of_cost(self, unit):
        a, b, cost = problem(5, 7)
        plan = transport.transport_plan(a, b, cost)
        assert np.array_equal(transport.transport_plan(a, b, cost * unit), plan)
        f, g = transport.kantorovich_potentials(a, b, cost * unit)
        assert (f @ a + g @ b) / unit == pytest.approx((plan * cost).sum(), rel=1e-12)

    def test_potentials_of_many_points_reach_the_plan_too(self):
        _, _, cost = problem(300, 300, seed=4)
        a = np.full(300, 1 / 300)
        f, g = transport.kantorovich_potentials(a, a, cost - 5)
        plan = transport.transport_plan(a, a, cost - 5)
        assert a @ f + a @ g == pytest.approx((plan * (cost - 5)).sum(), rel=1e-12)
        assert (f[:, None] + g - cost + 5).max() < 1e-12

    def test_without_pot_the_extra_is_named(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "ot", None)
        with pytest.raises(ImportError, match=r'pip install "divkit\[ot\]"'):
            transport.transport_plan(P1, P2, np.ones((3, 3)))
        assert transport.transport_plan([1], [1], [[2]]).tolist() == [[1]]

    def test_a_solver_that_gives_up_is_an_error(self, monkeypatch):
        solver = lambda a, b, cost, **_: (cost, {"warning": "gave up", "v": b})  # noqa: E731
        monkeypatch.setattr(ot.lp, "emd", solver)
        with pytest.raises(RuntimeError, match="no optimal plan: gave up"):
            transport.transport_plan(P1, P2, np.ones((3, 3)))

    def test_the_map_sends_points_to_means_of_their_images(self):
        a, b, cost = problem(5, 7)
        y = random(7, 3)
        plan = transport.transport_plan(a, b, cost)
        images = transport.barycentric_map(plan, y)
        assert np.allclose(images, [np.average(y, axis=0, weights=row) for row in plan])
        uniform = transport.transport_plan([1 / 7] * 7, [1 / 7] * 7, random(7, 7))
        images = transport.barycentric_map(uniform, y)
        assert sorted(map(tuple, images)) == sorted(map(tuple, y))  # no mass is split


class TestWassersteinNd:
    @pytest.mark.parametrize("n", [1, 12])
    def test_of_order_one_is_scipys(self, n):
        x, y = random(n, 3), random(12, 3, seed=1)
        expected = stats.wasserstein_distance_nd(x, y)
        assert transport.wasserstein_nd(x, y) == pytest.approx(expected, rel=1e-9)
        a, b = abs(random(n, seed=2)), abs(random(12, seed=3))
        expected = stats.wasserstein_distance_nd(x, y, a, b)
        value = transport.wasserstein_nd(x, y, x_weights=a, y_weights=b)
        assert value == pytest.approx(expected, rel=1e-9)

    @quick
    @given(samples, samples, st.sampled_from([1, 1.5, 2, 3]), st.booleans())
    def test_on_a_line_is_that_of_quantiles(self, u, v, order, weighted):
        x, y = np.array(u)[:, None], np.array(v)[:, None]
        a, b = (np.arange(1.0, len(s) + 1) if weighted else None for s in (u, v))
        value = transport.wasserstein_nd(x, y, order=order, x_weights=a, y_weights=b)
        line = transport.wasserstein_1d(u, v, order=order, u_weights=a, v_weights=b)
        assert value == pytest.approx(line, rel=1e-6, abs=1e-6)

    @quick
    @given(st.integers(0, 10**6), st.integers(2, 6), st.floats(-3, 3))
    def test_is_a_metric_that_ignores_motions_and_scales(self, seed, n, factor):
        x, y, z = random(3, n, 2, seed=seed)
        turn = np.array([[0.6, -0.8], [0.8, 0.6]])
        for order in (1, 2):
            xy, yz, xz = (
                transport.wasserstein_nd(s, t, order=order) for s, t in ((x, y), (y, z), (x, z))
            )
            assert xz <= (xy + yz) * (1 + 1e-12)
            assert transport.wasserstein_nd(y, x, order=order) == pytest.approx(xy, rel=1e-12)
            assert transport.wasserstein_nd(x, x[::-1], order=order) == 0
            moved = transport.wasserstein_nd(x @ turn + 3, y @ turn + 3, order=order)
            assert moved == pytest.approx(xy, rel=1e-9)
            scaled = transport.wasserstein_nd(factor * x, factor * y, order=order)
            assert scaled == pytest.approx(abs(factor) * xy, rel=1e-12, abs=1e-300)
            assert transport.wasserstein_nd(x, x + np.array([3, 4]), order=order) == pytest.approx(
                5
            )
        assert transport.wasserstein_nd(x, y) <= transport.wasserstein_nd(x, y, order=2) + 1e-12

    @pytest.mark.parametrize("size", [1e-300, 1e300])
    def test_powers_neither_overflow_nor_vanish(self, size):
        value = transport.wasserstein_nd([[size, 0]], [[0, 0]], order=4)
        assert value == size
        assert transport.wasserstein_nd([[size], [0]], [[0]], order=2) == pytest.approx(
            size / math.sqrt(2)
        )

    def test_a_shift_in_a_thousand_dimensions_is_its_length(self):
        x = random(5, 1000)
        assert transport.wasserstein_nd(x, x + 0.2) == pytest.approx(6.3246, abs=5e-5)


class TestSliced:
    @quick
    @given(st.integers(0, 10**6), st.integers(1, 4), st.sampled_from([1, 2, 3]))
    def test_is_symmetric_and_at_most_exact(self, seed, d, order):
        x, y = random(2, 6, d, seed=seed)
        value = transport.sliced_wasserstein(x, y, order=order, n_projections=20, rng=seed)
        exact = transport.wasserstein_nd(x, y, order=order)
        assert 0 < value <= exact * (1 + 1e-12)
        swapped = transport.sliced_wasserstein(y, x, order=order, n_projections=20, rng=seed)
        assert value == pytest.approx(swapped, rel=1e-14)

    def test_in_one_dimension_is_exact(self):
        x, y = random(9, 1), random(12, 1, seed=1)
        for order in (1, 2, math.inf):
            value = transport.sliced_wasserstein(x, y, order=order, rng=1)
            line = transport.wasserstein_1d(x[:, 0], y[:, 0], order=order)
            assert value == pytest.approx(line, rel=1e-13)

    @pytest.mark.parametrize("order", [1, 2, 5])
    def test_is_pots_over_the_same_directions(self, order):
        x, y = random(200, 3), random(150, 3, seed=1) + 1
        directions = np.random.default_rng(7).standard_normal((30, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        expected = ot.sliced_wasserstein_distance(x, y, projections=directions.T, p=order)
        value = transport.sliced_wasserstein(x, y, order=order, n_projections=30, rng=7)
        assert value == pytest.approx(expected, rel=1e-10)

    def test_a_translation_is_seen_by_its_mean_cosine(self):
        """In the plane the mean of |cos| is 2/pi, of its square 1/2."""
        x = random(10, 2)
        y = x + np.array([3, 4])
        for order, factor in ((1, 2 / math.pi), (2, math.sqrt(0.5))):
            value = transport.sliced_wasserstein(x, y, order=order, n_projections=20_000, rng=3)
            assert value == pytest.approx(5 * factor, rel=0.01)

    def test_directions_are_taken_in_blocks(self):
        x = random(3000, 5)
        tracemalloc.start()
        transport.sliced_wasserstein(x, x + 1, n_projections=1500, rng=0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 32 * 2**20 < 1500 * 3000 * 8

    def test_blocks_of_directions_are_the_same_as_one(self, monkeypatch):
        x, y = random(50, 2), random(60, 2, seed=1)
        whole = transport.sliced_wasserstein(x, y, rng=0)
        monkeypatch.setattr(transport._quantiles, "KEPT", 420)
        assert transport.sliced_wasserstein(x, y, rng=0) == pytest.approx(whole, rel=1e-13)


class TestMmd2:
    @pytest.mark.parametrize("unbiased", [True, False])
    def test_is_its_definition_over_pairs(self, unbiased):
        x, y, h = random(5, 2), random(7, 2, seed=1), 0.8

        def mean(s, t, same):
            pairs = [(i, j) for i in range(len(s)) for j in range(len(t)) if not (same and i == j)]
            return math.fsum(
                math.exp(-(math.dist(s[i], t[j]) ** 2) / (2 * h * h)) for i, j in pairs
            ) / len(pairs)

        expected = mean(x, x, unbiased) + mean(y, y, unbiased) - 2 * mean(x, y, False)
        value = transport.mmd2(x, y, bandwidth=h, unbiased=unbiased)
        assert value == pytest.approx(expected, rel=1e-12)

    def test_of_two_normal_laws_is_the_closed_form_on_average(self):
        """E k(X, Y) for N(0, 1) and N(m, 1) is h/s exp(-m^2/(2 s^2)) with s^2 = h^2 + 2."""
        rng, h, m = np.random.default_rng(0), 1.0, 1.0
        s2 = h * h + 2
        truth = 2 * h / math.sqrt(s2) * (1 - math.exp(-m * m / (2 * s2)))
        x, y = rng.standard_normal((2, 200, 40, 1)) + np.array([0, m])[:, None, None, None]
        values = [transport.mmd2(*pair, bandwidth=h) for pair in zip(x, y, strict=True)]
        assert np.mean(values) == pytest.approx(truth, abs=4 * np.std(values) / math.sqrt(200))

    @quick
    @given(st.integers(0, 10**6), st.floats(0.01, 100))
    def test_biased_is_never_negative_and_zero_at_equality(self, seed, h):
        x, y = random(2, 6, 2, seed=seed)
        assert transport.mmd2(x, y, bandwidth=h, unbiased=False) >= 0
        value = transport.mmd2(x, x[::-1], bandwidth=h, unbiased=False)
        assert value == pytest.approx(0, abs=1e-15)

    def test_the_bandwidth_is_the_median_distance_unless_told(self):
        x, y = random(6, 2), random(5, 2, seed=1)
        both = np.concatenate([x, y])
        median = np.median(pdist(both))
        assert transport.mmd2(x, y) == transport.mmd2(x, y, bandwidth=median)
        assert transport.mmd2([[1.0]], [[1.0]], unbiased=False) == 0


class TestSinkhorn:
    @pytest.mark.parametrize("reg", [1e3, 1.0, 0.1, 0.02])
    def test_is_pots_in_logarithms(self, reg):
        a, b, cost = problem(12, 9)
        result = transport.sinkhorn(a, b, cost, reg=reg, tol=1e-11)
        plan = ot.bregman.sinkhorn_log(a, b, cost, reg, stopThr=1e-12, numItermax=100_000)
        assert result.converged
        assert np.allclose(result.plan, plan, atol=1e-9)

    @quick
    @given(problems, st.sampled_from([0.05, 0.3, 2.0, 50.0]))
    def test_the_parts_of_the_result_belong_together(self, given_problem, reg):
        a, b, cost = given_problem
        result = transport.sinkhorn(a, b, cost, reg=reg, tol=1e-10)
        (f, g), plan, independent = result.potentials, result.plan, np.outer(a, b)
        assert result.converged
        error = abs(plan.sum(1) - a).sum() + abs(plan.sum(0) - b).sum()
        assert result.marginal_error <= 1e-10
        assert result.marginal_error == pytest.approx(error, abs=1e-15)
        assert np.allclose(plan, independent * np.exp((f[:, None] + g - cost) / reg), atol=1e-12)
        assert result.cost == pytest.approx((plan * cost).sum(), rel=1e-12)
        value = result.cost + reg * special.rel_entr(plan, independent).sum()
        assert result.value == pytest.approx(value, rel=1e-7, abs=1e-8)
        exact = (transport.transport_plan(a, b, cost) * cost).sum()
        assert exact - 1e-8 <= result.cost <= (independent * cost).sum() + 1e-8
        assert exact - 1e-8 <= result.value

    def test_of_two_by_two_is_the_closed_form(self):
        """By symmetry the plan is ((s, 1/2 - s), (1/2 - s, s)) with s = 1/(2 + 2 exp(-1/reg))."""
        for reg in (0.01, 0.1, 1.0, 10.0):
            result = transport.sinkhorn([0.5, 0.5], [0.5, 0.5], [[0, 1], [1, 0]], reg=reg)
            other = 0.5 / (1 + math.exp(1 / reg))
            assert result.plan[0, 1] == pytest.approx(other, rel=1e-9, abs=1e-300)
            value = -reg * math.log((1 + math.exp(-1 / reg)) / 2)
            assert result.value == pytest.approx(value, rel=1e-12)

    def test_pots_stabilised_variant_loses_the_mass_of_this_plan(self):
        """It resets its scalings to 1/n and 1/m at each absorption and stops there."""
        x, y = random(1000), random(5, seed=1) + 1
        cost = (x[:, None] - y) ** 2
        cost /= cost.max()
        a, b = np.full(1000, 1e-3), np.full(5, 0.2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wrong = ot.sinkhorn2(a, b, cost, 0.01, method="sinkhorn_stabilized")
        exact = (transport.transport_plan(a, b, cost) * cost).sum()
        assert wrong < 1e-3 * exact
        result = transport.sinkhorn(a, b, cost, reg=0.01)
        assert result.converged
        assert exact < result.cost < exact + 0.01
        plan = ot.bregman.sinkhorn_log(a, b, cost, 0.01, stopThr=1e-11, numItermax=100_000)
        assert result.cost == pytest.approx((plan * cost).sum(), abs=1e-9)

    def test_a_thousand_points_at_the_regularisation_where_pot_is_wrong_converge(self):
        rng = np.random.default_rng(0)
        x, y = rng.standard_normal(1000), rng.standard_normal(1000) + 1
        cost = (x[:, None] - y) ** 2
        exact = transport.wasserstein_1d(x, y, order=2) ** 2 / cost.max()
        uniform = np.full(1000, 1e-3)
        result = transport.sinkhorn(uniform, uniform, cost / cost.max(), reg=0.01)
        assert result.converged
        assert exact < result.cost < exact + 0.01  # POT's stabilised variant: 2.3e-8

    @pytest.mark.parametrize("reg", [1e-2, 1e-4, 1e-8, 1e-300])
    def test_no_regularisation_leaves_the_range_of_floats(self, reg):
        a, b, cost = problem(6, 6, zeros=1)
        result = transport.sinkhorn(a, b, 1e3 * cost, reg=reg, max_iter=2000)
        assert np.isfinite(result.plan).all()
        assert all(np.isfinite(part).all() for part in result.potentials)
        exact = (transport.transport_plan(a, b, cost) * cost).sum() * 1e3
        assert result.cost == pytest.approx(exact, abs=2 * result.marginal_error * cost.max() * 1e3)
        assert result.value <= exact + 10 * reg

    def test_a_small_regularisation_is_approached_from_larger_ones(self):
        """Started at once, as many iterations leave 0.4 of the mass in wrong rows."""
        x = np.linspace(0, 1, 100)
        a, cost = np.full(100, 0.01), (x[:, None] - x) ** 2
        b = np.exp(-((x - 0.8) ** 2) / 0.002) + 1e-9
        b /= b.sum()
        assert transport.sinkhorn(a, b, cost, reg=1e-5, max_iter=3000).marginal_error < 0.01

    def test_absorbed_potentials_give_the_plan_in_logarithms(self, monkeypatch):
        a, b, cost = problem(8, 8)
        expected = transport.sinkhorn(a, b, cost, reg=0.02)
        monkeypatch.setattr(transport._sinkhorn, "ABSORB", 2.0)
        monkeypatch.setattr(transport._sinkhorn, "MILD", 0.0)
        result = transport.sinkhorn(a, b, cost, reg=0.02)
        assert result.converged
        assert np.allclose(result.plan, expected.plan, atol=1e-9)

    def test_what_did_not_converge_says_so(self):
        a, b, cost = problem(12, 9)
        for most in (1, 3, 30):
            result = transport.sinkhorn(a, b, cost, reg=0.001, max_iter=most)
            assert not result.converged
            assert result.marginal_error > 1e-9
            assert result.iterations == most

    def test_points_without_mass_have_potentials_but_no_plan(self):
        a, b, cost = problem(7, 5, zeros=2)
        result = transport.sinkhorn(a, b, cost, reg=0.1)
        assert not result.plan[:2].any()
        assert np.isfinite(result.potentials[0]).all()
        less = transport.sinkhorn(a[2:], b[:-2], cost[2:, :-2], reg=0.1)
        assert result.value == pytest.approx(less.value, rel=1e-9)


class TestSinkhornDivergence:
    def test_is_made_of_three_values(self):
        x, y, reg = random(6, 2), random(8, 2, seed=1), 0.5
        a, b = np.full(6, 1 / 6), np.full(8, 1 / 8)

        def value(s, t, v, w):
            cost = ot.dist(s, t)
            plan = ot.bregman.sinkhorn_log(v, w, cost, reg, stopThr=1e-12, numItermax=10_000)
            return (plan * cost).sum() + reg * special.rel_entr(plan, np.outer(v, w)).sum()

        expected = value(x, y, a, b) - value(x, x, a, a) / 2 - value(y, y, b, b) / 2
        divergence = transport.sinkhorn_divergence(x, y, reg=reg)
        assert divergence == pytest.approx(expected, rel=1e-8)

    @pytest.mark.parametrize("order", [1, 1.5, 2])
    def test_is_zero_at_equality_where_the_regularised_cost_is_not(self, order):
        x = random(9, 2)
        assert transport.sinkhorn_divergence(x, x[::-1], reg=0.5, order=order) < 1e-9
        cost = np.linalg.norm(x[:, None] - x, axis=-1) ** order
        uniform = np.full(9, 1 / 9)
        assert transport.sinkhorn(uniform, uniform, cost, reg=0.5).value > 0.1

    @quick
    @given(st.integers(0, 10**6), st.sampled_from([2.0, 20.0]), st.sampled_from([1, 2]))
    def test_is_symmetric_and_never_negative(self, seed, reg, order):
        x, y = random(2, 5, 2, seed=seed)
        value = transport.sinkhorn_divergence(x, y, reg=reg, order=order)
        assert value >= 0
        swapped = transport.sinkhorn_divergence(y, x, reg=reg, order=order)
        assert swapped == pytest.approx(value, rel=1e-6, abs=1e-8)

    def test_goes_from_half_an_energy_distance_to_transport(self):
        """For large reg it is the discrepancy with the kernel -|x - y|."""
        x, y = random(9, 1), random(9, 1, seed=1) + 1
        far = transport.sinkhorn_divergence(x, y, reg=1e5, order=1)
        energy = transport.energy_distance(x[:, 0], y[:, 0]) ** 2
        assert far == pytest.approx(energy / 2, rel=1e-3)
        near = transport.sinkhorn_divergence(x, y, reg=0.05, order=2, max_iter=100_000)
        assert near == pytest.approx(transport.wasserstein_nd(x, y, order=2) ** 2, rel=0.02)

    def test_a_translation_costs_its_square_at_any_regularisation(self):
        x = random(7, 2)
        for reg in (0.5, 3.0, 100.0):
            value = transport.sinkhorn_divergence(x, x + np.array([3, 4]), reg=reg)
            assert value == pytest.approx(25, rel=1e-7)

    def test_weights_are_those_of_repeated_points(self):
        x, y = random(4, 2), random(5, 2, seed=1)
        value = transport.sinkhorn_divergence(x, y, reg=0.5, x_weights=[1, 2, 3, 1])
        repeated = transport.sinkhorn_divergence(np.repeat(x, [1, 2, 3, 1], 0), y, reg=0.5)
        assert value == pytest.approx(repeated, rel=1e-7)

    def test_what_did_not_converge_warns(self):
        with pytest.warns(RuntimeWarning, match="marginal error of .*raise max_iter"):
            transport.sinkhorn_divergence(random(9, 2), random(9, 2) + 1, reg=0.01, max_iter=2)


class TestBarycenter:
    def test_of_point_masses_lies_between_them(self):
        places, masses = transport.wasserstein_barycenter(
            np.eye(11)[[0, 10]], np.linspace(0, 1, 11), weights=[1, 3]
        )
        assert places == pytest.approx([0.75])
        assert masses.tolist() == [1]

    @quick
    @given(st.integers(0, 10**6), st.integers(2, 4))
    def test_no_law_has_a_smaller_mean_squared_distance(self, seed, n):
        rng = np.random.default_rng(seed)
        laws, shares = rng.dirichlet(np.ones(5), n), rng.dirichlet(np.ones(n))
        x = rng.random(5).cumsum()
        places, masses = transport.wasserstein_barycenter(laws, x, weights=shares)
        assert masses.sum() == pytest.approx(1, abs=1e-12)
        assert (np.diff(places) > 0).all()

        def mean_square(y, r):
            return sum(
                s * transport.wasserstein_1d(x, y, u_weights=law, v_weights=r, order=2) ** 2
                for s, law in zip(shares, laws, strict=True)
            )

        least = mean_square(places, masses)
        for _ in range(5):
            assert least <= mean_square(places + rng.normal(0, 0.1, len(places)), masses) + 1e-12
            other = rng.dirichlet(np.ones(len(masses)))
            assert least <= mean_square(places, other) + 1e-12
        pairs = [  # the least is the mean over pairs of laws of their squared distances, halved
            a * b * transport.wasserstein_pmf(p, q, x, order=2) ** 2 / 2
            for a, p in zip(shares, laws, strict=True)
            for b, q in zip(shares, laws, strict=True)
        ]
        quantiles_agree = n == 2
        assert least == pytest.approx(sum(pairs), rel=1e-9) or not quantiles_agree

    def test_of_discretised_normal_laws_is_normal(self):
        x = np.linspace(-8, 8, 1601)
        laws = stats.norm.pdf(x, [[-2], [1]], [[0.5], [1.5]])
        laws /= laws.sum(axis=1, keepdims=True)
        places, masses = transport.wasserstein_barycenter(laws, x, weights=[0.25, 0.75])
        mean = masses @ places
        assert mean == pytest.approx(0.25, abs=1e-4)
        assert math.sqrt(masses @ (places - mean) ** 2) == pytest.approx(1.25, abs=1e-3)

    def test_regularised_is_pots_on_the_same_grid(self):
        x = np.linspace(0, 1, 40)
        laws = stats.norm.pdf(x, [[0.25], [0.7]], 0.1)
        laws /= laws.sum(axis=1, keepdims=True)
        places, masses = transport.wasserstein_barycenter(
            laws[:, ::-1], x[::-1], weights=[1, 3], reg=0.01
        )
        assert places.tolist() == x.tolist()
        cost, shares = (x[:, None] - x) ** 2, np.array([0.25, 0.75])
        options = {"weights": shares, "stopThr": 1e-13, "numItermax": 10_000}
        expected = ot.bregman.barycenter(laws.T, cost, 0.01, method="sinkhorn_log", **options)
        assert np.allclose(masses, expected, atol=1e-8)
        truth = shares @ laws @ x
        assert masses @ x == pytest.approx(truth, abs=1e-3)
        wrong = ot.bregman.barycenter(laws.T, cost, 0.01, **options)  # POT's other method
        assert abs(wrong @ x - truth) > 0.03

    def test_little_regularisation_approaches_the_exact_one(self):
        x = np.linspace(0, 1, 21)
        places, masses = transport.wasserstein_barycenter(np.eye(21)[[2, 10]], x, reg=1e-4)
        assert masses[6] == pytest.approx(1, abs=1e-9)
        assert places[6] == pytest.approx(0.3)

    def test_what_did_not_converge_warns(self):
        with pytest.warns(RuntimeWarning, match="stopped at an error"):
            transport.wasserstein_barycenter([P1, P2], reg=0.01, max_iter=1)


ONE, TWO, POINTS = [0.5, 0.5], [[0.0, 1.0], [1.0, 0.0]], [[0.0, 1.0], [2.0, 3.0]]
LINE, PMF, ND = transport.wasserstein_1d, transport.wasserstein_pmf, transport.wasserstein_nd
ENERGY, SLICED, MMD = transport.energy_distance, transport.sliced_wasserstein, transport.mmd2
PLAN, PRICES = transport.transport_plan, transport.kantorovich_potentials
ENTROPIC = transport.sinkhorn
BARYCENTER, MAP, DEBIASED = (
    transport.wasserstein_barycenter,
    transport.barycentric_map,
    transport.sinkhorn_divergence,
)
FAULTS = [
    (LINE, ([1, math.nan], ONE), {}, "u, row 0: entry 1 is nan, but samples and places are finite"),
    (LINE, (ONE, [[1, 2], [3, math.inf]]), {}, "v, row 1: entry 1 is inf"),
    (LINE, (ONE, [1, -math.inf, 3]), {"v_weights": [1, 1, 1]}, "v, row 0: entry 1 is -inf"),
    (LINE, ([], ONE), {}, r"u of shape \(0,\) has no outcomes along axis -1"),
    (LINE, (1.0, ONE), {}, "u is the single number 1.0"),
    (LINE, (ONE, ONE), {"axis": 1}, "axis=1 does not exist in u"),
    (LINE, (ONE, ONE), {"order": 0.5}, "order must be at least 1 .*, got 0.5"),
    (LINE, (ONE, ONE), {"order": math.nan}, "order must be at least 1 .*, got nan"),
    (LINE, (ONE, ONE), {"u_weights": [1, -1]}, "u_weights, row 0: entry 1 is -1.0"),
    (LINE, (ONE, ONE), {"v_weights": [0, 0]}, "v_weights, row 0 sums to 0.0"),
    (LINE, (ONE, ONE), {"v_weights": [1, math.inf]}, "v_weights, row 0: entry 1 is inf"),
    (LINE, (ONE, ONE), {"u_weights": [1, 1, 1]}, "u_weights has 3 entries for 2 samples of u"),
    (LINE, (TWO, np.ones((3, 2))), {}, "the leading shapes do not broadcast"),
    (ENERGY, (ONE, [math.nan]), {}, "v, row 0: entry 0 is nan"),
    (ENERGY, (ONE, ONE), {"u_weights": [-1, 2]}, "u_weights, row 0: entry 0 is -1.0"),
    (PMF, ([0.5, 0.6], ONE), {}, "p, row 0 sums to 1.1, not to 1"),
    (PMF, (ONE, [1.5, -0.5]), {}, "q, row 0: entry 1 is -0.5"),
    (PMF, (ONE, [math.nan, 1]), {}, "q, row 0: entry 0 is nan"),
    (PMF, (ONE, [0, 0]), {"normalize": True}, "q, row 0 sums to 0.0"),
    (PMF, (ONE, [1.0]), {}, "the alphabets must match"),
    (PMF, (ONE, ONE, [0, 1, 2]), {}, r"x has shape \(3,\), but the alphabet has 2 outcomes"),
    (PMF, (ONE, ONE, [0, math.nan]), {}, r"x\[1\] is nan, but places are finite"),
    (PMF, (ONE, ONE), {"order": 0}, "order must be at least 1"),
    (PLAN, ([0.5, 0.6], ONE, TWO), {}, "a, row 0 sums to 1.1"),
    (PLAN, (ONE, [1.5, -0.5], TWO), {}, "b, row 0: entry 1 is -0.5"),
    (PLAN, (TWO, ONE, TWO), {}, "a must be one distribution, got shape"),
    (PLAN, (ONE, ONE, [TWO[0]]), {}, r"cost must have a row for each a .*got \(1, 2\)"),
    (PRICES, (ONE, ONE, [[0, 1], [math.inf, 1]]), {}, r"cost\[1, 0\] is inf, but costs are finite"),
    (ENTROPIC, (ONE, ONE, TWO), {"reg": 0}, "reg must be positive and finite, got 0"),
    (ENTROPIC, (ONE, ONE, TWO), {"reg": math.nan}, "reg must be positive and finite, got nan"),
    (ENTROPIC, (ONE, ONE, TWO), {"reg": 1, "tol": -1}, "tol must be positive and finite, got -1"),
    (ENTROPIC, (ONE, ONE, TWO), {"reg": 1, "max_iter": 0}, "max_iter must be at least 1, got 0"),
    (ND, ([1, 2], POINTS), {}, r"X must hold points as rows, shape \(n, d\), got \(2,\)"),
    (ND, (POINTS, np.empty((0, 2))), {}, "Y must hold points as rows"),
    (ND, (POINTS, [[1.0]]), {}, "X has 2 dimensions and Y 1"),
    (ND, (POINTS, [[1, math.nan]]), {}, "Y, row 0: entry 1 is nan"),
    (ND, (POINTS, POINTS), {"order": math.inf}, "order must be finite here, got inf"),
    (ND, (POINTS, POINTS), {"x_weights": [1]}, r"x_weights has shape \(1,\) for 2 points"),
    (ND, (POINTS, POINTS), {"y_weights": [1, -1]}, "y_weights, row 0: entry 1 is -1.0"),
    (SLICED, (POINTS, POINTS), {"n_projections": 0}, "n_projections must be at least 1, got 0"),
    (SLICED, (POINTS, POINTS), {"order": -1}, "order must be at least 1"),
    (SLICED, (POINTS, POINTS), {"rng": -1}, "rng must be a numpy.random.Generator or a seed"),
    (MMD, (POINTS, POINTS), {"bandwidth": 0}, "bandwidth must be positive and finite, got 0"),
    (MMD, (POINTS, POINTS[:1]), {}, "X and Y need two points each"),
    (DEBIASED, (POINTS, POINTS), {"reg": -1}, "reg must be positive and finite, got -1"),
    (DEBIASED, (POINTS, POINTS), {"reg": 1, "order": 3}, "order must be from 1 to 2 .*, got 3"),
    (BARYCENTER, (ONE,), {}, "p must hold distributions as rows"),
    (BARYCENTER, ([ONE, [1, 1]],), {}, "p, row 1 sums to 2.0"),
    (BARYCENTER, ([ONE, ONE],), {"weights": [1, 2, 3]}, "weights has shape"),
    (BARYCENTER, ([ONE, ONE],), {"reg": 0}, "reg must be positive and finite, got 0"),
    (MAP, (TWO, [[1.0]]), {}, "plan has shape .*, but there are 1 points in Y"),
    (MAP, ([[0, 0], [1, 0]], POINTS), {}, "plan, row 0 sums to 0.0"),
    (MAP, ([[1, -1], [1, 0]], POINTS), {}, "plan, row 0: entry 1 is -1.0"),
]
WRONG_TYPES = [1j, "one", None, [object()], np.ma.masked_equal([0.5, 0.5], 0.5)]


class TestFaults:
    @pytest.mark.parametrize(("function", "arguments", "options", "message"), FAULTS)
    def test_are_named_with_place_value_and_remedy(self, function, arguments, options, message):
        with pytest.raises(ValueError, match=message):
            function(*arguments, **options)

    @pytest.mark.parametrize("bad", WRONG_TYPES)
    @pytest.mark.parametrize(
        ("function", "names", "options"),
        [
            (LINE, "u v", {}),
            (ENERGY, "u v", {}),
            (PMF, "p q", {}),
            (PLAN, "a b cost", {}),
            (PRICES, "a b cost", {}),
            (ENTROPIC, "a b cost", {"reg": 1}),
            (ND, "X Y", {}),
            (SLICED, "X Y", {}),
            (MMD, "X Y", {}),
            (DEBIASED, "X Y", {"reg": 1}),
            (BARYCENTER, "p", {}),
            (MAP, "plan Y", {}),
        ],
    )
    def test_what_does_not_hold_real_numbers_is_a_type_error(self, function, names, options, bad):
        good = {"X": POINTS, "Y": POINTS, "cost": TWO, "plan": TWO}
        names = names.split()
        for name in names:
            arguments = [bad if other == name else good.get(other, ONE) for other in names]
            with pytest.raises(TypeError, match=f"^{name} (must hold real|has masked)"):
                function(*arguments, **options)

    @pytest.mark.parametrize(
        ("function", "options"),
        [
            (LINE, {"order": "2"}),
            (LINE, {"order": True}),
            (SLICED, {"n_projections": 2.5}),
            (SLICED, {"n_projections": True}),
            (SLICED, {"rng": "seed"}),
            (DEBIASED, {"reg": "1"}),
            (DEBIASED, {"reg": True}),
            (DEBIASED, {"reg": 1, "max_iter": 1.5}),
            (MMD, {"bandwidth": 1j}),
        ],
    )
    def test_an_option_of_the_wrong_type_is_named(self, function, options):
        arguments = (ONE, ONE) if function is LINE else (POINTS, POINTS)
        with pytest.raises(TypeError, match=f"^{list(options)[-1]} must be"):
            function(*arguments, **options)

    def test_the_first_bad_row_of_many_blocks_is_named(self):
        u = random(2000, 100)
        u[1500, 7] = math.inf
        for options in ({}, {"u_weights": np.ones(100)}):
            with pytest.raises(ValueError, match="u, row 1500: entry 7 is inf"):
                transport.wasserstein_1d(u, u[:1], **options)
        with pytest.raises(ValueError, match="v, row 1: entry 7 is inf"):
            transport.wasserstein_1d(u[:1], u[1499:1501])
        p = np.full((2000, 100), 0.01)
        p[1999, 99] = 0.02
        with pytest.raises(ValueError, match=r"q, row 1999 sums to 1\.01"):
            transport.wasserstein_pmf(p[0], p)
