//===- MoveBF16AsIntegers.cpp - Without a type that LLVM lacks ------------===//
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
// with their bits, so that LLVM sees none if what moves them moves integers.
//
//===----------------------------------------------------------------------===//

#include "WidenBF16Pairs.h"
#include "bn/Codegen/CPU/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

namespace mlir::bn {
#define GEN_PASS_DEF_MOVEBF16ASINTEGERSPASS
#include "bn/Codegen/CPU/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// The integers in the place of `type`, bf16 or a vector of it; null for
/// others.
static Type getIntegers(Type type) {
  if (!getElementTypeOrSelf(type).isBF16())
    return {};
  return withElement(type, IntegerType::get(type.getContext(), 16));
}

/// Gives `op` and its users integers in the place of bf16.
static void moveIntegers(Operation *op) {
  OpBuilder b(op);
  Location loc = op->getLoc();
  for (OpOperand &operand : op->getOpOperands())
    if (Type integers = getIntegers(operand.get().getType()))
      operand.set(LLVM::BitcastOp::create(b, loc, integers, operand.get()));
  b.setInsertionPointAfter(op);
  for (OpResult result : op->getResults()) {
    Type type = result.getType(), integers = getIntegers(type);
    if (!integers)
      continue;
    result.setType(integers);
    auto value = LLVM::BitcastOp::create(b, loc, type, result);
    result.replaceAllUsesExcept(value, value);
  }
}

namespace {
struct MoveBF16AsIntegersPass
    : public bn::impl::MoveBF16AsIntegersPassBase<MoveBF16AsIntegersPass> {
  using Base::Base;

  void runOnOperation() override {
    getOperation()->walk([](Operation *op) {
      if (isa<LLVM::LoadOp, LLVM::StoreOp, LLVM::InsertElementOp,
              LLVM::ExtractElementOp, LLVM::ShuffleVectorOp, LLVM::SelectOp,
              LLVM::PoisonOp>(op))
        moveIntegers(op);
    });
  }
};
} // namespace
