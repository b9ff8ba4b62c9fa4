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

llvm::Error mlir::bn::verifyEpilogue(const BatchNormSpec &spec) {
  bool hasOutput = spec.kind == Kind::Training ||
                   spec.kind == Kind::Inference || spec.kind == Kind::Normalize;
  if (spec.epilogue != Epilogue::None && !hasOutput)
    return makeError("expected 'epilogue' to be none for the kind {0}, got {1}",
                     spec.getKindName(), spec.getEpilogueName());
  if (!std::isfinite(spec.slope))
    return makeError("expected 'slope' to be finite, got {0}", spec.slope);
  return llvm::Error::success();
}

void mlir::bn::printEpilogue(llvm::raw_ostream &os, const BatchNormSpec &spec,
                             llvm::StringRef type) {
  if (spec.epilogue == Epilogue::None)
    return;
  const char *f = spec.elementType == DType::F64 ? "f64" : "f32";
  auto constant = [&](const char *name, double value) {
    os << "\n      %" << name << " = arith.constant " << printFloat(value)
       << " : " << f;
  };
  os << "\n        epilogue";
  if (spec.takesAddend())
    os << "(%addend_t : tensor<" << type << ">)";
  os << " {\n    ^bb0(%y: " << f;
  if (spec.takesAddend())
    os << ", %a: " << f << "):\n      %z = arith.addf %y, %a : " << f;
  else
    os << "):";
  const char *result = spec.takesAddend() ? "z" : "y";
  if (spec.epilogue != Epilogue::Add)
    constant("zero", 0.0);
  if (spec.epilogue == Epilogue::LeakyRelu) {
    constant("slope", spec.slope);
    os << "\n      %above = arith.cmpf ogt, %y, %zero : " << f
       << "\n      %scaled = arith.mulf %y, %slope : " << f
       << "\n      %leaky = arith.select %above, %y, %scaled : " << f;
    result = "leaky";
  } else if (spec.epilogue != Epilogue::Add) {
    os << "\n      %relu = arith.maximumf %" << result << ", %zero : " << f;
    result = "relu";
  }
  os << "\n      bn.yield %" << result << " : " << f << "\n    }";
}
