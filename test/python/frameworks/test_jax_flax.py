# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""bn_mlir.flax.BatchNorm against flax.nnx.BatchNorm."""

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed")
nnx = pytest.importorskip("flax.nnx", reason="Flax is not installed")

import jax.numpy as jnp  # noqa: E402

import bn_mlir.flax  # noqa: E402
from test_jax_processes import check  # noqa: E402

SHAPE = (4, 6, 7, 5)
X = 3 + 2 * jax.random.normal(jax.random.key(0), SHAPE)


def make_layers(features=5, **options):
    """Ours and theirs, with the same parameters and running statistics."""
    options.setdefault("use_fast_variance", False)
    init = nnx.initializers.uniform(1.0)
    layers = [
        kind(features, bias_init=init, scale_init=init, rngs=nnx.Rngs(0),
             **options)
        for kind in (bn_mlir.flax.BatchNorm, nnx.BatchNorm)
    ]
    for layer in layers:
        layer.mean[...] = jnp.arange(features) / features
        layer.var[...] = 1 + jnp.arange(features) / features
    return layers


def assert_close(actual, expected, tolerance=1e-5):
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected),
                    strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        wide = (np.asarray(v, np.float64) for v in (a, b))
        np.testing.assert_allclose(*wide, rtol=tolerance, atol=tolerance)


def run(layer, x, **options):
    """The results, in training and after it, the gradients and the state."""

    def loss(layer, x):
        y = layer(x, **options)
        return jnp.sum(jnp.sin(y.astype(jnp.float32))), y

    gradients, y = nnx.grad(loss, argnums=(0, 1), has_aux=True)(layer, x)
    return y, gradients, nnx.state(layer)


@pytest.mark.parametrize("use_running_average", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": 0.5, "epsilon": 0.1},
        {"axis": 0, "features": 4},
        {"use_bias": False},
        {"use_scale": False},
        {"use_bias": False, "use_scale": False},
        {"param_dtype": jnp.bfloat16},
    ],
    ids=str)
def test_options(options, use_running_average):
    ours, theirs = make_layers(
        **options, use_running_average=use_running_average)
    narrow = options.get("param_dtype") == jnp.bfloat16
    # Gradients of parameters are sums in f32 that cancel, or have 8 bits.
    assert_close(run(ours, X), run(theirs, X), 2**-7 if narrow else 1e-4)


@pytest.mark.parametrize("use_running_average", [False, True])
def test_several_axes(use_running_average):
    """In training the base class cannot; it is given the axes as one."""
    ours, _ = make_layers(30, axis=(-1, 1))
    _, theirs = make_layers(30)
    y = ours(X, use_running_average=use_running_average)
    expected = theirs(jnp.moveaxis(X, 1, 2).reshape(4, 7, 30),
                      use_running_average=use_running_average)
    assert_close(y, jnp.moveaxis(expected.reshape(4, 7, 6, 5), 2, 1))
    assert_close(nnx.state(ours), nnx.state(theirs))


@pytest.mark.parametrize("dtype", [None, jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("input_dtype", ["float16", "bfloat16", "float32"])
def test_types(input_dtype, dtype):
    ours, theirs = make_layers(dtype=dtype)
    x = X.astype(input_dtype)
    y, expected = ours(x), theirs(x)
    ulp = jnp.finfo(y.dtype).eps.astype(float)
    assert_close(y, expected, max(4 * ulp, 1e-5))
    assert_close(nnx.state(ours, nnx.BatchStat),
                 nnx.state(theirs, nnx.BatchStat))
    assert_close(ours(x, use_running_average=True),
                 theirs(x, use_running_average=True), max(4 * ulp, 1e-5))


@pytest.mark.parametrize(
    "mask", [X[..., :1] > 3, X[0] > 3, X[0, 0, :, :1] > 3],
    ids=["positions", "rank 3", "rank 2"])
def test_mask(mask):
    ours, theirs = make_layers()
    assert_close(run(ours, X, mask=mask), run(theirs, X, mask=mask), 1e-4)


def test_state_goes_both_ways():
    ours, theirs = make_layers()
    fresh = bn_mlir.flax.BatchNorm(5, rngs=nnx.Rngs(1), epsilon=1e-5)
    theirs(X)
    nnx.update(fresh, nnx.state(theirs))
    assert_close(fresh(X, use_running_average=True),
                 theirs(X, use_running_average=True))
    nnx.update(theirs, nnx.state(ours))
    assert_close(nnx.state(theirs), nnx.state(ours))


def test_modes_within_a_model():
    """`eval` and `train` reach the layer; nnx.jit keeps its new statistics."""

    class Model(nnx.Module):
        def __init__(self, norm, rngs):
            self.dense = nnx.Linear(5, 5, rngs=rngs)
            self.norm = norm(5, rngs=rngs)

        def __call__(self, x):
            return self.norm(self.dense(x))

    ours, theirs = (Model(norm, nnx.Rngs(0))
                    for norm in (bn_mlir.flax.BatchNorm, nnx.BatchNorm))
    step = nnx.jit(lambda model, x: model(x))
    for _ in range(2):
        assert_close(step(ours, X), step(theirs, X))
    before = jax.tree.map(jnp.copy, nnx.state(ours))
    ours.eval()
    theirs.eval()
    assert_close(step(ours, X), step(theirs, X))
    assert_close(nnx.state(ours), before, 0)
    assert_close(before, nnx.state(theirs))


@pytest.mark.parametrize("mask", [None, X[..., :1] > 3], ids=["", "mask"])
def test_axis_name(mask):
    """Under vmap as between devices: what each has counts by its elements."""
    synchronized, _ = make_layers(axis_name="batch")
    alone, _ = make_layers()
    mapped = nnx.vmap(
        lambda layer, x, mask: layer(x, mask=mask), axis_name="batch",
        in_axes=(nnx.StateAxes({...: None}), 0, None if mask is None else 0))

    def whole(layer, x, mask):
        return layer(x, mask=mask)

    def run(function, layer):
        def loss(layer, x):
            y = function(layer, x, mask)
            return jnp.sum(jnp.sin(y)), y

        gradients, y = nnx.grad(loss, argnums=(0, 1), has_aux=True)(layer, X)
        return y, gradients, nnx.state(layer)

    assert_close(run(mapped, synchronized), run(whole, alone), 1e-4)


def test_axis_name_of_devices():
    """Between groups of devices, as the base class does without a mask."""
    check(
        """
        import jax, jax.numpy as jnp, numpy as np
        from flax import nnx
        import bn_mlir.flax

        groups = [[0, 1], [2, 3]]
        x = 1e4 + jax.random.normal(jax.random.key(0), (4, 8, 6, 5))
        ours, theirs = (
            norm(5, axis_name="device", axis_index_groups=groups,
                 use_fast_variance=False, rngs=nnx.Rngs(0))
            for norm in (bn_mlir.flax.BatchNorm, nnx.BatchNorm))
        def run(layer):
            graph, state = nnx.split(layer)
            def each(state, x):
                layer = nnx.merge(graph, state)
                y = layer(x)
                return y, layer.mean[...], layer.var[...]
            return jax.pmap(each, "device", in_axes=(None, 0))(state, x)
        for a, b in zip(run(ours), run(theirs)):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-3)
        """,
        XLA_FLAGS="--xla_force_host_platform_device_count=4",
    )


def test_large_mean():
    """The base class's fast variance has no digit left here."""
    ours, theirs = make_layers(use_fast_variance=True)
    x = X + 1e4
    wide = np.asarray(x, np.float64)
    expected = wide - wide.mean((0, 1, 2))
    expected /= np.sqrt((expected**2).mean((0, 1, 2)) + 1e-5)
    expected = expected * ours.scale[...] + ours.bias[...]
    assert np.abs(ours(x) - expected).max() < 1e-5
    assert np.abs(theirs(x) - expected).max() > 1e-3


@pytest.mark.parametrize(
    "options, call, kind, message",
    [
        ({"use_running_average": None}, lambda layer: layer(X), ValueError,
         "expected 'use_running_average' to be given to the call or to the "
         "constructor, got None"),
        ({"features": 3}, lambda layer: layer(X), ValueError,
         r"expected the input to have 3 features in dimensions \(3,\), got "
         r"shape \(4, 6, 7, 5\)"),
        ({"axis": 7}, lambda layer: layer(X), ValueError,
         "expected 'axis' to be from -4 to 3, got 7"),
        ({}, lambda layer: layer(X, mask=X[:2] > 0), ValueError,
         "expected 'mask' to have size 1 or 4 in dimension 0, got 2"),
    ])
def test_errors(options, call, kind, message):
    with pytest.raises(kind, match=message):
        call(make_layers(**options)[0])
