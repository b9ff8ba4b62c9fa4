# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The layer itself, whatever the backend."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from math import inf
from types import ModuleType
from typing import Any

import keras
from keras import backend, ops

from bn_mlir.keras.normalization import Normalization

__all__ = ["BatchNormalization", "functions"]

_BACKENDS = ("jax", "numpy", "tensorflow", "torch")
_FLOATS = ("float16", "bfloat16", "float32", "float64")


def _load_backend() -> ModuleType:
    """The module for the backend that Keras runs on."""
    name = keras.config.backend()
    if name not in _BACKENDS:
        raise ImportError(
            f"expected Keras on one of the backends {', '.join(_BACKENDS)}, "
            f"got '{name}'"
        )
    return importlib.import_module(f"bn_mlir.keras.backend_{name}")


# A process has one backend: Keras reads KERAS_BACKEND when it is imported.
functions = _load_backend()


def _read(weight: keras.Variable, dtype: str) -> Any:
    """The value of `weight` as `dtype`. That of a new float64 one on NumPy is
    an array of float32, which a cast of the weight itself would not see.
    """
    return ops.cast(ops.convert_to_tensor(weight), dtype)


@keras.saving.register_keras_serializable(package="bn_mlir")
class BatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization on kernels that are compiled for its very shape.

    Arguments, weights, masks, types and behaviour are those of
    ``keras.layers.BatchNormalization``, see there. Each step reads the data as
    rarely as it can, keeps nothing of its size but the input and the output,
    and computes float16 and bfloat16 in float32 without a copy in float32.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.supports_jit = functions.SUPPORTS_JIT

    def build(self, input_shape: tuple[Any, ...]) -> None:
        rank = len(input_shape)
        if not -rank <= self.axis < rank:
            raise ValueError(
                f"expected 'axis' to be from {-rank} to {rank - 1}, got "
                f"{self.axis}"
            )
        super().build(input_shape)

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        dtype = backend.standardize_dtype(inputs.dtype)
        wide = "float64" if dtype == "float64" else "float32"
        if dtype not in _FLOATS:
            inputs = ops.cast(inputs, wide)
        gamma = _read(self.gamma, wide) if self.scale else None
        beta = _read(self.beta, wide) if self.center else None
        if mask is not None:
            mask = self._convert_mask(mask, inputs)
        if training and self.trainable:
            # Keras before 3.13 has no renorm.
            is_renorm = getattr(self, "renorm", False)
            train = self._renormalize if is_renorm else self._normalize
            # Keras has statistics of masked data of the replica alone.
            if self.synchronized and mask is None:
                train = partial(self._synchronize, train)
            outputs = train(inputs, gamma, beta, mask, wide)
        else:
            (outputs,) = functions.apply(
                Normalization(self.axis, self.epsilon, "constant"),
                inputs, gamma, beta, _read(self.moving_mean, wide),
                _read(self.moving_variance, wide))
        return ops.cast(outputs, self.compute_dtype)

    def _convert_mask(self, mask: Any, inputs: Any) -> Any:
        if len(mask.shape) != len(inputs.shape) - 1:
            raise ValueError(
                f"expected 'mask' to have rank {len(inputs.shape) - 1}, one "
                f"less than the input of shape {tuple(inputs.shape)}, got "
                f"shape {tuple(mask.shape)}"
            )
        return ops.cast(ops.expand_dims(mask, axis=-1), "bool")

    def _normalize(
        self, inputs: Any, gamma: Any, beta: Any, mask: Any, wide: str
    ) -> Any:
        normalization = Normalization(self.axis, self.epsilon, "batch")
        outputs, mean, variance = functions.apply(
            normalization, inputs, gamma, beta, mask=mask)
        self._update_statistics(mean, variance)
        return outputs

    def _update_statistics(self, mean: Any, variance: Any) -> None:
        for moving, new in ((self.moving_mean, mean),
                            (self.moving_variance, variance)):
            old = _read(moving, new.dtype)
            moving.assign(old * self.momentum + new * (1.0 - self.momentum))

    def _renormalize(
        self, inputs: Any, gamma: Any, beta: Any, mask: Any, wide: str
    ) -> Any:
        """Normalizes with statistics that are corrected by averages of earlier
        ones.

        Keras moves its averages; the kernel's, which stay where everything is
        masked, are not asked for.
        """
        given = {name: limit for name, limit in self.renorm_clipping.items()
                 if limit is not None}
        limits = (given.get("rmin", -inf), given.get("rmax", inf),
                  given.get("dmax", inf))
        normalization = Normalization(
            self.axis, self.epsilon, "renormalized", limits)
        outputs, mean, variance, _, _ = functions.apply(
            normalization, inputs, gamma, beta,
            _read(self.renorm_mean, wide),
            _read(self.renorm_stddev, wide), mask)
        self._update_renorm_statistics(mean, variance)
        return outputs

    def _synchronize(
        self, train: Callable[..., Any], inputs: Any, gamma: Any, beta: Any,
        mask: None, wide: str
    ) -> Any:
        """Normalizes with statistics of all replicas, where there are some;
        otherwise as `train` does. Keras has this on TensorFlow only.
        """
        from bn_mlir.keras import replicas_tensorflow as replicas

        if replicas.count_replicas() == 1:
            return train(inputs, gamma, beta, mask, wide)
        statistics = replicas.compute_statistics(inputs, self.axis)
        mean, variance = (ops.cast(s, wide) for s in statistics[1:])
        if getattr(self, "renorm", False):
            r, d, _, _ = self._renorm_correction_and_moments(mean, variance)
            gamma, beta = self._compose_transforms(r, d, gamma, beta, wide)
            self._update_renorm_statistics(mean, variance)
        else:
            self._update_statistics(mean, variance)
        return replicas.normalize(
            inputs, gamma, beta, statistics, self.axis, self.epsilon)
