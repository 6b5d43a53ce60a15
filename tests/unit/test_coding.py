"""Codes against brute force, entropy, rational arithmetic and what they refuse."""

import copy
import itertools
import math
import pickle
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from divkit import coding, information

quick = settings(max_examples=60, derandomize=True, deadline=None, database=None)
counts = st.lists(st.integers(1, 50), min_size=2, max_size=12)
bases = st.integers(2, 5)


def least_expected_length(weights, base):
    """The optimum over all vectors of lengths that satisfy Kraft's inequality."""
    total, best = sum(weights), math.inf
    for lengths in itertools.product(range(1, len(weights)), repeat=len(weights)):
        if sum(Fraction(1, base**length) for length in lengths) <= 1:
            best = min(best, sum(w * n for w, n in zip(weights, lengths, strict=True)) / total)
    return best


def entropy_of(weights, base):
    return information.entropy(weights, base=base, normalize=True)


class TestKraftSum:
    @quick
    @given(st.lists(st.integers(0, 200), min_size=1), bases)
    def test_is_the_rational_sum_rounded_once(self, lengths, base):
        exact = sum(Fraction(1, base**length) for length in lengths)
        assert coding.kraft_sum(lengths, base=base) == float(exact)

    def test_a_code_of_thirds_is_complete_without_rounding(self):
        assert coding.kraft_sum([1, 1, 2, 2, 2], base=3) == 1
        assert type(coding.kraft_sum([1])) is np.float64

    def test_two_words_that_share_all_but_the_last_of_a_thousand_digits(self):
        assert coding.kraft_sum([*range(1, 1001), 1000]) == 1

    @pytest.mark.parametrize(
        ("lengths", "base", "kind", "message"),
        [
            ([], 2, ValueError, "lengths must be one row of at least one length"),
            ([[1, 2]], 2, ValueError, r"got \(1, 2\)"),
            ([1, 0, -3], 2, ValueError, r"lengths\[2\] is -3: a length is at least 0"),
            ([1.0, 2.0], 2, TypeError, "lengths must hold integers, got dtype float64"),
            ([1, 2j], 2, TypeError, "lengths must hold real numbers"),
            ([1, 1], 1, ValueError, "base must be at least 2, got 1"),
            ([1, 1], 2.5, TypeError, "must be an integer, got 2.5"),
            ([1, 1], True, TypeError, "must be an integer, got True"),
        ],
    )
    def test_faults_are_named(self, lengths, base, kind, message):
        with pytest.raises(kind, match=message):
            coding.kraft_sum(lengths, base=base)


class TestShannonCodeLengths:
    @quick
    @given(counts, bases)
    def test_lengths_are_the_least_that_suit_the_probability(self, weights, base):
        lengths = coding.shannon_code_lengths(weights, base=base, normalize=True)
        for weight, length in zip(weights, lengths.tolist(), strict=True):
            p = Fraction(weight, sum(weights))
            assert Fraction(1, base**length) <= p
            assert length == 0 or p < Fraction(1, base ** (length - 1))

    @quick
    @given(counts, bases)
    def test_a_prefix_code_has_them_and_wastes_less_than_a_digit(self, weights, base):
        lengths = coding.shannon_code_lengths(weights, base=base, normalize=True)
        mean = np.dot(weights, lengths) / sum(weights)
        entropy = entropy_of(weights, base)
        assert coding.kraft_sum(lengths, base=base) <= 1
        assert entropy - 1e-12 <= mean < entropy + 1

    def test_powers_of_the_base_are_not_rounded_up(self):
        # ceil(-log(p)/log(base)) of floats gives 2 for thirds with three digits at some sizes
        assert coding.shannon_code_lengths([1 / 3] * 3, base=3).tolist() == [1, 1, 1]
        for base, power in [(2, 14), (3, 9), (5, 5), (10, 4)]:
            p = np.ones(base**power)
            assert set(coding.shannon_code_lengths(p, base=base, normalize=True)) == {power}

    def test_the_smallest_float_has_a_length(self):
        assert coding.shannon_code_lengths([1, 5e-324]).tolist() == [1, 1075]

    def test_a_certain_symbol_needs_no_digit(self):
        assert coding.shannon_code_lengths([1.0]).tolist() == [0]

    def test_many_rows_need_little_beyond_their_lengths(self):
        p = np.tile(np.random.default_rng(0).dirichlet(np.ones(20), 10), (100, 1))
        coding.shannon_code_lengths(p[:1])
        tracemalloc.start()
        lengths = coding.shannon_code_lengths(p)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1.5 * lengths.nbytes

    def test_rows_may_lie_along_any_axis(self):
        rows = np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]])
        lengths = coding.shannon_code_lengths(rows)
        assert lengths.tolist() == [[1, 1], [1, 4], [3, 1]]
        assert (coding.shannon_code_lengths(rows.T, axis=0) == lengths.T).all()
        assert coding.shannon_code_lengths(np.ones((0, 4))).shape == (0, 4)

    @pytest.mark.parametrize(
        ("p", "options", "kind", "message"),
        [
            ([0.5, 0.6], {}, ValueError, "p, row 0 sums to 1.1, not to 1"),
            ([[0.5, 0.5], [1, 0]], {}, ValueError, "p, row 1: entry 1 is 0, which no length suits"),
            ([1.5, -0.5], {}, ValueError, "p, row 0: entry 1 is -0.5"),
            ([math.nan, 1], {}, ValueError, "p, row 0: entry 0 is nan"),
            ([], {}, ValueError, "has no outcomes"),
            (1.0, {}, ValueError, "single number"),
            ([0.5, 0.5], {"axis": 1}, ValueError, "axis=1 does not exist"),
            ([0.5, 0.5], {"base": 0}, ValueError, "base must be at least 2, got 0"),
            ([0.5, 0.5], {"base": None}, TypeError, "must be an integer, got None"),
            (["a", "b"], {}, TypeError, "p must hold real numbers"),
        ],
    )
    def test_faults_are_named(self, p, options, kind, message):
        with pytest.raises(kind, match=message):
            coding.shannon_code_lengths(p, **options)


class TestHuffmanCode:
    @pytest.mark.parametrize("base", [2, 3, 4])
    def test_no_lengths_that_satisfy_kraft_have_a_smaller_mean(self, base):
        rng = np.random.default_rng(base)
        cases = [[1, 1, 1, 1, 1], [1, 2, 4, 8, 16], [1, 1, 2, 3, 5], [7, 1], [3, 3, 3]]
        cases += [rng.integers(1, 30, size=size).tolist() for size in (3, 4, 4, 5, 5, 5)]
        for weights in cases:
            code = coding.huffman_code(weights, base=base, normalize=True)
            best = least_expected_length(weights, base) if len(weights) > 2 else 1.0
            assert code.expected_length == pytest.approx(best, rel=1e-14)

    @quick
    @given(counts, bases)
    def test_the_mean_length_is_less_than_a_digit_above_the_entropy(self, weights, base):
        code = coding.huffman_code(weights, base=base, normalize=True)
        entropy = entropy_of(weights, base)
        assert entropy - 1e-12 <= code.expected_length < entropy + 1

    @quick
    @given(counts)
    def test_a_binary_code_meets_kraft_with_equality(self, weights):
        code = coding.huffman_code(weights, normalize=True)
        assert coding.kraft_sum(list(code.lengths.values())) == 1

    @quick
    @given(counts, bases)
    def test_with_more_digits_it_does_when_the_number_of_symbols_fits(self, weights, base):
        lengths = coding.huffman_code(weights, base=base, normalize=True).lengths
        total = coding.kraft_sum(list(lengths.values()), base=base)
        assert total <= 1
        assert (total == 1) == ((len(weights) - 1) % (base - 1) == 0)

    @quick
    @given(counts, bases)
    def test_it_is_never_longer_than_shannons_code(self, weights, base):
        shannon = coding.shannon_code_lengths(weights, base=base, normalize=True)
        code = coding.huffman_code(weights, base=base, normalize=True)
        assert code.expected_length <= np.dot(weights, shannon) / sum(weights) + 1e-12

    @quick
    @given(counts, bases, st.data())
    def test_what_was_encoded_is_decoded(self, weights, base, data):
        code = coding.huffman_code(weights, base=base, normalize=True)
        message = data.draw(st.lists(st.sampled_from(range(len(weights)))))
        assert code.decode(code.encode(message)) == message

    @quick
    @given(counts, bases)
    def test_no_codeword_begins_another(self, weights, base):
        words = list(coding.huffman_code(weights, base=base, normalize=True).codewords.values())
        assert words == sorted(words)
        assert not any(b.startswith(a) for a, b in itertools.pairwise(words))

    def test_blocks_of_symbols_come_as_close_to_the_entropy_as_one_likes(self):
        p, entropy = {"a": 0.9, "b": 0.1}, information.entropy([0.9, 0.1], base=2)
        rates = []
        for size in range(1, 9):
            blocks = {
                "".join(block): math.prod(p[symbol] for symbol in block)
                for block in itertools.product(p, repeat=size)
            }
            rates.append(coding.huffman_code(blocks).expected_length / size)
            assert entropy <= rates[-1] < entropy + 1 / size
        assert rates[:3] == pytest.approx([1, 0.645, 0.532666666667], rel=1e-11)
        assert rates[-1] == pytest.approx(entropy, rel=0.02)

    def test_dyadic_probabilities_reach_the_entropy(self):
        p = [0.5, 0.25, 0.125, 0.0625, 0.0625]
        assert coding.huffman_code(p).expected_length == information.entropy(p, base=2) == 1.875

    def test_of_equally_probable_nodes_the_older_is_taken_first(self):
        code = coding.huffman_code(dict.fromkeys("abcde", 1), normalize=True)
        assert code.codewords == {"c": "00", "d": "01", "e": "10", "a": "110", "b": "111"}

    def test_ties_are_broken_so_that_the_longest_word_is_shortest(self):
        lengths = coding.huffman_code([0.25, 0.25, 0.125, 0.125, 0.25]).lengths
        assert max(lengths.values()) == 3
        # (1, 2, 3, 3) has the same mean
        assert set(coding.huffman_code([2, 1, 1, 1], normalize=True).lengths.values()) == {2}

    def test_a_single_symbol_gets_one_digit_so_that_messages_keep_their_length(self):
        code = coding.huffman_code({"only": 1.0})
        assert code.codewords == {"only": "0"}
        assert code.expected_length == 1
        assert code.decode(code.encode(["only"] * 3)) == ["only"] * 3
        with pytest.raises(ValueError, match="'1': no codeword goes on so"):
            code.decode("1")

    def test_a_symbol_of_probability_zero_gets_no_codeword(self):
        code = coding.huffman_code([0.5, 0, 0.5])
        assert code.codewords == {0: "0", 2: "1"}
        with pytest.raises(ValueError, match=r"symbols\[1\] is 1, which has no codeword"):
            code.encode([0, 1])

    def test_a_tree_deeper_than_pythons_recursion_is_no_obstacle(self):
        p = np.append(0.5 ** np.arange(1, 1074), 0.5**1073)
        code = coding.huffman_code(p)
        assert max(code.lengths.values()) == 1073
        assert code.decode(code.encode([1073, 0])) == [1073, 0]
        assert code.expected_length == pytest.approx(2, rel=1e-15)

    def test_the_tree_holds_the_probabilities_of_its_leaves(self):
        tree = coding.huffman_code({"a": 3, "b": 1}, normalize=True).tree
        assert (tree.probability, tree.symbol) == (1, None)
        assert [(c.probability, c.symbol, c.children) for c in tree.children] == [
            (0.25, "b", ()),
            (0.75, "a", ()),
        ]

    def test_the_result_cannot_be_changed_and_can_be_kept(self):
        code = coding.huffman_code({"a": 0.5, "b": 0.5})
        with pytest.raises(AttributeError):
            code.base = 3
        code.codewords["a"] = "1"
        assert code.codewords["a"] == "0"
        assert pickle.loads(pickle.dumps(code)) == copy.deepcopy(code) == code
        assert hash(code) == hash(copy.copy(code))

    def test_the_given_probabilities_are_not_changed(self):
        p = np.array([3.0, 1.0])
        coding.huffman_code(p, normalize=True)
        assert p.tolist() == [3, 1]

    @pytest.mark.parametrize(
        ("text", "kind", "message"),
        [
            ("11011", ValueError, "text ends inside a codeword: '11' from place 3 on"),
            ("02", ValueError, r"text\[1\] is '2': no codeword goes on so after ''"),
            ("1x", ValueError, r"text\[1\] is 'x': no codeword goes on so after '1'"),
            (10, TypeError, "text must be a string of digits, got int"),
            (["1", "0"], TypeError, "got list"),
        ],
    )
    def test_a_text_that_is_not_made_of_words_is_refused(self, text, kind, message):
        code = coding.huffman_code({"a": 0.5, "b": 0.25, "c": 0.125, "d": 0.125})
        assert code.codewords == {"a": "0", "b": "10", "c": "110", "d": "111"}
        with pytest.raises(kind, match=message):
            code.decode(text)

    def test_a_digit_the_ternary_code_leaves_unused_is_refused(self):
        code = coding.huffman_code([4, 3, 2, 1], base=3, normalize=True)
        assert code.codewords == {1: "0", 3: "10", 2: "11", 0: "2"}
        with pytest.raises(ValueError, match=r"text\[2\] is '2': no codeword goes on so after '1'"):
            code.decode("012")

    def test_what_is_no_symbol_is_refused(self):
        code = coding.huffman_code({"a": 0.5, "b": 0.5})
        with pytest.raises(ValueError, match=r"symbols\[2\] is 'c', which has no codeword"):
            code.encode("abc")
        with pytest.raises(ValueError, match=r"symbols\[0\] is \[1\], which has no codeword"):
            code.encode([[1]])

    @pytest.mark.parametrize(
        ("p", "options", "kind", "message"),
        [
            ([], {}, ValueError, "p has no outcomes"),
            ({}, {}, ValueError, "p has no outcomes"),
            ([[0.5, 0.5]], {}, ValueError, r"p must be one distribution of shape \(K,\)"),
            ({"a": 3, "b": 1}, {}, ValueError, "sums to 4.0, not to 1: divide by the sum, or pass"),
            ([0, 0], {"normalize": True}, ValueError, "a row must hold something"),
            ({"a": 1.5, "b": -0.5}, {}, ValueError, "entry 1 is -0.5"),
            ({"a": math.inf, "b": 1}, {"normalize": True}, ValueError, "entry 0 is inf"),
            ({"a": "x"}, {}, TypeError, "p must hold real numbers"),
            ([1, 0.5j], {}, TypeError, "p must hold real numbers"),
            (np.ma.array([0.5, 0.5], mask=[0, 1]), {}, TypeError, "p has masked entries"),
            ([0.5, 0.5], {"base": 37}, ValueError, "base must be at least 2 and at most 36"),
            ([0.5, 0.5], {"base": "2"}, TypeError, "must be an integer, got '2'"),
        ],
    )
    def test_faults_are_named(self, p, options, kind, message):
        with pytest.raises(kind, match=message):
            coding.huffman_code(p, **options)
