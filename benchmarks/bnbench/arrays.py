"""Arrays on huge pages, touched, so that kernels are measured, not page tables."""

from __future__ import annotations

import ctypes
import mmap

import numpy as np

from .cases import EPSILON, SLOPE, Case

HUGE_PAGE = 2 << 20


def get_dtype(name: str) -> np.dtype:
    """NumPy's dtype of "f32", "bf16", ..."""
    if name == "bf16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype({"f16": "float16", "f32": "float32", "f64": "float64"}[name])


def allocate(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Returns zeros that start at a huge page, with 64 bytes behind them."""
    kind = get_dtype(dtype)
    count = int(np.prod(shape))
    size = -(-(count * kind.itemsize + 64) // HUGE_PAGE) * HUGE_PAGE
    memory = mmap.mmap(-1, size + HUGE_PAGE,
                       flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_HUGEPAGE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    array = np.frombuffer(memory, np.uint8, size, -address % HUGE_PAGE)
    array[:] = 0
    return array[: count * kind.itemsize].view(kind).reshape(shape)


class Data:
    """The arguments of a case, in memory order; parameters have shape (C,).

    Peers read them, and may write to `output`, which is as large as `x`: the
    place of y, and of the gradient of x, which is asked for with those of scale
    and offset. `output_grad` is None but for gradients. With an epilogue that
    adds, there is `addend`, and for gradients `addend_grad`, the place of its
    gradient. For the gradients of a ReLU there is `saved`, what the forward
    call has written.
    """

    addend = addend_grad = saved = None

    def __init__(self, case: Case, offset: float = 0.25):
        """`offset` is the mean of x, whose deviation is 1."""
        random = np.random.default_rng(1)

        def tensor(center: float, length: int) -> np.ndarray:
            array = allocate(case.memory_shape, case.dtype)
            # A pattern of prime length is as good as random values, and quick.
            pattern = (center + random.standard_normal(length)).astype(
                array.dtype)
            flat = array.reshape(-1)
            for start in range(0, flat.size, length):
                piece = flat[start : start + length]
                piece[:] = pattern[: piece.size]
            return array

        self.x = tensor(offset, 65521)
        self.output_grad = (tensor(0.25, 65519) if case.kind == "backward"
                            else None)
        self.output = allocate(case.memory_shape, case.dtype)
        kind = case.parameter_dtype

        def parameter(center: float) -> np.ndarray:
            array = allocate((case.channels,), kind)
            array[:] = random.uniform(center - 0.5, center + 0.5, array.shape)
            return array

        self.scale = parameter(1.0)
        self.offset = parameter(0.0)
        self.mean = parameter(offset)
        self.variance = parameter(1.0)
        if case.adds:
            self.addend = tensor(0.0, 65497)
        if case.kind == "backward" and case.epilogue:
            self._add_saved(case)

    def _add_saved(self, case: Case) -> None:
        """What the forward call saved: with true statistics, so that peers may
        make that call themselves. Rounding decides whether a ReLU lets pass
        what is nearly 0: no gradient comes from there."""
        self.mean[:], self.variance[:] = get_statistics(self.x, case)
        if case.adds:
            self.addend_grad = allocate(case.memory_shape, case.dtype)
        if not case.has_relu:
            return
        self.saved = allocate(case.memory_shape, case.dtype)
        shape = get_parameter_shape(case)[1:]
        mean, variance, scale, offset = (
            a.reshape(shape)
            for a in (self.mean, self.variance, self.scale, self.offset))
        factor = scale / np.sqrt(variance + EPSILON)
        margin = {"f64": 1e-12, "f32": 1e-5}.get(case.dtype, 0.02)
        for i, image in enumerate(self.x):
            y = (image.astype(mean.dtype) - mean) * factor + offset
            addend = self.addend[i] if case.adds else None
            self.saved[i] = apply_epilogue(y, addend, case)
            if case.adds:
                y += addend.astype(y.dtype)
            self.output_grad[i][np.abs(y) < margin] = 0


def get_parameter_shape(case: Case) -> tuple[int, ...]:
    """The shape in which parameters are broadcast to tensors."""
    return tuple(-1 if d == case.axis else 1 for d in range(len(case.shape)))


def get_statistics(x: np.ndarray, case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the channels, summed in float64."""
    axes = tuple(d for d in range(x.ndim - 1) if d != case.axis - 1)
    wide = get_dtype(case.parameter_dtype)
    count = case.elements // case.channels
    mean = sum(image.astype(wide).sum(axes, np.float64) for image in x) / count
    center = mean.astype(wide).reshape(get_parameter_shape(case)[1:])
    variance = sum(np.square(image.astype(wide) - center).sum(axes, np.float64)
                   for image in x) / count
    return mean, variance


def apply_epilogue(y: np.ndarray, addend: np.ndarray | None,
                   case: Case) -> np.ndarray:
    """What is written of a normalized `y`; `addend` where one is added."""
    if case.adds:
        y = y + addend.astype(y.dtype)
    if case.has_relu:
        y = np.where(y > 0, y, y * get_slope(case))
    return y


def get_slope(case: Case) -> float:
    """What the ReLU of a case multiplies negative elements with."""
    return SLOPE if case.epilogue == "leaky_relu" else 0.0


def get_channel(array: np.ndarray, case: Case, channel: int) -> np.ndarray:
    """The elements of a channel of an array in memory order, as float64."""
    return np.take(array, channel, axis=case.axis).astype(np.float64).ravel()


def reference(case: Case, data: Data, channel: int) -> np.ndarray:
    """What a channel of the output should be, in float64: of y, or of the
    gradient of x with the statistics of `data`."""
    x = get_channel(data.x, case, channel)
    if case.kind == "backward":
        dy = get_channel(data.output_grad, case, channel)
        if case.has_relu:
            saved = get_channel(data.saved, case, channel)
            dy = np.where(saved > 0, dy, dy * get_slope(case))
        r = 1 / np.sqrt(np.float64(data.variance[channel]) + EPSILON)
        hat = (x - data.mean[channel]) * r
        return data.scale[channel] * r * (
            dy - dy.mean() - hat * (dy * hat).mean())
    if case.kind == "inference":
        mean, variance = data.mean[channel], data.variance[channel]
    else:
        mean, variance = x.mean(), x.var()
    factor = data.scale[channel] / np.sqrt(np.float64(variance) + EPSILON)
    y = (x - mean) * factor + data.offset[channel]
    addend = get_channel(data.addend, case, channel) if case.adds else None
    return apply_epilogue(y, addend, case)
