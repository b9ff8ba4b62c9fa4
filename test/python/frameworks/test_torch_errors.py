# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What bn_mlir.torch says to tensors that it cannot take."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import bn_mlir  # noqa: E402
import bn_mlir.torch as bt  # noqa: E402

X = torch.randn(4, 3)
ONES, WIDE = torch.ones(3), torch.ones(3, dtype=torch.float64)


def test_errors():
    layer = bt.BatchNorm2d(3)
    with pytest.raises(ValueError, match=r"expected more than 1 value per "
                       r"channel in training, got an input of size \(1, 3, 1, "
                       r"1\)"):
        layer(torch.randn(1, 3, 1, 1))
    with pytest.raises(ValueError, match="expected 4D input"):
        layer(torch.randn(2, 3, 4))
    with pytest.raises(TypeError, match="expected 'input' to have element "
                                        "type"):
        layer(torch.ones(2, 3, 4, 4, dtype=torch.int32))
    x = torch.randn(2, 3)
    with pytest.raises(ValueError, match="expected running statistics outside "
                                         "of training, got none"):
        bt.batch_norm(x, None, None)
    with pytest.raises(ValueError, match="expected 'eps' above 0 in training, "
                                         "got 0.0"):
        bt.batch_norm(x, None, None, training=True, eps=0.0)
    with pytest.raises(ValueError, match="expected 'eps' of 0 or more, got "
                                         "-1.0"):
        bt.BatchNorm1d(3, eps=-1.0).eval()(x)
    with pytest.raises(ValueError, match="expected 'addend' exactly when"):
        bt.batch_norm(x, None, None, training=True, epilogue="add")
    with pytest.raises(ValueError, match="expected 'epilogue' to be"):
        bt.batch_norm(x, None, None, training=True, epilogue="gelu")


@pytest.mark.parametrize("x, parameters, message", [
    (X, {"weight": torch.ones(4), "bias": ONES},
     r"'weight' to have shape \(3,\), got \(4,\)"),
    (X, {"running_mean": ONES, "running_var": torch.ones(2)},
     r"'running_var' to have shape \(3,\), got \(2,\)"),
    (X.double(), {"weight": ONES},
     "'weight' to have the type of the input, torch.float64, got "
     "torch.float32"),
    (X, {"bias": ONES.half()},
     "'bias' to have the type of the input, torch.float32, or a wider one, got "
     "torch.float16"),
    (X, {"weight": WIDE, "bias": ONES},
     "'bias' to have the type of 'weight', torch.float64, got torch.float32"),
    (X, {"weight": [1, 1, 1]}, "'weight' to be a tensor of PyTorch, got list"),
    (X, {"bias": ONES.to("meta")},
     "'bias' to be a tensor on the CPU, got one on 'meta'"),
    (X, {"addend": X.to("meta"), "epilogue": "add"},
     "'addend' to be a tensor on the CPU, got one on 'meta'"),
])
@pytest.mark.parametrize("training", [True, False])
def test_messages_have_the_words_of_pytorch(x, parameters, message, training):
    options = {"training": training, "running_mean": None, "running_var": None}
    if not training:
        statistics = torch.ones(3, dtype=x.dtype)
        options.update(running_mean=statistics, running_var=statistics)
    options.update(parameters)
    with pytest.raises((TypeError, ValueError), match="expected " + message):
        bt.batch_norm(x, **options)


@pytest.mark.parametrize("options", [{}, {"track_running_stats": False}])
def test_a_layer_of_other_channels(options):
    layer = bt.BatchNorm2d(3, **options)
    for _ in range(2):
        with pytest.raises(ValueError, match="expected an input of 3 "
                                             "channels, got 4"):
            layer(torch.randn(2, 4, 4, 4))
        layer.eval()


def test_other_devices():
    from torch._subclasses.fake_tensor import FakeTensorMode

    layer = bt.BatchNorm2d(3, device="meta")
    y = layer(torch.empty(2, 3, 4, 4, device="meta", requires_grad=True))
    assert y.device.type == "meta" and y.shape == (2, 3, 4, 4)
    y.sum().backward()
    with pytest.raises(ValueError, match="expected 'input' to be an array on "
                                         "the CPU, got one on 'meta'"):
        bn_mlir.training(torch.empty(2, 3, device="meta"), axis=1)
    with FakeTensorMode():
        x = torch.empty(2, 3, device="cuda")
        with pytest.raises(ValueError, match="expected 'input' to be a tensor "
                                             "on the CPU, got one on 'cuda"):
            bt.batch_norm(x, None, None, training=True)
    with pytest.raises(ValueError, match="expected 'weight' to be a tensor on "
                                         "the CPU, got one on 'meta'"):
        layer(torch.randn(2, 3, 4, 4))
