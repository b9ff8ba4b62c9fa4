"""oneDNN, the package of its makers, through its C interface.

Its CPU engine is a SYCL device, which is found only when OCL_ICD_FILENAMES
names the OpenCL library of the same packages; this works on any x86-64 CPU.
"""

from __future__ import annotations

import ctypes
import pathlib
import sys

import numpy as np

from ..arrays import Data, allocate
from ..cases import EPSILON, Case
from . import Unsupported, Variant

NAME = "onednn"
MODULES = ()
DISTRIBUTIONS = ("onednn",)
PACKAGES = ("onednn",)

PREFIX = pathlib.Path(sys.prefix) / "lib"

# Values of dnnl_types.h.
CPU = 1
DATA_TYPES = {"f16": 1, "bf16": 2, "f32": 3}
FORWARD_TRAINING, FORWARD_INFERENCE, BACKWARD = 64, 96, 128
USE_GLOBAL_STATISTICS, USE_SCALE, USE_SHIFT = 1, 2, 4
STREAM_IN_ORDER = 1
USM = 0
ARGUMENTS = {"src": 1, "dst": 17, "mean": 49, "variance": 50, "scale": 51,
             "shift": 52, "diff_src": 129, "diff_dst": 145, "diff_scale": 255,
             "diff_shift": 256}


def environment(threads: int) -> dict[str, str]:
    return {"OCL_ICD_FILENAMES": str(PREFIX / "libintelocl.so"),
            "LD_LIBRARY_PATH": str(PREFIX)}


class ExecArgument(ctypes.Structure):
    """dnnl_exec_arg_t."""

    _fields_ = [("arg", ctypes.c_int), ("memory", ctypes.c_void_p)]


class Library:
    """The C interface: `lib.f(...)` calls dnnl_f and raises on an error."""

    def __init__(self):
        self._library = ctypes.CDLL(str(PREFIX / "libdnnl.so"))

    def __getattr__(self, name: str):
        function = getattr(self._library, f"dnnl_{name}")

        def call(*arguments) -> None:
            status = function(*arguments)
            if status == 3:
                raise Unsupported("not implemented in oneDNN")
            if status:
                raise RuntimeError(f"dnnl_{name} returned {status}")

        return call

    def make(self, name: str, *arguments) -> ctypes.c_void_p:
        """Calls a function that gives a handle through its first argument."""
        handle = ctypes.c_void_p()
        getattr(self, name)(ctypes.byref(handle), *arguments)
        return handle

    def make_descriptor(self, shape, strides, dtype: str) -> ctypes.c_void_p:
        dims = ctypes.c_int64 * 12
        return self.make("memory_desc_create_with_strides", len(shape),
                         dims(*shape), DATA_TYPES[dtype], dims(*strides))


def describe(lib: Library, case: Case, array: np.ndarray) -> ctypes.c_void_p:
    """The descriptor of x or y: logically N, C, H, W, in memory as they lie."""
    strides = [stride // array.itemsize for stride in array.strides]
    if case.layout == "nhwc":
        strides.insert(1, strides.pop())
    return lib.make_descriptor(case.shape, strides, case.dtype)


def prepare(case: Case, data: Data) -> dict[str, Variant]:
    if case.dtype not in DATA_TYPES:
        raise Unsupported("f64 is not measured")
    lib = Library()
    engine = lib.make("engine_create", CPU, ctypes.c_size_t(0))
    stream = lib.make("stream_create", engine, STREAM_IN_ORDER)
    training = case.kind == "training"
    mean, variance = data.mean, data.variance
    if training:
        mean, variance = (allocate((case.channels,), "f32") for _ in "mv")
    arrays = {"src": data.x, "mean": mean, "variance": variance,
              "scale": data.scale}
    if case.kind == "backward":
        scale_grad, offset_grad = (allocate((case.channels,), "f32")
                                   for _ in "so")
        arrays |= {"diff_src": data.output, "diff_dst": data.output_grad,
                   "diff_scale": scale_grad, "diff_shift": offset_grad}
    else:
        arrays |= {"dst": data.output, "shift": data.offset}
    tensor = describe(lib, case, data.x)
    channel = lib.make_descriptor((case.channels,), (1,), "f32")
    inference = case.kind == "inference"
    flags = USE_SCALE | USE_SHIFT | (USE_GLOBAL_STATISTICS if inference else 0)
    descriptor = lib.make(
        "batch_normalization_forward_primitive_desc_create", engine,
        FORWARD_INFERENCE if inference else FORWARD_TRAINING, tensor, tensor,
        ctypes.c_float(EPSILON), flags, None)
    if case.kind == "backward":
        descriptor = lib.make(
            "batch_normalization_backward_primitive_desc_create", engine,
            BACKWARD, tensor, tensor, tensor, ctypes.c_float(EPSILON), flags,
            descriptor, None)
    primitive = lib.make("primitive_create", descriptor)
    arguments = (ExecArgument * len(arrays))()
    for argument, (name, array) in zip(arguments, arrays.items()):
        argument.arg = ARGUMENTS[name]
        argument.memory = lib.make(
            "sycl_interop_memory_create",
            tensor if array.ndim > 1 else channel, engine, USM,
            ctypes.c_void_p(array.ctypes.data))
    execute, wait = lib.primitive_execute, lib.stream_wait

    def call() -> None:
        execute(primitive, stream, len(arguments), arguments)
        wait(stream)

    return {"": Variant(call, lambda: (arrays, data.output)[1],
                        lambda: (mean, variance))}
