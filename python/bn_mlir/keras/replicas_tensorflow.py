# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""On Keras' backend TensorFlow: statistics of the batches of all replicas.

Each replica reads its own data as often as it would alone. Between the sweeps a
few numbers per channel are added up, in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

import bn_mlir
from bn_mlir.keras.backend_tensorflow import (
    call_kernel,
    call_once_differentiable,
)

__all__ = ["Statistics", "compute_statistics", "count_replicas", "normalize"]


class Statistics(NamedTuple):
    """Of each channel, over all replicas: float64."""

    count: tf.Tensor
    mean: tf.Tensor
    variance: tf.Tensor


def count_replicas() -> int:
    """How many replicas a layer that is called now is one of."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def _add_up(*tensors: tf.Tensor) -> list[tf.Tensor]:
    """The sums over all replicas."""
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, list(tensors))


def _per_channel(x: tf.Tensor, axis: int, count: int) -> list[tf.TensorSpec]:
    return [tf.TensorSpec([x.shape[axis]], tf.float64)] * count


def compute_statistics(x: tf.Tensor, axis: int) -> Statistics:
    """Statistics of the data of all replicas; they have no gradient."""
    x = tf.stop_gradient(x)
    count, mean, m2 = call_kernel(
        lambda x: bn_mlir.stats(x, axis=axis), [x], _per_channel(x, axis, 3))
    total, total_sum = _add_up(count, count * mean)
    total_mean = tf.math.divide_no_nan(total_sum, total)
    (total_m2,) = _add_up(m2 + count * (mean - total_mean) ** 2)
    return Statistics(
        total, total_mean, tf.math.divide_no_nan(total_m2, total))


def normalize(
    x: tf.Tensor, scale: Any, offset: Any, statistics: Statistics, axis: int,
    epsilon: float,
) -> tf.Tensor:
    """Normalizes with what `compute_statistics` found for `x`.

    Gradients are those of the sum over all replicas, through the statistics as
    well; those of scale and offset are the replica's own part.

    :param scale: of float32 or float64; None for 1.
    :param offset: of the type of ``scale``; None for 0.
    """
    count, mean, variance = statistics
    data = tf.TensorSpec(x.shape, x.dtype)
    given = [t for t in (x, scale, offset) if t is not None]

    @tf.custom_gradient
    def run(*_: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
        (y,) = call_kernel(
            lambda *arrays: [bn_mlir.inference(
                *arrays, axis=axis, epsilon=epsilon)],
            [x, scale, offset, mean, variance], [data])

        def gradient(output_grad: tf.Tensor) -> Sequence[tf.Tensor]:
            sums = call_once_differentiable(
                lambda *arrays: bn_mlir.backward_reduce(*arrays, axis=axis),
                [output_grad, x, mean], _per_channel(x, axis, 2),
                [output_grad, x])
            inverse = tf.math.rsqrt(variance + epsilon)
            a = inverse
            if scale is not None:
                a *= tf.cast(scale, tf.float64)
            sum_grad, sum_product = (
                tf.math.divide_no_nan(total, count)
                for total in _add_up(*sums))
            (x_grad,) = call_once_differentiable(
                lambda output_grad, x, a, b, c, mean: [bn_mlir.backward_input(
                    output_grad, x, a, b, c, mean=mean, axis=axis)],
                [output_grad, x, a, -a * inverse**2 * sum_product,
                 -a * sum_grad, mean],
                [data], [output_grad, x])
            gradients = [x_grad]
            if scale is not None:
                gradients.append(tf.cast(sums[1] * inverse, scale.dtype))
            if offset is not None:
                gradients.append(tf.cast(sums[0], offset.dtype))
            return gradients

        return y, gradient

    return run(*given)
