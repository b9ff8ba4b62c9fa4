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
USE_GLOBAL_STATISTICS, USE_SCALE, USE_SHIFT, FUSE_NORM_RELU = 1, 2, 4, 8
QUERY_WORKSPACE = 135
STREAM_IN_ORDER = 1
USM = 0
ARGUMENTS = {"src": 1, "dst": 17, "mean": 49, "variance": 50, "scale": 51,
             "shift": 52, "workspace": 64,
             "diff_src": 129, "diff_dst": 145, "diff_scale": 255,
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

    def get_workspace(self, descriptor) -> ctypes.c_void_p:
        """The descriptor of a primitive's workspace; owned by `descriptor`."""
        query = self._library.dnnl_primitive_desc_query_md
        query.restype = ctypes.c_void_p
        return ctypes.c_void_p(query(descriptor, QUERY_WORKSPACE, 0))

    def get_size(self, descriptor) -> int:
        """The bytes of the memory of a descriptor."""
        function = self._library.dnnl_memory_desc_get_size
        function.restype = ctypes.c_size_t
        return function(descriptor)

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


class Context:
    """Builds and runs the primitives of a case."""

    def __init__(self, case: Case, data: Data):
        self.case, self.lib = case, Library()
        lib = self.lib
        self.engine = lib.make("engine_create", CPU, ctypes.c_size_t(0))
        self.stream = lib.make("stream_create", self.engine, STREAM_IN_ORDER)
        self.tensor = describe(lib, case, data.x)
        self.channel = lib.make_descriptor((case.channels,), (1,), "f32")

    def describe_forward(self, propagation: int, flags: int):
        return self.lib.make(
            "batch_normalization_forward_primitive_desc_create", self.engine,
            propagation, self.tensor, self.tensor, ctypes.c_float(EPSILON),
            flags, None)

    def describe_backward(self, forward, flags: int):
        return self.lib.make(
            "batch_normalization_backward_primitive_desc_create", self.engine,
            BACKWARD, self.tensor, self.tensor, self.tensor,
            ctypes.c_float(EPSILON), flags, forward, None)

    def make_workspace(self, descriptor) -> dict[str, np.ndarray]:
        """Where the forward call says what its ReLU has let pass."""
        if not self.case.has_relu:
            return {}
        size = self.lib.get_size(self.lib.get_workspace(descriptor))
        # Whole elements of 8 bytes.
        return {"workspace": allocate((-(-size // 8),), "f64")}

    def make_call(self, descriptor, arrays: dict[str, np.ndarray]):
        """A function that runs a primitive on `arrays`, by name, which the
        caller keeps alive."""
        lib = self.lib
        primitive = lib.make("primitive_create", descriptor)
        arguments = (ExecArgument * len(arrays))()
        for argument, (name, array) in zip(arguments, arrays.items()):
            memory = self.channel if array.ndim == 1 else self.tensor
            if name == "workspace":
                memory = lib.get_workspace(descriptor)
            argument.arg = ARGUMENTS[name]
            argument.memory = lib.make(
                "sycl_interop_memory_create", memory, self.engine, USM,
                ctypes.c_void_p(array.ctypes.data))
        execute, wait = lib.primitive_execute, lib.stream_wait
        stream = self.stream

        def call() -> None:
            execute(primitive, stream, len(arguments), arguments)
            wait(stream)

        return call


def prepare(case: Case, data: Data) -> dict[str, Variant]:
    if case.dtype not in DATA_TYPES:
        raise Unsupported("f64 is not measured")
    if case.epilogue not in ("", "relu"):
        raise Unsupported(f"no {case.epilogue} on the CPU")
    flags = USE_SCALE | USE_SHIFT | (FUSE_NORM_RELU if case.has_relu else 0)
    if case.kind == "backward":
        return prepare_backward(case, data, flags)
    context = Context(case, data)
    mean, variance = data.mean, data.variance
    if case.kind == "training":
        mean, variance = (allocate((case.channels,), "f32") for _ in "mv")
        descriptor = context.describe_forward(FORWARD_TRAINING, flags)
    else:
        descriptor = context.describe_forward(
            FORWARD_INFERENCE, flags | USE_GLOBAL_STATISTICS)
    arrays = get_forward_arrays(data, mean, variance)
    if case.kind == "training":
        arrays |= context.make_workspace(descriptor)
    call = context.make_call(descriptor, arrays)
    return {"": Variant(call, lambda: (arrays, data.output)[1],
                        lambda: (mean, variance))}


def get_forward_arrays(data: Data, mean: np.ndarray,
                       variance: np.ndarray) -> dict[str, np.ndarray]:
    return {"src": data.x, "dst": data.output, "mean": mean,
            "variance": variance, "scale": data.scale, "shift": data.offset}


def prepare_backward(case: Case, data: Data,
                     flags: int) -> dict[str, Variant]:
    context = Context(case, data)
    forward = context.describe_forward(FORWARD_TRAINING, flags)
    descriptor = context.describe_backward(forward, flags)
    scale_grad, offset_grad = (allocate((case.channels,), "f32")
                               for _ in "so")
    arrays = {"src": data.x, "diff_src": data.output,
              "diff_dst": data.output_grad, "mean": data.mean,
              "variance": data.variance, "scale": data.scale,
              "diff_scale": scale_grad, "diff_shift": offset_grad}
    workspace = context.make_workspace(forward)
    if workspace:  # written by the forward call
        statistics = (allocate((case.channels,), "f32") for _ in "mv")
        used = get_forward_arrays(data, *statistics) | workspace
        context.make_call(forward, used)()
    arrays |= workspace
    call = context.make_call(descriptor, arrays)
    return {"": Variant(call, lambda: (arrays, data.output)[1])}
