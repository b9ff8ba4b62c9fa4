# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Loads the extension module, and with it the libraries of LLVM and MLIR.

TensorFlow has an LLVM and an MLIR of its own, and offers their symbols to the
whole process. What is loaded after it must look at itself first, or half of its
references end in TensorFlow's copy. What was loaded before is bound already.
"""

from __future__ import annotations

import os
import sys

_flags = sys.getdlopenflags()
if "tensorflow" in sys.modules:
    sys.setdlopenflags(_flags | os.RTLD_DEEPBIND)
try:
    import bn_mlir._core  # noqa: F401
finally:
    sys.setdlopenflags(_flags)
