//===- ChannelOpText.cpp - Arithmetic on channels, as text ------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ChannelOpText.h"
#include "SpecText.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::bn;

std::string ChannelOpText::append(llvm::StringRef name,
                                  const std::string &operation) {
  body += llvm::formatv("      {0} = {1}\n", name, operation);
  return name.str();
}

std::string ChannelOpText::take(llvm::StringRef tensor, DType type) {
  std::string name = "%i" + std::to_string(ins.size());
  ins.push_back({tensor.str(), name, type});
  if (type == DType::F64)
    return name;
  return append(name + "w", llvm::formatv("arith.extf {0} : {1} to f64", name,
                                          stringifyDType(type)));
}

std::string ChannelOpText::compute(llvm::StringRef name, const char *op,
                                   llvm::ArrayRef<std::string> operands) {
  return append(name,
                llvm::formatv("{0} {1} : f64", op, llvm::join(operands, ", ")));
}

std::string ChannelOpText::constant(llvm::StringRef name, double value) {
  return append(name, "arith.constant " + printFloat(value) + " : f64");
}

std::string ChannelOpText::equal(llvm::StringRef name, llvm::StringRef left,
                                 llvm::StringRef right) {
  return append(name,
                llvm::formatv("arith.cmpf oeq, {0}, {1} : f64", left, right));
}

std::string ChannelOpText::select(llvm::StringRef name,
                                  llvm::StringRef condition,
                                  llvm::StringRef left, llvm::StringRef right) {
  return append(name, llvm::formatv("arith.select {0}, {1}, {2} : f64",
                                    condition, left, right));
}

void ChannelOpText::yield(llvm::StringRef name, llvm::StringRef value,
                          llvm::StringRef out, DType type) {
  std::string element = "%o" + std::to_string(outs.size());
  std::string yielded = value.str();
  if (type != DType::F64)
    yielded =
        append(element + "n", llvm::formatv("arith.truncf {0} : f64 to {1}",
                                            value, stringifyDType(type)));
  outs.push_back({out.str(), element, type});
  results.push_back(name.str());
  yields.push_back(yielded);
}

void ChannelOpText::printClause(llvm::raw_ostream &os, const char *name,
                                llvm::ArrayRef<Operand> operands) const {
  os << "      " << name << "(";
  llvm::interleaveComma(operands, os,
                        [&](const Operand &operand) { os << operand.tensor; });
  os << " : ";
  llvm::interleaveComma(
      operands, os, [&](const Operand &operand) { os << getType(operand); });
  os << ")";
}

void ChannelOpText::print(llvm::raw_ostream &os) const {
  std::string dims, map, kinds;
  for (unsigned dim = 0; dim < rank; ++dim) {
    dims += (dim ? ", d" : "d") + std::to_string(dim);
    kinds += dim ? ", \"parallel\"" : "\"parallel\"";
  }
  map = "affine_map<(" + dims + ") -> (" + dims + ")>";
  os << "  ";
  llvm::interleaveComma(results, os);
  os << " = linalg.generic {\n      indexing_maps = [";
  llvm::SmallVector<std::string> maps(ins.size() + outs.size(), map);
  llvm::interleaveComma(maps, os);
  os << "],\n      iterator_types = [" << kinds << "]}\n";
  printClause(os, "ins", ins);
  os << "\n";
  printClause(os, "outs", outs);
  os << " {\n    ^bb0(";
  auto elements = llvm::concat<const Operand>(ins, outs);
  llvm::interleaveComma(elements, os, [&](const Operand &operand) {
    os << operand.element << ": " << stringifyDType(operand.type);
  });
  os << "):\n" << body << "      linalg.yield ";
  llvm::interleaveComma(yields, os);
  os << " : ";
  llvm::interleaveComma(outs, os, [&](const Operand &operand) {
    os << stringifyDType(operand.type);
  });
  os << "\n    } -> (";
  llvm::interleaveComma(
      outs, os, [&](const Operand &operand) { os << getType(operand); });
  os << ")\n";
}
