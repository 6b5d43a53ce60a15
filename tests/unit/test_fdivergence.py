"""f-divergences against mpmath, their definitions and each other, and what they refuse."""

import itertools
import math
import tracemalloc

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from scipy.spatial import distance

from divkit import _kernels
from divkit import fdivergence as fd
from divkit.information import cross_entropy, entropy, kl_divergence, mutual_information

LOG2 = math.log(2)
INF = math.inf
quick = settings(max_examples=25, derandomize=True, deadline=None, database=None)

# The three-point example of the course.
P, Q = np.array([0.1, 0.2, 0.7]), np.array([0.8, 0.1, 0.1])


def rows(k, seed=0, n=1):
    return np.random.default_rng(seed).dirichlet(np.ones(k), size=n)


def near_pair(size, scale, seed=1):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(size))
    q = p * (1 + scale * rng.standard_normal(size)).clip(0.01)
    return p, q / q.sum()


def rounding_level_pairs(kind, size, number, rng):
    """Rows of distributions and the same a few units of the last digit away."""
    if kind == "softmax":
        logits = rng.standard_normal((number, size)).astype(np.float32)
        powers = np.exp(logits), np.exp(np.nextafter(logits, np.float32(9)))
        return [x / x.sum(axis=1, keepdims=True) for x in powers]
    p = rng.dirichlet(np.ones(size), number)
    few = rng.random(p.shape) < (0.3 if kind != "dense" else 0)
    few[:, 0] = False
    p[few] = 0 if kind == "zeros" else rng.integers(1, 50, few.sum()) * 5e-324
    p /= p.sum(axis=1, keepdims=True)
    q = np.maximum(p + rng.integers(-3, 4, p.shape) * np.spacing(p), 0)
    return p, np.where(p > 0, q, 0)


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

    @pytest.mark.parametrize("kind", ["dense", "zeros", "subnormal", "softmax"])
    def test_a_million_rounding_level_pairs_give_no_nan_and_nothing_negative(self, kind):
        rng = np.random.default_rng(5)
        for size in (1, 2, 3, 5, 8, 16):
            p, q = rounding_level_pairs(kind, size, 42_000, rng)
            q[::7] = p[::7]
            for function in (kl_divergence, fd.js_divergence):
                value = function(p, q)
                assert (value >= 0).all()
                assert not np.signbit(value).any()
                assert (value[::7] == 0).all()

    @pytest.mark.parametrize("kind", ["dense", "zeros", "subnormal", "softmax"])
    def test_rounding_level_pairs_have_all_their_digits(self, kind):
        rng = np.random.default_rng(6)
        with mpmath.workdps(60):
            for size in (2, 3, 5, 16):
                for p, q in zip(*rounding_level_pairs(kind, size, 12, rng), strict=True):
                    laws_ = exact_rows(p, q)
                    kl, js = exact_kl(*laws_), exact_js(*laws_)
                    if 1e-300 < kl < mpmath.inf:
                        assert error(kl_divergence(p, q), kl) < 1e-13
                    if js > 1e-300:
                        assert error(fd.js_divergence(p, q), js) < 1e-14

    @pytest.mark.parametrize("kind", ["unrelated", "moved", "stretched", "one rarer"])
    def test_kl_and_js_have_their_digits_over_all_magnitudes(self, kind):
        rng = np.random.default_rng(11)
        for spread in [3, 20, 300] * 12:
            n = rng.integers(2, 7)
            p = 10.0 ** -rng.uniform(0, spread, n)
            q = {
                "unrelated": 10.0 ** -rng.uniform(0, spread, n),
                "moved": p * (1 + 10.0 ** -rng.uniform(0, 17, n) * rng.choice([-1, 1], n)),
                "stretched": p * 10.0 ** rng.normal(0, 2, n),
                "one rarer": p * np.append(np.ones(n - 1), 10.0 ** -rng.uniform(0, 40)),
            }[kind]
            p, q = p / p.sum(), np.maximum(q / q.sum(), 5e-324)
            with mpmath.workdps(340):
                laws_ = exact_rows(p, q)
                kl, js = exact_kl(*laws_), exact_js(*laws_)
                if kl > 1e-290:
                    assert error(kl_divergence(p, q), kl) < (1e-13 if kl < 1e-4 else 1e-12)
                if js > 1e-290:
                    assert error(fd.js_divergence(p, q), js) < (1e-14 if js < 1e-4 else 1e-12)

    @pytest.mark.parametrize("size", [2, 3, 9])
    def test_kl_and_cross_entropy_are_infinite_exactly_where_q_misses_an_outcome(self, size):
        rng = np.random.default_rng(7)
        p, q = (np.where(rng.random((5000, size)) < 0.6, 1.0, 0.0) for _ in range(2))
        for rows_ in (p, q):
            rows_[rng.random(rows_.shape) < 0.3] = 5e-324
            rows_[:, 0] = 1
            rows_ /= rows_.sum(axis=1, keepdims=True)
        lost = ((q == 0) & (p > 0)).any(axis=1)
        assert 0.05 < lost.mean() < 0.99
        for function in (kl_divergence, cross_entropy):
            assert np.array_equal(np.isinf(function(p, q)), lost)
            assert not np.isnan(function(p, q)).any()
            assert np.array_equal(np.isinf(function(p[0], q)), ((q == 0) & (p[0] > 0)).any(axis=1))

    @pytest.mark.parametrize("name", DIRECT)
    def test_rows_that_differ_in_rare_outcomes_alone_keep_their_digits(self, name):
        ours, exact = DIRECT[name]
        least = 1e-19 if name == "renyi inf" else 1e-290  # ratios are right to 1e-32
        rare = [1.3e-8, 4e-12, 5e-20, 7e-52, 3e-91]
        for i in range(len(rare)):
            for change in (1 + 2.0**-52, 1.01, 1e-9):
                p, q = np.array([1 - 1.3e-8, *rare]), np.array([1 - 1.3e-8, *rare])
                q[i + 1] *= change
                with mpmath.workdps(400):
                    reference = exact(*exact_rows(p, q))
                    if reference > least:
                        assert error(ours(p, q), reference) < 1e-12

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

TWO_ROWS = [
    *SIMPLE,
    lambda p, q, **more: fd.renyi_divergence(p, q, order=0.7, **more),
    lambda p, q, **more: fd.alpha_divergence(p, q, order=0.7, **more),
    lambda p, q, **more: fd.f_divergence(p, q, f=fd.FAMILY["triangular"], **more),
]
METRICS = [fd.total_variation, fd.hellinger_distance, fd.js_distance]


def direct(name):
    """The direct function of a member of the family."""
    return {
        "kl": kl_divergence,
        "reverse_kl": lambda p, q: kl_divergence(q, p),
        "jeffreys": fd.jeffreys_divergence,
        "js": fd.js_divergence,
        "total_variation": fd.total_variation,
        "squared_hellinger": lambda p, q: fd.hellinger_distance(p, q) ** 2,
        "pearson_chi2": fd.chi2_divergence,
        "neyman_chi2": lambda p, q: fd.chi2_divergence(q, p),
        # sum (p - q)^2/(p + q) is half the Pearson divergence from the midpoint, twice over
        "triangular": lambda p, q: 2 * fd.chi2_divergence(p, (p + q) / 2),
    }[name]


ORDERS = (-2.5, -1, 0, 0.3, 0.5, 1, 2, 3.5)
MEMBERS = [*fd.FAMILY.values(), *map(fd.alpha, ORDERS)]
BY_MEMBER = pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)


def direct_of(member):
    if member.name in fd.FAMILY:
        return direct(member.name)
    order = ORDERS[MEMBERS.index(member) - len(fd.FAMILY)]
    return lambda p, q: fd.alpha_divergence(p, q, order=order)


class TestFamily:
    def test_has_the_members_promised(self):
        assert set(fd.FAMILY) == {
            "kl", "reverse_kl", "jeffreys", "js", "total_variation", "squared_hellinger",
            "pearson_chi2", "neyman_chi2", "triangular",
        }  # fmt: skip
        assert all(name == member.name for name, member in fd.FAMILY.items())
        with pytest.raises(TypeError):
            fd.FAMILY["kl"] = fd.FAMILY["js"]

    @BY_MEMBER
    def test_the_generic_route_and_the_direct_function_agree(self, member):
        p, q = rows(7, 1, 50), rows(7, 2, 50)
        assert np.allclose(
            fd.f_divergence(p, q, f=member), direct_of(member)(p, q), rtol=1e-11, atol=1e-14
        )

    @BY_MEMBER
    def test_they_agree_where_supports_differ(self, member):
        laws = np.array([[0.5, 0.5, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 0.5, 0.5], [0.25] * 4])
        p, q = laws[:, None], laws[None]
        generic, ours = fd.f_divergence(p, q, f=member), direct_of(member)(p, q)
        assert not np.isnan(generic).any()
        assert np.array_equal(np.isinf(generic), np.isinf(ours))
        finite = np.isfinite(ours)
        assert np.allclose(generic[finite], ours[finite], rtol=1e-13, atol=1e-15)

    @BY_MEMBER
    @quick
    @given(pair=laws())
    def test_they_agree_on_any_pair_and_are_never_negative(self, member, pair):
        generic, ours = fd.f_divergence(*pair, f=member), direct_of(member)(*pair)
        assert generic == pytest.approx(ours, rel=1e-10, abs=1e-13)
        assert ours >= 0
        assert (ours == 0) == np.array_equal(*pair)
        assert fd.f_divergence(pair[0], pair[0], f=member) == 0

    @BY_MEMBER
    def test_the_limits_stated_are_those_found(self, member):
        for p, q in (([1.0, 0.0], [0.5, 0.5]), ([0.5, 0.5], [1.0, 0.0])):
            expected = fd.f_divergence(p, q, f=member)
            assert fd.f_divergence(p, q, f=member.f) == pytest.approx(expected, rel=1e-9, abs=1e-12)

    @BY_MEMBER
    def test_the_generator_is_convex_and_zero_at_one(self, member):
        t = np.geomspace(1e-6, 1e6, 400)
        assert member.f(np.ones(1))[0] == 0
        middle = member.f((t[:-1] + t[1:]) / 2)
        assert (middle <= (member.f(t)[:-1] + member.f(t)[1:]) / 2 * (1 + 1e-9) + 1e-12).all()

    @BY_MEMBER
    def test_the_conjugate_is_the_largest_gap_below_the_generator(self, member):
        t = np.geomspace(1e-8, 1e8, 100_001)
        below = [-0.7, -2.5, -9.0]  # also where no activation leads
        for u in [*member.activation(np.linspace(-2.0, 2.0, 9)), *below]:
            gaps = u * t - member.f(t)
            best = max(gaps.max(), -member.at_zero)
            assert member.conjugate(np.array([u]))[0] == pytest.approx(best, rel=1e-6, abs=1e-6)

    @BY_MEMBER
    def test_the_conjugate_is_infinite_beyond_the_slope(self, member):
        if member.slope < INF:
            assert member.conjugate(np.array([member.slope + 1e-9]))[0] == INF
            assert member.conjugate(np.array([member.slope - 1e-3]))[0] < INF

    @BY_MEMBER
    def test_the_activation_stays_in_the_domain_and_the_short_form_is_the_composition(self, member):
        v = np.linspace(-6.0, 6.0, 101)
        u = member.activation(v)
        assert (np.diff(u) > 0).all()
        assert (u < member.slope).all()
        if member.conjugate_of_activation is not None:
            assert np.allclose(
                member.conjugate_of_activation(v), member.conjugate(u), rtol=1e-9, atol=1e-12
            )

    def test_course_values(self):
        values = {
            "kl": 1.292822386283,
            "jeffreys": 2.692469886665,
            "js": 0.289987547684,
            "total_variation": 0.7,
            "squared_hellinger": 0.311160800182,
            "pearson_chi2": 4.3125,
        }
        for name, value in values.items():
            assert round(float(fd.f_divergence(P, Q, f=fd.FAMILY[name])), 12) == value
            assert round(float(direct(name)(P, Q)), 12) == value
        assert round(float(fd.hellinger_distance(P, Q)), 12) == 0.557817891593
        assert round(float(fd.js_distance(P, Q)), 12) == 0.538504918904
        assert round(float(fd.js_divergence(P, Q, base=2)), 12) == 0.418363596963

    def test_alpha_is_continuous_where_it_has_limits(self):
        p, q = rows(5, 1)[0], rows(5, 2)[0]
        for order, limit in ((1, kl_divergence(p, q)), (0, kl_divergence(q, p))):
            assert fd.alpha_divergence(p, q, order=order) == pytest.approx(limit, rel=1e-14)
            for step in (1e-13, -1e-13, 1e-6, -1e-6):
                value = fd.alpha_divergence(p, q, order=order + step)
                assert value == pytest.approx(limit, rel=1e-5 if abs(step) > 1e-9 else 1e-12)
        assert fd.alpha_divergence(p, q, order=0.5) == pytest.approx(
            4 * fd.hellinger_distance(p, q) ** 2, rel=1e-13
        )
        assert fd.alpha_divergence(p, q, order=2) == pytest.approx(
            fd.chi2_divergence(p, q) / 2, rel=1e-13
        )

    @pytest.mark.parametrize("bad", [INF, -INF, math.nan, "1", None, True])
    def test_an_order_must_be_a_finite_number(self, bad):
        for function in (fd.alpha, lambda order: fd.alpha_divergence(P, Q, order=order)):
            with pytest.raises(ValueError, match="order must be a finite number, got"):
                function(bad)


class TestGeneric:
    def test_conventions_for_zeros(self):
        def f(t):
            return np.sqrt(t) * 0 + (t - 1) ** 2 / (t + 1)  # f(0) = 1 and slope 1

        p, q = [0.5, 0.5, 0, 0], [0.5, 0, 0.5, 0]
        assert fd.f_divergence(p, q, f=f) == pytest.approx(1, rel=1e-12)
        assert fd.f_divergence(p, q, f=f, at_zero=3, slope=5) == pytest.approx(4, rel=1e-15)

    def test_an_infinite_limit_counts_only_where_it_is_met(self):
        kl, reverse = fd.FAMILY["kl"], fd.FAMILY["reverse_kl"]
        assert fd.f_divergence([1, 0], [0.5, 0.5], f=kl) == pytest.approx(LOG2, rel=1e-15)
        assert fd.f_divergence([0.5, 0.5], [1, 0], f=kl) == INF
        assert fd.f_divergence([1, 0], [0.5, 0.5], f=reverse) == INF
        assert fd.f_divergence([1, 0, 0], [0.5, 0.5, 0], f=fd.FAMILY["js"]) > 0

    def test_a_ratio_beyond_the_largest_float_takes_the_slope(self):
        value = fd.f_divergence([1, 0], [5e-324, 1], f=fd.FAMILY["total_variation"])
        assert value == 1
        assert fd.f_divergence([5e-324, 1], [1, 0], f=fd.FAMILY["js"]) == pytest.approx(LOG2)

    def test_a_multiple_of_t_minus_one_changes_nothing(self):
        p, q = rows(6, 1)[0], rows(6, 2)[0]
        assert fd.f_divergence(p, q, f=lambda t: 3 * (t - 1)) == pytest.approx(0, abs=1e-15)
        shifted = fd.f_divergence(p, q, f=lambda t: t * np.log(t) - 7 * (t - 1))
        assert shifted == pytest.approx(kl_divergence(p, q), rel=1e-12)

    def test_a_generator_that_is_not_zero_at_one_is_refused(self):
        with pytest.raises(ValueError, match=r"f\(1\) is 5\.0, not 0: subtract it"):
            fd.f_divergence(P, Q, f=lambda t: t * np.log(t) + 5)

    def test_a_generator_that_is_not_convex_is_refused_where_it_shows(self):
        with pytest.raises(ValueError, match=r"f is not convex: the divergence came out as -"):
            fd.f_divergence(P, Q, f=lambda t: -np.abs(t - 1))

    def test_a_limit_that_is_approached_too_slowly_must_be_given(self):
        def slow(t):
            return np.where(t < 1, 1 / np.log(np.e / t), 1 - 0.25 * (t - 1)) - 1

        with pytest.raises(ValueError, match=r"no limit of f was found.*pass at_zero="):
            fd.f_divergence([1, 0], [0.5, 0.5], f=slow)

    def test_limits_found_are_exact_or_infinite(self):
        cases = [
            (lambda t: -np.log(t), INF, 0),
            (lambda t: t * np.log(t), 0, INF),
            (lambda t: (t - 1) ** 2, 1, INF),
            (lambda t: abs(t - 1) / 2, 0.5, 0.5),
            (lambda t: np.expm1(t - 1), math.expm1(-1), INF),
            (lambda t: t**-0.01 - 1, INF, 0),
        ]
        for f, at_zero, slope in cases:
            assert fd.f_divergence([0, 1], [0.5, 0.5], f=f, slope=0) == pytest.approx(
                0.5 * at_zero + 0.5 * f(np.array([2.0]))[0], rel=1e-12
            )
            found = fd.f_divergence([0.5, 0.5], [0, 1], f=f, at_zero=0)
            assert found == pytest.approx(0.5 * slope + f(np.array([0.5]))[0], rel=1e-12)

    @pytest.mark.parametrize("f", [math.exp, lambda t: 0.0, lambda t: [0.0, 0.0, 0.0]])
    def test_what_returns_no_array_is_refused(self, f):
        with pytest.raises(TypeError):
            fd.f_divergence(P, Q, f=f)

    def test_other_faults_are_named(self):
        with pytest.raises(TypeError, match="f must be an FDivergence or a callable, got 'kl'"):
            fd.f_divergence(P, Q, f="kl")
        with pytest.raises(ValueError, match="at_zero and slope are those of kl"):
            fd.f_divergence(P, Q, f=fd.FAMILY["kl"], at_zero=0)
        with pytest.raises(ValueError, match="slope must be a number or infinity, got nan"):
            fd.f_divergence(P, Q, f=lambda t: t - 1, slope=math.nan)
        with pytest.raises(ValueError, match=r"f is NaN at 0\.12"):
            fd.f_divergence(P, Q, f=lambda t: np.where(t < 0.2, np.nan, t - 1), at_zero=-1, slope=1)


class TestVariationalBound:
    @BY_MEMBER
    def test_no_critic_exceeds_the_divergence_and_the_best_reaches_it(self, member):
        rng = np.random.default_rng(8)
        p, q = rows(5, 3)[0], rows(5, 4)[0]
        whole = fd.f_divergence(p, q, f=member)
        for _ in range(100):
            critic = member.activation(rng.standard_normal(5))
            assert fd.variational_bound(p, q, f=member, critic=critic) <= whole * (1 + 1e-12)
        step = 1e-6 * p / q
        best = (member.f(p / q + step) - member.f(p / q - step)) / (2 * step)
        best = np.minimum(best, member.slope)  # what rounding adds
        bound = fd.variational_bound(p, q, f=member, critic=best)
        assert bound == pytest.approx(whole, rel=1e-6)

    def test_kl_is_reached_by_one_plus_the_log_ratio(self):
        value = fd.variational_bound(P, Q, f=fd.FAMILY["kl"], critic=1 + np.log(P / Q))
        assert round(float(value), 12) == 1.292822386283

    def test_samples_give_the_bound_of_their_frequencies(self):
        x, y = np.array([0, 1, 1, 2]), np.array([0, 0, 1, 2, 2])
        table = np.array([0.3, -0.2, 0.1])
        for member in fd.FAMILY.values():
            critic = member.activation(table)
            from_samples = fd.variational_bound(x, y, f=member, critic=lambda z: critic[z])  # noqa: B023
            expected = fd.variational_bound(
                [0.25, 0.5, 0.25], [0.4, 0.2, 0.4], f=member, critic=critic
            )
            assert from_samples == pytest.approx(expected, rel=1e-14)

    def test_a_critic_without_an_opinion_bounds_zero_without_a_sign(self):
        for value in (
            fd.variational_bound(P, Q, f=fd.FAMILY["neyman_chi2"], critic=-np.zeros(3)),
            fd.variational_bound(P, Q, f=fd.FAMILY["neyman_chi2"], critic=lambda x: -np.zeros(3)),
            fd.FAMILY["pearson_chi2"].gan_loss([-0.0], [0.0]),
        ):
            assert value == 0
            assert not np.signbit(value)

    def test_a_critic_outside_the_domain_bounds_nothing(self):
        js = fd.FAMILY["js"]
        assert fd.variational_bound(P, Q, f=js, critic=[0, 0, 1]) == -INF
        assert fd.variational_bound([0.5, 0.5], [1, 0], f=js, critic=[0, 1]) == -INF
        assert fd.variational_bound([0, 1], [0, 1], f=js, critic=[1, 0]) == 0  # 1 never happens

    @BY_MEMBER
    def test_where_q_is_zero_the_best_critic_is_the_slope_at_infinity(self, member):
        p, q = np.array([0.5, 0.3, 0.2]), np.array([0.6, 0.4, 0.0])
        whole = fd.f_divergence(p, q, f=member)
        ratio, step = p[:2] / q[:2], 1e-6
        slopes = (member.f(ratio + step) - member.f(ratio - step)) / (2 * step)
        best = [*np.minimum(slopes, member.slope), min(member.slope, 1e6)]
        bound = fd.variational_bound(p, q, f=member, critic=best)
        assert bound == pytest.approx(whole, rel=1e-6) or (bound > 1e5 and whole == INF)
        if member.slope < INF:
            more = [*best[:2], member.slope + 1e-3]
            assert fd.variational_bound(p, q, f=member, critic=more) == -INF

    def test_faults_are_named(self):
        kl = fd.FAMILY["kl"]
        with pytest.raises(TypeError, match="f must be an FDivergence, for its conjugate"):
            fd.variational_bound(P, Q, f=kl.f, critic=[0, 0, 0])
        with pytest.raises(ValueError, match=r"critic\[1\] is nan: it must be finite"):
            fd.variational_bound(P, Q, f=kl, critic=[0, math.nan, 0])
        with pytest.raises(ValueError, match=r"critic\(q\)\[0\] is inf"):
            fd.variational_bound(
                np.ones(2), np.zeros(2), f=kl, critic=lambda x: np.where(x > 0, 0.0, INF)
            )
        with pytest.raises(ValueError, match=r"shapes must match.*critic \(2,\)"):
            fd.variational_bound(P, Q, f=kl, critic=[0, 0])
        with pytest.raises(ValueError, match=r"p must be one distribution, got shape \(1, 3\)"):
            fd.variational_bound(P[None], Q, f=kl, critic=[0, 0, 0])
        with pytest.raises(ValueError, match=r"q, row 0 sums to 2\.0"):
            fd.variational_bound(P, 2 * Q, f=kl, critic=[0, 0, 0])

    def test_the_gan_loss_of_js_is_half_the_value_of_the_game_and_log_2(self):
        rng = np.random.default_rng(9)
        v, w = rng.standard_normal((2, 50))
        sigmoid = 1 / (1 + np.exp(-v)), 1 / (1 + np.exp(-w))
        game = np.log(sigmoid[0]).mean() + np.log(1 - sigmoid[1]).mean()
        assert fd.FAMILY["js"].gan_loss(v, w) == pytest.approx(game / 2 + LOG2, rel=1e-13)

    def test_the_best_discriminator_has_the_value_of_the_course(self):
        best = P / (P + Q)
        game = P @ np.log(best) + Q @ np.log(1 - best)
        assert round(float(game), 12) == -0.806319265752
        assert 2 * fd.js_divergence(P, Q) - 2 * LOG2 == pytest.approx(game, rel=1e-14)

    @BY_MEMBER
    def test_the_gan_loss_is_the_variational_bound_of_the_activated_critic(self, member):
        v, w = np.linspace(-2, 2, 7), np.linspace(-1, 3, 5)
        bound = fd.variational_bound(v, w, f=member, critic=member.activation)
        assert member.gan_loss(v, w) == pytest.approx(bound, rel=1e-12)

    def test_the_gan_loss_is_defined_for_outputs_of_any_size(self):
        assert fd.FAMILY["js"].gan_loss([1000.0], [1000.0]) == pytest.approx(LOG2 - 500)
        assert fd.FAMILY["reverse_kl"].gan_loss([800.0], [800.0]) == pytest.approx(-799)
        for member in MEMBERS:
            for v, w in itertools.product([-1e4, 1e4], repeat=2):
                assert not np.isnan(member.gan_loss([v], [w])), member.name

    def test_short_forms_are_finite_where_the_conjugate_of_the_activation_is_not(self):
        short = [member for member in MEMBERS if member.conjugate_of_activation is not None]
        assert len(short) > 6
        for member in short:
            assert np.isfinite(member.gan_loss([0.0], [50.0])), member.name
        half = fd.alpha(0.5)
        assert half.gan_loss([0.0], [50.0]) == pytest.approx(-2 * math.expm1(50), rel=1e-13)

    def test_a_loss_of_nothing_is_refused(self):
        with pytest.raises(ValueError, match=r"fake of shape \(0,\) is empty"):
            fd.FAMILY["js"].gan_loss([0.0], [])
        with pytest.raises(ValueError, match=r"real\[0, 1\] is inf: it must be finite"):
            fd.FAMILY["js"].gan_loss([[0.0, INF]], [0.0])


class TestJensenShannon:
    def test_of_disjoint_rows_is_log_2_exactly_and_one_bit(self):
        for p, q in (([1, 0], [0, 1]), ([0.5, 0.5, 0, 0], [0, 0, 0.1, 0.9])):
            assert fd.js_divergence(p, q) == LOG2
            assert fd.js_divergence(p, q, base=2) == 1
            assert fd.js_distance(p, q, base=2) == 1

    def test_never_exceeds_log_2(self):
        rng = np.random.default_rng(2)
        p, q = rng.dirichlet(np.full(30, 0.01), size=(2, 500))
        assert (fd.js_divergence(p, q) <= LOG2).all()

    @quick
    @given(laws(3))
    def test_with_weights_and_many_is_right(self, three):
        weights = np.array([0.2, 0.5, 0.3])
        with mpmath.workdps(60):
            exact = exact_js(*exact_rows(*three), weights=exact_rows(weights)[0])
            value = fd.js_divergence(three, weights=weights)
            assert value == pytest.approx(float(exact), rel=1e-12, abs=0)

    @pytest.mark.parametrize("scale", [1e-1, 1e-3, 1e-6, 1e-9, 1e-13])
    def test_of_many_near_equal_rows_has_twelve_digits(self, scale):
        rng = np.random.default_rng(4)
        base = rng.dirichlet(np.ones(6))
        table = base * (1 + scale * rng.standard_normal((5, 6)))
        table /= table.sum(axis=1, keepdims=True)
        with mpmath.workdps(60):
            assert error(fd.js_divergence(table), exact_js(*exact_rows(*table))) < 1e-12

    def test_of_many_is_the_mutual_information_of_the_outcome_and_its_origin(self):
        table, weights = rows(5, 3, 4), rows(4, 1)[0]
        value = fd.js_divergence(table, weights=weights)
        assert value == pytest.approx(mutual_information(table * weights[:, None]), rel=1e-12)

    def test_is_the_entropy_of_the_mixture_less_the_mean_entropy(self):
        table, weights = rows(5, 3, 4), rows(4, 1)[0]
        value = entropy(weights @ table) - weights @ entropy(table)
        assert fd.js_divergence(table, weights=weights) == pytest.approx(value, rel=1e-12)

    def test_of_many_disjoint_rows_is_the_entropy_of_the_weights(self):
        weights = [0.5, 0.25, 0.25]
        assert fd.js_divergence(np.eye(3), weights=weights) == entropy(weights)

    def test_equal_weights_are_the_default_and_an_absent_law_counts_nothing(self):
        p, q = rows(6, 1, 9), rows(6, 2, 9)
        plain = fd.js_divergence(p, q)
        assert np.allclose(fd.js_divergence(p, q, weights=[0.5, 0.5]), plain, rtol=1e-13)
        assert np.allclose(fd.js_divergence(np.stack([p, q]), among=0), plain, rtol=1e-13)
        assert np.allclose(fd.js_divergence(np.stack([p, q], -1), among=-1, axis=1), plain, 1e-13)
        assert fd.js_divergence([1, 0], [0, 1], weights=[1, 0]) == 0
        three = fd.js_divergence([p[0], q[0], [1, 0, 0, 0, 0, 0]], weights=[0.5, 0.5, 0])
        assert three == pytest.approx(plain[0], rel=1e-13)

    def test_of_one_law_alone_or_of_equal_laws_is_zero(self):
        assert fd.js_divergence([[0.3, 0.7]]) == 0
        assert fd.js_divergence([[0.3, 0.7]] * 5) == 0

    def test_counts_and_their_weights_are_normalised_when_asked(self):
        value = fd.js_divergence([[3, 1], [1, 1]], weights=[4, 2], normalize=True)
        expected = fd.js_divergence([[0.75, 0.25], [0.5, 0.5]], weights=[2 / 3, 1 / 3])
        assert value == pytest.approx(expected, rel=1e-13)

    @pytest.mark.parametrize("block", [7, 30])
    def test_does_not_depend_on_the_size_of_blocks(self, monkeypatch, block):
        p, q = rows(10, 1, 50), rows(10, 2, 50)
        q[::3] = p[::3]
        whole = fd.js_divergence(p, q), fd.js_divergence(p, q, weights=[0.3, 0.7])
        monkeypatch.setattr(_kernels, "BLOCK", block)
        assert np.allclose(fd.js_divergence(p, q), whole[0], rtol=1e-14, atol=0)
        blocks = fd.js_divergence(p, q, weights=[0.3, 0.7])
        assert np.allclose(blocks, whole[1], rtol=1e-13, atol=0)

    def test_many_rows_are_right_wherever_they_stand(self):
        p, q = rows(9, 1, 20_000), rows(9, 2, 20_000)
        p[::5, :4] = 0
        p /= p.sum(axis=1, keepdims=True)
        value = fd.js_divergence(p, q)
        for i in (0, 5, 7279, 7282, 19_999):
            with mpmath.workdps(40):
                assert error(value[i], exact_js(*exact_rows(p[i], q[i]))) < 1e-12

    def test_a_small_share_of_a_large_one_costs_no_digits(self):
        p, q = [1 - 1e-15, 1e-15, 0], [0.5, 0, 0.5]
        with mpmath.workdps(60):
            assert error(fd.js_divergence(p, q), exact_js(*exact_rows(p, q))) < 1e-12

    @pytest.mark.parametrize("rare", [1e-5, 1e-7, 1e-9, 1e-12])
    def test_a_rare_outcome_that_is_much_rarer_in_the_other_row_costs_no_digits(self, rare):
        for share in (1e-3, 1e-6, 1e-10, 1e-13, 1e-200, 0):
            p, q = [1 - rare, rare], [1 - rare * share, rare * share]
            with mpmath.workdps(400):
                exact = exact_js(*exact_rows(p, q))
                assert error(fd.js_divergence(p, q), exact) < 1e-14
                assert error(fd.js_divergence(p, q, weights=[0.5, 0.5]), exact) < 1e-13

    @pytest.mark.parametrize(
        ("kwargs", "message"),
        [
            ({"weights": [0.5, 0.4]}, r"weights, row 0 sums to 0\.9"),
            ({"weights": [1.5, -0.5]}, r"weights, row 0: entry 1 is -0\.5"),
            ({"weights": [0.2, 0.3, 0.5]}, "weights has 3 entries for 2 distributions"),
            ({"weights": 1.0}, r"weights must be one distribution, got shape \(\)"),
            ({"weights": [math.nan, 1.0]}, "weights, row 0: entry 0 is nan"),
        ],
    )
    def test_weights_that_are_none_are_refused(self, kwargs, message):
        with pytest.raises(ValueError, match=message):
            fd.js_divergence([0.5, 0.5], [0.3, 0.7], **kwargs)

    def test_axes_that_do_not_fit_are_refused(self):
        table = np.full((3, 2), 0.5)
        with pytest.raises(ValueError, match=r"among=2 does not exist in p of shape \(3, 2\)"):
            fd.js_divergence(table, among=2)
        with pytest.raises(ValueError, match="among=1 and axis=-1 are the same axis of p"):
            fd.js_divergence(table, among=1)
        with pytest.raises(ValueError, match=r"p of shape \(0, 2\) has no distributions along"):
            fd.js_divergence(table[:0])
        with pytest.raises(ValueError, match="among=-2 does not exist"):
            fd.js_divergence([0.5, 0.5])
        with pytest.raises(ValueError, match=r"p\[1\], row 0 sums to 2"):
            fd.js_divergence([[0.5, 0.5], [1, 1]])


class TestRenyi:
    def test_special_orders_are_what_they_are_called(self):
        p, q = rows(6, 1, 20), rows(6, 2, 20)

        def order(a):
            return fd.renyi_divergence(p, q, order=a)

        assert np.allclose(order(1), kl_divergence(p, q), rtol=1e-15)
        assert np.allclose(order(0.5), 2 * fd.bhattacharyya_divergence(p, q), rtol=1e-14)
        assert np.allclose(order(2), np.log1p(fd.chi2_divergence(p, q)), rtol=1e-13)
        assert np.allclose(order(INF), np.log((p / q).max(axis=1)), rtol=1e-13)
        assert (order(0) == 0).all()

    def test_order_zero_counts_what_q_keeps_of_the_support_of_p(self):
        assert fd.renyi_divergence([1, 0], [0.25, 0.75], order=0) == pytest.approx(math.log(4))
        assert fd.renyi_divergence([0.5, 0.5, 0], [0.5, 0.5, 0], order=0) == 0
        tiny = fd.renyi_divergence([1, 0], [1, 1e-20], order=0)
        assert tiny == pytest.approx(1e-20, rel=1e-12)
        assert fd.renyi_divergence([1, 0], [0, 1], order=0) == INF
        for q in ([2, 6], [6, 2]):  # more and less than half is lost
            counts = fd.renyi_divergence([7, 0], q, order=0, normalize=True)
            assert counts == pytest.approx(math.log(8 / q[0]), rel=1e-15)

    @pytest.mark.parametrize("order", [0.3, 0.5, 0.99])
    def test_orders_below_one_are_finite_while_an_outcome_is_shared(self, order):
        assert fd.renyi_divergence([0.5, 0.5], [1, 0], order=order) == pytest.approx(
            order / (1 - order) * LOG2, rel=1e-13
        )
        assert fd.renyi_divergence([1, 0], [0, 1], order=order) == INF
        assert fd.alpha_divergence([1, 0], [0, 1], order=order) == pytest.approx(
            1 / (order * (1 - order)), rel=1e-15
        )

    @pytest.mark.parametrize("order", [1e-9, 0.3, 0.5, 0.7, 0.999999])
    def test_a_rare_outcome_that_one_law_lacks_costs_orders_below_one_no_digits(self, order):
        p, q = [1 - 1e-6, 1e-6], [1.0, 0.0]
        for pair in ((p, q), (q, p)):
            with mpmath.workdps(60):
                laws_ = exact_rows(*pair)
                value = fd.renyi_divergence(*pair, order=order)
                assert error(value, exact_renyi(*laws_, order)) < 1e-12
                value = fd.alpha_divergence(*pair, order=order)
                assert error(value, exact_alpha(*laws_, order)) < 1e-12

    @pytest.mark.parametrize("order", [1, 1.5, 2, 50, INF])
    def test_orders_of_one_and_more_are_infinite_where_q_misses_an_outcome(self, order):
        assert fd.renyi_divergence([0.5, 0.5], [1, 0], order=order) == INF
        assert 0 < fd.renyi_divergence([1, 0], [0.5, 0.5], order=order) < INF

    def test_a_ratio_or_power_that_overflows_still_has_its_logarithm(self):
        for order in (1.5, 3, 400, INF):
            value = fd.renyi_divergence([1, 0], [5e-324, 1], order=order)
            assert value == pytest.approx(744.4400719213812, rel=1e-13)
        value = fd.renyi_divergence([0.9, 0.1], [0.1, 0.9], order=5000)
        with mpmath.workdps(60):
            assert error(value, exact_renyi(*exact_rows([0.9, 0.1], [0.1, 0.9]), 5000)) < 1e-12

    @quick
    @given(laws(), st.floats(0, 30), st.floats(0, 30))
    def test_grows_with_the_order(self, pair, a, b):
        lower, upper = (fd.renyi_divergence(*pair, order=x) for x in sorted((a, b)))
        assert 0 <= lower <= upper * (1 + 1e-11) + 1e-15
        assert upper <= fd.renyi_divergence(*pair, order=INF) * (1 + 1e-11) + 1e-15

    @pytest.mark.parametrize("bad", [-0.1, -INF, math.nan, "2", None])
    def test_an_order_must_be_a_number_from_zero_to_infinity(self, bad):
        with pytest.raises(ValueError, match="order must be a number from 0 to infinity, got"):
            fd.renyi_divergence(P, Q, order=bad)


class TestTotalVariationAndOthers:
    def test_tv_is_the_largest_difference_over_all_events(self):
        p, q = rows(6, 1)[0], rows(6, 2)[0]
        events = np.array(list(itertools.product([0, 1], repeat=6)))
        assert fd.total_variation(p, q) == pytest.approx(abs(events @ (p - q)).max(), rel=1e-14)

    def test_tv_is_the_cost_of_transport_that_counts_what_moves(self):
        cost = 1 - np.eye(3)
        sums = np.vstack([np.kron(np.eye(3), np.ones(3)), np.kron(np.ones(3), np.eye(3))])
        plan = optimize.linprog(cost.ravel(), A_eq=sums, b_eq=np.concatenate([P, Q]))
        assert plan.fun == pytest.approx(fd.total_variation(P, Q), rel=1e-9)

    def test_peers_agree_where_they_keep_their_digits(self):
        p, q = rows(30, 1, 40), rows(30, 2, 40)
        scipy_js = distance.jensenshannon(p, q, axis=1)
        assert np.allclose(fd.js_distance(p, q), scipy_js, rtol=1e-12)
        assert np.allclose(fd.js_distance(p, q, base=2) ** 2, scipy_js**2 / LOG2, rtol=1e-12)
        cityblock = [distance.cityblock(a, b) / 2 for a, b in zip(p, q, strict=True)]
        assert np.allclose(fd.total_variation(p, q), cityblock, rtol=1e-13)
        chi2 = [
            stats.chisquare(1000 * a, 1000 * b).statistic / 1000 for a, b in zip(p, q, strict=True)
        ]
        assert np.allclose(fd.chi2_divergence(p, q), chi2, rtol=1e-12)

    def test_disjoint_rows_have_the_largest_value(self):
        for function, value in zip(SIMPLE, [LOG2, LOG2**0.5, INF, 1, 1, INF, INF], strict=True):
            assert function([0.5, 0.5, 0], [0, 0, 1]) == pytest.approx(value, rel=1e-15)

    def test_chi2_of_subnormal_probabilities_is_finite_while_it_can_be(self):
        value = fd.chi2_divergence([1e-10, 1 - 1e-10], [5e-324, 1])
        assert value == pytest.approx(1e-20 / 5e-324, rel=1e-2)
        assert fd.chi2_divergence([1e-200, 1], [1e-300, 1]) == pytest.approx(1e-100, rel=1e-12)

    def test_bhattacharyya_breaks_the_triangle_inequality(self):
        ends, middle = ([1.0, 0.0], [0.0, 1.0]), [0.5, 0.5]
        two = sum(fd.bhattacharyya_divergence(end, middle) for end in ends)
        assert fd.bhattacharyya_divergence(*ends) > two


class TestPeersWrongAnswers:
    def test_scipy_jensenshannon_is_infinite_for_a_subnormal_probability(self):
        with np.errstate(all="ignore"):
            assert distance.jensenshannon([0, 1], [5e-324, 1]) == INF
        assert fd.js_divergence([0, 1], [5e-324, 1]) == 0
        assert fd.js_distance([0, 1], [5e-324, 1]) == 0
        assert fd.js_divergence([0, 1], [1e-300, 1]) == pytest.approx(LOG2 / 2 * 1e-300, rel=1e-14)

    def test_scipy_jensenshannon_is_nan_for_half_the_rounding_level_pairs(self):
        rng = np.random.default_rng(7)
        p = rng.dirichlet(np.ones(6), size=400)
        q = p * (1 + 1e-16 * rng.standard_normal(p.shape))
        q /= q.sum(axis=1, keepdims=True)
        with np.errstate(all="ignore"):
            assert np.isnan(distance.jensenshannon(p, q, axis=1)).mean() > 0.2
        assert (fd.js_distance(p, q) >= 0).all()

    def test_scipy_jensenshannon_is_the_root(self):
        assert fd.js_distance(P, Q) == pytest.approx(distance.jensenshannon(P, Q), rel=1e-13)
        assert fd.js_divergence(P, Q) == pytest.approx(distance.jensenshannon(P, Q) ** 2, rel=1e-13)

    @pytest.mark.parametrize("function", TWO_ROWS)
    def test_scipy_and_dit_take_what_does_not_sum_to_one(self, function):
        assert distance.jensenshannon([0.5, 0.5], [0.3, 0.3]) == 0
        with pytest.raises(ValueError, match=r"q, row 0 sums to 0\.6, not to 1.*normalize=True"):
            function([0.5, 0.5], [0.3, 0.3])
        assert function([0.5, 0.5], [0.3, 0.3], normalize=True) == 0

    def test_infomeasure_is_negative_where_the_support_is_violated(self):
        for function in TWO_ROWS:
            assert function([0.5, 0.5, 0], [1, 0, 0]) > 0

    def test_the_quick_forms_are_negative_at_rounding_level(self):
        p, q = rounding_level_pairs("dense", 5, 1000, np.random.default_rng(8))
        m = (p + q) / 2
        quick_kl = (p * np.log(p / q)).sum(axis=1)
        quick_js = ((p * np.log(p / m)).sum(axis=1) + (q * np.log(q / m)).sum(axis=1)) / 2
        assert (quick_kl < 0).mean() > 0.3
        assert (quick_js < 0).mean() > 0.2

    def test_the_careful_forms_alone_are_nan_or_infinite_for_ratios_beyond_sixteen_digits(self):
        p, q = np.array([1 - 1e-17, 1e-17]), np.array([1e-17, 1 - 1e-17])
        s, d = p + q, (p - q) / (p + q)
        with np.errstate(all="ignore"):
            kl = (s * (d * np.arctanh(d) + (np.arctanh(d) - d))).sum()
            js = (s * (2 * d * np.arctanh(d) + np.log1p(-d * d))).sum() / 4
        assert not np.isfinite(kl)
        assert np.isnan(js)
        with mpmath.workdps(60):
            laws_ = exact_rows(p, q)
            assert error(kl_divergence(p, q), exact_kl(*laws_)) < 1e-14
            assert error(fd.js_divergence(p, q), exact_js(*laws_)) < 1e-14

    def test_scipy_kl_of_a_hundred_quadrillionth_is_far_off(self):
        p, q = near_pair(5, 1e-8)
        with mpmath.workdps(60):
            exact = exact_kl(*exact_rows(p, q))
            assert 1e-18 < exact < 1e-16
            assert error(stats.entropy(p, q), exact) > 0.01
            assert error(kl_divergence(p, q), exact) < 1e-14

    def test_the_textbook_forms_lose_the_digits_of_near_equal_rows(self):
        p, q = near_pair(5, 1e-8)
        naive = 1 - np.sqrt(p * q).sum()
        with mpmath.workdps(60):
            exact = exact_hellinger(*exact_rows(p, q))
            assert error(max(naive, 0) ** 0.5, exact) > 1e-3
            assert error(fd.hellinger_distance(p, q), exact) < 1e-13


class TestProperties:
    @pytest.mark.parametrize("name", fd.FAMILY)
    @quick
    @given(pair=laws(), noise=st.lists(st.integers(0, 9), min_size=18, max_size=18))
    def test_data_processing_never_increases_it(self, name, pair, noise):
        channel = np.array(noise, float).reshape(6, 3)[: len(pair[0])] + 0.01
        channel /= channel.sum(axis=1, keepdims=True)
        before, after = direct(name)(*pair), direct(name)(*(x @ channel for x in pair))
        assert after <= before * (1 + 1e-10) + 1e-15

    @pytest.mark.parametrize("name", fd.FAMILY)
    @quick
    @given(four=laws(4), share=st.floats(0, 1))
    def test_is_jointly_convex(self, name, four, share):
        p, q, r, s = four
        mixed = direct(name)(share * p + (1 - share) * r, share * q + (1 - share) * s)
        ends = direct(name)(p, q), direct(name)(r, s)
        parts = sum(w * x for w, x in zip((share, 1 - share), ends, strict=True) if w > 0)
        assert mixed <= parts * (1 + 1e-10) + 1e-15

    @pytest.mark.parametrize("function", METRICS)
    @quick
    @given(three=laws(3))
    def test_metrics_are_symmetric_and_obey_the_triangle_inequality(self, function, three):
        p, q, r = three
        assert function(p, q) == pytest.approx(function(q, p), rel=1e-13)
        assert function(p, r) <= (function(p, q) + function(q, r)) * (1 + 1e-13)

    def test_kl_js_and_squared_hellinger_are_found_to_break_the_triangle_inequality(self):
        def breaks(function, p, q, r):
            return function(p, r) > function(p, q) + function(q, r)

        squared = direct("squared_hellinger")
        p, q, r = [1.0, 0.0], [0.5, 0.5], [0.0, 1.0]
        assert breaks(fd.js_divergence, p, q, r)
        assert round(float(fd.js_divergence(p, q)), 6) == 0.215762
        assert breaks(squared, p, q, r)
        assert breaks(kl_divergence, [0.5, 0.5], [0.25, 0.75], [0.05, 0.95])
        triples = np.random.default_rng(1).dirichlet(np.ones(3), size=(3, 2000))
        for function in (kl_divergence, fd.js_divergence, squared, fd.jeffreys_divergence):
            p, q, r = triples
            assert 0.01 < (function(p, r) > function(p, q) + function(q, r)).mean() < 0.99

    @quick
    @given(laws())
    def test_every_bound_of_the_total_variation_and_the_kl_divergence_holds(self, pair):
        tv, h, kl = fd.total_variation(*pair), fd.hellinger_distance(*pair), kl_divergence(*pair)
        room = 1 + 1e-12
        assert tv <= fd.pinsker_bound(kl) * room
        assert tv <= fd.bretagnolle_huber_bound(kl) * room
        lower, upper = fd.tv_bounds_from_hellinger(h)
        assert lower <= tv * room
        assert tv <= upper * room
        assert kl <= fd.kl_bound_from_chi2(fd.chi2_divergence(*pair)) * room

    @quick
    @given(laws(2, least=1), laws(2, least=1))
    def test_products_add_renyi_and_bhattacharyya_and_jeffreys(self, first, second):
        p, q = (np.outer(a, b).ravel() for a, b in zip(first, second, strict=True))
        for function in (
            lambda p, q: fd.renyi_divergence(p, q, order=0.4),
            lambda p, q: fd.renyi_divergence(p, q, order=3),
            fd.bhattacharyya_divergence,
            fd.jeffreys_divergence,
        ):
            parts = function(*first) + function(*second)
            assert function(p, q) == pytest.approx(parts, rel=1e-10, abs=1e-14)

    @pytest.mark.parametrize("order", [0, 0.3, 0.5, 1, 2, 7, INF])
    @quick
    @given(pair=laws(), noise=st.lists(st.integers(0, 9), min_size=18, max_size=18))
    def test_data_processing_never_increases_renyi_divergences(self, order, pair, noise):
        channel = np.array(noise, float).reshape(6, 3)[: len(pair[0])] + 0.01
        channel /= channel.sum(axis=1, keepdims=True)
        before = fd.renyi_divergence(*pair, order=order)
        after = fd.renyi_divergence(*(x @ channel for x in pair), order=order)
        assert after <= before * (1 + 1e-10) + 1e-15

    @pytest.mark.parametrize("order", [0.3, 0.5, 1])
    @quick
    @given(four=laws(4), share=st.floats(0, 1))
    def test_renyi_divergences_up_to_order_one_are_jointly_convex(self, order, four, share):
        p, q, r, s = four
        mixed = fd.renyi_divergence(
            share * p + (1 - share) * r, share * q + (1 - share) * s, order=order
        )
        ends = [fd.renyi_divergence(*pair, order=order) for pair in ((p, q), (r, s))]
        parts = sum(w * x for w, x in zip((share, 1 - share), ends, strict=True) if w > 0)
        assert mixed <= parts * (1 + 1e-10) + 1e-15

    @pytest.mark.parametrize("weights", [[0.5, 0.5], [0.2, 0.8]])
    @quick
    @given(pair=laws())
    def test_jensen_shannon_is_at_most_the_entropy_of_its_weights_times_tv(self, weights, pair):
        bound = entropy(weights) * fd.total_variation(*pair)
        assert fd.js_divergence(*pair, weights=weights) <= bound * (1 + 1e-12)


class TestBounds:
    def test_values(self):
        assert fd.pinsker_bound(0.5) == 0.5
        assert fd.bretagnolle_huber_bound(LOG2) == pytest.approx(math.sqrt(0.5), rel=1e-15)
        assert fd.bretagnolle_huber_bound(1e-18) == pytest.approx(1e-9, rel=1e-15)
        assert fd.tv_bounds_from_hellinger(1) == (1, 1)
        assert fd.kl_bound_from_chi2(math.e - 1) == pytest.approx(1, rel=1e-15)
        for bound in (fd.pinsker_bound, fd.kl_bound_from_chi2):
            assert bound([0, INF]).tolist() == [0, INF]
            assert not np.signbit(bound(-0.0))
        assert fd.bretagnolle_huber_bound([0, INF]).tolist() == [0, 1]

    @pytest.mark.parametrize(
        ("function", "name"),
        [
            (fd.pinsker_bound, "kl"),
            (fd.bretagnolle_huber_bound, "kl"),
            (fd.tv_bounds_from_hellinger, "h"),
            (fd.kl_bound_from_chi2, "chi2"),
        ],
    )
    def test_what_is_no_divergence_is_refused(self, function, name):
        for bad in (-1e-9, math.nan):
            with pytest.raises(ValueError, match=f"{name} holds {bad}: it must be at least 0"):
                function([0.5, bad])
        with pytest.raises(TypeError, match=f"{name} must hold real numbers"):
            function(1j)
        with pytest.raises(ValueError, match=r"h holds 1\.5: Hellinger distances are at most 1"):
            fd.tv_bounds_from_hellinger([0.5, 1.5])


class TestKLBernoulliInverse:
    @pytest.mark.parametrize("side", ["lower", "upper"])
    @pytest.mark.parametrize("p", [0.0, 1e-12, 0.1, 0.5, 0.9, 1.0])
    @pytest.mark.parametrize("bound", [1e-14, 1e-6, 0.03, 1.0, 20.0])
    def test_the_divergence_crosses_the_bound_within_the_last_digits(self, p, bound, side):
        value = fd.kl_bernoulli_inverse(p, bound, side=side)
        assert value >= p if side == "upper" else value <= p
        if value in (0, 5e-324, p, 1):  # no float lies nearer to the root
            assert (p, side) in {(0.0, "lower"), (1e-12, "lower"), (1.0, "upper")}
            return
        with mpmath.workdps(250):
            exact, c, x = mpmath.mpf(p), mpmath.mpf(bound), mpmath.mpf(float(value))

            def excess(q):
                return xlogy(exact, exact / q) + xlogy(1 - exact, (1 - exact) / (1 - q)) - c

            room = (x * 2 if x > 0.4 else x) * mpmath.mpf(10) ** -13
            room = room if side == "upper" else -room
            outside = min(x + room, 1 - mpmath.mpf(10) ** -220)
            assert excess(x - room) < 0 < excess(outside)

    def test_closed_forms_at_the_ends(self):
        c = np.array([1e-9, 0.5, 3.0])
        assert np.allclose(fd.kl_bernoulli_inverse(0, c), -np.expm1(-c), rtol=1e-14, atol=0)
        lower = fd.kl_bernoulli_inverse(1, c, side="lower")
        assert np.allclose(lower, np.exp(-c), rtol=1e-14, atol=0)
        assert fd.kl_bernoulli_inverse(0.3, 0) == pytest.approx(0.3, rel=1e-7)
        assert fd.kl_bernoulli_inverse(0.3, INF) == 1
        assert fd.kl_bernoulli_inverse(0.3, INF, side="lower") == 0
        assert fd.kl_bernoulli_inverse(0.5, 200, side="lower") == pytest.approx(
            0.25 * math.exp(-400), rel=1e-12
        )

    @quick
    @given(st.floats(0, 1), st.floats(0, 30))
    def test_encloses_p_and_its_divergence_is_the_bound(self, p, bound):
        lower, upper = (fd.kl_bernoulli_inverse(p, bound, side=s) for s in ("lower", "upper"))
        assert 0 <= lower <= p <= upper <= 1
        for q in (lower, upper):
            assert kl_divergence([p, 1 - p], [q, 1 - q]) <= bound * (1 + 1e-9) + 1e-15

    @pytest.mark.parametrize("side", ["lower", "upper"])
    def test_a_negative_zero_is_a_zero(self, side):
        value = fd.kl_bernoulli_inverse(-0.0, 0.5, side=side)
        assert value == fd.kl_bernoulli_inverse(0.0, 0.5, side=side)
        assert not np.signbit(value)

    def test_broadcasts_and_leaves_its_input_alone(self):
        p, bound = np.array([[0.1], [0.5]]), np.array([0.1, 0.2, 0.3])
        value = fd.kl_bernoulli_inverse(p, bound)
        assert value.shape == (2, 3)
        assert value[1, 2] == fd.kl_bernoulli_inverse(0.5, 0.3)
        assert type(fd.kl_bernoulli_inverse(0.5, 0.3)) is np.float64
        assert p.tolist() == [[0.1], [0.5]]
        assert fd.kl_bernoulli_inverse([], 1.0).shape == (0,)

    def test_faults_are_named(self):
        with pytest.raises(ValueError, match=r"p\[0\] is 1\.1, which is no probability"):
            fd.kl_bernoulli_inverse([1.1], 1)
        with pytest.raises(ValueError, match="bound holds -1"):
            fd.kl_bernoulli_inverse(0.5, -1)
        with pytest.raises(ValueError, match="side must be 'lower' or 'upper', got 'both'"):
            fd.kl_bernoulli_inverse(0.5, 1, side="both")


def peak_in_mebibytes(call):
    """The most memory that a call holds at a time, its result included."""
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


OF_ROWS = {
    **{name: ours for name, (ours, _) in DIRECT.items() if " " not in name},
    **{name: DIRECT[name][0] for name in ("js of weights .1 and .9", "renyi 2", "renyi inf")},
    "alpha": DIRECT["alpha 0.3"][0],
    "renyi 0": lambda p, q: fd.renyi_divergence(p, q, order=0),
    "f_divergence": lambda p, q: fd.f_divergence(p, q, f=fd.FAMILY["triangular"]),
}


class TestLongRows:
    @pytest.mark.parametrize("name", OF_ROWS)
    def test_cutting_every_outcome_into_equal_parts_changes_no_divergence(self, name):
        p, q = rows(17, 1)[0], rows(17, 2)[0]
        p[3] = 0
        p /= p.sum()
        near = p * (1 + 1e-4 * np.random.default_rng(3).standard_normal(p.shape))
        for other in (q, near / near.sum()):
            long = OF_ROWS[name](np.repeat(p, 2**13) / 2**13, np.repeat(other, 2**13) / 2**13)
            assert long == pytest.approx(OF_ROWS[name](p, other), rel=1e-10, abs=0)


class TestMemory:
    @pytest.mark.parametrize("name", OF_ROWS)
    def test_many_rows_need_ten_mib_however_many_they_are(self, name):
        p, q = (np.tile(rows(784, seed, 100), (20, 1)) for seed in (1, 2))
        p[::100], q[::100] = near_pair(784, 1e-6)
        assert p.nbytes > 10 * 2**20
        assert peak_in_mebibytes(lambda: OF_ROWS[name](p, q)) < 10
        assert peak_in_mebibytes(lambda: OF_ROWS[name](p[:1], q)) < 10

    def test_many_tables_of_three_laws_need_ten_mib(self):
        tables = np.tile(rows(784, 1, 60), (30, 1)).reshape(600, 3, 784)
        assert tables.nbytes > 10 * 2**20
        assert peak_in_mebibytes(lambda: fd.js_divergence(tables)) < 10

    @pytest.mark.parametrize("name", OF_ROWS)
    def test_one_long_row_needs_one_and_a_half_times_its_length_also_with_a_near_one(self, name):
        p, q = rows(400_000, 1)[0], rows(400_000, 2)[0]
        near = p * (1 + 1e-7 * np.random.default_rng(3).standard_normal(p.shape))
        near /= near.sum()
        limit = 1.5 * p.nbytes / 2**20
        assert peak_in_mebibytes(lambda: OF_ROWS[name](p, q)) < limit
        assert peak_in_mebibytes(lambda: OF_ROWS[name](p, near)) < limit

    def test_values_of_short_rows_need_room_once(self):
        p, values = np.full((2_000_000, 2), 0.5, dtype=np.float32), 2_000_000 * 8 / 2**20
        assert values > 15
        q = [0.25, 0.75]
        assert peak_in_mebibytes(lambda: fd.hellinger_distance(p, q)) - values < 13
        assert peak_in_mebibytes(lambda: fd.js_distance(p, q, base=2)) - values < 13


BAD_INPUT = [
    ([[]], ValueError, r"p of shape \(1, 0\) has no outcomes"),
    (1.0, ValueError, "p is the single number 1"),
    ([-0.1, 1.1], ValueError, r"p, row 0: entry 0 is -0\.1"),
    ([[0.5, 0.5], [math.nan, 1]], ValueError, "p, row 1: entry 0 is nan"),
    ([0.5, INF], ValueError, "p, row 0: entry 1 is inf"),
    ([0.5, 0.4], ValueError, r"p, row 0 sums to 0\.9, not to 1"),
    ([0.2, 0.3, 0.5], ValueError, "p has 3 outcomes, q has 2 outcomes"),
    ([1.0], ValueError, "p has 1 outcomes, q has 2 outcomes"),
    ([0.5, 0.5j], TypeError, "p must hold real numbers, got dtype complex128"),
    (np.array([0.5, 0.5], object), TypeError, "p must hold real numbers, got dtype object"),
    (["a", "b"], TypeError, "p must hold real numbers"),
    (np.ma.masked_array([0.5, 0.5], [True, False]), TypeError, "p has masked entries"),
    ([[0.5, 0.5], [1.0]], ValueError, "ragged"),
]


class TestConventions:
    @pytest.mark.parametrize("function", TWO_ROWS)
    @pytest.mark.parametrize(("bad", "kind", "message"), BAD_INPUT)
    def test_bad_input_is_refused_with_its_place(self, function, bad, kind, message):
        with pytest.raises(kind, match=message):
            function(bad, [0.5, 0.5])

    @pytest.mark.parametrize("function", TWO_ROWS)
    def test_rows_of_nothing_cannot_be_normalised_and_axes_must_exist(self, function):
        with pytest.raises(ValueError, match=r"q, row 1 sums to 0.*must hold something"):
            function([1, 1], [[1, 1], [0, 0]], normalize=True)
        with pytest.raises(ValueError, match="axis=1 does not exist in p"):
            function([0.5, 0.5], [0.5, 0.5], axis=1)
        with pytest.raises(TypeError):
            function([0.5, 0.5], [0.5, 0.5], axis=0.5)

    @pytest.mark.parametrize("function", [*SIMPLE[:3], SIMPLE[-1], TWO_ROWS[7]])
    @pytest.mark.parametrize("bad", [1, 0, -2, INF, math.nan, "2"])
    def test_a_base_must_be_finite_and_above_one(self, function, bad):
        with pytest.raises(ValueError, match="base must be a finite number greater than 1"):
            function([0.5, 0.5], [0.5, 0.5], base=bad)

    @pytest.mark.parametrize("function", TWO_ROWS)
    def test_axes_broadcast_keepdims_and_types(self, function):
        p, q = rows(3, 1, 4), rows(3, 2)[0]
        value = function(p, q)
        assert value.shape == (4,)
        assert np.array_equal(function(p.T, q, axis=0), value)
        assert function(p, q, keepdims=True).shape == (4, 1)
        table = function(p[:, None], rows(3, 2, 5)[None])
        assert table.shape == (4, 5)
        assert table[2, 0] == pytest.approx(value[2], rel=1e-14)
        assert type(function(p[0], q)) is np.float64
        assert function(np.empty((0, 3)), q).shape == (0,)

    @pytest.mark.parametrize("function", TWO_ROWS)
    def test_the_input_is_left_as_it_was(self, function):
        p, q = rows(5, 1, 3), rows(5, 2, 3)
        q[1] = p[1]
        before = p.copy(), q.copy()
        function(p, q)
        function(p, p)
        assert np.array_equal(p, before[0])
        assert np.array_equal(q, before[1])

    @pytest.mark.parametrize("function", TWO_ROWS)
    def test_rows_do_not_disturb_each_other(self, function):
        p = np.concatenate([rows(4, 1, 9), [[1, 0, 0, 0], [0.25] * 4, [0.5, 0.5, 0, 0]]])
        q = np.concatenate([rows(4, 2, 9), [[0, 1, 0, 0], [0.25] * 4, [0.5, 0.25, 0.25, 0]]])
        alone = [function(a, b) for a, b in zip(p, q, strict=True)]
        assert np.allclose(function(p, q), alone, rtol=1e-13, atol=0)

    @pytest.mark.parametrize("function", [*SIMPLE[:3:2], SIMPLE[-1], TWO_ROWS[7]])
    def test_the_base_is_the_unit(self, function):
        expected = function(P, Q) / LOG2
        assert function(P, Q, base=2) == pytest.approx(expected, rel=1e-15)
