"""Seconds an epoch of chapter 10's autoencoder takes, against a plain Keras `fit`.

    python benchmarks/vae.py

Same model, batch, optimiser and images; the two take turns, so that a drift of the machine's speed
meets both. Prints the median epoch of each and the median of the ratios, pair by pair.
"""

import time

import numpy as np

from divkit.datasets import load_fashion_mnist
from divkit.keras import VAE

PAIRS = 5
BATCH = 128


def plain():
    """What a user writes first: `fit` on a numpy array with Keras's default settings."""
    images, _ = load_fashion_mnist(as_float=True)
    vae = VAE(seed=0)
    super(VAE, vae).compile(optimizer="adam", jit_compile=False)
    fit = super(VAE, vae).fit
    return lambda: fit(images, batch_size=BATCH, epochs=1, verbose=0)


def ours():
    """`divkit.keras.VAE.fit` as chapter 10 calls it."""
    images, _ = load_fashion_mnist()
    vae = VAE(seed=0)
    return lambda: vae.fit(images, batch_size=BATCH, epochs=1, verbose=0)


def seconds(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main():
    plain_epoch, our_epoch = plain(), ours()
    for warm_up in (plain_epoch, our_epoch):
        warm_up()
    times = np.array([(seconds(plain_epoch), seconds(our_epoch)) for _ in range(PAIRS)])
    for name, column in zip(("plain fit on numpy", "divkit.keras.VAE"), times.T, strict=True):
        print(f"{name:20} {np.median(column):6.2f} s an epoch of 60 000 images")
    ratios = times[:, 0] / times[:, 1]
    print(f"ratio {np.median(ratios):.2f} (from {ratios.min():.2f} to {ratios.max():.2f})")


if __name__ == "__main__":
    main()
