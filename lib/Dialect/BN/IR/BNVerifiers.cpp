//===- BNVerifiers.cpp - Constraints of docs/Spec.md ----------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each check is named by its constraint in docs/Spec.md; the test that
// violates it is called @error_<name>. Those of the gradients are in
// BNGradientVerifiers.cpp.
//
//===----------------------------------------------------------------------===//

#include "ScalarCode.h"
#include "VerifierUtils.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::bn;

//===----------------------------------------------------------------------===//
// User level
//===----------------------------------------------------------------------===//

LogicalResult TrainingOp::verify() {
  Value input = getInput();
  if (failed(verifyAxis(*this, getAxis(), input)) ||           // training_c1
      failed(verifyFinite(*this, "epsilon", getEpsilon())))    // training_c2
    return failure();

  bool running = hasRunningStats();
  if (running != (getRunningVariance() != nullptr))            // training_c6
    return emitOpError("expected both running statistics or none, got one");
  if (failed(verifyOutCount( // training_c7
          *this, getWrittenOuts(*this), running ? 5 : 3,
          running ? "output, mean, variance, new running mean, new running "
                    "variance"
                  : "output, mean, variance")))
    return failure();

  SmallVector<Named> perChannel = {{"scale", getScale()},
                                   {"offset", getOffset()},
                                   {"running_mean", getRunningMean()},
                                   {"running_variance", getRunningVariance()}};
  SmallVector<Named> statistics = {{"mean", getOuts()[1]},
                                   {"variance", getOuts()[2]}};
  SmallVector<Named> all = llvm::to_vector(llvm::concat<Named>(perChannel,
                                                               statistics));
  // With groups, mean and variance have a leading dimension.
  if (failed(verifyGroups(*this, getGroups(), input,           // training_c9
                          getAxis(), statistics)) ||
      failed(verifyChannelShapes(*this, input, getAxis(),      // training_c3
                                 getGroups() == 1 ? all : perChannel)) ||
      failed(verifyElementTypes(*this, input, all)) ||         // training_c4
      failed(verifySameType(*this, "output", getOuts()[0],     // training_c5
                            "input", input)))
    return failure();

  if (running != getMomentum().has_value())                    // training_c6
    return emitOpError("expected 'momentum' exactly when there are 'running' "
                       "statistics, got ")
           << (running ? "'running' without 'momentum'"
                       : "'momentum' without 'running'");
  if (running) {
    if (failed(verifyFinite(*this, "momentum", *getMomentum())) ||
        failed(verifySameType(*this, "new_running_mean",       // training_c7
                              getOuts()[3], "running_mean",
                              getRunningMean())) ||
        failed(verifySameType(*this, "new_running_variance", getOuts()[4],
                              "running_variance", getRunningVariance())))
      return failure();
  }
  if (failed(verifyMask(*this, getMask(), input)) || // training_c8
      failed(verifyCodeInputs(*this)) ||             // training_c11
      failed(verifyCodeTypes(*this)) ||              // training_c12
      failed(verifyCodeOps(*this)) ||                // training_c13
      failed(verifySaved(*this)))                    // training_c14
    return failure();
  return verifyResults(*this, getOuts());                      // training_c10
}

LogicalResult InferenceOp::verify() {
  Value input = getInput();
  SmallVector<Named> perChannel = {{"scale", getScale()},
                                   {"offset", getOffset()},
                                   {"mean", getMean()},
                                   {"variance", getVariance()}};
  if (failed(verifyAxis(*this, getAxis(), input)) ||          // inference_c1
      failed(verifyFinite(*this, "epsilon", getEpsilon())) || // inference_c2
      failed(verifyChannelShapes(*this, input, getAxis(),     // inference_c3
                                 perChannel)) ||
      failed(verifyElementTypes(*this, input, perChannel)) || // inference_c4
      failed(verifyOutCount(*this, getWrittenOuts(*this), 1,  // inference_c5
                            "output")) ||
      failed(verifySameType(*this, "output", getOuts()[0], "input", input)) ||
      failed(verifyCodeInputs(*this)) || // inference_c7
      failed(verifyCodeTypes(*this)) ||  // inference_c8
      failed(verifyCodeOps(*this)) ||    // inference_c9
      failed(verifySaved(*this)))        // inference_c10
    return failure();
  return verifyResults(*this, getOuts());                      // inference_c6
}

//===----------------------------------------------------------------------===//
// Structural level
//===----------------------------------------------------------------------===//

static LogicalResult verifyCountType(Operation *op, Value count) {
  Type element = shapedType(count).getElementType();
  if (element.isF64())
    return success();
  return op->emitOpError("expected 'count' to have element type 'f64', got ")
         << element;
}

static LogicalResult verifySameElementType(Operation *op,
                                           ValueRange meansAndM2s) {
  Type element = shapedType(meansAndM2s.front()).getElementType();
  for (Value value : meansAndM2s)
    if (shapedType(value).getElementType() != element)
      return op->emitOpError(
                 "expected means and m2s to have one element type (")
             << element << "), got " << shapedType(value).getElementType();
  return success();
}

LogicalResult StatsOp::verify() {
  Value input = getInput();
  if (failed(verifyAxis(*this, getAxis(), input)) ||           // stats_c1
      failed(verifyOutCount(*this, getOuts(), 3,               // stats_c2
                            "count, mean, m2")))
    return failure();
  SmallVector<Named> outs = {{"count", getOuts()[0]},
                             {"mean", getOuts()[1]},
                             {"m2", getOuts()[2]}};
  if (failed(verifyChannelShapes(*this, input, getAxis(), outs)) ||
      failed(verifyCountType(*this, getOuts()[0])) ||          // stats_c3
      failed(verifyElementTypes(*this, input, outs)) ||
      failed(verifySameElementType(*this, getOuts().drop_front())) ||
      failed(verifyMask(*this, getMask(), input)))             // stats_c4
    return failure();
  if (getPivot() &&                                            // stats_c6
      (failed(verifyChannelShapes(*this, input, getAxis(),
                                  {{"pivot", getPivot()}})) ||
       failed(verifySameElementType(*this, {getPivot(), getOuts()[1]}))))
    return failure();
  return verifyResults(*this, getOuts());                      // stats_c5
}

/// Checks that all operands have the shape of the first.
static LogicalResult verifySameShapes(Operation *op) {
  for (Value operand : op->getOperands())
    if (failed(verifyCompatibleShape(operand.getType(),
                                     op->getOperand(0).getType())))
      return op->emitOpError("expected operands to have the shape of 'count' (")
             << op->getOperand(0).getType() << "), got " << operand.getType();
  return success();
}

LogicalResult MergeStatsOp::verify() {
  if (failed(verifyOutCount(*this, getOuts(), 3,               // merge_stats_c1
                            "count, mean, m2")) ||
      failed(verifySameShapes(*this)) ||                       // merge_stats_c2
      failed(verifyCountType(*this, getCount())) ||            // merge_stats_c3
      failed(verifyCountType(*this, getOuts()[0])) ||
      failed(verifySameElementType(
          *this, {getMean(), getM2(), getOuts()[1], getOuts()[2]})))
    return failure();
  return verifyResults(*this, getOuts());                      // merge_stats_c4
}

LogicalResult UpdateRunningStatsOp::verify() {
  if (failed(verifyFinite(*this, "momentum",       // update_running_stats_c1
                          getMomentum())) ||
      failed(verifyOutCount(*this, getOuts(), 2,   // update_running_stats_c2
                            "new running mean, new running variance")) ||
      failed(verifySameShapes(*this)) ||
      failed(verifyCountType(*this, getCount())) || // update_running_stats_c3
      failed(verifySameType(*this, "new_running_mean", getOuts()[0],
                            "running_mean", getRunningMean())) ||
      failed(verifySameType(*this, "new_running_variance", getOuts()[1],
                            "running_variance", getRunningVariance())))
    return failure();
  return verifyResults(*this, getOuts());          // update_running_stats_c4
}

LogicalResult NormalizeOp::verify() {
  Value input = getInput();
  if (failed(verifyAxis(*this, getAxis(), input)))             // normalize_c1
    return failure();
  if (getEpsilon().has_value() != (getVariance() != nullptr))  // normalize_c2
    return emitOpError("expected 'epsilon' exactly when there is 'variance', "
                       "got ")
           << (getEpsilon() ? "'epsilon' without 'variance'"
                            : "'variance' without 'epsilon'");
  if (getEpsilon() && failed(verifyFinite(*this, "epsilon", *getEpsilon())))
    return failure();
  SmallVector<Named> perChannel = {{"mean", getMean()},
                                   {"variance", getVariance()},
                                   {"scale", getScale()},
                                   {"offset", getOffset()}};
  if (failed(verifyChannelShapes(*this, input, getAxis(), // normalize_c3
                                 perChannel)) ||
      failed(verifyElementTypes(*this, input, perChannel)) || // normalize_c4
      failed(verifyOutCount(*this, getWrittenOuts(*this), 1,  // normalize_c5
                            "output")) ||
      failed(verifySameType(*this, "output", getOuts()[0], "input", input)) ||
      failed(verifyCodeInputs(*this)) || // normalize_c7
      failed(verifyCodeTypes(*this)) ||  // normalize_c8
      failed(verifyCodeOps(*this)) ||    // normalize_c9
      failed(verifySaved(*this)))        // normalize_c10
    return failure();
  return verifyResults(*this, getOuts());                      // normalize_c6
}

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

LogicalResult ViewBitsOp::verify() {
  auto type = cast<MemRefType>(getType());
  unsigned numSizes = getSizes().size();
  if (numSizes != type.getNumDynamicDims()) // view_bits_c1
    return emitOpError("expected ") << type.getNumDynamicDims() << " sizes for "
                                    << type << ", got " << numSizes;
  if (!type.getLayout().isIdentity())
    return emitOpError("expected a result in C order, got ") << type;
  if (!type.hasStaticShape())
    return success();
  int64_t bits = type.getNumElements();
  if (bits % 8 != 0) // view_bits_c2
    return emitOpError("expected a result of a multiple of 8 elements, got ")
           << type;
  auto bytes = cast<MemRefType>(getSource().getType());
  if (!bytes.hasStaticShape() || bytes.getNumElements() == bits / 8)
    return success();
  return emitOpError("expected ") << bits / 8 << " bytes for the elements of "
                                  << type << ", got " << bytes;
}

Value ViewBitsOp::getViewSource() { return getSource(); }
