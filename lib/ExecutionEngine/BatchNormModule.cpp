//===- BatchNormModule.cpp - The module of a spec ---------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Writes the module that a spec stands for. It is made as text: it reads as the
// documentation shows it, and the ops' own verifiers have the last word on it.
//
// Phase: input.
//
//===----------------------------------------------------------------------===//

#include "SpecText.h"
#include "bn/ExecutionEngine/BatchNormSpec.h"
#include "bn/Support/Error.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::bn;
using Kind = BatchNormSpec::Kind;

std::string mlir::bn::printShapedType(const KernelOperand &operand) {
  std::string text;
  for (int64_t size : operand.shape)
    text += (size < 0 ? std::string("?") : std::to_string(size)) + "x";
  return text + stringifyDType(operand.dtype).str();
}

/// `operand`; of bits, the view of them that has the shape of the data.
static KernelOperand getViewed(const KernelSignature &signature,
                               KernelOperand operand) {
  if (operand.bitsOf >= 0)
    operand.shape = signature.arguments[operand.bitsOf].shape;
  return operand;
}

/// Prints `%bits`, the view of `%bits_bytes` that has the shape of argument 0.
static void printBits(llvm::raw_ostream &os, const KernelSignature &signature,
                      const KernelOperand &bits) {
  const KernelOperand &data = signature.arguments[bits.bitsOf];
  std::string sizes;
  for (auto [dim, size] : llvm::enumerate(data.shape)) {
    if (size >= 0)
      continue;
    os << "  %bits_c" << dim << " = arith.constant " << dim << " : index\n"
       << "  %bits_d" << dim << " = memref.dim %" << data.name << ", %bits_c"
       << dim << " : memref<" << printShapedType(data) << ">\n";
    sizes += (sizes.empty() ? "%bits_d" : ", %bits_d") + std::to_string(dim);
  }
  os << "  %" << bits.name << " = bn.view_bits %" << bits.name << "_bytes"
     << (sizes.empty() ? "" : "[" + sizes + "]") << " : memref<"
     << printShapedType(bits) << "> to memref<"
     << printShapedType(getViewed(signature, bits)) << ">\n";
}

static void printArguments(llvm::raw_ostream &os,
                           const KernelSignature &signature) {
  llvm::interleaveComma(signature.arguments, os, [&](const auto &operand) {
    std::string type = printShapedType(operand);
    os << "%" << operand.name << (operand.bitsOf >= 0 ? "_bytes: " : ": ")
       << (operand.isScalar ? type : "memref<" + type + ">");
  });
  os << ") {\n";
  for (const KernelOperand &operand : signature.arguments)
    if (operand.bitsOf >= 0)
      printBits(os, signature, operand);
}

/// Prints the tensors that are in the memory of the arguments.
static void printTensors(llvm::raw_ostream &os,
                         const KernelSignature &signature) {
  for (const KernelOperand &operand : signature.arguments) {
    if (operand.isScalar)
      continue;
    std::string type = printShapedType(operand);
    os << "  %" << operand.name << "_t = bufferization.to_tensor %"
       << operand.name << " restrict" << (isOutput(operand) ? " writable" : "")
       << " : memref<" << type << "> to tensor<" << type << ">\n";
  }
}

//===----------------------------------------------------------------------===//
// The op
//===----------------------------------------------------------------------===//

/// A clause such as "ins", and the operands in it.
using Clause = std::pair<const char *, llvm::SmallVector<llvm::StringRef, 3>>;

/// Returns the clauses of inputs, in the order in which the op has them.
static llvm::SmallVector<Clause, 6> getClauses(Kind kind) {
  Clause input{"ins", {"input"}};
  Clause both{"ins", {"output_grad", "input"}};
  Clause mean{"mean", {"mean"}}, variance{"variance", {"variance"}};
  Clause scale{"scale", {"scale"}}, offset{"offset", {"offset"}};
  Clause statistics{"statistics", {"mean", "variance", "inverse_std"}};
  Clause running{"running", {"running_mean", "running_variance"}};
  Clause mask{"mask", {"mask"}};
  switch (kind) {
  case Kind::Training:
    return {input, scale, offset, running, mask};
  case Kind::Inference:
    return {input, scale, offset, statistics};
  case Kind::Backward:
    return {both, scale, statistics, mask};
  case Kind::Stats:
    return {input, mask};
  case Kind::MergeStats:
    return {{"ins", {"count", "mean", "m2"}}};
  case Kind::UpdateRunningStats:
    return {{"ins", {"count", "mean", "variance"}}, running};
  case Kind::Normalize:
    return {input, mean, variance, scale, offset};
  case Kind::BackwardReduce:
    return {both, mean};
  case Kind::BackwardInput:
    return {both, mean, {"coefficients", {"a", "b", "c"}}};
  }
  llvm_unreachable("unknown kind");
}

/// Prints "scale(%scale_t : tensor<64xf32>)"; nothing without operands.
static void printClause(llvm::raw_ostream &os, const char *name,
                        llvm::ArrayRef<const KernelOperand *> operands) {
  if (operands.empty())
    return;
  os << "\n        " << name << "(";
  llvm::interleaveComma(
      operands, os, [&](auto *operand) { os << "%" << operand->name << "_t"; });
  os << " : ";
  llvm::interleaveComma(operands, os, [&](auto *operand) {
    os << "tensor<" << printShapedType(*operand) << ">";
  });
  os << ")";
}

static void printAttributes(llvm::raw_ostream &os, const BatchNormSpec &spec) {
  if (spec.takesAxis()) {
    os << " axis(";
    llvm::interleaveComma(spec.getNormalizedAxis(), os);
    os << ")";
  }
  if (spec.takesEpsilon())
    os << " epsilon(" << printFloat(spec.epsilon) << ")";
  if (spec.takesRunningStats()) {
    os << " momentum(" << printFloat(spec.momentum) << ")";
    if (spec.runningVariance == BatchNormSpec::RunningVariance::Sample)
      os << " running_variance_kind(sample)";
  }
  auto printGroups = [&] {
    if (spec.takesGroups())
      os << " groups(" << spec.groups << ")";
  };
  if (spec.kind != Kind::Backward)
    return printGroups();
  if (spec.takesInverseStd())
    os << " statistics_kind(inverse_std)";
  llvm::SmallVector<const char *, 4> gradients;
  if (spec.hasInputGrad)
    gradients.push_back("input");
  if (spec.hasScaleGrad)
    gradients.push_back("scale");
  if (spec.hasOffsetGrad)
    gradients.push_back("offset");
  if (spec.hasAddendGrad)
    gradients.push_back("normalized");
  os << " wrt(";
  llvm::interleaveComma(gradients, os);
  os << ")" << (spec.isFrozen ? " frozen" : "");
  printGroups();
}

static void printInputs(llvm::raw_ostream &os, Kind kind,
                        const KernelSignature &signature) {
  for (const Clause &clause : getClauses(kind)) {
    llvm::SmallVector<const KernelOperand *> operands;
    for (const KernelOperand &operand : signature.arguments)
      if (!isOutput(operand) && llvm::is_contained(clause.second, operand.name))
        operands.push_back(&operand);
    printClause(os, clause.first, operands);
  }
}

/// Prints the op that computes `%output_t` again, of a spec of backward. It is
/// fused with what takes it, so nothing is written.
static void printOutput(llvm::raw_ostream &os, BatchNormSpec spec) {
  spec.kind = Kind::Inference;
  spec.epilogue = BatchNormSpec::Epilogue::None;
  KernelSignature signature = spec.getSignature();
  std::string type = printShapedType(signature.arguments.front());
  os << "  %output_t = bn.inference";
  printAttributes(os, spec);
  printInputs(os, spec.kind, signature);
  os << "\n        outs(%input_t : tensor<" << type << ">) -> tensor<" << type
     << ">\n";
}

static void printOp(llvm::raw_ostream &os, const BatchNormSpec &spec,
                    const KernelSignature &signature) {
  llvm::SmallVector<const KernelOperand *> outputs;
  for (const KernelOperand &operand : signature.arguments)
    if (isOutput(operand))
      outputs.push_back(&operand);
  os << "  ";
  llvm::interleaveComma(
      outputs, os, [&](auto *output) { os << "%" << output->name << "_r"; });
  os << " = bn." << spec.getKindName();
  printAttributes(os, spec);
  printInputs(os, spec.kind, signature);
  printClause(os, "outs", outputs);
  // All data have one type; the first argument of every op is of them.
  printEpilogue(os, spec, printShapedType(signature.arguments.front()));
  os << "\n        -> ";
  llvm::interleaveComma(outputs, os, [&](auto *operand) {
    os << "tensor<" << printShapedType(*operand) << ">";
  });
}

//===----------------------------------------------------------------------===//
// The module
//===----------------------------------------------------------------------===//

std::string BatchNormSpec::getModuleText() const {
  KernelSignature signature = getSignature();
  auto outputs = llvm::make_filter_range(signature.arguments, isOutput);
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "func.func @" << functionName << "(";
  printArguments(os, signature);
  for (KernelOperand &operand : signature.arguments)
    operand = getViewed(signature, operand);
  printTensors(os, signature);
  if (needsOutput() && recomputesOutput)
    printOutput(os, *this);
  if (takesRenormalization())
    printRenormalization(os, *this, signature);
  else
    printOp(os, *this, signature);
  for (const KernelOperand &operand : outputs) {
    std::string type = printShapedType(operand);
    os << "\n  bufferization.materialize_in_destination %" << operand.name
       << "_r in restrict writable %" << operand.name << " : (tensor<" << type
       << ">, memref<" << type << ">) -> ()";
  }
  os << "\n  return\n}\n";
  return text;
}

llvm::Expected<OwningOpRef<ModuleOp>>
BatchNormSpec::buildModule(MLIRContext &context) const {
  if (llvm::Error error = verify())
    return std::move(error);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(
      getModuleText(), ParserConfig(&context), "batch_norm");
  if (!module)
    return makeError("expected the dialects of the pipeline to accept the "
                     "module of {0}, got an error",
                     getKey());
  return module;
}
