# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""PyTorch's own samples of batch normalization, with bn_mlir.torch in place.

What is compared with is torch.nn's result in float64, and the tolerances are
those that PyTorch has for each type.
"""

import copy
import sys
import types
import unittest

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import bn_mlir.torch as bt  # noqa: E402


def import_samples():
    """PyTorch's lists of ops and modules.

    Their module wants 'expecttest', of which no sample uses anything.
    """
    if "expecttest" not in sys.modules:
        stand_in = types.ModuleType("expecttest")
        stand_in.TestCase = unittest.TestCase
        sys.modules["expecttest"] = stand_in
    from torch.testing._internal.common_methods_invocations import op_db
    from torch.testing._internal.common_modules import module_db

    op = next(op for op in op_db if op.name == "nn.functional.batch_norm")
    names = {f"nn.BatchNorm{dim}d" for dim in (1, 2, 3)}
    return op, [info for info in module_db if info.name in names]


OP, MODULES = import_samples()
DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]


def to_double(value):
    """A copy in float64 that wants a gradient where `value` does."""
    if not isinstance(value, torch.Tensor):
        return value
    return value.detach().double().requires_grad_(value.requires_grad)


def get_gradients(y, tensors, dtype):
    """Gradients of a sum with weights of both signs, numbers of `dtype`."""
    wanted = [t for t in tensors
              if isinstance(t, torch.Tensor) and t.requires_grad]
    weights = torch.linspace(-1, 1, y.numel()).reshape(y.shape).to(dtype)
    return torch.autograd.grad(y, wanted, weights.to(y.dtype))


def assert_close(actual, ideal):
    torch.testing.assert_close(actual, ideal.to(actual.dtype))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_function(dtype):
    torch.manual_seed(0)
    samples = list(OP.sample_inputs("cpu", dtype, requires_grad=True))
    assert len(samples) >= 10
    refused = 0
    for sample in samples:
        arguments = [sample.input, *sample.args]
        doubles = [to_double(value) for value in arguments]
        if sample.input.dim() < 2:
            # torch.nn normalizes what has no dimension of channels, and no
            # elements either. That is refused.
            with pytest.raises(ValueError, match="2 dimensions or more"):
                bt.batch_norm(*arguments, **sample.kwargs)
            refused += 1
            continue
        y = bt.batch_norm(*arguments, **sample.kwargs)
        ideal = torch.nn.functional.batch_norm(*doubles, **sample.kwargs)
        assert y.dtype == dtype
        assert_close(y, ideal)
        for a, b in zip(get_gradients(y, arguments, dtype),
                        get_gradients(ideal, doubles, dtype)):
            assert_close(a, b)
        for a, b in zip(arguments[1:3], doubles[1:3]):
            if a is not None:
                assert_close(a, b)
    assert refused == 2


def make(cls, sample, dtype):
    inputs = sample.constructor_input
    return cls(*inputs.args, **inputs.kwargs, dtype=dtype)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("info", MODULES, ids=lambda info: info.name)
def test_module(info, dtype, training):
    torch.manual_seed(0)
    ours = getattr(bt, info.module_cls.__name__)
    samples = info.module_inputs_func(
        info, "cpu", dtype, requires_grad=True, training=training)
    assert len(samples) >= 7
    for sample in samples:
        layer = make(ours, sample, dtype).train(training)
        stock = make(info.module_cls, sample, torch.float64).train(training)
        x = sample.forward_input.args[0]
        double = to_double(x)
        y, ideal = layer(x), stock(double)
        assert_close(y, ideal)
        inputs, doubles = [x, *layer.parameters()], [double,
                                                     *stock.parameters()]
        for a, b in zip(get_gradients(y, inputs, dtype),
                        get_gradients(ideal, doubles, dtype)):
            assert_close(a, b)
        for a, b in zip(layer.buffers(), stock.buffers()):
            assert_close(a, b)


@pytest.mark.parametrize("info", MODULES, ids=lambda info: info.name)
def test_module_errors(info):
    """Of the same type; the text is ours."""
    errors = info.module_error_inputs_func(
        info, "cpu", torch.float32, requires_grad=False, training=True)
    assert errors
    for error in errors:
        sample = error.module_error_input
        layer = make(getattr(bt, info.module_cls.__name__), sample,
                     torch.float32)
        with pytest.raises(error.error_type, match="expected 'eps' above 0"):
            layer(copy.deepcopy(sample.forward_input.args[0]))
