"""The course's adversarial networks with more seeds and steps than a page has time for.

    python benchmarks/full.py [ring] [fashion]            compare with benchmarks/full.json
    python benchmarks/full.py --record [ring] [fashion]   write it

Each function returns numbers by name. Training is the same on one machine and differs a little
between machines, so a mean over seeds may move by four standard errors of the recorded spread.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from divkit import keras as dk
from divkit.datasets import gaussian_ring, load_fashion_mnist, mode_coverage, ring_modes
from divkit.transport import wasserstein_nd

RESULTS = Path(__file__).with_name("full.json")
layers, Sequential = dk.keras.layers, dk.keras.Sequential
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


def ring(seeds: int = 5, steps: int = 1500) -> Numbers:
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
    dk.keras.utils.set_random_seed(seed)
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


EXPERIMENTS: dict[str, Callable[[], Numbers]] = {"ring": ring, "fashion": fashion}


def differences(found: Numbers, recorded: Numbers) -> list[str]:
    """Name the numbers whose mean has moved by more than four standard errors."""
    moved = []
    for name, values in recorded.items():
        error = np.std(values, ddof=1) * np.sqrt(2 / len(values)) + 0.02 * abs(np.mean(values))
        if abs(np.mean(found[name]) - np.mean(values)) > 4 * error:
            moved.append(f"{name}: {np.mean(found[name]):.3f}, recorded {np.mean(values):.3f}")
    return moved


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(EXPERIMENTS)}; none means all")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in options.names or EXPERIMENTS:
        found = EXPERIMENTS[name]()
        for label, values in found.items():
            print(f"{name:8} {label:28} {np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}")
        if options.record:
            results[name] = {k: [round(v, 4) for v in values] for k, values in found.items()}
        elif name not in results:
            raise SystemExit(f"nothing is recorded for {name}: run with --record first")
        elif moved := differences(found, results[name]):
            raise SystemExit("\n".join(moved))
    if options.record:
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
