//===- BNOps.cpp - Syntax, indexing and shapes of the bn ops --------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Verifiers are in BNVerifiers.cpp, canonicalizations in
// BNCanonicalization.cpp, decompositions in DecomposeTo*.cpp.
//
//===----------------------------------------------------------------------===//

#include "bn/Dialect/BN/IR/BNOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::bn;

//===----------------------------------------------------------------------===//
// Custom syntax
//===----------------------------------------------------------------------===//

/// Parses the list inside `axis(1, -1)`.
static ParseResult parseAxis(OpAsmParser &parser, DenseI64ArrayAttr &axis) {
  SmallVector<int64_t> dims;
  if (parser.parseCommaSeparatedList(
          [&]() { return parser.parseInteger(dims.emplace_back()); }))
    return failure();
  axis = parser.getBuilder().getDenseI64ArrayAttr(dims);
  return success();
}

static void printAxis(OpAsmPrinter &printer, Operation *,
                      DenseI64ArrayAttr axis) {
  llvm::interleaveComma(axis.asArrayRef(), printer);
}

/// Parses the list inside `wrt(input, scale)`.
static ParseResult parseGradients(OpAsmParser &parser, GradientAttr &wrt) {
  auto set = static_cast<Gradient>(0);
  auto parseOne = [&]() -> ParseResult {
    StringRef keyword;
    SMLoc loc = parser.getCurrentLocation();
    if (parser.parseKeyword(&keyword))
      return failure();
    std::optional<Gradient> gradient = symbolizeGradient(keyword);
    if (!gradient)
      return parser.emitError(loc)
             << "expected 'input', 'scale', 'offset' or 'normalized', got '"
             << keyword << "'";
    if (bitEnumContainsAny(set, *gradient))
      return parser.emitError(loc) << "'" << keyword << "' is given twice";
    set = set | *gradient;
    return success();
  };
  if (parser.parseCommaSeparatedList(parseOne))
    return failure();
  wrt = GradientAttr::get(parser.getContext(), set);
  return success();
}

static void printGradients(OpAsmPrinter &printer, Operation *,
                           GradientAttr wrt) {
  printer << stringifyGradient(wrt.getValue());
}

/// Parses what is behind `epilogue` or `prologue`: `(%r : tensor<8x4xf32>)`, or
/// nothing where there are no inputs.
static ParseResult
parseCodeInputs(OpAsmParser &parser,
                SmallVectorImpl<OpAsmParser::UnresolvedOperand> &inputs,
                SmallVectorImpl<Type> &types) {
  if (failed(parser.parseOptionalLParen()))
    return success();
  return failure(parser.parseOperandList(inputs) ||
                 parser.parseColonTypeList(types) || parser.parseRParen());
}

static void printCodeInputs(OpAsmPrinter &printer, Operation *,
                            OperandRange inputs, TypeRange types) {
  if (!inputs.empty())
    printer << '(' << inputs << " : " << types << ')';
}

using OptionalOperand = std::optional<OpAsmParser::UnresolvedOperand>;

/// Parses `coefficients(%a, %b, %c : ...)`, `coefficients(%a : ...)`, or
/// nothing.
static ParseResult parseCoefficients(OpAsmParser &parser, OptionalOperand &a,
                                     Type &typeA, OptionalOperand &b,
                                     Type &typeB, OptionalOperand &c,
                                     Type &typeC) {
  if (failed(parser.parseOptionalKeyword("coefficients")))
    return success();
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  SmallVector<Type> types;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLParen() || parser.parseOperandList(operands) ||
      parser.parseColonTypeList(types) || parser.parseRParen())
    return failure();
  if ((operands.size() != 1 && operands.size() != 3) ||
      types.size() != operands.size())
    return parser.emitError(loc)
           << "expected 1 or 3 coefficients and as many types, got "
           << operands.size() << " and " << types.size();
  a = operands[0];
  typeA = types[0];
  if (operands.size() == 1)
    return success();
  b = operands[1];
  typeB = types[1];
  c = operands[2];
  typeC = types[2];
  return success();
}

static void printCoefficients(OpAsmPrinter &printer, Operation *, Value a, Type,
                              Value b, Type, Value c, Type) {
  SmallVector<Value> values;
  for (Value value : {a, b, c})
    if (value)
      values.push_back(value);
  if (!values.empty())
    printer << " coefficients(" << ValueRange(values) << " : "
            << TypeRange(values) << ')';
}

#include "bn/Dialect/BN/IR/BNInterfaces.cpp.inc"

#define GET_OP_CLASSES
#include "bn/Dialect/BN/IR/BNOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

SmallVector<int64_t> mlir::bn::normalizeAxis(ArrayRef<int64_t> axis,
                                             int64_t rank) {
  SmallVector<int64_t> dims;
  for (int64_t dim : axis)
    dims.push_back(dim < 0 ? dim + rank : dim);
  llvm::sort(dims);
  return dims;
}

FloatType mlir::bn::getAccumulatorType(Type element) {
  if (element.isF64())
    return cast<FloatType>(element);
  return Float32Type::get(element.getContext());
}

int64_t mlir::bn::getNumGroups(Operation *op) {
  return TypeSwitch<Operation *, int64_t>(op)
      .Case<TrainingOp, BackwardOp>([](auto cut) { return cut.getGroups(); })
      .Default(int64_t(1));
}

static int64_t getRank(Value value) {
  return cast<ShapedType>(value.getType()).getRank();
}

AffineMap mlir::bn::getChannelMap(int64_t rank, ArrayRef<int64_t> axis,
                                  MLIRContext *context) {
  SmallVector<AffineExpr> exprs;
  for (int64_t dim : normalizeAxis(axis, rank))
    exprs.push_back(getAffineDimExpr(dim, context));
  return AffineMap::get(rank, 0, exprs, context);
}

/// Map of an operand that is broadcast along its dimensions of size 1.
static AffineMap getBroadcastMap(Value mask, MLIRContext *context) {
  ArrayRef<int64_t> shape = cast<ShapedType>(mask.getType()).getShape();
  SmallVector<AffineExpr> exprs;
  for (auto [dim, size] : llvm::enumerate(shape))
    exprs.push_back(size == 1 ? getAffineConstantExpr(0, context)
                              : getAffineDimExpr(dim, context));
  return AffineMap::get(shape.size(), 0, exprs, context);
}

/// Maps of all operands of an op on data of rank `rank`: `data` are the
/// operands that span the iteration space, all others but `mask` have one
/// entry per channel.
static SmallVector<AffineMap> getMaps(Operation *op, int64_t rank,
                                      ArrayRef<int64_t> axis, ValueRange data,
                                      Value mask = {}) {
  MLIRContext *context = op->getContext();
  AffineMap identity = AffineMap::getMultiDimIdentityMap(rank, context);
  AffineMap channel = getChannelMap(rank, axis, context);
  SmallVector<AffineMap> maps;
  for (Value operand : op->getOperands()) {
    if (llvm::is_contained(data, operand) && getRank(operand) == rank)
      maps.push_back(identity);
    else if (operand == mask)
      maps.push_back(getBroadcastMap(mask, context));
    else
      maps.push_back(channel);
  }
  return maps;
}

/// Parallel along `axis`, reduction elsewhere.
static SmallVector<utils::IteratorType> getKinds(int64_t rank,
                                                 ArrayRef<int64_t> axis) {
  SmallVector<utils::IteratorType> kinds(rank, utils::IteratorType::reduction);
  for (int64_t dim : normalizeAxis(axis, rank))
    kinds[dim] = utils::IteratorType::parallel;
  return kinds;
}

static SmallVector<utils::IteratorType> getAllParallel(int64_t rank) {
  return SmallVector<utils::IteratorType>(rank, utils::IteratorType::parallel);
}

/// The operands of the shape of the data, and those of which the rank says
/// whether they are.
static SmallVector<Value> getForwardData(EpilogueOpInterface op) {
  SmallVector<Value> data = {op.getInput(), op.getOuts().front()};
  llvm::append_range(data, op.getCodeInputs());
  if (Value saved = op.getSavedOut())
    data.push_back(saved);
  return data;
}

/// The same, of which `input` may be null, and `written` are outs.
static SmallVector<Value> getBackwardData(PrologueOpInterface op, Value input,
                                          ValueRange written) {
  SmallVector<Value> data = {op.getOutputGrad()};
  if (input)
    data.push_back(input);
  llvm::append_range(data, op.getCodeInputs());
  llvm::append_range(data, written);
  return data;
}

//===----------------------------------------------------------------------===//
// IndexedOpInterface
//===----------------------------------------------------------------------===//

#define BN_REDUCING_OP(Op, ...)                                                \
  SmallVector<AffineMap> Op::getOperandIndexingMaps() {                        \
    return getMaps(*this, getRank(getInput()), getAxis(), __VA_ARGS__);        \
  }                                                                            \
  SmallVector<utils::IteratorType> Op::getIterationKinds() {                   \
    return getKinds(getRank(getInput()), getAxis());                           \
  }                                                                            \
  OpOperand &Op::getSpanningOperand() { return getInputMutable(); }

#define BN_ELEMENTWISE_OP(Op)                                                  \
  SmallVector<AffineMap> Op::getOperandIndexingMaps() {                        \
    return getMaps(*this, getRank(getInput()), getAxis(),                      \
                   getForwardData(*this));                                     \
  }                                                                            \
  SmallVector<utils::IteratorType> Op::getIterationKinds() {                   \
    return getAllParallel(getRank(getInput()));                                \
  }                                                                            \
  OpOperand &Op::getSpanningOperand() { return getInputMutable(); }            \
  bool Op::accumulatesOverReductions() { return false; }

#define BN_PER_CHANNEL_OP(Op)                                                  \
  SmallVector<AffineMap> Op::getOperandIndexingMaps() {                        \
    AffineMap identity = AffineMap::getMultiDimIdentityMap(                    \
        getRank(getCount()), getContext());                                    \
    return SmallVector<AffineMap>(getNumOperands(), identity);                 \
  }                                                                            \
  SmallVector<utils::IteratorType> Op::getIterationKinds() {                   \
    return getAllParallel(getRank(getCount()));                                \
  }                                                                            \
  OpOperand &Op::getSpanningOperand() { return getCountMutable(); }            \
  bool Op::accumulatesOverReductions() { return false; }

BN_REDUCING_OP(TrainingOp, getForwardData(*this), getMask())
BN_REDUCING_OP(StatsOp, {getInput()}, getMask())
BN_ELEMENTWISE_OP(InferenceOp)
BN_ELEMENTWISE_OP(NormalizeOp)
BN_PER_CHANNEL_OP(MergeStatsOp)
BN_PER_CHANNEL_OP(UpdateRunningStatsOp)

bool TrainingOp::accumulatesOverReductions() { return false; }
bool StatsOp::accumulatesOverReductions() { return true; }

SmallVector<AffineMap> BackwardOp::getOperandIndexingMaps() {
  SmallVector<Value> written;
  for (Gradient gradient : {Gradient::input, Gradient::normalized})
    if (wants(gradient))
      written.push_back(getOuts()[getPlace(gradient)]);
  return getMaps(*this, getRank(getInput()), getAxis(),
                 getBackwardData(*this, getInput(), written), getMask());
}
SmallVector<utils::IteratorType> BackwardOp::getIterationKinds() {
  return isElementwise() ? getAllParallel(getRank(getInput()))
                         : getKinds(getRank(getInput()), getAxis());
}
OpOperand &BackwardOp::getSpanningOperand() { return getInputMutable(); }
bool BackwardOp::accumulatesOverReductions() { return false; }

SmallVector<AffineMap> BackwardReduceOp::getOperandIndexingMaps() {
  return getMaps(*this, getRank(getOutputGrad()), getAxis(),
                 getBackwardData(*this, getInput(), /*written=*/{}));
}
SmallVector<utils::IteratorType> BackwardReduceOp::getIterationKinds() {
  return getKinds(getRank(getOutputGrad()), getAxis());
}
OpOperand &BackwardReduceOp::getSpanningOperand() {
  return getOutputGradMutable();
}
bool BackwardReduceOp::accumulatesOverReductions() { return true; }

SmallVector<AffineMap> BackwardInputOp::getOperandIndexingMaps() {
  return getMaps(*this, getRank(getOutputGrad()), getAxis(),
                 getBackwardData(*this, getInput(), getOuts()), getMask());
}
SmallVector<utils::IteratorType> BackwardInputOp::getIterationKinds() {
  return getAllParallel(getRank(getOutputGrad()));
}
OpOperand &BackwardInputOp::getSpanningOperand() {
  return getOutputGradMutable();
}
bool BackwardInputOp::accumulatesOverReductions() { return false; }

//===----------------------------------------------------------------------===//
// Shapes and effects: the same for every op, as all are destination-passing
//===----------------------------------------------------------------------===//

/// Results have the shapes of the inits.
static LogicalResult reifyInits(OpBuilder &builder,
                                DestinationStyleOpInterface op,
                                ReifiedRankedShapedTypeDims &shapes) {
  for (OpOperand &init : op.getDpsInitsMutable())
    shapes.push_back(
        tensor::getMixedSizes(builder, op.getLoc(), init.get()));
  return success();
}

/// On buffers, inputs are read and inits are written; ops that accumulate read
/// them, too. On tensors there is no effect.
static void getBufferEffects(
    DestinationStyleOpInterface op,
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  bool accumulates =
      cast<IndexedOpInterface>(op.getOperation()).accumulatesOverReductions() ||
      isa<MergeStatsOp>(op);
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    bool isInit = op.isDpsInit(&operand);
    if (!isInit || accumulates)
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
    if (isInit)
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
  }
}

#define BN_DESTINATION_STYLE_OP(Op)                                            \
  LogicalResult Op::reifyResultShapes(OpBuilder &builder,                      \
                                      ReifiedRankedShapedTypeDims &shapes) {   \
    return reifyInits(builder,                                                 \
                      cast<DestinationStyleOpInterface>(getOperation()),       \
                      shapes);                                                 \
  }                                                                            \
  void Op::getEffects(                                                         \
      SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>      \
          &effects) {                                                          \
    getBufferEffects(cast<DestinationStyleOpInterface>(getOperation()),        \
                     effects);                                                 \
  }

BN_DESTINATION_STYLE_OP(TrainingOp)
BN_DESTINATION_STYLE_OP(InferenceOp)
BN_DESTINATION_STYLE_OP(BackwardOp)
BN_DESTINATION_STYLE_OP(StatsOp)
BN_DESTINATION_STYLE_OP(MergeStatsOp)
BN_DESTINATION_STYLE_OP(UpdateRunningStatsOp)
BN_DESTINATION_STYLE_OP(NormalizeOp)
BN_DESTINATION_STYLE_OP(BackwardReduceOp)
BN_DESTINATION_STYLE_OP(BackwardInputOp)
