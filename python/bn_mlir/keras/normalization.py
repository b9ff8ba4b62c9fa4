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
    - ``"renormalized"``: those, and corrections ``r`` and ``d`` towards given
      averages, which are constants and kept within ``limits``;
    - ``"constant"``: given moving ones.
    """

    axis: int
    epsilon: float
    statistics: Literal["batch", "renormalized", "constant"]
    #: r_min, r_max and d_max.
    limits: tuple[float, float, float] = (0.0, float("inf"), float("inf"))

    @property
    def statistics_count(self) -> int:
        """How many results follow the output."""
        return {"batch": 2, "renormalized": 4, "constant": 0}[self.statistics]

    def forward(
        self,
        x: Any,
        scale: Any,
        offset: Any,
        mean: Any = None,
        deviation: Any = None,
        mask: Any = None,
    ) -> tuple[Any, ...]:
        """The output, and the statistics that are not given.

        :param mean: where statistics are given.
        :param deviation: with ``mean``: a variance for ``"constant"``, a
            standard deviation for ``"renormalized"``.
        :returns: the output, with ``"batch"`` followed by mean and variance,
            with ``"renormalized"`` by mean, variance, r and d.
        """
        options = {"axis": self.axis, "epsilon": self.epsilon}
        if self.statistics == "constant":
            return (
                bn_mlir.inference(
                    x, scale, offset, mean, deviation, **options),
            )
        options["mask"] = mask
        if self.statistics == "batch":
            return bn_mlir.training(x, scale, offset, **options)
        r_min, r_max, d_max = self.limits
        return bn_mlir.renormalization(
            x, scale, offset, mean, deviation, r_min=r_min, r_max=r_max,
            d_max=d_max, **options)[: 1 + self.statistics_count]

    def backward(
        self,
        output_grad: Any,
        x: Any,
        scale: Any,
        mask: Any,
        statistics: Sequence[Any],
        which: Sequence[Gradient],
    ) -> tuple[Any, ...]:
        """The gradients that `which` names.

        :param statistics: what ``forward`` found, or the constants it got.
        """
        options = {"axis": self.axis, "epsilon": self.epsilon, "which": which}
        if self.statistics == "constant":
            options["frozen"] = True
        else:
            options["mask"] = mask
        function = (
            bn_mlir.renormalization_backward
            if self.statistics == "renormalized" else bn_mlir.backward)
        return function(output_grad, x, scale, *statistics, **options)
