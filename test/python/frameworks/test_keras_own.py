# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Keras' own tests of its layer, with ours in its place."""

import types

import pytest

pytest.importorskip("keras", reason="Keras is not installed")

import bn_mlir.keras  # noqa: E402

# Keras' wheels contain its tests. Only what this module calls `layers` changes.
own = pytest.importorskip(
    "keras.src.layers.normalization.batch_normalization_test",
    reason="Keras is installed without its tests")
own.layers = types.SimpleNamespace(**{
    **vars(own.layers), "BatchNormalization": bn_mlir.keras.BatchNormalization})


class BatchNormalizationTest(own.BatchNormalizationTest):
    @pytest.fixture(autouse=True)
    def skip_without_gradients(self, request):
        if (own.backend.backend() == "numpy" and
                request.node.get_closest_marker("requires_trainable_backend")):
            pytest.skip("Keras on NumPy has no gradients")

    def test_the_class_is_ours(self):
        layer = own.layers.BatchNormalization()
        assert type(layer) is bn_mlir.keras.BatchNormalization
