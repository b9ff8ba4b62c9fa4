//===- BNDialect.cpp - The bn dialect and its attributes ------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "bn/Dialect/BN/IR/BNDialect.h"
#include "bn/Dialect/BN/IR/BNOps.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::bn;

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

/// Parses `[1, 0, -64]`.
static ParseResult parseI64List(AsmParser &parser,
                                SmallVector<int64_t> &list) {
  return parser.parseCommaSeparatedList(
      AsmParser::Delimiter::Square,
      [&]() { return parser.parseInteger(list.emplace_back()); });
}

static void printI64List(AsmPrinter &printer, ArrayRef<int64_t> list) {
  printer << '[';
  llvm::interleaveComma(list, printer);
  printer << ']';
}

/// `, streams = 4`, `, jam = 4`, `, prefetch = 1` and `, moments = raw`, in any
/// order: each is left out at its default. (Optional groups that all start with
/// a comma cannot be told apart by a declarative format.)
static ParseResult parseOptionalFields(AsmParser &parser, int64_t &streams,
                                       int64_t &jam, int64_t &prefetch,
                                       Moments &moments) {
  streams = jam = 1;
  prefetch = 0;
  moments = Moments::Central;
  std::pair<StringRef, int64_t *> fields[] = {
      {"streams", &streams}, {"jam", &jam}, {"prefetch", &prefetch}};
  bool hasMoments = false;
  while (succeeded(parser.parseOptionalComma())) {
    StringRef name;
    SMLoc loc = parser.getCurrentLocation();
    if (parser.parseKeyword(&name) || parser.parseEqual())
      return failure();
    if (name == "moments" && !std::exchange(hasMoments, true)) {
      FailureOr<Moments> value = FieldParser<Moments>::parse(parser);
      if (failed(value))
        return failure();
      moments = *value;
      continue;
    }
    auto *field = llvm::find_if(
        fields, [&](const auto &known) { return known.first == name; });
    if (field == std::end(fields) || !field->second)
      return parser.emitError(loc) << "expected at most one each of 'streams', "
                                      "'jam', 'prefetch' and 'moments', got '"
                                   << name << "'";
    if (parser.parseInteger(*std::exchange(field->second, nullptr)))
      return failure();
  }
  return success();
}

static void printOptionalFields(AsmPrinter &printer, int64_t streams,
                                int64_t jam, int64_t prefetch,
                                Moments moments) {
  if (streams != 1)
    printer << ", streams = " << streams;
  if (jam != 1)
    printer << ", jam = " << jam;
  if (prefetch != 0)
    printer << ", prefetch = " << prefetch;
  if (moments != Moments::Central)
    printer << ", moments = " << stringifyMoments(moments);
}

#include "bn/Dialect/BN/IR/BNEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "bn/Dialect/BN/IR/BNAttributes.cpp.inc"

LogicalResult
mlir::bn::verifyVectorBits(function_ref<InFlightDiagnostic()> emitError,
                           int64_t vectorBits) {
  if (vectorBits < 64 || vectorBits > 4096 || !llvm::isPowerOf2_64(vectorBits))
    return emitError() << "expected 'vector_bits' to be a power of two from 64 "
                          "to 4096, got "
                       << vectorBits;
  return success();
}

LogicalResult LoweringStrategyAttr::verify(
    function_ref<InFlightDiagnostic()> emitError, Schedule schedule,
    int64_t threads, ArrayRef<int64_t> parallel, ArrayRef<int64_t> tile,
    int64_t vectorBits, int64_t unroll, StoreKind stores, int64_t streams,
    int64_t jam, int64_t prefetch, Moments) {
  if (streams < 1 || streams > kMaxStreams)
    return emitError() << "expected 'streams' to be 1 to " << kMaxStreams
                       << ", got " << streams;
  if (jam < 1 || jam > kMaxJam)
    return emitError() << "expected 'jam' to be 1 to " << kMaxJam << ", got "
                       << jam;
  if (prefetch < 0 || prefetch > kMaxPrefetch)
    return emitError() << "expected 'prefetch' to be 0 to " << kMaxPrefetch
                       << ", got " << prefetch;
  if (threads < 0 || threads > kMaxThreads)
    return emitError() << "expected 'threads' to be 0 to " << kMaxThreads
                       << ", got " << threads;
  for (int64_t size : parallel)
    if (size < -std::numeric_limits<int32_t>::max())
      return emitError() << "expected pieces in 'parallel' to be at most "
                         << std::numeric_limits<int32_t>::max() << ", got "
                         << size;
  if (parallel.size() != tile.size())
    return emitError() << "expected 'parallel' and 'tile' to have the same "
                          "size, got "
                       << parallel.size() << " and " << tile.size();
  for (int64_t size : tile)
    if (size < 0)
      return emitError() << "expected sizes in 'tile' to be at least 0, got "
                         << size;
  if (failed(verifyVectorBits(emitError, vectorBits)))
    return failure();
  // LLVM takes vectors of other sizes apart.
  if (unroll < 1 || unroll > 64 || !llvm::isPowerOf2_64(unroll))
    return emitError() << "expected 'unroll' to be a power of two from 1 to "
                          "64, got "
                       << unroll;
  return success();
}

LoweringStrategyAttr mlir::bn::getLoweringStrategy(Operation *op) {
  return op->getAttrOfType<LoweringStrategyAttr>(kLoweringStrategyAttrName);
}

//===----------------------------------------------------------------------===//
// Dialect
//===----------------------------------------------------------------------===//

#include "bn/Dialect/BN/IR/BNDialect.cpp.inc"

void BNDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "bn/Dialect/BN/IR/BNAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "bn/Dialect/BN/IR/BNOps.cpp.inc"
      >();
  declarePromisedInterfaces<TilingInterface, TrainingOp, InferenceOp,
                            BackwardOp, StatsOp, MergeStatsOp,
                            UpdateRunningStatsOp, NormalizeOp,
                            BackwardReduceOp, BackwardInputOp>();
  declarePromisedInterfaces<PartialReductionOpInterface, StatsOp,
                            BackwardReduceOp>();
  declarePromisedInterfaces<bufferization::BufferizableOpInterface, TrainingOp,
                            InferenceOp, BackwardOp, StatsOp, MergeStatsOp,
                            UpdateRunningStatsOp, NormalizeOp,
                            BackwardReduceOp, BackwardInputOp>();
}

LogicalResult BNDialect::verifyOperationAttribute(Operation *op,
                                                  NamedAttribute attribute) {
  if (attribute.getName() == kShortNaNAttrName &&
      op->getName().getStringRef() != "vector.interleave")
    return op->emitError("expected '")
           << kShortNaNAttrName << "' on 'vector.interleave', got '"
           << op->getName() << "'";
  if (attribute.getName() == kPipelinedAttrName ||
      attribute.getName() == kOneSweepAttrName ||
      attribute.getName() == kShortNaNAttrName) {
    if (isa<UnitAttr>(attribute.getValue()))
      return success();
    return op->emitError("expected '")
           << attribute.getName().getValue()
           << "' to be a unit attribute, got " << attribute.getValue();
  }
  if (attribute.getName() == kNontemporalAttrName ||
      attribute.getName() == kPrefetchAttrName ||
      attribute.getName() == kThreadsAttrName) {
    auto number = dyn_cast<IntegerAttr>(attribute.getValue());
    if (number && number.getInt() > 0)
      return success();
    return op->emitError("expected '")
           << attribute.getName().getValue()
           << "' to be a positive integer, got " << attribute.getValue();
  }
  if (attribute.getName() != kLoweringStrategyAttrName)
    return op->emitError("unknown attribute '")
           << attribute.getName().getValue() << "' of the dialect 'bn'";
  // Operands are not verified yet: what the strategy must be like for the op
  // is checked in BNVerifiers.cpp.
  if (!isa<LoweringStrategyAttr>(attribute.getValue()))
    return op->emitError("expected '" + kLoweringStrategyAttrName +
                         "' to be a #bn.lowering_strategy, got ")
           << attribute.getValue();
  return success();
}
