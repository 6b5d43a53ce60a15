"""Generative adversarial networks: a generator against a critic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from divkit.keras._samples import (
    Samples,
    block_sizes,
    check_count,
    check_shape,
    in_batches,
    sampler_of,
)
from divkit.keras._tensorflow import Tensor, compiled, keras, perceptron, seeds_of, tf
from divkit.keras.critic import Critic
from divkit.keras.objectives import Objective, non_saturating_loss
from divkit.keras.progress import tracked

__all__ = ["GAN"]

_BLOCK = 2**16  # samples generated at a time


class GAN:
    r"""A generator, trained against a critic that bounds how far its samples are from the data.

    The generator G turns noise into samples of its law q, without a density:
    :math:`x = G(z)` with :math:`z \sim N(0, I)`. The objective says which GAN it is:

    - `logistic_objective`: the first GAN;
    - `f_divergence_objective`: f-GAN;
    - `wasserstein_objective` with a clip: WGAN;
    - `wasserstein_objective` with a penalty: WGAN-GP, one-sided unless told otherwise.

    Parameters
    ----------
    objective : Objective
        What the critic maximises.
    generator_loss : callable
        Function of (objective, outputs of the critic) that returns a scalar:
        `non_saturating_loss`, `minimax_loss`, or yours.
    generator, critic : keras.Model, optional
        Networks of your own: from noise of shape (n, latent_dim) to samples, from samples to one
        number each.
    latent_dim : int
        Dimension of the noise.
    hidden_units : sequence of int
        Widths of the hidden layers of both networks.
    generator_optimizer, critic_optimizer : keras.optimizers.Optimizer, optional
        Adam with learning rate 1e-3 and beta_1 = 0.5 unless given.
    seed : int, optional
        Fixes initial weights, noise and batches.

    See Also
    --------
    Critic : one alone, to measure a distance.
    VAE : a generative model with a bound of its likelihood.
    divkit.datasets.gaussian_ring : data whose modes can be counted.

    References
    ----------
    .. [1] I. Goodfellow et al. (2014). Generative adversarial nets. doi:10.48550/arXiv.1406.2661
    .. [2] S. Nowozin, B. Cseke and R. Tomioka (2016). f-GAN: training generative neural samplers
       using variational divergence minimization. doi:10.48550/arXiv.1606.00709
    .. [3] M. Arjovsky, S. Chintala and L. Bottou (2017). Wasserstein generative adversarial
       networks. doi:10.48550/arXiv.1701.07875

    Notes
    -----
    With a seed, results are bit-identical from run to run on one machine, whatever its number of
    threads. On other machines they are not: the game amplifies the last digit.

    Examples
    --------
    >>> from divkit.keras import logistic_objective
    >>> data = np.random.default_rng(0).normal(3.0, 0.5, size=(2000, 2))
    >>> gan = GAN(logistic_objective(), seed=0)
    >>> history = gan.fit(data, steps=100)
    >>> samples = gan.generate(1000, seed=0)
    >>> samples.shape, bool(abs(samples.mean() - 3) < 1)
    ((1000, 2), True)
    """

    def __init__(
        self,
        objective: Objective,
        generator_loss: Callable[[Objective, Tensor], Tensor] = non_saturating_loss,
        *,
        generator: Any = None,
        critic: Any = None,
        latent_dim: int = 2,
        hidden_units: Sequence[int] = (64, 64),
        generator_optimizer: Any = None,
        critic_optimizer: Any = None,
        seed: int | None = None,
    ) -> None:
        self.latent_dim = check_count(latent_dim, "latent_dim")
        self._seeds = seeds_of(seed, len(hidden_units) + 3)
        self.critic = Critic(
            objective,
            critic,
            hidden_units=hidden_units,
            optimizer=critic_optimizer or keras.optimizers.Adam(1e-3, beta_1=0.5),
            seed=self._seeds[0],
        )
        self.generator = generator
        self.generator_loss = generator_loss
        self.generator_optimizer = generator_optimizer or keras.optimizers.Adam(1e-3, beta_1=0.5)
        self._hidden_units = hidden_units
        self._rng = np.random.default_rng(self._seeds[1])
        self._train: Any = None

    def fit(
        self,
        data: Samples,
        *,
        steps: int = 1500,
        batch_size: int = 256,
        critic_steps: int = 1,
    ) -> dict[str, NDArray[np.float32]]:
        """Train generator and critic in turn.

        Parameters
        ----------
        data : array_like of shape (n, ...) or callable
            Samples, of which batches are drawn with replacement, or a sampler: ``data(rng, size)``
            returns fresh samples along the first axis. Plain numbers are points of the line.
        steps : int
            Steps of the generator. A further call takes further steps.
        batch_size : int
            Samples in a batch of data, and in one of the generator.
        critic_steps : int
            Steps of the critic before each of the generator, each on a batch of its own.

        Returns
        -------
        dict of ndarray of shape (steps,)
            ``"critic"``, the objective before the critic's last step, and ``"generator"``, the
            generator's loss before its own.

        Raises
        ------
        ValueError
            If a sample is not finite, the generator's samples have another shape, or a number is
            not positive.
        TypeError
            If the data are not real numbers.
        """
        check_count(steps, "steps")
        turns = check_count(critic_steps, "critic_steps")
        size = check_count(batch_size, "batch_size")
        draw = sampler_of(data, "data")
        self._build(draw(self._rng, 1).shape[1:])
        values, losses = [], []
        floats = (turns + 1) * size * (self.critic._floats + self.latent_dim)
        for count in tracked(block_sizes(steps, floats), "GAN"):
            real = in_batches(draw(self._rng, count * turns * size), count, turns, size)
            noise = self._noise(self._rng, count, turns + 1, size)
            mixes = self.critic._mixes(self._rng, count, turns, size)
            value, loss = self._train(real, noise, mixes)
            values.append(value.numpy())
            losses.append(loss.numpy())
        return {"critic": np.concatenate(values), "generator": np.concatenate(losses)}

    def generate(self, n: int, *, seed: int | None = None) -> NDArray[np.float32]:
        """Draw noise and make samples of it.

        Parameters
        ----------
        n : int
            How many.
        seed : int, optional
            Makes the draw reproducible.

        Returns
        -------
        ndarray of shape (n, ...)
            Samples, of the shape of the data.

        Raises
        ------
        ValueError
            If `n` is not positive, or there is no generator because `fit` was not called.
        """
        if self.generator is None:
            raise ValueError("the generator learns the shape of the data in fit: call it first")
        noise = self._noise(np.random.default_rng(seed), check_count(n, "n"))
        blocks = (noise[i : i + _BLOCK] for i in range(0, n, _BLOCK))
        return np.concatenate([np.asarray(self.generator(tf.constant(b))) for b in blocks])

    def _noise(self, rng: np.random.Generator, *sizes: int) -> NDArray[np.float32]:
        return rng.standard_normal((*sizes, self.latent_dim), dtype=np.float32)

    def _build(self, shape: tuple[int, ...]) -> None:
        """Make weights and training function for data of this shape."""
        if self.generator is None:
            self.generator = self._dense_generator(shape)
        example = np.asarray(self.generator(tf.zeros((1, self.latent_dim))))
        check_shape(example.shape[1:], shape, "samples of generator and data")
        self.critic._build(example, example)
        if self._train is None:
            self.generator_optimizer.build(self.generator.trainable_variables)
            shapes = (shape, [self.latent_dim], [1] * len(shape))
            blocks = (tf.TensorSpec((None, None, None, *s)) for s in shapes)
            self._train = compiled(self._steps, *blocks)

    def _dense_generator(self, shape: tuple[int, ...]) -> Any:
        network = perceptron(self._hidden_units, int(np.prod(shape)), self._seeds[2:])
        network.add(keras.layers.Reshape(shape))
        return network

    def _steps(self, real: Tensor, noise: Tensor, mixes: Tensor) -> Any:
        """Take a step of the generator on each block, one after the other."""
        single = tf.float32
        return tf.map_fn(self._step, (real, noise, mixes), fn_output_signature=(single, single))

    def _step(self, block: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Take the critic's steps, then one of the generator; return objective and loss."""
        real, noise, mixes = block
        turns = (real, noise[:-1], mixes)
        values = tf.map_fn(self._critic_step, turns, fn_output_signature=tf.float32)
        return values[-1], self._generator_step(noise[-1])

    def _critic_step(self, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        real, noise, mix = batch
        return self.critic._step((real, self.generator(noise, training=True), mix))

    def _generator_step(self, noise: Tensor) -> Tensor:
        """Take one step of the generator's optimiser and return the loss before it."""
        weights = self.generator.trainable_variables
        with tf.GradientTape() as tape:
            outputs = self.critic._outputs(self.generator(noise, training=True), True)
            loss = self.generator_loss(self.critic.objective, outputs)
        gradients = tape.gradient(loss, weights)
        self.generator_optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return loss
