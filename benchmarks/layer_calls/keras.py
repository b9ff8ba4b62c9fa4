# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers of Keras in a step of training, as its backends run one.

That is a tf.function on TensorFlow, a jax.jit of `stateless_call` on JAX, and
eager on PyTorch. The moving statistics are part of it.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from . import Calls

if TYPE_CHECKING:
    import keras

#: Makes the step of one layer: data are the input, the addend if there is
#: one, and the gradient of the output.
Step = Callable[["keras.Layer", Sequence[Any], bool], Callable[[], object]]


def apply(layer: keras.Layer, x: Any, *addend: Any) -> Any:
    """The layer, alone or with an addition and a ReLU."""
    import keras

    y = layer(x, training=True)
    return keras.ops.relu(y + addend[0]) if addend else y


def make_tensorflow_step(
    layer: keras.Layer, data: Sequence[Any], jit_compile: bool
) -> Callable[[], object]:
    """In a tf.function, which XLA compiles on request."""
    import tensorflow as tf

    weights = [variable.value for variable in layer.trainable_variables]

    def step(*data: tf.Tensor) -> tuple:
        *inputs, output_grad = data
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            y = apply(layer, *inputs)
        return y, *tape.gradient(y, [*inputs, *weights], output_grad)

    compiled = tf.function(step, jit_compile=jit_compile)
    return lambda: compiled(*data)


def make_torch_step(
    layer: keras.Layer, data: Sequence[Any], jit_compile: bool
) -> Callable[[], object]:
    """Eager."""
    import torch

    *inputs, output_grad = data
    for tensor in inputs:
        tensor.requires_grad_()
    wanted = [*inputs, *(v.value for v in layer.trainable_variables)]

    def step() -> tuple:
        y = apply(layer, *inputs)
        return y, *torch.autograd.grad(y, wanted, output_grad)

    return step


def make_jax_step(
    layer: keras.Layer, data: Sequence[Any], jit_compile: bool
) -> Callable[[], object]:
    """In a jax.jit, which takes and returns the moving statistics."""
    import jax
    import keras

    def step(trainable: list, state: list, *data: jax.Array) -> tuple:
        *inputs, output_grad = data

        def forward(trainable: list, x: jax.Array, *addend: jax.Array) -> tuple:
            y, new_state = layer.stateless_call(
                trainable, state, x, training=True)
            return (keras.ops.relu(y + addend[0]) if addend else y), new_state

        y, pull, new_state = jax.vjp(
            forward, trainable, *inputs, has_aux=True)
        return y, *pull(output_grad), new_state

    values = [[variable.value for variable in variables] for variables in (
        layer.trainable_variables, layer.non_trainable_variables)]
    compiled = jax.jit(step)
    return lambda: jax.block_until_ready(compiled(*values, *data))


STEPS: dict[str, Step] = {
    "tensorflow": make_tensorflow_step, "torch": make_torch_step,
    "jax": make_jax_step}


def import_keras(options: argparse.Namespace) -> str:
    """Has the backend and ours use the threads; returns the backend's name."""
    if options.backend:
        os.environ["KERAS_BACKEND"] = options.backend
    os.environ["NPROC"] = str(options.threads)  # of JAX
    import bn_mlir.keras
    import keras

    bn_mlir.config.threads = options.threads
    backend = keras.config.backend()
    if backend == "torch":
        import torch

        torch.set_num_threads(options.threads)
    if backend == "tensorflow":
        from tensorflow.config import threading

        # TensorFlow refuses to set what is set, once it has started.
        if threading.get_intra_op_parallelism_threads() != options.threads:
            threading.set_intra_op_parallelism_threads(options.threads)
    return backend


def make_calls(shape: tuple[int, ...], options: argparse.Namespace) -> Calls:
    """keras.layers.BatchNormalization, alone or with addition and ReLU."""
    backend = import_keras(options)
    import bn_mlir.keras
    import keras

    axis = 1
    if options.layout == "nhwc":
        shape, axis = (shape[0], *shape[2:], shape[1]), -1
    count = 2 if options.layer == "batch_norm" else 3
    data = [keras.random.normal(shape, dtype=options.dtype, seed=seed)
            for seed in range(count)]

    def make_call(kind: type, jit_compile: bool) -> Callable[[], object]:
        layer = kind(axis=axis, dtype=options.dtype)
        layer.build(shape)
        return STEPS[backend](layer, data, jit_compile)

    return {"stock": make_call(keras.layers.BatchNormalization,
                               options.jit_compile),
            "ours": make_call(bn_mlir.keras.BatchNormalization, False)}
