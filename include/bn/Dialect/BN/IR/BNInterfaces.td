//===- BNInterfaces.td - Interfaces of the bn ops ----------*- tablegen -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_DIALECT_BN_IR_BNINTERFACES
#define BN_DIALECT_BN_IR_BNINTERFACES

include "mlir/IR/OpBase.td"

def BN_IndexedOpInterface : OpInterface<"IndexedOpInterface"> {
  let cppNamespace = "::mlir::bn";
  let description = [{
    An op whose operands are indexed by projections of one iteration space, as
    in `linalg`. All `bn` ops have it; tiling is implemented on it once.
  }];
  let methods = [
    InterfaceMethod<
      "One map per operand from the iteration space to the operand's indices. "
      "A result is a dimension, or the constant 0 where the operand is "
      "broadcast.",
      "::llvm::SmallVector<::mlir::AffineMap>", "getOperandIndexingMaps">,
    InterfaceMethod<
      "Kind of each dimension of the iteration space.",
      "::llvm::SmallVector<::mlir::utils::IteratorType>",
      "getIterationKinds">,
    InterfaceMethod<
      "Operand that spans the whole iteration space.",
      "::mlir::OpOperand &", "getSpanningOperand">,
    InterfaceMethod<
      "True when a tile of a reduction dimension accumulates into the same "
      "outs; false when the op needs all of it at once.",
      "bool", "accumulatesOverReductions">
  ];
}

def BN_EpilogueOpInterface : OpInterface<"EpilogueOpInterface"> {
  let cppNamespace = "::mlir::bn";
  let description = [{
    An op whose normalized elements may go through an *epilogue* before they are
    written: a region that takes one element, and the element at the same index
    or of the same channel of each epilogue input, and yields what is written.
    Its values have the accumulator type of the data, so that nothing is rounded
    in between.
  }];
  let methods = [
    InterfaceMethod<"The data that are normalized.", "::mlir::Value",
                    "getInput">,
    InterfaceMethod<"The dimensions of the channels.",
                    "::llvm::ArrayRef<int64_t>", "getAxis">,
    InterfaceMethod<"Further tensors that the epilogue takes elements of: of "
                    "the shape of the data, or with an entry per channel.",
                    "::mlir::Operation::operand_range", "getEpilogueInputs">,
    InterfaceMethod<"The same, to be changed.", "::mlir::MutableOperandRange",
                    "getEpilogueInputsMutable">,
    InterfaceMethod<"Destinations; the first is that of the output.",
                    "::mlir::Operation::operand_range", "getOuts">,
    InterfaceMethod<"The same, to be changed.", "::mlir::MutableOperandRange",
                    "getOutsMutable">
  ];
  let extraSharedClassDeclaration = [{
    bool hasEpilogue() { return $_op->getNumRegions() != 0; }
    /// The epilogue, which the op must have: one block that ends with
    /// `bn.yield`.
    ::mlir::Region &getEpilogue() { return $_op->getRegion(0); }
  }];
}

#endif // BN_DIALECT_BN_IR_BNINTERFACES
