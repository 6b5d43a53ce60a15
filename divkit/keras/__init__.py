r"""Generative models and critics in Keras: variational autoencoders and adversarial networks.

A VAE is a latent-variable model, a standard normal prior `p(z)` and a decoder `p(x|z)`, with an
encoder `q(z|x)` for inference. Training minimises `reconstruction + regularizer`; with
`cross_entropy` and `kl_regularizer`, the defaults, that is the negative ELBO.

A `Critic` is a network that tells two samples apart; its `Objective`, a difference of two means,
is then a lower bound of their Jensen-Shannon divergence, of another f-divergence, or of their
Wasserstein distance. A `GAN` trains a generator against one. Every loss is a function of a few
lines, so that yours can take its place.

Needs TensorFlow (``pip install "divkit[keras]"``); `import divkit` alone does not load it.
"""

from divkit.keras._tensorflow import keras, tf  # noqa: F401  (with its switches set: for users)
from divkit.keras.critic import Critic
from divkit.keras.gan import GAN
from divkit.keras.losses import (
    cross_entropy,
    cross_entropy_summed_over_batch,
    euclidean_regularizer,
    euclidean_regularizer_as_coded,
    kl_regularizer,
    no_regularizer,
    scaled,
    w2_regularizer,
)
from divkit.keras.objectives import (
    Objective,
    f_divergence_objective,
    gradient_norms,
    gradient_penalty,
    logistic_objective,
    minimax_loss,
    non_saturating_loss,
    wasserstein_objective,
)
from divkit.keras.progress import ProgressBar
from divkit.keras.vae import VAE, RateDistortion, beta_sweep, image_batches

__all__ = [
    "GAN",
    "VAE",
    "Critic",
    "Objective",
    "ProgressBar",
    "RateDistortion",
    "beta_sweep",
    "cross_entropy",
    "cross_entropy_summed_over_batch",
    "euclidean_regularizer",
    "euclidean_regularizer_as_coded",
    "f_divergence_objective",
    "gradient_norms",
    "gradient_penalty",
    "image_batches",
    "kl_regularizer",
    "logistic_objective",
    "minimax_loss",
    "no_regularizer",
    "non_saturating_loss",
    "scaled",
    "w2_regularizer",
    "wasserstein_objective",
]
