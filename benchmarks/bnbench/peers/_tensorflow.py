"""TensorFlow's fused operator, for the peers that run it."""

from __future__ import annotations

import numpy as np

from ..arrays import Data
from ..cases import EPSILON, Case
from . import Unsupported, Variant, refuse_epilogue


def make_variant(function, arrays) -> Variant:
    """Of a function whose first result counts."""
    import tensorflow as tf

    arguments = [tf.constant(a) for a in arrays]
    results: list = []

    def call() -> None:
        results.clear()
        results.extend(function(*arguments))

    return Variant(call, lambda: results[0].numpy())


def prepare(case: Case, data: Data, jit: bool) -> dict[str, Variant]:
    import tensorflow as tf

    refuse_epilogue(case)
    if case.dtype == "f64":
        raise Unsupported("no f64")
    if case.layout == "nchw" and not jit and len(case.shape) > 2:
        raise Unsupported("no NCHW on the CPU")
    if not tf.config.threading.get_intra_op_parallelism_threads():
        tf.config.threading.set_intra_op_parallelism_threads(case.threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    x, dy = (a if a is None or len(case.shape) > 2 else
             a.reshape(case.shape[0], 1, 1, case.shape[1])
             for a in (data.x, data.output_grad))
    is_first = case.layout == "nchw" and len(case.shape) > 2
    training = case.kind == "training"

    def function(x, scale, offset, mean, variance):
        return tf.compat.v1.nn.fused_batch_norm(
            x, scale, offset, mean, variance, epsilon=EPSILON,
            data_format="NCHW" if is_first else "NHWC", is_training=training)

    def gradients(dy, x, scale, mean, variance):
        return tf.raw_ops.FusedBatchNormGradV3(
            y_backprop=dy, x=x, scale=scale, reserve_space_1=mean,
            reserve_space_2=variance, reserve_space_3=tf.zeros([0]),
            epsilon=EPSILON, data_format="NCHW" if is_first else "NHWC",
            is_training=True)[:3]

    if case.kind == "backward":
        return {"": make_variant(tf.function(gradients, jit_compile=jit),
                                 (dy, x, data.scale, data.mean,
                                  data.variance))}
    compiled = tf.function(function, jit_compile=jit)
    arguments = [tf.constant(a) for a in (x, data.scale, data.offset)]
    arguments += ([None, None] if training else
                  [tf.constant(a) for a in (data.mean, data.variance)])
    results: list = []

    def call() -> None:
        results.clear()
        results.extend(compiled(*arguments))

    def statistics() -> tuple[np.ndarray, np.ndarray]:
        # The operator gives the sample variance.
        count = case.elements // case.channels
        variance = np.float64(results[2].numpy())
        return results[1].numpy(), variance * ((count - 1) / count)

    return {"": Variant(call, lambda: results[0].numpy(), statistics)}
