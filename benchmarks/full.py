"""The trainings behind the pages, with more seeds and more steps, against the recorded results.

    python benchmarks/full.py            repeat all and compare; fails if one disagrees
    python benchmarks/full.py ring       one of them
    python benchmarks/full.py --record   repeat all and record them in benchmarks/full.json

Trained networks differ from machine to machine in the last digit, and a game between two networks
amplifies it: so each number has a tolerance, which its experiment states.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from divkit import keras as dk
from divkit.datasets import gaussian_ring, load_fashion_mnist, mode_coverage, ring_modes
from divkit.transport import wasserstein_nd

keras, layers = dk.keras, dk.keras.layers
Outcome = dict[str, tuple[float, float]]  # by name: the value and how far another may be from it
RECORDED = Path(__file__).with_name("full.json")
LEAST_SHARE = 0.01


def spread(name: str, values: list[float], within: float) -> Outcome:
    """Mean and standard deviation over seeds."""
    return {
        f"{name}, mean": (float(np.mean(values)), within),
        f"{name}, standard deviation": (float(np.std(values)), within),
    }


def classifier_accuracy(seed: int) -> float:
    """Test accuracy of the network of chapter 4."""
    keras.utils.set_random_seed(seed)
    hidden = [layers.Dense(units, "relu") for units in (500, 500, 256)]
    network = keras.Sequential([layers.Flatten(), *hidden, layers.Dense(10, "softmax")])
    loss = keras.losses.SparseCategoricalCrossentropy()
    network.compile("adam", loss, metrics=["accuracy"], jit_compile=True)
    images, labels = load_fashion_mnist(as_float=True)
    network.fit(images, labels, batch_size=256, epochs=10, verbose=0)
    unseen, answers = load_fashion_mnist("test", as_float=True)
    return network.evaluate(unseen, answers, verbose=0)[1]


def classifier() -> Outcome:
    """Chapter 4: six seeds."""
    return spread("test accuracy", [classifier_accuracy(seed) for seed in range(6)], 0.01)


def autoencoder() -> Outcome:
    """Chapter 10: five seeds of each loss, thirty epochs of one."""
    images, _ = load_fashion_mnist()
    as_coded = {"reconstruction": dk.cross_entropy_summed_over_batch}
    kinds = {
        "loss as coded, with KL": as_coded,
        "loss as coded, without": as_coded | {"regularizer": dk.no_regularizer},
        "negative lower bound": {},
    }
    found: Outcome = {}
    for name, options in kinds.items():
        losses = [dk.VAE(seed=s, **options).fit(images).history["loss"][-1] for s in range(5)]
        found |= spread(name, losses, 0.01 * np.mean(losses))
    longer = dk.VAE(seed=0).fit(images, epochs=30).history["loss"][-1]
    return found | {"negative lower bound after 30 epochs": (longer, 2.0)}


GAMES = {
    "non-saturating": (dk.logistic_objective(), dk.non_saturating_loss, 1),
    "minimax": (dk.logistic_objective(), dk.minimax_loss, 1),
    "clipping at 0.1": (dk.wasserstein_objective(clip=0.1), dk.non_saturating_loss, 5),
    "two-sided penalty": (
        dk.wasserstein_objective(penalty=10, one_sided=False),
        dk.non_saturating_loss,
        5,
    ),
    "one-sided penalty": (dk.wasserstein_objective(penalty=10), dk.non_saturating_loss, 5),
}


def ring() -> Outcome:
    """Chapters 8 and 9: five games on eight Gaussians, ten seeds, twice as many steps."""
    data, modes = gaussian_ring(20_000, rng=0), ring_modes()
    found: Outcome = {}
    for name, (objective, loss, critic_steps) in GAMES.items():
        samples = []
        for seed in range(10):
            gan = dk.GAN(objective, loss, seed=seed)
            gan.fit(data, steps=3000, critic_steps=critic_steps)
            samples.append(gan.generate(1000, seed=0))
        counts = [mode_coverage(s, modes) for s in samples]
        found |= {f"{name}: modes found, mean": (float(np.mean([c.found for c in counts])), 1.0)}
        found |= spread(f"{name}: share of good samples", [c.good for c in counts], 0.12)
        found |= spread(f"{name}: W1", [wasserstein_nd(s, data[:1000]) for s in samples], 0.12)
    return found


EXPERIMENTS: dict[str, Callable[[], Outcome]] = {
    "classifier": classifier,
    "autoencoder": autoencoder,
    "ring": ring,
}


def differences(recorded: dict[str, list[float]], found: Outcome) -> list[str]:
    """What is missing, new, or further from the record than it may be."""
    faults = [f"{name}: recorded, but not measured" for name in recorded.keys() - found.keys()]
    for name, (value, _) in found.items():
        if name not in recorded:
            faults.append(f"{name}: {value:.4g}, never recorded")
        elif not abs(value - recorded[name][0]) <= recorded[name][1]:
            expected, within = recorded[name]
            faults.append(f"{name}: {value:.4g}, recorded {expected:.4g} ± {within:.2g}")
    return faults


def measured(name: str) -> Outcome:
    """Run an experiment and show what it finds."""
    started = time.perf_counter()
    found = EXPERIMENTS[name]()
    print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)
    for what, (value, within) in found.items():
        print(f"  {what:48} {value:9.4f} ± {within:.2g}", flush=True)
    return found


def record(found: dict[str, Outcome]) -> None:
    """Write the results, with what they were computed by."""
    versions = {name: version(name) for name in ("numpy", "tensorflow-cpu", "keras")}
    content = {"machine": platform.machine(), "versions": versions, "results": found}
    RECORDED.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"some of {', '.join(EXPERIMENTS)}")
    parser.add_argument("--record", action="store_true", help="store the results of all")
    options = parser.parse_args()
    if unknown := set(options.names) - set(EXPERIMENTS):
        parser.error(f"no experiment {', '.join(unknown)}; there are {', '.join(EXPERIMENTS)}")
    if options.record and options.names:
        parser.error("--record stores all experiments: name none")
    found = {name: measured(name) for name in options.names or EXPERIMENTS}
    if options.record:
        record(found)
        return 0
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))["results"]
    faults = [fault for name in found for fault in differences(recorded[name], found[name])]
    print("\n".join(faults) if faults else "All within their tolerances.")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
