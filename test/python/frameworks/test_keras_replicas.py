# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Keras' layer on bn-mlir in several replicas of TensorFlow."""

import subprocess
import sys

import pytest

keras = pytest.importorskip("keras", reason="Keras is not installed")

pytestmark = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="Of the backend TensorFlow")


_REPLICAS = """
import numpy as np
import tensorflow as tf
cpu, = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import keras
from bn_mlir.keras import BatchNormalization
single = tf.distribute.get_strategy()
mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
stock = keras.layers.BatchNormalization
data = np.random.default_rng(0).normal(size=(16, 6, 5)).astype("f")

def run(kind, strategy, masked=False, **options):
    with strategy.scope():
        layer = kind(momentum=0.5, **options)
        layer.build(data.shape)
    replicas = np.split(data, strategy.num_replicas_in_sync)

    def step(x):
        weights = [w.value for w in layer.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True, mask=x[..., 0] > 0 if masked else None)
            loss = tf.reduce_sum(tf.sin(y) * tf.cos(x))
        return y, *tape.gradient(loss, [x, *weights])

    x = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(replicas[context.replica_id_in_sync_group]))
    results = tf.function(lambda x: strategy.run(step, [x]))(x)
    y, x_grad, *gradients = map(strategy.experimental_local_results, results)
    return [np.concatenate(y), np.concatenate(x_grad), *map(sum, gradients),
            *layer.get_weights()]

def compare(results, expected):
    for a, b in zip(results, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)

alone = run(BatchNormalization, mirrored)
compare(alone, run(stock, mirrored))
assert abs(alone[0] - run(BatchNormalization, single)[0]).max() > 0.01
for options in ({}, {"scale": False, "center": False, "axis": 1},
                {"renorm": True, "renorm_clipping": {"rmax": 1.1}}):
    common = run(BatchNormalization, mirrored, synchronized=True, **options)
    compare(common, run(BatchNormalization, single, **options))
    compare(common, run(stock, mirrored, synchronized=True, **options))
compare(run(BatchNormalization, mirrored, masked=True, synchronized=True),
        run(stock, mirrored, masked=True))

with mirrored.scope():
    model = keras.Sequential([
        keras.Input((6, 5)), BatchNormalization(synchronized=True)])
    model.compile("sgd", "mse", jit_compile=False)
model.fit(data, data**2, 16, verbose=0)
"""


def test_replicas():
    """Each has statistics of its own. With synchronized=True all have those of
    all the data, as one that sees them all; but where there is a mask, Keras'
    layer has not.
    """
    subprocess.run([sys.executable, "-c", _REPLICAS], check=True)


@pytest.mark.parametrize("which", [0, 1])
def test_second_gradients_between_replicas_are_refused(which):
    import tensorflow as tf

    from bn_mlir.keras import replicas_tensorflow as replicas

    x, scale = tf.random.normal((4, 3)), tf.ones(3)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch([x, scale])
            y = replicas.normalize(
                x, scale, None, replicas.compute_statistics(x, -1), -1, 1e-3)
        gradient = inner.gradient(y, [x, scale])[which]
    with pytest.raises(NotImplementedError,
                       match="expected gradients of first order"):
        outer.gradient(gradient, x)
