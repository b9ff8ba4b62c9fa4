//===- Inputs.cpp - what --input= says --------------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Inputs.h"

#include "bn/Support/Error.h"
#include "bn/Support/Npy.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace mlir::bn;
using namespace mlir::bn::runner;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

/// Parses "2x3"; the empty text is rank 0.
static Expected<DimVector> parseShape(StringRef text) {
  DimVector shape;
  if (text.empty())
    return shape;
  for (StringRef part : llvm::split(text, 'x')) {
    int64_t dim;
    if (part.getAsInteger(10, dim) || dim < 0)
      return makeError("expected a shape such as 2x3, got '{0}'", text);
    shape.push_back(dim);
  }
  return shape;
}

/// Returns whether `shape` is one that the argument may have.
static bool hasShape(const KernelOperand &argument,
                     llvm::ArrayRef<int64_t> shape) {
  return shape.size() == argument.shape.size() &&
         llvm::all_of(llvm::zip(argument.shape, shape), [](auto dims) {
           auto [expected, got] = dims;
           return expected < 0 || expected == got;
         });
}

/// Checks what was given against the argument's type.
static Error checkType(const KernelOperand &argument, DType dtype,
                       llvm::ArrayRef<int64_t> shape) {
  if (dtype == argument.dtype && hasShape(argument, shape))
    return Error::success();
  return makeError("expected {0}, got {1}",
                   formatType(argument.dtype, argument.shape),
                   formatType(dtype, shape));
}

/// Makes an array in the shape after the keyword, or in the argument's own.
static Expected<Array> createArray(const KernelOperand &argument,
                                   std::optional<StringRef> shapeText) {
  if (!shapeText) {
    if (llvm::any_of(argument.shape, [](int64_t dim) { return dim < 0; }))
      return makeError("expected a shape at the end, as in 'zeros:2x3', "
                       "because {0} has dynamic dimensions, got none",
                       formatType(argument.dtype, argument.shape));
    return Array::create(argument.dtype, argument.shape);
  }
  Expected<DimVector> shape = parseShape(*shapeText);
  if (!shape)
    return shape.takeError();
  if (Error error = checkType(argument, argument.dtype, *shape))
    return error;
  return Array::create(argument.dtype, *shape);
}

//===----------------------------------------------------------------------===//
// Contents
//===----------------------------------------------------------------------===//

/// SplitMix64's output function: every bit of the result depends on every bit
/// of `value`.
static uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

/// Returns a number in (0, 1], the `counter`-th of the stream `seed`.
static double drawUniform(uint64_t seed, uint64_t counter) {
  uint64_t bits = mix(mix(seed) + (counter + 1) * 0x9e3779b97f4a7c15);
  return double((bits >> 11) + 1) / double(uint64_t(1) << 53);
}

/// Fills `array` with standard normal numbers by Box and Muller's method. Each
/// element is a function of the seed and its index alone, computed in double
/// precision, so that all platforms get the same array (but for the last bits
/// of an f64, which are the math library's).
static void fillRandom(Array &array, uint64_t seed) {
  constexpr double kTwoPi = 6.283185307179586476925;
  for (int64_t i = 0, e = array.getNumElements(); i < e; i += 2) {
    double radius = std::sqrt(-2 * std::log(drawUniform(seed, i)));
    double angle = kTwoPi * drawUniform(seed, i + 1);
    array.store(i, radius * std::cos(angle));
    if (i + 1 < e)
      array.store(i + 1, radius * std::sin(angle));
  }
}

/// Parses an integer that an array of `dtype` can hold.
static Expected<int64_t> parseInteger(StringRef text, DType dtype) {
  int64_t value;
  unsigned bits = dtype == DType::I1 ? 1 : 8 * getByteSize(dtype);
  if (text == "true" || text == "false")
    text = text == "true" ? "1" : "0";
  if (text.getAsInteger(10, value) ||
      !(bits == 1 ? llvm::isUIntN(1, value) : llvm::isIntN(bits, value)))
    return makeError("expected an {0} number, got '{1}'", stringifyDType(dtype),
                     text);
  return value;
}

static Error fillNumber(Array &array, StringRef text) {
  int64_t count = array.getNumElements();
  if (isInteger(array.getDType())) {
    Expected<int64_t> value = parseInteger(text, array.getDType());
    if (!value)
      return value.takeError();
    for (int64_t i = 0; i < count; ++i)
      array.storeInteger(i, *value);
    return Error::success();
  }
  double value;
  if (text.getAsDouble(value))
    return makeError("expected FILE.npy, random:SEED, zeros, ones or a number, "
                     "got '{0}'",
                     text);
  for (int64_t i = 0; i < count; ++i)
    array.store(i, value);
  return Error::success();
}

static Expected<Array> readArray(StringRef path,
                                 const KernelOperand &argument) {
  Expected<NpyArray> file = readNpy(path);
  if (!file)
    return file.takeError();
  if (Error error = checkType(argument, file->dtype, file->shape))
    return error;
  Expected<Array> array = Array::create(file->dtype, file->shape);
  if (array)
    std::memcpy(array->getData(), file->data.data(), array->getNumBytes());
  return array;
}

static Expected<Array> makeContents(StringRef text,
                                    const KernelOperand &argument) {
  if (text.ends_with(".npy"))
    return readArray(text, argument);

  uint64_t seed = 0;
  StringRef rest = text;
  bool isRandom = rest.consume_front("random:");
  if (isRandom && (rest.consumeInteger(10, seed) ||
                   !(rest.empty() || rest.starts_with(":"))))
    return makeError("expected random:SEED with a SEED from 0 to 2^64 - 1, got "
                     "'{0}'",
                     text);
  auto [contents, shapeText] = rest.split(':');
  bool isShaped = rest.contains(':');
  Expected<Array> array =
      createArray(argument, isShaped ? std::optional(shapeText) : std::nullopt);
  if (!array)
    return array;
  if (isRandom) {
    fillRandom(*array, seed);
    return array;
  }
  contents = contents == "zeros" ? "0" : contents == "ones" ? "1" : contents;
  if (Error error = fillNumber(*array, contents))
    return error;
  return array;
}

Expected<Array> runner::makeInput(StringRef text,
                                  const KernelOperand &argument) {
  Expected<Array> array = makeContents(text, argument);
  if (!array)
    return makeError("{0} from '{1}': {2}", argument.name, text,
                     llvm::toString(array.takeError()));
  return array;
}
