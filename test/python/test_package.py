# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Spec, compile and Kernel; the options; what the package shows of itself."""

import inspect
import pathlib
import subprocess
import sys
import timeit

import ml_dtypes
import numpy as np
import pytest

import bn_mlir
import reference as ref

PHASES = ["input", "bn", "tiled", "linalg", "vector", "buffer", "llvm"]


def training_spec(shape=(4, 5, 6), **options):
    return bn_mlir.Spec(
        "training", shape, axis=1, has_running_stats=False, **options)


def test_kernel_of_a_spec():
    kernel = bn_mlir.compile(training_spec())
    x = ref.random_array((4, 5, 6), np.float32)
    scale, offset, _, _ = ref.parameters(x.shape, 1, ref.DTYPES["f32"])
    expected = bn_mlir.training(x, scale, offset, axis=1)
    for result, ideal in zip(kernel(x, scale, offset), expected):
        np.testing.assert_array_equal(result, ideal)
    results = kernel(x, scale, offset, out=x)
    assert results[0] is x
    np.testing.assert_array_equal(x, expected[0])
    with pytest.raises(TypeError, match="expected 3 arrays, input, scale, "
                                        "offset, got 1"):
        kernel(x)
    with pytest.raises(ValueError, match="expected 'input' to have shape "
                                         r"\(4, 5, 6\), got \(4, 5, 7\)"):
        kernel(np.ones((4, 5, 7), np.float32), scale, offset)


def test_dynamic_sizes():
    kernel = bn_mlir.compile(
        bn_mlir.Spec("inference", (None, None, 3), axis=1, dtype=np.float16))
    assert kernel.arguments[0] == (
        "input", "f16", (None, None, 3), "read")
    for shape in ((4, 5, 3), (1, 2, 3), (0, 2, 3)):
        x = ref.random_array(shape, np.float16)
        arguments = ref.parameters(shape, 1, ref.DTYPES["f32"])
        ref.assert_close(
            kernel(x, *arguments), ref.inference(x, *arguments, 1))


def test_texts():
    kernel = bn_mlir.compile(training_spec((32, 64, 28, 28)))
    assert list(kernel.ir) == kernel.ir.keys() == PHASES
    assert len(kernel.ir) == len(PHASES) and "tiled" in kernel.ir
    assert "bn.training" in kernel.ir["input"]
    assert "bn.lowering_strategy" in kernel.ir["tiled"]
    assert "linalg." in kernel.ir["linalg"]
    assert "vector<" in kernel.ir["vector"]
    assert "llvm.func" in kernel.ir["llvm"]
    assert kernel.ir["bn"] is kernel.ir["bn"]
    assert kernel.strategy.startswith("#bn.lowering_strategy<")
    assert "batch_norm:" in kernel.asm or "batch_norm" in kernel.asm
    assert len(kernel.source_hash) == 64
    with pytest.raises(KeyError, match="expected one of the phases input, bn"):
        kernel.ir["cubin"]


def test_specs_are_keys():
    same = bn_mlir.Spec("training", [4, 5, 6], axis=-2,
                        has_running_stats=False, dtype="f32")
    assert same == training_spec() and hash(same) == hash(training_spec())
    assert training_spec() != training_spec(dtype=ml_dtypes.bfloat16)
    assert same.kind == "training"
    assert repr(same).startswith("<bn_mlir.Spec training f32 shape 4x5x6")


MODULE = """
func.func @twice(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  %0 = linalg.add ins(%x, %x : tensor<?xf32>, tensor<?xf32>)
      outs(%y : tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
func.func @nothing() {
  return
}
"""


def test_kernel_of_a_module():
    kernel = bn_mlir.compile(MODULE, "twice")
    x = ref.random_array(7, np.float32)
    np.testing.assert_array_equal(kernel(x, np.empty_like(x)), 2 * x)
    assert bn_mlir.compile(MODULE, "nothing")() is None
    with pytest.raises(bn_mlir.CompileError, match=(
            "expected the name of one of the public functions 'twice', "
            "'nothing', got none")):
        bn_mlir.compile(MODULE)
    with pytest.raises(TypeError, match="expected 'out' to be None"):
        kernel(x, x, out=x)


def test_options_scope(tmp_path):
    config = bn_mlir.config
    with bn_mlir.knobs.scope(threads=1, dump_dir=str(tmp_path)):
        assert config.threads == 1
        bn_mlir.training(np.ones((3, 4), np.float32))
    assert config.threads == 0 and config.dump_dir == ""
    assert (tmp_path / "00-input.mlir").exists()
    assert (tmp_path / "08-kernel.s").exists()
    with pytest.raises(ValueError, match="expected 'threads' to be from 0 to 1024, "
                                         "got -1"):
        config.threads = -1
    with pytest.raises(TypeError, match="expected options among threads"):
        with bn_mlir.knobs.scope(thread=1):
            pass


def run_python(code, **environment):
    import os

    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True,
        env=dict(os.environ, **environment))


def test_options_of_the_environment(tmp_path):
    code = ("import bn_mlir, numpy\n"
            "bn_mlir.training(numpy.ones((3, 4), numpy.float32))\n"
            "c = bn_mlir.config\n"
            "print(c.threads, c.pool_limit, c.disk_cache, "
            "bn_mlir.compile_statistics()['disk_hits'])")
    options = dict(BN_THREADS="1", BN_POOL_LIMIT="3M",
                   BN_CACHE_DIR=str(tmp_path))
    assert run_python(code, **options).stdout == "1 3145728 True 0\n"
    assert run_python(code, **options).stdout == "1 3145728 True 1\n"
    options["BN_DISK_CACHE"] = "0"
    assert run_python(code, **options).stdout == "1 3145728 False 0\n"
    assert ("ValueError: BN_THREADS: expected an integer, got 'many'"
            ) in run_python(
        code, BN_THREADS="many").stderr


def test_knobs_are_complete():
    options = {
        name for name in dir(bn_mlir.config) if not name.startswith("_")
    }
    assert options == set(bn_mlir.knobs.KNOBS)
    page = pathlib.Path(__file__).parents[2] / "docs" / "Python.md"
    text = page.read_text()
    for option, (variable, _) in bn_mlir.knobs.KNOBS.items():
        assert f"`{option}`" in text and f"`{variable}`" in text


def test_everything_is_documented_and_typed():
    package = pathlib.Path(bn_mlir.__file__).parent
    stub = (package / "_core.pyi").read_text()
    assert (package / "py.typed").exists()
    for name in bn_mlir.__all__:
        value = getattr(bn_mlir, name)
        if inspect.ismodule(value) or isinstance(value, str):
            continue
        kind = "class" if inspect.isclass(value) else "def"
        if name != "config":
            assert f"{kind} {name}" in stub, name
        if value is not bn_mlir.CompileError:
            assert inspect.getdoc(value), name


def test_call_overhead():
    """At most 5 microseconds for a call with small arrays."""
    x, c = np.ones((8, 16), np.float32), np.ones(16, np.float32)
    out = np.empty_like(x)

    def measure(function):
        function()
        return min(timeit.repeat(function, number=1000, repeat=30)) * 1e3

    assert measure(lambda: bn_mlir.inference(x, c, c, c, c)) < 5
    assert measure(lambda: bn_mlir.inference(x, c, c, c, c, out=out)) < 5
    assert measure(lambda: bn_mlir.training(x, c, c, c, c)) < 5


def test_without_numpy():
    """The reason is said, and what helps."""
    code = "import sys; sys.modules['numpy'] = None; import bn_mlir"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "ImportError: expected NumPy for bn_mlir, got none: install 'numpy', "
        "or use the Python of build/venv")
