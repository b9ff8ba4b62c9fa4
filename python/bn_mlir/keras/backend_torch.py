# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""On Keras' backend PyTorch: tensors by DLPack, gradients by autograd."""

from __future__ import annotations

from typing import Any

import torch

from bn_mlir.keras.normalization import Normalization
from bn_mlir.torch._compute import to_layout
from bn_mlir.torch._first_order import compute_first_order

__all__ = ["SUPPORTS_JIT", "apply"]

SUPPORTS_JIT = True


def _dense(x: torch.Tensor) -> torch.Tensor:
    """`x`, copied where its elements do not fill their memory."""
    if x.device.type != "cpu":
        raise ValueError(
            f"expected 'input' in the memory of the CPU, got device "
            f"'{x.device}'"
        )
    like = torch.empty_like(x, device="meta")
    return x if like.stride() == x.stride() else x.contiguous()


class _Normalize(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, normalization: Normalization, x: Any, scale: Any, offset: Any,
        mean: Any, deviation: Any, mask: Any,
    ) -> tuple[Any, ...]:
        results = normalization.forward(
            x, scale, offset, mean, deviation, mask)
        ctx.mark_non_differentiable(*results[1:])
        statistics = results[1:] or (mean, deviation)
        ctx.normalization = normalization
        ctx.save_for_backward(x, scale, mask, *statistics)
        return results

    @staticmethod
    def backward(ctx: Any, output_grad: Any, *_: Any) -> tuple[Any, ...]:
        x, scale, mask, *statistics = ctx.saved_tensors
        places = {"input": 1, "scale": 2, "offset": 3}
        which = [name for name, place in places.items()
                 if ctx.needs_input_grad[place]]

        def compute() -> tuple[Any, ...]:
            gradients = ctx.normalization.backward(
                to_layout(output_grad, x), x, scale, mask, statistics, which)
            return tuple(map(dict(zip(which, gradients)).get, places))

        gradients = compute_first_order(compute, output_grad, x, scale)
        return (None, *gradients, None, None, None)


# Dynamo cannot look into kernels, and interrupts its graph for them.
@torch.compiler.disable
def apply(
    normalization: Normalization, x: Any, scale: Any, offset: Any,
    mean: Any = None, deviation: Any = None, mask: Any = None,
) -> tuple[Any, ...]:
    """What `Normalization.forward` returns."""
    return _Normalize.apply(  # autograd sees a copy
        normalization, _dense(x), scale, offset, mean, deviation, mask)
