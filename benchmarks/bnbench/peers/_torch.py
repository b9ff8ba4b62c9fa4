"""What the peers that are made of PyTorch share."""

from __future__ import annotations

import numpy as np

from ..arrays import Data, get_dtype
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
        self.results: tuple = ()

    def make_gradients(self, operator) -> Variant:
        """The gradients of the layer in training, by an operator with the
        arguments of native_batch_norm_backward: what was saved in the forward
        call are mean and inverse deviation."""
        import torch

        inverse = torch.rsqrt(self.variance + EPSILON)
        arguments = (self.output_grad, self.x, self.scale, None, None,
                     self.mean, inverse, True, EPSILON, [True, True, True])

        @torch.inference_mode()
        def call() -> None:
            self.results = ()
            self.keep(*operator(*arguments))

        return Variant(call, lambda: to_memory(self.results[0], self.case))

    def keep(self, *results) -> None:
        """The results of the last call; those before are freed first."""
        self.results = results

    def get_statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of native_batch_norm's second and third result."""
        _, mean, inverse = (r.detach().numpy() for r in self.results)
        return mean, 1.0 / np.float64(inverse) ** 2 - EPSILON
