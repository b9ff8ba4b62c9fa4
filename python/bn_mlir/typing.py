# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The types in the signatures of bn_mlir."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeVar, Union

__all__ = [
    "A",
    "Array",
    "Axis",
    "Epilogue",
    "Gradient",
    "Kind",
    "Out",
    "StatisticsKind",
    "VarianceKind",
]


class Array(Protocol):
    """An array of NumPy, or of any framework with DLPack."""

    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any: ...


#: Results are of the framework of the input.
A = TypeVar("A", bound=Array)

#: The dimension of the channels, or several.
Axis = Union[int, Sequence[int]]

#: The first result, or an entry per result; None for a new one.
Out = Union[Array, Sequence[Union[Array, None]], None]

Gradient = Literal["input", "scale", "offset", "addend"]

#: What happens to normalized elements before they are written.
Epilogue = Literal["relu", "leaky_relu", "add", "add_relu"]

VarianceKind = Literal["population", "sample"]

StatisticsKind = Literal["variance", "inverse_std"]

#: The ops of the dialect.
Kind = Literal[
    "training",
    "inference",
    "backward",
    "stats",
    "merge_stats",
    "update_running_stats",
    "normalize",
    "backward_reduce",
    "backward_input",
]
