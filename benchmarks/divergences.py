"""How much faster than scipy and numpy divkit is: ratios of interleaved runs.

Runs alternate, so that a busy machine slows both sides, and the fastest of each side counts.

    python benchmarks/divergences.py
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from scipy import stats

from divkit.datasets import load_fashion_mnist
from divkit.estimate import image_histograms
from divkit.information import entropy, kl_divergence

Work = Callable[[], object]
ROWS, OUTCOMES, SMALL_CALLS = 10_000, 784, 100


def seconds(work: Work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compared(ours: Work, theirs: Work, rounds: int) -> tuple[float, float]:
    """Return the fastest run of each, taken in turns."""
    runs = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    return min(run[0] for run in runs), min(run[1] for run in runs)


def distributions(rng: np.random.Generator, zeros: float = 0.0) -> np.ndarray:
    weights = rng.random((ROWS, OUTCOMES))
    weights[rng.random(weights.shape) < zeros] = 0.0
    return weights / weights.sum(axis=1, keepdims=True)


def histogram_loop(images: np.ndarray) -> np.ndarray:
    counts = [np.histogram(image, bins=256, range=(0, 256))[0] for image in images]
    return np.stack(counts) / images[0].size


def import_seconds(module: str) -> float:
    """Time an import in a new process, after numpy and scipy.special."""
    code = (
        "import time, numpy, scipy.special; start = time.perf_counter(); "
        f"import {module}; print(time.perf_counter() - start)"
    )
    command = [sys.executable, "-c", code]
    runs = [subprocess.run(command, check=True, capture_output=True, text=True) for _ in range(5)]
    return min(float(run.stdout) for run in runs)


def small(function: Callable[..., object], *rows: list[float]) -> Work:
    return lambda: [function(*rows) for _ in range(SMALL_CALLS)]


def tasks() -> list[tuple[str, Work, Work, int]]:
    rng = np.random.default_rng(0)
    p, q, half = distributions(rng), distributions(rng), distributions(rng, zeros=0.5)
    near = p * (1 + 1e-3 * rng.standard_normal(p.shape))
    near /= near.sum(axis=1, keepdims=True)
    images, _ = load_fashion_mnist("test")
    x, y = [0.2, 0.3, 0.5], [0.3, 0.3, 0.4]
    scipy = stats.entropy
    return [
        ("KL", lambda: kl_divergence(p, q), lambda: scipy(p, q, axis=1), 9),
        ("KL, half zeros", lambda: kl_divergence(half, q), lambda: scipy(half, q, axis=1), 9),
        ("KL, near-equal", lambda: kl_divergence(p, near), lambda: scipy(p, near, axis=1), 5),
        ("entropy", lambda: entropy(p), lambda: scipy(p, axis=1), 9),
        ("histograms", lambda: image_histograms(images), lambda: histogram_loop(images), 3),
        (f"KL, {SMALL_CALLS} small calls", small(kl_divergence, x, y), small(scipy, x, y), 25),
    ]


def main() -> None:
    print(f"{'work':<24}{'divkit, ms':>12}{'peer, ms':>12}{'ratio':>8}")
    for name, ours, theirs, rounds in tasks():
        a, b = compared(ours, theirs, rounds)
        print(f"{name:<24}{a * 1e3:>12.2f}{b * 1e3:>12.2f}{b / a:>8.1f}")
    a, b = import_seconds("divkit.information"), import_seconds("scipy.stats")
    print(f"{'import':<24}{a * 1e3:>12.2f}{b * 1e3:>12.2f}{b / a:>8.1f}")


if __name__ == "__main__":
    main()
