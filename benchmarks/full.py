"""The course's trainings with more seeds and more steps than a page has time for.

    python benchmarks/full.py [NAME ...]            compare with benchmarks/full.json
    python benchmarks/full.py --record [NAME ...]   write it

Each experiment returns numbers by name, one for each seed. Training is the same on one machine and
differs a little between machines, so a mean over seeds may move by four standard errors of the
recorded spread. The status page of the book shows what is recorded.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from divkit import keras as dk
from divkit.datasets import gaussian_ring, load_fashion_mnist, mode_coverage, ring_modes
from divkit.transport import wasserstein_nd

RESULTS = Path(__file__).with_name("full.json")
keras, layers, Sequential = dk.keras, dk.keras.layers, dk.keras.Sequential
Numbers = dict[str, list[float]]

# What the critic maximises, what the generator lowers, and the critic's steps for one of its.
RING = {
    "non-saturating": (dk.logistic_objective(), dk.non_saturating_loss, 1),
    "minimax": (dk.logistic_objective(), dk.minimax_loss, 1),
    "penalty": (dk.wasserstein_objective(penalty=10), dk.minimax_loss, 5),
    "clipping": (dk.wasserstein_objective(clip=0.1), dk.minimax_loss, 5),
}
# Objective, dropout, steps of the critic. As many steps of the critic in all, for each.
FASHION = {
    "GAN": (dk.logistic_objective(), 0.4, 1),
    "GAN, no dropout": (dk.logistic_objective(), 0.0, 1),
    "GAN, 3 turns": (dk.logistic_objective(), 0.4, 3),
    "penalty": (dk.wasserstein_objective(penalty=10), 0.0, 3),
    "two-sided penalty": (dk.wasserstein_objective(penalty=10, one_sided=False), 0.0, 3),
    "clipping": (dk.wasserstein_objective(clip=0.05), 0.0, 3),
}


def classifier(seeds: int = 6) -> Numbers:
    """Test accuracy of chapter 4's network."""
    return {"test accuracy": [_accuracy(seed) for seed in range(seeds)]}


def _accuracy(seed: int) -> float:
    keras.utils.set_random_seed(seed)
    hidden = [layers.Dense(units, "relu") for units in (500, 500, 256)]
    network = Sequential([layers.Flatten(), *hidden, layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile("adam", loss, jit_compile=True, steps_per_execution=47)
    network.fit(*load_fashion_mnist(as_float=True), batch_size=256, epochs=10, verbose=0)
    images, labels = load_fashion_mnist("test", as_float=True)
    return float((np.asarray(network(images)).argmax(axis=1) == labels).mean())


def autoencoder(seeds: int = 5) -> Numbers:
    """Final losses of chapter 10's autoencoder: as its source scales them, and as it should be."""
    images, _ = load_fashion_mnist()
    as_coded = {"reconstruction": dk.cross_entropy_summed_over_batch}
    kinds: dict[str, dict[str, Any]] = {
        "as coded, with KL": as_coded,
        "as coded, without KL": as_coded | {"regularizer": dk.no_regularizer},
        "minus the lower bound": {},
    }
    return {
        name: [dk.VAE(seed=s, **kind).fit(images).history["loss"][-1] for s in range(seeds)]
        for name, kind in kinds.items()
    }


def ring(seeds: int = 10, steps: int = 3000) -> Numbers:
    """Modes found, share of good samples and W1 from the ring, seed by seed."""
    data, fresh, numbers = gaussian_ring(20_000, rng=0), gaussian_ring(512, rng=1), {}
    numbers["noise floor: W1"] = [
        float(wasserstein_nd(gaussian_ring(512, rng=seed), fresh)) for seed in range(2, 2 + seeds)
    ]
    for name, (objective, loss, turns) in RING.items():
        samples = []
        for seed in range(seeds):
            gan = dk.GAN(objective, loss, seed=seed)
            gan.fit(data, steps=steps, critic_steps=turns)
            samples.append(gan.generate(4000, seed=0))
        counts = [mode_coverage(s, ring_modes()) for s in samples]
        numbers[f"{name}: found"] = [float(c.found) for c in counts]
        numbers[f"{name}: good"] = [c.good for c in counts]
        numbers[f"{name}: W1"] = [float(wasserstein_nd(s[:512], fresh)) for s in samples]
    return numbers


def fashion(seeds: int = 3, critic_steps: int = 3000) -> Numbers:
    """W1 of 500 samples from 500 images of clothes, in eight principal directions."""
    images, _ = load_fashion_mnist(as_float=True)
    pixels = images[:5000].reshape(-1, 784)
    directions = np.linalg.svd(pixels - pixels.mean(axis=0), full_matrices=False)[2][:8].T
    project = lambda x: x.reshape(-1, 784) @ directions  # noqa: E731
    real = project(images[:500])
    rest = project(images[500 : 500 * (seeds + 1)]).reshape(seeds, 500, 8)
    numbers = {"noise floor: W1": [float(wasserstein_nd(real, other)) for other in rest]}
    for name, (objective, dropout, turns) in FASHION.items():
        made = [
            _clothes(images, objective, dropout, turns, critic_steps // turns, seed)
            for seed in range(seeds)
        ]
        numbers[f"{name}: W1"] = [float(wasserstein_nd(real, project(x))) for x in made]
    return numbers


def _clothes(
    images: Any, objective: dk.Objective, dropout: float, turns: int, steps: int, seed: int
) -> Any:
    keras.utils.set_random_seed(seed)
    networks = {"generator": _generator(), "critic": _critic(dropout)}
    gan = dk.GAN(objective, **networks, latent_dim=32, seed=seed)
    gan.fit(images, steps=steps, batch_size=64, critic_steps=turns)
    return gan.generate(500, seed=0)


def _generator() -> Any:
    hidden = [
        layer
        for _ in range(2)
        for layer in (layers.Dense(128), layers.BatchNormalization(momentum=0.9), layers.ReLU())
    ]
    return Sequential([*hidden, layers.Dense(784, "sigmoid"), layers.Reshape((28, 28))])


def _critic(dropout: float) -> Any:
    hidden = [
        layer
        for _ in range(2)
        for layer in (
            layers.Dense(128),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Dropout(dropout),
        )
    ]
    return Sequential([layers.Flatten(), *hidden, layers.Dense(1)])


EXPERIMENTS: dict[str, Callable[[], Numbers]] = {
    "classifier": classifier,
    "autoencoder": autoencoder,
    "ring": ring,
    "fashion": fashion,
}


def differences(found: Numbers, recorded: Numbers) -> list[str]:
    """Name the numbers that are missing or new, or whose mean has moved too far."""
    faults = [f"{name}: recorded or found, not both" for name in found.keys() ^ recorded.keys()]
    for name in found.keys() & recorded.keys():
        values = recorded[name]
        error = np.std(values, ddof=1) * np.sqrt(2 / len(values)) + 0.005 * abs(np.mean(values))
        if not abs(np.mean(found[name]) - np.mean(values)) <= 4 * error:
            faults.append(f"{name}: {np.mean(found[name]):.3f}, recorded {np.mean(values):.3f}")
    return sorted(faults)


def measured(name: str) -> Numbers:
    """Run an experiment and print mean and standard deviation of each number."""
    started = time.perf_counter()
    found = EXPERIMENTS[name]()
    print(f"{name}, {time.perf_counter() - started:.0f} s")
    for label, values in found.items():
        print(f"    {label:28} {np.mean(values):.4g} ± {np.std(values, ddof=1):.2g}", flush=True)
    return {label: [round(value, 4) for value in values] for label, values in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(EXPERIMENTS)}; none means all")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    if unknown := set(options.names) - set(EXPERIMENTS):
        parser.error(f"no experiment {', '.join(unknown)}: choose of {', '.join(EXPERIMENTS)}")
    recorded = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    faults = []
    for name in options.names or EXPERIMENTS:
        found = measured(name)
        if options.record:
            RESULTS.write_text(json.dumps(recorded := recorded | {name: found}, indent=1) + "\n")
        else:
            faults += [f"{name}: {fault}" for fault in differences(found, recorded.get(name, {}))]
    print("\n".join(faults or ["Recorded." if options.record else "All as recorded."]))
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
