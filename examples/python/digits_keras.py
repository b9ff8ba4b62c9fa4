#!/usr/bin/env python3
"""A residual network on handwritten digits, with Keras' layer and with ours.

Two models with the same initial weights see the same batches: one as Keras
makes it, one after `bn_mlir.keras.convert`. The program prints, for each, its
loss and accuracy and the time of an epoch; then it reads the checkpoint of
Keras' model with our layer, and compares the predictions.

KERAS_BACKEND says which backend runs: tensorflow, torch or jax.
"""

import argparse
import pathlib
import statistics
import tempfile
import time

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

from bn_mlir.keras import convert

BATCH = 50


def load_data():
    """Images of 8 x 8 pixels and their digits: 1500 to learn, 297 to test."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.images))
    x = digits.images[order, ..., None].astype(np.float32) / 16
    y = digits.target[order]
    return (x[:1500], y[:1500]), (x[1500:], y[1500:])


def add_block(x, filters, strides):
    """Two convolutions beside a shortcut."""

    def convolve(x, size, strides=1):
        x = layers.Conv2D(filters, size, strides, "same", use_bias=False)(x)
        return layers.BatchNormalization(momentum=0.9)(x)

    y = layers.ReLU()(convolve(x, 3, strides))
    y = convolve(y, 3)
    if strides > 1:
        x = convolve(x, 1, strides)
    return layers.ReLU()(layers.Add()([x, y]))


def make_model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(32, 3, padding="same", use_bias=False)(inputs)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    for filters, strides in ((32, 1), (64, 2), (64, 1)):
        x = add_block(x, filters, strides)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10)(x))


def compile_model(model):
    model.compile(
        keras.optimizers.SGD(0.02, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"])
    return model


def train(models, data, test, epochs):
    """The models take turns, so that both see the same state of the machine.

    Returns for each name losses, accuracies on `test`, and seconds, by epoch.
    """
    x, y = data
    history = {name: [] for name in models}
    for epoch in range(epochs):
        order = np.random.default_rng(epoch).permutation(len(x))
        for name, model in models.items():
            start = time.perf_counter()
            fit = model.fit(
                x[order], y[order], BATCH, epochs=1, shuffle=False, verbose=0)
            seconds = time.perf_counter() - start
            _, accuracy = model.evaluate(*test, batch_size=297, verbose=0)
            loss = fit.history["loss"][0]
            history[name].append((loss, accuracy, seconds))
            print(f"epoch {epoch + 1:2}  {name:5}  loss {loss:.4f}  "
                  f"accuracy {accuracy:.3f}  {seconds:.2f} s")
    return {name: list(zip(*rows)) for name, rows in history.items()}


def check_checkpoint(model, x, folder):
    """The file of Keras' model, read with our layer; the largest deviation."""
    path = pathlib.Path(folder) / "stock.keras"
    model.save(path)
    loaded = convert(keras.saving.load_model(path))
    expected, actual = (m.predict(x, verbose=0) for m in (model, loaded))
    deviation = np.abs(actual - expected).max() / np.abs(expected).max()
    same = (actual.argmax(1) == expected.argmax(1)).mean()
    print(f"checkpoint: logits within {deviation:.1e} of the largest, "
          f"{same:.1%} of predictions the same")
    return deviation


def plot(history, path):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    styles = {"stock": dict(linewidth=4, alpha=0.4), "ours": {}}
    for name, (losses, _, _) in history.items():
        axes.semilogy(range(1, len(losses) + 1), losses, label={
            "stock": "keras.layers", "ours": "bn_mlir.keras"}[name],
            **styles[name])
    axes.set_xlabel("epoch")
    axes.set_ylabel("training loss")
    axes.set_title(f"Digits, Keras on {keras.config.backend()}")
    axes.legend()
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--plot", help="write the losses to this image")
    options = parser.parse_args()

    data, test = load_data()
    models = {"stock": compile_model(make_model()),
              "ours": compile_model(convert(make_model()))}
    history = train(models, data, test, options.epochs)
    times = {}
    for name, (losses, accuracies, seconds) in history.items():
        # The first epoch is that of tracing and compiling.
        times[name] = statistics.median(seconds[1:] or seconds)
        print(f"{name:5}  loss {losses[-1]:.4f}  accuracy {accuracies[-1]:.3f}"
              f"  {times[name]:.2f} s an epoch")
    print(f"an epoch with bn_mlir takes {times['ours'] / times['stock']:.2f} "
          "of the time")
    with tempfile.TemporaryDirectory() as folder:
        deviation = check_checkpoint(models["stock"], test[0], folder)
    if options.plot:
        plot(history, options.plot)
    return 0 if deviation < 1e-4 else "the predictions differ"


if __name__ == "__main__":
    raise SystemExit(main())
