"""How far apart two probability distributions are: exact, validated and fast.

For discrete distributions: `information` has entropy, KL divergence and their relatives, `coding`
the codes they price, `fdivergence` the family that KL belongs to, `pairwise` matrices of them. For
laws with a density: `continuous` by quadrature, `gaussian` closed forms. `transport` moves mass.
From data: `estimate` and `fit`. `symbolic` derives in sympy, `keras` trains generative models,
`datasets` and `plot` serve the course. Modules load when first used; the names of `information` and
`fdivergence` can be imported from here, and so can `workers`, which shares rows out among threads.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = [
    "coding",
    "continuous",
    "datasets",
    "estimate",
    "fdivergence",
    "fit",
    "gaussian",
    "information",
    "keras",
    "pairwise",
    "plot",
    "symbolic",
    "transport",
]
_EXPORTING = ("information", "fdivergence", "_blocks")


def __getattr__(name: str) -> Any:
    if name in __all__:
        return import_module(f"divkit.{name}")
    for module in map(import_module, (f"divkit.{home}" for home in _EXPORTING)):
        if name in module.__all__:
            return getattr(module, name)
    raise AttributeError(f"module 'divkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
