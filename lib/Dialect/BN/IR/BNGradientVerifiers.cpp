//===- BNGradientVerifiers.cpp - Constraints of the gradients -------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each check is named by its constraint in docs/Spec.md, as in BNVerifiers.cpp.
//
//===----------------------------------------------------------------------===//

#include "ScalarCode.h"
#include "VerifierUtils.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::bn;

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
  if (asked == 0) // backward_c6
    return emitOpError("expected 'wrt' to name at least one of 'input', "
                       "'scale', 'offset' and 'normalized', got none");
  if (failed(
          verifyOutCount(*this, getOuts(), asked, stringifyGradient(getWrt()))))
    return failure();

  SmallVector<Named> perChannel = {{"scale", getScale()}};
  SmallVector<Named> statistics = {{"mean", getMean()},
                                   {"variance", getVariance()}};
  if (failed(verifyGroups(*this, getGroups(), input, getAxis(), // backward_c9
                          statistics)))
    return failure();
  for (auto [gradient, name] :
       {std::pair(Gradient::input, "input_grad"),
        std::pair(Gradient::normalized, "normalized_grad")})
    if (wants(gradient) &&
        failed(verifySameType(*this, name, // backward_c5
                              getOuts()[getPlace(gradient)], "input", input)))
      return failure();
  for (auto [gradient, name] : {std::pair(Gradient::scale, "scale_grad"),
                                std::pair(Gradient::offset, "offset_grad")})
    if (wants(gradient))
      perChannel.push_back({name, getOuts()[getPlace(gradient)]});
  SmallVector<Named> all =
      llvm::to_vector(llvm::concat<Named>(perChannel, statistics));
  if (failed(verifyChannelShapes(*this, input, getAxis(), // backward_c3
                                 getGroups() == 1 ? all : perChannel)) ||
      failed(verifyElementTypes(*this, input, all)) || // backward_c4
      failed(verifySameType(*this, "output_grad",      // backward_c5
                            getOutputGrad(), "input", input)) ||
      failed(verifyMask(*this, getMask(), input)) || // backward_c7
      failed(verifyCodeInputs(*this)) ||             // backward_c10
      failed(verifyCodeTypes(*this)) ||              // backward_c11
      failed(verifyCodeOps(*this)))                  // backward_c12
    return failure();
  return verifyResults(*this, getOuts()); // backward_c8
}

static LogicalResult verifyPivot(BackwardReduceOp op) {
  if (!op.getPivot())
    return success();
  if (op.hasScalarCode())
    return op.emitOpError("expected no 'pivot' with a prologue, got ")
           << op.getPivot().getType();
  Type expected =
      getAccumulatorType(shapedType(op.getOutputGrad()).getElementType());
  Type element = shapedType(op.getPivot()).getElementType();
  if (element == expected) // backward_reduce_c10
    return success();
  return op.emitOpError("expected 'pivot' to have element type ")
         << expected << ", got " << element;
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
  if (getPivot() && getSums() != GradientSums::both) // backward_reduce_c10
    return emitOpError("expected no 'pivot' without both sums, got ")
           << getPivot().getType();
  SmallVector<Named> perChannel = {{"mean", getMean()}, {"pivot", getPivot()}};
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
                                perChannel)) ||
      failed(verifyPivot(*this)) ||
      failed(verifyCodeInputs(*this)) || // backward_reduce_c7
      failed(verifyCodeTypes(*this)) ||  // backward_reduce_c8
      failed(verifyCodeOps(*this)))      // backward_reduce_c9
    return failure();
  return verifyResults(*this, getOuts()); // backward_reduce_c5
}

/// Checks that there is all that a gradient through the statistics takes, or
/// nothing of it.
static LogicalResult verifyCoefficients(BackwardInputOp op) {
  bool isFull = op.getInput() && op.getB() && op.getC();
  if (!isFull && (op.getInput() || op.getB() || op.getC()))
    return op.emitOpError("expected 'input', 'b' and 'c', or none of them, got "
                          "no '")
           << (!op.getInput() ? "input"
               : op.getB()    ? "c"
                              : "b")
           << "'";
  if (isFull && !op.getA())
    return op.emitOpError("expected 'a' with 'b' and 'c', got none");
  if (!isFull && (op.getMean() || op.getMask()))
    return op.emitOpError("expected no '")
           << (op.getMean() ? "mean" : "mask") << "' without 'input', got one";
  return success();
}

/// Checks that the outs are those that the coefficients ask for, and at most
/// one more.
static LogicalResult verifyOuts(BackwardInputOp op) {
  size_t fewest = op.getA() ? 1 : 0, count = op.getOuts().size();
  if (count == 0 || count < fewest || count > fewest + 1)
    return op.emitOpError("expected ")
           << (op.getA() ? "1 or 2 outs (input_grad, normalized_grad)"
                         : "1 out (normalized_grad)")
           << ", got " << count;
  Value data = op.getOutputGrad();
  if (op.getInput() &&
      failed(verifySameType(op, "input", op.getInput(), "output_grad", data)))
    return failure();
  for (auto [i, out] : llvm::enumerate(op.getOuts()))
    if (failed(verifySameType(
            op, op.getA() && i == 0 ? "input_grad" : "normalized_grad", out,
            "output_grad", data)))
      return failure();
  return success();
}

LogicalResult BackwardInputOp::verify() {
  Value data = getOutputGrad();
  if (failed(verifyAxis(*this, getAxis(), data)) || // backward_input_c1
      failed(verifyCoefficients(*this)) ||          // backward_input_c7
      failed(verifyOuts(*this)))                    // backward_input_c2
    return failure();
  SmallVector<Named> perChannel = {
      {"a", getA()}, {"b", getB()}, {"c", getC()}, {"mean", getMean()}};
  if (failed(verifyChannelShapes(*this, data, getAxis(), // backward_input_c3
                                 perChannel)) ||
      failed(verifyElementTypes(*this, data, // backward_input_c4
                                perChannel)) ||
      failed(verifyMask(*this, getMask(), data)) || // backward_input_c6
      failed(verifyCodeInputs(*this)) ||            // backward_input_c8
      failed(verifyCodeTypes(*this)) ||             // backward_input_c9
      failed(verifyCodeOps(*this)))                 // backward_input_c10
    return failure();
  return verifyResults(*this, getOuts()); // backward_input_c5
}
