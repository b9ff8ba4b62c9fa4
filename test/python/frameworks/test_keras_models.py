# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models with Keras' layer on bn-mlir: training, and what is refused."""

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="Keras is not installed")

import bn_mlir.keras  # noqa: E402
from bn_mlir.keras import BatchNormalization, convert  # noqa: E402

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


def predict(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


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
@pytest.mark.parametrize("step", [1, 2])
def test_second_gradients_are_refused_by_torch(step):
    import torch

    base = torch.randn(4, 3 * step, requires_grad=True)
    x = base[:, ::step]
    y = (BatchNormalization()(x, training=True) * torch.randn(4, 3)).sum()
    (gradient,) = torch.autograd.grad(y, base, create_graph=True)
    penalty = gradient.square().sum()
    for loss in (penalty, y + penalty):
        with pytest.raises(NotImplementedError, match="of first order"):
            torch.autograd.grad(loss, base, retain_graph=True)


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
