"""Adversarial networks: the generator's gradient by formula, and training on a ring."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from scipy import integrate, stats

from divkit import transport
from divkit.datasets import gaussian_ring, mode_coverage, ring_modes

keras = pytest.importorskip("divkit.keras", reason="no TensorFlow wheel for this platform")
tf, layers = keras.tf, keras.keras.layers

RING = gaussian_ring(20_000, rng=0)


class TestGeneratorsGradient:
    """The generator shifts N(0, 1) by d, and the critic is the best one, log p/q, held fixed."""

    NOISE = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)

    def by_tape(self, loss, shift):
        d = tf.Variable(shift, dtype=tf.float64)
        with tf.GradientTape() as tape:
            samples = self.NOISE + d
            outputs = shift**2 / 2 - shift * samples
            value = loss(keras.logistic_objective(), outputs)
        return abs(float(tape.gradient(value, d)))

    def by_quadrature(self, shift, sign):
        """The mean over N(d, 1) of d D, or of d (1 - D)."""
        density = stats.norm(shift, 1).pdf
        sigmoid = lambda x: 1 / (1 + np.exp(-sign * (shift**2 / 2 - shift * x)))  # noqa: E731
        value, _ = integrate.quad(lambda x: density(x) * sigmoid(x), shift - 12, shift + 12)
        return shift * value

    @pytest.mark.parametrize(
        ("shift", "minimax", "non_saturating"),
        [
            (1.0, 0.398, 0.60),
            (2.0, 0.450, 1.55),
            (4.0, 0.137, 3.86),
            (6.0, 0.0125, 5.99),
            (8.0, 3.9e-4, 8.00),
        ],
    )
    def test_dies_for_minimax_and_grows_for_the_other(self, shift, minimax, non_saturating):
        for loss, printed, sign in (
            (keras.minimax_loss, minimax, 1),
            (keras.non_saturating_loss, non_saturating, -1),
        ):
            found = self.by_tape(loss, shift)
            assert found == pytest.approx(self.by_quadrature(shift, sign), rel=2e-3)
            assert found == pytest.approx(printed, rel=0.01)

    def test_the_two_losses_are_one_for_wasserstein(self):
        outputs = tf.constant([0.5, -2.0, 3.0])
        objective = keras.wasserstein_objective(penalty=10)
        losses = [f(objective, outputs) for f in (keras.minimax_loss, keras.non_saturating_loss)]
        assert float(losses[0]) == float(losses[1]) == -0.5

    def test_minimax_is_the_part_of_the_objective_that_the_generator_moves(self):
        objective, fixed = keras.logistic_objective(), tf.constant([1.0, 2.0])
        low, high = tf.constant([-1.0, 0.0]), tf.constant([0.5, 4.0])
        moved = float(objective(fixed, high) - objective(fixed, low))
        losses = [float(keras.minimax_loss(objective, outputs)) for outputs in (high, low)]
        assert moved == pytest.approx(losses[0] - losses[1], rel=1e-5)


class TestRing:
    @staticmethod
    def learnt(gan):
        samples = gan.generate(2000, seed=0)
        distance = transport.wasserstein_nd(samples[:256], RING[:256], order=1)
        return mode_coverage(samples, ring_modes()), distance

    def test_six_hundred_steps_find_most_modes(self):
        gan = keras.GAN(keras.logistic_objective(), seed=0)
        history = gan.fit(RING, steps=600)
        coverage, distance = self.learnt(gan)
        assert coverage.found > 4
        assert distance < 0.9  # 1.9 before the first step
        assert {name: len(values) for name, values in history.items()} == {
            "critic": 600,
            "generator": 600,
        }

    def test_a_penalised_critic_brings_the_samples_nearer(self):
        gan = keras.GAN(keras.wasserstein_objective(penalty=10), seed=0)
        gan.fit(RING, steps=1)
        _, before = self.learnt(gan)
        gan.fit(RING, steps=300, critic_steps=2)
        _, after = self.learnt(gan)
        assert after < before / 2

    def test_a_member_of_the_family_trains_too(self):
        gan = keras.GAN(keras.f_divergence_objective("js"), keras.minimax_loss, seed=0)
        history = gan.fit(RING, steps=300)
        assert self.learnt(gan)[1] < 1.4
        assert (history["generator"] < np.log(2) / 2).all()  # for f* is at least -log(2)/2


class TestTraining:
    def test_the_critic_takes_its_steps_before_each_of_the_generator(self):
        gan = keras.GAN(keras.logistic_objective(), hidden_units=[3], seed=0)
        gan.fit(RING, steps=7, critic_steps=3, batch_size=4)
        assert int(gan.critic.optimizer.iterations.numpy()) == 21
        assert int(gan.generator_optimizer.iterations.numpy()) == 7

    def test_the_compiled_loop_takes_the_steps_that_single_steps_take(self):
        looped, stepped = (
            keras.GAN(keras.logistic_objective(), hidden_units=[5], seed=0) for _ in range(2)
        )
        data = RING[:40].astype(np.float32)
        history = looped.fit(data, steps=6, batch_size=8, critic_steps=2)
        rng, losses = stepped._rng, []
        rng.integers(40, size=1)
        stepped._build((2,))
        real = data[rng.integers(40, size=96)].reshape(6, 2, 8, 2)
        noise = rng.standard_normal((6, 3, 8, 2), dtype=np.float32)
        mixes = rng.random((6, 2, 8, 1), dtype=np.float32)
        for x, z, mix in zip(real, noise, mixes, strict=True):
            for turn in range(2):
                fake = stepped.generator(z[turn])
                stepped.critic._step((tf.constant(x[turn]), fake, tf.constant(mix[turn])))
            losses.append(float(stepped._generator_step(tf.constant(z[2]))))
        np.testing.assert_allclose(history["generator"], losses, rtol=1e-3)

    def test_two_processes_draw_the_same_samples_to_the_last_bit(self):
        code = """
import hashlib
from divkit.keras import GAN, wasserstein_objective
from divkit.datasets import gaussian_ring
gan = GAN(wasserstein_objective(penalty=10), hidden_units=[16], seed=5)
gan.fit(lambda rng, n: gaussian_ring(n, rng=rng), steps=60, critic_steps=2)
digest = hashlib.sha256(gan.generate(100, seed=1).tobytes()).hexdigest()
"""
        printing = [sys.executable, "-c", code + "print(digest)"]
        there = subprocess.run(printing, capture_output=True, text=True, check=True).stdout.strip()
        here = {}
        exec(code, here)
        assert here["digest"] == there
        assert len(there) == hashlib.sha256().digest_size * 2

    def test_seeds_differ(self):
        first, other = (keras.GAN(keras.logistic_objective(), seed=seed) for seed in (0, 1))
        for gan in (first, other):
            gan.fit(RING, steps=1, batch_size=4)
        assert not np.array_equal(first.generate(5, seed=0), other.generate(5, seed=0))
        assert not np.array_equal(first.generate(5, seed=0), first.generate(5, seed=1))

    def test_networks_of_any_shape_are_accepted(self):
        generator = keras.keras.Sequential([layers.Dense(16), layers.Reshape((4, 4))])
        critic = keras.keras.Sequential([layers.Flatten(), layers.Dense(1)])
        gan = keras.GAN(
            keras.wasserstein_objective(clip=0.1),
            generator=generator,
            critic=critic,
            latent_dim=3,
            seed=0,
        )
        gan.fit(np.ones((9, 4, 4)), steps=2, batch_size=4)
        assert gan.generator is generator
        assert gan.generate(5).shape == (5, 4, 4)


class TestBadInput:
    @pytest.mark.parametrize("name", ["steps", "batch_size", "critic_steps"])
    @pytest.mark.parametrize("value", [0, -2, 0.5, True])
    def test_numbers_of_steps_and_samples_are_positive(self, name, value):
        with pytest.raises(ValueError, match=f"{name} must be a positive whole number"):
            keras.GAN(keras.logistic_objective()).fit(RING, **{name: value})

    def test_the_noise_has_dimensions(self):
        with pytest.raises(ValueError, match="latent_dim must be a positive whole number, got 0"):
            keras.GAN(keras.logistic_objective(), latent_dim=0)

    def test_data_are_finite(self):
        with pytest.raises(ValueError, match=r"data, sample 1 is \[nan\]: samples must be finite"):
            keras.GAN(keras.logistic_objective()).fit([[0.0], [np.nan]])

    def test_a_generator_makes_samples_like_the_data(self):
        gan = keras.GAN(
            keras.logistic_objective(), generator=keras.keras.Sequential([layers.Dense(3)])
        )
        with pytest.raises(ValueError, match=r"generator and data must have one shape, not \(3,\)"):
            gan.fit(RING)

    def test_there_is_no_generator_before_the_shape_of_the_data_is_known(self):
        with pytest.raises(ValueError, match="call it first"):
            keras.GAN(keras.logistic_objective()).generate(3)
