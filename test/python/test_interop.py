# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Arrays of PyTorch and of JAX. Where one is not installed, its tests say so:
utils/requirements.txt does not ask for them, because they are large.
"""

import ctypes
import gc

import numpy as np
import pytest

import bn_mlir
import reference as ref

SHAPE = (4, 5, 6, 7)
TORCH_DTYPES = {"f16": "float16", "bf16": "bfloat16", "f32": "float32",
                "f64": "float64"}


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed")


@pytest.fixture
def jnp():
    return pytest.importorskip("jax.numpy", reason="JAX is not installed")


def to_numpy(tensor):
    return tensor.detach().double().numpy()


def make_case(torch, dtype="f32"):
    name = getattr(torch, TORCH_DTYPES[dtype])
    x = torch.randn(SHAPE).to(name)
    wide = torch.float64 if dtype == "f64" else torch.float32
    return x, [torch.rand(5).to(wide) + 0.5 for _ in range(4)]


@pytest.mark.parametrize("dtype", TORCH_DTYPES)
@pytest.mark.parametrize("channels_last", [False, True])
def test_torch(torch, dtype, channels_last):
    x, arguments = make_case(torch, dtype)
    if channels_last:
        x = x.to(memory_format=torch.channels_last)
    y = bn_mlir.inference(x, *arguments, axis=1)
    assert isinstance(y, torch.Tensor)
    assert y.dtype == x.dtype and y.stride() == x.stride()
    expected = ref.inference(
        to_numpy(x), *map(to_numpy, arguments), 1)
    digits = torch.finfo(x.dtype).eps
    np.testing.assert_allclose(
        to_numpy(y), expected, rtol=digits, atol=4e-6)
    results = bn_mlir.training(x, *arguments, axis=1)
    assert all(isinstance(result, torch.Tensor) for result in results)
    module = torch.nn.functional.batch_norm(
        x.double(), arguments[2].double(), arguments[3].double(),
        arguments[0].double(), arguments[1].double(), training=True, eps=1e-3)
    np.testing.assert_allclose(
        to_numpy(results[0]), module.numpy(), rtol=digits, atol=4e-6)


def test_torch_channels_last_is_the_channels_last_kernel(torch):
    x, arguments = make_case(torch)
    nhwc = x.permute(0, 2, 3, 1).contiguous()
    expected = bn_mlir.inference(nhwc, *arguments, axis=-1)
    before = bn_mlir.compile_statistics()
    y = bn_mlir.inference(
        x.to(memory_format=torch.channels_last), *arguments, axis=1)
    assert bn_mlir.compile_statistics() == before
    assert torch.equal(y.permute(0, 2, 3, 1), expected)


@pytest.mark.parametrize("channels_last", [False, True])
def test_torch_mask(torch, channels_last):
    x, _ = make_case(torch)
    mask = torch.rand(x.shape[0], 1, *x.shape[2:]) < 0.5
    expected = bn_mlir.training(
        x.numpy(), axis=1, mask=mask.numpy().astype(np.float32))
    if channels_last:
        x = x.to(memory_format=torch.channels_last)
    results = bn_mlir.training(x, axis=1, mask=mask)
    for actual, result in zip(results, expected):
        np.testing.assert_allclose(actual.numpy(), result, rtol=1e-5, atol=1e-5)


def test_torch_out(torch):
    x, arguments = make_case(torch)
    expected = bn_mlir.inference(x, *arguments, axis=1)
    assert bn_mlir.inference(x, *arguments, axis=1, out=x) is x
    assert torch.equal(x, expected)
    mean = torch.empty(5)
    results = bn_mlir.training(x, axis=1, out=(None, mean, None))
    assert results[1] is mean
    out = torch.empty_like(x, memory_format=torch.channels_last)
    with pytest.raises(ValueError, match="expected 'output' to have strides"):
        bn_mlir.inference(x, *arguments, axis=1, out=out)


def test_torch_results_own_their_memory(torch):
    x, arguments = make_case(torch)
    bn_mlir.clear_pool()
    used = bn_mlir.pool_statistics()["used_bytes"]
    y = bn_mlir.inference(x, *arguments, axis=1)
    part, copy = y[1:, 2], y[1:, 2].clone()
    del y
    gc.collect()
    bn_mlir.inference(x + 1, *arguments, axis=1)
    assert torch.equal(part, copy)
    del part
    gc.collect()
    assert bn_mlir.pool_statistics()["used_bytes"] == used


def test_torch_errors(torch):
    x, arguments = make_case(torch)
    with pytest.raises(ValueError, match=(
            "expected 'scale' without a gradient, got a tensor that requires "
            r"one: use detach\(\) or torch.no_grad\(\)")):
        bn_mlir.inference(
            x, torch.nn.Parameter(arguments[0]), *arguments[1:], axis=1)
    with torch.no_grad():
        y = bn_mlir.inference(
            x, torch.nn.Parameter(arguments[0]), *arguments[1:], axis=1)
    assert torch.equal(y, bn_mlir.inference(x, *arguments, axis=1))
    with pytest.raises(ValueError, match="expected 'input' to be contiguous"):
        bn_mlir.inference(x[:, :, ::2], *arguments, axis=1)
    with pytest.raises(TypeError, match="expected 'input' to have element "
                                        "type"):
        bn_mlir.inference(x.to(torch.int8), *arguments, axis=1)
    if hasattr(torch, "empty"):
        meta = torch.empty(SHAPE, device="meta")
        with pytest.raises((ValueError, TypeError, RuntimeError,
                            BufferError)):
            bn_mlir.inference(meta, *arguments, axis=1)


def test_torch_and_numpy_mix(torch):
    x, arguments = make_case(torch)
    arrays = [argument.numpy() for argument in arguments]
    y = bn_mlir.inference(x, *arrays, axis=1)
    assert isinstance(y, torch.Tensor)
    z = bn_mlir.inference(x.numpy(), *arguments, axis=1)
    assert isinstance(z, np.ndarray)
    np.testing.assert_array_equal(y.numpy(), z)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_jax(jnp, dtype):
    x = jnp.asarray(ref.random_array(SHAPE, np.float32)).astype(dtype)
    arguments = [
        jnp.asarray(a) for a in ref.parameters(SHAPE, 1, ref.DTYPES["f32"])
    ]
    y = bn_mlir.inference(x, *arguments, axis=1)
    assert type(y) is type(x) and y.dtype == x.dtype
    expected = ref.inference(
        np.asarray(x), *map(np.asarray, arguments), 1)
    ref.assert_close(np.asarray(y), expected)
    results = bn_mlir.training(x, *arguments, axis=1)
    assert all(type(result) is type(x) for result in results)
    with pytest.raises(ValueError, match="expected 'output' to be writable, "
                                         "got an array of JAX, which never"):
        bn_mlir.inference(x, *arguments, axis=1, out=x)


class Foreign:
    """An array with nothing but DLPack."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_any_array_with_dlpack():
    x = ref.random_array(SHAPE, np.float32)
    arguments = ref.parameters(SHAPE, 1, ref.DTYPES["f32"])
    expected = bn_mlir.inference(x, *arguments, axis=1)
    y = bn_mlir.inference(
        Foreign(x), *map(Foreign, arguments), axis=1)
    np.testing.assert_array_equal(y, expected)
    bn_mlir.inference(Foreign(x), *arguments, axis=1, out=Foreign(x))
    np.testing.assert_array_equal(x, expected)


class Tensor(ctypes.Structure):
    """DLPack's managed tensor, as its C structure."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.c_void_p),
        ("byte_offset", ctypes.c_uint64),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
    ]


class Described:
    """An array of which there is only what DLPack says of it."""

    def __init__(self, device=(1, 0), dtype=(2, 32, 1)):
        self.shape = (ctypes.c_int64 * 2)(2, 3)
        self.tensor = Tensor(None, *device, 2, *dtype, self.shape)

    def __dlpack__(self, **options):
        make = ctypes.pythonapi.PyCapsule_New
        make.restype = ctypes.py_object
        make.argtypes = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p
        return make(ctypes.addressof(self.tensor), b"dltensor", None)

    def __dlpack_device__(self):
        return self.tensor.device_type, self.tensor.device_id


@pytest.mark.parametrize("device, name", [
    ((2, 1), "cuda:1"), ((3, 0), "cuda_host:0"), ((8, 0), "metal:0"),
    ((10, 2), "rocm:2"), ((14, 0), "oneapi:0"),
    ((99, 3), "DLPack device type 99:3"),
])
def test_other_devices_have_names(device, name):
    with pytest.raises(ValueError) as raised:
        bn_mlir.training(Described(device=device))
    assert str(raised.value) == (
        f"expected 'input' to be an array on the CPU, got one on '{name}'")


@pytest.mark.parametrize("dtype, name", [
    ((0, 16, 1), "int16"), ((0, 32, 1), "int32"), ((1, 8, 1), "uint8"),
    ((2, 128, 1), "float128"), ((2, 32, 4), "float32x4"),
    ((5, 64, 1), "complex64"), ((5, 128, 1), "complex128"), ((6, 8, 1), "bool"),
    ((10, 8, 1), "float8_e4m3fn"),
    ((77, 8, 1), "DLPack type code 77 of 8 bits"),
])
def test_other_element_types_have_names(dtype, name):
    with pytest.raises(TypeError) as raised:
        bn_mlir.training(Described(dtype=dtype))
    assert str(raised.value) == (
        "expected 'input' to have element type float16, bfloat16, float32 or "
        f"float64, got {name}")


def test_an_array_that_cannot_be_exported_says_where_it_is():
    class Elsewhere(Foreign):
        device = "meta"

        def __dlpack__(self, **options):
            raise BufferError("no memory")

    with pytest.raises(ValueError, match="expected 'input' to be an array on "
                                         "the CPU, got one on 'meta'"):
        bn_mlir.training(Elsewhere(ref.random_array(SHAPE, np.float32)))
    Elsewhere.device = "cpu"
    with pytest.raises(ValueError, match="expected 'input' to be readable by "
                                         "DLPack, got .*Elsewhere that is "
                                         "not") as raised:
        bn_mlir.training(Elsewhere(ref.random_array(SHAPE, np.float32)))
    assert isinstance(raised.value.__cause__, BufferError)
