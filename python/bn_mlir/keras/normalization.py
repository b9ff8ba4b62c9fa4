# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a layer computes in one call, on arrays that the kernels can take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import bn_mlir
from bn_mlir.typing import Gradient

__all__ = ["Normalization"]


@dataclass(frozen=True)
class Normalization:
    """Normalizes with statistics of the batch, or with those that are given.

    ``statistics`` says which, and what they are to the gradient:

    - ``"batch"``: computed from the input, which they depend on;
    - ``"given"``: those of the batch, computed before: they depend on the
      input, too;
    - ``"constant"``: moving ones.
    """

    axis: int
    epsilon: float
    statistics: Literal["batch", "given", "constant"]

    def forward(
        self,
        x: Any,
        scale: Any,
        offset: Any,
        mean: Any = None,
        variance: Any = None,
        mask: Any = None,
    ) -> tuple[Any, ...]:
        """The output, and the statistics where they are of the batch."""
        options = {"axis": self.axis, "epsilon": self.epsilon}
        if self.statistics == "batch":
            return bn_mlir.training(x, scale, offset, mask=mask, **options)
        return (
            bn_mlir.inference(x, scale, offset, mean, variance, **options),
        )

    def backward(
        self,
        output_grad: Any,
        x: Any,
        scale: Any,
        mean: Any,
        variance: Any,
        mask: Any,
        which: Sequence[Gradient],
    ) -> tuple[Any, ...]:
        """The gradients that `which` names."""
        is_constant = self.statistics == "constant"
        return bn_mlir.backward(
            output_grad,
            x,
            scale,
            mean,
            variance,
            mask=None if is_constant else mask,
            axis=self.axis,
            epsilon=self.epsilon,
            frozen=is_constant,
            which=which,
        )
