# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers with their reference, and their gradients on each backend."""

from __future__ import annotations

import dataclasses

import keras
import keras_reference
import ml_dtypes
import numpy as np

import bn_mlir.keras

BACKEND = keras.config.backend()

if BACKEND == "jax":
    import jax

    jax.config.update("jax_enable_x64", True)

#: For each policy of types the type of data.
POLICIES = {
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
    "mixed_float16": np.dtype(np.float16),
    "mixed_bfloat16": np.dtype(ml_dtypes.bfloat16),
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
}


def to_numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def to_tensor(array):
    """Of the array's very type, which Keras makes float32 of otherwise."""
    return keras.ops.convert_to_tensor(array, dtype=array.dtype.name)


def make_pair(shape, policy="float32", seed=0, kind=None, **arguments):
    """A layer, ours or of class `kind`, and the reference with its weights."""
    kind = kind or bn_mlir.keras.BatchNormalization
    layer = kind(dtype=policy, **arguments)
    layer.build(shape)
    random = np.random.default_rng(seed)
    weights = {}
    for weight in layer.weights:
        value = random.uniform(0.5, 1.5, weight.shape)
        value = value.astype(POLICIES[weight.dtype])
        weight.assign(value)
        weights[weight.name] = value.astype(np.float64)
    known = {f.name for f in dataclasses.fields(keras_reference.Layer)}
    return layer, keras_reference.Layer(
        weights=weights, **{k: v for k, v in arguments.items() if k in known})


def apply(layer, x, **call):
    return to_numpy(layer(to_tensor(x), **call))


def differentiate(layer, x, output_grad, compiled=False, **call):
    """The output, and the gradients of the input and of each weight."""
    function = {"jax": _jax, "tensorflow": _tensorflow, "torch": _torch}[
        BACKEND]
    y, *gradients = function(layer, x, output_grad, compiled, call)
    names = ["input", *(w.name for w in layer.trainable_weights)]
    return to_numpy(y), dict(zip(names, map(to_numpy, gradients)))


def _tensorflow(layer, x, output_grad, compiled, call):
    import tensorflow as tf

    def run(x, output_grad):
        weights = [w.value for w in layer.trainable_weights]
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, **call)
        return y, *tape.gradient(y, [x, *weights], output_grad)

    if compiled:
        run = tf.function(run, input_signature=[
            tf.TensorSpec([None, *x.shape[1:]], x.dtype)] * 2)
    return run(to_tensor(x), to_tensor(output_grad))


def _torch(layer, x, output_grad, compiled, call):
    x = to_tensor(x).requires_grad_()
    y = layer(x, **call)
    weights = [w.value for w in layer.trainable_weights]
    for weight in weights:
        weight.grad = None
    y.backward(to_tensor(output_grad))
    return y.detach(), x.grad, *[weight.grad for weight in weights]


def _jax(layer, x, output_grad, compiled, call):
    import jax

    def run(trainable, state, x, output_grad):
        def forward(x, trainable):
            return layer.stateless_call(trainable, state, x, **call)

        y, backward, state = jax.vjp(forward, x, trainable, has_aux=True)
        return y, state, backward(output_grad)

    values = [[v.value for v in variables] for variables in (
        layer.trainable_variables, layer.non_trainable_variables)]
    y, state, (x_grad, gradients) = (jax.jit(run) if compiled else run)(
        *values, to_tensor(x), to_tensor(output_grad))
    for variable, value in zip(layer.non_trainable_variables, state):
        variable.assign(value)
    return y, x_grad, *gradients


def assert_near(actual, expected, size, what=""):
    """Compares with float64: rounding to the type of the result, and some units
    in the last place of float32 (float64) of `size`, the numbers that were
    added up.
    """
    actual = np.asarray(actual)
    assert actual.shape == expected.shape, what
    digits = float(ml_dtypes.finfo(actual.dtype).eps)
    computed = 4e-15 if actual.dtype == np.float64 else 1.6e-6
    smallest = float(ml_dtypes.finfo(actual.dtype).smallest_subnormal)
    bound = (0.51 * digits * np.abs(expected) + computed * np.asarray(size) +
             smallest)
    error = np.abs(actual.astype(np.float64) - expected)
    np.testing.assert_array_less(error, bound * np.ones_like(error), what)
