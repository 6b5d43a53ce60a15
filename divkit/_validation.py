"""What divkit asks of its input, and the words it refuses with."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Reals = NDArray[Any]
Support = tuple[float, float]

DOUBLE_TOLERANCE = 2.0**-26
EXTREME = 2.0**200
LONG = 2**16  # outcomes
LARGEST = float(np.finfo(np.float64).max)


class Rows(NamedTuple):
    """Rows proportional to distributions, what each sums to, and a lower bound of the entries.

    The rows are not divided by their sums: that would cost a pass, and near-equal rows the digits
    in which they differ.
    """

    values: Floats
    totals: Floats
    low: float


def as_reals(x: ArrayLike, name: str) -> Reals:
    """Return `x` as an array of real numbers in its own dtype, or raise TypeError."""
    if isinstance(x, np.ma.MaskedArray):
        if np.ma.is_masked(x):
            raise TypeError(f"{name} has masked entries: fill them or leave them out first")
        x = x.data
    try:
        array = np.asarray(x)
    except ValueError:
        raise ValueError(f"{name} is ragged: all its rows must be equally long") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    return array


def tolerance(array: Reals) -> float:
    """How far a sum may be from 1: the square root of the machine epsilon of the input's dtype."""
    single = array.dtype.kind == "f" and array.dtype.itemsize < 8
    return float(np.sqrt(np.finfo(array.dtype).eps)) if single else DOUBLE_TOLERANCE


def alphabet_last(array: Reals, name: str, axis: int) -> Reals:
    """Move the axis of the alphabet to the end."""
    if array.ndim == 0:
        raise ValueError(f"{name} is the single number {array}: it needs an axis of outcomes")
    if not isinstance(axis, int | np.integer):
        raise TypeError(f"axis must be an integer, got {axis!r}")
    if not -array.ndim <= axis < array.ndim:
        raise ValueError(f"axis={axis} does not exist in {name} of shape {array.shape}")
    if array.shape[axis] == 0:
        raise ValueError(f"{name} of shape {array.shape} has no outcomes along axis {axis}")
    return array if axis in (-1, array.ndim - 1) else np.moveaxis(array, axis, -1)


def same_alphabet(arrays: dict[str, Reals]) -> None:
    """The alphabets must be the same size: length 1 never stands for another length."""
    if len({array.shape[-1] for array in arrays.values()}) > 1:
        found = ", ".join(f"{n} has {a.shape[-1]} outcomes" for n, a in arrays.items())
        raise ValueError(f"the alphabets must match, but {found}")


def unit(base: float | None) -> float:
    """The natural logarithm of the base, by which nats are divided."""
    if base is None:
        return 1.0
    if not (isinstance(base, int | float | np.number) and 1 < base < np.inf):
        raise ValueError(f"base must be a finite number greater than 1 or None, got {base!r}")
    return float(np.log(float(base)))


def checked(
    block: Reals, name: str, limit: float, first: int, normalize: bool, *, signs: bool = True
) -> Rows:
    """Return rows of probabilities or counts in float64, or raise ValueError.

    `first` is the number of the block's first row in the whole input, for the message. Without
    `signs` negative entries are not looked for, and the lower bound is NaN.
    """
    values = np.asarray(block, dtype=np.float64)
    size = values.shape[-1]
    totals = values.dot(ones(size)) if size <= LONG else values.sum(axis=-1)
    if not (signs or normalize) and within(totals, 1 - limit, 1 + limit):
        return Rows(values, totals, np.nan)
    low = float(np.minimum.reduce(values, axis=None))
    if normalize and low >= 0 and within(totals, 5e-324, LARGEST):
        return manageable(values, totals, low)
    if normalize or not (low >= 0 and within(totals, 1 - limit, 1 + limit)):
        sound = (totals > 0) & (totals < np.inf) if normalize else abs(totals - 1) <= limit
        refuse_first_fault(values, totals, sound, name=name, first=first)
    return Rows(values, totals, low)


@lru_cache(maxsize=8)
def ones(size: int) -> Floats:
    """Return a vector of ones, kept for the next call: a sum as a product is the fastest."""
    return np.ones(size)


def within(values: Floats, least: float, most: float) -> bool:
    """Tell whether no value is NaN or outside; a single value, the usual case, quickly."""
    if values.size == 1:
        return least <= values.item() <= most
    return bool(np.minimum.reduce(values) >= least and np.maximum.reduce(values) <= most)


def all_within(values: Floats, least: float, most: float) -> bool:
    """Tell the same of an array of any shape, which may be empty."""
    return values.size == 0 or within(values.reshape(-1), least, most)


def manageable(values: Floats, totals: Floats, low: float) -> Rows:
    """Scale rows of huge or tiny counts by powers of two, so that products stay in range."""
    if within(totals, 1 / EXTREME, EXTREME):
        return Rows(values, totals, low)
    exponents = -np.frexp(totals)[1]
    return Rows(np.ldexp(values, exponents[:, None]), np.ldexp(totals, exponents), 0.0)


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


def checked_logits(block: Reals, name: str, first: int) -> Floats:
    """Return rows of logits in float64, or raise ValueError; -inf stands for a probability of 0."""
    values = np.asarray(block, dtype=np.float64)
    top = values.max(axis=-1)
    if not np.isfinite(top).all():
        row = int(np.argmin(np.isfinite(top)))
        raise ValueError(
            f"{name}, row {first + row} has the largest entry {top[row]}: logits are finite "
            "numbers or -inf, and at least one is finite"
        )
    return values


def probabilities(p: ArrayLike, name: str, first: int = 0) -> Floats:
    """Return an array of single probabilities in float64, or raise ValueError."""
    values = as_reals(p, name).astype(np.float64)
    if not all_within(values, 0, 1):
        place, index = first_place(~((values >= 0) & (values <= 1)), first)
        raise ValueError(f"{name}{index} is {values[place]}, which is no probability in [0, 1]")
    return values


def refuse(bad: Reals, values: Reals, name: str, rule: str, first: int = 0) -> None:
    """Raise ValueError for the first bad entry, with its place, its value and the rule.

    `first` is the number of the first of the values along their first axis in the whole input.
    """
    if bad.any():
        place, index = first_place(bad, first)
        raise ValueError(f"{name}{index} is {values[place]}: {rule}")


def first_place(bad: Reals, first: int = 0) -> tuple[tuple[np.intp, ...], str]:
    """Return where the first bad entry is among these, and in words in the whole input."""
    place = np.unravel_index(int(np.argmax(bad)), bad.shape)
    numbers = [str(int(i) + first * (axis == 0)) for axis, i in enumerate(place)]
    return place, f"[{', '.join(numbers)}]" if place else ""


def finite(x: ArrayLike, name: str, noun: str = "parameters", first: int = 0) -> Floats:
    """Return an array of finite numbers in float64, or raise; `noun` is what they are."""
    values = as_reals(x, name).astype(np.float64)
    if not all_within(values, -LARGEST, LARGEST):
        refuse(~np.isfinite(values), values, name, f"{noun} are finite numbers", first)
    return values


def some_finite(x: ArrayLike, name: str, noun: str = "samples") -> Floats:
    """Return finite numbers along an axis, at least one, in float64, or raise."""
    return some(finite(x, name, noun), name, noun)


def some(values: Reals, name: str, noun: str = "samples") -> Reals:
    """Return an array that holds something along an axis, or raise."""
    if values.ndim == 0 or values.size == 0:
        raise ValueError(f"{name} of shape {values.shape} holds no {noun}")
    return values


def interval(support: Any) -> Support:
    """Return the ends of an interval, which may be infinite, as floats, or raise."""
    ends = as_reals(support, "support")
    if ends.shape != (2,) or not ends[0] < ends[1]:
        raise ValueError(f"support must be an interval (a, b) with a < b, got {support!r}")
    return float(ends[0]), float(ends[1])


def unit_mass(mass: float, name: str, limit: float, *, over: Support | None, remedy: str) -> None:
    """Raise unless a law integrates to 1 over an interval, or sums to 1 if that is None."""
    if not abs(mass - 1) <= limit:
        found = f"sums to {mass:.9g}" if over is None else f"integrates to {mass:.9g} over {over}"
        raise ValueError(f"{name} {found}, not to 1: {remedy}")
