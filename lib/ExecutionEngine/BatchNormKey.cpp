//===- BatchNormKey.cpp - A spec from its key -------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The inverse of BatchNormSpec::getKey: a spec can travel as text, for example
// in an attribute of another compiler's IR. Fields that the key does not have
// get one value, so that a spec that was read is found where another was kept.
//
// Phase: input.
//
//===----------------------------------------------------------------------===//

#include "bn/ExecutionEngine/BatchNormSpec.h"

#include "bn/Support/Error.h"
#include "llvm/ADT/StringSwitch.h"

#include <optional>
#include <tuple>

using namespace mlir;
using namespace mlir::bn;
using Kind = BatchNormSpec::Kind;
using Epilogue = BatchNormSpec::Epilogue;

namespace {

/// Reads the words of a key from left to right.
class KeyReader {
public:
  explicit KeyReader(llvm::StringRef key) : rest(key) {}

  llvm::Expected<BatchNormSpec> read();

private:
  bool isAtEnd() const { return rest.empty(); }
  llvm::StringRef readWord() {
    llvm::StringRef word;
    std::tie(word, rest) = rest.split(' ');
    return word;
  }

  /// Each reads a word and says whether it is one of those expected.
  bool read(double &value) { return !readWord().getAsDouble(value); }
  bool read(int64_t &value) { return !readWord().getAsInteger(10, value); }
  bool read(DType &value);
  bool read(DimVector &values, char separator);
  template <typename T>
  bool read(T &value, llvm::ArrayRef<T> candidates,
            llvm::StringRef (*name)(T candidate));

  bool readBeginning();
  /// Reads what `word` announces.
  bool readField(llvm::StringRef word);
  bool readFlag(llvm::StringRef word);

  BatchNormSpec spec;
  llvm::StringRef rest;
};

} // namespace

static std::optional<DType> symbolizeFloat(llvm::StringRef name) {
  for (DType dtype : {DType::F16, DType::BF16, DType::F32, DType::F64})
    if (stringifyDType(dtype) == name)
      return dtype;
  return std::nullopt;
}

bool KeyReader::read(DType &value) {
  std::optional<DType> dtype = symbolizeFloat(readWord());
  value = dtype.value_or(DType::F32);
  return dtype.has_value();
}

bool KeyReader::read(DimVector &values, char separator) {
  llvm::SmallVector<llvm::StringRef> words;
  readWord().split(words, separator);
  values.clear();
  for (llvm::StringRef word : words)
    if (word.getAsInteger(10, values.emplace_back()))
      return false;
  return true;
}

template <typename T>
bool KeyReader::read(T &value, llvm::ArrayRef<T> candidates,
                     llvm::StringRef (*name)(T candidate)) {
  llvm::StringRef word = readWord();
  for (T candidate : candidates) {
    value = candidate;
    if (name(candidate) == word)
      return true;
  }
  return false;
}

bool KeyReader::readBeginning() {
  constexpr Kind kinds[] = {
      Kind::Training,  Kind::Inference,      Kind::Backward,
      Kind::Stats,     Kind::MergeStats,     Kind::UpdateRunningStats,
      Kind::Normalize, Kind::BackwardReduce, Kind::BackwardInput};
  auto nameKind = [](Kind kind) {
    BatchNormSpec spec;
    spec.kind = kind;
    return spec.getKindName();
  };
  spec.epsilon = spec.momentum = spec.renormMomentum = spec.slope = 0;
  spec.hasScale = spec.hasOffset = spec.hasRunningStats = false;
  spec.hasMean = spec.hasVariance = false;
  spec.hasInputGrad = spec.hasScaleGrad = spec.hasOffsetGrad = false;
  if (!read<Kind>(spec.kind, kinds, nameKind) || !read(spec.elementType))
    return false;
  spec.parameterType = spec.statisticsType =
      spec.elementType == DType::F64 ? DType::F64 : DType::F32;
  return true;
}

bool KeyReader::readFlag(llvm::StringRef word) {
  using Flag = bool BatchNormSpec::*;
  Flag flag = llvm::StringSwitch<Flag>(word)
                  .Case("scale", &BatchNormSpec::hasScale)
                  .Case("offset", &BatchNormSpec::hasOffset)
                  .Case("mean", &BatchNormSpec::hasMean)
                  .Case("variance", &BatchNormSpec::hasVariance)
                  .Case("input_grad", &BatchNormSpec::hasInputGrad)
                  .Case("scale_grad", &BatchNormSpec::hasScaleGrad)
                  .Case("offset_grad", &BatchNormSpec::hasOffsetGrad)
                  .Case("addend_grad", &BatchNormSpec::hasAddendGrad)
                  .Case("recomputed", &BatchNormSpec::recomputesOutput)
                  .Case("bits", &BatchNormSpec::hasBits)
                  .Case("frozen", &BatchNormSpec::isFrozen)
                  .Default(nullptr);
  if (flag) {
    spec.*flag = true;
  } else if (word == "inverse_std") {
    spec.statisticsKind = BatchNormSpec::StatisticsKind::InverseStd;
  } else if (std::optional<DType> dtype = symbolizeFloat(word)) {
    spec.parameterType = *dtype;
  } else {
    return false;
  }
  return true;
}

bool KeyReader::readField(llvm::StringRef word) {
  if (word == "shape")
    return read(spec.shape, 'x');
  if (word == "axis")
    return read(spec.axis, ',');
  if (word == "epsilon")
    return read(spec.epsilon);
  if (word == "statistics")
    return read(spec.statisticsType);
  if (word == "momentum") {
    spec.hasRunningStats = true;
    return read(spec.momentum);
  }
  if (word == "running") {
    llvm::StringRef kind = readWord();
    spec.runningVariance = kind == "sample"
                               ? BatchNormSpec::RunningVariance::Sample
                               : BatchNormSpec::RunningVariance::Population;
    return (kind == "sample" || kind == "population") &&
           read(spec.runningType.emplace());
  }
  if (word == "renormalized") {
    spec.isRenormalized = true;
    return spec.kind != Kind::Training || read(spec.renormMomentum);
  }
  if (word == "epilogue") {
    constexpr Epilogue epilogues[] = {Epilogue::Relu, Epilogue::LeakyRelu,
                                      Epilogue::Add, Epilogue::AddRelu};
    return read<Epilogue>(spec.epilogue, epilogues, [](Epilogue epilogue) {
      BatchNormSpec spec;
      spec.epilogue = epilogue;
      return spec.getEpilogueName();
    });
  }
  if (word == "slope")
    return read(spec.slope);
  if (word == "groups")
    return read(spec.groups);
  if (word == "mask")
    return read(spec.maskType) && read(spec.maskShape, 'x');
  if (word == "threads")
    return read(spec.threads);
  return readFlag(word);
}

llvm::Expected<BatchNormSpec> KeyReader::read() {
  llvm::StringRef key = rest;
  auto fail = [&] {
    // What could not be read is in front of the rest.
    llvm::StringRef done = key.drop_back(rest.size()).rtrim();
    return makeError("expected the key of a spec, got '{0}' (wrong at '{1}')",
                     key, done.substr(done.rfind(' ') + 1));
  };
  if (!readBeginning())
    return fail();
  while (!isAtEnd())
    if (!readField(readWord()))
      return fail();
  if (llvm::Error error = spec.verify())
    return std::move(error);
  return std::move(spec);
}

llvm::Expected<BatchNormSpec> BatchNormSpec::parseKey(llvm::StringRef key) {
  return KeyReader(key).read();
}
