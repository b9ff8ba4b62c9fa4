//===- KernelCache.cpp - Compiled objects on disk ---------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The layout of a file, in the machine's byte order:
//
//   magic[8], size of the key, size of the object, checksum of both,
//   key, zeros up to a multiple of 16, object
//
// A file is only believed when its size is exact, its key is equal to the one
// asked for, and its checksum is right.
//
// Phase: object.
//
//===----------------------------------------------------------------------===//

#include "bn/ExecutionEngine/KernelCache.h"

#include "bn/Support/Error.h"
#include "llvm-c/Core.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

#include <cstring>
#include <dlfcn.h>

using namespace mlir::bn;
using llvm::StringRef;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace {

/// The number in the magic is the version of the layout.
constexpr char kMagic[8] = {'B', 'N', 'K', 'E', 'R', 'N', '0', '1'};

struct Header {
  char magic[8];
  uint64_t keySize;
  uint64_t objectSize;
  uint64_t checksum;

  /// Returns where the object begins; its alignment is that of an object file.
  uint64_t getObjectOffset() const {
    return llvm::alignTo(sizeof(Header) + keySize, 16);
  }
};

} // namespace

static uint64_t getChecksum(StringRef key, StringRef object) {
  return llvm::xxh3_64bits(key) * 31 + llvm::xxh3_64bits(object);
}

/// Returns the folder that nobody asked for, or "" when there is no home.
static std::string getUserDirectory() {
  llvm::SmallString<128> directory;
  if (!path::cache_directory(directory))
    return "";
  path::append(directory, "bn-mlir");
  return directory.str().str();
}

llvm::Expected<KernelCache> KernelCache::open(StringRef directory) {
  std::string wanted = directory.str();
  if (wanted.empty())
    wanted = llvm::sys::Process::GetEnv("BN_CACHE_DIR").value_or("");
  bool isExplicit = !wanted.empty();
  if (!isExplicit)
    wanted = getUserDirectory();
  if (wanted.empty())
    return KernelCache("", false);

  std::error_code error = fs::create_directories(
      wanted, /*IgnoreExisting=*/true, fs::owner_all);
  if (!error)
    error = fs::access(wanted, fs::AccessMode::Write);
  if (!error)
    return KernelCache(std::move(wanted), isExplicit);
  if (!isExplicit)
    return KernelCache("", false);
  return makeError("expected a cache folder that can be written to, got '{0}': "
                   "{1}",
                   wanted, error.message());
}

std::string KernelCache::getPath(StringRef key) const {
  llvm::XXH128_hash_t hash =
      llvm::xxh3_128bits(llvm::arrayRefFromStringRef(key));
  llvm::SmallString<128> result(directory);
  path::append(result, llvm::utohexstr(hash.high64, /*LowerCase=*/true, 16) +
                           llvm::utohexstr(hash.low64, /*LowerCase=*/true, 16) +
                           ".bnk");
  return result.str().str();
}

std::unique_ptr<llvm::MemoryBuffer> KernelCache::load(StringRef key,
                                                      Lookup &result) const {
  result = Lookup::Miss;
  if (directory.empty())
    return nullptr;
  // "Volatile" means to read and not to map: nobody can change it under us.
  auto file = llvm::MemoryBuffer::getFile(getPath(key), /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false,
                                          /*IsVolatile=*/true);
  if (!file)
    return nullptr;

  result = Lookup::Rejected;
  StringRef bytes = (*file)->getBuffer();
  Header header;
  if (bytes.size() < sizeof(header))
    return nullptr;
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0 ||
      header.keySize != key.size() ||
      bytes.size() < header.getObjectOffset() ||
      bytes.size() - header.getObjectOffset() != header.objectSize)
    return nullptr;
  StringRef object = bytes.drop_front(header.getObjectOffset());
  if (bytes.substr(sizeof(header), header.keySize) != key ||
      header.checksum != getChecksum(key, object))
    return nullptr;

  result = Lookup::Hit;
  return llvm::MemoryBuffer::getMemBufferCopy(object, getPath(key));
}

/// Writes the file under a temporary name and renames it.
static std::error_code writeAtomically(StringRef name, StringRef key,
                                       StringRef object) {
  int descriptor;
  llvm::SmallString<128> temporary;
  if (std::error_code error = fs::createUniqueFile(name + ".%%%%%%%%.tmp",
                                                   descriptor, temporary))
    return error;
  Header header{{}, key.size(), object.size(), getChecksum(key, object)};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));

  llvm::raw_fd_ostream os(descriptor, /*shouldClose=*/true);
  os.write(reinterpret_cast<const char *>(&header), sizeof(header));
  os << key;
  os.write_zeros(header.getObjectOffset() - sizeof(header) - key.size());
  os << object;
  os.close();
  std::error_code error = os.error();
  os.clear_error();
  if (!error)
    error = fs::rename(temporary, name);
  if (error)
    fs::remove(temporary);
  return error;
}

llvm::Error KernelCache::store(StringRef key, StringRef object) const {
  if (directory.empty())
    return llvm::Error::success();
  std::string name = getPath(key);
  std::error_code error = writeAtomically(name, key, object);
  if (!error || !isExplicit)
    return llvm::Error::success();
  return makeError("expected to write a kernel to the cache folder, got '{0}': "
                   "{1}",
                   name, error.message());
}

/// Returns size and time of the file that holds this code: the program, or the
/// shared library that bn-mlir was linked into.
static std::string getBuildStamp() {
  fs::file_status status;
  Dl_info info;
  bool found = dladdr(reinterpret_cast<void *>(&getBuildStamp), &info) != 0 &&
               StringRef(info.dli_fname).contains('/') &&
               !fs::status(info.dli_fname, status);
  // The program itself has the name it was called by, maybe without a folder.
  if (!found && fs::status("/proc/self/exe", status))
    return "unknown";
  return std::to_string(status.getSize()) + "." +
         std::to_string(
             status.getLastModificationTime().time_since_epoch().count());
}

std::string KernelCache::getVersionKey() {
  // The shared LLVM may be newer than the headers we were compiled with.
  unsigned major, minor, patch;
  LLVMGetVersion(&major, &minor, &patch);
  static const std::string stamp = getBuildStamp();
  return llvm::formatv("bn-mlir {0} build {1} llvm {2}.{3}.{4}",
                       BN_VERSION_STRING, stamp, major, minor, patch)
      .str();
}
