# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Batch normalization and what follows it become one layer.

`torch.fx` shows which layer's result goes where. A ReLU, or an addition and
then a ReLU, is taken in when it alone reads the layer's result.
"""

from __future__ import annotations

import operator
from collections import Counter
from typing import NamedTuple, Optional

import torch
import torch.nn.functional as F
from torch import fx, nn

from bn_mlir.torch import modules
from bn_mlir.torch._exchange import make_as

#: The fused layer for each of ours.
WITH_RELU: dict[type, type] = {
    modules.BatchNorm1d: modules.BatchNormReLU1d,
    modules.BatchNorm2d: modules.BatchNormReLU2d,
    modules.BatchNorm3d: modules.BatchNormReLU3d,
}
WITH_ADD_RELU: dict[type, type] = {
    modules.BatchNorm1d: modules.BatchNormAddReLU1d,
    modules.BatchNorm2d: modules.BatchNormAddReLU2d,
    modules.BatchNorm3d: modules.BatchNormAddReLU3d,
}
_ADDITIONS_IN_PLACE = {operator.iadd, "add_"}
_ADDITIONS = {operator.add, torch.add, "add"} | _ADDITIONS_IN_PLACE
_RELUS = {F.relu, F.relu_, torch.relu, torch.relu_, "relu", "relu_"}
_IN_PLACE_OPERATORS = {operator.setitem} | {
    getattr(operator, name) for name in (
        "iadd", "iand", "ifloordiv", "ilshift", "imatmul", "imod", "imul",
        "ior", "ipow", "irshift", "isub", "itruediv", "ixor")
}


class _Tracer(fx.Tracer):
    """Sees our layers as one step each."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return isinstance(module, modules._Normalization) or (
            super().is_leaf_module(module, name))


class _Match(NamedTuple):
    layer: fx.Node
    addition: Optional[fx.Node]
    relu: fx.Node


def fuse(module: nn.Module) -> nn.Module:
    """Joins what it can in `module`, or in those of its parts that it can
    trace.
    """
    if not any(type(part) in WITH_RELU for part in module.modules()):
        return module
    if type(module) in WITH_RELU:
        return module
    graph = _trace(module)
    traced = None if graph is None else _fuse_graph(module, graph)
    if traced is not None:
        return traced
    for name, child in list(module.named_children()):
        setattr(module, name, fuse(child))
    return module


#===------------------------------------------------------------------------===#
# Tracing
#===------------------------------------------------------------------------===#


def _trace(module: nn.Module) -> Optional[fx.Graph]:
    """Returns the graph of `module`; None where there is none, or one for
    training and another for evaluation, or where `forward` may ask whether an
    argument was given, which torch.fx takes for a yes.
    """
    if any(part._forward_hooks or part._forward_pre_hooks
           or part._backward_hooks or part._backward_pre_hooks
           for part in module.modules()):
        return None
    modes = {part: part.training for part in module.modules()}
    texts = []
    try:
        for mode in (True, False):
            module.train(mode)
            graph = _Tracer().trace(module)
            texts.append(str(graph))
    except Exception:  # noqa: BLE001 - the code of a forward may raise anything
        return None
    finally:
        for part, mode in modes.items():
            part.training = mode
    may_lack = any(node.op == "placeholder" and node.args
                   for node in graph.nodes)
    return graph if texts[0] == texts[1] and not may_lack else None


#===------------------------------------------------------------------------===#
# Matching
#===------------------------------------------------------------------------===#


def _match(module: nn.Module, layer: fx.Node) -> Optional[_Match]:
    """Returns what follows the call `layer`, where it can be taken in."""
    follower = _get_only_user(layer)
    addition = None
    if follower is not None and _is_addition(follower):
        addition = follower
        # What is added to in place must be the layer's own result.
        if (addition.target in _ADDITIONS_IN_PLACE
                and addition.args[0] is not layer):
            return None
        if not _may_move(module, layer, addition):
            return None
        follower = _get_only_user(addition)
    if follower is None or not _is_relu(module, follower):
        return None
    return _Match(layer, addition, follower)


def _get_only_user(node: fx.Node) -> Optional[fx.Node]:
    return next(iter(node.users)) if len(node.users) == 1 else None


def _is_addition(node: fx.Node) -> bool:
    """Whether `node` adds two values, with nothing else to it."""
    return (node.op in ("call_function", "call_method")
            and node.target in _ADDITIONS and not node.kwargs
            and len(node.all_input_nodes) == 2 and len(node.args) == 2)


def _is_relu(module: nn.Module, node: fx.Node) -> bool:
    if node.op == "call_module":
        return type(module.get_submodule(node.target)) is nn.ReLU
    return (node.op in ("call_function", "call_method")
            and node.target in _RELUS)


def _may_move(module: nn.Module, layer: fx.Node, addition: fx.Node) -> bool:
    """Whether the layer may wait for the addend: nothing in between writes to
    what it reads.
    """
    node = layer.next
    while node is not addition:
        if _writes(module, node):
            return False
        node = node.next
    return True


def _writes(module: nn.Module, node: fx.Node) -> bool:
    """Whether `node` changes a tensor in place."""
    if node.op == "call_module":
        return getattr(module.get_submodule(node.target), "inplace", False)
    if node.op not in ("call_function", "call_method"):
        return False
    name = getattr(node.target, "__name__", node.target)
    return (name.endswith("_") or node.target in _IN_PLACE_OPERATORS
            or bool(node.kwargs.get("inplace")) or "out" in node.kwargs)


#===------------------------------------------------------------------------===#
# Rewriting
#===------------------------------------------------------------------------===#


def _fuse_graph(module: nn.Module,
                graph: fx.Graph) -> Optional[fx.GraphModule]:
    """Returns the module of `graph`, with what can be joined; None where it
    would lack entries of the ``state_dict``, which the graph does not use.
    """
    traced = fx.GraphModule(module, graph, type(module).__name__)
    if traced.state_dict().keys() != module.state_dict().keys():
        return None
    calls = [node for node in graph.nodes if node.op == "call_module"]
    count = Counter(node.target for node in calls)
    for node in calls:
        layer = traced.get_submodule(node.target)
        if type(layer) not in WITH_RELU or count[node.target] > 1:
            continue
        match = _match(traced, node)
        if match is not None:
            _rewrite(traced, graph, match)
    graph.lint()
    traced.delete_all_unused_submodules()
    traced.recompile()
    traced.training = module.training
    return traced


def _rewrite(traced: fx.GraphModule, graph: fx.Graph, match: _Match) -> None:
    layer, addition, relu = match
    kinds, place = WITH_RELU, layer
    arguments = layer.args or (layer.kwargs["input"],)
    if addition is not None:
        kinds, place = WITH_ADD_RELU, addition
        arguments += tuple(arg for arg in addition.args if arg is not layer)
    old = traced.get_submodule(layer.target)
    traced.set_submodule(layer.target, make_as(kinds[type(old)], old))
    with graph.inserting_before(place):
        fused = graph.call_module(layer.target, arguments)
    relu.replace_all_uses_with(fused)
    for node in (relu, addition, layer):
        if node is not None:
            graph.erase_node(node)
