"""divkit against what people use today: ratios of interleaved runs that give the same values.

    python benchmarks/peers.py [PART OF A NAME]

Ours and the peer's take turns in one process with one BLAS thread, so that a busy machine slows
both; the fastest run of each counts. A row whose values differ stops the run. Without an argument
the table is also written to benchmarks/results.json, which the book's status page shows.
"""

from __future__ import annotations

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
os.environ |= {"POT_BACKEND_DISABLE_TENSORFLOW": "1"}  # not measured, and slow to import

import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import ot
from scipy import stats
from scipy.spatial.distance import cdist, jensenshannon

from divkit import workers
from divkit.datasets import load_fashion_mnist
from divkit.estimate import image_histograms
from divkit.fdivergence import js_divergence
from divkit.gaussian import pairwise_kl_mvn
from divkit.information import entropy, kl_divergence
from divkit.pairwise import pairwise
from divkit.transport import (
    sinkhorn,
    sliced_wasserstein,
    wasserstein_1d,
    wasserstein_nd,
    wasserstein_pmf,
)

Work = Callable[[], object]
RESULTS = Path(__file__).with_name("results.json")
FEATURES = np._core._multiarray_umath.__cpu_features__
AVX512 = FEATURES.get("X86_V4", False)  # as far as numpy uses it


@dataclass
class Row:
    """A piece of work, done by us and by a peer."""

    work: str
    peer: str
    wanted: tuple[float, float]  # the least ratio with AVX-512 and without
    ours: Work
    theirs: Work
    tolerance: float | None = 1e-9  # of the values; None where the peer computes something else
    rounds: int = 5
    share: float = 1.0  # of the work that a slow peer does; its time is scaled up


def seconds(work: Work) -> tuple[float, object]:
    start = time.perf_counter()
    value = work()
    return time.perf_counter() - start, value


def measured(row: Row) -> dict[str, object]:
    """Run both in turns; a peer that takes longer than two seconds runs once."""
    ours, theirs = [], []
    for _ in range(row.rounds):
        spent, ours_value = seconds(row.ours)
        ours.append(spent)
        if not theirs or theirs[0] < 2:
            spent, theirs_value = seconds(row.theirs)
            theirs.append(spent)
    if row.tolerance is not None:
        if row.share < 1:
            ours_value = ours_value[: len(theirs_value)]
        np.testing.assert_allclose(ours_value, theirs_value, rtol=row.tolerance, atol=1e-12)
    theirs = [spent / row.share for spent in theirs]
    ratio = min(theirs) / min(ours)
    least = row.wanted[0 if AVX512 else 1]
    return {
        "work": row.work,
        "peer": row.peer,
        "ours_ms": round(1e3 * min(ours), 3),
        "peer_ms": round(1e3 * min(theirs), 3),
        "ratio": round(ratio, 2),
        "wanted": least,
        "reached": bool(ratio >= least),
    }


def laws(rows: int, outcomes: int, *, seed: int, zeros: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    weights = rng.random((rows, outcomes))
    weights[rng.random(weights.shape) < zeros] = 0.0
    return weights / weights.sum(axis=1, keepdims=True)


def each(function: Callable[..., float], *tables: np.ndarray) -> Work:
    """The peer knows no rows: call it for each."""
    return lambda: np.array([function(*rows) for rows in zip(*tables, strict=True)])


def on_two_threads(work: Work) -> Work:
    def shared() -> object:
        with workers(2):
            return work()

    return shared


def information_rows() -> Iterator[Row]:
    p, q = laws(10_000, 784, seed=0), laws(10_000, 784, seed=1)
    half = laws(10_000, 784, seed=2, zeros=0.5)
    scratch = np.empty_like(p)
    peer = partial(stats.entropy, axis=1)
    yield Row(
        "KL of rows of 784", "scipy", (10, 4), lambda: kl_divergence(p, q), lambda: peer(p, q)
    )
    yield Row(
        "KL, half zeros", "scipy", (6, 4), lambda: kl_divergence(half, q), lambda: peer(half, q)
    )
    yield Row(
        "KL of rows of 784",
        "one np.log pass",
        (1 / 2.3, 1 / 2.3),
        lambda: kl_divergence(p, q),
        lambda: np.log(p, out=scratch),
        tolerance=None,
    )
    yield Row(
        "JS of rows of 784",
        "scipy",
        (8, 3),
        lambda: js_divergence(p, q),
        lambda: jensenshannon(p, q, axis=1) ** 2,
    )
    yield Row("entropy of rows of 784", "scipy", (5, 2.3), lambda: entropy(p), lambda: peer(p))
    for name, call in {
        "KL of rows of 784": lambda: kl_divergence(p, q),
        "JS of rows of 784": lambda: js_divergence(p, q),
    }.items():
        yield Row(f"{name}, two threads", "divkit, one thread", (1, 1), on_two_threads(call), call)
    images, _ = load_fashion_mnist("test")
    yield Row(
        "histograms of 10 000 images",
        "np.histogram, loop",
        (14, 14),
        lambda: image_histograms(images),
        lambda: np.stack([np.histogram(i, bins=256, range=(0, 256))[0] for i in images]) / 784,
        rounds=3,
    )
    x, y = [0.2, 0.3, 0.5], [0.3, 0.3, 0.4]
    yield Row(
        "KL of 3 numbers, 200 calls",
        "scipy",
        (10, 10),
        lambda: [kl_divergence(x, y) for _ in range(200)],
        lambda: [stats.entropy(x, y) for _ in range(200)],
        rounds=20,
    )


def transport_rows() -> Iterator[Row]:
    rng = np.random.default_rng(3)
    w1 = stats.wasserstein_distance
    u, v = rng.normal(size=(2, 10_000, 784))
    yield Row(
        "W1 of rows of 784", "scipy, loop", (20, 12), lambda: wasserstein_1d(u, v), each(w1, u, v)
    )
    yield Row(
        "W1 of rows of 784",
        "np.sort",
        (1 / 1.2, 1 / 1.2),
        lambda: wasserstein_1d(u, v),
        lambda: (np.sort(u), np.sort(v)),
        tolerance=None,
    )
    few = v[:2000, :500]
    yield Row(
        "W1, 784 against 500",
        "scipy, loop",
        (6, 6),
        lambda: wasserstein_1d(u[:2000], few),
        each(w1, u[:2000], few),
    )
    a, b = laws(2000, 784, seed=4), laws(2000, 784, seed=5)
    yield Row(
        "W1, weighted",
        "scipy, loop",
        (3, 3),
        lambda: wasserstein_1d(u[:2000], v[:2000], u_weights=a, v_weights=b),
        each(w1, u[:2000], v[:2000], a, b),
    )
    x = np.arange(784.0)
    yield Row(
        "W1 of pmfs on a grid",
        "scipy, loop",
        (12, 12),
        lambda: wasserstein_pmf(a, b, x),
        each(lambda p, q: w1(x, x, p, q), a, b),
    )
    yield Row(
        "W1 of rows of 784, two threads",
        "divkit, one thread",
        (1, 1),
        on_two_threads(lambda: wasserstein_1d(u, v)),
        lambda: wasserstein_1d(u, v),
    )
    long_u, long_v = rng.normal(size=(2, 1_000_000))
    yield Row(
        "W1, a million",
        "scipy",
        (15, 15),
        lambda: wasserstein_1d(long_u, long_v),
        lambda: w1(long_u, long_v),
    )
    yield Row(
        "W1, a million",
        "POT",
        (9, 9),
        lambda: wasserstein_1d(long_u, long_v),
        lambda: ot.wasserstein_1d(long_u, long_v),
    )
    x2, y2 = rng.normal(size=(2, 200, 2))
    yield Row(
        "exact W1 in the plane, n = 200",
        "scipy",
        (200, 200),
        lambda: wasserstein_nd(x2, y2),
        lambda: stats.wasserstein_distance_nd(x2, y2),
        rounds=3,
    )
    x10, y10 = rng.normal(size=(2, 10_000, 10))
    yield Row(
        "sliced W2, n = 10 000, 100 projections",
        "POT",
        (12, 12),
        lambda: sliced_wasserstein(x10, y10, order=2, n_projections=100, rng=0),
        lambda: ot.sliced_wasserstein_distance(x10, y10, n_projections=100, seed=0),
        tolerance=0.05,  # other directions
    )
    points = rng.normal(size=(2, 500, 2))
    cost = ot.dist(*points)
    cost /= cost.max()
    mass = np.full(500, 1 / 500)
    ours = partial(sinkhorn, mass, mass, cost, reg=0.05)
    yield Row(
        "Sinkhorn, n = 500, reg .05",
        "POT sinkhorn",
        (0.7, 0.7),
        lambda: ours().cost,
        lambda: (ot.sinkhorn(mass, mass, cost, 0.05, stopThr=1e-9) * cost).sum(),
        tolerance=1e-6,
    )
    yield Row(
        "Sinkhorn, n = 500, reg .05",
        "POT sinkhorn_log",
        (25, 25),
        lambda: ours().cost,
        lambda: (ot.sinkhorn(mass, mass, cost, 0.05, "sinkhorn_log", stopThr=1e-9) * cost).sum(),
        tolerance=1e-6,
    )


def matrix_rows() -> Iterator[Row]:
    p, q = laws(1000, 256, seed=6), laws(1000, 256, seed=7)
    yield Row(
        "pairwise KL, 1000 x 1000 x 256",
        "scipy, row by row",
        (300, 300),
        lambda: pairwise(p, q),
        lambda: np.stack([stats.entropy(row[:, None], q.T) for row in p[:50]]),
        share=0.05,
    )
    yield Row(
        "pairwise KL, 1000 x 1000 x 256",
        "one matrix product",
        (1 / 1.5, 1 / 1.5),
        lambda: pairwise(p, q),
        lambda: p @ q.T,
        tolerance=None,
        rounds=20,
    )
    yield Row(
        "pairwise JS, 1000 x 1000 x 256",
        "scipy cdist",
        (6, 6),
        lambda: pairwise(p, q, metric="js"),
        lambda: cdist(p, q, "jensenshannon") ** 2,
    )
    yield Row(
        "pairwise JS, symmetric",
        "scipy cdist",
        (12, 12),
        lambda: pairwise(p, metric="js"),
        lambda: cdist(p, p, "jensenshannon") ** 2,
        tolerance=1e-7,
    )


def normal_rows() -> Iterator[Row]:
    rng = np.random.default_rng(8)
    roots = rng.normal(size=(2, 1000, 32, 32)) / 8
    covariances = roots @ roots.mT + np.eye(32)
    means = rng.normal(size=(2, 1000, 32))
    (mean0, mean1), (cov0, cov1) = means, covariances

    def solved() -> np.ndarray:
        """One law against a thousand."""
        shift = mean1 - mean0[0]
        moved = np.linalg.solve(cov1, shift[:, :, None])[..., 0]
        trace = np.trace(np.linalg.solve(cov1, cov0[0][None]), axis1=1, axis2=2)
        volumes = np.linalg.slogdet(cov1)[1] - np.linalg.slogdet(cov0[0])[1]
        return ((trace - 32 + (shift * moved).sum(axis=1) + volumes) / 2)[None]

    yield Row(
        "pairwise KL of normal laws, 1000 x 1000, d = 32",
        "np.linalg.solve",
        (300, 300),
        lambda: pairwise_kl_mvn(mean0, cov0, mean1, cov1),
        solved,
        share=0.001,
    )


def environment() -> dict[str, object]:
    packages = ("numpy", "scipy", "pot")
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "features": sorted(name for name, there in FEATURES.items() if there),
        "versions": {name: version(name) for name in packages},
    }


def main(arguments: list[str]) -> int:
    wanted = arguments[0] if arguments else ""
    rows = []
    print(f"{'work':48}{'peer':22}{'ours, ms':>10}{'peer, ms':>10}{'ratio':>9}{'wanted':>9}")
    for row in (row for rows_of in PARTS for row in rows_of()):
        if wanted not in row.work:
            continue
        found = measured(row)
        rows.append(found)
        mark = "" if found["reached"] else "  missed"
        print(
            f"{row.work:48}{row.peer:22}{found['ours_ms']:10.2f}{found['peer_ms']:10.2f}"
            f"{found['ratio']:9.2f}{found['wanted']:9.2f}{mark}",
            flush=True,
        )
    if not wanted:
        RESULTS.write_text(json.dumps(environment() | {"rows": rows}, indent=1) + "\n", "utf-8")
    return 0


PARTS = (information_rows, transport_rows, matrix_rows, normal_rows)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
