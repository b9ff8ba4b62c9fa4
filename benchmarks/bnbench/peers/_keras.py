"""Keras' layer BatchNormalization, for the peers of its three backends."""

from __future__ import annotations

import numpy as np

from ..arrays import Data
from ..cases import EPSILON, Case
from . import Unsupported, refuse_epilogue


def build_layer(case: Case, data: Data):
    """A layer with the parameters of `data`; bf16 is Keras' mixed policy.

    With momentum 0 the moving statistics are those of the last call.
    """
    import keras

    refuse_epilogue(case)
    if case.kind == "backward":
        raise Unsupported("backward is not measured yet")
    policy = {"f32": "float32", "bf16": "mixed_bfloat16",
              "f16": "mixed_float16"}.get(case.dtype)
    if policy is None:
        raise Unsupported(f"{case.dtype} is not measured")
    layer = keras.layers.BatchNormalization(
        axis=case.axis, epsilon=EPSILON, momentum=0.0, dtype=policy)
    layer.build(case.memory_shape)
    layer.set_weights([np.asarray(a) for a in (
        data.scale, data.offset, data.mean, data.variance)])
    return layer


def get_statistics(layer) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the last call on a backend that assigns them."""
    import keras

    return (keras.ops.convert_to_numpy(layer.moving_mean),
            keras.ops.convert_to_numpy(layer.moving_variance))
