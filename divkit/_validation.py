"""What divkit asks of its input, and the words it refuses with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Reals = NDArray[Any]


def as_reals(x: ArrayLike, name: str) -> Reals:
    """Return `x` as an array of real numbers in its own dtype, or raise TypeError."""
    if isinstance(x, np.ma.MaskedArray):
        if np.ma.is_masked(x):
            raise TypeError(f"{name} has masked entries: fill them or leave them out first")
        x = x.data
    array = np.asarray(x)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    return array


def tolerance(array: Reals) -> float:
    """How far a sum may be from 1: the square root of the machine epsilon of the input's dtype."""
    single = array.dtype.kind == "f" and array.dtype.itemsize < 8
    return float(np.sqrt(np.finfo(array.dtype if single else np.float64).eps))


def alphabet_last(array: Reals, name: str, axis: int) -> Reals:
    """Move the axis of the alphabet to the end."""
    if array.ndim == 0:
        raise ValueError(f"{name} is the single number {array}: it needs an axis of outcomes")
    if not -array.ndim <= axis < array.ndim:
        raise ValueError(f"axis={axis} does not exist in {name} of shape {array.shape}")
    if array.shape[axis] == 0:
        raise ValueError(f"{name} of shape {array.shape} has no outcomes along axis {axis}")
    return array if axis in (-1, array.ndim - 1) else np.moveaxis(array, axis, -1)


def same_alphabet(arrays: list[Reals], names: tuple[str, ...]) -> None:
    """The alphabets must be the same size: length 1 never stands for another length."""
    sizes = [array.shape[-1] for array in arrays]
    if len(set(sizes)) > 1:
        found = ", ".join(f"{n} has {s} outcomes" for n, s in zip(names, sizes, strict=True))
        raise ValueError(f"the alphabets must match, but {found}")


def unit(base: float | None) -> float:
    """The natural logarithm of the base, by which nats are divided."""
    if base is None:
        return 1.0
    if not (isinstance(base, int | float | np.number) and 1 < base < np.inf):
        raise ValueError(f"base must be a finite number greater than 1 or None, got {base!r}")
    return float(np.log(base))


def normalised(block: Reals, limit: float, *, name: str, first: int, normalize: bool) -> Floats:
    """Return rows of probabilities in float64, each divided by its sum, or raise ValueError.

    `first` is the number of the block's first row in the whole input, for the message.
    """
    values = np.array(block, dtype=np.float64, order="C")
    totals = values.sum(axis=-1)
    low = values.min(initial=0.0)
    sound = np.isfinite(totals) & ((totals > 0) if normalize else (abs(totals - 1) <= limit))
    if not (low >= 0 and sound.all()):
        refuse_first_fault(values, totals, sound, name=name, first=first)
    values /= totals[:, None]
    return values


def refuse_first_fault(
    values: Floats, totals: Floats, sound: NDArray[np.bool_], *, name: str, first: int
) -> None:
    """Name the first bad row, its value and the remedy."""
    fine = (values >= 0) & (values < np.inf)
    row = int(np.argmin(fine.all(axis=-1) & sound))
    where = f"{name}, row {first + row}"
    if not fine[row].all():
        column = int(np.argmin(fine[row]))
        raise ValueError(
            f"{where}: entry {column} is {values[row, column]}, "
            "but probabilities and counts are finite and not negative"
        )
    remedy = (
        "a row must hold something"
        if totals[row] == 0
        else ("divide by the sum, or pass normalize=True if these are counts")
    )
    raise ValueError(f"{where} sums to {totals[row]}, not to 1: {remedy}")


def log_softmax(block: Reals, *, name: str, first: int) -> Floats:
    """Return logarithms of the softmax of rows of logits; a logit of -inf stands for q = 0."""
    values = np.array(block, dtype=np.float64, order="C")
    top = values.max(axis=-1, keepdims=True)
    if not np.isfinite(top).all():
        row = int(np.argmin(np.isfinite(top[:, 0])))
        raise ValueError(
            f"{name}, row {first + row} has the largest entry {top[row, 0]}: logits are finite "
            "numbers or -inf, and at least one is finite"
        )
    values -= top
    shifted: Floats = values - np.log(np.exp(values).sum(axis=-1, keepdims=True))
    return shifted


def probabilities(p: ArrayLike, name: str) -> Floats:
    """Return an array of single probabilities in float64, or raise ValueError."""
    values = as_reals(p, name).astype(np.float64)
    bad = ~((values >= 0) & (values <= 1))
    if bad.any():
        place = np.unravel_index(int(np.argmax(bad)), bad.shape)
        index = "" if not place else "[" + ", ".join(str(int(i)) for i in place) + "]"
        raise ValueError(f"{name}{index} is {values[place]}, which is no probability in [0, 1]")
    return values
