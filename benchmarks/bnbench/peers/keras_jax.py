"""Keras' layer on JAX, in a jax.jit."""

from __future__ import annotations

import numpy as np

from ..arrays import Data
from ..cases import Case
from . import Variant
from ._keras import build_layer
from .jax_xla import environment as jax_environment

NAME = "keras.jax"
MODULES = ("keras", "jax")
PACKAGES = ("keras", "jax")


def environment(threads: int) -> dict[str, str]:
    return {"KERAS_BACKEND": "jax", **jax_environment(threads)}


def prepare(case: Case, data: Data) -> dict[str, Variant]:
    import jax

    layer = build_layer(case, data)
    x = jax.device_put(data.x)
    trainable = [v.value for v in layer.trainable_variables]
    others = [v.value for v in layer.non_trainable_variables]
    function = jax.jit(lambda trainable, others, x: layer.stateless_call(
        trainable, others, x, training=case.kind == "training"))
    results: list = []

    def call() -> None:
        results.clear()
        y, new_others = function(trainable, others, x)
        y.block_until_ready()
        for value in new_others:
            value.block_until_ready()
        results.extend((y, *new_others))

    return {"": Variant(call, lambda: np.asarray(results[0]),
                        lambda: (np.asarray(results[1]),
                                 np.asarray(results[2])))}
