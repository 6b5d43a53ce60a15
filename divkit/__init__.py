"""How far apart two probability distributions are: exact, validated and fast.

`divkit.information` has entropy, KL divergence and their relatives for discrete distributions;
`gaussian` closed forms for normal laws; `estimate` distributions from data; `datasets` the data of
the course; `plot` its figures; `keras` the variational autoencoder. Modules load when first used,
and the names of `information` can be imported from here.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
_MODULES = ("datasets", "estimate", "gaussian", "information", "keras", "plot", "symbolic")
__all__ = ["datasets", "estimate", "gaussian", "information", "keras", "plot", "symbolic"]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"divkit.{name}")
    information = import_module("divkit.information")
    if name in information.__all__:
        return getattr(information, name)
    raise AttributeError(f"module 'divkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
