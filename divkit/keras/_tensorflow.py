"""Keras on TensorFlow, imported with the right switches, or a word on how to get it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

# Read by TensorFlow when it is imported: the same sums on every x86 CPU, and a silent stderr.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

try:
    import keras
    import tensorflow as tf
except ImportError as error:
    import platform

    raise ImportError(
        f"divkit.keras needs Keras and TensorFlow, which are not installed for Python "
        f"{platform.python_version()} on {platform.system()} {platform.machine()}. Install them "
        'with: pip install "divkit[keras]". Where no TensorFlow wheel exists (Intel Macs, Windows '
        "on ARM), use Linux, a virtual machine or a hosted notebook; the rest of divkit works."
    ) from error

__all__ = [
    "Callback",
    "Model",
    "Tensor",
    "check_backend",
    "compiled",
    "dense",
    "keras",
    "perceptron",
    "seeds_of",
    "tf",
]

Tensor = Any

if TYPE_CHECKING:
    # Keras carries no types: these stand for its base classes.
    class Model:
        built: bool
        optimizer: Any
        trainable_variables: list[Any]
        variables: list[Any]
        train_function: Any
        jit_compile: bool
        run_eagerly: bool

        def __init__(self, **keywords: object) -> None: ...

        # Open signatures, so that a subclass may narrow them.
        compile: Any
        fit: Any
        get_metrics_result: Any

    class Callback:
        params: dict[str, Any]

        def __init__(self) -> None: ...
        def set_params(self, params: dict[str, Any]) -> None: ...
else:
    Model, Callback = keras.Model, keras.callbacks.Callback


def check_backend() -> None:
    """Raise if Keras runs on something else than TensorFlow."""
    if keras.backend.backend() != "tensorflow":
        raise ImportError(
            f"divkit.keras needs Keras on TensorFlow, but it runs on {keras.backend.backend()}:"
            " set KERAS_BACKEND=tensorflow before Keras is imported"
        )


def dense(units: int, seed: int, activation: str | None = None) -> Any:
    """Return a dense layer whose initial weights are those of the seed."""
    initializer = keras.initializers.GlorotUniform(seed=seed)
    return keras.layers.Dense(units, activation, kernel_initializer=initializer)


def perceptron(hidden_units: Sequence[int], outputs: int, seeds: Sequence[int]) -> Any:
    """Return dense layers with rectifiers between them; the inputs are counted when they come."""
    hidden = [dense(n, seed, "relu") for n, seed in zip(hidden_units, seeds[:-1], strict=True)]
    return keras.Sequential([*hidden, dense(outputs, seeds[-1])])


def seeds_of(seed: int | None, count: int) -> list[int]:
    """Return seeds that belong to one seed and are independent of each other."""
    return [int(s) for s in np.random.SeedSequence(seed).generate_state(count) >> 1]


def compiled(function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    """Return the graph of a function of tensors of these shapes.

    Made here and once, for TensorFlow counts the graphs that *calls* make, over all models alike,
    and warns when a notebook has made five. No XLA: for small networks its compilation takes 2 s
    longer and saves a quarter of the time of a step.
    """
    graph = tf.function(function, input_signature=arguments, autograph=False)
    concrete: Callable[..., Any] = graph.get_concrete_function()
    return concrete
