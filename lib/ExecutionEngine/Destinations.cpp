//===- Destinations.cpp - Tensors that a function writes to -----*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase: input.
//
//===----------------------------------------------------------------------===//

#include "Destinations.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace mlir::bn;
using bufferization::AliasingValue;
using bufferization::BufferizableOpInterface;
using bufferization::BufferizationDialect;

namespace {
/// Follows a tensor, and what may be in its memory, to its uses.
class DestinationFinder {
public:
  bool isDestination(Value tensor) {
    return visited.insert(tensor).second &&
           llvm::any_of(tensor.getUses(),
                        [&](OpOperand &use) { return isDestination(use); });
  }

private:
  bool isDestination(OpOperand &use);
  bool isDestinationInCallee(func::CallOp call, unsigned argument);

  bufferization::BufferizationOptions options;
  bufferization::AnalysisState state{options};
  DenseSet<Value> visited;
};
} // namespace

bool DestinationFinder::isDestination(OpOperand &use) {
  // Upstream's model of calls needs an analysis of the whole module.
  if (auto call = dyn_cast<func::CallOp>(use.getOwner()))
    return isDestinationInCallee(call, use.getOperandNumber());
  // Others, such as arithmetic, have a destination only once they are lowered.
  auto op = dyn_cast<BufferizableOpInterface>(use.getOwner());
  if (!op)
    return false;
  return op.bufferizesToMemoryWrite(use, state) ||
         llvm::any_of(op.getAliasingValues(use, state),
                      [&](const AliasingValue &alias) {
                        return isDestination(alias.value);
                      });
}

bool DestinationFinder::isDestinationInCallee(func::CallOp call,
                                              unsigned argument) {
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      call, call.getCalleeAttr());
  // What the callee returns may be in the memory of the argument.
  return !callee || callee.isDeclaration() ||
         isDestination(callee.getArgument(argument)) ||
         llvm::any_of(call.getResults(),
                      [&](Value result) { return isDestination(result); });
}

SmallVector<int64_t> mlir::bn::findDestinations(func::FuncOp function) {
  SmallVector<int64_t> destinations;
  if (function.isDeclaration())
    return destinations;
  for (BlockArgument argument : function.getArguments()) {
    auto writable = function.getArgAttrOfType<BoolAttr>(
        argument.getArgNumber(), BufferizationDialect::kWritableAttrName);
    if (isa<TensorType>(argument.getType()) &&
        (writable ? writable.getValue()
                  : DestinationFinder().isDestination(argument)))
      destinations.push_back(argument.getArgNumber());
  }
  return destinations;
}

void mlir::bn::protectOtherArguments(func::FuncOp function) {
  SmallVector<int64_t> destinations = findDestinations(function);
  auto no = BoolAttr::get(function.getContext(), false);
  for (auto [index, type] : llvm::enumerate(function.getArgumentTypes()))
    if (isa<TensorType>(type) && !llvm::is_contained(destinations, index))
      function.setArgAttr(index, BufferizationDialect::kWritableAttrName, no);
}
