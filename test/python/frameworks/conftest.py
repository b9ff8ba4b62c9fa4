# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tests of what needs a framework; each says when its own is not installed."""

import pathlib
import sys

# The reference is that of the other tests.
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
