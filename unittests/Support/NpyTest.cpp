//===- NpyTest.cpp - .npy files in and out ----------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Round trips of every element type, files as NumPy 2 and ml_dtypes write
// them, and the message of every way in which a file can be wrong.
//
//===----------------------------------------------------------------------===//

#include "bn/Support/Npy.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

#include "gtest/gtest.h"

using namespace mlir::bn;
using llvm::ArrayRef;
using llvm::StringRef;

namespace {

/// A file's bytes: version 1.0 with `header` unpadded, then `elements`.
std::string makeFile(StringRef header, StringRef elements = "") {
  std::string file("\x93NUMPY\x01\x00", 8);
  file.push_back(char(header.size() & 0xff));
  file.push_back(char(header.size() >> 8));
  return file + header.str() + elements.str();
}

std::string makeFile(StringRef descr, StringRef shape, StringRef elements) {
  return makeFile(
      llvm::formatv("{{'descr': {0}, 'fortran_order': False, 'shape': {1}, }\n",
                    descr, shape)
          .str(),
      elements);
}

llvm::Expected<NpyArray> parse(StringRef contents) {
  return parseNpy(llvm::MemoryBuffer::getMemBufferCopy(contents, "x.npy"));
}

std::string parseError(StringRef contents) {
  llvm::Expected<NpyArray> array = parse(contents);
  return array ? "no error" : llvm::toString(array.takeError());
}

/// A path in a fresh directory that goes away with the object.
struct TemporaryPath {
  TemporaryPath() {
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("bn-npy", directory));
    path = directory;
    llvm::sys::path::append(path, "x.npy");
  }
  ~TemporaryPath() { llvm::sys::fs::remove_directories(directory); }
  llvm::SmallString<128> directory, path;
};

TEST(NpyTest, RoundTrip) {
  TemporaryPath file;
  std::string bytes;
  for (int i = 0; i < 6 * 8; ++i)
    bytes.push_back(i & 1);
  for (DType dtype : {DType::I1, DType::I8, DType::I32, DType::I64, DType::BF16,
                      DType::F16, DType::F32, DType::F64}) {
    for (llvm::SmallVector<int64_t> shape :
         {llvm::SmallVector<int64_t>{}, {6}, {2, 3}, {1, 3, 2, 1}, {4, 0, 3}}) {
      llvm::Error error = writeNpy(file.path, dtype, shape, bytes.data());
      ASSERT_FALSE(bool(error));
      llvm::Expected<NpyArray> array = readNpy(file.path);
      ASSERT_TRUE(bool(array)) << llvm::toString(array.takeError());
      EXPECT_EQ(array->dtype, dtype);
      EXPECT_EQ(array->shape, shape);
      EXPECT_EQ(array->data,
                StringRef(bytes).take_front(*getByteSize(dtype, shape)));
    }
  }
}

// The bytes before the elements as NumPy 2.4 writes them, but for trailing
// blanks: 64-byte aligned, blank padded, one newline.
TEST(NpyTest, HeaderIsNumPys) {
  TemporaryPath file;
  float value = 3;
  ASSERT_FALSE(bool(writeNpy(file.path, DType::F32, {}, &value)));
  auto buffer = llvm::MemoryBuffer::getFile(file.path);
  ASSERT_TRUE(bool(buffer));
  std::string expected("\x93NUMPY\x01\x00v\x00", 10);
  expected += "{'descr': '<f4', 'fortran_order': False, 'shape': (), }";
  expected.resize(127, ' ');
  expected += "\n";
  expected.append(reinterpret_cast<char *>(&value), sizeof(value));
  EXPECT_EQ((*buffer)->getBuffer(), expected);
}

TEST(NpyTest, ReadsWhatOthersWrite) {
  // Plain NumPy describes ml_dtypes' bfloat16 as '|V2' after one round trip.
  auto bf16 = parse(makeFile("'|V2'", "(1,)", "\x80\x3f"));
  ASSERT_TRUE(bool(bf16)) << llvm::toString(bf16.takeError());
  EXPECT_EQ(bf16->dtype, DType::BF16);
  // Keys in another order, double quotes, no blanks, no trailing commas.
  auto terse = parse(makeFile(
      "{\"shape\":(2,1),\"fortran_order\":False,\"descr\":\"|i1\"}", "ab"));
  ASSERT_TRUE(bool(terse)) << llvm::toString(terse.takeError());
  EXPECT_EQ(terse->shape, (llvm::SmallVector<int64_t>{2, 1}));
  // Version 2.0 has four bytes of length.
  std::string header = "{'descr': '|b1', 'fortran_order': False, 'shape': ()}";
  std::string contents("\x93NUMPY\x02\x00", 8);
  contents += std::string{char(header.size()), 0, 0, 0} + header + "\x01";
  auto version2 = parse(contents);
  ASSERT_TRUE(bool(version2)) << llvm::toString(version2.takeError());
  EXPECT_EQ(version2->dtype, DType::I1);
}

TEST(NpyTest, ErrorElementType) {
  EXPECT_EQ(parseError(makeFile("'>f4'", "(1,)", "abcd")),
            "'x.npy': expected little-endian elements, got '>f4'");
  EXPECT_EQ(parseError(makeFile("'<c8'", "()", "")),
            "'x.npy': expected an element type of '|b1', '|i1', '<i4', '<i8', "
            "'<V2' (bf16), '<f2', '<f4', '<f8', got '<c8'");
  EXPECT_EQ(parseError(makeFile("[('a', '<f4')]", "()", "")),
            "'x.npy': expected a plain element type, got a structured one");
  EXPECT_EQ(parseError(makeFile("'|b1'", "(2,)", "\x01\x07")),
            "'x.npy': expected bool elements of 0 or 1, got 7");
}

TEST(NpyTest, ErrorOrder) {
  EXPECT_EQ(parseError(makeFile("{'fortran_order': True}")),
            "'x.npy': expected C order, got Fortran order "
            "(numpy.ascontiguousarray converts it)");
  EXPECT_EQ(parseError(makeFile("{'fortran_order': 1}")),
            "'x.npy': expected True or False in the header, got '1}'");
}

TEST(NpyTest, ErrorSize) {
  EXPECT_EQ(parseError(makeFile("'<f4'", "(2, 3)", "abcd")),
            "'x.npy': expected 24 bytes of elements, got 4");
  EXPECT_EQ(parseError(makeFile("'<f4'", "()", "abcde")),
            "'x.npy': expected 4 bytes of elements, got 5");
  StringRef shape = "(4294967296, 4294967296, 0)";
  EXPECT_EQ(parseError(makeFile("'<f4'", shape, "")),
            "'x.npy': expected an array of less than 2^63 bytes, got f32 of "
            "shape (4294967296, 4294967296, 0)");
  EXPECT_EQ(
      parseError(makeFile("'<f4'", "(9223372036854775808,)", "")),
      "'x.npy': expected a dimension from 0 to 2^63 - 1 in the header, got "
      "'922337203685'");
}

TEST(NpyTest, ErrorFile) {
  EXPECT_EQ(parseError(""),
            "'x.npy': expected a .npy file, got other contents");
  EXPECT_EQ(parseError("PK\x03\x04"),
            "'x.npy': expected a .npy file, got other contents");
  std::string good = makeFile("'<f4'", "()", "abcd");
  EXPECT_EQ(parseError(StringRef(good).take_front(7)),
            "'x.npy': expected a format version, got the end of the file");
  EXPECT_EQ(parseError(StringRef(good).take_front(9)),
            "'x.npy': expected a header length, got the end of the file");
  EXPECT_EQ(parseError(StringRef(good).take_front(20)),
            "'x.npy': expected a header of 56 bytes, got 10");
  good[6] = 3;
  EXPECT_EQ(parseError(good),
            "'x.npy': expected format version 1.0 or 2.0, got 3.0");
  // No prefix of a good file is read, and none reads beyond its end.
  good[6] = 1;
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_NE(parseError(StringRef(good).take_front(size)), "no error");
}

TEST(NpyTest, ErrorHeader) {
  EXPECT_EQ(parseError(makeFile("x")),
            "'x.npy': expected '{' in the header, got 'x'");
  EXPECT_EQ(parseError(makeFile("{")),
            "'x.npy': expected a string in the header, got its end");
  EXPECT_EQ(parseError(makeFile("{'descr")),
            "'x.npy': expected a string in the header, got ''descr'");
  EXPECT_EQ(parseError(makeFile("{'a': 1}")),
            "'x.npy': expected 'descr', 'fortran_order' or 'shape' in the "
            "header, got 'a'");
  EXPECT_EQ(parseError(makeFile("{'shape': (), 'shape': ()}")),
            "'x.npy': expected 'shape' once in the header, got it again");
  EXPECT_EQ(parseError(makeFile("{'shape' ()}")),
            "'x.npy': expected ':' in the header, got '()}'");
  EXPECT_EQ(parseError(makeFile("{'shape': () 'descr'")),
            "'x.npy': expected ',' or '}' in the header, got ''descr''");
  EXPECT_EQ(parseError(makeFile("{'shape': (2 3)}")),
            "'x.npy': expected ',' or ')' in the header, got '3)}'");
  EXPECT_EQ(parseError(makeFile("{'shape': (-1,)}")),
            "'x.npy': expected a dimension from 0 to 2^63 - 1 in the header, "
            "got '-1,)}'");
  EXPECT_EQ(parseError(makeFile("{'shape': (")),
            "'x.npy': expected a dimension from 0 to 2^63 - 1 in the header, "
            "got its end");
  EXPECT_EQ(parseError(makeFile("{'shape': \xff")),
            "'x.npy': expected '(' in the header, got '\\xFF'");
  EXPECT_EQ(parseError(makeFile("{'shape': ()}")),
            "'x.npy': expected 'descr', 'fortran_order' and 'shape' in the "
            "header, got no 'descr'");
  EXPECT_EQ(parseError(makeFile("{'shape': ()} {}")),
            "'x.npy': expected the end of the header, got '{}'");
}

TEST(NpyTest, ErrorPath) {
  TemporaryPath file;
  std::string missing = (file.directory + "/none/x.npy").str();
  llvm::Expected<NpyArray> array = readNpy(missing);
  ASSERT_FALSE(bool(array));
  EXPECT_EQ(llvm::toString(array.takeError()),
            "'" + missing + "': No such file or directory");
  float value = 0;
  EXPECT_EQ(llvm::toString(writeNpy(missing, DType::F32, {}, &value)),
            "'" + missing + "': No such file or directory");
  EXPECT_EQ(llvm::toString(writeNpy(file.directory, DType::F32, {}, &value)),
            "'" + file.directory.str().str() + "': Is a directory");
  EXPECT_EQ(llvm::toString(writeNpy(file.path, DType::F32,
                                    llvm::SmallVector<int64_t>(65, 1), &value)),
            "expected an array of rank at most 64, got 65");
}

#ifdef __linux__
// A full disk is an error, not the end of the process.
TEST(NpyTest, ErrorFullDisk) {
  float value = 0;
  EXPECT_EQ(llvm::toString(writeNpy("/dev/full", DType::F32, {}, &value)),
            "'/dev/full': No space left on device");
}
#endif

} // namespace
