# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""bn_mlir.jax: values, statistics and gradients, and JAX's transformations."""

import pathlib

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed")
hypothesis = pytest.importorskip("hypothesis")

import jax.numpy as jnp  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

import bn_mlir  # noqa: E402
import bn_mlir.jax as bn  # noqa: E402
import reference as ref  # noqa: E402

SHAPE = (4, 5, 6, 7)


@pytest.fixture(autouse=True, scope="module")
def x64():
    with jax.enable_x64(True):
        yield


def make_case(shape=SHAPE, axis=1, dtype="f32", seed=0):
    dtype = ref.DTYPES[dtype]
    x = ref.random_array(shape, dtype, seed)
    return jnp.asarray(x), [
        jnp.asarray(p) for p in ref.parameters(shape, axis, ref.wide(dtype))
    ]


# ---------------------------------------------------------------------------
# Against NumPy at float64
# ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ref.DTYPES)
@pytest.mark.parametrize("shape, axis", ref.SHAPES)
def test_inference(shape, axis, dtype):
    x, (scale, offset, mean, variance) = make_case(shape, axis, dtype)
    y = bn.inference(x, scale, offset, mean, variance, axis=axis)
    assert y.dtype == x.dtype
    expected = ref.inference(
        np.asarray(x), scale, offset, mean, variance, axis)
    ref.assert_close(y, expected)


@pytest.mark.parametrize("dtype", ref.DTYPES)
@pytest.mark.parametrize("shape, axis", ref.SHAPES)
def test_training(shape, axis, dtype):
    x, (scale, offset, old_mean, old_variance) = make_case(shape, axis, dtype)
    y, mean, variance, new_mean, new_variance = jax.jit(
        lambda *arrays: bn.training(
            *arrays, axis=axis, momentum=0.9, running_variance_kind="sample")
    )(x, scale, offset, old_mean, old_variance)
    batch = ref.statistics(np.asarray(x), axis)
    ref.assert_close(mean, batch.mean)
    ref.assert_close(variance, batch.variance)
    expected = ref.running(
        np.asarray(old_mean), np.asarray(old_variance), batch, 0.9, "sample")
    ref.assert_close(new_mean, expected[0])
    ref.assert_close(new_variance, expected[1])
    ref.assert_close(y, ref.inference(
        np.asarray(x), scale, offset, batch.mean, batch.variance, axis))
    assert y.dtype == x.dtype


@pytest.mark.parametrize("dtype", ref.DTYPES)
@pytest.mark.parametrize("frozen", [False, True])
def test_gradients(dtype, frozen):
    x, (scale, offset, mean, variance) = make_case(dtype=dtype)
    output_grad = make_case(dtype=dtype, seed=7)[0]

    def layer(x, scale, offset):
        if frozen:
            return bn.inference(x, scale, offset, mean, variance, axis=1)
        return bn.training(x, scale, offset, axis=1)[0]

    gradients = jax.jit(
        lambda *arrays: jax.vjp(layer, *arrays)[1](output_grad)
    )(x, scale, offset)
    batch = ref.statistics(np.asarray(x), 1)
    if not frozen:
        mean, variance = batch.mean, batch.variance
    expected = ref.backward(
        np.asarray(output_grad), np.asarray(x), scale, mean,
        1 / np.sqrt(np.asarray(variance, np.float64) + 1e-3), 1, frozen)
    for gradient, wanted in zip(gradients, expected):
        ref.assert_close(gradient, wanted)
    assert gradients[0].dtype == x.dtype


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("epilogue", ["relu", "leaky_relu", "add_relu"])
@pytest.mark.parametrize("channels", [8, 5])
def test_gradients_of_a_relu(channels, epilogue, masked, groups):
    """Rows of whole bytes keep bits for them, others the output; mapped, too."""
    rng = np.random.default_rng(3)
    shape = (3, 4, 2, channels)
    x, addend, y_grad = (
        rng.standard_normal(shape).astype(np.float32) for _ in "xay")
    scale, offset = (
        rng.standard_normal(channels).astype(np.float32) for _ in "so")
    mask = None
    if masked:
        mask = rng.integers(0, 2, (4, 2, 1)).astype(np.float32)
        mask[:, 0] = 1
    adds = epilogue == "add_relu"

    def ours(x, scale, offset, addend):
        y = bn.training(
            x, scale, offset, mask=mask, groups=groups, epilogue=epilogue,
            addend=addend if adds else None)[0]
        return y

    def theirs(x, scale, offset, addend):
        y = bn.training(x, scale, offset, mask=mask, groups=groups)[0]
        if adds:
            y = y + addend
        return jnp.where(y > 0, y, 0.01 * y if epilogue == "leaky_relu" else 0)

    def differentiate(function):
        def gradients(x, addend, y_grad):
            _, pull = jax.vjp(function, x, scale, offset, addend)
            return pull(y_grad)[:4 if adds else 3]
        return gradients

    wanted = [differentiate(theirs)(*case) for case in zip(x, addend, y_grad)]
    single = [differentiate(ours)(*case) for case in zip(x, addend, y_grad)]
    mapped = jax.vmap(differentiate(ours))(x, addend, y_grad)
    for i, expected in enumerate(wanted):
        for j, gradient in enumerate(expected):
            np.testing.assert_allclose(single[i][j], gradient, atol=2e-5)
            np.testing.assert_allclose(mapped[j][i], gradient, atol=2e-5)


def test_numpy_functions_of_what_is_traced():
    import jax

    with pytest.raises(TypeError, match="expected 'input' to hold numbers, got "
                       "a .*Tracer: use bn_mlir.jax in what is traced"):
        jax.jit(lambda x: bn_mlir.training(x, axis=1)[0])(jnp.ones((3, 4)))


def test_large_offset():
    """Where XLA's own variance, a difference of squares, has no digit left."""
    x = 1e6 + np.random.default_rng(0).standard_normal(
        (64, 8, 16, 16), np.float32)
    y, _, variance = bn.training(x, axis=1)
    batch = ref.statistics(x, 1)
    np.testing.assert_allclose(variance, batch.variance, rtol=1e-6)
    expected = ref.inference(x, None, None, batch.mean, batch.variance, 1)
    assert np.abs(y - expected).max() < 4e-6


# ---------------------------------------------------------------------------
# Against autodiff of the definition, over all options
# ---------------------------------------------------------------------------


def definition(options, x, scale, offset, mask, addend):
    """Training, written with jax.numpy, for groups that cut dimension 0."""
    groups, axis = options["groups"], options["axis"]
    parts = x.reshape(groups, -1, *x.shape[1:])
    weights = jnp.ones_like(x) if mask is None else mask
    weights = jnp.broadcast_to(weights, x.shape).reshape(parts.shape)
    dims = [d + 1 for d in range(x.ndim) if d not in axis]
    count = weights.sum(dims, keepdims=True)
    safe = jnp.where(count == 0, 1, count)
    mean = (parts * weights).sum(dims, keepdims=True) / safe
    variance = ((parts - mean) ** 2 * weights).sum(dims, keepdims=True) / safe
    y = (parts - mean) / jnp.sqrt(variance + options["epsilon"])
    y = y.reshape(x.shape)
    channels = [s if d in axis else 1 for d, s in enumerate(x.shape)]
    if scale is not None:
        y = y * scale.reshape(channels)
    if offset is not None:
        y = y + offset.reshape(channels)
    if addend is not None:
        y = y + addend
    if options["epilogue"] in ("relu", "add_relu"):
        y = jnp.where(y > 0, y, 0)
    if options["epilogue"] == "leaky_relu":
        y = jnp.where(y > 0, y, y * options["slope"])
    shape = [x.shape[d] for d in axis]
    mean, variance = (v.reshape(groups, *shape) for v in (mean, variance))
    if groups == 1:
        mean, variance = mean[0], variance[0]
    return y, mean, variance


@st.composite
def cases(draw):
    rank = draw(st.integers(2, 4))
    groups = draw(st.sampled_from([1, 1, 2]))
    shape = [draw(st.integers(1, 4)) * groups]
    shape += [draw(st.sampled_from([1, 2, 3, 5, 17])) for _ in range(rank - 1)]
    first = 1 if groups > 1 else 0
    axis = sorted(draw(st.sets(
        st.integers(first, rank - 1), min_size=1, max_size=2)))
    options = {
        "axis": tuple(axis),
        "groups": groups,
        "epsilon": draw(st.sampled_from([1e-3, 1e-1])),
        "epilogue": draw(st.sampled_from(
            [None, "relu", "leaky_relu", "add", "add_relu"])),
        "slope": draw(st.sampled_from([0.5, 0.2])),
    }
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    channels = [shape[d] for d in axis]
    has = [draw(st.booleans()) for _ in range(3)]
    mask_shape = [draw(st.sampled_from([1, s])) for s in shape]
    return options, (
        rng.standard_normal(shape),
        rng.standard_normal(channels) if has[0] else None,
        rng.standard_normal(channels) if has[1] else None,
        rng.uniform(0.0, 2.0, mask_shape) if has[2] else None,
        rng.standard_normal(shape)
        if options["epilogue"] in ("add", "add_relu") else None,
    ), rng


@hypothesis.settings(max_examples=15, deadline=None, derandomize=True,
                     database=None)
@hypothesis.given(cases())
def test_options(case):
    """Results and gradients, those through the statistics as well."""
    options, arrays, rng = case
    arrays = [None if a is None else jnp.asarray(a) for a in arrays]
    x, scale, offset, mask, addend = arrays

    def ours(x, scale, offset, addend):
        return bn.training(
            x, scale, offset, mask=mask, addend=addend, **options)

    def theirs(x, scale, offset, addend):
        return definition(options, x, scale, offset, mask, addend)

    primals = (x, scale, offset, addend)
    results, pull = jax.vjp(ours, *primals)
    expected, pull_expected = jax.vjp(theirs, *primals)
    cotangents = tuple(
        jnp.asarray(rng.standard_normal(r.shape)) for r in expected)
    for a, b in zip(jax.tree.leaves((results, pull(cotangents))),
                    jax.tree.leaves((expected, pull_expected(cotangents))),
                    strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dtype", ref.DTYPES)
def test_stats(dtype, masked):
    x = make_case(dtype=dtype)[0]
    mask = jnp.arange(4).reshape(4, 1, 1, 1) if masked else None
    count, mean, m2 = bn.stats(x, mask=mask, axis=1)
    weights = jnp.broadcast_to(1 if mask is None else mask, x.shape)
    wide = np.asarray(x, np.float64)
    ref.assert_close(count, np.asarray(weights.sum((0, 2, 3)), np.float64))
    expected = np.average(wide, (0, 2, 3), np.asarray(weights))
    ref.assert_close(mean, expected)
    centred = wide - expected[:, None, None]
    ref.assert_close(m2, (centred**2 * weights).sum((0, 2, 3)))


def test_gradients_of_stats():
    x, (scale, *_) = make_case(dtype="f64")
    mask = jnp.arange(4.0).reshape(4, 1, 1, 1)

    def ours(x):
        count, mean, m2 = bn.stats(x, mask=mask, axis=1)
        return jnp.sum(scale * jnp.sin(mean) + jnp.cos(m2 / count))

    def plain(x):
        weights = jnp.broadcast_to(mask, x.shape)
        count = weights.sum((0, 2, 3))
        mean = (x * weights).sum((0, 2, 3)) / count
        m2 = ((x - mean[:, None, None]) ** 2 * weights).sum((0, 2, 3))
        return jnp.sum(scale * jnp.sin(mean) + jnp.cos(m2 / count))

    np.testing.assert_allclose(
        jax.grad(ours)(x), jax.grad(plain)(x), rtol=1e-12, atol=1e-12)


def test_masked_elements_count_for_nothing_in_gradients():
    x = jnp.arange(12.0).reshape(4, 3).at[1].set(jnp.nan)
    mask = jnp.array([1.0, 0.0, 1.0, 1.0])[:, None]

    def loss(x):
        _, mean, m2 = bn.stats(x, mask=mask)
        return jnp.sum(mean * m2)

    gradient = jax.grad(loss)(x)
    expected = jax.grad(lambda x: loss(x))(x.at[1].set(0.0))
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)
    assert not gradient[1].any()


def flags_of_memory(address):
    """What the system says of the mapping that `address` is in."""
    found = False
    with open("/proc/self/smaps") as lines:
        for line in lines:
            name, *rest = line.split()
            if not name.endswith(":"):
                begin, end = (int(part, 16) for part in name.split("-"))
                found = begin <= address < end
            elif found and name == "VmFlags:":
                return rest
    raise ValueError(f"no mapping at {address:#x}")


@pytest.mark.skipif(
    not pathlib.Path("/sys/kernel/mm/transparent_hugepage").exists(),
    reason="the system has no huge pages that are transparent")
def test_large_results_have_huge_pages():
    x, parameters = make_case((4, 8, 512, 512))
    y = jax.jit(bn.inference, static_argnames="axis")(x, *parameters, axis=1)
    middle = y.unsafe_buffer_pointer() + y.nbytes // 2
    assert "hg" in flags_of_memory(middle)
