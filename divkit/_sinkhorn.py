"""Sinkhorn's iteration that is quick where it can be and never leaves the range of floats.

The plan is P = a b exp((f + g - C)/reg). Potentials f and g are split into a part inside the kernel
K = exp((f + g - C)/reg) and scalings u, v outside: an iteration is then two products of a matrix
and a vector. Scalings that grow beyond `ABSORB` are taken into the potentials, which are then
improved once in logarithms, where nothing can overflow.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from divkit._validation import Floats

ABSORB = 1e50
EVERY = 10  # iterations between looks at the error and the range
COOLING = 4.0  # by what the regularisation shrinks from stage to stage of the warm start
MILD = 200.0  # where the spread of the costs is at most so many times reg, exp(-C/reg) is safe
WARM = 0.05  # marginal error at which a stage of the warm start is good enough


class State(NamedTuple):
    """Potentials, the plan's kernel and scalings, the error of its rows, and iterations so far."""

    f: Floats
    g: Floats
    kernel: Floats
    u: Floats
    v: Floats
    error: float
    iterations: int


def soft_minimum(cost: Floats, potential: Floats, weights: Floats, reg: float) -> Floats:
    """-reg log sum_j w_j exp((g_j - C_ij)/reg), for every row of the cost."""
    with np.errstate(divide="ignore"):
        gain = (potential - cost) / reg + np.log(weights)
    top = gain.max(axis=1)
    gain -= top[:, None]
    total = np.exp(gain, out=gain).sum(axis=1)
    return np.asarray(-reg * (np.log(total) + top))


def stages(spread: float, reg: float) -> Iterator[float]:
    """Regularisations from the spread of the costs down to the one asked for."""
    stage = spread / COOLING
    while spread > MILD * reg and stage > COOLING * reg:
        yield stage
        stage /= COOLING
    yield reg


def solve(a: Floats, b: Floats, cost: Floats, reg: float, tol: float, max_iter: int) -> State:
    """Return potentials and scalings whose plan has the marginals to `tol`, or the last ones."""
    f, g, done = np.full(len(a), cost.min()), np.zeros(len(b)), 0
    spread = float(np.ptp(cost))
    for stage in stages(spread, reg):
        final = stage == reg
        limit = max_iter if final else min(max_iter - 1, done + 10 * EVERY)
        while final or done < limit:
            if done or spread > MILD * stage:
                done += 1
                f = soft_minimum(cost, g, b, stage)
                g = soft_minimum(cost.T, f, a, stage)
            state = scale(a, b, cost, f, g, stage, tol if final else WARM, (done, limit))
            g, done = state.g + stage * np.log(state.v), state.iterations  # f follows from g
            if state.error <= (tol if final else WARM) or done >= limit:
                break
    return state


def scale(
    a: Floats,
    b: Floats,
    cost: Floats,
    f: Floats,
    g: Floats,
    reg: float,
    tol: float,
    span: tuple[int, int],
) -> State:
    """Scale rows and columns until the rows fit, the scalings leave the range, or time is up."""
    kernel = np.exp((f[:, None] + g - cost) / reg)
    done, limit = span
    u, v = np.ones(len(a)), np.ones(len(b))
    product = kernel @ b
    error = float(a @ abs(product - 1))
    while error > tol and done < limit:
        before = u, v
        for _ in range(min(EVERY, limit - done)):
            u = 1 / product
            v = 1 / ((a * u) @ kernel)
            product = kernel @ (b * v)
            done += 1
        bounds = u.min(), u.max(), v.min(), v.max()
        if not (min(bounds) > 1 / ABSORB and max(bounds) < ABSORB):
            u, v = before if not (min(bounds) > 0 and max(bounds) < np.inf) else (u, v)
            return State(f, g, kernel, u, v, np.inf, done)
        error = float(a @ abs(u * product - 1))
    return State(f, g, kernel, u, v, error, done)


def solve_symmetric(
    a: Floats, cost: Floats, reg: float, tol: float, max_iter: int
) -> tuple[float, float]:
    """Return the optimum of moving a law onto itself, and the error of the marginals.

    Both potentials are equal, and the mean of the old and the new one halves the error each time.
    """
    f = np.full(len(a), cost.min() / 2)
    for _ in range(max_iter):
        new = soft_minimum(cost, f, a, reg)
        masses = a * np.exp((f - new) / reg)
        error = float(abs(masses - a).sum())
        if error <= tol / 2:  # rows and columns
            break
        f = (f + new) / 2
    return float(2 * a @ f - reg * (masses.sum() - 1)), 2 * error


def log_product(log_kernel: Floats, log_v: Floats) -> Floats:
    """Return the logarithm of the products of a symmetric kernel with rows of vectors."""
    products = []
    for row in log_v:
        terms = log_kernel + row
        top = terms.max(axis=1)
        products.append(np.log(np.exp(terms - top[:, None]).sum(axis=1)) + top)
    return np.array(products)


def barycenter(
    laws: Floats, cost: Floats, shares: Floats, tol: float, max_iter: int
) -> tuple[Floats, float]:
    """Return the law on the grid that all plans share as second marginal, and their disagreement.

    In turns, each plan gets its first marginal and all get the geometric mean of their second ones;
    in logarithms, where nothing overflows.
    """
    log_v = np.zeros_like(laws)
    log_laws = np.where(laws > 0, np.log(np.where(laws > 0, laws, 1.0)), -np.inf)
    for _ in range(max_iter):
        log_u = log_laws - log_product(-cost, log_v)
        second = log_product(-cost, log_u)
        log_mean = shares @ (second + log_v)
        error = float(abs(np.exp(second + log_v) - np.exp(log_mean)).sum(axis=1).max())
        log_v = log_mean - second
        if error <= tol:
            break
    mean = np.exp(log_mean)
    return mean / mean.sum(), error
