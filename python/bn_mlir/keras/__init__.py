# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Keras' layer BatchNormalization on kernels of bn-mlir.

``BatchNormalization`` takes the place of ``keras.layers.BatchNormalization``:
same arguments, weights and files. ``convert`` puts it into a model that is
there, ``revert`` takes it out again.
"""

try:
    import keras as _keras
except ImportError as error:
    raise ImportError(
        "expected the package 'keras' (3.0 or later) for bn_mlir.keras, got "
        f"none that can be imported ({error}): pip install keras"
    ) from error

if int(_keras.__version__.split(".")[0]) < 3:
    raise ImportError(
        f"expected Keras 3.0 or later, got {_keras.__version__}"
    )

from bn_mlir import _core
from bn_mlir.keras.layer import BatchNormalization
from bn_mlir.keras.models import convert, revert

# The cores are the framework's again as soon as a kernel ends.
_core.let_threads_sleep()

__all__ = ["BatchNormalization", "convert", "revert"]
