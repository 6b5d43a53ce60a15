"""A critic alone: how far apart two samples are, by a trained network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from divkit.continuous import MonteCarlo
from divkit.keras._samples import (
    Samples,
    Singles,
    block_sizes,
    check_count,
    check_shape,
    checked_samples,
    drawn,
    in_batches,
    sampler_of,
)
from divkit.keras._tensorflow import (
    Tensor,
    check_backend,
    compiled,
    keras,
    perceptron,
    seeds_of,
    tf,
)
from divkit.keras.objectives import Objective, Transform, gradient_penalty
from divkit.keras.progress import tracked

__all__ = ["Critic"]

_BLOCK = 2**16  # samples evaluated at a time


class Critic:
    r"""A network T trained to tell p from q, whose objective then bounds their distance.

    .. math:: \max_T \; E_{x \sim p}[a(T(x))] - E_{x \sim q}[b(T(x))]

    Parameters
    ----------
    objective : Objective
        What the critic maximises: `logistic_objective`, `f_divergence_objective`,
        `wasserstein_objective`, or yours.
    network : keras.Model, optional
        From samples to one number each. Dense layers with rectifiers unless given.
    hidden_units : sequence of int
        Widths of the hidden layers.
    optimizer : keras.optimizers.Optimizer, optional
        Adam with learning rate 1e-3 unless given.
    seed : int, optional
        Fixes initial weights, batches and the points of the penalty.

    See Also
    --------
    GAN : trains a generator against a critic.
    divkit.continuous.js_density : exact, where the densities are known.
    divkit.transport.wasserstein_1d : exact, from samples.

    References
    ----------
    .. [1] X. Nguyen, M. J. Wainwright and M. I. Jordan (2010). Estimating divergence functionals
       and the likelihood ratio by convex risk minimization. doi:10.1109/TIT.2010.2068870

    Notes
    -----
    With a seed, results are bit-identical from run to run on one machine, whatever its number of
    threads. Training is compiled, many steps to a call, but not with XLA: for networks of this
    size its compilation takes longer than it saves.

    Examples
    --------
    Two Gaussians whose JS divergence is 0.3368.

    >>> from divkit.keras import f_divergence_objective
    >>> near = lambda rng, size: rng.normal(0, 1, size)
    >>> far = lambda rng, size: rng.normal(2, 1, size)
    >>> critic = Critic(f_divergence_objective("js"), seed=0)
    >>> values = critic.fit(near, far, steps=300)
    >>> value, standard_error = critic.bound(near, far, seed=0)
    >>> bool(abs(value - 0.3368) < 0.01), bool(standard_error < 0.002)
    (True, True)
    """

    def __init__(
        self,
        objective: Objective,
        network: Any = None,
        *,
        hidden_units: Sequence[int] = (32, 32),
        optimizer: Any = None,
        seed: int | None = None,
    ) -> None:
        check_backend()
        for units in hidden_units:
            check_count(units, "hidden_units")
        seeds = seeds_of(seed, len(hidden_units) + 2)
        self.objective = objective
        self.network = network or perceptron(hidden_units, 1, seeds[1:])
        self.optimizer = optimizer or keras.optimizers.Adam(1e-3)
        self._rng = np.random.default_rng(seeds[0])
        self._shape: tuple[int, ...] | None = None

    def fit(
        self, p: Samples, q: Samples, *, steps: int = 1000, batch_size: int = 256
    ) -> NDArray[np.float32]:
        """Train on batches of samples of p and of q.

        Parameters
        ----------
        p, q : array_like of shape (n, ...) or callable
            Samples, of which batches are drawn with replacement, or samplers: ``p(rng, size)``
            returns fresh samples along the first axis. Plain numbers are points of the line.
        steps : int
            Steps of the optimiser. A further call takes further steps.
        batch_size : int
            Samples of each in a batch.

        Returns
        -------
        ndarray of shape (steps,)
            The objective on each batch, before its step.

        Raises
        ------
        ValueError
            If a sample is not finite, p and q differ in shape, or a number is not positive.
        TypeError
            If the samples are not real numbers.
        """
        check_count(steps, "steps")
        size = check_count(batch_size, "batch_size")
        draw_p, draw_q = sampler_of(p, "p"), sampler_of(q, "q")
        self._build(draw_p(self._rng, 1), draw_q(self._rng, 1))
        values = []
        for count in tracked(block_sizes(steps, 2 * size * self._floats), "critic"):
            x, y = (in_batches(d(self._rng, count * size), count, size) for d in (draw_p, draw_q))
            values.append(self._train(x, y, self._mixes(self._rng, count, size)).numpy())
        return np.concatenate(values)

    def bound(
        self, p: Samples, q: Samples, *, size: int = 100_000, seed: int | None = None
    ) -> MonteCarlo:
        """Return the objective on samples that were not trained on.

        For objectives without clip and penalty its expectation is at most the divergence. On the
        samples of the training it may lie above: the critic knows them by heart.

        Parameters
        ----------
        p, q : array_like of shape (n, ...) or callable
            Samples or samplers, as for `fit`; at least 2 of each.
        size : int
            Samples to draw from each sampler; an array is taken as it is.
        seed : int, optional
            Makes the draw reproducible.

        Returns
        -------
        MonteCarlo
            Value and standard error.

        Raises
        ------
        ValueError
            If a sample is not finite, p and q differ in shape, or there are fewer than 2 samples.
        TypeError
            If the samples are not real numbers.
        """
        rng = np.random.default_rng(seed)
        x, y = drawn(p, "p", rng, size), drawn(q, "q", rng, size)
        self._build(x, y)
        real, fake = self._mapped(x, self.objective.real), self._mapped(y, self.objective.fake)
        error = np.sqrt(real.var(ddof=1) / len(real) + fake.var(ddof=1) / len(fake))
        return MonteCarlo(real.mean() - fake.mean(), error)

    def outputs(self, samples: ArrayLike) -> NDArray[np.float64]:
        """Return T at each sample, before any activation.

        Parameters
        ----------
        samples : array_like of shape (n, ...)
            Where; plain numbers are points of the line.

        Returns
        -------
        ndarray of shape (n,)
            Any numbers; trained on the logistic objective they approach log(p/q).
        """
        values = checked_samples(samples, "samples")
        self._build(values, values)
        return self._mapped(values, lambda v: v)

    def _mapped(self, samples: Singles, transform: Transform) -> NDArray[np.float64]:
        """Return a function of T at each sample, block by block."""
        blocks = (samples[i : i + _BLOCK] for i in range(0, len(samples), _BLOCK))
        parts = [np.asarray(transform(self._outputs(tf.constant(block)))) for block in blocks]
        return np.concatenate(parts).astype(np.float64)

    @property
    def _floats(self) -> int:
        """How many numbers a sample has."""
        return int(np.prod(self._shape or ()))

    def _build(self, p: Singles, q: Singles) -> None:
        """Make weights and training function for samples of this shape."""
        shape = p.shape[1:]
        check_shape(q.shape[1:], shape, "samples of p and q")
        if self._shape is not None:
            return check_shape(shape, self._shape, "samples and those of the first call")
        if np.asarray(self.network(tf.constant(p[:1]))).size != 1:
            raise ValueError("network must return one number for each sample")
        self._shape = shape
        self.optimizer.build(self.network.trainable_variables)
        batches, mixes = (tf.TensorSpec((None, None, *s)) for s in (shape, [1] * len(shape)))
        self._train = compiled(self._steps, batches, batches, mixes)

    def _mixes(self, rng: np.random.Generator, *sizes: int) -> Singles:
        """Return random places between a sample of p and one of q, for the penalty."""
        return rng.random((*sizes, *(1 for _ in self._shape or ())), dtype=np.float32)

    def _outputs(self, samples: Tensor, training: bool = False) -> Tensor:
        return keras.ops.reshape(self.network(samples, training=training), (-1,))

    def _steps(self, x: Tensor, y: Tensor, mixes: Tensor) -> Tensor:
        """Take a step on each batch, one after the other."""
        return tf.map_fn(self._step, (x, y, mixes), fn_output_signature=tf.float32)

    def _step(self, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Take one step of the optimiser and return the objective before it."""
        x, y, mix = batch
        weights = self.network.trainable_variables
        with tf.GradientTape() as tape:
            value = self.objective(self._outputs(x, True), self._outputs(y, True))
            loss = -value + self._penalty(y + mix * (x - y))
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        if (clip := self.objective.clip) is not None:
            for weight in weights:
                weight.assign(keras.ops.clip(weight, -clip, clip))
        return value

    def _penalty(self, points: Tensor) -> Tensor:
        if not self.objective.penalty:
            return 0.0
        one_sided = self.objective.one_sided
        penalty = gradient_penalty(self._outputs, points, one_sided=one_sided)
        return self.objective.penalty * penalty
