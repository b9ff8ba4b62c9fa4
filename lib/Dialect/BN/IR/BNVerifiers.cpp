//===- BNVerifiers.cpp - Constraints of docs/Spec.md ----------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each check is named by its constraint in docs/Spec.md; the test that
// violates it is called @error_<name>.
//
//===----------------------------------------------------------------------===//

#include "Epilogue.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::bn;

/// An operand and the name that its op gives it.
using Named = std::pair<StringRef, Value>;

static ShapedType shapedType(Value value) {
  return cast<ShapedType>(value.getType());
}

static LogicalResult verifyAxis(Operation *op, ArrayRef<int64_t> axis,
                                Value input) {
  int64_t rank = shapedType(input).getRank();
  if (axis.empty())
    return op->emitOpError("expected 'axis' to name at least one dimension, "
                           "got none");
  for (int64_t dim : axis)
    if (dim < -rank || dim >= rank)
      return op->emitOpError("expected 'axis' to be in [")
             << -rank << ", " << rank << ") for 'input' of rank " << rank
             << ", got " << dim;
  SmallVector<int64_t> dims = normalizeAxis(axis, rank);
  auto *repeated = std::adjacent_find(dims.begin(), dims.end());
  if (repeated != dims.end())
    return op->emitOpError("expected 'axis' to name each dimension once, got "
                           "dimension ")
           << *repeated << " twice";
  return success();
}

static LogicalResult verifyFinite(Operation *op, StringRef name,
                                  const APFloat &value) {
  if (value.isFinite())
    return success();
  SmallString<16> text;
  value.toString(text);
  return op->emitOpError("expected '")
         << name << "' to be finite, got " << text;
}

/// Checks that each of `operands` has one entry per channel of `input`, in the
/// dimensions after the `leading` first ones.
static LogicalResult verifyChannelShapes(Operation *op, Value input,
                                         ArrayRef<int64_t> axis,
                                         ArrayRef<Named> operands,
                                         int64_t leading = 0) {
  ShapedType inputType = shapedType(input);
  SmallVector<int64_t> dims = normalizeAxis(axis, inputType.getRank());
  for (auto [name, operand] : operands) {
    if (!operand)
      continue;
    ShapedType type = shapedType(operand);
    int64_t rank = leading + dims.size();
    if (type.getRank() != rank)
      return op->emitOpError("expected '")
             << name << "' to have rank " << rank << " (one dimension per axis"
             << (leading ? ", one for 'groups'" : "") << "), got "
             << type.getRank();
    for (auto [i, dim] : llvm::enumerate(dims)) {
      int64_t size = type.getDimSize(leading + i);
      if (failed(verifyCompatibleShape({size}, {inputType.getDimSize(dim)})))
        return op->emitOpError("expected '")
               << name << "' to have size " << inputType.getDimSize(dim)
               << " (dimension " << dim << " of 'input') in dimension "
               << leading + i << ", got " << size;
    }
  }
  return success();
}

/// Checks that element types are that of `input` or wider.
static LogicalResult verifyElementTypes(Operation *op, Value input,
                                        ArrayRef<Named> operands) {
  Type element = shapedType(input).getElementType();
  for (auto [name, operand] : operands) {
    if (!operand)
      continue;
    Type got = shapedType(operand).getElementType();
    if (got != element &&
        got.getIntOrFloatBitWidth() <= element.getIntOrFloatBitWidth())
      return op->emitOpError("expected '")
             << name << "' to have element type " << element
             << " (that of 'input') or a wider one, got " << got;
  }
  return success();
}

static LogicalResult verifySameType(Operation *op, StringRef name, Value value,
                                    StringRef expectedName, Value expected) {
  ShapedType type = shapedType(value), expectedType = shapedType(expected);
  if (type.getElementType() != expectedType.getElementType() ||
      failed(verifyCompatibleShape(type, expectedType)))
    return op->emitOpError("expected '")
           << name << "' to have the type of '" << expectedName << "' ("
           << expectedType << "), got " << type;
  return success();
}

static LogicalResult verifyOutCount(Operation *op, ValueRange outs,
                                    size_t expected, StringRef what) {
  if (outs.size() == expected)
    return success();
  return op->emitOpError("expected ")
         << expected << " outs (" << what << "), got " << outs.size();
}

/// Checks that a strategy, if there is one, fits the rank of the op.
static LogicalResult verifyStrategy(Operation *op) {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  if (!strategy)
    return success();
  OpOperand &spanning = cast<IndexedOpInterface>(op).getSpanningOperand();
  size_t rank = shapedType(spanning.get()).getRank();
  if (strategy.getTile().size() != rank)
    return op->emitOpError("expected '")
           << kLoweringStrategyAttrName << "' to have " << rank
           << " tile sizes, got " << strategy.getTile().size();
  return success();
}

/// Checks results against `outs`: one each on tensors, none on buffers. Every
/// verifier ends with this.
static LogicalResult verifyResults(Operation *op, ValueRange outs) {
  bool onBuffers =
      llvm::any_of(op->getOperandTypes(), llvm::IsaPred<MemRefType>);
  bool onTensors =
      llvm::any_of(op->getOperandTypes(), llvm::IsaPred<RankedTensorType>);
  if (onBuffers && onTensors)
    return op->emitOpError(
        "expected operands to be all tensors or all memrefs, got both");
  size_t expected = onBuffers ? 0 : outs.size();
  if (op->getNumResults() != expected)
    return op->emitOpError("expected ")
           << expected << " results, got " << op->getNumResults();
  for (auto [i, result] : llvm::enumerate(op->getResults()))
    if (result.getType() != outs[i].getType())
      return op->emitOpError("expected result ")
             << i << " to have the type of its out (" << outs[i].getType()
             << "), got " << result.getType();
  return verifyStrategy(op);
}

/// Checks that `mask` is broadcastable to `input`.
static LogicalResult verifyMask(Operation *op, Value mask, Value input) {
  if (!mask)
    return success();
  ShapedType type = shapedType(mask), inputType = shapedType(input);
  if (type.getRank() != inputType.getRank())
    return op->emitOpError("expected 'mask' to have the rank of 'input' (")
           << inputType.getRank() << "), got " << type.getRank();
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (type.getDimSize(dim) != 1 &&
        failed(verifyCompatibleShape({type.getDimSize(dim)},
                                     {inputType.getDimSize(dim)})))
      return op->emitOpError("expected 'mask' to have size 1 or ")
             << inputType.getDimSize(dim) << " in dimension " << dim
             << ", got " << type.getDimSize(dim);
  return success();
}

//===----------------------------------------------------------------------===//
// User level
//===----------------------------------------------------------------------===//

/// Checks groups, and what they ask of mean and variance, the `statistics`.
static LogicalResult verifyGroups(Operation *op, int64_t groups, Value input,
                                  ArrayRef<int64_t> axis,
                                  ArrayRef<Named> statistics) {
  if (groups < 1)
    return op->emitOpError("expected 'groups' to be at least 1, got ")
           << groups;
  if (groups == 1)
    return success();
  ShapedType type = shapedType(input);
  if (llvm::is_contained(normalizeAxis(axis, type.getRank()), 0))
    return op->emitOpError("expected 'axis' not to name dimension 0, which "
                           "'groups' cuts");
  if (!type.isDynamicDim(0) && type.getDimSize(0) % groups != 0)
    return op->emitOpError(
               "expected 'groups' to divide dimension 0 of 'input' (")
           << type.getDimSize(0) << "), got " << groups;
  for (auto [name, value] : statistics) {
    ShapedType got = shapedType(value);
    if (got.getRank() == 0 || got.getDimSize(0) != groups)
      return op->emitOpError("expected '")
             << name << "' to have a leading dimension of size " << groups
             << " ('groups'), got " << got;
  }
  return verifyChannelShapes(op, input, axis, statistics, /*leading=*/1);
}

LogicalResult TrainingOp::verify() {
  Value input = getInput();
  if (failed(verifyAxis(*this, getAxis(), input)) ||           // training_c1
      failed(verifyFinite(*this, "epsilon", getEpsilon())))    // training_c2
    return failure();

  bool running = hasRunningStats();
  if (running != (getRunningVariance() != nullptr))            // training_c6
    return emitOpError("expected both running statistics or none, got one");
  if (failed(verifyOutCount(                                   // training_c7
          *this, getOuts(), running ? 5 : 3,
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
  if (failed(verifyMask(*this, getMask(), input)) ||           // training_c8
      failed(verifyEpilogueInputs(*this)) ||                   // training_c11
      failed(verifyEpilogueTypes(*this)) ||                    // training_c12
      failed(verifyEpilogueOps(*this)))                        // training_c13
    return failure();
  return verifyResults(*this, getOuts());                      // training_c10
}

LogicalResult InferenceOp::verify() {
  Value input = getInput();
  SmallVector<Named> perChannel = {{"scale", getScale()},
                                   {"offset", getOffset()},
                                   {"mean", getMean()},
                                   {"variance", getVariance()}};
  if (failed(verifyAxis(*this, getAxis(), input)) ||           // inference_c1
      failed(verifyFinite(*this, "epsilon", getEpsilon())) ||  // inference_c2
      failed(verifyChannelShapes(*this, input, getAxis(),      // inference_c3
                                 perChannel)) ||
      failed(verifyElementTypes(*this, input, perChannel)) ||  // inference_c4
      failed(verifyOutCount(*this, getOuts(), 1, "output")) || // inference_c5
      failed(verifySameType(*this, "output", getOuts()[0], "input", input)) ||
      failed(verifyEpilogueInputs(*this)) ||                   // inference_c7
      failed(verifyEpilogueTypes(*this)) ||                    // inference_c8
      failed(verifyEpilogueOps(*this)))                        // inference_c9
    return failure();
  return verifyResults(*this, getOuts());                      // inference_c6
}

LogicalResult BackwardOp::verify() {
  Value input = getInput();
  if (failed(verifyAxis(*this, getAxis(), input))) // backward_c1
    return failure();
  bool isVariance = getStatisticsKind() == StatisticsKind::variance;
  if (getEpsilon().has_value() != isVariance) // backward_c2
    return emitOpError(
        isVariance ? "expected 'epsilon' with 'statistics_kind(variance)', got "
                     "none"
                   : "expected no 'epsilon' with "
                     "'statistics_kind(inverse_std)', got one");
  if (isVariance && failed(verifyFinite(*this, "epsilon", *getEpsilon())))
    return failure();

  size_t asked = llvm::popcount(static_cast<uint32_t>(getWrt()));
  if (asked == 0)                                              // backward_c6
    return emitOpError("expected 'wrt' to name at least one of 'input', "
                       "'scale' and 'offset', got none");
  if (failed(verifyOutCount(*this, getOuts(), asked,
                            stringifyGradient(getWrt()))))
    return failure();

  SmallVector<Named> perChannel = {{"scale", getScale()}};
  SmallVector<Named> statistics = {{"mean", getMean()},
                                   {"variance", getVariance()}};
  if (failed(verifyGroups(*this, getGroups(), input, getAxis(), // backward_c9
                          statistics)))
    return failure();
  auto outs = getOuts();
  if (wants(Gradient::input)) {
    if (failed(verifySameType(*this, "input_grad", outs[0],    // backward_c5
                              "input", input)))
      return failure();
    outs = outs.drop_front();
  }
  for (Value out : outs)
    perChannel.push_back({"scale_grad or offset_grad", out});
  SmallVector<Named> all = llvm::to_vector(llvm::concat<Named>(perChannel,
                                                               statistics));
  if (failed(verifyChannelShapes(*this, input, getAxis(),      // backward_c3
                                 getGroups() == 1 ? all : perChannel)) ||
      failed(verifyElementTypes(*this, input, all)) ||         // backward_c4
      failed(verifySameType(*this, "output_grad",              // backward_c5
                            getOutputGrad(), "input", input)) ||
      failed(verifyMask(*this, getMask(), input)))             // backward_c7
    return failure();
  return verifyResults(*this, getOuts());                      // backward_c8
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
  if (failed(verifyChannelShapes(*this, input, getAxis(),      // normalize_c3
                                 perChannel)) ||
      failed(verifyElementTypes(*this, input, perChannel)) ||  // normalize_c4
      failed(verifyOutCount(*this, getOuts(), 1, "output")) || // normalize_c5
      failed(verifySameType(*this, "output", getOuts()[0], "input", input)) ||
      failed(verifyEpilogueInputs(*this)) ||                   // normalize_c7
      failed(verifyEpilogueTypes(*this)) ||                    // normalize_c8
      failed(verifyEpilogueOps(*this)))                        // normalize_c9
    return failure();
  return verifyResults(*this, getOuts());                      // normalize_c6
}

LogicalResult BackwardReduceOp::verify() {
  Value input = getInput(), data = input ? input : getOutputGrad();
  if (failed(verifyAxis(*this, getAxis(), data))) // backward_reduce_c1
    return failure();
  if (hasSumDYXmu() && (!input || !getMean())) // backward_reduce_c6
    return emitOpError("expected 'input' and 'mean' for sum_dy_xmu, got no '")
           << (input ? "mean" : "input") << "'";
  if (!hasSumDYXmu() && (input || getMean()))
    return emitOpError("expected no 'input' and no 'mean' for "
                       "'sums(dy)', got '")
           << (input ? "input" : "mean") << "'";
  if (input && // backward_reduce_c2
      failed(verifySameType(*this, "output_grad", getOutputGrad(), "input",
                            input)))
    return failure();
  SmallVector<Named> perChannel = {{"mean", getMean()}};
  SmallVector<StringRef> names;
  if (hasSumDY())
    names.push_back("sum_dy");
  if (hasSumDYXmu())
    names.push_back("sum_dy_xmu");
  if (failed(verifyOutCount(*this, getOuts(), names.size(),
                            llvm::join(names, ", "))))
    return failure();
  for (auto [name, out] : llvm::zip_equal(names, getOuts()))
    perChannel.push_back({name, out});
  if (failed(verifyChannelShapes(*this, data, getAxis(), // backward_reduce_c3
                                 perChannel)) ||
      failed(verifyElementTypes(*this, data, // backward_reduce_c4
                                perChannel)))
    return failure();
  return verifyResults(*this, getOuts());                 // backward_reduce_c5
}

LogicalResult BackwardInputOp::verify() {
  Value input = getInput();
  if (failed(verifyAxis(*this, getAxis(), input)) ||      // backward_input_c1
      failed(verifyOutCount(*this, getOuts(), 1,          // backward_input_c2
                            "input_grad")) ||
      failed(verifySameType(*this, "output_grad", getOutputGrad(), "input",
                            input)) ||
      failed(verifySameType(*this, "input_grad", getOuts()[0], "input",
                            input)))
    return failure();
  SmallVector<Named> perChannel = {
      {"a", getA()}, {"b", getB()}, {"c", getC()}, {"mean", getMean()}};
  if (failed(verifyChannelShapes(*this, input, getAxis(), // backward_input_c3
                                 perChannel)) ||
      failed(verifyElementTypes(*this, input,             // backward_input_c4
                                perChannel)) ||
      failed(verifyMask(*this, getMask(), input)))        // backward_input_c6
    return failure();
  return verifyResults(*this, getOuts());                 // backward_input_c5
}
