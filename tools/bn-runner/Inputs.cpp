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

/// A number of the argument's element type.
struct Number {
  int64_t integer = 0;
  double real = 0;
};

static Expected<Number> parseNumber(StringRef text, DType dtype) {
  text = text == "zeros" ? "0" : text == "ones" ? "1" : text;
  Number number;
  if (!isInteger(dtype)) {
    if (!text.getAsDouble(number.real))
      return number;
    return makeError("expected FILE.npy, random:SEED, zeros, ones or a number, "
                     "got '{0}'",
                     text);
  }
  unsigned bits = 8 * getByteSize(dtype);
  StringRef digits = dtype != DType::I1 ? text
                     : text == "true"   ? "1"
                     : text == "false"  ? "0"
                                        : text;
  bool isNumber = !digits.getAsInteger(10, number.integer);
  if (isNumber && (dtype == DType::I1 ? llvm::isUInt<1>(number.integer)
                                      : llvm::isIntN(bits, number.integer)))
    return number;
  return makeError("expected FILE.npy, random:SEED, zeros, ones or an {0} "
                   "number, got '{1}'",
                   stringifyDType(dtype), text);
}

static void fillNumber(Array &array, Number number) {
  bool isInt = isInteger(array.getDType());
  for (int64_t i = 0, e = array.getNumElements(); i < e; ++i) {
    if (isInt)
      array.storeInteger(i, number.integer);
    else
      array.store(i, number.real);
  }
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

/// Takes "random:SEED" or "random" from the front of `text`. Returns whether it
/// was there.
static Expected<bool> takeSeed(StringRef &text, uint64_t &seed) {
  StringRef rest = text;
  if (!rest.consume_front("random") || !(rest.empty() || rest.front() == ':'))
    return false;
  if (!rest.consume_front(":") || rest.consumeInteger(10, seed) ||
      !(rest.empty() || rest.front() == ':'))
    return makeError("expected random:SEED with a SEED from 0 to 2^64 - 1, got "
                     "'{0}'",
                     text);
  text = rest;
  return true;
}

static Expected<Array> makeContents(StringRef text,
                                    const KernelOperand &argument) {
  if (text.ends_with(".npy"))
    return readArray(text, argument);

  uint64_t seed;
  Expected<bool> isRandom = takeSeed(text, seed);
  if (!isRandom)
    return isRandom.takeError();
  auto [contents, shape] = text.split(':');
  Number number;
  if (!*isRandom)
    if (Error error = parseNumber(contents, argument.dtype).moveInto(number))
      return error;
  bool isShaped = text.contains(':');
  Expected<Array> array =
      createArray(argument, isShaped ? std::optional(shape) : std::nullopt);
  if (!array)
    return array;
  if (*isRandom)
    fillRandom(*array, seed);
  else
    fillNumber(*array, number);
  return array;
}

Expected<Array> runner::makeInput(StringRef text, size_t index,
                                  const KernelOperand &argument) {
  Expected<Array> array = makeContents(text, argument);
  if (!array)
    return makeError("argument {0} from '{1}': {2}", index, text,
                     llvm::toString(array.takeError()));
  return array;
}
