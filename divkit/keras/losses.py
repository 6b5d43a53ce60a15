"""The two parts of a VAE's loss: what a reconstruction costs, and what its code costs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from divkit.keras._tensorflow import Tensor, keras, tf

__all__ = [
    "cross_entropy",
    "cross_entropy_summed_over_batch",
    "euclidean_regularizer",
    "euclidean_regularizer_as_coded",
    "kl_regularizer",
    "no_regularizer",
    "scaled",
    "w2_regularizer",
]

Loss = Callable[[Tensor, Tensor], Tensor]


# Reconstruction losses: functions of a batch of images and of the decoder's logits.


def cross_entropy_of_pixels(images: Tensor, logits: Tensor) -> Tensor:
    """Return the binary cross-entropies as a matrix, a row per image and a column per pixel."""
    pixels = keras.ops.reshape(images, (keras.ops.shape(images)[0], -1))
    logits = keras.ops.reshape(logits, keras.ops.shape(pixels))
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=pixels, logits=logits)


def cross_entropy(images: Tensor, logits: Tensor) -> Tensor:
    r"""Binary cross-entropy in nats: summed over the pixels, averaged over the images.

    .. math:: \frac1n \sum_i \sum_j -x_{ij} \log \pi_{ij} - (1 - x_{ij}) \log(1 - \pi_{ij})

    with :math:`\pi` the logistic function of the logits. This is the scale of the ELBO.

    Parameters
    ----------
    images : tensor of shape (n, height, width)
        Grey values in [0, 1].
    logits : tensor of shape (n, height, width)
        What the decoder returns.

    Returns
    -------
    scalar tensor
        Nats per image, at least 0.

    Notes
    -----
    On grey values this is not a normalised negative log-likelihood [1]_; on black and white it is.

    References
    ----------
    .. [1] G. Loaiza-Ganem and J. P. Cunningham (2019). The continuous Bernoulli: fixing a pervasive
       error in variational autoencoders. doi:10.48550/arXiv.1907.06845

    See Also
    --------
    keras.losses.binary_crossentropy : averages over the last axis.
    torch.nn.functional.binary_cross_entropy_with_logits : the same terms; mind ``reduction=``.

    Examples
    --------
    >>> per_image = cross_entropy(keras.ops.ones((5, 2, 2)), keras.ops.zeros((5, 2, 2)))
    >>> round(float(per_image / keras.ops.log(2.0)), 6)
    4.0
    """
    return keras.ops.mean(keras.ops.sum(cross_entropy_of_pixels(images, logits), axis=-1))


def cross_entropy_summed_over_batch(images: Tensor, logits: Tensor) -> Tensor:
    r"""Binary cross-entropy averaged over the pixels and summed over the *batch*.

    .. math:: \sum_{i \le n} \frac1d \sum_{j \le d}
       -x_{ij} \log \pi_{ij} - (1 - x_{ij}) \log(1 - \pi_{ij})

    A common slip: Keras's `binary_crossentropy` has averaged over the pixels already, so that a
    following sum adds up the batch. With `n` images of `d` pixels the loss is `n/d` times
    `cross_entropy`, and a KL regulariser beside it weighs :math:`\beta = d/n` times too much.

    Parameters
    ----------
    images : tensor of shape (n, height, width)
        Grey values in [0, 1].
    logits : tensor of shape (n, height, width)
        What the decoder returns.

    Returns
    -------
    scalar tensor
        At least 0; grows with the batch.

    See Also
    --------
    cross_entropy : the scale of the ELBO.

    Examples
    --------
    >>> ones, zeros = keras.ops.ones((5, 2, 2)), keras.ops.zeros((5, 2, 2))
    >>> summed = cross_entropy_summed_over_batch(ones, zeros)
    >>> round(float(summed / keras.ops.log(2.0)), 6)
    5.0
    """
    return keras.ops.sum(keras.ops.mean(cross_entropy_of_pixels(images, logits), axis=-1))


# Regularisers: functions of the means and log-variances of q(z|x), one row per image.


def kl_regularizer(mean: Tensor, logvar: Tensor) -> Tensor:
    r"""Average over the batch of the KL divergence from N(0, I) to each image's code.

    .. math:: \frac1n \sum_i D_{\mathrm{KL}}\bigl(N(\mu_i, \operatorname{diag} \sigma_i^2)
       \,\|\, N(0, I)\bigr)
       = \frac1{2n} \sum_{i,k} \mu_{ik}^2 + \sigma_{ik}^2 - 1 - \log \sigma_{ik}^2

    Parameters
    ----------
    mean, logvar : tensors of shape (n, latent_dim)
        Means and log-variances of the codes.

    Returns
    -------
    scalar tensor
        Nats per image, at least 0.

    See Also
    --------
    divkit.gaussian.kl_standard_normal : the same for arrays, one value per row.
    w2_regularizer, euclidean_regularizer, no_regularizer

    Examples
    --------
    >>> float(kl_regularizer(keras.ops.array([[1.0, 0.0]]), keras.ops.zeros((1, 2))))
    0.5
    """
    excess = keras.ops.expm1(logvar) - logvar  # sigma^2 - 1 - log sigma^2 without cancellation
    return keras.ops.mean(keras.ops.sum(keras.ops.square(mean) + excess, axis=-1)) / 2


def scaled(regularizer: Loss, beta: float) -> Loss:
    r"""Return a regulariser times a number: with the KL regulariser that of the beta-VAE.

    .. math:: (\mu, \log \sigma^2) \mapsto \beta\, R(\mu, \log \sigma^2)

    Parameters
    ----------
    regularizer : callable
        Function of (mean, logvar) that returns a scalar.
    beta : float
        The factor, finite and at least 0.

    Returns
    -------
    callable
        Function of (mean, logvar) that returns a scalar.

    Raises
    ------
    ValueError
        If `beta` is negative or not finite.

    See Also
    --------
    beta_sweep : trains a VAE for each of several factors.

    References
    ----------
    .. [1] I. Higgins et al. (2017). beta-VAE: learning basic visual concepts with a constrained
       variational framework. International Conference on Learning Representations.

    Examples
    --------
    >>> quarter = scaled(kl_regularizer, 0.25)
    >>> float(quarter(keras.ops.array([[2.0, 0.0]]), keras.ops.zeros((1, 2))))
    0.5
    """
    factor = check_factor(beta, "beta")
    return lambda mean, logvar: factor * regularizer(mean, logvar)


def check_factor(value: float, name: str) -> float:
    """Return a finite number that is not negative, or raise."""
    real = isinstance(value, int | float | np.integer | np.floating) and value is not True
    if not (real and 0 <= value < np.inf):
        raise ValueError(f"{name} must be finite and not negative, got {value!r}")
    return float(value)


def no_regularizer(mean: Tensor, logvar: Tensor) -> Tensor:
    """Return zero: the reconstruction alone is minimised.

    Parameters
    ----------
    mean, logvar : tensors of shape (n, latent_dim)
        Means and log-variances of the codes; not used.

    Returns
    -------
    scalar tensor
        0.

    Examples
    --------
    >>> float(no_regularizer(keras.ops.ones((3, 2)), keras.ops.ones((3, 2))))
    0.0
    """
    return keras.ops.zeros(())


def euclidean_regularizer(mean: Tensor, logvar: Tensor) -> Tensor:
    r"""Average squared Euclidean distance of the codes' parameters from those of N(0, I).

    .. math:: \frac1n \sum_i \|\mu_i\|^2 + \|\log \sigma_i^2\|^2

    Zero exactly where the KL is zero, but it depends on how the variance is written down.

    Parameters
    ----------
    mean, logvar : tensors of shape (n, latent_dim)
        Means and log-variances of the codes.

    Returns
    -------
    scalar tensor
        At least 0; no unit.

    See Also
    --------
    w2_regularizer : a distance between the laws, whatever their parameters.
    euclidean_regularizer_as_coded : the version with two slips.

    Examples
    --------
    >>> float(euclidean_regularizer(keras.ops.array([[3.0, 0.0]]), keras.ops.array([[0.0, 4.0]])))
    25.0
    """
    squares = keras.ops.square(mean) + keras.ops.square(logvar)
    return keras.ops.mean(keras.ops.sum(squares, axis=-1))


def euclidean_regularizer_as_coded(mean: Tensor, logvar: Tensor) -> Tensor:
    r"""Return the "Euclidean" penalty of a published experiment, with its two slips.

    .. math:: \sum_i \frac1K \sum_{k \le K} \mu_{ik}^2 + (\log \sigma_{ik}^2 - 1)^2

    It is summed over the batch, and it pulls the *log*-variance to 1, hence the variance to e.
    Kept to show what that does: every image gets the same code.

    Parameters
    ----------
    mean, logvar : tensors of shape (n, latent_dim)
        Means and log-variances of the codes.

    Returns
    -------
    scalar tensor
        At least 0; grows with the batch.

    See Also
    --------
    euclidean_regularizer : without the slips.

    Examples
    --------
    >>> float(euclidean_regularizer_as_coded(keras.ops.ones((128, 2)), keras.ops.ones((128, 2))))
    128.0
    """
    squares = keras.ops.square(mean) + keras.ops.square(logvar - 1)
    return keras.ops.sum(keras.ops.mean(squares, axis=-1))


def w2_regularizer(mean: Tensor, logvar: Tensor) -> Tensor:
    r"""Average squared 2-Wasserstein distance between each image's code and N(0, I).

    .. math:: \frac1n \sum_i W_2^2\bigl(N(\mu_i, \operatorname{diag} \sigma_i^2), N(0, I)\bigr)
       = \frac1n \sum_i \|\mu_i\|^2 + \|\sigma_i - 1\|^2

    Parameters
    ----------
    mean, logvar : tensors of shape (n, latent_dim)
        Means and log-variances of the codes.

    Returns
    -------
    scalar tensor
        At least 0, in squared units of the code.

    See Also
    --------
    kl_regularizer, euclidean_regularizer

    References
    ----------
    .. [1] D. C. Dowson and B. V. Landau (1982). The Fréchet distance between multivariate normal
       distributions. doi:10.1016/0047-259X(82)90077-X

    Examples
    --------
    >>> round(float(w2_regularizer(keras.ops.array([[3.0, 0.0]]), keras.ops.log([[25.0, 1.0]]))), 6)
    25.0
    """
    squares = keras.ops.square(mean) + keras.ops.square(keras.ops.expm1(logvar / 2))
    return keras.ops.mean(keras.ops.sum(squares, axis=-1))
