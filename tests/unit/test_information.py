"""Entropy and its relatives against other routes, at every scale, and what they refuse."""

import math
import tracemalloc

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from divkit import _kernels, js_divergence
from divkit import information as info

LOG2 = math.log(2)
quick = settings(max_examples=40, derandomize=True, deadline=None, database=None)


def exact_rows(*rows):
    """Return the given floats in 60 digits, each row divided by its exact sum."""
    exact = [[mpmath.mpf(float(x)) for x in row] for row in rows]
    return [[x / mpmath.fsum(row) for x in row] for row in exact]


def exact_kl(p, q):
    with mpmath.workdps(60):
        return mpmath.fsum(
            a * mpmath.log(a / b) for a, b in zip(*exact_rows(p, q), strict=True) if a
        )


def exact_softmax(logits):
    powers = [mpmath.e ** mpmath.mpf(float(x)) for x in logits]
    return [x / mpmath.fsum(powers) for x in powers]


def error(value, reference):
    return float(abs(mpmath.mpf(float(value)) - reference) / reference)


def rows(k, seed=0, n=1):
    return np.random.default_rng(seed).dirichlet(np.ones(k), size=n)


@st.composite
def pairs(draw):
    """Two distributions over 2 to 6 outcomes, some of them impossible."""
    size = draw(st.integers(2, 6))
    counts = st.lists(st.integers(0, 50), min_size=size, max_size=size).filter(any)
    p, q = (np.array(draw(counts), float) for _ in range(2))
    return p / p.sum(), q / q.sum()


class Tensor:
    """What TensorFlow's tensors are to numpy: an object with __array__."""

    def __init__(self, values, dtype=np.float32):
        self.values = np.asarray(values, dtype)

    def __array__(self, dtype=None, copy=None):
        return self.values if dtype is None else self.values.astype(dtype)


class TestElementwise:
    def test_information_of_halves_is_one_bit_each(self):
        assert info.information_content([1, 0.5, 0.125], base=2).tolist() == [0, 1, 3]

    def test_an_impossible_event_has_infinite_information_and_a_certain_one_zero(self):
        values = info.information_content([0, 1])
        assert values.tolist() == [math.inf, 0]
        assert not np.signbit(values[1])

    @pytest.mark.parametrize("function", [info.information_content, info.binary_entropy])
    @pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan, math.inf])
    def test_no_probability_is_refused_with_its_place(self, function, bad):
        with pytest.raises(ValueError, match=r"p\[1\] is .*no probability"):
            function([0.5, bad])

    @pytest.mark.parametrize("p", [1e-300, 1e-9, 0.1, 0.5, 0.9, 1 - 1e-12])
    def test_binary_entropy_has_all_digits(self, p):
        with mpmath.workdps(400):
            x = mpmath.mpf(p)
            reference = -x * mpmath.log(x) - (1 - x) * mpmath.log(1 - x)
            assert error(info.binary_entropy(p), reference) < 1e-14

    def test_binary_entropy_is_the_entropy_of_two_outcomes(self):
        p = np.linspace(0, 1, 11)
        assert np.allclose(info.binary_entropy(p), info.entropy(np.stack([p, 1 - p], -1)), 1e-14)


class TestEntropy:
    def test_of_the_uniform_distribution_is_log_k(self):
        for k in (1, 2, 7, 1000):
            assert info.entropy(np.full(k, 1 / k)) == pytest.approx(math.log(k), rel=1e-13)

    def test_agrees_with_scipy_and_mpmath(self):
        p = rows(20, n=50)
        assert np.allclose(info.entropy(p), stats.entropy(p, axis=1), rtol=1e-14)
        with mpmath.workdps(60):
            reference = -mpmath.fsum(x * mpmath.log(x) for x in exact_rows(p[0])[0])
            assert error(info.entropy(p[0]), reference) < 1e-14

    def test_of_certainty_is_zero_without_a_sign(self):
        value = info.entropy([0, 1, 0])
        assert value == 0
        assert not np.signbit(value)

    def test_never_negative_when_a_sum_is_just_off_one(self):
        assert info.entropy([1 - 1e-9, 0]) >= 0
        assert info.entropy([1 + 1e-9, 0]) >= 0

    @quick
    @given(pairs())
    def test_lies_between_zero_and_log_k(self, pair):
        assert 0 <= info.entropy(pair[0]) <= math.log(len(pair[0])) + 1e-15

    def test_perplexity_is_the_exponential_whatever_the_base(self):
        p = rows(5)[0]
        assert info.perplexity(p) == pytest.approx(2 ** info.entropy(p, base=2), rel=1e-14)


class TestCrossEntropy:
    @quick
    @given(pairs())
    def test_is_entropy_plus_divergence(self, pair):
        whole = info.entropy(pair[0]) + info.kl_divergence(*pair)
        assert info.cross_entropy(*pair) == pytest.approx(whole, rel=1e-12, abs=1e-14)

    def test_is_infinite_only_where_q_misses_an_outcome_of_p(self):
        assert info.cross_entropy([0.5, 0.5], [1, 0]) == math.inf
        assert info.cross_entropy([1, 0], [1, 0]) == 0

    def test_subnormal_probabilities_are_not_zeros(self):
        assert info.cross_entropy([1, 0], [5e-324, 1]) == pytest.approx(744.4400719213812)


class TestKLDivergence:
    @pytest.mark.parametrize("scale", [10.0**-k for k in range(15)])
    def test_has_thirteen_digits_at_every_scale(self, scale):
        rng = np.random.default_rng(1)
        for size in (2, 9, 300):
            p = rng.dirichlet(np.ones(size))
            q = p * (1 + scale * rng.standard_normal(size)).clip(0.01)
            q /= q.sum()
            if not np.array_equal(p, q):
                assert error(info.kl_divergence(p, q), exact_kl(p, q)) < 1e-13

    def test_of_rows_that_differ_in_the_last_digit_is_right(self):
        p = np.full(8, 1 / 8)
        q = p.copy()
        q[0] = np.nextafter(q[0], 1)
        assert 0 < exact_kl(p, q) < 1e-32
        assert error(info.kl_divergence(p, q), exact_kl(p, q)) < 1e-13

    def test_of_proportional_counts_is_exactly_zero(self):
        assert info.kl_divergence([1, 2, 4], [3, 6, 12], normalize=True) == 0

    def test_of_near_proportional_counts_has_thirteen_digits(self):
        p, q = [10**8, 3 * 10**8, 7], [3 * 10**8 + 1, 9 * 10**8, 21]
        value = info.kl_divergence(p, q, normalize=True)
        assert error(value, exact_kl(p, q)) < 1e-13

    @pytest.mark.parametrize("size", [1e-300, 1e300])
    def test_counts_may_be_huge_or_tiny(self, size):
        p, q = np.array([1.0, 2, 4]), np.array([1.0, 2, 4.001])
        value = info.kl_divergence(p * size, q * size, normalize=True)
        assert error(value, exact_kl(p, q)) < 1e-9
        assert np.isclose(info.entropy(p * size, normalize=True), stats.entropy(p), rtol=1e-13)

    def test_agrees_with_scipy_where_scipy_keeps_its_digits(self):
        p, q = rows(30, 1, 40), rows(30, 2, 40)
        assert np.allclose(info.kl_divergence(p, q), stats.entropy(p, q, axis=1), rtol=1e-13)

    def test_of_two_coins_matches_the_closed_form(self):
        value = info.kl_divergence([0.5, 0.5], [0.25, 0.75])
        assert value == pytest.approx(0.5 * math.log(4 / 3), rel=1e-15)

    @quick
    @given(pairs())
    def test_is_zero_for_equal_rows_positive_for_others_and_never_nan(self, pair):
        p, q = pair
        assert info.kl_divergence(p, p) == 0
        assert not np.signbit(info.kl_divergence(p, p))
        assert (info.kl_divergence(p, q) > 0) == (not np.array_equal(p, q))

    @quick
    @given(pairs(), st.permutations(range(6)))
    def test_does_not_depend_on_the_order_of_outcomes(self, pair, order):
        order = [i for i in order if i < len(pair[0])]
        moved = info.kl_divergence(*(x[order] for x in pair))
        assert moved == pytest.approx(info.kl_divergence(*pair), rel=1e-12)

    @quick
    @given(pairs())
    def test_merging_outcomes_never_increases_it(self, pair):
        merged = [np.array([x[0] + x[1], *x[2:]]) for x in pair]
        assert info.kl_divergence(*merged) <= info.kl_divergence(*pair) * (1 + 1e-12) + 1e-15

    def test_is_infinite_where_q_misses_an_outcome_and_finite_where_p_does(self):
        assert info.kl_divergence([0.5, 0.5], [1, 0]) == math.inf
        assert info.kl_divergence([1, 0], [0.5, 0.5]) == pytest.approx(LOG2, rel=1e-15)

    def test_a_negative_zero_is_a_zero(self):
        assert info.kl_divergence([1, 0], [1, -0.0]) == 0
        assert info.kl_divergence([1, -0.0], [0.5, 0.5]) == pytest.approx(LOG2, rel=1e-15)
        assert info.kl_divergence([0.5, 0.5], [1, -0.0]) == math.inf
        assert info.entropy([1, -0.0]) == 0

    @pytest.mark.parametrize("step", [0.15, 0.3, 1.0])
    def test_long_rows_keep_thirteen_digits_where_the_quick_form_takes_over(self, step):
        rng = np.random.default_rng(7)
        p = rng.dirichlet(np.ones(784))
        q = p * np.exp(step * rng.standard_normal(784))
        q /= q.sum()
        assert info.kl_divergence(p, q) > _kernels.CAREFUL_BELOW
        assert error(info.kl_divergence(p, q), exact_kl(p, q)) < 1e-13

    def test_rows_do_not_disturb_each_other(self):
        p = np.concatenate([rows(4, 1, 30), [[1, 0, 0, 0], [0.25] * 4, [0.5, 0.5, 0, 0]]])
        q = np.concatenate([rows(4, 2, 30), [[0, 1, 0, 0], [0.25] * 4, [0.5, 0.25, 0.25, 0]]])
        alone = [info.kl_divergence(a, b) for a, b in zip(p, q, strict=True)]
        assert np.allclose(info.kl_divergence(p, q), alone, rtol=1e-14, atol=0)

    def test_does_not_depend_on_the_size_of_blocks(self, monkeypatch):
        p, q = rows(10, 1, 50), rows(10, 2, 50)
        whole = info.kl_divergence(p, q)
        monkeypatch.setattr(_kernels, "BLOCK", 30)
        assert np.allclose(info.kl_divergence(p, q), whole, rtol=1e-14)


class TestPeersWrongAnswers:
    def test_scipy_entropy_of_a_negative_probability_is_minus_infinity_here_an_error(self):
        assert stats.entropy([-0.1, 1.1]) == -math.inf
        with pytest.raises(ValueError, match=r"p, row 0: entry 0 is -0\.1"):
            info.entropy([-0.1, 1.1])

    def test_scipy_normalises_silently_here_it_must_be_asked_for(self):
        assert stats.entropy([0.5, 0.5], [0.3, 0.3]) == 0
        with pytest.raises(ValueError, match=r"q, row 0 sums to 0\.6, not to 1.*normalize=True"):
            info.kl_divergence([0.5, 0.5], [0.3, 0.3])
        assert info.kl_divergence([0.5, 0.5], [0.3, 0.3], normalize=True) == 0

    def test_a_ratio_that_overflows_still_has_its_logarithm(self):
        expected = 744.4400719213812
        assert info.kl_divergence([1, 0], [5e-324, 1]) == pytest.approx(expected, rel=1e-15)

    def test_float32_softmax_rows_have_no_negative_divergence(self):
        logits = np.random.default_rng(3).standard_normal((200, 10)).astype(np.float32)
        near = logits + np.float32(1e-4)
        p, q = (np.exp(x) / np.exp(x).sum(1, keepdims=True) for x in (logits, near))
        assert p.dtype == np.float32
        assert (np.sum(p * np.log(p / q), axis=1) < 0).any()
        values = info.kl_divergence(p, q)
        assert (values >= 0).all()
        assert error(values[0], exact_kl(p[0], q[0])) < 1e-13

    def test_scipy_loses_the_digits_of_near_equal_rows(self):
        p = np.array([0.2, 0.3, 0.5])
        q = np.array([0.2 + 1e-9, 0.3, 0.5 - 1e-9])
        assert error(stats.entropy(p, q), exact_kl(p, q)) > 1e-3
        assert error(info.kl_divergence(p, q), exact_kl(p, q)) < 1e-13


class TestNearCertainty:
    @pytest.mark.parametrize("rare", [1e-3, 1e-6, 1e-9, 1e-12, 1e-17, 1e-300])
    def test_entropy_keeps_its_digits(self, rare):
        row = np.array([rare / 4, 1 - rare, rare * 3 / 4])
        with mpmath.workdps(350):  # 1 - 1e-300
            (p,) = exact_rows(row)
            exact = -mpmath.fsum(x * mpmath.log(x) for x in p if x)
        assert error(info.entropy(row), exact) < 1e-14
        assert error(info.joint_entropy(np.stack([row, 0 * row])), exact) < 1e-14

    def test_a_certain_outcome_has_no_entropy(self):
        assert info.entropy([[1, 0, 0], [0, 0, 1]]).tolist() == [0, 0]


class TestSigns:
    """A pass over the last argument is saved; what it would have found is found all the same."""

    @pytest.mark.parametrize("size", [3, 40, 3000])
    @pytest.mark.parametrize("row", [0, 150, 299])
    @pytest.mark.parametrize("at_a_zero_of_p", [False, True])
    @pytest.mark.parametrize("both", [False, True])
    def test_a_negative_entry_is_found_in_any_block_beside_zeros_too(
        self, size, row, at_a_zero_of_p, both
    ):
        p, q = rows(size, 1, 300), rows(size, 2, 300)
        if at_a_zero_of_p:
            p[row, 1], p[row, 0] = 0.0, p[row, :2].sum()
        q[row, 1], q[row, 0] = -0.25, q[row, :2].sum() + 0.25
        if both:
            p[row, 1], p[row, 0] = -0.25, p[row, :2].sum() + 0.25
        name = "p" if both else "q"
        for divergence in (info.kl_divergence, js_divergence):
            with pytest.raises(ValueError, match=rf"{name}, row {row}: entry 1 is -0\.25"):
                divergence(p, q)
        with pytest.raises(ValueError, match=rf"p, row {row}: entry 1 is -0\.25"):
            info.entropy(q)

    def test_zeros_of_the_last_argument_are_no_fault(self):
        p, q = rows(40, 1, 300), rows(40, 2, 300)
        q[[0, 299], 1] = 0.0
        q /= q.sum(axis=1, keepdims=True)
        assert np.flatnonzero(np.isinf(info.kl_divergence(p, q))).tolist() == [0, 299]
        assert np.isfinite(js_divergence(p, q)).all()
        assert np.isfinite(info.entropy(q)).all()


class TestConventions:
    def test_the_axis_is_moved_in_each_array_separately(self):
        p, q = rows(3, 1, 4), rows(3, 2)[0]
        expected = info.kl_divergence(p, q)
        assert np.array_equal(info.kl_divergence(p.T, q, axis=0), expected)
        assert expected.shape == (4,)

    def test_leading_axes_broadcast(self):
        p, q = rows(3, 1, 4)[:, None], rows(3, 2, 5)[None]
        table = info.kl_divergence(p, q)
        assert table.shape == (4, 5)
        assert table[2, 3] == pytest.approx(info.kl_divergence(p[2, 0], q[0, 3]), rel=1e-14)

    def test_an_alphabet_of_length_one_never_stands_for_another(self):
        with pytest.raises(ValueError, match="p has 2 outcomes, q has 1 outcomes"):
            info.kl_divergence([0.5, 0.5], [1.0])

    def test_leading_shapes_that_do_not_fit_are_named(self):
        with pytest.raises(ValueError, match=r"p: \(2,\), q: \(3,\)"):
            info.kl_divergence(rows(4, n=2), rows(4, n=3))

    @pytest.mark.parametrize("function", [info.entropy, info.perplexity])
    def test_no_rows_give_no_values(self, function):
        assert function(np.empty((0, 3))).shape == (0,)
        assert function(np.empty((2, 0, 3))).shape == (2, 0)

    def test_no_rows_of_logits_give_no_values(self):
        assert info.kl_from_logits(np.empty((0, 3)), np.empty((0, 3))).shape == (0,)

    def test_an_empty_alphabet_is_refused(self):
        with pytest.raises(ValueError, match=r"p of shape \(2, 0\) has no outcomes"):
            info.entropy(np.empty((2, 0)))

    def test_a_single_number_is_refused(self):
        with pytest.raises(ValueError, match="p is the single number 1: it needs an axis"):
            info.entropy(1)

    def test_a_missing_axis_is_refused(self):
        with pytest.raises(ValueError, match="axis=1 does not exist in p of shape"):
            info.entropy([0.5, 0.5], axis=1)

    def test_the_tolerance_is_that_of_the_dtype_of_the_input(self):
        p = np.array([0.5, 0.5 + 1e-5])
        assert info.entropy(p.astype(np.float32)) > 0
        with pytest.raises(ValueError, match="sums to"):
            info.entropy(p)
        assert info.entropy([0.5, 0.5 + 1e-8]) == pytest.approx(LOG2, rel=1e-12)

    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -1e-300])
    def test_no_probability_is_refused_with_its_row_and_place(self, bad):
        p = rows(3, n=4)
        p[2, 1] = bad
        with pytest.raises(ValueError, match=rf"p, row 2: entry 1 is {bad}"):
            info.entropy(p)
        with pytest.raises(ValueError, match=rf"p, row 2: entry 1 is {bad}"):
            info.entropy(p, normalize=True)

    def test_the_row_of_a_fault_is_counted_over_all_blocks(self, monkeypatch):
        monkeypatch.setattr(_kernels, "BLOCK", 6)
        p = rows(3, n=9)
        p[7] /= 2
        with pytest.raises(ValueError, match=r"p, row 7 sums to 0\.5"):
            info.entropy(p)

    def test_an_empty_row_of_counts_is_refused(self):
        with pytest.raises(ValueError, match=r"row 1 sums to 0.*must hold something"):
            info.entropy([[1, 2], [0, 0]], normalize=True)

    def test_counts_too_large_to_add_are_refused(self):
        with pytest.raises(ValueError, match="sums to inf"):
            info.entropy([1.7e308, 1.7e308], normalize=True)

    def test_counts_are_normalised_when_asked(self):
        value = info.entropy([[1, 1], [3, 1]], normalize=True, base=2)
        assert np.allclose(value, [1, stats.entropy([3, 1], base=2)], rtol=1e-14)

    @pytest.mark.parametrize(
        "bad",
        [
            np.ma.masked_array([0.5, 0.5], [False, True]),
            np.array([0.5, 0.5j]),
            np.array([0.5, 0.5], dtype=object),
            ["a", "b"],
        ],
    )
    def test_masked_complex_and_object_arrays_are_refused(self, bad):
        with pytest.raises(TypeError, match=r"p (has masked entries|must hold real numbers)"):
            info.entropy(bad)

    def test_a_masked_array_without_masked_entries_is_accepted(self):
        assert info.entropy(np.ma.masked_array([0.5, 0.5])) == pytest.approx(LOG2)

    @pytest.mark.parametrize("bad", [1, 0, -2, 0.5, math.inf, math.nan, "2"])
    def test_a_base_must_be_finite_and_above_one(self, bad):
        with pytest.raises(ValueError, match="base must be a finite number greater than 1"):
            info.entropy([0.5, 0.5], base=bad)

    def test_the_base_is_the_unit(self):
        p = rows(6)[0]
        for base in (2, 10, math.e, np.float32(2)):
            expected = info.entropy(p) / math.log(base)
            assert info.entropy(p, base=base) == pytest.approx(expected, rel=1e-15)

    def test_keepdims_keeps_the_axis(self):
        p = rows(3, n=8).reshape(2, 4, 3)
        assert info.entropy(p, keepdims=True).shape == (2, 4, 1)
        assert info.entropy(p.swapaxes(1, 2), axis=1, keepdims=True).shape == (2, 1, 4)
        assert info.kl_divergence(p, p, keepdims=True).shape == (2, 4, 1)
        assert info.entropy([0.5, 0.5], keepdims=True).shape == (1,)

    @pytest.mark.parametrize("make", [list, tuple, np.array, Tensor])
    def test_a_single_distribution_gives_a_float64(self, make):
        value = info.kl_divergence(make([0.5, 0.5]), make([0.25, 0.75]))
        assert type(value) is np.float64
        assert value == pytest.approx(0.5 * math.log(4 / 3), rel=1e-15)

    def test_integers_and_single_precision_are_computed_in_double(self):
        assert info.kl_divergence([1, 0], [1, 0]).dtype == np.float64
        p, q = (rows(5, seed)[0].astype(np.float32) for seed in (1, 2))
        assert error(info.kl_divergence(p, q), exact_kl(p, q)) < 1e-14

    def test_the_input_is_left_as_it_was(self):
        p, q = rows(5, 1, 3), rows(5, 2, 3)
        before = p.copy(), q.copy()
        info.kl_divergence(p, q)
        info.kl_divergence(p, p)
        assert np.array_equal(p, before[0])
        assert np.array_equal(q, before[1])

    def test_views_with_any_strides_are_accepted(self):
        p, q = rows(8, 1, 6), rows(8, 2, 6)
        expected = info.kl_divergence(p, q)
        fortran = info.kl_divergence(np.asfortranarray(p), q)
        assert np.allclose(fortran, expected, rtol=1e-14)
        assert np.allclose(info.kl_divergence(p[::-1], q[::-1])[::-1], expected, rtol=1e-14)


def peak_in_mebibytes(call):
    """The most memory that a call holds at a time, its result included."""
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


OF_ROWS = {
    "entropy": lambda p, q: info.entropy(p),
    "perplexity": lambda p, q: info.perplexity(p),
    "cross_entropy": info.cross_entropy,
    "kl_divergence": info.kl_divergence,
    "cross_entropy_from_logits": info.cross_entropy_from_logits,
    "kl_from_logits": info.kl_from_logits,
    "js_from_logits": info.js_from_logits,
}
OF_TABLES = {
    "joint_entropy": info.joint_entropy,
    "conditional_entropy": lambda pxy: info.conditional_entropy(pxy, given="x"),
    "conditional_entropy given y": lambda pxy: info.conditional_entropy(pxy, given="y"),
    "mutual_information": info.mutual_information,
    "conditional_kl_divergence": lambda pxy: info.conditional_kl_divergence(pxy, pxy[::-1]),
}


class TestMemory:
    @pytest.mark.parametrize("function", [info.information_content, info.binary_entropy])
    @pytest.mark.parametrize("numbers", [500_000, 4_000_000])
    def test_events_need_four_mib_beyond_what_they_return(self, function, numbers):
        p = np.full(numbers, 0.25, dtype=np.float32)
        values = p.size * 8 / 2**20
        assert peak_in_mebibytes(lambda: function(p, base=2)) - values < 4

    @pytest.mark.parametrize("name", OF_ROWS)
    def test_many_rows_need_ten_mib_however_many_they_are(self, name):
        p, q = (np.tile(rows(784, seed, 100), (20, 1)) for seed in (1, 2))
        q[::100] = p[0]
        q[::100, :2] += [1e-9, -1e-9]
        assert p.nbytes > 10 * 2**20
        assert peak_in_mebibytes(lambda: OF_ROWS[name](p, q)) < 10
        assert peak_in_mebibytes(lambda: OF_ROWS[name](p[:1], q)) < 10

    @pytest.mark.parametrize("name", OF_TABLES)
    def test_many_tables_need_ten_mib_however_many_they_are(self, name):
        tables = np.tile(rows(784, 1, 100), (20, 1)).reshape(2000, 28, 28)
        assert peak_in_mebibytes(lambda: OF_TABLES[name](tables)) < 10

    @pytest.mark.parametrize(
        ("name", "times"),
        [
            ("entropy", 0.5),
            ("perplexity", 0.5),
            ("cross_entropy", 0.5),
            ("kl_divergence", 0.5),
            ("cross_entropy_from_logits", 2.5),
            ("kl_from_logits", 14),
            ("js_from_logits", 11),
        ],
    )
    def test_one_long_row_needs_a_fixed_multiple_of_its_length(self, name, times):
        p, q = rows(400_000, 1)[0], rows(400_000, 2)[0]
        near = p * (1 + 1e-7 * np.random.default_rng(3).standard_normal(p.shape))
        near /= near.sum()
        limit = times * p.nbytes / 2**20
        assert peak_in_mebibytes(lambda: OF_ROWS[name](p, q)) < limit
        assert peak_in_mebibytes(lambda: OF_ROWS[name](p, near)) < limit


@st.composite
def joint_tables(draw, number=1):
    """Joint tables of 2 or 3 by 2 to 4 outcomes, some of them impossible."""
    shape = draw(st.integers(2, 3)), draw(st.integers(2, 4))
    size = math.prod(shape)
    counts = st.lists(st.integers(0, 20), min_size=size, max_size=size).filter(any)
    drawn = [np.array(draw(counts), float).reshape(shape) for _ in range(number)]
    return [table / table.sum() for table in drawn]


class TestInequalities:
    @quick
    @given(pairs())
    def test_no_code_for_another_law_is_shorter_than_the_entropy(self, pair):
        assert info.cross_entropy(*pair) >= info.entropy(pair[0]) * (1 - 1e-14)

    @quick
    @given(pairs(), st.floats(0, 1))
    def test_entropy_is_concave(self, pair, share):
        p, q = pair
        mixed = info.entropy(share * p + (1 - share) * q)
        assert mixed >= (share * info.entropy(p) + (1 - share) * info.entropy(q)) * (1 - 1e-13)

    @quick
    @given(joint_tables())
    def test_knowledge_never_adds_entropy_and_information_is_mutual(self, tables):
        [pxy] = tables
        y, x = info.entropy(pxy.sum(0)), info.entropy(pxy.sum(1))
        shared = info.mutual_information(pxy)
        assert info.conditional_entropy(pxy, given="x") <= y * (1 + 1e-13) + 1e-15
        assert 0 <= shared <= min(x, y) * (1 + 1e-12) + 1e-15
        assert info.mutual_information(pxy.T) == pytest.approx(shared, rel=1e-12, abs=1e-30)
        both = np.outer(pxy.sum(1), pxy.sum(0)).ravel()
        assert info.kl_divergence(pxy.ravel(), both) == pytest.approx(shared, rel=1e-9, abs=1e-15)

    @quick
    @given(joint_tables(2))
    def test_the_chain_rules_hold(self, tables):
        p, q = tables
        joint = info.joint_entropy(p)
        parts = info.entropy(p.sum(1)) + info.conditional_entropy(p, given="x")
        assert joint == pytest.approx(parts, rel=1e-12, abs=1e-14)
        whole = info.kl_divergence(p.ravel(), q.ravel())
        marginal = info.kl_divergence(p.sum(1), q.sum(1))
        rest = info.conditional_kl_divergence(p, q)
        assert whole == pytest.approx(marginal + rest, rel=1e-11, abs=1e-14)
        assert marginal <= whole * (1 + 1e-12) + 1e-15

    @quick
    @given(joint_tables(), st.lists(st.integers(0, 9), min_size=12, max_size=12))
    def test_processing_one_variable_never_adds_information(self, tables, noise):
        [pxy] = tables
        channel = np.array(noise, float).reshape(4, 3)[: pxy.shape[1]] + 0.01
        channel /= channel.sum(axis=1, keepdims=True)
        before, after = info.mutual_information(pxy), info.mutual_information(pxy @ channel)
        assert after <= before * (1 + 1e-10) + 1e-15


class TestJointTables:
    table = np.array([[0.125, 0.0625, 0.0625], [0.25, 0.5, 0.0]])

    def test_the_chain_rule_of_entropy_holds(self):
        joint = info.joint_entropy(self.table)
        for given_name, axis in (("x", 1), ("y", 0)):
            rest = info.conditional_entropy(self.table, given=given_name)
            assert joint == pytest.approx(info.entropy(self.table.sum(axis)) + rest, rel=1e-14)

    def test_mutual_information_is_what_knowing_one_variable_removes(self):
        expected = info.entropy(self.table.sum(0)) - info.conditional_entropy(self.table, given="x")
        assert info.mutual_information(self.table) == pytest.approx(expected, rel=1e-13)

    def test_independent_variables_share_nothing(self):
        assert info.mutual_information(np.outer([0.25, 0.75], [0.5, 0.5])) == 0
        p = np.outer(rows(4, 1)[0], rows(5, 2)[0])
        assert 0 <= info.mutual_information(p) < 1e-30

    def test_a_function_of_the_other_variable_keeps_no_entropy(self):
        value = info.conditional_entropy([[0.1, 0], [0.2, 0], [0, 0.7]], given="x")
        assert value == 0
        assert not np.signbit(value)

    def test_the_chain_rule_of_the_divergence_holds(self):
        p, q = rows(12, 1)[0].reshape(3, 4), rows(12, 2)[0].reshape(3, 4)
        whole = info.kl_divergence(p.ravel(), q.ravel())
        parts = info.kl_divergence(p.sum(1), q.sum(1)) + info.conditional_kl_divergence(p, q)
        assert whole == pytest.approx(parts, rel=1e-13)

    def test_a_condition_that_q_never_meets_makes_it_infinite(self):
        p, q = [[0.5, 0], [0.25, 0.25]], [[0, 0], [0.5, 0.5]]
        assert info.conditional_kl_divergence(p, q) == math.inf

    def test_axes_may_be_anywhere_and_counts_are_normalised(self):
        tables = np.random.default_rng(0).integers(1, 9, (5, 2, 3))
        moved = np.moveaxis(tables, 0, 1)
        expected = [info.mutual_information(t / t.sum()) for t in tables]
        value = info.mutual_information(moved, axes=(0, 2), normalize=True)
        assert np.allclose(value, expected, rtol=1e-12)

    def test_faults_are_named(self):
        with pytest.raises(ValueError, match="given must be 'x' or 'y', got 'z'"):
            info.conditional_entropy(self.table, given="z")
        with pytest.raises(ValueError, match=r"axes=\(0, 0\) must name two axes of pxy"):
            info.joint_entropy(self.table, axes=(0, 0))
        with pytest.raises(ValueError, match=r"axes=\(-2, -1\) must name two axes of pxy"):
            info.joint_entropy([0.5, 0.5])
        with pytest.raises(ValueError, match=r"pxy is \(2, 3\) and qxy is \(3, 2\)"):
            info.conditional_kl_divergence(self.table, self.table.T)
        with pytest.raises(ValueError, match="pxy, row 0 sums to 2"):
            info.joint_entropy(self.table * 2)


class TestLogits:
    @pytest.mark.parametrize("scale", [1, 1e-2, 1e-4, 1e-7, 1e-10, 1e-14])
    def test_kl_and_js_have_twelve_digits_at_every_scale(self, scale):
        rng = np.random.default_rng(4)
        a = rng.standard_normal(7)
        b = a + scale * rng.standard_normal(7)
        with mpmath.workdps(60):
            p, q = exact_softmax(a), exact_softmax(b)
            m = [(x + y) / 2 for x, y in zip(p, q, strict=True)]
            kl = mpmath.fsum(x * mpmath.log(x / y) for x, y in zip(p, q, strict=True))
            js = mpmath.fsum(
                (x * mpmath.log(x / z) + y * mpmath.log(y / z)) / 2
                for x, y, z in zip(p, q, m, strict=True)
            )
            assert error(info.kl_from_logits(a, b), kl) < 1e-12
            assert error(info.js_from_logits(a, b), js) < 1e-12

    @pytest.mark.parametrize("shift", [0.0, 1000.1, -3e5])
    @pytest.mark.parametrize(
        "steps", [[1e-7, -3e-7, 2e-7, 0], [0, 0, 0, -7.5], [1e-3, 0, 1e-4, 9], [0.3, -2, 5, 1]]
    )
    def test_keep_their_digits_whatever_is_added_and_where_rare_outcomes_differ_much(
        self, steps, shift
    ):
        a = np.array([0.3, -1.1, 0.7, -23.0])
        b = a + steps + shift
        with mpmath.workdps(60):
            p, q = exact_softmax(a), exact_softmax(b)
            m = [(x + y) / 2 for x, y in zip(p, q, strict=True)]
            kl = mpmath.fsum(x * mpmath.log(x / y) for x, y in zip(p, q, strict=True))
            js = mpmath.fsum(
                (x * mpmath.log(x / z) + y * mpmath.log(y / z)) / 2
                for x, y, z in zip(p, q, m, strict=True)
            )
            assert error(info.kl_from_logits(a, b), kl) < 1e-11
            assert error(info.js_from_logits(a, b), js) < 1e-11

    def test_agree_with_the_forms_for_probabilities(self):
        a, b = np.random.default_rng(5).standard_normal((2, 20, 6))
        p, q = (np.exp(x) / np.exp(x).sum(1, keepdims=True) for x in (a, b))
        m = (p + q) / 2
        js = (info.kl_divergence(p, m) + info.kl_divergence(q, m)) / 2
        assert np.allclose(info.kl_from_logits(a, b), info.kl_divergence(p, q), rtol=1e-12)
        assert np.allclose(info.js_from_logits(a, b), js, rtol=1e-12)
        assert np.allclose(info.cross_entropy_from_logits(p, b), info.cross_entropy(p, q), 1e-12)

    def test_near_softmaxes_of_many_outcomes_are_half_the_variance_of_the_difference_apart(self):
        a, steps = np.random.default_rng(7).standard_normal((2, 20_000))
        p = np.exp(a) / np.exp(a).sum()
        half_variance = (np.vecdot(p, steps**2) - np.vecdot(p, steps) ** 2) / 2
        value = info.kl_from_logits(a, a + 1e-5 * steps)
        assert value == pytest.approx(1e-10 * half_variance, rel=1e-4)

    def test_a_constant_added_to_the_logits_changes_nothing(self):
        a, b = np.random.default_rng(6).integers(-9, 9, (2, 5, 6)).astype(float)
        assert np.allclose(
            info.kl_from_logits(a, b), info.kl_from_logits(a + 64, b - 32), rtol=1e-14
        )
        assert info.kl_from_logits([0, 1, 2], [100, 101, 102]) == 0
        assert info.js_from_logits([0, 1, 2], [100, 101, 102]) == 0

    def test_large_logits_neither_overflow_nor_vanish(self):
        assert info.kl_from_logits([0, 0], [0, 2000]) == pytest.approx(1000 - LOG2, rel=1e-15)
        assert info.cross_entropy_from_logits([1, 0], [0, 1000]) == 1000

    @pytest.mark.parametrize(
        ("a", "b"),
        [([0, -100], [0, -900]), ([0, -700], [0, -800]), ([0, -40, -50], [1e-9, -800, -50.5])],
    )
    def test_a_model_too_small_for_a_float_costs_a_finite_number(self, a, b):
        with mpmath.workdps(400):
            p, q = exact_softmax(a), exact_softmax(b)
            exact = mpmath.fsum(x * mpmath.log(x / y) for x, y in zip(p, q, strict=True))
            assert error(info.kl_from_logits(a, b), exact) < 1e-12

    @pytest.mark.parametrize("logits", [[40, 0, -1], [0, 700, 1e-9], [3, 3.5, 2], [-5, 1e5, -1e5]])
    def test_the_loss_of_a_sure_right_answer_keeps_its_digits(self, logits):
        label = np.eye(3)[np.argmax(logits)]
        with mpmath.workdps(400):
            loss = -mpmath.log(exact_softmax(logits)[int(np.argmax(logits))])
            found = info.cross_entropy_from_logits(label, logits)
            if loss < mpmath.mpf("1e-320"):
                assert found == 0
            else:
                assert error(found, loss) < 1e-14
        assert info.js_from_logits([0, -1e300], [-1e300, 0]) == pytest.approx(LOG2, rel=1e-15)

    def test_minus_infinity_stands_for_an_impossible_outcome(self):
        inf = math.inf
        assert info.kl_from_logits([0, 0], [0, -inf]) == inf
        assert info.kl_from_logits([0, -inf], [0, 0]) == pytest.approx(LOG2, rel=1e-15)
        assert info.kl_from_logits([0, 1, -inf], [0, 1, -inf]) == 0
        assert info.js_from_logits([0, -inf], [-inf, 0]) == pytest.approx(LOG2, rel=1e-15)
        assert info.js_from_logits([0, 1, -inf], [0, 1, -inf]) == 0
        assert info.cross_entropy_from_logits([1, 0], [0, -inf]) == 0
        assert info.cross_entropy_from_logits([0, 1], [0, -inf]) == inf

    @pytest.mark.parametrize("bad", [[0, math.nan], [0, math.inf], [-math.inf, -math.inf]])
    def test_rows_without_a_softmax_are_refused(self, bad):
        with pytest.raises(ValueError, match="q_logits, row 1 has the largest entry"):
            info.kl_from_logits([[0, 0], [0, 0]], [[0, 0], bad])

    @quick
    @given(st.lists(st.floats(-800, 800), min_size=4, max_size=4), st.floats(-1e-3, 1e-3))
    def test_are_never_negative_and_never_nan(self, logits, step):
        a = np.array(logits)
        b = a + step * np.arange(4)
        assert info.kl_from_logits(a, b) >= 0
        assert 0 <= info.js_from_logits(a, b) <= LOG2
        assert info.kl_from_logits(a, a[::-1]) >= 0
        assert 0 <= info.js_from_logits(a, a[::-1]) <= LOG2 * (1 + 1e-15)
