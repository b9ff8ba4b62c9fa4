"""What the peers that are made of PyTorch share."""

from __future__ import annotations

import numpy as np

from ..arrays import Data, get_dtype, get_slope
from ..cases import EPSILON, Case
from . import Variant


def to_torch(array: np.ndarray):
    """A tensor on the memory of `array`; bf16, too."""
    import torch

    if array.dtype == get_dtype("bf16"):
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def to_logical(tensor, case: Case):
    """A view whose dimension 1 is the channels, as PyTorch wants it."""
    return tensor.movedim(-1, 1) if case.layout == "nhwc" else tensor


def to_memory(tensor, case: Case) -> np.ndarray:
    """The array in memory order, in the element type or as float32."""
    import torch

    if case.layout == "nhwc":
        tensor = tensor.movedim(1, -1)
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    return tensor.contiguous().numpy()


def get_differentiate(case: Case):
    """The gradients of x, scale, offset and the addend, in the operators that
    PyTorch calls; that of the addend is the one behind the ReLU."""
    import torch

    aten, slope = torch.ops.aten, get_slope(case)

    def differentiate(dy, saved, x, scale, mean, inverse):
        if case.epilogue == "leaky_relu":
            dy = aten.leaky_relu_backward.default(dy, saved, slope, True)
        elif case.has_relu:
            dy = aten.threshold_backward.default(dy, saved, 0)
        gradients = aten.native_batch_norm_backward.default(
            dy, x, scale, None, None, mean, inverse, True, EPSILON,
            [True, True, True])
        return (*gradients, dy) if case.adds else gradients

    return differentiate


def apply_epilogue(y, addend, case: Case):
    """In place, as networks for images are written."""
    import torch

    if case.adds:
        y += addend
    if case.epilogue == "leaky_relu":
        return torch.nn.functional.leaky_relu_(y, get_slope(case))
    return torch.relu_(y) if case.has_relu else y


class Arguments:
    """The arrays of a case as tensors, without copies."""

    def __init__(self, case: Case, data: Data):
        import torch

        torch.set_num_threads(case.threads)
        self.case = case
        if case.kind == "backward":
            self.output_grad = to_logical(to_torch(data.output_grad), case)
        self.x = to_logical(to_torch(data.x), case)
        self.output = to_logical(to_torch(data.output), case)
        self.scale = to_torch(data.scale)
        self.offset = to_torch(data.offset)
        self.mean = to_torch(data.mean)
        self.variance = to_torch(data.variance)
        self.addend, self.saved = (
            None if a is None else to_logical(to_torch(a), case)
            for a in (data.addend, data.saved))
        self.results: tuple = ()

    def make_gradients(self, function) -> Variant:
        """The gradients of the layer in training, by a function with the
        arguments of `differentiate`: what was saved in the forward call are
        mean, inverse deviation and the output of a ReLU."""
        import torch

        inverse = torch.rsqrt(self.variance + EPSILON)
        arguments = (self.output_grad, self.saved, self.x, self.scale,
                     self.mean, inverse)

        @torch.inference_mode()
        def call() -> None:
            self.results = ()
            self.keep(*function(*arguments))

        return Variant(call, lambda: to_memory(self.results[0], self.case))

    def keep(self, *results) -> None:
        """The results of the last call; those before are freed first."""
        self.results = results

    def get_statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of native_batch_norm's second and third result."""
        mean, inverse = (r.detach().numpy() for r in self.results[1:3])
        return mean, 1.0 / np.float64(inverse) ** 2 - EPSILON
