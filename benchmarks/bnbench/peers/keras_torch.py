"""Keras' layer on PyTorch, as it runs without a compiler."""

from __future__ import annotations

from ..arrays import Data
from ..cases import Case
from . import Variant
from ._keras import build_layer, get_statistics
from ._torch import to_torch
from .torch_eager import environment as torch_environment

NAME = "keras.torch"
MODULES = ("keras", "torch")
PACKAGES = ("keras", "torch")


def environment(threads: int) -> dict[str, str]:
    return {"KERAS_BACKEND": "torch", "CUDA_VISIBLE_DEVICES": "",
            **torch_environment(threads)}


def prepare(case: Case, data: Data) -> dict[str, Variant]:
    import torch

    torch.set_num_threads(case.threads)
    layer = build_layer(case, data)
    x = to_torch(data.x)
    results: list = []

    @torch.no_grad()
    def call() -> None:
        results.clear()
        results.append(layer(x, training=case.kind == "training"))

    return {"": Variant(call, lambda: results[0].float().contiguous().numpy(),
                        lambda: get_statistics(layer))}
