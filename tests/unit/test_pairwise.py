"""Matrices of divergences against the pairs one by one, in sixty digits, and what they refuse."""

import math
import tracemalloc

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import cdist

from divkit import information
from divkit import pairwise as module
from divkit.pairwise import pairwise

LOG2 = math.log(2)
quick = settings(max_examples=40, derandomize=True, deadline=None, database=None)
METRICS = ["kl", "js", "tv", "hellinger", "chi2", "jeffreys", "cross_entropy"]
SYMMETRIC = ["js", "tv", "hellinger", "jeffreys"]
IN_NATS = ["kl", "js", "jeffreys", "cross_entropy"]
SUPPORTED = ["kl", "chi2", "jeffreys", "cross_entropy"]
P3, Q3 = [0.1, 0.2, 0.7], [0.8, 0.1, 0.1]


def exact_row(row):
    """The given floats in many digits, divided by their exact sum."""
    exact = [mpmath.mpf(float(x)) for x in row]
    return [x / mpmath.fsum(exact) for x in exact]


def exact_kl(p, q):
    return mpmath.fsum(a * mpmath.log(a / b) for a, b in zip(p, q, strict=True) if a)


def exact_js(p, q):
    m = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    return (exact_kl(p, m) + exact_kl(q, m)) / 2


def each(term):
    return lambda p, q: mpmath.fsum(term(a, b) for a, b in zip(p, q, strict=True))


EXACT = {
    "kl": exact_kl,
    "js": exact_js,
    "tv": each(lambda a, b: abs(a - b) / 2),
    "hellinger": lambda p, q: mpmath.sqrt(
        each(lambda a, b: (mpmath.sqrt(a) - mpmath.sqrt(b)) ** 2 / 2)(p, q)
    ),
    "chi2": each(lambda a, b: (a - b) ** 2 / b),
    "jeffreys": lambda p, q: exact_kl(p, q) + exact_kl(q, p),
    "cross_entropy": each(lambda a, b: -a * mpmath.log(b)),
}


def exact_matrix(metric, p, q):
    p, q = ([exact_row(row) for row in table] for table in (p, q))
    return [[EXACT[metric](a, b) for b in q] for a in p]


def worst(matrix, reference):
    """The largest relative error; what should be 0 must be 0."""
    found = 0.0
    for row, exact in zip(matrix, reference, strict=True):
        for x, r in zip(row, exact, strict=True):
            assert r != 0 or x == 0
            found = max(found, float(abs(mpmath.mpf(float(x)) - r) / r) if r else 0.0)
    return found


def rows(n, k, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(k), n)


def ladder(k, seed=0):
    """Rows at distances from rounding to one from each other, and one of them twice."""
    rng = np.random.default_rng(seed)
    first = rng.dirichlet(np.ones(k))
    steps = [0, 1e-16, 1e-12, 1e-8, 1e-5, 1e-3, 1e-2, 0.05, 0.2, 1]
    table = np.array([first * np.exp(s * rng.standard_normal(k)) for s in steps])
    return table / table.sum(axis=1, keepdims=True)


@st.composite
def tables(draw):
    """Counts with zeros, no row of them empty."""
    size = draw(st.integers(2, 5))
    row = st.lists(st.integers(0, 9), min_size=size, max_size=size).filter(any)
    return np.array(draw(st.lists(row, min_size=1, max_size=5)))


@pytest.mark.parametrize("metric", METRICS)
class TestEveryMetric:
    @pytest.mark.parametrize("size", [2, 40])
    def test_has_twelve_digits_at_every_scale(self, metric, size):
        table = ladder(size)
        with mpmath.workdps(60):
            reference = exact_matrix(metric, table, table)
            assert worst(pairwise(table, table.copy(), metric=metric), reference) < 1e-12
            assert worst(pairwise(table, metric=metric), reference) < 1e-12

    def test_does_not_depend_on_the_size_of_blocks(self, metric, monkeypatch):
        p, q = rows(13, 6, 1), rows(9, 6, 2)
        p[3], p[7] = p[2], p[2] * [1, 1, 1, 1, 1, 1 + 1e-9]
        whole, own = pairwise(p, q, metric=metric), pairwise(p, metric=metric)
        monkeypatch.setattr(module, "MOST_ROWS", 4)
        monkeypatch.setattr(module, "BLOCK", 12)
        monkeypatch.setattr(module, "CAREFUL_BLOCK", 6)
        assert np.allclose(pairwise(p, q, metric=metric), whole, rtol=1e-12, atol=0)
        assert np.allclose(pairwise(p, metric=metric), own, rtol=1e-12, atol=0)

    def test_of_a_table_with_itself_is_that_of_the_table_with_its_copy(self, metric):
        p = rows(8, 5)
        p[4] = p[1]
        p[:, 2] *= np.arange(8) > 3
        p /= p.sum(axis=1, keepdims=True)
        own = pairwise(p, metric=metric)
        assert np.allclose(own, pairwise(p, p.copy(), metric=metric), rtol=1e-12, atol=0)
        assert metric == "cross_entropy" or not np.diag(own).any()
        assert metric not in SYMMETRIC or np.array_equal(own, own.T)

    @quick
    @given(table=tables())
    def test_is_never_negative_never_nan_and_zero_only_for_equal_rows(self, metric, table):
        matrix = pairwise(table, table[::-1].copy(), metric=metric, normalize=True)
        assert (matrix >= 0).all()
        assert not np.signbit(matrix).any()
        cross = table[:, None] * table[::-1].sum(axis=1)[:, None]
        equal = (cross == table[::-1] * table.sum(axis=1)[:, None, None]).all(axis=-1)
        if metric != "cross_entropy":
            assert np.array_equal(matrix == 0, equal)

    @quick
    @given(table=tables())
    def test_is_infinite_exactly_where_its_support_is_violated(self, metric, table):
        other = table[::-1].copy()
        lost = ((table[:, None] > 0) & (other == 0)).any(axis=-1)
        if metric == "jeffreys":
            lost |= ((table[:, None] == 0) & (other > 0)).any(axis=-1)
        matrix = pairwise(table, other, metric=metric, normalize=True)
        assert np.array_equal(np.isinf(matrix), lost & (metric in SUPPORTED))

    def test_counts_are_normalised_when_asked_and_nothing_is_changed(self, metric):
        p, q = np.random.default_rng(0).integers(1, 50, (2, 4, 6))
        kept = p.copy(), q.copy()
        shares = [x / x.sum(axis=1, keepdims=True) for x in (p, q)]
        value = pairwise(p, q, metric=metric, normalize=True)
        assert np.allclose(value, pairwise(*shares, metric=metric), rtol=1e-12)
        assert np.array_equal(p, kept[0])
        assert np.array_equal(q, kept[1])

    def test_the_axis_is_moved_in_each_table_and_other_types_are_read(self, metric):
        p, q = rows(3, 4, 1), rows(5, 4, 2)
        matrix = pairwise(p, q, metric=metric)
        assert matrix.shape == (3, 5)
        assert np.allclose(pairwise(p.T, q.T, metric=metric, axis=0), matrix, rtol=1e-13)
        assert np.allclose(pairwise(p.tolist(), q.tolist(), metric=metric), matrix, rtol=1e-14)
        single = pairwise(p.astype(np.float32), q.astype(np.float32), metric=metric)
        assert single.dtype == np.float64
        assert np.allclose(single, matrix, rtol=1e-3)

    def test_the_base_is_the_unit_of_those_that_have_one(self, metric):
        p = rows(3, 4)
        if metric in IN_NATS:
            bits = pairwise(p, metric=metric, base=2)
            assert np.allclose(bits, pairwise(p, metric=metric) / LOG2, rtol=1e-15)
            with pytest.raises(ValueError, match="base must be a finite number greater than 1"):
                pairwise(p, metric=metric, base=1)
        else:
            with pytest.raises(ValueError, match=f"metric='{metric}' has no logarithm"):
                pairwise(p, metric=metric, base=2)

    def test_no_rows_give_no_values(self, metric):
        none = np.empty((0, 3))
        assert pairwise(none, metric=metric).shape == (0, 0)
        assert pairwise(none, rows(2, 3), metric=metric).shape == (0, 2)
        assert pairwise(rows(2, 3), none, metric=metric).shape == (2, 0)

    def test_needs_no_more_than_32_mebibytes_beyond_the_matrix(self, metric):
        for n, k in ((1500, 7), (30, 20_000)):
            p, q = rows(n, k, 1), rows(n, k, 2)
            p[: n // 2, 0], q[n // 3 :, 1] = 0, 0
            p[n // 4 : n // 2] = q[0]
            tracemalloc.start()
            matrix = pairwise(p, q, metric=metric, normalize=True)
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert most - matrix.nbytes < 32 * 2**20

    @pytest.mark.parametrize(
        ("tables", "message"),
        [
            (([[0.5, 0.5], [0.5, 0.6]],), r"P, row 1 sums to 1\.1, not to 1.*normalize=True"),
            (([[0.5, 0.5]], [[1, 0], [1.5, -0.5]]), r"Q, row 1: entry 1 is -0\.5"),
            (([[0.5, math.nan]],), "P, row 0: entry 1 is nan"),
            (([[0.5, 0.5]], [[math.inf, 0]]), "Q, row 0: entry 0 is inf"),
            (([0.5, 0.5],), r"P must be a table with two axes, got the shape \(2,\)"),
            (([[0.5, 0.5]], [0.5, 0.5]), r"Q must be a table with two axes"),
            ((rows(2, 3), rows(2, 4)), "P has 3 outcomes, Q has 4 outcomes"),
            ((np.empty((2, 0)),), r"P of shape \(2, 0\) has no outcomes"),
            ((np.empty((0, 2)), [[0.5, 0.6]]), "Q, row 0 sums to"),
        ],
    )
    def test_faults_are_named(self, metric, tables, message):
        with pytest.raises(ValueError, match=message):
            pairwise(*tables, metric=metric)

    def test_the_row_of_a_fault_is_counted_over_all_blocks(self, metric, monkeypatch):
        monkeypatch.setattr(module, "MOST_ROWS", 2)
        q = rows(7, 3)
        q[5] /= 2
        with pytest.raises(ValueError, match=r"Q, row 5 sums to 0\.5"):
            pairwise(rows(3, 3), q, metric=metric)

    @pytest.mark.parametrize(
        "bad",
        [
            np.ma.masked_array([[0.5, 0.5]], [[False, True]]),
            np.array([[0.5, 0.5j]]),
            np.array([[0.5, 0.5]], dtype=object),
            [["a", "b"]],
        ],
    )
    def test_masked_complex_and_object_tables_are_refused(self, metric, bad):
        with pytest.raises(TypeError, match=r"Q (has masked entries|must hold real numbers)"):
            pairwise([[0.5, 0.5]], bad, metric=metric)

    def test_an_empty_row_of_counts_is_refused(self, metric):
        with pytest.raises(ValueError, match=r"P, row 1 sums to 0.*must hold something"):
            pairwise([[1, 2], [0, 0]], metric=metric, normalize=True)


class TestAgainstOtherRoutes:
    p, q = rows(20, 30, 1), rows(15, 30, 2)

    def test_kl_and_cross_entropy_agree_with_the_pairs_one_by_one_and_with_scipy(self):
        p, q = self.p, self.q
        single = information.kl_divergence(p[:, None], q)
        assert np.allclose(pairwise(p, q), single, rtol=1e-13)
        assert np.allclose(pairwise(p, q), stats.entropy(p[:, None], q, axis=-1), rtol=1e-12)
        cross = information.cross_entropy(p[:, None], q)
        assert np.allclose(pairwise(p, q, metric="cross_entropy"), cross, rtol=1e-13)

    @pytest.mark.parametrize(
        ("metric", "peer"),
        [
            ("js", lambda p, q: cdist(p, q, "jensenshannon") ** 2),
            ("tv", lambda p, q: abs(p[:, None] - q).sum(axis=-1) / 2),
            ("hellinger", lambda p, q: cdist(np.sqrt(p), np.sqrt(q)) / math.sqrt(2)),
            ("chi2", lambda p, q: ((p[:, None] - q) ** 2 / q).sum(axis=-1)),
            ("jeffreys", lambda p, q: ((p[:, None] - q) * np.log(p[:, None] / q)).sum(axis=-1)),
        ],
    )
    def test_the_others_agree_with_scipy_or_their_definition(self, metric, peer):
        matrix = pairwise(self.p, self.q, metric=metric)
        assert np.allclose(matrix, peer(self.p, self.q), rtol=1e-12)

    @pytest.mark.parametrize(
        ("metric", "value"),
        [
            ("tv", 0.7),
            ("hellinger", 0.557817891593),
            ("chi2", 4.3125),
            ("jeffreys", 2.692469886665),
        ],
    )
    def test_the_three_point_example_of_the_course(self, metric, value):
        assert pairwise([P3], [Q3], metric=metric)[0, 0] == pytest.approx(value, abs=1e-12)

    def test_the_metrics_obey_the_triangle_inequality_and_kl_does_not(self):
        coins = np.array([[0.1, 0.9], [0.5, 0.5], [0.9, 0.1]])
        kl = pairwise(coins)
        assert kl[0, 2] == pytest.approx(1.757780, abs=5e-7)
        assert kl[0, 1] + kl[1, 2] == pytest.approx(0.878890, abs=5e-7)
        for metric in ("tv", "hellinger", "js"):
            d = pairwise(self.p, metric=metric)
            d = np.sqrt(d) if metric == "js" else d
            assert (d[:, None] <= (d[:, :, None] + d).transpose(0, 2, 1) * (1 + 1e-12)).all()

    def test_the_divergences_bound_each_other(self):
        names = ("kl", "tv", "hellinger", "chi2")
        kl, tv, h, chi2 = (pairwise(self.p, self.q, metric=name) for name in names)
        assert (2 * tv**2 <= kl).all()
        assert (kl <= np.log1p(chi2)).all()
        assert (tv <= np.sqrt(-np.expm1(-kl))).all()
        assert (h**2 <= tv).all()
        assert (tv <= h * np.sqrt(2 - h**2)).all()


class TestExtremes:
    def test_disjoint_rows_are_as_far_apart_as_can_be(self):
        p, q = [[1, 0], [0, 1]], [[0, 1]]
        assert pairwise(p, q, metric="js", base=2).tolist() == [[1], [0]]
        assert pairwise(p, q, metric="tv").tolist() == [[1], [0]]
        assert pairwise(p, q, metric="hellinger").tolist() == [[1], [0]]
        for metric in SUPPORTED:
            assert pairwise(p, q, metric=metric).tolist() == [[math.inf], [0]]

    def test_subnormal_probabilities_are_not_zeros(self):
        p, q = [[1, 0]], [[5e-324, 1]]
        for metric in ("kl", "cross_entropy"):
            value = pairwise(p, q, metric=metric)[0, 0]
            assert value == pytest.approx(744.4400719213812, rel=1e-15)
        assert pairwise(q, p)[0, 0] == math.inf
        assert pairwise(p, q, metric="js")[0, 0] == pytest.approx(LOG2, rel=1e-15)
        assert pairwise([[0.5, 0.5, 0]], [[0.5, 0.5, 5e-324]], metric="chi2")[0, 0] == 5e-324
        counts = pairwise([[1, 1, 0]], [[15e-324, 1, 1]], normalize=True)[0, 0]
        assert counts == pytest.approx(-math.log(15e-324) / 2, rel=1e-15)

    @pytest.mark.parametrize("metric", METRICS[:-1])
    def test_rows_that_differ_in_one_rare_outcome_keep_their_digits(self, metric):
        rare = np.array([[1e-9, 4e-52, 3e-91], [1e-9, 4.04e-52, 3e-91], [1e-9, 4e-52, 9e-99]])
        table = np.column_stack([np.full(3, 1 - 1e-9), rare])
        with mpmath.workdps(300):
            assert worst(pairwise(table, metric=metric), exact_matrix(metric, table, table)) < 1e-12

    def test_a_divergence_too_large_for_a_float_is_infinite_and_a_smaller_one_is_not(self):
        assert pairwise([[0.5, 0.5]], [[1e-310, 1]], metric="chi2")[0, 0] == math.inf
        value = pairwise([[1e-200, 1]], [[1e-310, 1]], metric="chi2")[0, 0]
        assert value == pytest.approx(1e-90, rel=1e-12)
        big = pairwise([[1e-100, 1]], [[1e-310, 1]], metric="chi2")[0, 0]
        assert big == pytest.approx(1e110, rel=1e-12)

    @pytest.mark.parametrize("metric", METRICS)
    def test_one_outcome_and_one_row_are_enough(self, metric):
        assert pairwise([[1.0]], metric=metric).tolist() == [[0.0]]
        assert not np.signbit(pairwise([[1.0]], [[1.0]], metric=metric)).any()


class TestPeersWrongAnswers:
    def test_scipy_is_infinite_where_js_is_log_two(self):
        p, q = [[0.0, 1.0]], [[5e-324, 1.0]]
        assert pairwise(p, q, metric="js")[0, 0] < 1e-320
        assert pairwise([[1.0, 0.0]], q, metric="js")[0, 0] == pytest.approx(LOG2, rel=1e-15)

    def test_scipy_has_nan_or_lost_digits_for_rows_that_differ_in_rounding(self):
        rng = np.random.default_rng(0)
        base = rng.dirichlet(np.ones(5))
        p = base * (1 + 1e-16 * rng.integers(-4, 5, (40, 5)))
        with np.errstate(invalid="ignore"):
            assert np.isnan(cdist(p, p, "jensenshannon")).any()
        matrix = pairwise(p, metric="js")
        with mpmath.workdps(60):
            assert worst(matrix[:6, :6], exact_matrix("js", p[:6], p[:6])) < 1e-12

    def test_cross_entropy_minus_entropy_is_negative_for_near_rows_here_kl_is_not(self):
        p = ladder(50)[:5]
        logs = np.log(p)
        assert ((p * logs).sum(axis=1)[:, None] - p @ logs.T < 0).any()
        assert (pairwise(p, p.copy()) >= 0).all()

    def test_scipy_normalises_silently_here_it_must_be_asked_for(self):
        assert cdist([[0.5, 0.5]], [[0.3, 0.3]], "jensenshannon")[0, 0] == 0
        with pytest.raises(ValueError, match=r"Q, row 0 sums to 0\.6"):
            pairwise([[0.5, 0.5]], [[0.3, 0.3]], metric="js")


def test_an_unknown_metric_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"metric must be one of kl, js, tv, .*got 'w1'"):
        pairwise([[0.5, 0.5]], metric="w1")
