"""Critics: their objectives by formula, and trained ones against exact distances."""

import logging

import numpy as np
import pytest
from scipy import stats

from divkit import continuous, fdivergence, transport

keras = pytest.importorskip("divkit.keras", reason="no TensorFlow wheel for this platform")
tf, ops = keras.tf, keras.keras.ops

GRID = np.linspace(-4, 4, 81)
BY_NAME = pytest.mark.parametrize("name", fdivergence.FAMILY)


def normal(mean, sd=1.0):
    return lambda rng, size: rng.normal(mean, sd, size)


def line_at(height):
    """Uniform on a vertical line: two of them are `W1 = |difference of heights|` apart."""
    return lambda rng, size: np.stack([np.full(size, height), rng.random(size)], axis=-1)


def affine():
    return keras.keras.Sequential([keras.keras.layers.Dense(1)])


class TestObjectives:
    @BY_NAME
    def test_activation_and_conjugate_are_those_of_the_family(self, name):
        member, objective = fdivergence.FAMILY[name], keras.f_divergence_objective(name)
        activated = member.activation(GRID)
        np.testing.assert_allclose(objective.real(GRID), activated, rtol=1e-5, atol=1e-6)
        conjugate = member.conjugate(activated)
        np.testing.assert_allclose(objective.fake(GRID), conjugate, rtol=1e-5, atol=1e-6)

    @BY_NAME
    def test_the_value_is_that_of_the_game(self, name):
        rng = np.random.default_rng(0)
        v, w = rng.normal(size=50), rng.normal(size=70)
        value = float(keras.f_divergence_objective(name)(v, w))
        assert value == pytest.approx(fdivergence.FAMILY[name].gan_loss(v, w), rel=1e-5, abs=1e-6)

    def test_the_logistic_value_is_twice_that_of_js_less_twice_log_two(self):
        logistic, js = keras.logistic_objective(), keras.f_divergence_objective("js")
        v, w = GRID, GRID[::-2] / 2
        assert float(logistic(v, w)) == pytest.approx(2 * float(js(v, w)) - 2 * np.log(2), rel=1e-5)
        d_real, d_fake = 1 / (1 + np.exp(-v)), 1 / (1 + np.exp(-w))
        by_formula = np.log(d_real).mean() + np.log(1 - d_fake).mean()
        assert float(logistic(v, w)) == pytest.approx(by_formula, rel=1e-5)

    def test_an_unknown_member_is_refused_with_the_names_there_are(self):
        with pytest.raises(ValueError, match=r"kl, reverse_kl, .*, got 'kullback'"):
            keras.f_divergence_objective("kullback")

    @pytest.mark.parametrize(
        "options", [{}, {"clip": 0.1, "penalty": 10}, {"clip": None, "penalty": None}]
    )
    def test_a_wasserstein_critic_is_bounded_in_exactly_one_way(self, options):
        with pytest.raises(ValueError, match="exactly one of clip and penalty"):
            keras.wasserstein_objective(**options)

    @pytest.mark.parametrize("name", ["clip", "penalty"])
    @pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf, "1", True])
    def test_clip_and_penalty_are_positive_numbers(self, name, value):
        with pytest.raises(ValueError, match=rf"{name} must be .*{value}"):
            keras.wasserstein_objective(**{name: value})


class TestPenalty:
    POINTS = np.array([[3.0, 4.0], [0.0, 0.5], [0.6, 0.8]])

    def test_slopes_of_a_known_function(self):
        slopes = keras.gradient_norms(
            lambda x: ops.sum(x**2, axis=-1) / 2, tf.constant(self.POINTS)
        )
        np.testing.assert_allclose(slopes, [5, 0.5, 1], rtol=1e-12)

    @pytest.mark.parametrize(("one_sided", "mean"), [(True, 16 / 3), (False, 16.25 / 3)])
    def test_one_side_leaves_small_slopes_alone(self, one_sided, mean):
        half_square = lambda x: ops.sum(x**2, axis=-1) / 2  # noqa: E731
        penalty = keras.gradient_penalty(half_square, tf.constant(self.POINTS), one_sided=one_sided)
        assert float(penalty) == pytest.approx(mean, rel=1e-12)

    def test_points_of_any_shape_have_one_slope_each(self):
        images = tf.ones((2, 3, 3))
        slopes = keras.gradient_norms(lambda x: 2 * ops.sum(x, axis=(1, 2)), images)
        np.testing.assert_allclose(slopes, [6, 6], rtol=1e-6)

    @pytest.mark.parametrize("one_sided", [True, False])
    def test_a_flat_place_spoils_no_weight(self, one_sided):
        weight = tf.Variable([[1.0]])
        with tf.GradientTape() as tape:
            rectifier = lambda x: ops.relu(x @ weight)  # noqa: E731
            penalty = keras.gradient_penalty(
                rectifier, tf.constant([[-1.0], [2.0]]), one_sided=one_sided
            )
        assert np.isfinite(tape.gradient(penalty, weight)).all()


class TestTrainedOnJensenShannon:
    @pytest.mark.parametrize("distance", [1.0, 4.0])
    def test_the_discriminator_reaches_the_exact_value_on_fresh_samples(self, distance):
        critic = keras.Critic(keras.logistic_objective(), seed=0)
        critic.fit(normal(0), normal(distance), steps=600)
        rng = np.random.default_rng(1)
        x, y = rng.normal(0, 1, 100_000), rng.normal(distance, 1, 100_000)
        value, error = critic.bound(x, y)
        best = [distance**2 / 2 - distance * z for z in (x, y)]  # log(p/q)
        attained = -np.logaddexp(0, -best[0]).mean() - np.logaddexp(0, best[1]).mean()
        assert value == pytest.approx(attained, abs=2e-3)
        js, _ = continuous.js_density(stats.norm(0, 1).logpdf, stats.norm(distance, 1).logpdf)
        assert abs(value - (2 * js - 2 * np.log(2))) < 2e-3 + 4 * error
        middle = np.linspace(-0.5, 0.5, 5) + distance / 2
        log_ratio = distance**2 / 2 - distance * middle
        np.testing.assert_allclose(critic.outputs(middle), log_ratio, atol=0.5)


class TestTrainedOnTheFamily:
    @pytest.mark.parametrize("name", ["kl", "jeffreys", "total_variation"])
    def test_the_bound_comes_near_the_divergence_from_below(self, name):
        exact = {"kl": 0.5, "jeffreys": 1.0, "total_variation": 2 * stats.norm.cdf(0.5) - 1}[name]
        critic = keras.Critic(keras.f_divergence_objective(name), seed=0)
        critic.fit(normal(0), normal(1), steps=500)
        value, error = critic.bound(normal(0), normal(1), size=200_000, seed=1)
        assert 0.97 * exact - 4 * error < value < exact + 4 * error


class TestTrainedOnWasserstein:
    @pytest.mark.parametrize("one_sided", [True, False])
    @pytest.mark.parametrize("distance", [0.5, 2.0])
    def test_a_penalised_affine_critic_is_too_steep_by_the_theoretical_share(
        self, distance, one_sided
    ):
        objective = keras.wasserstein_objective(penalty=10, one_sided=one_sided)
        optimizer = keras.keras.optimizers.Adam(0.02)
        critic = keras.Critic(objective, affine(), optimizer=optimizer, seed=0)
        critic.fit(line_at(distance), line_at(0.0), steps=600, batch_size=64)
        value, _ = critic.bound(line_at(distance), line_at(0.0), size=20_000, seed=1)
        assert value / distance == pytest.approx(1 + distance / 20, abs=0.01)

    def test_a_penalised_network_as_well(self):
        critic = keras.Critic(keras.wasserstein_objective(penalty=10), seed=0)
        critic.fit(line_at(1.0), line_at(0.0), steps=500)
        value, _ = critic.bound(line_at(1.0), line_at(0.0), size=20_000, seed=1)
        assert value == pytest.approx(1.05, abs=0.01)

    def test_one_side_is_enough_where_the_best_slope_changes_its_sign_and_two_may_fail(self):
        rng = np.random.default_rng(0)
        bimodal = rng.choice([-2.0, 2.0], 20_000) + rng.normal(0, 0.3, 20_000)
        gaussian = rng.normal(0, 0.5, 20_000)
        exact = transport.wasserstein_1d(bimodal, gaussian)

        def ratio(seed, one_sided):
            objective = keras.wasserstein_objective(penalty=10, one_sided=one_sided)
            critic = keras.Critic(objective, seed=seed)
            critic.fit(bimodal, gaussian, steps=600)
            return critic.bound(bimodal, gaussian).value / exact

        assert 1.0 < ratio(1, one_sided=True) < 1.2
        # A slope of 1 everywhere, that of a monotone critic, costs nothing on two sides.
        assert min(ratio(seed, one_sided=False) for seed in (1, 2)) < 0.5

    def test_a_clipped_affine_critic_measures_the_clip_times_the_distance(self):
        critic = keras.Critic(keras.wasserstein_objective(clip=0.01), affine(), seed=0)
        x, y = np.array([1.0, 2.0, 4.5]), np.array([-1.0, 0.5, 2.0])
        critic.fit(x, y, steps=1500, batch_size=16)
        exact = transport.wasserstein_1d(x, y)
        assert critic.bound(x, y).value == pytest.approx(0.01 * exact, rel=1e-5)

    def test_clipping_leaves_about_a_thousandth_of_the_distance(self):
        critic = keras.Critic(keras.wasserstein_objective(clip=0.01), seed=0)
        critic.fit(normal(2), normal(0), steps=500)
        assert max(abs(w).max() for w in critic.network.get_weights()) <= np.float32(0.01)
        value, _ = critic.bound(normal(2), normal(0), seed=1)
        steepest = 0.01**3 * 32 * 32
        assert 0.0001 * 2 < value < steepest * 2


class TestTraining:
    def test_a_seed_fixes_every_number_whatever_the_global_state(self):
        def train(seed):
            keras.keras.utils.set_random_seed(np.random.randint(1000))  # noqa: NPY002
            objective = keras.wasserstein_objective(penalty=1)
            critic = keras.Critic(objective, hidden_units=[4], seed=seed)
            values = critic.fit(normal(1), [0.0, 1.0, 5.0], steps=120, batch_size=8)
            return values.tobytes() + b"".join(w.tobytes() for w in critic.network.get_weights())

        assert train(1) == train(1) != train(2)

    def test_the_compiled_loop_takes_the_steps_that_single_steps_take(self):
        objective = keras.wasserstein_objective(penalty=1)
        looped, stepped = (keras.Critic(objective, hidden_units=[5], seed=0) for _ in range(2))
        x, y = np.random.default_rng(0).normal(size=(2, 30, 3)).astype(np.float32)
        values = looped.fit(x, y, steps=20, batch_size=10)
        rng, by_hand = stepped._rng, []
        stepped._build(*(z[rng.integers(30, size=1)] for z in (x, y)))
        drawn = [z[rng.integers(30, size=200)].reshape(20, 10, 3) for z in (x, y)]
        for batch in zip(*drawn, rng.random((20, 10, 1), dtype=np.float32), strict=True):
            by_hand.append(float(stepped._step(tuple(map(tf.constant, batch)))))  # noqa: PERF401
        np.testing.assert_allclose(values, by_hand, rtol=1e-3, atol=1e-6)
        for one, other in zip(looped.network.weights, stepped.network.weights, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)

    def test_a_further_call_takes_further_steps(self):
        critic = keras.Critic(keras.logistic_objective(), affine(), seed=0)
        assert critic.fit([0.0, 1.0], [2.0], steps=130, batch_size=2).shape == (130,)
        assert critic.fit([0.0, 1.0], [2.0], steps=3, batch_size=5).shape == (3,)
        assert int(critic.optimizer.iterations.numpy()) == 133

    def test_many_critics_train_without_a_warning(self):
        said = []
        handler = logging.Handler()
        handler.emit = lambda record: said.append(record.getMessage())
        tf.get_logger().addHandler(handler)
        try:
            for _ in range(6):
                keras.Critic(keras.logistic_objective(), affine()).fit([0.0], [1.0], steps=1)
        finally:
            tf.get_logger().removeHandler(handler)
        assert said == []

    def test_a_progress_bar_shows_to_a_person_and_is_taken_away(self, monkeypatch):
        shown = []
        monkeypatch.setattr(keras.progress, "_live_front_end", lambda: True)
        display = lambda html, display_id: shown.append(html.data) or "handle"  # noqa: E731
        monkeypatch.setattr("IPython.display.display", display)
        monkeypatch.setattr("IPython.display.clear_output", lambda: shown.append("cleared"))
        monkeypatch.setattr(keras.ProgressBar, "interval", np.inf)
        keras.Critic(keras.logistic_objective(), affine()).fit([0.0], [1.0], steps=1)
        assert shown == ['<progress value="0.0000" max="1"></progress> critic', "cleared"]

    def test_images_need_no_flattening(self):
        layers = keras.keras.layers
        network = keras.keras.Sequential([layers.Flatten(), layers.Dense(1)])
        critic = keras.Critic(keras.wasserstein_objective(penalty=10), network, seed=0)
        critic.fit(np.ones((5, 4, 4)), np.zeros((6, 4, 4), np.uint8), steps=3, batch_size=2)
        assert critic.outputs(np.zeros((7, 4, 4))).shape == (7,)

    def test_the_standard_error_is_that_of_two_means(self):
        critic = keras.Critic(keras.wasserstein_objective(clip=1), affine(), seed=0)
        x, y = np.random.default_rng(0).normal(size=(2, 400))
        slope = float(critic.outputs([1.0])[0] - critic.outputs([0.0])[0])
        value, error = critic.bound(x, y)
        assert value == pytest.approx(slope * (x.mean() - y.mean()), rel=1e-4)
        both = abs(slope) * np.hypot(stats.sem(x), stats.sem(y))
        assert error == pytest.approx(both, rel=1e-4)


class TestBadInput:
    @pytest.mark.parametrize(
        ("p", "error", "message"),
        [
            ([0.0, np.nan], ValueError, "p, sample 1 is nan: samples must be finite"),
            ([[0.0], [np.inf]], ValueError, r"p, sample 1 is \[inf\]"),
            ([], ValueError, r"p of shape \(0,\) holds no samples"),
            (3.0, ValueError, r"p of shape \(\) holds no samples"),
            ([[0.0, 1.0]], ValueError, r"samples of p and q must have one shape, not \(1,\) and"),
            (np.array([1j]), TypeError, "p must hold real numbers, got dtype complex128"),
            (lambda rng, size: np.zeros(size + 1), ValueError, r"p\(rng, 1\) returned 2 samples"),
            (lambda rng, size: np.full(size, np.nan), ValueError, r"p\(rng, 1\), sample 0 is"),
        ],
    )
    def test_samples_are_finite_points_of_one_space(self, p, error, message):
        with pytest.raises(error, match=message):
            keras.Critic(keras.logistic_objective(), seed=0).fit(p, [0.0, 1.0], steps=1)

    @pytest.mark.parametrize("name", ["steps", "batch_size"])
    @pytest.mark.parametrize("value", [0, -1, 1.5, True, "3"])
    def test_numbers_of_steps_and_samples_are_positive(self, name, value):
        with pytest.raises(ValueError, match=rf"{name} must be a positive whole number, got "):
            keras.Critic(keras.logistic_objective()).fit([0.0], [1.0], **{name: value})

    def test_a_bound_needs_two_samples_of_each(self):
        critic = keras.Critic(keras.logistic_objective(), affine())
        with pytest.raises(ValueError, match="q holds a single sample"):
            critic.bound([0.0, 1.0], [1.0])
        with pytest.raises(ValueError, match="size must be at least 2, got 1"):
            critic.bound(normal(0), normal(1), size=1)

    def test_widths_are_positive_numbers(self):
        with pytest.raises(ValueError, match=r"hidden_units must be .*, got 0"):
            keras.Critic(keras.logistic_objective(), hidden_units=[3, 0])

    def test_a_network_returns_one_number_for_each_sample(self):
        pair = keras.keras.Sequential([keras.keras.layers.Dense(2)])
        with pytest.raises(ValueError, match="network must return one number"):
            keras.Critic(keras.logistic_objective(), pair).fit([0.0], [1.0], steps=1)

    def test_later_samples_have_the_shape_of_the_first(self):
        critic = keras.Critic(keras.logistic_objective(), affine())
        critic.outputs([0.0])
        with pytest.raises(ValueError, match=r"must have one shape, not \(2,\) and \(1,\)"):
            critic.outputs([[0.0, 1.0]])
