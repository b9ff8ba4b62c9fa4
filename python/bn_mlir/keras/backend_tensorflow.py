# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""On Keras' backend TensorFlow.

Eager tensors go to the kernels as they are. In a graph, calls are nodes that
run Python: TensorFlow hands them its memory as arrays of NumPy, and takes over
that of the results. XLA cannot compile such nodes, and they are no part of a
SavedModel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.ops import control_flow_util

from bn_mlir.keras.normalization import Normalization

__all__ = ["SUPPORTS_JIT", "apply"]

SUPPORTS_JIT = False


def _wide(dtype: tf.DType) -> tf.DType:
    """The type of statistics of data of type `dtype`."""
    return tf.float64 if dtype == tf.float64 else tf.float32


def _check_is_not_xla() -> None:
    graph = tf.compat.v1.get_default_graph()
    if control_flow_util.GraphOrParentsInXlaContext(graph):
        raise NotImplementedError(
            "expected a graph that XLA does not compile, which cannot call the "
            "kernels of bn_mlir, got jit_compile=True"
        )


def call_kernel(
    function: Callable[..., Sequence[Any]],
    arguments: Sequence[Any],
    results: Sequence[tf.TensorSpec],
) -> list[tf.Tensor]:
    """Calls `function`, now or when the graph runs; arguments may be None."""
    given = [argument is not None for argument in arguments]
    tensors = [argument for argument in arguments if argument is not None]

    def call(*tensors: Any) -> list[Any]:
        rest = iter(tensors)
        return list(function(*[next(rest) if is_given else None
                               for is_given in given]))

    if tf.executing_eagerly():
        return call(*tensors)
    _check_is_not_xla()
    outputs = tf.numpy_function(
        call, tensors, [spec.dtype for spec in results], stateful=False,
        name="bn_mlir")
    for output, spec in zip(outputs, results):
        output.set_shape(spec.shape)
    return outputs


def _refuse_second_gradient(*_: Any) -> list[Any]:
    raise NotImplementedError(
        "expected gradients of first order, got a gradient of the gradient of "
        "bn_mlir.keras.BatchNormalization"
    )


def call_once_differentiable(
    function: Callable[..., Sequence[Any]],
    arguments: Sequence[Any],
    results: Sequence[tf.TensorSpec],
    differentiable: Sequence[tf.Tensor],
) -> list[tf.Tensor]:
    """As `call_kernel`; TensorFlow would take a missing gradient for 0.

    It builds gradients of gradients that it never computes, so that they must
    not fail before that.
    """

    @tf.custom_gradient
    def call(*tensors: Any) -> tuple[Any, Callable[..., Any]]:
        def gradient(*grads: Any) -> list[Any]:
            return call_kernel(
                _refuse_second_gradient, grads,
                [tf.TensorSpec(t.shape, t.dtype) for t in tensors])

        return call_kernel(function, arguments, results), gradient

    return call(*differentiable)


def apply(
    normalization: Normalization, x: Any, scale: Any, offset: Any,
    mean: Any = None, deviation: Any = None, mask: Any = None,
) -> tuple[Any, ...]:
    """What `Normalization.forward` returns."""
    data = tf.TensorSpec(x.shape, x.dtype)
    channels = tf.TensorSpec([x.shape[normalization.axis]], _wide(x.dtype))
    differentiable = {"input": x, "scale": scale, "offset": offset}
    which = [name for name, tensor in differentiable.items()
             if tensor is not None]

    @tf.custom_gradient
    def normalize(*_: Any) -> tuple[Any, Callable[..., Any]]:
        outputs = call_kernel(
            normalization.forward, [x, scale, offset, mean, deviation, mask],
            [data] + [channels] * normalization.statistics_count)
        statistics = outputs[1:] or [mean, deviation]

        def gradient(output_grad: Any, *_: Any) -> list[Any]:
            return call_once_differentiable(
                lambda output_grad, x, scale, mask, *statistics:
                normalization.backward(
                    output_grad, x, scale, mask, statistics, which),
                [output_grad, x, scale, mask, *statistics],
                [data] + [channels] * (len(which) - 1),
                [output_grad, x] + ([] if scale is None else [scale]))

        return outputs, gradient

    return normalize(*[differentiable[name] for name in which])
