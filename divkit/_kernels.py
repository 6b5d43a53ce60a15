"""Machinery for speed and exactness: rows in blocks that fit the cache, and careful forms.

Every kernel takes arrays of shape (rows, outcomes) that hold distributions in float64 and returns
one value in nats per row. The quick forms cost one logarithm an entry (numpy's is vectorised; the
functions of `scipy.special` take 20 ns an entry). They lose digits where the terms cancel, so rows
below `CAREFUL_BELOW`, and those that overflow, are computed again in a form that cannot.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from divkit._validation import (
    Floats,
    Reals,
    alphabet_last,
    as_reals,
    log_softmax,
    normalised,
    same_alphabet,
    tolerance,
    unit,
)

Kernel = Callable[..., Floats]

BLOCK = 2**15  # entries: 256 KB, a second-level cache; 2**11 is three times slower
CAREFUL_BELOW = 1e-4
SERIES_BELOW = 0.2


def over_rows(
    kernel: Kernel,
    *,
    axis: int = -1,
    base: float | None = None,
    keepdims: bool = False,
    normalize: bool = False,
    logits: tuple[str, ...] = (),
    **named: ArrayLike,
) -> Floats:
    """Apply `kernel` to the validated, normalised rows of the named arrays.

    The kernel gets distributions, or their logarithms for the names listed under `logits`.
    """
    scale = unit(base)
    names = tuple(named)
    arrays = [alphabet_last(as_reals(x, name), name, axis) for name, x in named.items()]
    same_alphabet(arrays, names)
    leading = leading_shape(arrays, names)
    rows, size = int(np.prod(leading)), arrays[0].shape[-1]
    tables = [np.broadcast_to(a, (*leading, size)).reshape(rows, size) for a in arrays]
    limits = [tolerance(a) for a in arrays]
    values = np.empty(rows)
    step = max(1, BLOCK // size)
    for first in range(0, rows, step):
        blocks = [
            log_softmax(t[first : first + step], name=n, first=first)
            if n in logits
            else normalised(
                t[first : first + step], limit, name=n, first=first, normalize=normalize
            )
            for t, limit, n in zip(tables, limits, names, strict=True)
        ]
        values[first : first + step] = kernel(*blocks)
    return finished(values.reshape(leading), scale=scale, axis=axis, keepdims=keepdims)


def leading_shape(arrays: list[Reals], names: tuple[str, ...]) -> tuple[int, ...]:
    """Broadcast the shapes of the arrays without their alphabets."""
    shapes = [array.shape[:-1] for array in arrays]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        found = ", ".join(f"{n}: {s}" for n, s in zip(names, shapes, strict=True))
        raise ValueError(f"the leading shapes do not broadcast: {found}") from None


def finished(
    values: Floats, *, scale: float, axis: int | tuple[int, ...], keepdims: bool
) -> Floats:
    """Change the unit, restore summed axes if asked, and unwrap a single value."""
    values = values / scale + 0.0  # never -0.0
    if keepdims:
        values = np.expand_dims(values, axis)
    return values if values.ndim else values[()]


def entropy(p: Floats) -> Floats:
    """-sum p log p."""
    nats: Floats = -np.vecdot(p, np.log(positive(p)))
    return nats


def positive(p: Floats) -> Floats:
    """Replace zeros by ones, whose logarithm is 0: 0 log 0 = 0."""
    return p if p.min(initial=1.0) > 0 else np.where(p > 0, p, 1.0)


def cross_entropy(p: Floats, q: Floats) -> Floats:
    """-sum p log q; infinite where q = 0 < p."""
    value: Floats = -np.vecdot(p, np.log(positive(q)))
    if q.min(initial=1.0) == 0:
        value[((q == 0) & (p > 0)).any(axis=-1)] = np.inf
    return value


def kl(p: Floats, q: Floats) -> Floats:
    """sum p log(p/q)."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = p / q
        if p.min(initial=1.0) == 0:
            ratio[p == 0] = 1.0
        value: Floats = np.vecdot(p, np.log(ratio))
    return again(value, ~(value >= CAREFUL_BELOW) | np.isinf(value), careful_kl, p, q)


def again(value: Floats, chosen: Reals, kernel: Kernel, *arrays: Floats) -> Floats:
    """Compute the chosen rows with another kernel."""
    if chosen.any():
        value[chosen] = kernel(*(a[chosen] for a in arrays))
    return value


def careful_kl(p: Floats, q: Floats) -> Floats:
    """sum (p log(p/q) - p + q): no term is negative, so nothing cancels between them.

    With s = p + q and d = (p - q)/s a term is s (d artanh d + (artanh d - d)). What the two sums
    differ by in the last digit contributes to second order only.
    """
    s = p + q
    d = np.divide(p - q, s, out=np.zeros_like(s), where=s > 0)
    near = abs(d) < 0.5
    small = np.where(near, d, 0.0)
    close = s * (small * np.arctanh(small) + artanh_minus(small))
    value: Floats = np.where(near, close, far_kl(p, q, ~near)).sum(axis=-1)
    value[((q == 0) & (p > 0)).any(axis=-1)] = np.inf
    return value


def far_kl(p: Floats, q: Floats, chosen: Reals) -> Floats:
    """p log(p/q) - p + q on the chosen entries, from two logarithms: p/q may overflow."""
    both = chosen & (p > 0) & (q > 0)
    logs = np.log(p, out=np.zeros_like(p), where=both) - np.log(q, out=np.zeros_like(q), where=both)
    return np.where(chosen, p * logs - p + q, 0.0)


def artanh_minus(d: Floats) -> Floats:
    """artanh d - d, by its series where the difference would lose digits."""
    square = d * d
    series = np.zeros_like(d)
    for k in range(21, 1, -2):
        series = 1 / k + square * series
    return np.where(abs(d) < SERIES_BELOW, d * square * series, np.arctanh(d) - d)


def js(p: Floats, q: Floats) -> Floats:
    """The Jensen-Shannon divergence, (KL(p||m) + KL(q||m)) / 2 with m = (p + q) / 2."""
    m = positive((p + q) / 2)
    value: Floats = (
        np.vecdot(p, np.log(positive(p / m))) + np.vecdot(q, np.log(positive(q / m)))
    ) / 2
    return again(value, value < CAREFUL_BELOW, careful_js, p, q)


def cross_entropy_of_logs(p: Floats, log_q: Floats) -> Floats:
    """-sum p log q, where q may be too small for a float but its logarithm is not."""
    needed = np.where(p > 0, log_q, 0.0)
    with np.errstate(invalid="ignore"):
        nats: Floats = -np.vecdot(p, needed)
        return nats


def kl_of_logs(log_p: Floats, log_q: Floats) -> Floats:
    """sum p (log p - log q)."""
    p = np.exp(log_p)
    excess = np.subtract(log_p, log_q, out=np.zeros_like(p), where=np.isfinite(log_p))
    with np.errstate(invalid="ignore"):
        value = np.where(p > 0, p * excess, 0.0).sum(axis=-1)
    return again(value, value < CAREFUL_BELOW, careful_kl_of_logs, log_p, log_q)


def careful_kl_of_logs(log_p: Floats, log_q: Floats) -> Floats:
    """log sum p exp(e) with e = log q - log p, centred: no two terms cancel.

    Subtracting the mean of e leaves log(1 + sum p (exp(e) - 1 - e)) with terms that are not
    negative. Where an outcome is missing from p the probabilities themselves are compared.
    """
    whole = np.isfinite(log_p).all(axis=-1) & (abs(log_p - log_q) < 1).all(axis=-1)
    value = careful_kl(np.exp(log_p), np.exp(log_q))
    p, e = np.exp(log_p[whole]), (log_q - log_p)[whole]
    e = e - np.vecdot(p, e)[:, None] / p.sum(axis=-1)[:, None]
    value[whole] = np.log1p(np.vecdot(p, expm1_minus(e)))
    return value


def expm1_minus(x: Floats) -> Floats:
    """exp(x) - 1 - x, by its series where the difference would lose digits."""
    series = np.ones_like(x)
    for k in range(16, 2, -1):
        series = 1 + x * series / k
    return np.where(abs(x) < SERIES_BELOW, x * x / 2 * series, np.expm1(x) - x)


def js_of_logs(log_p: Floats, log_q: Floats) -> Floats:
    """The Jensen-Shannon divergence of two softmaxes."""
    return js(np.exp(log_p), np.exp(log_q))


def careful_js(p: Floats, q: Floats) -> Floats:
    """sum s (2 d artanh d + log(1 - d^2)) / 4 with s = p + q and d = (p - q)/s."""
    s = p + q
    d = np.divide(p - q, s, out=np.zeros_like(s), where=s > 0)
    inner = np.where(abs(d) < 1, d, 0.0)
    term = 2 * inner * np.arctanh(inner) + np.log1p(-inner * inner)
    nats: Floats = (s * np.where(abs(d) < 1, term, 2 * np.log(2.0))).sum(axis=-1) / 4
    return nats
