# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""convert, revert, and the fusion of layers, in models of torch.nn."""

import copy

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import bn_mlir.torch as bt  # noqa: E402
from bn_mlir.torch import _fuse  # noqa: E402


class Block(nn.Module):
    """A residual block; one ReLU module serves twice."""

    def __init__(self, inside, outside, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outside, outside, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.downsample = None
        if stride > 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(inside, outside, 1, stride, bias=False),
                nn.BatchNorm2d(outside))

    def forward(self, x):
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.blocks = nn.Sequential(
            Block(8, 8), Block(8, 12, stride=2), Block(12, 12))
        self.head = nn.Linear(12, 5)
        self.last = nn.BatchNorm1d(5)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.blocks(x).mean((2, 3))
        return self.last(self.head(x))


def types(module):
    return [type(part).__name__ for part in module.modules()
            if isinstance(part, nn.modules.batchnorm._BatchNorm)]


def train(module, steps=2):
    """Results of some steps, and all that a state_dict has afterwards."""
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.9)
    results = []
    for _ in range(steps):
        y = module(torch.randn(4, 3, 8, 8))
        optimizer.zero_grad()
        y.square().mean().backward()
        optimizer.step()
        results.append(y.detach())
    module.eval()
    results.append(module(torch.randn(4, 3, 8, 8)).detach())
    module.train()
    return results, module.state_dict()


def assert_same_training(module, other):
    results, state = train(module)
    expected, expected_state = train(other)
    for actual, ideal in zip(results, expected):
        torch.testing.assert_close(actual, ideal, rtol=1e-3, atol=1e-4)
    assert state.keys() == expected_state.keys()
    for name in state:
        torch.testing.assert_close(
            state[name], expected_state[name], rtol=1e-3, atol=1e-4, msg=name)


def test_convert():
    stock = ResNet()
    model = copy.deepcopy(stock)
    parameters = list(model.parameters())
    assert bt.convert(model) is model
    assert all(type(part).__module__ == "bn_mlir.torch.modules"
               for part in model.modules()
               if isinstance(part, nn.modules.batchnorm._BatchNorm))
    assert len(types(model)) == 9
    # An optimizer that was made before still has the right ones.
    assert all(a is b for a, b in zip(parameters, model.parameters()))
    assert_same_training(model, stock)


def test_revert():
    model = ResNet()
    bt.revert(bt.convert(model))
    assert set(types(model)) == {"BatchNorm1d", "BatchNorm2d"}
    assert all(type(part).__module__.startswith("torch.nn")
               for part in model.modules()
               if isinstance(part, nn.modules.batchnorm._BatchNorm))


@pytest.mark.parametrize("what", [None, len, nn.BatchNorm2d])
@pytest.mark.parametrize("change", [bt.convert, bt.revert])
def test_what_is_no_module(change, what):
    with pytest.raises(TypeError, match="expected a module of torch.nn, got "
                       + type(what).__name__):
        change(what)


def test_fuse():
    stock = ResNet()
    model = bt.convert(copy.deepcopy(stock), fuse=True)
    assert types(model) == (
        ["BatchNormReLU2d"]
        + ["BatchNormReLU2d", "BatchNormAddReLU2d"]
        + ["BatchNormReLU2d", "BatchNormAddReLU2d", "BatchNorm2d"]
        + ["BatchNormReLU2d", "BatchNormAddReLU2d", "BatchNorm1d"])
    assert not any(isinstance(part, nn.ReLU) for part in model.modules())
    assert_same_training(model, stock)


def test_revert_a_fused_model():
    stock = ResNet()
    model = bt.convert(copy.deepcopy(stock), fuse=True)
    parameters = list(model.parameters())
    model.get_submodule("blocks.1.bn2").eval()
    model = bt.revert(model)
    assert types(model) == types(stock)
    assert not any(type(part).__module__.startswith("bn_mlir")
                   for part in model.modules())
    assert not model.get_submodule("blocks.1.bn2").training
    assert all(a is b for a, b in zip(parameters, model.parameters()))
    model.train()
    assert_same_training(copy.deepcopy(model), stock)
    # And fused once more.
    assert "BatchNormAddReLU2d" in types(bt.convert(model, fuse=True))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("compile", [
    torch.jit.script,
    lambda model: torch.jit.trace(model, torch.randn(2, 3, 8, 8))])
def test_torchscript_of_a_reverted_model(compile):
    stock = ResNet().eval()
    model = bt.revert(bt.convert(copy.deepcopy(stock), fuse=True))
    x = torch.randn(4, 3, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(compile(model)(x), stock(x))


class Fused(nn.Module):
    """Calls fused layers, one of them twice, another by names."""

    def __init__(self):
        super().__init__()
        self.bn = bt.BatchNormReLU2d(3)
        self.sum = bt.BatchNormAddReLU2d(3)

    def forward(self, x):
        y = self.bn(self.bn(x))
        return self.sum(addend=x, input=y) + self.sum(y, 1 - x)


def test_fused_layers_of_a_graph_and_of_python():
    stock = Fused()
    graph = _fuse._Tracer().trace(stock)
    inner = torch.fx.GraphModule(copy.deepcopy(stock), graph)
    model = nn.Sequential(inner, copy.deepcopy(stock))
    assert bt.revert(model) is model
    assert types(model[0]) == ["BatchNorm2d"] * 2
    assert types(model[1]) == types(stock)
    assert_same_training(model[0], stock)


def test_fused_model_compiles():
    stock = ResNet()
    model = bt.convert(copy.deepcopy(stock), fuse=True)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    x = torch.randn(4, 3, 8, 8)
    torch.testing.assert_close(compiled(x), stock(x), rtol=1e-3, atol=1e-4)


class Dynamic(nn.Module):
    """What cannot be traced: control flow that depends on data."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Block(3, 3), Block(3, 3)])

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
            if x.sum() < 0:
                break
        return x


def test_fuse_parts_where_the_whole_cannot_be_traced():
    stock = Dynamic()
    model = bt.convert(copy.deepcopy(stock), fuse=True)
    assert types(model) == ["BatchNormReLU2d", "BatchNormAddReLU2d"] * 2
    assert_same_training(model, stock)


class Modes(nn.Module):
    """Another graph in training than in evaluation."""

    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(3)

    def forward(self, x):
        return F.dropout(F.relu(self.bn(x)), 0.5, self.training)


class NotAlone(nn.Module):
    """The layer's result, or the layer, is used twice; or nothing may move."""

    def __init__(self):
        super().__init__()
        self.twice, self.result = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
        self.moved = nn.BatchNorm2d(3)

    def forward(self, x):
        x = F.relu(self.twice(F.relu(self.twice(x))))
        y = self.result(x)
        x = F.relu(y) + y
        y = self.moved(x)
        x.mul_(2)
        return F.relu(y + x)


@pytest.mark.parametrize("make", [Modes, NotAlone])
def test_what_is_not_fused(make):
    model = bt.convert(make(), fuse=True)
    assert set(types(model)) == {"BatchNorm2d"}
    if make is NotAlone:
        x = torch.randn(4, 3, 8, 8)
        with torch.no_grad():
            torch.testing.assert_close(model(x.clone()), make()(x.clone()))


class Optional(nn.Module):
    """torch.fx would take the mask for given."""

    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(3)

    def forward(self, x, mask=None):
        x = F.relu(self.bn(x))
        return x if mask is None else x * mask


class IntoTheAddend(nn.Module):
    """What the layer's result is added to is the caller's."""

    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(3)

    def forward(self, x):
        return F.relu(x.add_(self.bn(x)))


class Unused(nn.Module):
    """A parameter that the graph does not have."""

    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(3)
        self.spare = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        return F.relu(self.bn(x))


@pytest.mark.parametrize("make", [Optional, IntoTheAddend, Unused])
def test_what_fusing_would_change(make):
    model = bt.convert(make(), fuse=True)
    assert types(model) == ["BatchNorm2d"]
    assert model.state_dict().keys() == make().state_dict().keys()
    ours, theirs = (torch.arange(96.0).reshape(2, 3, 4, 4) for _ in "ot")
    with torch.no_grad():
        torch.testing.assert_close(model(ours), make()(theirs))
    torch.testing.assert_close(ours, theirs)


def test_shared_layers_stay_shared():
    layer = nn.BatchNorm2d(3)
    model = nn.Sequential(layer, nn.Conv2d(3, 3, 1), layer)
    bt.convert(model)
    assert model[0] is model[2] and type(model[0]) is bt.BatchNorm2d
    assert type(layer) is nn.BatchNorm2d


def test_a_layer_alone_hooks_and_mode():
    stock = nn.BatchNorm2d(3).eval()
    seen = []
    handle = stock.register_forward_hook(lambda *_: seen.append(1))
    layer = bt.convert(stock)
    assert type(layer) is bt.BatchNorm2d and not layer.training
    assert layer.weight is stock.weight
    assert layer.running_mean is stock.running_mean
    layer(torch.randn(2, 3, 4, 4))
    assert seen == [1]
    handle.remove()
    layer(torch.randn(2, 3, 4, 4))
    assert seen == [1]


def test_what_is_not_converted():
    class Mine(nn.BatchNorm2d):
        pass

    model = nn.Sequential(Mine(3), nn.SyncBatchNorm(3), nn.LazyBatchNorm2d(),
                          nn.InstanceNorm2d(3))
    before = [type(part) for part in model]
    bt.convert(model, fuse=True)
    assert [type(part) for part in model] == before
