"""The variational autoencoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from divkit.keras._samples import check_count
from divkit.keras._tensorflow import Model, Tensor, check_backend, dense, keras, seeds_of, tf
from divkit.keras.losses import (
    Loss,
    check_factor,
    cross_entropy,
    cross_entropy_of_pixels,
    kl_regularizer,
)
from divkit.keras.progress import ProgressBar

__all__ = ["VAE", "RateDistortion", "beta_sweep", "image_batches"]

_BLOCK = 8192  # images encoded or decoded at a time: 25 MB as float32
_ACTIVE = 0.1  # nats from which on a latent dimension counts as used
_STEPS = 50  # training steps in one call of the compiled function


def _as_unit_floats(images: Tensor) -> Tensor:
    """Return float32 in [0, 1], whether the images come as bytes or as floats."""
    scale = 255 if np.dtype(images.dtype.name) == np.uint8 else 1
    return keras.ops.cast(images, "float32") / scale


def _check_images(images: ArrayLike, name: str = "images") -> NDArray[Any]:
    """Return the images as an array of bytes or of floats in [0, 1], or raise."""
    array = np.asarray(images)
    if array.ndim < 2 or not len(array):
        raise ValueError(f"{name} must have shape (n, height, width) with n > 0, got {array.shape}")
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be real numbers, got dtype {array.dtype}")
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= 1):  # also true for NaN
        raise ValueError(
            f"{name} must lie in [0, 1] or be of dtype uint8, got values from {low} to {high}: "
            "divide by the largest possible value"
        )
    return array.astype(np.float32, copy=False)


def image_batches(images: ArrayLike, *, batch_size: int = 128, seed: int | None = None) -> Any:
    """Return a `tf.data.Dataset` of shuffled batches, made for speed.

    The images stay in memory as they are (bytes take a quarter of the room); each epoch shuffles
    their *indices* and gathers a batch at a time. `Model.fit` on an array shuffles and copies
    single images instead.

    Parameters
    ----------
    images : array_like of shape (n, height, width)
        Bytes, or floats in [0, 1].
    batch_size : int
        Images in a batch; the last batch of an epoch holds the rest.
    seed : int, optional
        Makes the order reproducible; every epoch still has its own.

    Returns
    -------
    tf.data.Dataset
        Of float32 batches of shape (batch, height, width) in [0, 1].

    Raises
    ------
    ValueError
        If there is no image, a value lies outside [0, 1] or the batch size is not positive.
    TypeError
        If the images are not real numbers.

    Examples
    --------
    >>> batches = image_batches(np.full((5, 2, 2), 255, np.uint8), batch_size=4, seed=0)
    >>> [(tuple(batch.shape), float(batch[0, 0, 0])) for batch in batches]
    [((4, 2, 2), 1.0), ((1, 2, 2), 1.0)]
    """
    check_count(batch_size, "batch_size")
    return _shuffled(_check_images(images), batch_size, seed).map(_as_unit_floats)


def _shuffled(images: NDArray[Any], size: int, seed: int | None) -> Any:
    """Return a dataset of the images as they are, `size` at a time, in a new order every epoch."""
    data, n = tf.constant(images), len(images)

    def epoch(seed: Tensor) -> Any:
        order = tf.random.experimental.stateless_shuffle(tf.range(n), seed)
        starts = tf.data.Dataset.range(0, n, size)
        return starts.map(lambda start: tf.gather(data, order[start : start + size]))

    seeds = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).batch(2).take(1)
    blocks = seeds.flat_map(epoch).apply(tf.data.experimental.assert_cardinality(-(-n // size)))
    return blocks.prefetch(2)


def _dense_encoder(
    image_shape: Sequence[int], hidden_units: int, latent_dim: int, seeds: Sequence[int]
) -> Any:
    """Return a network from images to the means and log-variances of their codes."""
    images = keras.Input(tuple(image_shape))
    hidden = dense(hidden_units, seeds[0], "relu")(keras.layers.Flatten()(images))
    outputs = [dense(latent_dim, seed)(hidden) for seed in seeds[1:3]]
    return keras.Model(images, outputs, name="encoder")


def _dense_decoder(
    image_shape: Sequence[int], hidden_units: int, latent_dim: int, seeds: Sequence[int]
) -> Any:
    """Return a network from codes to the logits of the pixels."""
    codes = keras.Input((latent_dim,))
    hidden = dense(hidden_units, seeds[0], "relu")(codes)
    logits = dense(int(np.prod(image_shape)), seeds[1])(hidden)
    return keras.Model(codes, keras.layers.Reshape(tuple(image_shape))(logits), name="decoder")


class VAE(Model):
    r"""A variational autoencoder with one hidden layer in the encoder and one in the decoder.

    The model is a prior :math:`p(z) = N(0, I)` and a decoder, whose sigmoids are the pixels' means;
    the encoder gives every image its own :math:`q(z|x) = N(\mu(x), \operatorname{diag}
    \sigma^2(x))`. It comes compiled, so `fit` is all that is needed.

    Parameters
    ----------
    latent_dim : int
        Dimension of the code.
    hidden_units : int
        Width of the hidden layers.
    regularizer : callable
        Function of (mean, logvar) that returns a scalar: one of this module's, or yours.
    reconstruction : callable
        Function of (images, logits) that returns a scalar.
    image_shape : tuple of int
        Shape of one image.
    encoder, decoder : keras.Model, optional
        Networks of your own: from images to [mean, logvar], from codes to logits of `image_shape`.
    seed : int, optional
        Fixes initial weights, noise and (in `fit`) the order of the images.

    See Also
    --------
    divkit.gaussian.kl_standard_normal : the KL term for arrays.

    References
    ----------
    .. [1] D. P. Kingma and M. Welling (2014). Auto-encoding variational Bayes.
       doi:10.48550/arXiv.1312.6114

    Notes
    -----
    With a seed, results are bit-identical from run to run on one machine. Other CPUs round
    differently: about four digits of a loss agree.

    Examples
    --------
    >>> images = np.random.default_rng(0).random((256, 28, 28))
    >>> vae = VAE(latent_dim=2, seed=0)
    >>> history = vae.fit(images, epochs=1)
    >>> sorted(history.history)
    ['loss', 'reconstruction', 'regularizer']
    >>> mean, logvar = vae.encode(images)
    >>> mean.shape, vae.decode(mean).shape, vae.generate(3, seed=0).shape
    ((256, 2), (256, 28, 28), (3, 28, 28))
    >>> vae.encoder.count_params(), vae.decoder.count_params()
    (78904, 79484)
    """

    def __init__(
        self,
        latent_dim: int = 2,
        hidden_units: int = 100,
        *,
        regularizer: Loss = kl_regularizer,
        reconstruction: Loss = cross_entropy,
        image_shape: Sequence[int] = (28, 28),
        encoder: Any = None,
        decoder: Any = None,
        seed: int | None = None,
    ) -> None:
        check_backend()
        super().__init__(name="vae")
        seeds = seeds_of(seed, 6)
        shape = (image_shape, hidden_units, latent_dim)
        self.encoder = encoder or _dense_encoder(*shape, seeds[:3])
        self.decoder = decoder or _dense_decoder(*shape, seeds[3:5])
        self.latent_dim = latent_dim
        self.regularizer = regularizer
        self.reconstruction = reconstruction
        self._noise = keras.random.SeedGenerator(seeds[5])
        self._order_seed = seed
        self._batch_size = 0  # of the training function that Keras keeps
        names = ("loss", "reconstruction", "regularizer")
        self._trackers = {name: keras.metrics.Mean(name=name) for name in names}
        self.built = True
        self.compile()

    @property
    def metrics(self) -> list[Any]:
        """The running means that `fit` reports: every batch counts alike."""
        return list(self._trackers.values())

    def compile(
        self,
        optimizer: Any = None,
        *,
        jit_compile: bool | Literal["auto"] = True,
        **keywords: Any,
    ) -> None:
        """Choose the optimiser; called once by the constructor with Adam at a rate of 1e-4.

        Parameters
        ----------
        optimizer : keras.optimizers.Optimizer or str, optional
            Adam with learning rate 1e-4 unless given.
        jit_compile : bool
            Compile the training with XLA, fifty steps to a call.
        **keywords
            Further arguments of `keras.Model.compile`.
        """
        optimizer = keras.optimizers.Adam(1e-4) if optimizer is None else optimizer
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **keywords)

    def fit(
        self,
        images: ArrayLike,
        *,
        epochs: int = 10,
        batch_size: int = 128,
        verbose: int | Literal["auto"] = "auto",
        callbacks: Sequence[Any] = (),
        **keywords: Any,
    ) -> Any:
        """Train on images.

        Parameters
        ----------
        images : array_like of shape (n, height, width)
            Bytes or floats in [0, 1].
        epochs : int
            Passes over the images.
        batch_size : int
            Images in a batch; the last batch of an epoch holds the rest.
        verbose : int or "auto"
            "auto" shows a `ProgressBar`; numbers have Keras's meaning.
        callbacks : sequence of keras.callbacks.Callback
            Further callbacks.
        **keywords
            Further arguments of `keras.Model.fit`.

        Returns
        -------
        keras.callbacks.History
            Its `history` has `loss`, `reconstruction` and `regularizer`, one value per epoch.
        """
        check_count(batch_size, "batch_size")
        if batch_size != self._batch_size:
            self._batch_size, self.train_function = batch_size, None
        blocks = _shuffled(_check_images(images), _STEPS * batch_size, self._order_seed)
        bar = [ProgressBar()] if verbose == "auto" else []
        level = 0 if verbose == "auto" else verbose
        return super().fit(
            blocks,
            epochs=epochs,
            verbose=level,
            callbacks=[*bar, *callbacks],
            shuffle=False,
            **keywords,
        )

    def make_train_function(self, force: bool = False) -> None:
        """Prepare the training (called by `fit`): a compiled loop over the batches of a block.

        Keras compiles single steps, and of steps as small as these half is the way in and out.
        """
        if self.train_function is not None and not force:
            return
        size = self._batch_size

        def train(block: Tensor) -> Any:
            steps, rest = divmod(len(block), size)
            if steps:
                for batch in tf.reshape(block[: steps * size], (steps, size, *block.shape[1:])):
                    self.train_step(_as_unit_floats(batch))
            if rest:
                self.train_step(_as_unit_floats(block[-rest:]))
            return self.get_metrics_result()

        # As a partial, an object of its own: TensorFlow counts the graphs of one code over all
        # models, and warns at the fifth.
        graph = tf.function(partial(train), jit_compile=self.jit_compile)
        train = train if self.run_eagerly else graph
        self.train_function = lambda blocks: train(next(blocks))

    def call(self, images: Tensor, training: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Return means and log-variances of the codes, and the logits decoded from one sample.

        Parameters
        ----------
        images : tensor of shape (n, height, width)
            Grey values in [0, 1].
        training : bool
            Passed on to the networks.

        Returns
        -------
        tuple of three tensors
            Of shapes (n, latent_dim), (n, latent_dim) and (n, height, width).
        """
        mean, logvar = self.encoder(images, training=training)
        noise = keras.random.normal(keras.ops.shape(mean), seed=self._noise)
        codes = mean + keras.ops.exp(logvar / 2) * noise
        return mean, logvar, self.decoder(codes, training=training)

    def _loss_terms(self, data: Any, training: bool) -> dict[str, Tensor]:
        """Return the loss and its two parts on one batch."""
        images = data[0] if isinstance(data, tuple) else data
        mean, logvar, logits = self.call(images, training=training)
        reconstruction = self.reconstruction(images, logits)
        regularizer = self.regularizer(mean, logvar)
        return {
            "loss": reconstruction + regularizer,
            "reconstruction": reconstruction,
            "regularizer": regularizer,
        }

    def _report(self, losses: Mapping[str, Tensor]) -> Any:
        """Update the running means and return them."""
        for name, tracker in self._trackers.items():
            tracker.update_state(losses[name])
        return self.get_metrics_result()

    def train_step(self, data: Any) -> Any:
        """Take one step of the optimiser on one batch (called by `fit`)."""
        with tf.GradientTape() as tape:
            losses = self._loss_terms(data, training=True)
        gradients = tape.gradient(losses["loss"], self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return self._report(losses)

    def test_step(self, data: Any) -> Any:
        """Report the losses on one batch (called by `evaluate`)."""
        return self._report(self._loss_terms(data, training=False))

    def encode(self, images: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return means and log-variances of the images' codes.

        Parameters
        ----------
        images : array_like of shape (n, height, width)
            Bytes or floats in [0, 1].

        Returns
        -------
        mean, logvar : ndarrays of shape (n, latent_dim)
            Parameters of q(z|x) for each image.
        """
        array = _check_images(images)
        blocks = (array[i : i + _BLOCK] for i in range(0, len(array), _BLOCK))
        pairs = [self.encoder(_as_unit_floats(tf.constant(block))) for block in blocks]
        mean, logvar = (
            np.concatenate([np.asarray(x) for x in part]) for part in zip(*pairs, strict=True)
        )
        return mean, logvar

    def _logits(self, codes: NDArray[Any]) -> NDArray[np.float32]:
        return np.asarray(self.decoder(keras.ops.cast(codes, "float32")))

    def decode(self, codes: ArrayLike) -> NDArray[np.float32]:
        """Return the images that the codes stand for: the pixels' means.

        Parameters
        ----------
        codes : array_like of shape (n, latent_dim)
            Points of the latent space.

        Returns
        -------
        ndarray of shape (n, height, width)
            Grey values in [0, 1].
        """
        array = np.asarray(codes)
        if array.ndim != 2 or array.shape[1] != self.latent_dim:
            raise ValueError(f"codes must have shape (n, {self.latent_dim}), got {array.shape}")
        blocks = (array[i : i + _BLOCK] for i in range(0, max(len(array), 1), _BLOCK))
        return np.concatenate([np.asarray(tf.sigmoid(self._logits(block))) for block in blocks])

    def generate(self, n: int, *, seed: int | None = None) -> NDArray[np.float32]:
        """Draw codes from the prior and decode them.

        Parameters
        ----------
        n : int
            How many images.
        seed : int, optional
            Makes the draw reproducible.

        Returns
        -------
        ndarray of shape (n, height, width)
            Grey values in [0, 1].
        """
        return self.decode(np.random.default_rng(seed).standard_normal((n, self.latent_dim)))

    def kl_per_dimension(self, images: ArrayLike) -> NDArray[np.float64]:
        """Return each latent dimension's share of the KL to the prior, averaged over the images.

        A dimension near 0 is not used: its codes are the prior whatever the image.

        Parameters
        ----------
        images : array_like of shape (n, height, width)
            Bytes or floats in [0, 1].

        Returns
        -------
        ndarray of shape (latent_dim,)
            Nats per image, at least 0.
        """
        mean, logvar = (part.astype(np.float64) for part in self.encode(images))
        share: NDArray[np.float64] = ((mean**2 + np.expm1(logvar) - logvar) / 2).mean(axis=0)
        return share

    def elbo(
        self, images: ArrayLike, *, samples: int = 1, seed: int | None = None
    ) -> NDArray[np.float64]:
        r"""Return a Monte-Carlo estimate of each image's evidence lower bound.

        .. math:: \mathbb{E}_{q(z|x)} \log p(x|z) - D_{\mathrm{KL}}(q(z|x) \,\|\, p(z))

        with the Bernoulli cross-entropy as :math:`-\log p(x|z)`, whatever the model was trained on.

        Parameters
        ----------
        images : array_like of shape (n, height, width)
            Bytes or floats in [0, 1].
        samples : int
            Codes drawn for each image.
        seed : int, optional
            Makes the draw reproducible.

        Returns
        -------
        ndarray of shape (n,)
            Nats, negative; unbiased. The KL part is exact.
        """
        check_count(samples, "samples")
        array = _check_images(images)
        mean, logvar = self.encode(array)
        rng = np.random.default_rng(seed)
        kl = (mean**2 + np.expm1(logvar) - logvar).sum(axis=1, dtype=np.float64) / 2
        total = np.zeros(len(array))
        for _ in range(samples):
            codes = mean + np.exp(logvar / 2) * rng.standard_normal(mean.shape)
            total -= self._cross_entropies(array, codes)
        bound: NDArray[np.float64] = total / samples - kl
        return bound

    def _cross_entropies(self, images: NDArray[Any], codes: NDArray[Any]) -> NDArray[np.float64]:
        """Return the nats that each image costs under the decoder at its code."""
        parts = []
        for start in range(0, len(images), _BLOCK):
            block = slice(start, start + _BLOCK)
            pixels = _as_unit_floats(tf.constant(images[block]))
            costs = cross_entropy_of_pixels(pixels, self._logits(codes[block]))
            parts.append(np.asarray(tf.reduce_sum(costs, axis=-1), dtype=np.float64))
        return np.concatenate(parts)


class RateDistortion(NamedTuple):
    """What a VAE's codes cost and what they are worth.

    Attributes
    ----------
    beta : float
        The factor of the regulariser in training.
    rate : float
        KL divergence of the codes from the prior in nats, averaged over the images.
    distortion : float
        Nats that an image costs once its code is known: the reconstruction term of the ELBO.
    negative_elbo : float
        The sum of the two.
    active : int
        Latent dimensions whose share of the rate is above 0.1 nats.

    Examples
    --------
    >>> point = RateDistortion(1.0, rate=7.0, distortion=278.5, negative_elbo=285.5, active=2)
    >>> point.rate + point.distortion
    285.5
    """

    beta: float
    rate: float
    distortion: float
    negative_elbo: float
    active: int


def beta_sweep(
    images: ArrayLike,
    betas: Sequence[float],
    *,
    held_out: ArrayLike | None = None,
    epochs: int = 10,
    batch_size: int = 128,
    learning_rate: float = 1e-3,
    seed: int = 0,
    **options: Any,
) -> list[RateDistortion]:
    r"""Train a VAE for each factor of the KL term, all from the same weights.

    .. math:: \text{distortion} + \beta \cdot \text{rate}

    is minimised: a large factor buys short codes with poor pictures, 1 gives the negative ELBO.

    Parameters
    ----------
    images : array_like of shape (n, height, width)
        Bytes or floats in [0, 1].
    betas : sequence of float
        The factors, each finite and at least 0.
    held_out : array_like of shape (m, height, width), optional
        Images to measure on; those of the training if None.
    epochs, batch_size : int
        As for `VAE.fit`.
    learning_rate : float
        Of Adam.
    seed : int
        Of the model, and of the codes that the distortion is measured with.
    **options
        Further arguments of `VAE`, such as ``latent_dim=``. Networks of your own start for each
        factor with the weights they come with, and keep those of the last.

    Returns
    -------
    list of RateDistortion
        One for each factor, in their order. The rate is exact, the distortion is estimated with
        one code for each image.

    Raises
    ------
    ValueError
        If a factor is negative or not finite, there is none, or the learning rate is not positive.

    See Also
    --------
    scaled : the regulariser of a single model.
    VAE.kl_per_dimension, VAE.elbo

    References
    ----------
    .. [1] A. A. Alemi et al. (2018). Fixing a broken ELBO. doi:10.48550/arXiv.1711.00464

    Examples
    --------
    >>> images = np.random.default_rng(0).random((256, 4, 4)).round()
    >>> short, long = beta_sweep(images, [4, 0.25], epochs=20, image_shape=(4, 4))
    >>> short.rate < long.rate, short.distortion > long.distortion
    (True, True)
    """
    if not len(betas):
        raise ValueError("betas is empty: give at least one factor")
    for place, beta in enumerate(betas):
        check_factor(beta, f"betas[{place}]")
    if not 0 < learning_rate < np.inf:
        raise ValueError(f"learning_rate must be positive and finite, got {learning_rate}")
    measured = images if held_out is None else _check_images(held_out, "held_out")
    factor = keras.Variable(1.0, trainable=False)  # one compilation for all, not 4 s for each
    vae = VAE(regularizer=lambda *code: factor * kl_regularizer(*code), seed=seed, **options)
    vae.compile(keras.optimizers.Adam(learning_rate))
    vae.optimizer.build(vae.trainable_variables)
    start = [(part, part.numpy()) for part in (*vae.variables, *vae.optimizer.variables)]
    points = []
    for beta in betas:
        for part, value in (*start, (factor, beta)):
            part.assign(value)
        vae.fit(images, epochs=epochs, batch_size=batch_size)
        points.append(_rate_distortion(vae, measured, beta, seed))
    return points


def _rate_distortion(vae: VAE, images: ArrayLike, beta: float, seed: int) -> RateDistortion:
    rates = vae.kl_per_dimension(images)
    negative_elbo = -float(vae.elbo(images, seed=seed).mean())
    rate = float(rates.sum())
    active = int((rates > _ACTIVE).sum())
    return RateDistortion(float(beta), rate, negative_elbo - rate, negative_elbo, active)
