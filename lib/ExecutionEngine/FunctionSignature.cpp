//===- FunctionSignature.cpp - The signature of a function ------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Types that a call from outside cannot pass (unranked, other element types,
// strided arguments, memory spaces, encodings) are refused here, by name.
//
// Phase: input.
//
//===----------------------------------------------------------------------===//

#include "FunctionSignature.h"

#include "Destinations.h"
#include "bn/Support/Error.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <optional>

using namespace mlir;
using namespace mlir::bn;
using Access = KernelOperand::Access;

/// Returns the public functions with a body as "'a', 'b'".
static std::string listFunctions(ModuleOp module) {
  llvm::SmallVector<std::string> names;
  for (auto function : module.getOps<func::FuncOp>())
    if (function.isPublic() && !function.isDeclaration())
      names.push_back(("'" + function.getName() + "'").str());
  return names.empty() ? "none" : llvm::join(names, ", ");
}

llvm::Expected<func::FuncOp> mlir::bn::findFunction(ModuleOp module,
                                                    llvm::StringRef entry) {
  if (entry.empty()) {
    func::FuncOp found;
    for (auto function : module.getOps<func::FuncOp>()) {
      if (!function.isPublic() || function.isDeclaration())
        continue;
      if (found)
        return makeError("expected the name of one of the public functions {0},"
                         " got none",
                         listFunctions(module));
      found = function;
    }
    if (!found)
      return makeError("expected a module with a public function, got none");
    return found;
  }

  Operation *symbol = SymbolTable::lookupSymbolIn(module, entry);
  if (!symbol)
    return makeError("expected function '{0}' in the module, got {1}", entry,
                     listFunctions(module));
  auto function = dyn_cast<func::FuncOp>(symbol);
  if (!function)
    return makeError("expected '{0}' to be a func.func, got {1}", entry,
                     symbol->getName().getStringRef());
  if (function.isDeclaration())
    return makeError("expected function '{0}' to have a body, got a "
                     "declaration",
                     entry);
  return function;
}

static std::optional<DType> convertElementType(Type type) {
  if (type.isF16())
    return DType::F16;
  if (type.isBF16())
    return DType::BF16;
  if (type.isF32())
    return DType::F32;
  if (type.isF64())
    return DType::F64;
  if (type.isSignlessInteger(1))
    return DType::I1;
  if (type.isSignlessInteger(8))
    return DType::I8;
  if (type.isSignlessInteger(32))
    return DType::I32;
  if (type.isSignlessInteger(64) || type.isIndex())
    return DType::I64;
  return std::nullopt;
}

/// Converts `type`, or returns nothing when it cannot be passed. Any layout is
/// good for a result: its strides are known after the call.
static std::optional<KernelOperand> convertType(Type type, bool isResult) {
  KernelOperand operand;
  auto shaped = dyn_cast<ShapedType>(type);
  std::optional<DType> dtype =
      convertElementType(shaped ? shaped.getElementType() : type);
  if (!dtype)
    return std::nullopt;
  operand.dtype = *dtype;
  operand.isScalar = !shaped;
  if (!shaped)
    return operand;

  if (auto tensor = dyn_cast<RankedTensorType>(type)) {
    if (tensor.getEncoding())
      return std::nullopt;
    operand.isExclusive = true;
  } else if (auto memref = dyn_cast<MemRefType>(type)) {
    if (memref.getMemorySpace() ||
        (!isResult && !memref.getLayout().isIdentity()))
      return std::nullopt;
    operand.access = Access::ReadWrite;
  } else {
    return std::nullopt;
  }
  for (int64_t size : shaped.getShape())
    operand.shape.push_back(ShapedType::isDynamic(size) ? -1 : size);
  return operand;
}

llvm::Expected<KernelSignature>
mlir::bn::getFunctionSignature(func::FuncOp function) {
  KernelSignature signature;
  auto convert = [&](TypeRange types, bool isResult,
                     std::vector<KernelOperand> &operands) -> llvm::Error {
    for (auto [index, type] : llvm::enumerate(types)) {
      std::optional<KernelOperand> operand = convertType(type, isResult);
      if (!operand)
        return makeError(
            "expected {0} {1} of function '{2}' to be a ranked tensor, a "
            "contiguous memref or a scalar, of i1, i8, i32, i64, index, bf16, "
            "f16, f32 or f64, got {3}",
            isResult ? "result" : "argument", index, function.getName(), type);
      operands.push_back(std::move(*operand));
    }
    return llvm::Error::success();
  };
  if (llvm::Error error =
          convert(function.getArgumentTypes(), false, signature.arguments))
    return std::move(error);
  if (llvm::Error error =
          convert(function.getResultTypes(), true, signature.results))
    return std::move(error);
  for (int64_t index : findDestinations(function))
    signature.arguments[index].access = Access::ReadWrite;
  return signature;
}
