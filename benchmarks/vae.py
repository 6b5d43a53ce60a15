"""Seconds an epoch of chapter 10's autoencoder takes, against a plain Keras `fit`.

    python benchmarks/vae.py

Same layers, loss, batch, optimiser and images; the two take turns, so that a drift of the machine's
speed meets both. Prints the median epoch of each and the median of the ratios, pair by pair.
"""

import time

import numpy as np

from divkit.datasets import load_fashion_mnist
from divkit.keras import VAE

import keras  # isort: skip  (after divkit.keras, which sets TensorFlow's switches)

PAIRS = 7
EPOCHS = 2
BATCH = 128


class PlainVAE(keras.Model):
    """The same autoencoder as a Keras user writes it first."""

    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(100, "relu")
        self.mean, self.logvar = keras.layers.Dense(2), keras.layers.Dense(2)
        self.decoder = keras.Sequential(
            [
                keras.layers.Dense(100, "relu"),
                keras.layers.Dense(784, "sigmoid"),
                keras.layers.Reshape((28, 28)),
            ]
        )
        self.noise = keras.random.SeedGenerator(0)

    def call(self, images):
        hidden = self.hidden(keras.ops.reshape(images, (-1, 784)))
        mean, logvar = self.mean(hidden), self.logvar(hidden)
        kl = keras.ops.sum(keras.ops.square(mean) + keras.ops.exp(logvar) - 1 - logvar, axis=-1) / 2
        self.add_loss(keras.ops.mean(kl))
        noise = keras.random.normal(keras.ops.shape(mean), seed=self.noise)
        return self.decoder(mean + keras.ops.exp(logvar / 2) * noise)


def nats(images, pixels):
    """Binary cross-entropy, summed over an image."""
    return 28 * keras.ops.sum(keras.losses.binary_crossentropy(images, pixels), axis=-1)


def plain():
    """`fit` on a numpy array with Keras's default settings."""
    images, _ = load_fashion_mnist(as_float=True)
    vae = PlainVAE()
    vae.compile(keras.optimizers.Adam(1e-4), loss=nats)
    return lambda: vae.fit(images, images, batch_size=BATCH, epochs=EPOCHS, verbose=0)


def ours():
    """`divkit.keras.VAE.fit` as chapter 10 calls it."""
    images, _ = load_fashion_mnist()
    vae = VAE(seed=0)
    return lambda: vae.fit(images, batch_size=BATCH, epochs=EPOCHS, verbose=0)


def seconds(work):
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) / EPOCHS


def main():
    plain_epoch, our_epoch = plain(), ours()
    losses = [fit().history["loss"][-1] for fit in (plain_epoch, our_epoch)]  # and a warm-up
    print(f"losses after {EPOCHS} epochs: plain {losses[0]:.1f}, divkit {losses[1]:.1f}")
    times = np.array([(seconds(plain_epoch), seconds(our_epoch)) for _ in range(PAIRS)])
    for name, column in zip(("plain fit on numpy", "divkit.keras.VAE"), times.T, strict=True):
        print(f"{name:20} {np.median(column):6.2f} s an epoch of 60 000 images")
    ratios = times[:, 0] / times[:, 1]
    print(f"ratio {np.median(ratios):.2f} (from {ratios.min():.2f} to {ratios.max():.2f})")


if __name__ == "__main__":
    main()
