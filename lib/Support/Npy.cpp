//===- Npy.cpp - NumPy's .npy files -----------------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A .npy file is: the magic string, two bytes of version, the header's length
// (2 bytes in version 1.0, 4 in 2.0), the header, and the elements. The header
// is a Python dictionary in text form, for example
//   {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
// padded with spaces and a newline so that the elements begin at a multiple of
// 64 bytes.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "bn/Support/Npy.h"

#include "bn/Support/Error.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir::bn;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static_assert(llvm::endianness::native == llvm::endianness::little,
              ".npy elements are read and written in place: expected a "
              "little-endian host");

static constexpr StringRef kMagic("\x93NUMPY", 6);
static constexpr size_t kAlignment = 64;
static constexpr size_t kMaxRank = 64; // NumPy reads no more dimensions.

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

/// Returns the type description that NumPy writes for `dtype`.
static StringRef getDescr(DType dtype) {
  switch (dtype) {
  case DType::I1:
    return "|b1";
  case DType::I8:
    return "|i1";
  case DType::I32:
    return "<i4";
  case DType::I64:
    return "<i8";
  case DType::BF16:
    return "<V2";
  case DType::F16:
    return "<f2";
  case DType::F32:
    return "<f4";
  case DType::F64:
    return "<f8";
  }
  llvm_unreachable("unknown element type");
}

static Expected<DType> parseDescr(StringRef descr) {
  for (DType dtype : {DType::I1, DType::I8, DType::I32, DType::I64, DType::BF16,
                      DType::F16, DType::F32, DType::F64})
    if (descr == getDescr(dtype))
      return dtype;
  if (descr == "|V2")
    return DType::BF16;
  if (descr.starts_with(">"))
    return makeError("expected little-endian elements, got '{0}'", descr);
  return makeError("expected an element type of '|b1', '|i1', '<i4', '<i8', "
                   "'<V2' (bf16), '<f2', '<f4', '<f8', got '{0}'",
                   descr);
}

std::optional<int64_t> mlir::bn::getByteSize(DType dtype,
                                             ArrayRef<int64_t> shape) {
  int64_t size = getByteSize(dtype);
  for (int64_t dim : shape)
    if (dim < 0 || llvm::MulOverflow(size, std::max<int64_t>(dim, 1), size))
      return std::nullopt;
  return llvm::is_contained(shape, 0) ? 0 : size;
}

//===----------------------------------------------------------------------===//
// Header
//===----------------------------------------------------------------------===//

namespace {
/// Reads the dictionary in the header. Keys may come in any order, each once.
class HeaderParser {
public:
  HeaderParser(StringRef header, NpyArray &array)
      : rest(header), array(array) {}

  Error parse() {
    if (Error error = expect('{'))
      return error;
    while (!consume('}')) {
      if (Error error = parseEntry())
        return error;
      if (!consume(',') && !rest.starts_with("}"))
        return makeError("expected ',' or '}' in the header, got {0}", found());
    }
    if (!rest.empty())
      return makeError("expected the end of the header, got {0}", found());
    if (!hasDescr || !hasOrder || !hasShape)
      return makeError("expected 'descr', 'fortran_order' and 'shape' in the "
                       "header, got no '{0}'",
                       !hasDescr   ? "descr"
                       : !hasOrder ? "fortran_order"
                                   : "shape");
    return Error::success();
  }

private:
  /// Skips blanks, then takes `c` when it comes next.
  bool consume(char c) {
    rest = rest.ltrim();
    bool taken = rest.consume_front(StringRef(&c, 1));
    rest = rest.ltrim();
    return taken;
  }

  Error expect(char c) {
    if (consume(c))
      return Error::success();
    return makeError("expected '{0}' in the header, got {1}", c, found());
  }

  /// What comes next, for messages; damaged files may hold any bytes.
  std::string found() const {
    if (rest.empty())
      return "its end";
    std::string text;
    llvm::raw_string_ostream os(text);
    os << '\'';
    os.write_escaped(rest.take_front(12), /*UseHexEscapes=*/true);
    os << '\'';
    return text;
  }

  Expected<StringRef> parseString() {
    for (char quote : {'\'', '"'}) {
      if (!rest.starts_with(StringRef(&quote, 1)))
        continue;
      size_t end = rest.find(quote, 1);
      if (end == StringRef::npos)
        break;
      StringRef text = rest.slice(1, end);
      rest = rest.drop_front(end + 1);
      return text;
    }
    return makeError("expected a string in the header, got {0}", found());
  }

  Error parseEntry() {
    Expected<StringRef> key = parseString();
    if (!key)
      return key.takeError();
    bool *seen = *key == "descr"           ? &hasDescr
                 : *key == "fortran_order" ? &hasOrder
                 : *key == "shape"         ? &hasShape
                                           : nullptr;
    if (!seen)
      return makeError("expected 'descr', 'fortran_order' or 'shape' in the "
                       "header, got '{0}'",
                       *key);
    if (*seen)
      return makeError("expected '{0}' once in the header, got it again", *key);
    *seen = true;
    if (Error error = expect(':'))
      return error;
    return seen == &hasDescr   ? parseDescrValue()
           : seen == &hasOrder ? parseOrder()
                               : parseShape();
  }

  Error parseDescrValue() {
    if (rest.starts_with("["))
      return makeError("expected a plain element type, got a structured one");
    Expected<StringRef> descr = parseString();
    if (!descr)
      return descr.takeError();
    return parseDescr(*descr).moveInto(array.dtype);
  }

  Error parseOrder() {
    if (rest.consume_front("False"))
      return Error::success();
    if (rest.consume_front("True"))
      return makeError("expected C order, got Fortran order "
                       "(numpy.ascontiguousarray converts it)");
    return makeError("expected True or False in the header, got {0}", found());
  }

  Error parseShape() {
    if (Error error = expect('('))
      return error;
    while (!consume(')')) {
      std::string text = found();
      int64_t dim;
      if (rest.consumeInteger(10, dim) || dim < 0)
        return makeError("expected a dimension from 0 to 2^63 - 1 in the "
                         "header, got {0}",
                         text);
      array.shape.push_back(dim);
      if (!consume(',') && !rest.starts_with(")"))
        return makeError("expected ',' or ')' in the header, got {0}", found());
    }
    return Error::success();
  }

  StringRef rest;
  NpyArray &array;
  bool hasDescr = false, hasOrder = false, hasShape = false;
};
} // namespace

/// Takes the magic string, version and length from the front of `contents`
/// and returns the header's text, leaving the elements.
static Expected<StringRef> takeHeader(StringRef &contents) {
  if (!contents.consume_front(kMagic))
    return makeError("expected a .npy file, got other contents");
  if (contents.size() < 2)
    return makeError("expected a format version, got the end of the file");
  unsigned major = uint8_t(contents[0]), minor = uint8_t(contents[1]);
  if ((major != 1 && major != 2) || minor != 0)
    return makeError("expected format version 1.0 or 2.0, got {0}.{1}", major,
                     minor);
  contents = contents.drop_front(2);

  size_t lengthSize = major == 1 ? 2 : 4;
  if (contents.size() < lengthSize)
    return makeError("expected a header length, got the end of the file");
  size_t length = major == 1 ? llvm::support::endian::read16le(contents.data())
                             : llvm::support::endian::read32le(contents.data());
  contents = contents.drop_front(lengthSize);
  if (contents.size() < length)
    return makeError("expected a header of {0} bytes, got {1}", length,
                     contents.size());
  StringRef header = contents.take_front(length);
  contents = contents.drop_front(length);
  return header;
}

//===----------------------------------------------------------------------===//
// Reading and writing
//===----------------------------------------------------------------------===//

/// Fills `array` but for its `file`.
static Error parseContents(StringRef contents, NpyArray &array) {
  Expected<StringRef> header = takeHeader(contents);
  if (!header)
    return header.takeError();
  if (Error error = HeaderParser(*header, array).parse())
    return error;
  std::optional<int64_t> size = getByteSize(array.dtype, array.shape);
  if (!size)
    return makeError("expected an array of less than 2^63 bytes, got {0} of "
                     "shape ({1:$[, ]})",
                     stringifyDType(array.dtype),
                     llvm::make_range(array.shape.begin(), array.shape.end()));
  if (contents.size() != size_t(*size))
    return makeError("expected {0} bytes of elements, got {1}", *size,
                     contents.size());
  // Compiled code may rely on a bool being 0 or 1.
  if (array.dtype == DType::I1)
    for (unsigned char value : contents)
      if (value > 1)
        return makeError("expected bool elements of 0 or 1, got {0}",
                         unsigned(value));
  array.data = contents;
  return Error::success();
}

Expected<NpyArray>
mlir::bn::parseNpy(std::unique_ptr<llvm::MemoryBuffer> buffer) {
  NpyArray array;
  if (Error error = parseContents(buffer->getBuffer(), array))
    return llvm::createFileError(buffer->getBufferIdentifier(),
                                 std::move(error));
  array.file = std::move(buffer);
  return array;
}

Expected<NpyArray> mlir::bn::readNpy(StringRef path) {
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> buffer =
      llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                  /*RequiresNullTerminator=*/false);
  if (!buffer)
    return llvm::createFileError(path, buffer.getError());
  return parseNpy(std::move(*buffer));
}

/// Returns everything that stands before the elements.
static std::string makePreamble(DType dtype, ArrayRef<int64_t> shape) {
  std::string header;
  llvm::raw_string_ostream os(header);
  os << "{'descr': '" << getDescr(dtype)
     << "', 'fortran_order': False, 'shape': (";
  llvm::interleaveComma(shape, os);
  os << (shape.size() == 1 ? ",), }" : "), }");
  size_t prefixSize = kMagic.size() + 4;
  size_t end = llvm::alignTo(prefixSize + header.size() + 1, kAlignment);
  header.append(end - prefixSize - header.size() - 1, ' ');
  header.push_back('\n');

  char length[2];
  llvm::support::endian::write16le(length, header.size());
  return (kMagic + StringRef("\x01\x00", 2) + StringRef(length, 2) + header)
      .str();
}

Error mlir::bn::writeNpy(StringRef path, DType dtype, ArrayRef<int64_t> shape,
                         const void *data) {
  if (shape.size() > kMaxRank)
    return makeError("expected an array of rank at most {0}, got {1}", kMaxRank,
                     shape.size());
  std::optional<int64_t> size = getByteSize(dtype, shape);
  if (!size)
    return makeError("expected an array of less than 2^63 bytes, got more");
  std::error_code code;
  llvm::raw_fd_ostream os(path, code, llvm::sys::fs::OF_None);
  if (code)
    return llvm::createFileError(path, code);
  os << makePreamble(dtype, shape);
  os.write(static_cast<const char *>(data), *size);
  os.close();
  if (os.has_error()) {
    code = os.error();
    os.clear_error(); // else the stream's destructor ends the process
    return llvm::createFileError(path, code);
  }
  return Error::success();
}
