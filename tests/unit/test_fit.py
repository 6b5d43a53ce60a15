"""Maximum likelihood, information and projections against closed forms, scipy and the ledger."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, special, stats

from divkit import fit, gaussian

quick = settings(max_examples=10, derandomize=True, deadline=None, database=None)


def log_normal(x, parameters):
    mean, sd = parameters
    return -(((x - mean) / sd) ** 2) / 2 - np.log(sd * math.sqrt(2 * math.pi))


def log_gamma(x, parameters):
    shape, scale = parameters
    return (shape - 1) * np.log(x) - x / scale - special.gammaln(shape) - shape * np.log(scale)


def log_poisson(x, parameters):
    return x * np.log(parameters[0]) - parameters[0] - special.gammaln(x + 1)


def log_softmax(x, logits):
    return (logits - special.logsumexp(logits))[x.astype(int)]


def two_modes(a, share=0.5):
    """Unit normals at a and -a."""

    def target(x):
        return np.logaddexp(
            math.log(share) + log_normal(x, (a, 1)), math.log1p(-share) + log_normal(x, (-a, 1))
        )

    return target


def reverse_by_quadrature(target, mean, sd):
    def term(x):
        log_q = log_normal(x, (mean, sd))
        return math.exp(log_q) * (log_q - target(x))

    ends = mean - 12 * sd, mean + 12 * sd
    return integrate.quad(term, *ends, points=[mean], limit=200, epsabs=1e-12)[0]


def samples_of(law, n, seed=0):
    return law.rvs(n, random_state=np.random.default_rng(seed))


class TestMaximumLikelihood:
    @quick
    @given(st.floats(-100, 100), st.floats(0.01, 100), st.integers(0, 100))
    def test_of_a_normal_law_is_mean_and_standard_deviation(self, mean, sd, seed):
        x = samples_of(stats.norm(mean, sd), 50, seed)
        found = fit.maximum_likelihood(log_normal, x, [mean + sd, 3 * sd])
        assert np.allclose(found.parameters, [x.mean(), x.std()], rtol=1e-9, atol=1e-9 * sd)
        assert found.log_likelihood == pytest.approx(
            stats.norm.logpdf(x, x.mean(), x.std()).sum(), rel=1e-12
        )
        expected = np.diag([x.var() / 50, x.var() / 100])
        assert np.allclose(found.covariance, expected, rtol=1e-6, atol=1e-8 * x.var())

    def test_a_poor_start_is_enough(self):
        x = samples_of(stats.norm(1000, 0.01), 100)
        found = fit.maximum_likelihood(log_normal, x, [999.0, 1.0])
        assert found.parameters[0] == pytest.approx(x.mean(), rel=1e-12)
        assert found.parameters[1] == pytest.approx(x.std(), rel=1e-8)

    def test_of_a_gamma_law_agrees_with_scipy(self):
        x = samples_of(stats.gamma(2.5, scale=3), 400)
        found = fit.maximum_likelihood(log_gamma, x, [1.0, 1.0])
        shape, _, scale = stats.gamma.fit(x, floc=0)
        assert np.allclose(found.parameters, [shape, scale], rtol=1e-7)
        information = [[special.polygamma(1, shape), 1 / scale], [1 / scale, shape / scale**2]]
        assert np.allclose(found.covariance, np.linalg.inv(information) / 400, rtol=1e-6)

    def test_of_a_discrete_law_is_the_mean(self):
        found = fit.maximum_likelihood(log_poisson, [0, 3, 5, 4], [1.0])
        assert found.parameters[0] == pytest.approx(3, rel=1e-10)
        assert found.covariance[0, 0] == pytest.approx(3 / 4, rel=1e-8)

    def test_points_of_several_dimensions_are_rows(self):
        x = samples_of(stats.multivariate_normal([1, -2], np.eye(2)), 30)

        def log_density(z, mean):
            return -((z - mean) ** 2).sum(axis=-1) / 2

        found = fit.maximum_likelihood(log_density, x, [0.0, 0.0])
        assert np.allclose(found.parameters, x.mean(axis=0), rtol=1e-9)

    def test_95_percent_intervals_from_the_covariance_cover(self):
        rng, hits = np.random.default_rng(0), 0
        for _ in range(100):
            found = fit.maximum_likelihood(log_poisson, rng.poisson(4, 50), [3.0])
            hits += abs(found.parameters[0] - 4) < 1.96 * math.sqrt(found.covariance[0, 0])
        assert 88 <= hits <= 100

    def test_a_mixture_is_fitted_with_its_mean_and_spread_the_forward_projection(self):
        rng = np.random.default_rng(0)
        x = rng.normal(np.where(rng.random(4000) < 0.5, -3.0, 3.0), 1.0)
        found = fit.maximum_likelihood(log_normal, x, [1.0, 1.0])
        [best] = fit.project(two_modes(3), "normal", "forward")
        assert np.allclose(found.parameters, [x.mean(), x.std()], rtol=1e-9)
        assert np.allclose(found.parameters, best.parameters, atol=0.15)

    @pytest.mark.parametrize(
        ("log_density", "samples", "start", "message"),
        [
            (log_normal, [], [0, 1], r"samples of shape \(0,\) holds no samples"),
            (log_normal, 3.0, [0, 1], r"samples of shape \(\) holds no samples"),
            (log_normal, [1, math.nan], [0, 1], r"samples\[1\] is nan"),
            (
                log_normal,
                [1, 2],
                [math.inf, 1],
                r"start\[0\] is inf: parameters are finite",
            ),
            (log_normal, [1, 2], [], r"start of shape \(0,\) holds no parameters"),
            (log_normal, [1, 2], [[0, 1]], r"start must have shape \(d,\), got \(1, 2\)"),
            (log_gamma, [-1, 2], [1, 1], r"likelihood at start=\[1.0, 1.0\] is 0 or undefined"),
            (log_normal, [2, 2], [0, 1], "no maximum of the likelihood near"),
            (lambda x, t: -((x - t[0] - t[1]) ** 2), [1, 2], [0, 0], "may not be identified"),
            (lambda x, t: t[0], [1, 2], [0], r"one number a point, shape \(2,\), .* shape \(\)"),
        ],
    )
    def test_faults_are_named(self, log_density, samples, start, message):
        with pytest.raises(ValueError, match=message), np.errstate(all="ignore"):
            fit.maximum_likelihood(log_density, samples, start)

    @pytest.mark.parametrize(
        "bad", [["a"], [1j], [None], np.ma.masked_array([1, 2], [True, False])]
    )
    def test_what_is_no_real_number_is_refused(self, bad):
        with pytest.raises(TypeError, match=r"samples (must hold real|has masked)"):
            fit.maximum_likelihood(log_normal, bad, [0.0, 1.0])
        with pytest.raises(TypeError, match=r"start (must hold real|has masked)"):
            fit.maximum_likelihood(log_normal, [1.0, 2.0], bad)


class TestFisherInformation:
    @pytest.mark.parametrize(("mean", "sd"), [(0, 1), (3, 0.2), (-100, 30)])
    def test_of_a_normal_law(self, mean, sd):
        value = fit.fisher_information(log_normal, [mean, sd])
        assert np.allclose(value * sd**2, np.diag([1, 2]), atol=1e-9)

    def test_of_a_gamma_law_on_its_half_line(self):
        value = fit.fisher_information(log_gamma, [2.5, 3.0], support=(0, np.inf))
        expected = [[special.polygamma(1, 2.5), 1 / 3], [1 / 3, 2.5 / 9]]
        assert np.allclose(value, expected, rtol=1e-8)

    def test_a_negative_half_line_and_an_interval_are_integrated_too(self):
        mirrored = fit.fisher_information(
            lambda x, t: log_gamma(-x, t), [2.5, 3.0], support=(-np.inf, 0)
        )
        assert np.allclose(
            mirrored, fit.fisher_information(log_gamma, [2.5, 3.0], support=(0, np.inf))
        )

        def log_power(x, t):
            return np.log(t[0]) + (t[0] - 1) * np.log(x)

        value = fit.fisher_information(log_power, [2.0], support=(0, 1))
        assert value[0, 0] == pytest.approx(1 / 4, rel=1e-8)

    @pytest.mark.parametrize("p", [0.5, 0.2, 1e-6, 1 - 1e-6])
    def test_of_a_coin_near_certainty_too(self, p):
        def log_bernoulli(x, t):
            return np.where(x == 1, np.log(t[0]), np.log1p(-t[0]))

        value = fit.fisher_information(log_bernoulli, [p], outcomes=[0, 1])
        assert value[0, 0] * p * (1 - p) == pytest.approx(1, rel=1e-5)

    def test_is_the_curvature_of_kl_for_a_policy_of_logits(self):
        logits = np.array([0.3, -1.2, 0.8, 0.1])
        p = special.softmax(logits)
        value = fit.fisher_information(log_softmax, logits, outcomes=range(4))
        assert np.allclose(value, np.diag(p) - np.outer(p, p), atol=1e-10)
        step = 1e-4 * np.array([1, 2, -1, 0.5])
        kl = special.rel_entr(p, special.softmax(logits + step)).sum()
        assert kl / (step @ value @ step / 2) == pytest.approx(1, abs=1e-3)

    def test_of_samples_converges_to_the_expectation(self):
        x = samples_of(stats.norm(3, 2), 40000)
        value = fit.fisher_information(log_normal, [3.0, 2.0], samples=x)
        assert np.allclose(value, np.diag([0.25, 0.5]), atol=0.02)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"outcomes": [0, 1]}, "the law sums to 0.640.*, not to 1: normalise it$"),
            ({"support": (0, 1)}, "the law integrates to 0.341.*, not to 1: normalise"),
            ({"support": (1, 0)}, r"support must be an interval .*, got \(1, 0\)"),
            ({"support": 3}, "support must be an interval .*, got 3"),
            ({"samples": []}, r"samples of shape \(0,\) holds no samples"),
            ({"outcomes": []}, r"outcomes of shape \(0,\) holds no outcomes"),
            ({"outcomes": [0, math.nan]}, r"outcomes\[1\] is nan: outcomes are finite numbers"),
        ],
    )
    def test_faults_are_named(self, options, message):
        with pytest.raises(ValueError, match=message):
            fit.fisher_information(log_normal, [0.0, 1.0], **options)


class TestSandwich:
    def test_of_poisson_is_the_variance_of_the_mean(self):
        x = np.array([0.0, 1, 1, 9, 4, 0, 12])
        value = fit.sandwich_covariance(log_poisson, [x.mean()], x)
        assert value[0, 0] == pytest.approx(x.var() / len(x), rel=1e-8)

    def test_of_a_normal_family_is_that_of_mean_and_spread_by_the_delta_method(self):
        x = samples_of(stats.expon(), 300)
        mean, sd = x.mean(), x.std()
        deviations = x - mean
        influence = np.array([deviations, (deviations**2 - sd**2) / (2 * sd)])
        value = fit.sandwich_covariance(log_normal, [mean, sd], x)
        assert np.allclose(value, influence @ influence.T / 300**2, rtol=1e-6)

    def test_agrees_with_the_inverse_information_where_the_family_is_right(self):
        x = samples_of(stats.norm(0, 1), 20000)
        found = fit.maximum_likelihood(log_normal, x, [1.0, 2.0])
        value = fit.sandwich_covariance(log_normal, found.parameters, x)
        assert np.allclose(value, found.covariance, rtol=0.05, atol=2e-6)

    def test_covers_where_the_inverse_information_does_not(self):
        rng, right, wrong = np.random.default_rng(0), 0, 0
        for _ in range(100):
            x = rng.negative_binomial(1, 0.2, 60)  # mean 4, variance 20: far from Poisson
            error = abs(x.mean() - 4)
            right += error < 1.96 * math.sqrt(
                fit.sandwich_covariance(log_poisson, [x.mean()], x)[0, 0]
            )
            wrong += error < 1.96 * math.sqrt(x.mean() / 60)
        assert right >= 85
        assert wrong <= 75

    def test_faults_are_named(self):
        with pytest.raises(ValueError, match="no curvature in some direction"):
            fit.sandwich_covariance(lambda x, t: -((x - t[0] - t[1]) ** 2), [0, 0], [1, 2])
        with pytest.raises(ValueError, match=r"at parameters=\[0.0, -1.0\] is 0 or undefined"):
            fit.sandwich_covariance(log_normal, [0, -1], [1, 2])
        with pytest.raises(TypeError, match="samples must hold real numbers"):
            fit.sandwich_covariance(log_normal, [0, 1], ["a"])


class TestForward:
    @pytest.mark.parametrize(
        ("law", "support"),
        [
            (stats.norm(20, 3), fit.REALS),
            (stats.t(5), fit.REALS),
            (stats.gumbel_r(2, 3), fit.REALS),
            (stats.expon(scale=2), (0, np.inf)),
            (stats.uniform(3, 4), (3, 7)),
        ],
        ids=["normal", "t", "gumbel", "exponential", "uniform"],
    )
    def test_onto_normal_laws_is_the_moments_of_the_target_and_nothing_else(self, law, support):
        [best] = fit.project(law.logpdf, "normal", "forward", support=support)
        assert np.allclose(best.parameters, [law.mean(), law.std()], rtol=1e-7)
        assert best.kind == "minimum"

    def test_onto_an_exponential_family_matches_its_moments(self):
        law = stats.lognorm(0.8)
        [best] = fit.project(
            law.logpdf, log_gamma, "forward", starts=[[1.0, 1.0], [3.0, 0.5]], support=(0, np.inf)
        )
        shape, scale = best.parameters
        assert shape * scale == pytest.approx(law.mean(), rel=1e-7)
        # the other moment of the gamma family is that of log x, here 0
        assert special.digamma(shape) + math.log(scale) == pytest.approx(0, abs=1e-7)

    def test_of_two_modes_covers_both_as_the_ledger_says(self):
        [best] = fit.project(two_modes(3), "normal", "forward")
        assert np.allclose(best.parameters, [0, math.sqrt(10)], atol=1e-8)
        assert best.value == pytest.approx(0.461994613, abs=5e-10)
        assert best.error < 1e-9

    def test_of_a_member_of_the_family_is_itself_at_no_distance(self):
        for direction in ("forward", "reverse", "js"):
            [best] = fit.project(lambda x: log_normal(x, (2, 0.5)), "normal", direction)
            assert np.allclose(best.parameters, [2, 0.5], rtol=1e-6)
            assert 0 <= best.value < 1e-14

    def test_of_a_law_without_variance_has_no_stationary_point(self):
        with pytest.raises(ValueError, match="no stationary point was found"):
            fit.project(stats.cauchy.logpdf, "normal", "forward", starts=[[0.0, 1.0], [0.0, 3.0]])


class TestReverse:
    def test_at_half_distance_three_has_three_minima_and_two_saddles(self):
        points = fit.project(two_modes(3), "normal", "reverse")
        kinds = [point.kind for point in points]
        assert kinds == ["minimum", "minimum", "minimum", "saddle", "saddle"]
        left, right, centred, *saddles = points
        assert np.allclose(right.parameters, [2.9843, 1.0234], atol=5e-5)
        assert right.value == pytest.approx(0.688769, abs=5e-7)
        assert np.allclose(left.parameters, right.parameters * [-1, 1], atol=1e-8)
        assert centred.parameters[0] == pytest.approx(0, abs=1e-9)
        assert np.allclose([s.parameters[0] for s in saddles], [-1.8405, 1.8405], atol=5e-5)

    @pytest.mark.parametrize("a", [2.5, 3, 5])
    def test_values_are_those_of_scipys_quadrature_and_no_neighbour_of_a_minimum_is_lower(self, a):
        target = two_modes(a)
        for point in fit.project(target, "normal", "reverse"):
            mean, sd = point.parameters
            value = reverse_by_quadrature(target, mean, sd)
            assert point.value == pytest.approx(value, abs=1e-9)
            around = [
                reverse_by_quadrature(target, mean + 0.02 * math.cos(t), sd + 0.02 * math.sin(t))
                for t in np.linspace(0, 2 * np.pi, 16, endpoint=False)
            ]
            assert (min(around) > value) == (point.kind == "minimum")

    def test_below_the_first_threshold_is_centred_alone(self):
        [best] = fit.project(two_modes(2), "normal", "reverse")
        assert np.allclose(best.parameters, [0, 2.047], atol=5e-4)
        assert best.value == pytest.approx(0.226508, abs=5e-7)
        assert best.kind == "minimum"

    def test_one_mode_minima_are_born_at_half_distance_2_412(self):
        near = {"starts": [[2.15, 1.28], [2.2, 1.24], [2.1, 1.33], [0.0, 2.3]]}
        before = fit.project(two_modes(2.412), "normal", "reverse", **near)
        after = fit.project(two_modes(2.413), "normal", "reverse", **near)
        assert [point.kind for point in before] == ["minimum"]
        assert [point.kind for point in after] == ["minimum", "minimum", "saddle"]

    def test_one_mode_minima_become_global_at_half_distance_2_800(self):
        for a, centred_is_best in ((2.7995, True), (2.8005, False)):
            best = fit.project(two_modes(a), "normal", "reverse", starts=[[0, 2.6], [a, 1.04]])[0]
            assert (abs(best.parameters[0]) < 0.1) == centred_is_best

    def test_between_the_thresholds_the_centred_law_is_better(self):
        centred, one, *_ = fit.project(two_modes(2.5), "normal", "reverse")
        assert centred.value == pytest.approx(0.4811, abs=5e-5)
        assert one.value == pytest.approx(0.6665, abs=5e-5)

    def test_the_centred_law_remains_a_minimum_at_half_distance_5(self):
        points = fit.project(two_modes(5), "normal", "reverse")
        [centred] = [point for point in points if abs(point.parameters[0]) < 1e-6]
        assert centred.kind == "minimum"
        assert centred.parameters[1] == pytest.approx(4.2226, abs=5e-5)
        assert centred.value == pytest.approx(3.3066, abs=5e-5)

    def test_unequal_modes_cost_their_missing_weight(self):
        points = fit.project(two_modes(5, share=0.7), "normal", "reverse")
        heavy, light = points[:2]
        assert heavy.parameters[0] == pytest.approx(5, abs=0.01)
        assert heavy.value == pytest.approx(0.356675, abs=1e-4)
        assert light.parameters[0] == pytest.approx(-5, abs=0.01)
        assert light.value == pytest.approx(1.203973, abs=1e-4)

    def test_of_fixed_width_has_a_maximum_in_the_middle(self):
        def unit_normal(x, t):
            return log_normal(x, (t[0], 1.0))

        starts = [[-3.0], [0.2], [3.0]]
        points = fit.project(two_modes(3), unit_normal, "reverse", starts=starts)
        assert [point.kind for point in points] == ["minimum", "minimum", "maximum"]
        assert points[2].parameters[0] == pytest.approx(0, abs=1e-8)

    def test_an_idle_parameter_is_called_degenerate(self):
        def idle(x, t):
            return log_normal(x, (t[0], 1.0)) + 0 * t[1]

        [point] = fit.project(two_modes(1), idle, "forward", starts=[[0.5, 2.0]])
        assert point.kind == "degenerate"
        assert point.parameters[0] == pytest.approx(0, abs=1e-8)

    def test_of_the_cauchy_law_is_right_in_spite_of_its_tails(self):
        # E_q[log(1 + x^2)] under N(0, s^2) by scipy, minus log s, is least at the same s
        def loss(log_sd):
            sd = math.exp(log_sd)
            mean = integrate.quad(lambda x: stats.norm.pdf(x) * math.log1p((sd * x) ** 2), -12, 12)
            return mean[0] - log_sd

        least = optimize.minimize_scalar(loss, bounds=(-1, 2), method="bounded")
        [best] = fit.project(stats.cauchy.logpdf, "normal", "reverse")
        assert best.parameters[0] == pytest.approx(0, abs=1e-8)
        assert best.parameters[1] == pytest.approx(math.exp(least.x), rel=1e-5)

    def test_onto_log_normal_laws_has_the_closed_form_of_an_exponential_target(self):
        def log_lognormal(x, t):
            return log_normal(np.log(x), t) - np.log(x)

        # KL = -h(q) + E_q[x]/2 + log 2: stationary at sd 1 and exp(mean + 1/2) = 2
        [best] = fit.project(
            lambda x: -x / 2 - math.log(2),
            log_lognormal,
            "reverse",
            starts=[[0.0, 1.5]],
            support=(0, np.inf),
        )
        assert np.allclose(best.parameters, [math.log(2) - 0.5, 1], rtol=1e-7)


def log_binomial(k, parameters):
    return stats.binom.logpmf(k, 10, parameters[0])


def rounded_normal(k, parameters):
    """A normal law of standard deviation 1.5 on the whole numbers from 0 to 10."""
    logs = -((k - parameters[0]) ** 2) / 4.5
    return logs - special.logsumexp(logs)


BINOMIALS = [[0.1], [0.3], [0.5], [0.7], [0.9]]
TEETH = np.array([3, 5, 9, 14, 8, 2, 1, 6, 13, 10, 4]) / 75  # of two modes


def slope_changes(values):
    """Places where a function on a fine grid has a minimum (+1) or a maximum (-1)."""
    signs = np.sign(np.diff(values))
    turns = np.flatnonzero(signs[1:] != signs[:-1])
    return [(int(i) + 1, int(signs[i + 1])) for i in turns]


class TestDiscrete:
    outcomes = np.arange(11)

    def test_forward_onto_binomial_laws_is_the_mean(self):
        [best] = fit.project(TEETH, log_binomial, outcomes=self.outcomes, starts=BINOMIALS)
        mean = TEETH @ self.outcomes / 10
        assert best.parameters[0] == pytest.approx(mean, rel=1e-9)
        q = stats.binom.pmf(self.outcomes, 10, mean)
        assert best.value == pytest.approx(special.rel_entr(TEETH, q).sum(), rel=1e-12)
        assert (best.kind, best.error) == ("minimum", 0)

    @pytest.mark.parametrize("direction", ["forward", "reverse", "js"])
    def test_every_turn_of_the_divergence_on_a_fine_grid_is_found(self, direction):
        def divergence(centre):
            q = np.exp(rounded_normal(self.outcomes, [centre]))
            m = (TEETH + q) / 2
            both = (special.rel_entr(TEETH, m) + special.rel_entr(q, m)).sum() / 2
            kls = {"forward": special.rel_entr(TEETH, q), "reverse": special.rel_entr(q, TEETH)}
            return both if direction == "js" else kls[direction].sum()

        centres = np.linspace(-2, 12, 14001)
        values = np.array([divergence(centre) for centre in centres])
        turns = slope_changes(values)
        found = fit.project(
            TEETH,
            rounded_normal,
            direction,
            outcomes=self.outcomes,
            starts=np.linspace(0, 10, 11)[:, None],
        )
        found = sorted(found, key=lambda point: point.parameters[0])
        assert len(turns) == len(found) == (1 if direction == "forward" else 3)
        for (i, sign), point in zip(turns, found, strict=True):
            assert point.parameters[0] == pytest.approx(centres[i], abs=1e-3)
            assert point.value == pytest.approx(values[i], abs=1e-5)
            assert point.kind == ("minimum" if sign > 0 else "maximum")

    def test_a_function_of_log_probabilities_is_the_array(self):
        options = {"outcomes": self.outcomes, "starts": BINOMIALS, "direction": "js"}
        by_array = fit.project(TEETH, log_binomial, **options)
        by_function = fit.project(lambda k: np.log(TEETH)[k.astype(int)], log_binomial, **options)
        assert np.allclose(by_array[0].parameters, by_function[0].parameters, rtol=1e-12)
        assert by_array[0].value == pytest.approx(by_function[0].value, rel=1e-12)

    def test_an_outcome_without_probability_counts_for_nothing_forward(self):
        p = [0.0, 0.5, 0.5]
        [best] = fit.project(
            p, lambda k, t: stats.binom.logpmf(k, 2, t[0]), outcomes=range(3), starts=[[0.4]]
        )
        assert best.parameters[0] == pytest.approx(0.75, rel=1e-9)

    def test_a_law_that_nobody_in_the_family_avoids_is_infinitely_far_in_reverse(self):
        p = np.where(self.outcomes == 3, 0, TEETH) / (1 - TEETH[3])
        options = {"outcomes": self.outcomes, "starts": BINOMIALS}
        with pytest.raises(ValueError, match=r"infinite or undefined at every start: .*direction"):
            fit.project(p, log_binomial, "reverse", **options)
        [best] = fit.project(p, log_binomial, "forward", **options)
        assert best.parameters[0] == pytest.approx(p @ self.outcomes / 10, rel=1e-9)

    def test_a_family_may_reach_beyond_the_outcomes_forward_alone(self):
        options = {"outcomes": self.outcomes, "starts": [[4.0]]}
        [best] = fit.project(TEETH, log_poisson, **options)
        assert best.parameters[0] == pytest.approx(TEETH @ self.outcomes, rel=1e-9)
        with pytest.raises(ValueError, match=r"the family sums to 0\..*, not to 1: normalise it$"):
            fit.project(TEETH, log_poisson, "reverse", **options)

    def test_outcomes_may_be_points_of_a_plane(self):
        corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        joint = np.array([0.4, 0.1, 0.2, 0.3])

        def independent(z, t):
            return (z * np.log(t) + (1 - z) * np.log1p(-t)).sum(axis=1)

        [best] = fit.project(joint, independent, outcomes=corners, starts=[[0.5, 0.5]])
        assert np.allclose(best.parameters, [0.5, 0.4], rtol=1e-9)  # the marginals
        product = np.outer([0.5, 0.5], [0.6, 0.4]).ravel()  # and the mutual information
        assert best.value == pytest.approx(special.rel_entr(joint, product).sum(), rel=1e-12)

    @pytest.mark.parametrize(
        ("target", "options", "error", "message"),
        [
            (0.9 * TEETH, {}, ValueError, r"target, row 0 sums to 0\.9\d*, not to 1"),
            (-TEETH, {}, ValueError, r"target, row 0: entry 0 is -0\.04"),
            (TEETH * math.nan, {}, ValueError, "target, row 0: entry 0 is nan"),
            (TEETH[1:], {}, ValueError, "one probability for each of 11 outcomes, got shape .10,."),
            ([TEETH], {}, ValueError, "one probability for each of 11 outcomes"),
            (TEETH * 1j, {}, TypeError, "target must hold real numbers"),
            (TEETH, {"outcomes": None}, TypeError, "target must be .* probabilities need outcomes"),
            (TEETH, {"family": "normal"}, ValueError, "family 'normal' has densities: outcomes"),
            (TEETH, {"outcomes": []}, ValueError, r"outcomes of shape \(0,\) holds no outcomes"),
            (lambda k: np.log(0.9 * TEETH), {}, ValueError, r"the target sums to 0\.9, not to 1"),
        ],
    )
    def test_faults_are_named(self, target, options, error, message):
        given = {"family": log_binomial, "outcomes": self.outcomes, "starts": [[0.5]]} | options
        with pytest.raises(error, match=message):
            fit.project(target, **given)


class TestJensenShannon:
    def test_values_agree_with_a_plain_sum(self):
        target = two_modes(3)
        points = fit.project(
            target, "normal", "js", starts=[[0, 3.0], [3, 1.0], [2.6, 1.5], [-3, 1.0]]
        )
        x = np.linspace(-40, 40, 20001)
        p = np.exp(target(x))
        for point in points:
            q = stats.norm.pdf(x, *point.parameters)
            m = (p + q) / 2 + 1e-300
            value = (special.rel_entr(p, m) + special.rel_entr(q, m)).sum() / 2 * (x[1] - x[0])
            assert point.value == pytest.approx(value, abs=1e-9)
        assert [point.kind for point in points] == ["minimum", "minimum", "minimum", "saddle"]
        assert points[0].parameters[1] == pytest.approx(3.1198, abs=5e-5)

    def test_the_least_value_lies_below_log_two_and_above_zero(self):
        best = fit.project(two_modes(2), "normal", "js", starts=[[0.0, 2.0]])[0]
        assert best.value == pytest.approx(0.046089, abs=5e-7)


class TestProjectInput:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"direction": "sideways"}, "direction must be one of forward, reverse, js, got 'side"),
            ({"family": "gamma"}, "family must be a function or 'normal', got 'gamma'"),
            ({"family": log_gamma}, "starts must be given for a family that is not 'normal'"),
            ({"starts": [[0, -1]]}, r"rows \(mean, sd\) with sd > 0"),
            ({"starts": [[0, 1, 2]]}, r"rows \(mean, sd\) with sd > 0"),
            ({"starts": [[0, math.nan]]}, r"starts\[0, 1\] is nan: parameters are finite numbers"),
            ({"support": (3, 3)}, "support must be an interval"),
            ({"support": (0, 1)}, "the target integrates to 0.341.*, not to 1"),
            ({"rtol": 0.0}, "rtol must lie between"),
        ],
    )
    def test_faults_are_named(self, options, message):
        with pytest.raises(ValueError, match=message):
            fit.project(lambda x: log_normal(x, (0, 1)), **options)

    def test_an_unnormalised_target_is_refused_and_a_needle_asks_for_its_support(self):
        with pytest.raises(ValueError, match=r"integrates to 2\.50662827 over .*, not to 1: norm"):
            fit.project(lambda x: -(x**2) / 2)

        def needle(x):
            return log_normal(x, (1000, 0.01))

        with pytest.raises(ValueError, match="give the support if it is very narrow"):
            fit.project(needle)
        [best] = fit.project(needle, support=(999.8, 1000.2), starts=[[1000.01, 0.02]])
        assert np.allclose(best.parameters, [1000, 0.01], rtol=1e-6)

    def test_an_unnormalised_family_is_refused(self):
        with pytest.raises(ValueError, match="the family integrates to"):
            fit.project(
                lambda x: log_normal(x, (0, 1)),
                lambda x, t: -((x - t[0]) ** 2) / 2,
                starts=[[0.5]],
            )

    def test_a_family_that_leaves_the_support_is_refused_where_that_would_count(self):
        for direction in ("reverse", "js"):
            with pytest.raises(ValueError, match="the family integrates to"):
                fit.project(
                    stats.uniform.logpdf, "normal", direction, support=(0, 1), starts=[[0.5, 0.3]]
                )

    def test_the_closed_form_of_two_normals_is_found_off_the_optimum_too(self):
        def shifted(x, t):
            return log_normal(x, (1.0, np.exp(t[0])))

        [best] = fit.project(lambda x: log_normal(x, (0, 2)), shifted, "forward", starts=[[0.0]])
        sd = math.exp(best.parameters[0])
        assert sd == pytest.approx(math.sqrt(5), rel=1e-8)
        assert best.value == pytest.approx(gaussian.kl_normal(0, 2, 1, sd), rel=1e-9)
