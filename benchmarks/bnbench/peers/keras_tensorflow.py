"""Keras' layer on TensorFlow, in a tf.function."""

from __future__ import annotations

from ..arrays import Data
from ..cases import Case
from . import Variant
from ._keras import build_layer, get_statistics
from .tensorflow_op import environment as tensorflow_environment

NAME = "keras.tf"
MODULES = ("keras", "tensorflow")
PACKAGES = ("keras", "tensorflow_cpu")


def environment(threads: int) -> dict[str, str]:
    return {"KERAS_BACKEND": "tensorflow", **tensorflow_environment(threads)}


def prepare(case: Case, data: Data) -> dict[str, Variant]:
    import tensorflow as tf

    if not tf.config.threading.get_intra_op_parallelism_threads():
        tf.config.threading.set_intra_op_parallelism_threads(case.threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    layer = build_layer(case, data)
    x = tf.constant(data.x)
    function = tf.function(
        lambda x: layer(x, training=case.kind == "training"))
    results: list = []

    def call() -> None:
        results.clear()
        results.append(function(x))

    return {"": Variant(call, lambda: results[0].numpy(),
                        lambda: get_statistics(layer))}
