# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models with Keras' layer on bn-mlir: configurations, files, conversion."""

import subprocess
import sys

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="Keras is not installed")

import bn_mlir.keras  # noqa: E402
from bn_mlir.keras import BatchNormalization, convert, revert  # noqa: E402
from test_keras_models import (  # noqa: E402
    Stock, make_data, make_model, needs_gradients, predict, shake, train)


def make_nested(normalization=Stock):
    """A model with a model, and a layer of one's own, inside."""

    class Block(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)
            self.normalization = normalization()

        def call(self, x, training=False):
            return self.normalization(self.dense(x), training=training)

    return keras.Sequential([
        keras.Input((5,)),
        keras.Sequential([keras.layers.Dense(6), normalization()]),
        Block(),
    ])


def layers_of(model, kind):
    return [layer for layer in model._flatten_layers() if type(layer) is kind]


def assert_same_predictions(model, other):
    x, _ = make_data()
    np.testing.assert_allclose(
        predict(model, x), predict(other, x), rtol=1e-5, atol=1e-5)


def assert_same_weights(model, other):
    assert [w.name for w in model.weights] == [w.name for w in other.weights]
    for weight, expected in zip(model.get_weights(), other.get_weights()):
        np.testing.assert_array_equal(weight, expected)


#===------------------------------------------------------------------------===#
# Files
#===------------------------------------------------------------------------===#


def test_config():
    arguments = dict(
        axis=1, momentum=0.9, epsilon=1e-2, center=False, scale=True,
        gamma_initializer="zeros", gamma_regularizer="l2",
        gamma_constraint="non_neg", renorm=True, renorm_momentum=0.8,
        renorm_clipping={"rmax": 2.0}, dtype="mixed_bfloat16", name="n",
        trainable=False)
    layer = BatchNormalization(**arguments)
    config = layer.get_config()
    assert config == Stock(**arguments).get_config()
    copy = BatchNormalization.from_config(config)
    assert type(copy) is BatchNormalization and copy.get_config() == config


@pytest.mark.parametrize("options", [{}, {"renorm": True}, {"scale": False}])
def test_weight_files(tmp_path, options):
    path = tmp_path / "model.weights.h5"
    for source, target in ((Stock, BatchNormalization),
                           (BatchNormalization, Stock)):
        saved = shake(make_model(source, **options))
        saved.save_weights(path)
        loaded = make_model(target, seed=1, **options)
        loaded.load_weights(path)
        assert_same_weights(loaded, saved)
        assert_same_predictions(loaded, saved)


def test_model_files(tmp_path):
    path = tmp_path / "model.keras"
    saved = shake(make_model(BatchNormalization))
    saved.save(path)
    loaded = keras.saving.load_model(path)
    assert len(layers_of(loaded, BatchNormalization)) == 2
    assert_same_weights(loaded, saved)
    assert_same_predictions(loaded, saved)


def test_stock_model_files(tmp_path):
    path = tmp_path / "model.keras"
    saved = shake(make_model())
    saved.save(path)
    loaded = convert(keras.saving.load_model(path))
    assert len(layers_of(loaded, BatchNormalization)) == 2
    assert_same_weights(loaded, saved)
    assert_same_predictions(loaded, saved)


_LOAD = """
import keras, numpy, sys
for path, name in zip(sys.argv[1::2], sys.argv[2::2]):
    model = keras.saving.load_model(path, custom_objects={
        name: keras.layers.BatchNormalization})
    numpy.save(path + ".npy", keras.ops.convert_to_numpy(
        model(numpy.load(sys.argv[-1]), training=False)))
assert not any("bn_mlir" in name for name in sys.modules)
"""


def test_model_files_without_bn_mlir(tmp_path):
    """A reverted model's is one of Keras; others need the name of the class."""
    model = shake(make_model(BatchNormalization))
    x = make_data()[0]
    expected = predict(model, x)
    ours, stock, data = (
        str(tmp_path / name) for name in ("a.keras", "b.keras", "x.npy"))
    np.save(data, x)
    model.save(ours)
    revert(model).save(stock)
    subprocess.run(
        [sys.executable, "-c", _LOAD, ours, "bn_mlir>BatchNormalization",
         stock, "unused", data], check=True)
    for path in (ours, stock):
        np.testing.assert_allclose(
            np.load(path + ".npy"), expected, rtol=1e-5, atol=1e-5)


#===------------------------------------------------------------------------===#
# Conversion
#===------------------------------------------------------------------------===#


@pytest.mark.parametrize("make", [make_model, make_nested])
def test_convert(make):
    model = make()
    stock = layers_of(model, Stock)
    weights = model.get_weights()
    assert convert(model) is model and len(stock) == 2
    assert layers_of(model, BatchNormalization) == stock
    assert not layers_of(model, Stock)
    bn_mlir.clear_kernels()
    before = sum(bn_mlir.compile_statistics().values())
    model(np.ones((3, *[5] * (len(model.input_shape) - 2),
                   model.input_shape[-1])))
    assert sum(bn_mlir.compile_statistics().values()) > before
    assert revert(model) is model
    assert layers_of(model, Stock) == stock
    for old, new in zip(weights, model.get_weights()):
        np.testing.assert_array_equal(old, new)


def test_convert_a_layer():
    layer = Stock()
    assert convert(layer) is layer and type(layer) is BatchNormalization


@needs_gradients
def test_convert_in_the_midst_of_training():
    """The optimizer keeps its state, and what was traced is forgotten."""
    expected = train(make_model(), 6)
    model = make_model()
    losses = train(model, 3)
    convert(model)
    x, y = make_data()
    before = sum(bn_mlir.compile_statistics().values())
    losses += [float(model.train_on_batch(x, y)) for _ in range(3)]
    assert sum(bn_mlir.compile_statistics().values()) > before
    np.testing.assert_allclose(losses, expected, rtol=1e-4)


def test_subclasses_are_left_alone():
    class Special(Stock):
        pass

    model = keras.Sequential([keras.Input((3,)), Special(), Stock()])
    convert(model)
    assert [type(layer) for layer in model.layers] == [
        Special, BatchNormalization]


def test_convert_wants_a_layer():
    with pytest.raises(TypeError, match="expected a model or a layer of Keras, "
                                        "got dict"):
        convert({})
