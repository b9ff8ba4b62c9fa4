"""TensorFlow: its fused operator in a tf.function."""

from __future__ import annotations

from ..arrays import Data
from ..cases import Case
from . import KEEP_BLOCKS, Variant, _tensorflow

NAME = "tf"
MODULES = ("tensorflow",)
PACKAGES = ("tensorflow_cpu",)


def environment(threads: int) -> dict[str, str]:
    return {"TF_CPP_MIN_LOG_LEVEL": "2", "OMP_NUM_THREADS": str(threads),
            "CUDA_VISIBLE_DEVICES": "", **KEEP_BLOCKS}


def prepare(case: Case, data: Data) -> dict[str, Variant]:
    return _tensorflow.prepare(case, data, jit=False)
