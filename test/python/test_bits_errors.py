# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is said where bits cannot be saved or read."""

import re

import numpy as np
import pytest

import bn_mlir
import reference as ref
from relu_bits import ROWS, make_spec

X = ref.random_array((4, 3, 8), np.float32)
C = np.ones(3, np.float32)
BITS = np.zeros(12, np.int8)


def save(x=X, axis=1, epilogue="relu", **options):
    return bn_mlir.training(x, axis=axis, epilogue=epilogue, save_bits=True,
                            **options)


def read(bits=BITS, epilogue="relu", x=X, c=C, **options):
    return bn_mlir.backward(x, x, c, c, c, axis=1, epilogue=epilogue,
                            bits=bits, **options)


EXPECTED_BITS = (
    "expected 'bits' to have shape (12,) and to be contiguous, as the forward "
    "call has made it, got shape ")
ERRORS = [
    (lambda: save(np.ones((4, 3, 7), np.float32)), ValueError, ROWS + "7"),
    (lambda: save(np.ones((4, 8, 5), np.float32)), ValueError, ROWS + "5"),
    (lambda: save(axis=0, x=X[:, :, :4].copy()), ValueError, ROWS + "12"),
    (lambda: save(np.ones((8, 12), np.float32), axis=-1), ValueError,
     ROWS + "12"),
    (lambda: save(X.transpose(0, 2, 1).copy().transpose(0, 2, 1)), ValueError,
     ROWS + "3"),
    # A mask may keep dimensions apart.
    (lambda: save(np.ones((4, 3, 2, 4), np.float32),
                  mask=np.ones((4, 1, 2, 4))), ValueError, ROWS + "4"),
    (lambda: read(x=np.ones((8, 3, 5), np.float32), bits=np.zeros(15, np.int8)),
     ValueError, ROWS + "5"),
    (lambda: make_spec("training", (8, 3, None), 1, "f32"), ValueError,
     ROWS + "a dynamic size"),
    (lambda: save(epilogue=None), ValueError,
     "expected 'epilogue' to be relu, leaky_relu or add_relu where there are "
     "bits, got none"),
    (lambda: save(epilogue="add", addend=X), ValueError,
     "expected 'epilogue' to be relu, leaky_relu or add_relu where there are "
     "bits, got add"),
    (lambda: bn_mlir.training(X, axis=1, epilogue="relu", save_bits=1),
     TypeError, "expected 'save_bits' to be True or False, got 1"),
    (lambda: bn_mlir.training(X, axis=1, epilogue="relu", save_bits=None),
     TypeError, "expected 'save_bits' to be True or False, got None"),
    (lambda: save(out=(None, None, None)), ValueError,
     "expected 'out' to have 4 entries, got 3"),
    (lambda: save(out=(None,) * 5), ValueError,
     "expected 'out' to have 4 entries, got 5"),
    (lambda: save(running_mean=C, running_variance=C, out=(None,) * 5),
     ValueError, "expected 'out' to have 6 entries, got 5"),
    (lambda: bn_mlir.training(X, axis=1, epilogue="relu",
                              out=(None, None, None, BITS)), ValueError,
     "expected 'out' to have 3 entries, got 4"),
    (lambda: save(out=(None, None, None, BITS.view(np.uint8))), TypeError,
     "expected 'bits' to have element type int8, got uint8"),
    (lambda: save(out=(None, None, None, BITS[:11])), ValueError,
     "expected 'bits' to have shape (12,), that of the bits of 'input', got "
     "(11,)"),
    (lambda: save(out=(None, None, None, np.zeros(24, np.int8)[::2])),
     ValueError, "expected 'bits' to have strides (1,), those of the bits of "
     "'input', got (2,)"),
    (lambda: save(out=(None, None, None, np.zeros((4, 3, 1), np.int8))),
     ValueError, "expected 'bits' to have shape (12,), that of the bits of "
     "'input', got (4, 3, 1)"),
    (lambda: read(BITS.view(np.uint8)), TypeError,
     "expected 'bits' to have element type int8, got uint8"),
    (lambda: read(BITS.astype(bool)), TypeError,
     "expected 'bits' to have element type int8, got bool"),
    (lambda: read(X), TypeError,
     "expected 'bits' to have element type int8, got float32"),
    (lambda: read([0] * 12), TypeError,
     "expected 'bits' to be an array of NumPy or one with DLPack, got list"),
    (lambda: read(BITS[:11]), ValueError,
     EXPECTED_BITS + "(11,) with strides (1,)"),
    (lambda: read(np.zeros(96, np.int8)), ValueError,
     EXPECTED_BITS + "(96,) with strides (1,)"),
    (lambda: read(BITS.reshape(4, 3)), ValueError,
     EXPECTED_BITS + "(4, 3) with strides (3, 1)"),
    (lambda: read(np.zeros(24, np.int8)[::2]), ValueError,
     EXPECTED_BITS + "(12,) with strides (2,)"),
    (lambda: read(BITS[::-1]), ValueError,
     EXPECTED_BITS + "(12,) with strides (-1,)"),
    (lambda: read(epilogue=None), ValueError,
     "expected none of 'output', 'bits' and 'offset' where 'epilogue' is None, "
     "got 'bits'"),
    (lambda: read(epilogue="add"), ValueError,
     "expected none of 'output', 'bits' and 'offset' where 'epilogue' is "
     "'add', got 'bits'"),
    (lambda: read(output=X), ValueError,
     "expected one of 'output', 'bits' and 'offset' where 'epilogue' is "
     "'relu', got 'output' and 'bits'"),
    (lambda: read(offset=None), ValueError, "got 'bits' and 'offset'"),
    (lambda: read(output=X, offset=C), ValueError,
     "got 'output' and 'bits' and 'offset'"),
    (lambda: read(None), ValueError,
     "expected one of 'output', 'bits' and 'offset' where 'epilogue' is "
     "'relu', got none"),
    (lambda: read(which=("addend",)), ValueError,
     "expected 'epilogue' to be add or add_relu, whose addend has a gradient, "
     "got relu"),
    (lambda: make_spec("backward", (4, 24), -1, "f32", epilogue="relu",
                       recomputes_output=True), ValueError,
     "expected 'recomputesOutput' to be false where there are bits, got true"),
    (lambda: make_spec("stats", (4, 24), -1, "f32", epilogue=None), ValueError,
     "expected no 'hasBits' for the kind stats, got true"),
    (lambda: make_spec("training", (4, 24), -1, "f32", renormalized=True),
     ValueError, "expected 'isRenormalized' to be false where there are bits, "
     "got true"),
]


@pytest.mark.parametrize("index", range(len(ERRORS)))
def test_error(index):
    function, kind, message = ERRORS[index]
    with pytest.raises(kind, match=re.escape(message)):
        function()


def test_bits_are_not_another_result():
    """What backward still has to read is not overwritten."""
    memory = np.zeros(X.nbytes, np.int8)
    y = memory.view(np.float32).reshape(X.shape)
    with pytest.raises(ValueError, match="expected 'bits' not to overlap "
                                         "'output'"):
        save(out=(y, None, None, memory[:12]))
    with pytest.raises(ValueError, match="expected 'input_grad' not to overlap "
                                         "'bits'"):
        read(memory[:12], out=(y, None, None))
