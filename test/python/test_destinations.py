# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a function of a module writes to, and where its results are."""

import numpy as np
import pytest

import bn_mlir

ADD = "linalg.add ins(%x, %x : tensor<4xf32>, tensor<4xf32>) outs({0} : " \
      "tensor<4xf32>) -> tensor<4xf32>"
RETURN = "return {0} : tensor<4xf32>"


def make_function(*lines, arguments="%x: tensor<4xf32>, %y: tensor<4xf32>",
                  results="tensor<4xf32>", callee=""):
    body = "\n".join(lines)
    return bn_mlir.compile(
        f"{callee}\nfunc.func @f({arguments}) -> ({results}) {{\n{body}\n}}",
        "f")


DOUBLE = """
func.func private @double(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %z = linalg.add ins(%x, %x : tensor<4xf32>, tensor<4xf32>)
      outs(%y : tensor<4xf32>) -> tensor<4xf32>
  return %z : tensor<4xf32>
}"""
CALL = "%z = call @double(%x, %y) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>"
LOOP = """
%c0 = arith.constant 0 : index
%c1 = arith.constant 1 : index
%z = scf.for %i = %c0 to %c1 step %c1 iter_args(%t = %y) -> tensor<4xf32> {
  %s = arith.addf %t, %x : tensor<4xf32>
  scf.yield %s : tensor<4xf32>
}"""
BRANCH = """
%c = arith.constant true
%d = scf.if %c -> tensor<4xf32> {
  scf.yield %y : tensor<4xf32>
} else {
  %e = tensor.empty() : tensor<4xf32>
  scf.yield %e : tensor<4xf32>
}
%z = """ + ADD.format("%d")

#: Of arguments x and y, y is written, or neither.
MODULES = {
    "destination": ([f"%z = {ADD.format('%y')}"], {}, True),
    "arithmetic": (["%z = arith.addf %x, %y : tensor<4xf32>"], {}, False),
    "empty": (["%e = tensor.empty() : tensor<4xf32>", f"%z = {ADD.format('%e')}"],
              {}, False),
    "callee": ([CALL], {"callee": DOUBLE}, True),
    "loop": ([LOOP], {}, True),
    "branch": ([BRANCH], {}, True),
    "part": (["%p = tensor.extract_slice %y[0] [4] [1] : tensor<4xf32> to "
              "tensor<4xf32>", f"%z = {ADD.format('%p')}"], {}, True),
    "not writable": (
        [f"%z = {ADD.format('%y')}"],
        {"arguments": "%x: tensor<4xf32>, %y: tensor<4xf32> "
                      "{bufferization.writable = false}"}, False),
    "writable": (
        ["%z = arith.addf %x, %y : tensor<4xf32>"],
        {"arguments": "%x: tensor<4xf32>, %y: tensor<4xf32> "
                      "{bufferization.writable = true}"}, True),
}


@pytest.mark.parametrize("module", MODULES)
def test_what_is_written(module):
    lines, options, is_written = MODULES[module]
    function = make_function(*lines, RETURN.format("%z"), **options)
    assert [access for *_, access in function.arguments] == [
        "read", "read_write" if is_written else "read"]
    x, y = np.arange(4, dtype=np.float32), np.ones(4, np.float32)
    kept = y.copy()
    z = function(x, y)
    sums = module in ("arithmetic", "loop", "writable")
    np.testing.assert_array_equal(z, x + kept if sums else 2 * x)
    np.testing.assert_array_equal(x, np.arange(4))
    if not is_written:
        np.testing.assert_array_equal(y, kept)


def test_what_is_only_read_may_be_read_only():
    function = make_function("%z = arith.addf %x, %y : tensor<4xf32>",
                             RETURN.format("%z"))
    x = np.frombuffer(bytes(16), np.float32)
    np.testing.assert_array_equal(function(x, x), 0)


@pytest.mark.parametrize("result, lines", [
    ("4xf32", []),
    ("2x2xf32", ["%z = tensor.expand_shape %x [[0, 1]] output_shape [2, 2] : "
                 "tensor<4xf32> into tensor<2x2xf32>"]),
    ("2xf32", ["%z = tensor.extract_slice %x[1] [2] [2] : tensor<4xf32> to "
               "tensor<2xf32>"])])
def test_results_in_memory_that_is_only_read_are_copies(result, lines):
    value = "%z" if lines else "%x"
    function = make_function(
        *lines, f"return {value}, {value} : tensor<{result}>, tensor<{result}>",
        arguments="%x: tensor<4xf32>",
        results=f"tensor<{result}>, tensor<{result}>")
    x = np.arange(4, dtype=np.float32)
    expected = x[1::2].copy() if result == "2xf32" else x.copy()
    x.flags.writeable = False
    first, second = function(x)
    for z in (first, second):
        np.testing.assert_array_equal(z.ravel(), expected)
    first[...] = 7
    np.testing.assert_array_equal(x, np.arange(4))
    np.testing.assert_array_equal(second.ravel(), expected)


def test_constants_are_copies():
    function = make_function(
        "%c = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>",
        RETURN.format("%c"), arguments="")
    function()[...] = 7
    np.testing.assert_array_equal(function(), [1, 2, 3, 4])


def test_results_in_memory_of_destinations():
    function = make_function(f"%z = {ADD.format('%y')}", RETURN.format("%z"))
    x, y = np.arange(4, dtype=np.float32), np.ones(4, np.float32)
    z = function(x, y)
    assert np.shares_memory(z, y)
    del y
    np.testing.assert_array_equal(z, 2 * x)


def test_overlap():
    function = make_function(f"%z = {ADD.format('%y')}", RETURN.format("%z"))
    x = np.ones(4, np.float32)
    with pytest.raises(ValueError, match="not to overlap"):
        function(x, x)
    memory = np.ones(6, np.float32)
    with pytest.raises(ValueError, match="not to overlap"):
        function(memory[:4], memory[2:])
