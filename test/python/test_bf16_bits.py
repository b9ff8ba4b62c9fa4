# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Bits that kernels of bf16 save and read, by registers of masks and by halves
of lanes.
"""

import ml_dtypes
import pytest

from relu_bits import EPILOGUES, check_layer
from test_backward import make_case
from test_rounding import cpu  # noqa: F401: a fixture

#: Rows that end in vectors of all lengths; coefficients of one channel, and of
#: rows of channels, often enough to be copied and seldom.
SHAPES = [((2, 9, 10, 20), 1), ((2, 3, 28, 28), 1), ((3, 5, 40), 1),
          ((24, 4, 8, 40), -1), ((65, 136), -1), ((3, 24), -1)]


@pytest.mark.parametrize("epilogue", EPILOGUES)
@pytest.mark.parametrize("shape, axis", SHAPES)
def test_layers(shape, axis, epilogue):
    dy, x, scale, offset, _ = make_case(shape, axis, ml_dtypes.bfloat16)
    check_layer(dy, x, scale, offset, axis, epilogue)
