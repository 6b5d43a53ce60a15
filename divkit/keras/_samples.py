"""Samples as they come, arrays or samplers, turned into blocks of batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from divkit._validation import as_reals

Singles = NDArray[np.float32]
Sampler = Callable[[np.random.Generator, int], Any]
Samples = ArrayLike | Sampler


def checked_samples(x: ArrayLike, name: str) -> Singles:
    """Return finite samples as float32 along the first axis, numbers as points of a line."""
    values = as_reals(x, name)
    if values.ndim == 0 or values.size == 0:
        raise ValueError(f"{name} of shape {values.shape} holds no samples")
    if not np.isfinite(values).all():
        row = int(np.argwhere(~np.isfinite(values))[0, 0])
        raise ValueError(f"{name}, sample {row} is {values[row]}: samples must be finite")
    singles = values.astype(np.float32)
    return singles[:, None] if singles.ndim == 1 else singles


def sampler_of(samples: Samples, name: str) -> Callable[[np.random.Generator, int], Singles]:
    """Return a function that draws from the sampler, or with replacement from the array."""
    if not callable(samples):
        values = checked_samples(samples, name)
        return lambda rng, size: values[rng.integers(len(values), size=size)]

    def draw(rng: np.random.Generator, size: int) -> Singles:
        drawn = checked_samples(samples(rng, size), f"{name}(rng, {size})")
        if len(drawn) != size:
            raise ValueError(f"{name}(rng, {size}) returned {len(drawn)} samples")
        return drawn

    return draw


def drawn(samples: Samples, name: str, rng: np.random.Generator, size: int) -> Singles:
    """Return `size` samples of a sampler, or the array; at least two, for a standard error."""
    if check_count(size, "size") < 2:
        raise ValueError(f"size must be at least 2, got {size}")
    if callable(samples):
        return sampler_of(samples, name)(rng, size)
    values = checked_samples(samples, name)
    if len(values) < 2:
        raise ValueError(f"{name} holds a single sample: a standard error needs two")
    return values


def check_count(value: Any, name: str) -> int:
    """Return a positive whole number, or raise."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} must be a positive whole number, got {value!r}")
    return int(value)


def check_shape(found: tuple[int, ...], expected: tuple[int, ...], names: str) -> None:
    """Samples of two kinds must be points of one space."""
    if found != expected:
        raise ValueError(f"{names} must have one shape, not {found} and {expected}")


def block_sizes(steps: int, floats: int) -> list[int]:
    """Split the steps into equal blocks of at most a hundred steps and about 16 MB."""
    count = -(-steps // max(1, min(100, 2**22 // floats)))
    return [len(block) for block in np.array_split(np.arange(steps), count)]


def in_batches(samples: Singles, *sizes: int) -> Singles:
    """Give the samples further leading axes in place of the first."""
    return samples.reshape(*sizes, *samples.shape[1:])
