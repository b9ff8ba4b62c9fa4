//===- Case.cpp - What is measured ----------------------------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The sets of shapes, and the arithmetic of a case.
//
//===----------------------------------------------------------------------===//

#include "Case.h"

#include "bn/Support/Error.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir::bn;
using namespace mlir::bn::bench;
using Kind = BatchNormSpec::Kind;

int64_t Case::getNumElements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

int64_t Case::getTensorBytes() const {
  return getNumElements() * getByteSize(dtype);
}

int Case::getNumInputs() const {
  return kind == Kind::Backward || hasAddend() ? 2 : 1;
}

int Case::getNumTensors() const {
  bool writesAddendGrad = kind == Kind::Backward && hasAddend();
  return getNumInputs() + 1 + takesOutput() + writesAddendGrad;
}

bool Case::allowsBits() const {
  BatchNormSpec spec;
  spec.shape = getMemoryShape();
  spec.axis = {getAxis()};
  return kind != Kind::Inference && spec.allowsBits() &&
         epilogue == BatchNormSpec::Epilogue::AddRelu;
}

bool Case::isLarge() const { return getBytes() > 24e6; }

DimVector Case::getMemoryShape() const {
  if (layout == Layout::NCHW)
    return shape;
  DimVector result = {shape[0]};
  result.append(shape.begin() + 2, shape.end());
  result.push_back(shape[1]);
  return result;
}

int64_t Case::getAxis() const {
  return layout == Layout::NCHW ? 1 : shape.size() - 1;
}

std::string Case::getShapeText() const {
  return llvm::join(
      llvm::map_range(shape, [](int64_t size) { return std::to_string(size); }),
      "x");
}

std::string Case::getGroup() const {
  std::string group = (stringifyKind(kind) + " " + stringifyDType(dtype) +
                       (layout == Layout::NCHW ? " nchw" : " nhwc"))
                          .str();
  if (epilogue != BatchNormSpec::Epilogue::None)
    group += (" " + stringifyEpilogue(epilogue)).str();
  return group;
}

llvm::StringRef bench::stringifyKind(Kind kind) {
  BatchNormSpec spec;
  spec.kind = kind;
  return spec.getKindName();
}

llvm::StringRef bench::stringifyEpilogue(BatchNormSpec::Epilogue epilogue) {
  BatchNormSpec spec;
  spec.epilogue = epilogue;
  return spec.getEpilogueName();
}

llvm::Expected<DimVector> bench::parseShape(llvm::StringRef text) {
  DimVector shape;
  for (llvm::StringRef part : llvm::split(text, 'x')) {
    int64_t size;
    if (part.getAsInteger(10, size) || size < 1)
      return makeError("expected a shape such as 50x64x112x112, got '{0}'",
                       text);
    shape.push_back(size);
  }
  if (shape.size() < 2)
    return makeError("expected a shape of batch and channels at least, got "
                     "'{0}'",
                     text);
  return shape;
}

llvm::Expected<std::vector<DimVector>> bench::getShapeSet(llvm::StringRef name,
                                                          Layout layout) {
  if (name == "resnet50")
    return std::vector<DimVector>{
        {50, 64, 112, 112}, {50, 256, 56, 56}, {50, 64, 56, 56},
        {50, 512, 28, 28},  {50, 128, 28, 28}, {50, 1024, 14, 14},
        {50, 256, 14, 14},  {50, 2048, 7, 7},  {50, 512, 7, 7}};
  if (name != "odd")
    return makeError("expected a set 'resnet50' or 'odd', got '{0}'", name);
  std::vector<DimVector> shapes = {
      {1, 257, 28, 28},  {2, 251, 28, 28},   {8, 322, 16, 16}, {12, 4, 8, 8},
      {50, 3, 224, 224}, {3072, 64, 14, 14}, {64, 96, 55, 55}, {8, 1536, 8, 8}};
  // Without spatial sizes the channels are last in memory.
  if (layout == Layout::NHWC)
    shapes.insert(
        shapes.end(),
        {{16, 24, 56, 56}, {16, 40, 28, 28}, {64, 1000}, {4096, 512}});
  return shapes;
}
