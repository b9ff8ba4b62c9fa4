"""Runs kernels of an installed bn_mlir, and says which libraries they used.

utils/build-wheel.sh runs it in an environment with the wheel and without
compilers. Raises when a result is wrong or a library of the system's LLVM is
loaded.
"""

import pathlib
import shutil

import numpy as np

import bn_mlir


def check_results() -> None:
    random = np.random.default_rng(0)
    x = random.standard_normal((8, 5, 9, 7), np.float32) + 100
    scale, offset = random.standard_normal((2, 5), np.float32)
    y, mean, variance = bn_mlir.training(x, scale, offset, axis=1)
    wide = np.float64(x)
    centred = wide - wide.mean((0, 2, 3), keepdims=True)
    expected = (centred / np.sqrt(wide.var((0, 2, 3), keepdims=True) + 1e-3)
                * scale.reshape(5, 1, 1) + offset.reshape(5, 1, 1))
    np.testing.assert_allclose(y, expected, atol=1e-5)
    z = bn_mlir.inference(x, scale, offset, mean, variance, axis=1)
    np.testing.assert_allclose(z, expected, atol=1e-4)
    _, _, offset_grad = bn_mlir.backward(x, x, scale, mean, variance, axis=1)
    np.testing.assert_allclose(offset_grad, wide.sum((0, 2, 3)), rtol=1e-5)


def check_libraries() -> None:
    lines = pathlib.Path("/proc/self/maps").read_text().splitlines()
    files = {line.split()[-1] for line in lines if ".so" in line}
    for name in ("libLLVM", "libMLIR"):
        found = [file for file in files if name in file]
        assert not found, f"expected no {name}, got {found}"
    print("OpenMP:", *(file for file in files if "omp" in file))


assert not shutil.which("cc"), "expected no compiler in PATH"
check_results()
check_libraries()
print("bn_mlir", bn_mlir.__version__, "from", bn_mlir.__path__[0], "works")
