//===- Entry.cpp - the function that bn-runner calls ------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Entry.h"

#include "bn/Dialect/BN/IR/BNOps.h"
#include "bn/Support/Error.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::bn;
using namespace mlir::bn::runner;

//===----------------------------------------------------------------------===//
// Entry
//===----------------------------------------------------------------------===//

static bool isEntry(func::FuncOp function) {
  return function.isPublic() && !function.isDeclaration();
}

static std::string listEntries(ModuleOp module) {
  SmallVector<std::string> names;
  for (auto function : module.getOps<func::FuncOp>())
    if (isEntry(function))
      names.push_back(("'" + function.getSymName() + "'").str());
  return names.empty() ? "none" : llvm::join(names, ", ");
}

static llvm::Expected<func::FuncOp> findOnlyEntry(ModuleOp module) {
  func::FuncOp only;
  bool isOnly = true;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!isEntry(function))
      continue;
    if (function.getSymName() == "main")
      return function;
    isOnly = !only;
    only = function;
  }
  if (only && isOnly)
    return only;
  if (only)
    return makeError("expected --entry=NAME or a function 'main' in a module "
                     "with several public functions, got {0}",
                     listEntries(module));
  if (!module.getOps<LLVM::LLVMFuncOp>().empty())
    return makeError("expected a func.func, got only llvm.func, which no "
                     "longer says the types of arrays");
  return makeError("expected a module with a public function, got none");
}

llvm::Expected<func::FuncOp> runner::findEntry(ModuleOp module,
                                               StringRef name) {
  if (name.empty())
    return findOnlyEntry(module);
  Operation *symbol = SymbolTable::lookupSymbolIn(module, name);
  if (!symbol)
    return makeError("expected a public function named '{0}', got {1}", name,
                     listEntries(module));
  auto function = dyn_cast<func::FuncOp>(symbol);
  if (!function)
    return makeError("expected '{0}' to be a func.func, got {1}", name,
                     symbol->getName().getStringRef());
  if (!isEntry(function))
    return makeError("expected '{0}' to be a public function with a body, got "
                     "a {1}",
                     name, function.isPublic() ? "declaration" : "private one");
  return function;
}

bool runner::isWrittenOnly(Value value) {
  return isa<TensorType>(value.getType()) &&
         llvm::all_of(value.getUses(), [](OpOperand &use) {
           Operation *user = use.getOwner();
           if (auto op = dyn_cast<DestinationStyleOpInterface>(user))
             return op.isDpsInit(&use);
           // Loops carry destinations, which their bodies write tile by tile.
           if (auto loop = dyn_cast<LoopLikeOpInterface>(user))
             return llvm::is_contained(loop.getInits(), use.get());
           if (isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp>(user))
             return isWrittenOnly(user->getResult(0));
           return false;
         });
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

/// The mask of `op`, which may be null, and the data that it is for.
static std::pair<Value, Value> getMaskAndData(Operation *op) {
  using Result = std::pair<Value, Value>;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case<TrainingOp, BackwardOp, StatsOp, BackwardInputOp>(
          [](auto op) { return Result(op.getMask(), op.getInput()); })
      .Default(Result());
}

/// Checks that each `?` of the mask of `op` is the size of the data. A 1 in its
/// place would be valid, but is not what code was compiled for.
static LogicalResult verifyMaskSizes(Operation *op,
                                     const DenseMap<Value, Type> &refined) {
  auto [mask, data] = getMaskAndData(op);
  if (!mask)
    return success();
  auto getShape = [&](Value value) {
    Type type = refined.lookup(value);
    return cast<ShapedType>(type ? type : value.getType()).getShape();
  };
  auto type = cast<ShapedType>(mask.getType());
  for (auto [dim, sizes] :
       llvm::enumerate(llvm::zip_equal(getShape(mask), getShape(data)))) {
    auto [size, expected] = sizes;
    if (type.isDynamicDim(dim) &&
        failed(verifyCompatibleShape({size}, {expected})))
      return op->emitOpError("expected 'mask' to have size ")
             << expected << " in dimension " << dim
             << ", where its type has '?', got " << size;
  }
  return success();
}

/// Verifies a copy of `op`, unless it is a loop, whose operands have the types
/// in `refined`, and records its results' types there.
static LogicalResult verifyRefined(DestinationStyleOpInterface op,
                                   DenseMap<Value, Type> &refined) {
  Block operands;
  IRMapping mapping;
  for (Value operand : op->getOperands())
    if (Type type = refined.lookup(operand))
      mapping.map(operand, operands.addArgument(type, op.getLoc()));
  Operation *copy = op->clone(mapping);
  for (auto [init, result] : llvm::zip(op.getDpsInits(), op->getResults())) {
    if (Type type = refined.lookup(init)) {
      copy->getResult(result.getResultNumber()).setType(type);
      refined[result] = type;
    }
  }
  // The block arguments of a loop would need new types, too.
  LogicalResult verified =
      success(isa<LoopLikeOpInterface>(copy) ||
              (succeeded(copy->getName().verifyInvariants(copy)) &&
               succeeded(copy->getName().verifyRegionInvariants(copy))));
  copy->destroy();
  return success(succeeded(verified) &&
                 succeeded(verifyMaskSizes(op, refined)));
}

llvm::Error runner::checkSizes(func::FuncOp entry, ArrayRef<Array> arguments) {
  DenseMap<Value, Type> refined;
  for (auto [value, array] : llvm::zip_equal(entry.getArguments(), arguments))
    if (auto type = dyn_cast<RankedTensorType>(value.getType()))
      refined[value] = type.clone(array.getShape());

  std::string messages;
  ScopedDiagnosticHandler handler(entry.getContext(), [&](Diagnostic &message) {
    messages += (messages.empty() ? "" : "\n") + message.str();
  });
  for (Operation &op : entry.getOps())
    if (auto destinationStyle = dyn_cast<DestinationStyleOpInterface>(op))
      if (failed(verifyRefined(destinationStyle, refined)))
        return makeError("expected sizes that fit together, got: {0}",
                         messages);
  return llvm::Error::success();
}
