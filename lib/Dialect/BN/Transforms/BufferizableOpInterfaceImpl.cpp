//===- BufferizableOpInterfaceImpl.cpp - Bufferization of bn ops ----------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "bn/Dialect/BN/Transforms/BufferizableOpInterfaceImpl.h"
#include "bn/Dialect/BN/IR/BNOps.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

using namespace mlir;
using namespace mlir::bn;
using namespace mlir::bufferization;

namespace {
/// Every bn op is destination-passing: outs are written, and each result is its
/// out.
template <typename OpTy>
struct BNOpModel
    : DstBufferizableOpInterfaceExternalModel<BNOpModel<OpTy>, OpTy> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    if (!cast<DestinationStyleOpInterface>(op).isDpsInit(&operand))
      return true;
    return cast<IndexedOpInterface>(op).accumulatesOverReductions() ||
           isa<MergeStatsOp>(op);
  }

  /// An element of an out is written after the elements at its own index of
  /// the spanning operands are read, so an in-place call needs no copy.
  bool bufferizesToElementwiseAccess(Operation *op, const AnalysisState &,
                                     ArrayRef<OpOperand *> operands) const {
    auto indexed = cast<IndexedOpInterface>(op);
    SmallVector<AffineMap> maps = indexed.getOperandIndexingMaps();
    if (llvm::is_contained(indexed.getIterationKinds(),
                           utils::IteratorType::reduction))
      return false;
    return llvm::all_of(operands, [&](OpOperand *operand) {
      return maps[operand->getOperandNumber()].isIdentity();
    });
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(op);
    SmallVector<Value> buffers;
    for (Value operand : op->getOperands()) {
      FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
      if (failed(buffer))
        return failure();
      buffers.push_back(*buffer);
    }
    Operation *onBuffers =
        clone(rewriter, op, /*newResultTypes=*/TypeRange(), buffers);
    auto inits = cast<DestinationStyleOpInterface>(onBuffers).getDpsInits();
    replaceOpWithBufferizedValues(rewriter, op, inits);
    return success();
  }
};

template <typename... OpTys> void attachModels(MLIRContext *context) {
  (OpTys::template attachInterface<BNOpModel<OpTys>>(*context), ...);
}
} // namespace

void mlir::bn::registerBufferizableOpInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, BNDialect *) {
    attachModels<TrainingOp, InferenceOp, BackwardOp, StatsOp, MergeStatsOp,
                 UpdateRunningStatsOp, NormalizeOp, BackwardReduceOp,
                 BackwardInputOp>(context);
  });
}
