# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Keras' layer on bn-mlir agrees with the stock one.

KERAS_BACKEND names the backend. What is expected is computed in float64, so
that the bounds are those of docs/Numerics.md; the stock layer is held against
the same reference, with bounds of its own.
"""

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="Keras is not installed")
pytest.importorskip("hypothesis", reason="hypothesis is not installed")

import keras_cases as cases  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

import bn_mlir  # noqa: E402
import bn_mlir.keras  # noqa: E402
import reference as ref  # noqa: E402

needs_gradients = pytest.mark.skipif(
    cases.BACKEND == "numpy", reason="Keras on NumPy has no gradients")
COMPILED = [False, True] if cases.BACKEND in ("jax", "tensorflow") else [False]


def quick(examples):
    return settings(max_examples=examples, derandomize=True, deadline=None,
                    database=None)


@st.composite
def layers(draw):
    """Shape, arguments of the layer, policy, and whether there is a mask."""
    rank = draw(st.integers(2, 5))
    shape = tuple(draw(st.integers(2, 5)) for _ in range(rank))
    arguments = dict(
        axis=draw(st.integers(-rank, rank - 1)),
        momentum=draw(st.sampled_from([0.0, 0.75, 0.99])),
        epsilon=draw(st.sampled_from([1e-3, 1e-2])),
        center=draw(st.booleans()),
        scale=draw(st.booleans()))
    if draw(st.booleans()):
        arguments.update(renorm=True, renorm_momentum=0.9)
        if draw(st.booleans()):
            arguments["renorm_clipping"] = {"rmin": 0.8, "rmax": 1.2,
                                            "dmax": 0.1}
    policy = draw(st.sampled_from(list(cases.POLICIES)))
    return shape, arguments, policy, draw(st.booleans())


def make_data(shape, policy, has_mask, seed=0):
    dtype = cases.POLICIES[policy]
    x = ref.random_array(shape, dtype, seed)
    output_grad = ref.random_array(shape, dtype, seed + 1)
    mask = None
    if has_mask:
        mask = np.random.default_rng(seed).uniform(size=shape[:-1]) < 0.7
    return x, output_grad, mask


def slack_of(policy, arguments):
    """Keras moves the averages of renorm in float32 whatever the type."""
    return 2**29 if policy == "float64" and "renorm" in arguments else 1


def assert_same_weights(layer, reference, slack=1):
    for weight in layer.weights:
        expected = reference.weights[weight.name]
        size = slack * (1 + np.abs(expected).max())
        actual = cases.to_numpy(weight)
        cases.assert_near(actual, expected, size, weight.path)
        reference.weights[weight.name] = actual.astype(np.float64)


def assert_same_gradients(actual, expected, output_grad, slack=1):
    """The sizes are bounds on what is summed: deviations are below 10."""
    magnitude = 10 * slack * np.abs(output_grad.astype(np.float64))
    assert actual.keys() == expected.keys()
    for name, gradient in actual.items():
        size = magnitude.max() if name == "input" else magnitude.sum()
        cases.assert_near(gradient, expected[name], size, name)


@quick(40)
@given(case=layers(), training=st.booleans(), trainable=st.booleans())
def test_outputs_and_moving_statistics(case, training, trainable):
    shape, arguments, policy, has_mask = case
    x, _, mask = make_data(shape, policy, has_mask)
    layer, reference = cases.make_pair(shape, policy, **arguments)
    layer.trainable = trainable
    slack = slack_of(policy, arguments)
    for _ in range(2):
        y = cases.apply(layer, x, training=training, mask=mask)
        expected = reference(x, training=training and trainable, mask=mask)
        assert y.dtype == x.dtype
        cases.assert_near(y, expected, 1 + np.abs(expected).max())
        assert_same_weights(layer, reference, slack)


@needs_gradients
@pytest.mark.parametrize("compiled", COMPILED)
@quick(25)
@given(case=layers(), training=st.booleans())
def test_gradients(compiled, case, training):
    shape, arguments, policy, has_mask = case
    x, output_grad, mask = make_data(shape, policy, has_mask)
    layer, reference = cases.make_pair(shape, policy, **arguments)
    y, gradients = cases.differentiate(
        layer, x, output_grad, compiled, training=training, mask=mask)
    expected, wide = reference(x, output_grad, training, mask)
    slack = slack_of(policy, arguments)
    cases.assert_near(y, expected, 1 + np.abs(expected).max())
    assert gradients["input"].dtype == x.dtype
    assert_same_gradients(gradients, wide, output_grad)
    assert_same_weights(layer, reference, slack)


@needs_gradients
@quick(10)
@given(case=layers(), training=st.booleans())
def test_the_stock_layer_does_the_same(case, training):
    """Within its errors: the reference says what Keras does."""
    shape, arguments, _, has_mask = case
    if has_mask and shape[arguments["axis"]] == 1:
        return  # Keras loses the dimension of the channels
    x, output_grad, mask = make_data(shape, "float32", has_mask)
    stock, reference = cases.make_pair(
        shape, kind=keras.layers.BatchNormalization, **arguments)
    y, gradients = cases.differentiate(
        stock, x, output_grad, training=training, mask=mask)
    expected, wide = reference(x, output_grad, training, mask)
    cases.assert_near(y, expected, 100 + 100 * np.abs(expected).max())
    assert_same_gradients(gradients, wide, output_grad, slack=100)
    assert_same_weights(stock, reference, slack=100)


@needs_gradients
@pytest.mark.parametrize("trainable", [False, True])
def test_frozen_layers_have_gradients(trainable):
    """Fine tuning: moving statistics are used, and are constants."""
    x, output_grad, _ = make_data((6, 4, 5), "float32", False)
    layer, reference = cases.make_pair(x.shape)
    layer.trainable = trainable
    before = layer.get_weights()
    _, gradients = cases.differentiate(
        layer, x, output_grad, training=not trainable)
    _, expected = reference(x, output_grad)
    if not trainable:
        expected = {"input": expected["input"]}
    assert_same_gradients(gradients, expected, output_grad)
    for old, new in zip(before, layer.get_weights()):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("offset", [1e2, 1e5])
def test_a_large_mean_costs_no_digits(offset):
    """Where the stock layer in float32 loses some or all."""
    x = (ref.random_array((64, 8, 8, 3), np.float64, spread=1) + offset).astype(
        np.float32)
    layer, reference = cases.make_pair(x.shape, momentum=0.0)
    y = cases.apply(layer, x, training=True)
    expected = reference(x, training=True)
    np.testing.assert_allclose(y, expected, atol=4e-6)
    np.testing.assert_allclose(
        cases.to_numpy(layer.moving_variance),
        reference.weights["moving_variance"], rtol=1e-6)


@pytest.mark.parametrize("mask_shape", [(4, 5), (1, 5), (4, 1), (1, 1)])
@pytest.mark.parametrize("dtype", [bool, np.int32, np.float32])
def test_masks_are_broadcast(mask_shape, dtype):
    """Keras asks of a mask only whether it is 0."""
    x = ref.random_array((4, 5, 3), np.float32)
    mask = (np.random.default_rng(5).uniform(size=mask_shape) < 0.8).astype(
        dtype) * dtype(3)
    layer, reference = cases.make_pair(x.shape)
    y = cases.apply(layer, x, training=True, mask=mask)
    expected = reference(x, training=True, mask=mask)
    cases.assert_near(y, expected, 1 + np.abs(expected).max())
    assert_same_weights(layer, reference)


@pytest.mark.parametrize("renorm", [False, True])
def test_nothing_in_the_mask(renorm):
    """As Keras has it, moving statistics tend to 0, deviations to the root of
    epsilon. With renorm, padding is not corrected.
    """
    x = ref.random_array((4, 5, 3), np.float32)
    mask = np.zeros((4, 5), bool)
    layer, reference = cases.make_pair(x.shape, momentum=0.5, renorm=renorm)
    y = cases.apply(layer, x, training=True, mask=mask)
    expected = reference(x, training=True, mask=mask)
    assert_same_weights(layer, reference)
    if renorm:
        weights = reference.weights
        expected = x / np.sqrt(1e-3) * weights["gamma"] + weights["beta"]
    cases.assert_near(y, expected, 1 + np.abs(expected).max())


def test_padding_may_be_anything():
    x = ref.random_array((4, 5, 3), np.float32)
    mask = np.arange(5) < np.array([5, 3, 4, 1])[:, None]
    layer, _ = cases.make_pair(x.shape)
    x[~mask] = np.nan
    y = cases.apply(layer, x, training=True, mask=mask)
    assert np.isfinite(y[mask]).all()
    assert all(np.isfinite(w).all() for w in layer.get_weights())


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (7, 1), (1, 1, 1)])
@pytest.mark.parametrize("training", [False, True])
def test_small_batches(shape, training):
    x = ref.random_array(shape, np.float32)
    layer, reference = cases.make_pair(shape)
    y = cases.apply(layer, x, training=training)
    expected = reference(x, training=training)
    cases.assert_near(y, expected, 1 + np.abs(expected).max(initial=0))
    assert_same_weights(layer, reference)


@pytest.mark.parametrize("arguments", [{}, {"renorm": True}])
def test_fresh_weights_of_float64(arguments):
    """The arrays that Keras makes on NumPy are float32 until one is assigned;
    zeros and ones are exact in it.
    """
    x = ref.random_array((16, 3), np.float64)
    _, reference = cases.make_pair(x.shape, "float64", **arguments)
    for name in reference.weights:
        is_one = name == "gamma" or name.endswith(("variance", "stddev"))
        reference.weights[name] = np.full(3, float(is_one))
    layer = bn_mlir.keras.BatchNormalization(dtype="float64", **arguments)
    for training in (False, True, False):
        y = cases.apply(layer, x, training=training)
        assert y.dtype == np.float64
        cases.assert_near(y, reference(x, training=training),
                          10 * slack_of("float64", arguments))
    model = keras.Sequential([
        keras.Input(x.shape[1:], dtype="float64"),
        bn_mlir.keras.BatchNormalization(dtype="float64")])
    assert model.predict(x, verbose=0).dtype == np.float64


def test_integers():
    x = np.arange(24).reshape(8, 3)
    layer, reference = cases.make_pair(x.shape)
    y = cases.apply(layer, x, training=True)
    assert y.dtype == np.float32
    expected = reference(x, training=True)
    cases.assert_near(y, expected, np.abs(expected).max())


def test_without_autocast():
    """Data of a type of their own: computed in it, returned in the layer's."""
    x = ref.random_array((8, 3), np.float16)
    layer, reference = cases.make_pair(x.shape, autocast=False)
    for training in (False, True):
        y = cases.apply(layer, x, training=training)
        assert y.dtype == np.float32
        expected = reference(x, training=training)
        cases.assert_near(y.astype(np.float16), expected,
                          np.abs(expected).max())


def test_strided_data():
    """Elements with holes between them are copied, others used as they are."""
    wide = ref.random_array((6, 10, 4), np.float32)
    layer, _ = cases.make_pair((6, 5, 4))
    for x in (wide[:, ::2], wide[:, :5], wide.transpose(2, 1, 0)[:, :5].T):
        expected = cases.apply(layer, np.ascontiguousarray(x))
        if cases.BACKEND == "torch":
            import torch
            x = torch.from_numpy(x)
        np.testing.assert_array_equal(cases.to_numpy(layer(x)), expected)


def test_kernels_are_ours():
    """A new shape is a new kernel: the layer does not fall back on Keras."""
    x = ref.random_array((3, 11, 7), np.float32)
    layer, _ = cases.make_pair(x.shape)
    bn_mlir.clear_kernels()
    before = bn_mlir.compile_statistics()
    cases.apply(layer, x, training=True)
    cases.apply(layer, x, training=False)
    after = bn_mlir.compile_statistics()
    assert sum(after.values()) >= sum(before.values()) + 2


def test_errors():
    layer, _ = cases.make_pair((4, 5, 3))
    x = np.zeros((4, 5, 3), np.float32)
    with pytest.raises(ValueError, match=(
            "expected 'mask' to have rank 2, one less than the input of shape "
            r"\(4, 5, 3\), got shape \(4,\)")):
        layer(x, training=True, mask=np.ones(4, bool))
    with pytest.raises(ValueError, match="Received invalid keys"):
        bn_mlir.keras.BatchNormalization(renorm=True,
                                         renorm_clipping={"r": 1.0})
    with pytest.raises(ValueError, match="Unrecognized keyword"):
        bn_mlir.keras.BatchNormalization(axes=1)
    with pytest.raises(ValueError, match="expected axis 1 of input"):
        layer, _ = cases.make_pair((4, 3), axis=1)
        layer(np.zeros((4, 4), np.float32))
    for axis in (4, -5):
        layer = bn_mlir.keras.BatchNormalization(axis=axis)
        with pytest.raises(ValueError, match=(
                f"expected 'axis' to be from -4 to 3, got {axis}")):
            layer(np.zeros((2, 3, 4, 5), np.float32))
