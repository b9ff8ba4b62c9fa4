# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models whose layers change places with the stock ones."""

from __future__ import annotations

from typing import TypeVar

import keras

from bn_mlir.keras.layer import BatchNormalization, functions

__all__ = ["convert", "revert"]

L = TypeVar("L", bound=keras.layers.Layer)


def _replace(model: L, old: type, new: type, supports_jit: bool) -> L:
    """Makes layers of class `old` ones of class `new`.

    The classes have the same attributes, so that a layer can keep its object:
    whatever refers to it, or to its weights, goes on to do so.
    """
    if not isinstance(model, keras.layers.Layer):
        raise TypeError(
            f"expected a model or a layer of Keras, got {type(model).__name__}"
        )
    for layer in model._flatten_layers():
        if type(layer) is old:
            object.__setattr__(layer, "__class__", new)
            layer.supports_jit = supports_jit
    for layer in model._flatten_layers():
        if isinstance(layer, keras.Model):
            _forget_functions(layer)
    return model


def _forget_functions(model: keras.Model) -> None:
    """Drops what was traced with the former layers."""
    model.train_function = None
    model.test_function = None
    model.predict_function = None
    if model.compiled and not all(
        layer.supports_jit for layer in model._flatten_layers()
    ):
        model.jit_compile = False


def convert(model: L) -> L:
    """Puts bn_mlir's layer in the place of Keras' in a model.

    All layers of class ``keras.layers.BatchNormalization`` that Keras knows to
    be in `model` are changed in place, also those of a subclassed model and of
    models inside it. Weights, names, regularizers, and the state of an
    optimizer stay. Layers of a subclass of Keras' class are left alone.

    :param model: a model, or any other layer.
    :returns: `model`.
    """
    return _replace(
        model,
        keras.layers.BatchNormalization,
        BatchNormalization,
        functions.SUPPORTS_JIT,
    )


def revert(model: L) -> L:
    """The way back of :func:`convert`: Keras' layer in the place of bn_mlir's.

    Files that are saved then can be read where there is no bn_mlir.
    A compiled model that :func:`convert` has taken from XLA stays without it
    until it is compiled again.
    """
    return _replace(
        model, BatchNormalization, keras.layers.BatchNormalization, True
    )
