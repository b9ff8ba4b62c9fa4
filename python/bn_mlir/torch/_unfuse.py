# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fused layers become layers of torch.nn, and what follows them: the way back
of `_fuse`.

Only a graph of `torch.fx` can get the addition and the ReLU back. Layers that
are called by a `forward` in Python stay.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx, nn

from bn_mlir.torch import _fuse
from bn_mlir.torch._exchange import make_as

#: The layer of ours in each fused one.
_LAYERS = {fused: layer for table in (_fuse.WITH_RELU, _fuse.WITH_ADD_RELU)
           for layer, fused in table.items()}


def unfuse(module: nn.Module,
           types: dict[type[nn.Module], type[nn.Module]]) -> None:
    """Splits the fused layers that graphs in `module` call.

    :param types: for each layer of ours, that of torch.nn.
    """
    # All of them are found first: a layer may be in the graphs of two modules,
    # one inside the other.
    calls = [(traced, node, traced.get_submodule(node.target))
             for traced in module.modules()
             if isinstance(traced, fx.GraphModule)
             for node in traced.graph.nodes if node.op == "call_module"]
    calls = [call for call in calls if type(call[2]) in _LAYERS]
    layers = {old: make_as(types[_LAYERS[type(old)]], old)
              for _, _, old in calls}
    for traced, node, old in calls:
        traced.set_submodule(node.target, layers[old])
        arguments = dict(zip(("input", "addend"), node.args))
        _split(traced.graph, node, **arguments, **node.kwargs)
    for traced in {traced for traced, _, _ in calls}:
        traced.graph.lint()
        traced.recompile()


def _split(graph: fx.Graph, call: fx.Node, input: Any,
           addend: Any = None) -> None:
    """Puts the layer, the addition and the ReLU in the place of `call`."""
    with graph.inserting_before(call):
        result = graph.call_module(call.target, (input,))
        if addend is not None:
            result = graph.call_function(operator.add, (result, addend))
        result = graph.call_function(torch.relu, (result,))
    call.replace_all_uses_with(result)
    graph.erase_node(call)
