# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""bn_mlir.torch against torch.nn: results, running statistics, gradients."""

import copy
import io
import pickle

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
hypothesis = pytest.importorskip(
    "hypothesis", reason="hypothesis is not installed")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch import nn  # noqa: E402
from torch_reference import Reference, assert_within  # noqa: E402

import bn_mlir.torch as bt  # noqa: E402
from bn_mlir.torch import _ops  # noqa: E402

SHAPES = [(7, 5), (4, 3, 9), (3, 4, 5, 6), (2, 1, 3, 3), (1, 6, 4, 4),
          (2, 3, 2, 3, 4), (5, 17, 1, 1)]
DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
PAIRS = [(nn.BatchNorm1d, bt.BatchNorm1d, (6, 4, 5)),
         (nn.BatchNorm2d, bt.BatchNorm2d, (6, 4, 5, 3)),
         (nn.BatchNorm3d, bt.BatchNorm3d, (6, 4, 2, 5, 3))]


def to_double(tensor):
    return None if tensor is None else tensor.detach().double().clone()


def arrange(x, layout):
    """The elements of `x`, laid out in memory as `layout` says."""
    if layout == "channels_last":
        order = [0, *range(2, x.dim()), 1]
        back = [0, x.dim() - 1, *range(1, x.dim() - 1)]
        return x.permute(order).contiguous().permute(back)
    if layout == "strided":
        wide = x.new_empty(*x.shape[:-1], 2 * x.shape[-1])
        wide[..., ::2] = x
        return wide[..., ::2]
    return x


CASES = st.fixed_dictionaries({
    "shape": st.sampled_from(SHAPES),
    "dtype": st.sampled_from(DTYPES),
    "layout": st.sampled_from(["contiguous", "channels_last", "strided"]),
    "training": st.booleans(),
    "affine": st.sampled_from([(True, True), (True, False), (False, False)]),
    "running": st.booleans(),
    "momentum": st.sampled_from([0.1, 0.0, 1.0]),
    "epilogue": st.sampled_from([None, "relu", "add", "add_relu"]),
    "offset": st.sampled_from([0.0, 3.0, 100.0]),
    "wanted": st.tuples(*[st.booleans()] * 4),
    "seed": st.integers(0, 3),
})


class Case:
    """Tensors for one example of `CASES`."""

    def __init__(self, shape, dtype, layout, training, affine, running,
                 momentum, epilogue, offset, wanted, seed):
        torch.manual_seed(seed)
        self.training, self.momentum = training, momentum
        self.epilogue = epilogue
        channels = shape[1]
        wide = torch.float64 if dtype == torch.float64 else torch.float32
        x = arrange((torch.randn(shape) + offset).to(dtype), layout)
        self.x = x.requires_grad_(wanted[0])
        self.weight = self.bias = self.running = self.addend = None
        if affine[0]:
            self.weight = torch.randn(channels, dtype=wide) + 0.5
            self.weight.requires_grad_(wanted[1])
        if affine[1]:
            self.bias = torch.randn(channels, dtype=wide).requires_grad_(
                wanted[2])
        self.running = (None, None)
        if running or not training:
            self.running = (torch.randn(channels, dtype=wide) + offset,
                            torch.rand(channels, dtype=wide) + 0.5)
        if epilogue in ("add", "add_relu"):
            self.addend = torch.randn(shape).to(dtype).requires_grad_(wanted[3])
        self.reference = Reference(
            *map(to_double, (x, self.weight, self.bias, *self.running)),
            training, momentum, 1e-5, dtype)

    def run(self, function=bt.batch_norm):
        return function(
            self.x, *self.running, self.weight, self.bias, self.training,
            self.momentum, 1e-5, epilogue=self.epilogue, addend=self.addend)

    def check_forward(self, y):
        expected, bound = self.reference.forward()
        if self.addend is not None:
            # One more rounding, in the type of the sums.
            expected = expected + self.addend.detach().double()
            bound = bound + 4 * self.reference.u * expected.abs()
            bound = bound + self.reference.written(expected)
        if self.epilogue in ("relu", "add_relu"):
            expected = expected.relu()
        assert y.dtype == self.x.dtype
        assert_within(y, expected, bound, "y")
        if self.training and self.running[0] is not None:
            for actual, ideal, bound in zip(
                    self.running,
                    (self.reference.running_mean, self.reference.running_var),
                    self.reference.running_bounds(self.running[0].dtype)):
                assert_within(actual, ideal, bound, "running statistics")

    def check_gradients(self, y):
        inputs = [t for t in (self.x, self.weight, self.bias, self.addend)
                  if t is not None and t.requires_grad]
        assert y.requires_grad == bool(inputs)
        if not inputs:
            return
        dy = torch.randn(y.shape).to(y.dtype)
        y.backward(dy)
        masked = dy.double()
        if self.epilogue in ("relu", "add_relu"):
            masked = masked.where(y.detach() > 0, 0.0)
        ideal = self.reference.backward(masked)
        for tensor, (expected, bound), name in zip(
                (self.x, self.weight, self.bias), ideal, ("x", "weight",
                                                          "bias")):
            if tensor is not None and tensor.requires_grad:
                assert tensor.grad.dtype == tensor.dtype
                assert_within(tensor.grad, expected, bound, name)
            elif tensor is not None:
                assert tensor.grad is None
        if self.addend is not None and self.addend.requires_grad:
            assert torch.equal(self.addend.grad.double(), masked)


@settings(max_examples=120, derandomize=True, deadline=None, database=None)
@given(CASES)
def test_function_keeps_its_bounds(example):
    case = Case(**example)
    y = case.run()
    case.check_forward(y)
    case.check_gradients(y)


def make_pair(theirs, ours, channels, **options):
    """Two layers with the same parameters, not those of a new one."""
    stock, layer = theirs(channels, **options), ours(channels, **options)
    with torch.no_grad():
        for tensor in stock.parameters():
            tensor.uniform_(0.5, 1.5)
    layer.load_state_dict(stock.state_dict())
    return stock, layer


OPTIONS = [{}, {"momentum": None}, {"affine": False}, {"eps": 1e-2},
           {"track_running_stats": False}, {"bias": False},
           {"momentum": 0.7, "dtype": torch.float64}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("theirs, ours, shape", PAIRS)
def test_layers_agree(theirs, ours, shape, options):
    torch.manual_seed(0)
    stock, layer = make_pair(theirs, ours, shape[1], **options)
    assert repr(stock) == repr(layer) and isinstance(layer, theirs)
    dtype = options.get("dtype", torch.float32)
    digits = {"rtol": 1e-12, "atol": 1e-12} if dtype == torch.float64 else {
        "rtol": 3e-6, "atol": 3e-6}
    for training in (True, True, False):
        stock.train(training), layer.train(training)
        x = torch.randn(shape, dtype=dtype)
        dy = torch.randn(shape, dtype=dtype)
        results = []
        for module in (stock, layer):
            data = x.clone().requires_grad_()
            module.zero_grad()
            y = module(data)
            y.backward(dy)
            results.append(
                [y, data.grad, *(p.grad for p in module.parameters())])
        for ideal, actual in zip(*results):
            torch.testing.assert_close(actual, ideal, **digits)
        for (name, ideal), actual in zip(
                stock.state_dict().items(), layer.state_dict().values()):
            torch.testing.assert_close(actual, ideal, msg=name, **digits)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ["ReLU", "AddReLU"])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_fused_layers(name, dim, training):
    torch.manual_seed(1)
    _, plain, shape = PAIRS[dim - 1]
    fused = getattr(bt, f"BatchNorm{name}{dim}d")(shape[1]).train(training)
    layer = plain(shape[1]).train(training)
    x = torch.randn(shape).requires_grad_()
    others = [torch.randn(shape).requires_grad_()] * (name == "AddReLU")
    y = torch.relu(sum(others, layer(x)))
    z = fused(x, *others)
    torch.testing.assert_close(z, y, rtol=1e-6, atol=1e-6)
    dy = torch.randn(shape)
    ideal = torch.autograd.grad(y, [x, *others, *layer.parameters()], dy)
    actual = torch.autograd.grad(z, [x, *others, *fused.parameters()], dy)
    for a, b in zip(actual, ideal):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)
    for a, b in zip(fused.buffers(), layer.buffers()):
        assert torch.equal(a, b)


@pytest.mark.parametrize("layout", [torch.contiguous_format,
                                    torch.channels_last])
@pytest.mark.parametrize("size,saved", [(8, torch.int8), (5, torch.float32)])
def test_bits_behind_a_sum(size, saved, layout):
    """Rows of whole bytes save bits, and others the output. Hooks may change the
    order of what is saved in memory."""
    torch.manual_seed(1)
    shape = (4, size, 3, size)

    def run(function, pack):
        torch.manual_seed(2)
        x, addend = (torch.randn(shape).to(memory_format=layout)
                     .requires_grad_() for _ in "xa")
        weight, bias = (torch.rand(size, requires_grad=True) for _ in "wb")
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda kept: kept):
            y = function(x, addend, weight, bias)
        y.backward(torch.randn(shape))
        return [t.grad for t in (x, addend, weight, bias)]

    def ours(x, addend, weight, bias):
        return bt.functional.batch_norm(
            x, None, None, weight, bias, True, epilogue="add_relu",
            addend=addend)

    def theirs(x, addend, weight, bias):
        return torch.relu(nn.functional.batch_norm(
            x, None, None, weight, bias, True) + addend)

    types = []
    for pack in (lambda kept: kept, lambda kept: kept.contiguous()):
        def record(kept, pack=pack):
            types.append(kept.dtype)
            return pack(kept)

        gradients = run(ours, record)
        expected = run(theirs, lambda kept: kept)
        for gradient, wanted in zip(gradients, expected):
            torch.testing.assert_close(gradient, wanted, rtol=1e-4, atol=1e-4)
    assert types[-1] == saved


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("records", [True, False])
def test_no_bits_without_a_backward(records, wanted, monkeypatch):
    import bn_mlir

    calls = []
    training = bn_mlir.training

    def spy(*arguments, **options):
        calls.append(options["save_bits"])
        return training(*arguments, **options)

    monkeypatch.setattr(bn_mlir, "training", spy)
    x = torch.randn(4, 8, 2, 4, requires_grad=wanted)
    with torch.set_grad_enabled(records):
        bt.functional.batch_norm(
            x, None, None, training=True, epilogue="add_relu", addend=x)
    assert calls == [records and wanted]


@pytest.mark.parametrize("addend", [(4, 1, 1), (6, 4, 5, 3)])
def test_addends_that_no_kernel_takes(addend):
    """Other shapes and types are added as PyTorch adds them."""
    layer = bt.BatchNormAddReLU2d(4)
    x, other = torch.randn(6, 4, 5, 3), torch.randn(addend).double()
    y = layer(x, other)
    assert y.dtype == torch.float64
    plain = bt.BatchNorm2d(4)
    assert torch.equal(y, torch.relu(plain(x) + other))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("epilogue", [None, "relu", "add_relu"])
def test_gradcheck(training, epilogue):
    torch.manual_seed(2)
    make = {"dtype": torch.float64, "requires_grad": True}
    x = torch.randn(4, 3, 2, 2, **make)
    weight, bias = torch.randn(3, **make), torch.randn(3, **make)
    addend = torch.randn(4, 3, 2, 2, **make) if epilogue == "add_relu" else None
    running = (torch.randn(3).double(), torch.rand(3).double() + 0.5)

    def function(x, weight, bias, *addend):
        return bt.batch_norm(
            x, *(t.clone() for t in running), weight, bias, training,
            epilogue=epilogue, addend=addend[0] if addend else None)

    arguments = (x, weight, bias) + (() if addend is None else (addend,))
    assert torch.autograd.gradcheck(function, arguments)


def square_sum(gradients):
    return sum(gradient.square().sum() for gradient in gradients)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("differentiate", [
    lambda loss, penalty, x: penalty.backward(),
    lambda loss, penalty, x: (loss + penalty).backward(),
    lambda loss, penalty, x: torch.autograd.grad(penalty, x),
    # The way from the penalty to `x` is not the only one.
    lambda loss, penalty, x: torch.autograd.grad(loss + penalty, x)])
def test_double_backward_is_refused(differentiate, training):
    layer = bt.BatchNorm2d(3).train(training)
    x = torch.randn(2, 3, 4, 4, requires_grad=True)
    loss = layer(x).tanh().sum()
    gradients = torch.autograd.grad(
        loss, (x, layer.weight), create_graph=True)
    with pytest.raises(NotImplementedError, match="of first order"):
        differentiate(loss, square_sum(gradients), x)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("view", [
    lambda base: base,
    lambda base: base[..., :1],
    lambda base: base[..., :1].expand(2, 3, 4, 5)])
def test_double_backward_of_views_is_refused(view, affine, training):
    """Where what is differentiated does not depend on the input by itself."""
    layer = bt.BatchNorm2d(3, affine=affine).train(training)
    base = torch.randn(2, 3, 4, 4, requires_grad=True)
    x = view(base)
    loss = (layer(x) * torch.randn(x.shape)).sum()
    gradients = torch.autograd.grad(loss, base, create_graph=True)
    with pytest.raises(NotImplementedError, match="of first order"):
        torch.autograd.grad(loss + square_sum(gradients), base)


def test_double_backward_of_ops_is_refused():
    x = torch.randn(2, 3, 4, 4, requires_grad=True)
    y = _ops.training(x, None, None, None, None, None, 0.0, 1e-5, None)[0]
    loss = (y * torch.randn(y.shape)).sum()
    gradients = torch.autograd.grad(loss, x, create_graph=True)
    with pytest.raises(NotImplementedError, match="of first order"):
        torch.autograd.grad(loss + square_sum(gradients), x)


def test_gradients_with_a_graph():
    stock, layer = make_pair(nn.BatchNorm2d, bt.BatchNorm2d, 3)
    x = torch.randn(2, 3, 4, 4, requires_grad=True)
    expected, got = (torch.autograd.grad(
        module(x).tanh().sum(), (x, *module.parameters()), create_graph=True)
        for module in (stock, layer))
    for a, b in zip(got, expected):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("layout", ["contiguous", "channels_last", "strided"])
def test_layout_of_the_result(layout):
    x = arrange(torch.randn(2, 3, 4, 5), layout).requires_grad_()
    dense = torch.empty_like(x)
    y = bt.BatchNorm2d(3)(x)
    assert y.stride() == dense.stride()
    y.backward(torch.ones(2, 3, 4, 5))
    assert x.grad.shape == x.shape


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_and_mixed_types(dtype):
    stock, layer = make_pair(nn.BatchNorm2d, bt.BatchNorm2d, 4)
    x = torch.randn(3, 4, 5, 5)
    with torch.autocast("cpu", dtype=dtype):
        y, z = stock(x), layer(x)
        assert y.dtype == z.dtype == torch.float32
        y, z = stock(x.to(dtype)), layer(x.to(dtype).requires_grad_())
    assert y.dtype == z.dtype == dtype
    torch.testing.assert_close(z, y, rtol=0.02, atol=0.02)
    z.sum().backward()
    assert layer.weight.grad.dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_narrow_layers(dtype):
    """Running statistics in 16 bits cost the gradients nothing."""
    wide, narrow = bt.BatchNorm2d(4), bt.BatchNorm2d(4).to(dtype)
    x = (torch.randn(3, 4, 5, 5) + 20).to(dtype)
    results = []
    for layer in (wide, narrow):
        data = x.clone().requires_grad_()
        y = layer(data)
        y.backward(torch.ones_like(y) * torch.arange(5, dtype=dtype))
        results.append((y, data.grad))
    for a, b in zip(*results):
        assert torch.equal(a, b)
    torch.testing.assert_close(narrow.running_mean.float(), wide.running_mean,
                               rtol=0.01, atol=0)
    torch.testing.assert_close(narrow.running_var.float(), wide.running_var,
                               rtol=0.01, atol=0)


def test_state_dict_both_ways():
    stock, layer = make_pair(nn.BatchNorm2d, bt.BatchNorm2d, 3)
    layer(torch.randn(4, 3, 2, 2))
    assert layer.state_dict().keys() == stock.state_dict().keys()
    stock.load_state_dict(layer.state_dict())
    x = torch.randn(4, 3, 2, 2)
    torch.testing.assert_close(stock.eval()(x), layer.eval()(x))
    assert int(stock.num_batches_tracked) == 1


@pytest.mark.parametrize("name", ["BatchNorm2d", "BatchNormReLU2d",
                                  "BatchNormAddReLU2d"])
def test_copies_and_pickles(name):
    layer = getattr(bt, name)(3)
    x = [torch.randn(4, 3, 2, 2)] * (2 if "Add" in name else 1)
    layer(*x)
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)),
                  torch.load(file, weights_only=False)):
        assert type(other) is type(layer)
        assert other.weight.data_ptr() != layer.weight.data_ptr()
        assert torch.equal(other.eval()(*x), layer.eval()(*x))


def test_a_changed_running_mean_is_noticed():
    """As with torch.nn: what backward needs was written to meanwhile."""
    layer = bt.BatchNorm2d(3).eval()
    x = torch.randn(4, 3, 2, 2, requires_grad=True)
    y = layer(x)
    layer.train()(x)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_empty_batch():
    layer = bt.BatchNorm2d(3)
    before = copy.deepcopy(layer.state_dict())
    x = torch.randn(0, 3, 4, 4, requires_grad=True)
    y = layer(x)
    y.sum().backward()
    assert y.shape == x.grad.shape == x.shape
    assert torch.equal(layer.bias.grad, torch.zeros(3))
    for name in ("running_mean", "running_var"):
        assert torch.equal(getattr(layer, name), before[name])
