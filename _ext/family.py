"""A table of f-divergences from the data themselves (no Sphinx in here)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any

import sympy as sp

HEADER = ["Name", ":math:`f(t)`", ":math:`f(0^+)`", r":math:`\lim_{t \to \infty} f(t)/t`"]


def formula(generator: Callable[[Any], Any]) -> sp.Expr:
    """The generator's own code, run on a symbol with sympy in numpy's place."""
    return FunctionType(generator.__code__, {"np": sp})(sp.Symbol("t", positive=True))


def constant(value: float) -> sp.Expr:
    """The number as it is written: a rational multiple of log 2, or infinity."""
    return sp.nsimplify(value, [sp.log(2)])


def table_of_family(family: Mapping[str, Any]) -> tuple[list[str], Iterator[list[str]]]:
    """The header, and of each member its name, generator and two limits, in reStructuredText."""
    return HEADER, (
        [f"``{name}``", *map(math, (formula(d.f), constant(d.at_zero), constant(d.slope)))]
        for name, d in family.items()
    )


def math(expression: sp.Expr) -> str:
    return f":math:`{sp.latex(expression)}`"
