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

def BN_ScalarCodeOpInterface : OpInterface<"ScalarCodeOpInterface"> {
  let cppNamespace = "::mlir::bn";
  let description = [{
    An op that may have *scalar code* for the elements of its data, an epilogue
    or a prologue: a region that takes one element, and the element at the same
    index or of the same channel of each of its inputs, and yields one value; an
    epilogue may also yield what is to be saved. Its values have the accumulator
    type of the data, so that nothing is rounded in between.
  }];
  let methods = [
    InterfaceMethod<"'epilogue' or 'prologue'.", "::llvm::StringRef",
                    "getCodeName">,
    InterfaceMethod<"Data of the type of those that the code is for.",
                    "::mlir::Value", "getCodeData">,
    InterfaceMethod<"True when inputs of the shape of the data may be bits "
                    "that were saved, as i8.", "bool", "takesSavedBits">,
    InterfaceMethod<"The dimensions of the channels.",
                    "::llvm::ArrayRef<int64_t>", "getAxis">,
    InterfaceMethod<"Further tensors that the code takes elements of: of the "
                    "shape of the data, or with an entry per channel.",
                    "::mlir::Operation::operand_range", "getCodeInputs">,
    InterfaceMethod<"The same, to be changed.", "::mlir::MutableOperandRange",
                    "getCodeInputsMutable">,
    InterfaceMethod<"Destinations.", "::mlir::Operation::operand_range",
                    "getOuts">,
    InterfaceMethod<"The same, to be changed.", "::mlir::MutableOperandRange",
                    "getOutsMutable">
  ];
  let extraSharedClassDeclaration = [{
    bool hasScalarCode() { return $_op->getNumRegions() != 0; }
    /// The code, which the op must have: one block that ends with `bn.yield`.
    ::mlir::Block &getScalarCode() { return $_op->getRegion(0).front(); }
  }];
}

def BN_EpilogueOpInterface :
    OpInterface<"EpilogueOpInterface", [BN_ScalarCodeOpInterface]> {
  let cppNamespace = "::mlir::bn";
  let description = [{
    An op whose scalar code is an *epilogue*: it takes the normalized elements
    before they are written, and yields what is written to the first of the
    destinations.
  }];
  let methods = [
    InterfaceMethod<"The data that are normalized.", "::mlir::Value",
                    "getInput">,
    InterfaceMethod<"The last destination, where it is what the epilogue saves "
                    "of each element, else null.", "::mlir::Value",
                    "getSavedOut">
  ];
}

def BN_PrologueOpInterface :
    OpInterface<"PrologueOpInterface", [BN_ScalarCodeOpInterface]> {
  let cppNamespace = "::mlir::bn";
  let description = [{
    An op whose scalar code is a *prologue*: it takes the elements of the
    gradient of an output that an epilogue has made, and yields those of the
    normalized output, which the op then works on.
  }];
  let methods = [
    InterfaceMethod<"The gradient of the output.", "::mlir::Value",
                    "getOutputGrad">,
    InterfaceMethod<"The same, to be changed.", "::mlir::OpOperand &",
                    "getOutputGradMutable">
  ];
}

#endif // BN_DIALECT_BN_IR_BNINTERFACES
