# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Keras' layer in float64 NumPy, written from its documentation.

On most backends Keras computes in float32 whatever the policy, so that its own
layer cannot say what the digits should be.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Layer:
    """Arguments and weights as those of the layer."""

    axis: int = -1
    momentum: float = 0.99
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    renorm: bool = False
    renorm_clipping: dict = field(default_factory=dict)
    renorm_momentum: float = 0.99
    weights: dict = field(default_factory=dict)

    def expand(self, values, x):
        shape = [1] * x.ndim
        shape[self.axis] = -1
        return np.reshape(values, shape)

    def sum(self, values):
        dims = list(range(values.ndim))
        del dims[self.axis]
        return values.sum(tuple(dims))

    def batch_statistics(self, x, mask):
        """Count, mean and variance; masks are one dimension short."""
        w = np.ones(x.shape)
        if mask is not None:
            w = np.broadcast_to(mask[..., None] != 0, x.shape).astype(float)
        x = np.where(w == 0, 0, x)
        count = self.sum(w)
        safe = np.maximum(count, 1)
        mean = self.sum(x) / safe
        variance = self.sum(w * (x - self.expand(mean, x)) ** 2) / safe
        return w, safe, mean, variance

    def move(self, name, new, momentum):
        self.weights[name] = (
            self.weights[name] * momentum + new * (1 - momentum))

    def renormalize(self, mean, variance):
        """The corrections r and d; the weights move on."""
        w, clip = self.weights, self.renorm_clipping
        deviation = np.sqrt(variance + self.epsilon)
        moving = np.maximum(w["renorm_stddev"], np.sqrt(self.epsilon))
        r = np.clip(deviation / moving, clip.get("rmin", 0),
                    clip.get("rmax", np.inf))
        limit = clip.get("dmax", np.inf)
        d = np.clip((mean - w["renorm_mean"]) / moving, -limit, limit)
        self.move("renorm_mean", mean, self.renorm_momentum)
        self.move("renorm_stddev", deviation, self.renorm_momentum)
        self.move("moving_mean", mean, self.momentum)
        self.move("moving_stddev", deviation, self.momentum)
        w["moving_variance"] = np.maximum(
            w["moving_stddev"] ** 2 - self.epsilon, 0)
        return r, d

    def __call__(self, x, output_grad=None, training=False, mask=None):
        """The output, and, with a gradient of it, those by name."""
        x = np.asarray(x).astype(np.float64)
        w, count, mean, variance = self.batch_statistics(x, mask)
        r, d = np.ones_like(mean), np.zeros_like(mean)
        if not training:
            mean = self.weights["moving_mean"]
            variance = self.weights["moving_variance"]
        elif self.renorm:
            r, d = self.renormalize(mean, variance)
        else:
            self.move("moving_mean", mean, self.momentum)
            self.move("moving_variance", variance, self.momentum)
        gamma = self.weights.get("gamma", np.ones_like(mean))
        beta = self.weights.get("beta", np.zeros_like(mean))
        inverse = 1 / np.sqrt(variance + self.epsilon)
        hat = (x - self.expand(mean, x)) * self.expand(inverse, x)
        corrected = hat * self.expand(r, x) + self.expand(d, x)
        y = corrected * self.expand(gamma, x) + self.expand(beta, x)
        if output_grad is None:
            return y
        dy = np.asarray(output_grad).astype(np.float64)
        gradients = {"gamma": self.sum(dy * corrected), "beta": self.sum(dy)}
        gradients = {name: g for name, g in gradients.items()
                     if name in self.weights}
        if training:
            dy = dy - w * self.expand(self.sum(dy) / count, x) - (
                w * hat * self.expand(self.sum(dy * hat) / count, x))
        gradients["input"] = dy * self.expand(gamma * r * inverse, x)
        return y, gradients
