"""Variational autoencoders in Keras, with the regularisers that chapter 10 compares.

A VAE is a latent-variable model, a standard normal prior `p(z)` and a decoder `p(x|z)`, with an
encoder `q(z|x)` for inference. Training minimises `reconstruction + regularizer`; with
`cross_entropy` and `kl_regularizer`, the defaults, that is the negative ELBO. Every loss is a
function of a few lines, so that yours can take its place.

Needs TensorFlow (``pip install "divkit[keras]"``); `import divkit` alone does not load it.
"""

from divkit.keras._tensorflow import keras, tf  # noqa: F401  (with its switches set: for users)
from divkit.keras.losses import (
    cross_entropy,
    cross_entropy_summed_over_batch,
    euclidean_regularizer,
    euclidean_regularizer_as_coded,
    kl_regularizer,
    no_regularizer,
    w2_regularizer,
)
from divkit.keras.progress import ProgressBar
from divkit.keras.vae import VAE, image_batches

__all__ = [
    "VAE",
    "ProgressBar",
    "cross_entropy",
    "cross_entropy_summed_over_batch",
    "euclidean_regularizer",
    "euclidean_regularizer_as_coded",
    "image_batches",
    "kl_regularizer",
    "no_regularizer",
    "w2_regularizer",
]
