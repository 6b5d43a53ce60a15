"""f-divergences against mpmath, their definitions and each other, and what they refuse."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from scipy.spatial import distance

from divkit import fdivergence as fd

LOG2 = math.log(2)
INF = math.inf
quick = settings(max_examples=40, derandomize=True, deadline=None, database=None)

# The three-point example of the course.
P, Q = np.array([0.1, 0.2, 0.7]), np.array([0.8, 0.1, 0.1])


def rows(k, seed=0, n=1):
    return np.random.default_rng(seed).dirichlet(np.ones(k), size=n)


def near_pair(size, scale, seed=1):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(size))
    q = p * (1 + scale * rng.standard_normal(size)).clip(0.01)
    return p, q / q.sum()


def exact_rows(*laws):
    """Return the given floats in many digits, each row divided by its exact sum."""
    exact = [[mpmath.mpf(float(x)) for x in law] for law in laws]
    return [[x / mpmath.fsum(law) for x in law] for law in exact]


def xlogy(x, y):
    return x * mpmath.log(y) if x else mpmath.mpf(0)


def exact_kl(p, q):
    if any(a > 0 and b == 0 for a, b in zip(p, q, strict=True)):
        return mpmath.inf
    return mpmath.fsum(xlogy(a, a / b) for a, b in zip(p, q, strict=True) if a)


def exact_js(*laws, weights=None):
    shares = [mpmath.mpf(1) / len(laws)] * len(laws) if weights is None else weights
    m = [
        mpmath.fsum(w * x for w, x in zip(shares, xs, strict=True))
        for xs in zip(*laws, strict=True)
    ]
    return mpmath.fsum(w * exact_kl(law, m) for w, law in zip(shares, laws, strict=True))


def exact_power_sum(p, q, a):
    return mpmath.fsum(x**a * y ** (1 - a) for x, y in zip(p, q, strict=True))


def exact_hellinger(p, q):
    gaps = ((mpmath.sqrt(a) - mpmath.sqrt(b)) ** 2 for a, b in zip(p, q, strict=True))
    return mpmath.sqrt(mpmath.fsum(gaps) / 2)


def exact_alpha(p, q, a):
    return (exact_power_sum(p, q, mpmath.mpf(a)) - 1) / (mpmath.mpf(a) * (mpmath.mpf(a) - 1))


def exact_renyi(p, q, a):
    return mpmath.log(exact_power_sum(p, q, mpmath.mpf(a))) / (mpmath.mpf(a) - 1)


# Every direct function, with its definition in mpmath (rows without zeros).
DIRECT = {
    "js": (fd.js_divergence, exact_js),
    "js_distance": (fd.js_distance, lambda p, q: mpmath.sqrt(exact_js(p, q))),
    "jeffreys": (fd.jeffreys_divergence, lambda p, q: exact_kl(p, q) + exact_kl(q, p)),
    "total_variation": (
        fd.total_variation,
        lambda p, q: mpmath.fsum(abs(a - b) for a, b in zip(p, q, strict=True)) / 2,
    ),
    "hellinger": (fd.hellinger_distance, exact_hellinger),
    "chi2": (
        fd.chi2_divergence,
        lambda p, q: mpmath.fsum((a - b) ** 2 / b for a, b in zip(p, q, strict=True)),
    ),
    "bhattacharyya": (
        fd.bhattacharyya_divergence,
        lambda p, q: -mpmath.log(exact_power_sum(p, q, mpmath.mpf(1) / 2)),
    ),
    "js of weights .1 and .9": (
        lambda p, q: fd.js_divergence(p, q, weights=[0.1, 0.9]),
        lambda p, q: exact_js(p, q, weights=exact_rows([0.1, 0.9])[0]),
    ),
    "renyi 0.5": (
        lambda p, q: fd.renyi_divergence(p, q, order=0.5),
        lambda p, q: exact_renyi(p, q, 0.5),
    ),
    "renyi inf": (
        lambda p, q: fd.renyi_divergence(p, q, order=INF),
        lambda p, q: mpmath.log(max(a / b for a, b in zip(p, q, strict=True))),
    ),
    **{
        f"{name} {a}": (
            lambda p, q, a=a, ours=ours: ours(p, q, order=a),
            lambda p, q, a=a, exact=exact: exact(p, q, a),
        )
        for name, ours, exact in (
            ("renyi", fd.renyi_divergence, exact_renyi),
            ("alpha", fd.alpha_divergence, exact_alpha),
        )
        for a in (1e-9, 0.01, 0.3, 0.5, 0.999999, 1.000001, 2, 5.5)
    },
    **{
        f"alpha {a}": (
            lambda p, q, a=a: fd.alpha_divergence(p, q, order=a),
            lambda p, q, a=a: exact_alpha(p, q, a),
        )
        for a in (-3.0, -1, -1e-6)
    },
}


def error(value, reference):
    return float(abs(mpmath.mpf(float(value)) - reference) / abs(reference))


@st.composite
def laws(draw, number=2, least=0):
    """Distributions over 2 to 6 outcomes, some of them impossible if `least` is 0."""
    size = draw(st.integers(2, 6))
    counts = st.lists(st.integers(least, 50), min_size=size, max_size=size).filter(any)
    drawn = [np.array(draw(counts), float) for _ in range(number)]
    return [p / p.sum() for p in drawn]


class TestAccuracy:
    @pytest.mark.parametrize("scale", [1, 1e-2, 1e-5, 1e-8, 1e-12])
    @pytest.mark.parametrize("name", DIRECT)
    def test_every_function_has_twelve_digits_at_every_scale(self, name, scale):
        ours, exact = DIRECT[name]
        with mpmath.workdps(100):
            for size in (2, 9):
                p, q = near_pair(size, scale)
                if not np.array_equal(p, q):
                    assert error(ours(p, q), exact(*exact_rows(p, q))) < 1e-12

    @pytest.mark.parametrize("scale", 10.0 ** -np.arange(2.25, 9.5, 0.5))
    def test_js_has_fourteen_digits_below_a_ten_thousandth_down_to_1e_18(self, scale):
        with mpmath.workdps(60):
            for size in (2, 300):
                p, q = near_pair(size, scale, seed=3)
                value = fd.js_divergence(p, q)
                limit = 1e-14 if value < 1e-4 else 1e-12
                assert error(value, exact_js(*exact_rows(p, q))) < limit

    def test_rows_that_differ_in_the_last_digit(self):
        p = np.full(8, 1 / 8)
        q = p.copy()
        q[0] = np.nextafter(q[0], 1)
        with mpmath.workdps(80):
            for ours, exact in DIRECT.values():
                assert error(ours(p, q), exact(*exact_rows(p, q))) < 1e-12

    def test_twenty_thousand_rounding_level_pairs_give_no_nan_and_nothing_negative(self):
        rng = np.random.default_rng(5)
        p = rng.dirichlet(np.ones(5), size=20_000)
        q = np.nextafter(p, rng.integers(0, 2, p.shape))
        q[::7] = p[::7]
        value = fd.js_divergence(p, q)
        assert (value >= 0).all()
        assert not np.signbit(value).any()
        assert (value[::7] == 0).all()
        with np.errstate(all="ignore"):
            assert np.isnan(distance.jensenshannon(p[:1000], q[:1000], axis=1)).mean() > 0.3

    def test_no_function_gives_nan_or_a_negative_value_at_rounding_level(self):
        rng = np.random.default_rng(6)
        p = rng.dirichlet(np.ones(4), size=3000)
        q = np.nextafter(p, rng.integers(0, 2, p.shape))
        q[0] = p[0]
        for ours, _ in DIRECT.values():
            value = ours(p, q)
            assert (value >= 0).all()
            assert not np.signbit(value).any()
            assert value[0] == 0

    @pytest.mark.parametrize("off", [1 + 1e-8, 1 - 1e-8])
    def test_a_sum_that_is_just_off_one_is_rescaled_exactly(self, off):
        p, q = near_pair(6, 0.3)
        with mpmath.workdps(80):
            for ours, exact in DIRECT.values():
                assert error(ours(p, q * off), exact(*exact_rows(p, q * off))) < 1e-12

    def test_float32_rows_are_computed_in_double(self):
        p, q = (x.astype(np.float32) for x in near_pair(6, 0.01))
        with mpmath.workdps(80):
            for ours, exact in DIRECT.values():
                assert error(ours(p, q), exact(*exact_rows(p, q))) < 1e-12

    @pytest.mark.parametrize("size", [1e-300, 1e300])
    def test_counts_may_be_huge_or_tiny(self, size):
        p, q = np.array([1.0, 2, 4]), np.array([1.0, 2, 4.5])
        for function in SIMPLE:
            expected = function(p, q, normalize=True)
            assert function(p * size, q * size, normalize=True) == pytest.approx(expected, rel=1e-9)


SIMPLE = [
    fd.js_divergence,
    fd.js_distance,
    fd.jeffreys_divergence,
    fd.total_variation,
    fd.hellinger_distance,
    fd.chi2_divergence,
    fd.bhattacharyya_divergence,
]
