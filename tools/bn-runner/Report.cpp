//===- Report.cpp - what bn-runner prints -----------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Report.h"

#include "Array.h"

#include "bn/Support/Npy.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace mlir::bn;
using namespace mlir::bn::runner;
using llvm::format;
using llvm::raw_ostream;

/// Values shown at the end of a summary.
static constexpr int64_t kNumFirstValues = 4;

/// A NaN has no sign here, whatever its bits say.
static void printNumber(raw_ostream &os, double value) {
  if (std::isnan(value))
    os << "nan";
  else
    os << format("%.6g", value);
}
static void printNumber(raw_ostream &os, int64_t value) { os << value; }

/// Copies a strided array into C order.
static llvm::Expected<Array> copyContiguous(const TensorView &view) {
  llvm::Expected<Array> array = Array::create(view.dtype, view.shape);
  if (!array)
    return array;
  char *target = array->getData();
  if (view.isContiguous()) {
    std::memcpy(target, view.data, array->getNumBytes());
    return array;
  }
  int64_t size = getByteSize(view.dtype);
  DimVector index(view.getRank(), 0);
  for (int64_t i = 0, e = array->getNumElements(); i < e; ++i, target += size) {
    int64_t offset = 0;
    for (auto [position, stride] : llvm::zip_equal(index, view.strides))
      offset += position * stride;
    std::memcpy(target, static_cast<char *>(view.data) + offset * size, size);
    for (int64_t dim = view.getRank() - 1;
         dim >= 0 && ++index[dim] == view.shape[dim]; --dim)
      index[dim] = 0;
  }
  return array;
}

llvm::Error runner::writeArray(llvm::StringRef path, const TensorView &view) {
  llvm::Expected<Array> array = copyContiguous(view);
  if (!array)
    return array.takeError();
  return writeNpy(path, view.dtype, view.shape, array->getData());
}

/// Prints what `load(i)` gives for i = 0 to count - 1, at least one number.
template <typename T, typename Load>
static void printNumbers(raw_ostream &os, int64_t count, Load &&load) {
  T least = load(0), greatest = least;
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    T value = load(i);
    // Written so that a NaN stays one.
    least = least <= value || least != least ? least : value;
    greatest = greatest >= value || greatest != greatest ? greatest : value;
    sum += value;
  }
  printNumber(os << " min ", least);
  printNumber(os << " mean ", sum / count);
  printNumber(os << " max ", greatest);
  os << " values";
  for (int64_t i = 0; i < std::min(count, kNumFirstValues); ++i)
    printNumber(os << ' ', load(i));
  os << (count > kNumFirstValues ? " ...\n" : "\n");
}

void runner::printSummary(raw_ostream &os, llvm::StringRef name,
                          const TensorView &view) {
  os << name << ": " << formatType(view.dtype, view.shape);
  llvm::Expected<Array> array = copyContiguous(view);
  if (!array)
    os << ' ' << llvm::toString(array.takeError()) << '\n';
  else if (array->getNumElements() == 0)
    os << " empty\n";
  else if (isInteger(view.dtype))
    printNumbers<int64_t>(os, array->getNumElements(),
                          [&](int64_t i) { return array->loadInteger(i); });
  else
    printNumbers<double>(os, array->getNumElements(),
                         [&](int64_t i) { return array->loadFloat(i); });
}

static double getMedian(llvm::ArrayRef<double> times) {
  std::vector<double> values(times);
  llvm::sort(values);
  size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle]
                           : (values[middle - 1] + values[middle]) / 2;
}

static double getLeast(llvm::ArrayRef<double> values) {
  return *llvm::min_element(values);
}

/// Prints one line of a timing.
static void printTimes(raw_ostream &os, llvm::StringRef name,
                       llvm::ArrayRef<double> times, int64_t numBytes) {
  double median = getMedian(times);
  os << name
     << format(" min %.4f ms median %.4f ms, %.2f GB/s\n",
               getLeast(times) * 1e3, median * 1e3, numBytes / median * 1e-9);
}

void runner::printTiming(raw_ostream &os, const Timing &timing) {
  os << "timing: " << timing.kernel.size() << " calls, at least "
     << timing.numBytes << " bytes each; copies by " << timing.copyThreads
     << (timing.copyThreads == 1 ? " thread\n" : " threads\n");
  printTimes(os, "time:", timing.kernel, timing.numBytes);
  printTimes(os, "copy:", timing.copy, timing.numBytes);
  os << format("time/copy: %.3f of medians, %.3f of minima\n",
               getMedian(timing.kernel) / getMedian(timing.copy),
               getLeast(timing.kernel) / getLeast(timing.copy));
}
