//===- AccessBF16AsIntegers.cpp - Loads and stores of bf16 ----------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'llvm'. Where there are no instructions for bf16, vectors of it are no
// type of the target: what LLVM does with them element by element it does by
// way of f32, with library functions. Our kernels only move them and compute
// with their bits, so that LLVM sees none if none is loaded or stored. (Of ops
// of bf16 in between, such as llvm.select, it may make some again.)
//
//===----------------------------------------------------------------------===//

#include "bn/Codegen/CPU/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

namespace mlir::bn {
#define GEN_PASS_DEF_ACCESSBF16ASINTEGERSPASS
#include "bn/Codegen/CPU/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// The integers in the place of `type`, bf16 or a vector of it; null for
/// others.
static Type getIntegers(Type type) {
  if (!getElementTypeOrSelf(type).isBF16())
    return {};
  auto integer = IntegerType::get(type.getContext(), 16);
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(integer);
  return integer;
}

static void loadIntegers(LLVM::LoadOp op) {
  Type type = op.getType(), integers = getIntegers(type);
  if (!integers)
    return;
  OpBuilder b(op.getContext());
  b.setInsertionPointAfter(op);
  op.getResult().setType(integers);
  auto value = LLVM::BitcastOp::create(b, op.getLoc(), type, op.getResult());
  op.getResult().replaceAllUsesExcept(value, value);
}

static void storeIntegers(LLVM::StoreOp op) {
  Type integers = getIntegers(op.getValue().getType());
  if (!integers)
    return;
  OpBuilder b(op);
  op.getValueMutable().assign(
      LLVM::BitcastOp::create(b, op.getLoc(), integers, op.getValue()));
}

namespace {
struct AccessBF16AsIntegersPass
    : public bn::impl::AccessBF16AsIntegersPassBase<AccessBF16AsIntegersPass> {
  using Base::Base;

  void runOnOperation() override {
    getOperation()->walk([](Operation *op) {
      if (auto load = dyn_cast<LLVM::LoadOp>(op))
        loadIntegers(load);
      else if (auto store = dyn_cast<LLVM::StoreOp>(op))
        storeIntegers(store);
    });
  }
};
} // namespace
