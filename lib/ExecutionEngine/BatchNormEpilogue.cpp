//===- BatchNormEpilogue.cpp - The epilogue of a spec -----------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The dialect takes any elementwise computation as an epilogue; a spec names
// those that layers end with.
//
// Phase: input.
//
//===----------------------------------------------------------------------===//

#include "SpecText.h"
#include "bn/Support/Error.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace mlir;
using namespace mlir::bn;
using Epilogue = BatchNormSpec::Epilogue;
using Kind = BatchNormSpec::Kind;

llvm::StringRef BatchNormSpec::getEpilogueName() const {
  switch (epilogue) {
  case Epilogue::None:
    return "none";
  case Epilogue::Relu:
    return "relu";
  case Epilogue::LeakyRelu:
    return "leaky_relu";
  case Epilogue::Add:
    return "add";
  case Epilogue::AddRelu:
    return "add_relu";
  }
  llvm_unreachable("unknown epilogue");
}

static llvm::Error verifyBits(const BatchNormSpec &spec) {
  bool isForward = spec.kind == Kind::Training ||
                   spec.kind == Kind::Inference || spec.kind == Kind::Normalize;
  if (!isForward && spec.kind != Kind::Backward)
    return makeError("expected no 'hasBits' for the kind {0}, got true",
                     spec.getKindName());
  if (spec.epilogue == Epilogue::None || spec.epilogue == Epilogue::Add)
    return makeError("expected 'epilogue' to be relu, leaky_relu or add_relu "
                     "where there are bits, got {0}",
                     spec.getEpilogueName());
  if (spec.recomputesOutput)
    return makeError("expected 'recomputesOutput' to be false where there are "
                     "bits, got true");
  if (spec.takesRenormalization())
    return makeError("expected 'isRenormalized' to be false where there are "
                     "bits, got true");
  if (spec.allowsBits())
    return llvm::Error::success();
  int64_t row = spec.getRowSize();
  return makeError("expected rows of a multiple of 8 elements where there are "
                   "bits, got {0}",
                   row < 0 ? "a dynamic size" : std::to_string(row));
}

static llvm::Error verifyRecomputation(const BatchNormSpec &spec) {
  auto expect = [](const char *what, const llvm::Twine &got) {
    return makeError("expected {0} where 'output' is computed again, got {1}",
                     what, got.str());
  };
  if (!spec.needsOutput() || spec.addsAddend())
    return expect("'epilogue' to be relu or leaky_relu",
                  spec.getEpilogueName());
  if (spec.groups != 1)
    return expect("'groups' to be 1", llvm::Twine(spec.groups));
  if (spec.takesInverseStd())
    return expect("'statisticsKind' to be variance", "inverse_std");
  if (spec.isRenormalized)
    return expect("'isRenormalized' to be false", "true");
  return llvm::Error::success();
}

llvm::Error mlir::bn::verifyEpilogue(const BatchNormSpec &spec) {
  bool isBackward = spec.kind == Kind::Backward;
  bool mayHave = isBackward || spec.kind == Kind::Training ||
                 spec.kind == Kind::Inference || spec.kind == Kind::Normalize;
  if (spec.epilogue != Epilogue::None && !mayHave)
    return makeError("expected 'epilogue' to be none for the kind {0}, got {1}",
                     spec.getKindName(), spec.getEpilogueName());
  if (!std::isfinite(spec.slope))
    return makeError("expected 'slope' to be finite, got {0}", spec.slope);
  if (isBackward && spec.epilogue == Epilogue::LeakyRelu && !spec.hasBits &&
      spec.slope <= 0)
    return makeError("expected 'slope' to be above 0, so that the output has "
                     "the sign of what it was made of, got {0}",
                     spec.slope);
  if (isBackward && spec.hasAddendGrad && !spec.addsAddend())
    return makeError("expected 'epilogue' to be add or add_relu, whose addend "
                     "has a gradient, got {0}",
                     spec.getEpilogueName());
  if (spec.hasBits)
    return verifyBits(spec);
  if (isBackward && spec.recomputesOutput)
    return verifyRecomputation(spec);
  return llvm::Error::success();
}

namespace {
/// Writes scalar code line by line, in the accumulator type.
struct CodePrinter {
  llvm::raw_ostream &os;
  const char *type;

  /// `%name = op : type`.
  void line(const char *name, const llvm::Twine &op) {
    os << "\n      %" << name << " = " << op << " : " << type;
  }
  void constant(const char *name, double value) {
    line(name, "arith.constant " + printFloat(value));
  }
};
} // namespace

/// Prints what an epilogue makes of `%y` and `%a`, and returns its name; also
/// `%bit`, where that is saved.
static const char *printForward(CodePrinter code, const BatchNormSpec &spec) {
  const char *sum = spec.takesAddend() ? "z" : "y";
  if (spec.takesAddend())
    code.line("z", "arith.addf %y, %a");
  if (spec.epilogue == Epilogue::Add)
    return sum;
  code.constant("zero", 0.0);
  if (spec.hasBits) {
    code.line("passes", llvm::Twine("arith.cmpf ugt, %") + sum + ", %zero");
    code.os << "\n      %bit = arith.extui %passes : i1 to i8";
  }
  // Of the two forms, the one that needs what is saved anyway.
  if (spec.hasBits && spec.epilogue != Epilogue::LeakyRelu) {
    code.line("relu", llvm::Twine("arith.select %passes, %") + sum + ", %zero");
    return "relu";
  }
  if (spec.epilogue != Epilogue::LeakyRelu) {
    // The sign of a zero result is not specified, and costs an instruction.
    code.line("relu",
              llvm::Twine("arith.maximumf %") + sum + ", %zero fastmath<nsz>");
    return "relu";
  }
  code.constant("slope", spec.slope);
  code.line("scaled", "arith.mulf %y, %slope");
  // The larger of the two is one instruction. With a slope from 0 to 1 it is
  // what is wanted: rounding keeps the order of y and its product. (A slope of
  // 0, also if it is rounded to f32, makes NaN of an infinity.)
  bool isLarger = static_cast<float>(spec.slope) > 0.0F && spec.slope <= 1.0;
  code.line("keeps", llvm::Twine("arith.cmpf ogt, %y, %") +
                         (isLarger ? "scaled" : "zero"));
  code.line("leaky", "arith.select %keeps, %y, %scaled");
  return "leaky";
}

/// Prints what becomes of the gradient `%dz` of the output `%z`, or of one of
/// which the bit `%z` is known.
static const char *printBackward(CodePrinter code, const BatchNormSpec &spec) {
  code.constant("zero", 0.0);
  if (spec.hasBits)
    code.os << "\n      %none = arith.constant 0 : i8"
            << "\n      %above = arith.cmpi ne, %z, %none : i8";
  else
    code.line("above", "arith.cmpf ogt, %z, %zero");
  const char *below = "zero";
  if (spec.epilogue == Epilogue::LeakyRelu) {
    code.constant("slope", spec.slope);
    code.line("scaled", "arith.mulf %dz, %slope");
    below = "scaled";
  }
  code.line("dy", llvm::Twine("arith.select %above, %dz, %") + below);
  return "dy";
}

void mlir::bn::printEpilogue(llvm::raw_ostream &os, const BatchNormSpec &spec,
                             llvm::StringRef type) {
  bool isBackward = spec.kind == Kind::Backward;
  if (isBackward ? !spec.needsOutput() : spec.epilogue == Epilogue::None)
    return;
  CodePrinter code{os, spec.elementType == DType::F64 ? "f64" : "f32"};
  bool takesBits = isBackward && spec.hasBits;
  std::string bits =
      type.drop_back(stringifyDType(spec.elementType).size()).str() + "i8";
  auto start = [&](const char *clause, const char *input, const char *first,
                   const char *second) {
    os << "\n        " << clause;
    if (input)
      os << "(%" << input << "_t : tensor<" << (takesBits ? bits : type)
         << ">)";
    os << " {\n    ^bb0(%" << first << ": " << code.type;
    if (input)
      os << ", %" << second << ": " << (takesBits ? "i8" : code.type);
    os << "):";
  };
  const char *result;
  if (isBackward) {
    start("prologue", takesBits ? "bits" : "output", "dz", "z");
    result = printBackward(code, spec);
  } else {
    start("epilogue", spec.takesAddend() ? "addend" : nullptr, "y", "a");
    result = printForward(code, spec);
  }
  bool saves = !isBackward && spec.hasBits;
  os << "\n      bn.yield %" << result << (saves ? ", %bit" : "") << " : "
     << code.type << (saves ? ", i8" : "") << "\n    }";
}
