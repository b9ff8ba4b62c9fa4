# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models with Keras' layer on bn-mlir: training, files, conversion."""

import subprocess
import sys

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="Keras is not installed")

import bn_mlir.keras  # noqa: E402
from bn_mlir.keras import BatchNormalization, convert, revert  # noqa: E402

BACKEND = keras.config.backend()
Stock = keras.layers.BatchNormalization

needs_gradients = pytest.mark.skipif(
    BACKEND == "numpy", reason="Keras on NumPy has no gradients")
on_tensorflow = pytest.mark.skipif(
    BACKEND != "tensorflow", reason="Of the backend TensorFlow")
on_jax = pytest.mark.skipif(BACKEND != "jax", reason="Of the backend JAX")
on_torch = pytest.mark.skipif(
    BACKEND != "torch", reason="Of the backend PyTorch")


def make_data(count=20, size=6):
    random = np.random.default_rng(0)
    x = random.normal(2, 3, (count, size, size, 3)).astype(np.float32)
    return x, x.mean((1, 2)) ** 2


def make_model(normalization=Stock, seed=0, **options):
    """Convolutions with unknown sizes of batch and images."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(6, 3, padding="same", use_bias=False)(inputs)
    x = normalization(name="first", **options)(x)
    x = keras.layers.Activation("tanh")(x)
    y = keras.layers.Conv2D(6, 3, padding="same", use_bias=False)(x)
    x = keras.layers.Add()([x, normalization(name="second", **options)(y)])
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(3)(x))


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


def predict(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def assert_same_predictions(model, other):
    x, _ = make_data()
    np.testing.assert_allclose(
        predict(model, x), predict(other, x), rtol=1e-5, atol=1e-5)


def assert_same_weights(model, other):
    assert [w.name for w in model.weights] == [w.name for w in other.weights]
    for weight, expected in zip(model.get_weights(), other.get_weights()):
        np.testing.assert_array_equal(weight, expected)


def shake(model):
    """Weights as a training leaves them: none is 0 or 1."""
    random = np.random.default_rng(1)
    model.set_weights(
        [random.uniform(0.5, 1.5, w.shape) for w in model.weights])
    return model


#===------------------------------------------------------------------------===#
# Training
#===------------------------------------------------------------------------===#


def train(model, steps, **options):
    x, y = make_data()
    model.compile(keras.optimizers.SGD(0.02, 0.9), "mse", **options)
    return [float(model.train_on_batch(x, y)) for _ in range(steps)]


@needs_gradients
def test_100_steps():
    """Both layers have the same losses on the way and at the end.

    What noise is: losses of the stock layer differ by up to 2e-7 of the first
    one where the initial weights differ in their last bits. So do ours.
    """
    stock = train(make_model(), 100)
    ours = train(make_model(BatchNormalization), 100)
    assert stock[-1] < 0.01 * stock[0]
    np.testing.assert_allclose(ours, stock, rtol=0, atol=1e-6 * stock[0])


@needs_gradients
def test_renormalization():
    """Losses and averages are those of the stock layer, the limits of the
    corrections included, which many of them reach here.
    """
    options = {"renorm": True, "renorm_momentum": 0.8, "renorm_clipping": {
        "rmin": 0.7, "rmax": 1.5, "dmax": 0.5}}
    models = [make_model(kind, **options)
              for kind in (Stock, BatchNormalization)]
    stock, ours = (train(model, 10) for model in models)
    np.testing.assert_allclose(ours, stock, rtol=1e-5)
    for actual, expected in zip(*(m.get_weights() for m in models)):
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


@needs_gradients
@pytest.mark.parametrize("policy", ["float32", "mixed_float16",
                                    "mixed_bfloat16"])
def test_fit(policy):
    """Batches of 8, the last one of 4; with what there is for a model."""
    model = make_model(BatchNormalization, dtype=policy)
    x, y = make_data()
    model.compile("adam", "mse", metrics=["mae"])
    history = model.fit(x, y, batch_size=8, epochs=3, verbose=0,
                        validation_split=0.2)
    losses = history.history["loss"]
    assert losses[-1] < losses[0] and np.isfinite(losses).all()
    assert model.predict(x, batch_size=8, verbose=0).shape == y.shape
    assert np.isfinite(model.evaluate(x, y, batch_size=8, verbose=0)).all()


@needs_gradients
def test_run_eagerly():
    graph = train(make_model(BatchNormalization), 3)
    eager = train(make_model(BatchNormalization), 3, run_eagerly=True)
    np.testing.assert_allclose(eager, graph, rtol=1e-4)


@needs_gradients
def test_frozen_model():
    """Fine tuning: nothing of a frozen layer changes, and its statistics are
    the moving ones.
    """
    model = shake(make_model(BatchNormalization))
    frozen = model.get_layer("second")
    frozen.trainable = False
    before = frozen.get_weights()
    others = model.get_layer("first").get_weights()
    train(model, 2)
    for old, new in zip(before, frozen.get_weights()):
        np.testing.assert_array_equal(old, new)
    for old, new in zip(others, model.get_layer("first").get_weights()):
        assert (old != new).all()


@needs_gradients
def test_regularizers_and_constraints():
    model = make_model(
        BatchNormalization, gamma_regularizer="l2", beta_regularizer="l1",
        gamma_constraint="non_neg", beta_constraint=keras.constraints.MaxNorm(
            1e-3, axis=0))
    assert len(model.losses) == 4
    train(model, 3)
    for name in ("first", "second"):
        gamma, beta = model.get_layer(name).get_weights()[:2]
        assert (gamma >= 0).all() and np.linalg.norm(beta) < 1.001e-3


@on_tensorflow
def test_without_xla():
    """Keras knows, and says it, before TensorFlow fails."""
    model = make_model(BatchNormalization)
    with pytest.warns(UserWarning, match="doesn't support `jit_compile=True`"):
        train(model, 1, jit_compile=True)
    converted = make_model()
    converted.compile("sgd", "mse", jit_compile=True)
    assert not convert(converted).jit_compile


@on_jax
def test_vmap():
    """Entries have statistics of their own, and limits in common: those are
    float64, which JAX does not have here.
    """
    import jax

    layer = BatchNormalization(renorm=True)
    layer.build((4, 5))
    values = [[v.value for v in variables] for variables in (
        layer.trainable_variables, layer.non_trainable_variables)]

    def call(x):
        return layer.stateless_call(*values, x, training=True)

    x = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    with jax.enable_x64(False):
        results = jax.vmap(call)(x), *map(call, x)
    for actual, *expected in zip(*map(jax.tree.leaves, results)):
        np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-6)


@on_torch
def test_torch_compile():
    import torch

    layer = make_model(BatchNormalization).get_layer("first")
    x = torch.randn(4, 6, 6, 6, requires_grad=True)
    expected = layer(x, training=True)
    y = torch.compile(lambda x: layer(x, training=True), backend="eager")(x)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(
        torch.autograd.grad(y.square().sum(), x),
        torch.autograd.grad(expected.square().sum(), x))


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


#===------------------------------------------------------------------------===#
# What is refused
#===------------------------------------------------------------------------===#


def test_other_backends(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "openvino")
    with pytest.raises(ImportError, match="expected Keras on one of the "
                                          "backends .*, got 'openvino'"):
        bn_mlir.keras.layer._load_backend()


@on_tensorflow
def test_xla_is_refused():
    import tensorflow as tf

    layer = BatchNormalization()
    layer.build((4, 3))
    function = tf.function(layer, jit_compile=True)
    with pytest.raises(NotImplementedError, match="expected a graph that XLA "
                       "does not compile.*got jit_compile=True"):
        function(tf.ones((4, 3)))


@on_tensorflow
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("scale", [False, True])
def test_second_gradients_are_refused(compiled, scale):
    import tensorflow as tf

    layer = BatchNormalization(scale=scale)
    layer.build((4, 3))

    def run(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = layer(x, training=True) ** 2
            gradient = inner.gradient(y, x)
        return gradient, outer.gradient(gradient, x)

    x = tf.random.normal((4, 3))
    with pytest.raises((NotImplementedError, tf.errors.UnimplementedError),
                       match="expected gradients of first order"):
        (tf.function(run) if compiled else run)(x)


@on_tensorflow
def test_gradients_through_a_function():
    """With a persistent tape TensorFlow prepares second gradients, too."""
    import tensorflow as tf

    layer = BatchNormalization()
    layer.build((4, 3))
    x = tf.random.normal((4, 3))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = tf.function(layer)(x, training=True) ** 2
        expected = layer(x, training=True) ** 2
    np.testing.assert_allclose(
        tape.gradient(y, x), tape.gradient(expected, x), atol=1e-6)


@on_torch
def test_second_gradients_are_refused_by_torch():
    import torch

    x = torch.randn(4, 3, requires_grad=True)
    y = BatchNormalization()(x, training=True).square().sum()
    (gradient,) = torch.autograd.grad(y, x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


@pytest.mark.skipif(BACKEND != "jax", reason="Of the backend JAX")
def test_second_gradients_are_refused_by_jax():
    import jax

    layer = BatchNormalization()
    layer.build((4, 3))
    weights, state = ([v.value for v in variables] for variables in (
        layer.trainable_variables, layer.non_trainable_variables))

    def loss(x):
        y, _ = layer.stateless_call(weights, state, x, training=True)
        return (y**2).sum()

    x = jax.random.normal(jax.random.key(0), (4, 3))
    with pytest.raises(NotImplementedError, match="expected first derivatives"):
        jax.grad(lambda x: jax.grad(loss)(x).sum())(x)


@on_torch
def test_other_devices_are_refused():
    import torch

    layer = BatchNormalization()
    layer.build((4, 3))
    with pytest.raises(ValueError, match="expected 'input' in the memory of "
                                         "the CPU, got device 'meta'"):
        layer.call(torch.ones(4, 3, device="meta"), training=True)
