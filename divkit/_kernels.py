"""Machinery for speed and exactness: rows in blocks that fit the cache, and careful forms.

A kernel takes blocks of rows (`Rows` of probabilities or counts, or plain arrays of logits) and
returns one value in nats per row. The quick forms cost one logarithm an entry (numpy's is
vectorised; the functions of `scipy.special` take 20 ns an entry). They lose digits where the terms
cancel, so rows below `CAREFUL_BELOW`, and those that overflow, are computed again in a form that
cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import log, prod

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import rel_entr, xlog1py, xlogy

from divkit._blocks import Table, filled, in_blocks
from divkit._validation import (
    DOUBLE_TOLERANCE,
    LARGEST,
    Floats,
    Reals,
    Rows,
    alphabet_last,
    as_reals,
    checked,
    checked_logits,
    same_alphabet,
    tolerance,
    unit,
    within,
)

Kernel = Callable[..., Floats]

BLOCK = 2**16  # entries: 512 KB; 2**12 is three times slower
ITEMS = 2**16  # entries: for kernels of numbers, vectors and matrices
LARGE_BLOCK = 2**18  # for kernels with a single temporary array: another 10 % quicker
CAREFUL_BLOCK = 2**14  # entries: the careful forms keep a dozen arrays at a time
CAREFUL_BELOW = 1e-2
JS_CAREFUL_BELOW = 1e-3
LOG2 = float(np.log(2.0))
FEW = 16  # outcomes
EQUAL_SUMS = 1e-14  # a factor this near to 1 changes no digit that is promised
SERIES_BELOW = 0.2
TINY = float(np.finfo(np.float64).tiny)
SPLIT = 2.0**27 + 1  # Veltkamp's constant: it cuts a float64 into two halves


def over_rows(
    kernel: Kernel,
    *,
    axis: int = -1,
    base: float | None = None,
    keepdims: bool = False,
    normalize: bool = False,
    as_logits: tuple[str, ...] = (),
    entries: int = BLOCK,
    **named: ArrayLike,
) -> Floats:
    """Apply `kernel` to the validated rows of the named arrays, block by block.

    The names listed under `as_logits` hold logits, the others distributions. A block has at most
    `entries` entries of each array.
    """
    scale = unit(base)
    arrays, leading = as_tables(named, axis)
    tables = dict(zip(named, arrays, strict=True))
    rows, size = prod(leading), arrays[0].size
    value = of_few(kernel, arrays) if not leading and size <= FEW else None
    if value is not None:
        return finished(np.array(value), scale=scale, axis=axis, keepdims=keepdims)
    step = max(1, entries // size)
    signs = kernel not in SEES_SIGNS

    def of_rows(part: slice) -> Floats:
        nonlocal signs
        try:
            return kernel(*checked_rows(part, tables, as_logits, normalize, signs))
        except Unsure:
            signs = True  # for the blocks to come, too
            return kernel(*checked_rows(part, tables, as_logits, normalize, signs))

    parts = (slice(first, first + step) for first in range(0, rows, step))
    values = filled(np.empty(rows), of_rows, parts)
    return finished(values.reshape(leading), scale=scale, axis=axis, keepdims=keepdims)


def checked_rows(
    part: slice, tables: dict[str, Table], as_logits: tuple[str, ...], normalize: bool, signs: bool
) -> Iterator[Rows | Floats]:
    """Return some rows of every table, checked; those of the last one perhaps without signs."""
    *_, last = tables
    for name, table in tables.items():
        block, limit = table.block(part.start, part.stop), tolerance(table.array)
        if name in as_logits:
            yield checked_logits(block, name, part.start)
        else:
            look = signs or name != last
            yield checked(block, name, limit, part.start, normalize, signs=look)


def over_items(
    kernel: Kernel,
    *,
    core: int | Sequence[int] = 0,
    base: float | None = None,
    result: tuple[int, ...] = (),
    whole: Callable[[], Reals] | None = None,
    **named: ArrayLike,
) -> Floats:
    """Apply a kernel that checks its arguments to the broadcast named arrays, block by block.

    The last `core` axes (of all, or of each) belong to one item; see `in_blocks`.
    """
    scale = unit(base)
    arrays = [as_reals(x, name) for name, x in named.items()]
    axes = [core] * len(arrays) if isinstance(core, int) else core
    with np.errstate(all="ignore"):
        values = in_blocks(kernel, arrays, axes, entries=ITEMS, result=result, whole=whole)
    return finished(values, scale=scale, axis=(), keepdims=False)


def of_few(kernel: Kernel, tables: list[Table]) -> float | None:
    """Return the value of the kernel's textbook formula: for few outcomes arrays take longer.

    None where anything is special: no formula, a zero, a fault, or a value that may lose digits.
    """
    if kernel not in TEXTBOOK or any(table.array.dtype != np.float64 for table in tables):
        return None
    laws = []
    for law in [table.array.tolist() for table in tables]:
        total = sum(law)
        if not (min(law) > 0 and abs(total - 1) <= DOUBLE_TOLERANCE):
            return None
        laws.append([x / total for x in law])
    formula, least, most = TEXTBOOK[kernel]
    value = formula(*laws)
    return value if least <= value <= most else None


def as_tables(named: dict[str, ArrayLike], axis: int) -> tuple[list[Table], tuple[int, ...]]:
    """Return the arrays as tables of one shape, a row a distribution, and the shape of the rows."""
    arrays = [alphabet_last(as_reals(x, name), name, axis) for name, x in named.items()]
    leading = arrays[0].shape[:-1]
    if len({array.shape for array in arrays}) > 1:
        given = dict(zip(named, arrays, strict=True))
        same_alphabet(given)
        leading = leading_shape(given)
    return [Table(array, leading) for array in arrays], leading


def leading_shape(arrays: dict[str, Reals]) -> tuple[int, ...]:
    """Broadcast the shapes of the arrays without their alphabets."""
    shapes = {name: array.shape[:-1] for name, array in arrays.items()}
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        found = ", ".join(f"{name}: {shape}" for name, shape in shapes.items())
        raise ValueError(f"the leading shapes do not broadcast: {found}") from None


def finished(
    values: Floats, *, scale: float, axis: int | tuple[int, ...], keepdims: bool
) -> Floats:
    """Change the unit, in place; restore summed axes if asked, and unwrap a single value."""
    if not (values.ndim or keepdims):
        single: Floats = values[()] / scale + 0.0  # scalars are quicker than arrays of one
        return single
    if scale != 1:
        values /= scale
    values += 0.0  # never -0.0
    if keepdims:
        values = np.expand_dims(values, axis)
    return values


def over_columns(
    part: Kernel, *arrays: Floats, entries: int = BLOCK, join: np.ufunc = np.add
) -> Floats:
    """Add up a sum over outcomes piece by piece where the rows are long, or join other values."""
    size = arrays[0].shape[-1]
    if size <= entries:
        return part(*arrays)
    width = max(1, entries * size // max(1, arrays[0].size))  # there may be no rows
    pieces = [part(*(a[..., i : i + width] for a in arrays)) for i in range(0, size, width)]
    total: Floats = join.reduce(np.stack(pieces, axis=-1), axis=-1)
    return total


class Unsure(Exception):
    """A value is special, and the signs of an argument were not looked at."""


def entropy(p: Rows) -> Floats:
    """-sum p log p."""
    value = ordinary(cross_entropy(p, p), p, p)
    return again(value, careful_entropy, p.values)


def ordinary(value: Floats, p: Rows, q: Rows, below: float = CAREFUL_BELOW) -> Floats:
    """Return the values, or raise Unsure.

    Where p > 0, a negative entry of q makes its logarithm NaN, and the value.
    """
    if np.isnan(q.low) and (p.low < TINY or not within(value, below, LARGEST)):
        raise Unsure
    return value


def careful_entropy(p: Floats) -> Floats:
    """-sum P log P for P = p/sum p, the largest P from the rest: near 1 its log has few digits."""
    others = p / p.sum(axis=-1, keepdims=True)
    np.put_along_axis(others, p.argmax(axis=-1)[:, None], 0.0, -1)
    rest = others.sum(axis=-1)
    nats: Floats = -xlogy(others, others).sum(axis=-1) - (1 - rest) * np.log1p(-rest)
    return nats


def cross_entropy(p: Rows, q: Rows) -> Floats:
    """-sum p log q; infinite where q = 0 < p."""

    def part(p_x: Floats, q_x: Floats) -> Floats:
        return np.asarray(np.vecdot(p_x, np.log(np.fmax(q_x, 5e-324) if q.low < TINY else q_x)))

    value: Floats = np.log(q.totals) - over_columns(part, p.values, q.values) / p.totals
    if q is not p and q.low <= 0:
        value[unsupported(p.values, q.values)] = np.inf
    return np.maximum(value, 0.0, out=value)


def unsupported(p: Floats, q: Floats) -> Reals:
    """Tell the rows where q = 0 < p."""
    lost: Reals = ((q == 0) & (p > 0)).any(axis=-1)
    return lost


def kl(p: Rows, q: Rows) -> Floats:
    """sum p log(p/q)."""
    value = over_columns(lambda a, b: dot_log(a, a / b, p.low), p.values, q.values) / p.totals
    value += np.log(q.totals / p.totals)
    return again(ordinary(value, p, q), careful_kl, p.values, q.values)


def again(
    value: Floats,
    kernel: Kernel,
    *arrays: Floats,
    below: float = CAREFUL_BELOW,
    most: float = LARGEST,
) -> Floats:
    """Compute the rows that lost digits or overflowed with another kernel."""
    if not within(value, below, most):
        rows = np.flatnonzero(~((value >= below) & (value <= most)))
        step = max(1, CAREFUL_BLOCK // arrays[0].shape[-1])
        for i in range(0, len(rows), step):
            some = rows[i : i + step]
            part = slice(None) if len(some) == len(value) else some  # all: no copy
            value[part] = kernel(*(a[part] for a in arrays))
    return value


def careful_kl(p: Floats, q: Floats) -> Floats:
    """sum (P log(P/Q) - P + Q) with P = p/sum p, Q = q/sum q: no term is negative."""
    return careful_sum(kl_terms, p, q)


def careful_sum(terms: Kernel, p: Floats, q: Floats) -> Floats:
    """Sum terms(P, Q, d, s) with P = p/sum p, Q = q/sum q, s = P + Q and d = (P - Q)/s."""
    sums = exact_sum(p), exact_sum(q)

    def part(p: Floats, q: Floats) -> Floats:
        d, s, (p, q) = differences(p, q, sums)
        total: Floats = terms(p, q, d, s).sum(axis=-1)
        return total

    return over_columns(part, p, q, entries=CAREFUL_BLOCK)


def careful_total_variation(p: Floats, q: Floats) -> Floats:
    """Half of sum |P - Q|, from exact differences, of which the largest entry's is minus the rest.

    Differences have 32 digits of their entry: of an entry near 1 too few, if only rare ones differ.
    """
    sums = exact_sum(p), exact_sum(q)
    top = p.argmax(axis=-1)[:, None]

    def part(p: Floats, q: Floats, columns: Floats) -> Floats:
        d, s, _ = differences(p, q, sums)
        gaps = np.where(columns == top, 0.0, d * s)
        return np.stack([abs(gaps).sum(axis=-1), gaps.sum(axis=-1)], axis=-1)

    columns = np.broadcast_to(np.arange(float(p.shape[-1])), p.shape)
    size, rest = over_columns(part, p, q, columns, entries=CAREFUL_BLOCK).T
    total: Floats = (size + abs(rest)) / 2
    return total


def kl_terms(p: Floats, q: Floats, d: Floats, s: Floats) -> Floats:
    """p log(p/q) - p + q, given also s = p + q and d = (p - q)/s to the last digit.

    It is s (d artanh d + (artanh d - d)).
    """
    near = abs(d) < SERIES_BELOW
    small = d if near.all() else np.where(near, d, 0.0)
    terms: Floats = s * (small * small + (1 + small) * artanh_minus(small))
    if small is not d:
        far = ~near
        terms[far] = rel_entr(p[far], q[far]) - s[far] * d[far]
    return terms


Sum = tuple[Floats, Floats]


def differences(
    p: Floats, q: Floats, sums: tuple[Sum, Sum] | None = None
) -> tuple[Floats, Floats, tuple[Floats, Floats]]:
    """Divide rows by their sums; return (P - Q)/(P + Q) to the last digit, P + Q, and (P, Q).

    Near-equal rows may differ by less than the rounding of their quotients, so the numerator
    p sum q - q sum p is taken in twice the precision. `sums` are those of `exact_sum`, if known.
    """
    (p_high, p_low), (q_high, q_low) = sums or (exact_sum(p), exact_sum(q))
    a, a_rest = exact_product(p, q_high)
    b, b_rest = exact_product(q, p_high)
    both = a + b
    excess = (a - b) + ((a_rest - b_rest) + (p * q_low - q * p_low))
    d = np.divide(excess, both, out=np.zeros_like(both), where=both > 0)
    total = p_high * q_high
    return d, both / total, (a / total, b / total)


def exact_sum(rows: Floats) -> Sum:
    """Sum rows in twice the precision; return columns of the sum and of its rest.

    Adding and subtracting a power of two above the total rounds all entries to the same grid, on
    which they add without error; what the rounding dropped is added apart.
    """
    power = np.ldexp(2.0, np.frexp(rows.sum(axis=-1, keepdims=True))[1])

    def on_grid(piece: Floats) -> Floats:
        above: Floats = (piece + power) - power
        return above

    high = over_columns(lambda x: on_grid(x).sum(axis=-1), rows, entries=CAREFUL_BLOCK)[..., None]
    low = over_columns(lambda x: (x - on_grid(x)).sum(-1), rows, entries=CAREFUL_BLOCK)[..., None]
    total = high + low
    return total, low - (total - high)


def exact_product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Dekker's product: a b rounded, and what the rounding dropped."""
    product = a * b
    (a1, a2), (b1, b2) = halves(a), halves(b)
    return product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2


def halves(a: Floats) -> tuple[Floats, Floats]:
    """Cut each number into two of half the digits."""
    high = SPLIT * a
    high = high - (high - a)
    return high, a - high


def artanh_minus(d: Floats) -> Floats:
    """artanh d - d, by its series where the difference would lose digits."""
    square = d * d
    series = np.zeros_like(d)
    for k in range(21, 1, -2):
        series *= square
        series += 1 / k
    series *= square * d
    if (abs(d) < SERIES_BELOW).all():
        return series
    return np.where(abs(d) < SERIES_BELOW, series, np.arctanh(d) - d)


def js(p: Rows, q: Rows) -> Floats:
    """The Jensen-Shannon divergence, (KL(p||m) + KL(q||m)) / 2 with m = (p + q) / 2."""
    share = p.totals / q.totals
    a, b = p.values, q.values
    if not within(share, 1 - EQUAL_SUMS, 1 + EQUAL_SUMS):
        b = b * share[:, None]

    def part(a: Floats, b: Floats) -> Floats:
        half = a + b
        nats = dot_log(a, np.divide(a, half, out=half), p.low)  # half of p/m
        np.add(a, b, out=half)
        nats += dot_log(b, np.divide(b, half, out=half), q.low)
        return nats

    value = over_columns(part, a, b)
    value = LOG2 + value / (2 * p.totals)
    again(
        ordinary(value, p, q, JS_CAREFUL_BELOW),
        careful_js,
        p.values,
        q.values,
        below=JS_CAREFUL_BELOW,
    )
    return np.minimum(value, LOG2)


def dot_log(p: Floats, ratio: Floats, low: float) -> Floats:
    """sum p log(ratio), where 0 log(anything) = 0; `ratio` is overwritten."""
    if low < TINY:
        np.fmax(ratio, TINY, out=ratio)
    nats: Floats = np.vecdot(p, np.log(ratio, out=ratio))
    return nats


def careful_js(p: Floats, q: Floats) -> Floats:
    """sum s ((1 + d) log(1 + d) + (1 - d) log(1 - d)) / 4 with s = P + Q and d = (P - Q)/s."""
    return careful_sum(js_terms, p, q)


def js_terms(p: Floats, q: Floats, d: Floats, s: Floats) -> Floats:
    """The bracket is 2 d artanh d + log(1 - d^2), which does not cancel where d is small."""
    near = abs(d) < SERIES_BELOW
    small = d if near.all() else np.where(near, d, 0.0)
    terms = 2 * small * np.arctanh(small) + np.log1p(-small * small)
    if small is not d:
        far = d[~near].clip(-1, 1)
        terms[~near] = xlog1py(1 + far, far) + xlog1py(1 - far, -far)
    return np.asarray(s * terms / 4)


def log_softmax(logits: Floats) -> Floats:
    """Return the logarithms of the softmax of rows; that of a sure outcome is tiny, not 0."""
    top = logits.argmax(axis=-1)[..., None]
    logs: Floats = logits - np.take_along_axis(logits, top, axis=-1)
    others = np.exp(logs)
    np.put_along_axis(others, top, 0.0, axis=-1)
    logs -= np.log1p(others.sum(axis=-1, keepdims=True))
    return logs


def cross_entropy_of_logits(p: Rows, q_logits: Floats) -> Floats:
    """-sum p log q, where q may be too small for a float but its logarithm is not."""
    needed = np.where(p.values > 0, log_softmax(q_logits), 0.0)
    nats: Floats = -np.vecdot(p.values, needed) / p.totals
    return nats


def kl_of_logits(p_logits: Floats, q_logits: Floats) -> Floats:
    """sum p (log p - log q)."""
    log_p, log_q = log_softmax(p_logits), log_softmax(q_logits)
    p = np.exp(log_p)
    value = np.where(p > 0, p * (log_p - log_q), 0.0).sum(axis=-1)
    return again(value, careful_kl_of_logits, p_logits, q_logits)


def js_of_logits(p_logits: Floats, q_logits: Floats) -> Floats:
    """The Jensen-Shannon divergence of two softmaxes."""
    p, q = np.exp(log_softmax(p_logits)), np.exp(log_softmax(q_logits))
    one = np.ones(len(p))
    value = js(Rows(p, one, 0.0), Rows(q, one, 0.0))
    near, p, e, shift = log_ratios(p_logits, q_logits)
    near &= value < CAREFUL_BELOW
    if near.any():
        f = (e - shift[:, None])[near]
        d = np.tanh(f / 2)
        s = p[near] * (1 + np.exp(f))
        value[near] = np.vecdot(s, d * f + np.log1p(-d * d)) / 4
    return value


def careful_kl_of_logits(p_logits: Floats, q_logits: Floats) -> Floats:
    """The shift of `log_ratios`, or where it is of no use the form for probabilities."""
    log_p, log_q = log_softmax(p_logits), log_softmax(q_logits)
    value: Floats = np.where(np.isposinf(log_p - log_q).any(axis=-1), np.inf, 0.0)
    near, _, _, shift = log_ratios(p_logits, q_logits)
    rest = ~near & (value == 0)
    p, q, ratio = np.exp(log_p[rest]), np.exp(log_q[rest]), (log_p - log_q)[rest]
    lost = (q == 0) & (p > 0)  # q is too small for a float, its logarithm is not
    value[rest] = np.where(lost, p * (ratio - 1), 0.0).sum(axis=-1)
    value[rest] += careful_kl(np.where(lost, 0.0, p), q)
    value[near] = shift[near]
    return value


def log_ratios(p_logits: Floats, q_logits: Floats) -> tuple[Reals, Floats, Floats, Floats]:
    """Return near rows, p, e = log(q/p) + KL and KL = log sum p exp(e), computed from differences.

    e has mean 0 under p, so KL = log(1 + sum p (exp(e) - 1 - e)): no term is negative. Rows are
    near if they have the same outcomes and ratios within a factor of about e.
    """
    p = np.exp(log_softmax(p_logits))
    e = q_logits - p_logits
    back = e + p_logits
    rest = (q_logits - back) - (p_logits - (back - e))  # what the rounding of e dropped
    top = p.argmax(axis=-1)[:, None]
    e = e - np.take_along_axis(e, top, -1) + (rest - np.take_along_axis(rest, top, -1))
    e = e - np.vecdot(p, e)[:, None] / p.sum(axis=-1)[:, None]
    near = (abs(e) < 1).all(axis=-1)
    return near, p, e, np.log1p(np.vecdot(p, expm1_minus(e)) / p.sum(axis=-1))


def expm1_minus(x: Floats) -> Floats:
    """exp(x) - 1 - x, by its series where the difference would lose digits."""
    series = np.ones_like(x)
    for k in range(16, 2, -1):
        series = 1 + x * series / k
    return np.where(abs(x) < SERIES_BELOW, x * x / 2 * series, np.expm1(x) - x)


def textbook_entropy(p: list[float]) -> float:
    return -sum(x * log(x) for x in p)


def textbook_cross_entropy(p: list[float], q: list[float]) -> float:
    return -sum(x * log(y) for x, y in zip(p, q, strict=True))


def textbook_kl(p: list[float], q: list[float]) -> float:
    return sum(x * log(x / y) for x, y in zip(p, q, strict=True))


def textbook_js(p: list[float], q: list[float]) -> float:
    m = [(x + y) / 2 for x, y in zip(p, q, strict=True)]
    return (textbook_kl(p, m) + textbook_kl(q, m)) / 2


# A negative entry of their last argument alone makes the value NaN: a pass over it can be saved.
SEES_SIGNS: frozenset[Kernel] = frozenset({entropy, kl, js})

# For positive numbers that sum to 1, where the value is so large that the sum keeps its digits.
TEXTBOOK: dict[Kernel, tuple[Callable[..., float], float, float]] = {
    entropy: (textbook_entropy, CAREFUL_BELOW, LARGEST),
    cross_entropy: (textbook_cross_entropy, CAREFUL_BELOW, LARGEST),
    kl: (textbook_kl, CAREFUL_BELOW, LARGEST),
    js: (textbook_js, JS_CAREFUL_BELOW, LOG2),
}
