"""TensorFlow: its fused operator, compiled by the XLA inside TensorFlow."""

from __future__ import annotations

from ..arrays import Data
from ..cases import Case
from . import Variant, _tensorflow
from .tensorflow_op import MODULES, PACKAGES, environment

NAME = "xla.tf"
__all__ = ["MODULES", "NAME", "PACKAGES", "environment", "prepare"]


def prepare(case: Case, data: Data) -> dict[str, Variant]:
    return _tensorflow.prepare(case, data, jit=True)
