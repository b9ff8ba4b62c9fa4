//===- BNOpBase.td - Types and base classes of the ops -----*- tablegen -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_DIALECT_BN_IR_BNOPBASE
#define BN_DIALECT_BN_IR_BNOPBASE

include "bn/Dialect/BN/IR/BNBase.td"
include "bn/Dialect/BN/IR/BNInterfaces.td"
include "mlir/Dialect/Linalg/IR/LinalgInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def BN_Float : AnyTypeOf<[F16, BF16, F32, F64]>;

// Buffers occur only between bufferization and the end of the pass that asked
// for it; the lowering to linalg takes tensors.
def BN_Shaped : AnyTypeOf<[RankedTensorOf<[F16, BF16, F32, F64]>,
                           MemRefOf<[F16, BF16, F32, F64]>],
    "ranked tensor or memref of f16, bf16, f32 or f64 values">;

// What an epilogue may write, and a prologue takes elements of: also bits that
// are saved.
def BN_ShapedOrBits : AnyTypeOf<[RankedTensorOf<[F16, BF16, F32, F64, I8]>,
                                 MemRefOf<[F16, BF16, F32, F64, I8]>],
    "ranked tensor or memref of f16, bf16, f32, f64 or i8 values">;

class BN_Op<string mnemonic, list<Trait> traits = []> :
    Op<BN_Dialect, mnemonic, !listconcat(traits, [
      DestinationStyleOpInterface,
      DeclareOpInterfaceMethods<BN_IndexedOpInterface>,
      DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface,
                                ["reifyResultShapes"]>,
      DeclareOpInterfaceMethods<MemoryEffectsOpInterface>
    ])> {
  let hasVerifier = 1;
  code commonDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getOutsMutable(); }
  }];
  let extraClassDeclaration = commonDeclaration;
}

// An op that decomposes into simpler ops (level by level: user, structural,
// linalg).
class BN_AggregatedOp<string mnemonic, list<Trait> traits = []> :
    BN_Op<mnemonic, !listconcat(traits, [
      DeclareOpInterfaceMethods<AggregatedOpInterface, ["decomposeOperation"]>
    ])>;

// An op whose output may go through an epilogue. Its arguments include
// `epilogue_inputs`, right before `outs`.
class BN_EpilogueOp<string mnemonic, list<Trait> traits = []> :
    BN_AggregatedOp<mnemonic, !listconcat(traits, [
      AttrSizedOperandSegments, BN_EpilogueOpInterface
    ])> {
  // None or one: upstream does not clone ops whose regions are empty.
  let regions = (region VariadicRegion<SizedRegion<1>>:$epilogues);
  let commonDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getOutsMutable(); }
    ::llvm::StringRef getCodeName() { return "epilogue"; }
    Value getCodeData() { return getInput(); }
    bool takesSavedBits() { return false; }
    OperandRange getCodeInputs() { return getEpilogueInputs(); }
    MutableOperandRange getCodeInputsMutable() {
      return getEpilogueInputsMutable();
    }
    Value getSavedOut() {
      Value last = getOuts().size() > 1 ? getOuts().back() : Value();
      bool isSaved = last && getElementTypeOrSelf(last.getType()).isInteger(8);
      return isSaved ? last : Value();
    }
  }];
}

// An op whose output_grad may go through a prologue. Its arguments include
// `prologue_inputs`, right before `outs`.
class BN_PrologueOp<string mnemonic, list<Trait> traits = []> :
    BN_AggregatedOp<mnemonic, !listconcat(traits, [
      AttrSizedOperandSegments, BN_PrologueOpInterface
    ])> {
  let regions = (region VariadicRegion<SizedRegion<1>>:$prologues);
  let commonDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getOutsMutable(); }
    ::llvm::StringRef getCodeName() { return "prologue"; }
    Value getCodeData() { return getOutputGrad(); }
    bool takesSavedBits() { return true; }
    OperandRange getCodeInputs() { return getPrologueInputs(); }
    MutableOperandRange getCodeInputsMutable() {
      return getPrologueInputsMutable();
    }
  }];
}

#endif // BN_DIALECT_BN_IR_BNOPBASE
