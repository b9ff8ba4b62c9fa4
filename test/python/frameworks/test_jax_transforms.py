# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""bn_mlir.jax under jit, vmap, scan, grad and jax.export; its errors."""

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed")

import jax.numpy as jnp  # noqa: E402

import bn_mlir  # noqa: E402
import bn_mlir.jax as bn  # noqa: E402

SHAPE = (4, 5, 6, 7)
KEYS = jax.random.split(jax.random.key(0), 5)
X = jax.random.normal(KEYS[0], SHAPE)
SCALE, OFFSET, MEAN = (jax.random.normal(key, (5,)) for key in KEYS[1:4])
VARIANCE = jax.random.uniform(KEYS[4], (5,), minval=0.1)


def assert_same(actual, expected):
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected),
                    strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def assert_close(actual, expected):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(
        a, b, rtol=1e-5, atol=1e-5), actual, expected)


def loss(x, scale, offset):
    y, _, variance = bn.training(x, scale, offset, axis=1, epilogue="relu")
    return jnp.sum(y * jnp.cos(x)) + jnp.sum(variance**2)


def test_jit_is_the_same_as_eager_and_as_numpy():
    def layer(x):
        return bn.training(x, SCALE, OFFSET, MEAN, VARIANCE, axis=1)

    expected = bn_mlir.training(
        *(np.asarray(a) for a in (X, SCALE, OFFSET, MEAN, VARIANCE)), axis=1)
    assert_same(layer(X), expected)
    assert_same(jax.jit(layer)(X), expected)


def test_a_call_is_one_custom_call():
    text = jax.jit(lambda x: bn.training(x, axis=1)[0]).lower(X).as_text()
    assert text.count("custom_call @bn_mlir") == 1
    assert 'spec = "training f32 shape 4x5x6x7 axis 1' in text


def test_kernels_are_compiled_with_the_program():
    x = jnp.ones((3, 11, 13))
    lowered = jax.jit(lambda x: bn.training(x, axis=1)).lower(x)

    def count():
        numbers = bn_mlir.compile_statistics()
        return numbers["compiled"] + numbers["disk_hits"]

    before = count()
    program = lowered.compile()
    assert count() == before + 1
    program(x)
    assert count() == before + 1


def test_batch_norm():
    y, mean, variance = bn.batch_norm(
        X, SCALE, OFFSET, MEAN, VARIANCE, axis=1, training=True, momentum=0.9)
    expected = bn.training(
        X, SCALE, OFFSET, MEAN, VARIANCE, axis=1, momentum=0.9)
    assert_same((y, mean, variance), (expected[0], *expected[3:]))
    y, mean, variance = bn.batch_norm(
        X, SCALE, OFFSET, MEAN, VARIANCE, axis=1, training=False)
    assert_same(y, bn.inference(X, SCALE, OFFSET, MEAN, VARIANCE, axis=1))
    assert_same((mean, variance), (MEAN, VARIANCE))


def test_gradients_of_given_statistics():
    def ours(*arrays):
        return jnp.sum(jnp.sin(bn.inference(*arrays, axis=1)))

    def plain(x, scale, offset, mean, variance):
        scale, offset, mean, variance = (
            a[:, None, None] for a in (scale, offset, mean, variance))
        y = (x - mean) * scale / jnp.sqrt(variance + 1e-3) + offset
        return jnp.sum(jnp.sin(y))

    arrays = (X, SCALE, OFFSET, MEAN, VARIANCE)
    for which in (0, 1, 2, 3, 4, (0, 1, 2, 3, 4), (1, 3)):
        assert_close(jax.grad(ours, which)(*arrays),
                     jax.grad(plain, which)(*arrays))


def test_gradients_of_some_after_others():
    """A jitted function has one backward rule, whatever it is asked for."""
    jitted = jax.jit(loss)
    everything = jax.grad(loss, (0, 1, 2))(X, SCALE, OFFSET)
    for which in ((1, 2), (0,), (2,), (0, 1, 2), (1,), (0, 2)):
        some = jax.grad(jitted, which)(X, SCALE, OFFSET)
        assert_close(some, tuple(everything[i] for i in which))


# ---------------------------------------------------------------------------
# vmap and loops
# ---------------------------------------------------------------------------


def batches(count, *arrays):
    return [jnp.stack([a * (1 + i) for i in range(count)]) for a in arrays]


@pytest.mark.parametrize("groups", [1, 2])
def test_vmap(groups):
    def layer(x, scale, offset):
        return bn.training(x, scale, offset, axis=1, groups=groups)

    xs, scales = batches(3, X, SCALE)
    rows = [layer(x, scale, OFFSET) for x, scale in zip(xs, scales)]
    expected = jax.tree.map(lambda *r: jnp.stack(r), *rows)
    assert_close(jax.vmap(layer, (0, 0, None))(xs, scales, OFFSET), expected)
    moved = jnp.moveaxis(xs, 0, 2)
    assert_close(
        jax.jit(jax.vmap(layer, (2, 0, None)))(moved, scales, OFFSET), expected)


def test_vmap_of_all_operands():
    mask = (X > 0).astype(jnp.float32)[:, :1]

    def layer(x, running, mask, addend):
        return bn.training(x, SCALE, None, *running, mask=mask, addend=addend,
                           axis=1, epilogue="add_relu")

    xs, masks = batches(2, X, mask)
    running = tuple(batches(2, MEAN, VARIANCE))
    rows = [layer(x, (m, v), k, X) for x, m, v, k in zip(xs, *running, masks)]
    expected = jax.tree.map(lambda *r: jnp.stack(r), *rows)
    mapped = jax.vmap(layer, (0, 0, 0, None))
    assert_close(mapped(xs, running, masks, X), expected)


def test_vmap_and_gradients():
    xs, scales = batches(3, X, SCALE)
    gradient = jax.grad(loss, (0, 1, 2))
    rows = [gradient(x, scale, OFFSET) for x, scale in zip(xs, scales)]
    expected = jax.tree.map(lambda *r: jnp.stack(r), *rows)
    mapped = jax.vmap(gradient, (0, 0, None))
    assert_close(mapped(xs, scales, OFFSET), expected)
    # The gradient of a mapped function; the offset is one for all.
    summed = jax.grad(
        lambda *a: jax.vmap(loss, (0, 0, None))(*a).sum(), (0, 1, 2))
    assert_close(summed(xs, scales, OFFSET),
                 (*expected[:2], expected[2].sum(0)))


def test_nested_vmap():
    xs = jnp.stack(batches(2, *batches(2, X)))[0]
    layer = lambda x: bn.training(x, SCALE, axis=1)  # noqa: E731
    nested = jax.vmap(jax.vmap(layer))(xs)
    flat = jax.vmap(layer)(xs.reshape(-1, *SHAPE))
    assert_close(nested, jax.tree.map(
        lambda a: a.reshape(2, -1, *a.shape[1:]), flat))


def test_scan_and_checkpoint():
    def step(carry, x):
        mean, variance, scale = carry
        y, _, _, mean, variance = jax.checkpoint(
            lambda *a: bn.training(*a, axis=1))(
                x, scale, OFFSET, mean, variance)
        return (mean, variance, scale), jnp.sum(y**3)

    def total(scale, xs):
        carry, sums = jax.lax.scan(step, (MEAN, VARIANCE, scale), xs)
        return sums.sum()

    def unrolled(scale, xs):
        return sum(jnp.sum(bn.training(x, scale, OFFSET, axis=1)[0] ** 3)
                   for x in xs)

    (xs,) = batches(3, X)
    assert_close(jax.jit(jax.grad(total, (0, 1)))(SCALE, xs),
                 jax.grad(unrolled, (0, 1))(SCALE, xs))


def test_export():
    from jax import export

    layer = jax.jit(lambda x: bn.training(x, SCALE, axis=1))
    exported = export.export(
        layer,
        disabled_checks=[export.DisabledSafetyCheck.custom_call("bn_mlir")],
    )(X)
    loaded = export.deserialize(exported.serialize())
    assert_same(loaded.call(X), layer(X))


def test_donated_buffers():
    layer = jax.jit(
        lambda x: bn.inference(x, SCALE, OFFSET, MEAN, VARIANCE, axis=1),
        donate_argnums=0)
    expected = bn.inference(X, SCALE, OFFSET, MEAN, VARIANCE, axis=1)
    assert_same(layer(X.copy()), expected)


def test_options_of_the_process_hold_for_compiled_programs():
    layer = jax.jit(lambda x: bn.training(x, SCALE, axis=1))
    expected = layer(X)
    with bn_mlir.knobs.scope(threads=1):
        assert_same(layer(X), expected)


# ---------------------------------------------------------------------------
# Errors
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: bn.training(jnp.arange(4), axis=0), TypeError,
         "expected 'input' to have element type float16, bfloat16, float32 "
         "or float64, got int32"),
        (lambda: bn.training(None), TypeError,
         "expected 'input' to be an array, got None"),
        (lambda: bn.inference(X, SCALE, OFFSET, None, None, axis=1), TypeError,
         "expected 'mean' to be an array, got None"),
        (lambda: bn.batch_norm(X, SCALE, OFFSET, MEAN, None, training=True),
         TypeError, "expected 'running_variance' to be an array, got None"),
        (lambda: bn.training(X, axis=4), ValueError,
         "expected 'axis' to be from -4 to 3, got 4"),
        (lambda: bn.training(X, axis=(1, -3)), ValueError,
         "expected 'axis' to name each dimension once, got 1 again"),
        (lambda: bn.training(X, SCALE[:2], axis=1), ValueError,
         r"expected 'scale' to have shape \(5,\), got \(2,\)"),
        (lambda: bn.training(X, SCALE.astype("float16"), axis=1), TypeError,
         "expected 'scale' to have element type float32 or a wider float, got "
         "float16"),
        (lambda: bn.inference(X, SCALE, OFFSET, MEAN,
                              VARIANCE.astype("bfloat16"), axis=1), TypeError,
         "expected 'variance' to have element type float32 or a wider float, "
         "got bfloat16"),
        (lambda: bn.training(X.astype("bfloat16"), SCALE,
                             OFFSET.astype("bfloat16"), axis=1), TypeError,
         "expected 'offset' to have element type float32, got bfloat16"),
        (lambda: bn.training(X, SCALE, OFFSET, MEAN, axis=1), ValueError,
         "expected 'running_mean' and 'running_variance' or neither, got only "
         "'running_mean'"),
        (lambda: bn.training(X, axis=1, groups=3), ValueError,
         "divisible by 'groups'"),
        (lambda: bn.training(X, axis=1, mask=X[0]), ValueError,
         "expected 'mask' to have rank 4, that of 'input', got 3"),
        (lambda: bn.stats(X, axis=1, mask=X[:, :2]), ValueError,
         "expected 'mask' to have size 1 or 5 in dimension 1, got 2"),
        (lambda: bn.training(X, axis=1, epilogue="add"), ValueError,
         "expected 'addend' exactly when 'epilogue' is 'add' or 'add_relu', "
         "got none and 'add'"),
        (lambda: bn.training(X, axis=1, epilogue="gelu"), ValueError,
         "expected 'epilogue' to be None, 'relu'"),
        (lambda: jax.grad(lambda m: bn.training(X, axis=1, mask=m)[0].sum())(X),
         NotImplementedError,
         "expected 'mask' to be a constant, got one whose gradient is wanted"),
        (lambda: jax.grad(lambda x: bn.training(
            x, axis=1, epilogue="leaky_relu", slope=-1.0)[0].sum())(X),
         ValueError,
         "expected 'slope' to be above 0 where a gradient is wanted"),
        (lambda: jax.hessian(lambda s: loss(X, s, OFFSET))(SCALE),
         Exception, "."),
        (lambda: jax.grad(lambda s: jax.grad(loss, 1)(X, s, OFFSET).sum())(
            SCALE), NotImplementedError,
         "gradients of gradients, and forward mode, are not implemented"),
        (lambda: jax.jvp(loss, (X, SCALE, OFFSET), (X, SCALE, OFFSET)),
         TypeError, "forward-mode"),
    ],
)
def test_errors(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_errors_of_the_handler():
    """What a program that was not made by bn_mlir.jax may do wrong."""
    from bn_mlir.jax import _custom_call

    def call(*operands, **attributes):
        result = jax.ShapeDtypeStruct((2, 3), jnp.float32)
        kernel = jax.ffi.ffi_call(_custom_call.TARGET, result)
        return kernel(*operands, **attributes)

    x, wrong = jnp.ones((2, 3)), jnp.ones((2, 4))
    spec = bn_mlir.Spec("inference", (2, 3), has_scale=False, has_offset=False)
    with pytest.raises(jax.errors.JaxRuntimeError,
                       match="expected the string attribute 'spec', got none"):
        call(x)
    with pytest.raises(jax.errors.JaxRuntimeError,
                       match="bn_mlir: expected the key of a spec, got 'x'"):
        call(x, spec="x")
    with pytest.raises(jax.errors.JaxRuntimeError,
                       match="expected 4 arguments, got 2"):
        call(x, spec=spec.key)
    with pytest.raises(jax.errors.JaxRuntimeError,
                       match=r"expected 'input' to have shape \(2, 3\), got"):
        call(wrong, x[0], x[0], spec=spec.key)
    with pytest.raises(jax.errors.JaxRuntimeError,
                       match="expected 'mean' to have element type f32, got"):
        call(x, x[0].astype("int32"), x[0], spec=spec.key)
    with pytest.raises(jax.errors.JaxRuntimeError, match="XLA's type"):
        call(x, x[0].astype("complex64"), x[0], spec=spec.key)
