//===- MachineModel.cpp - What strategies need to know --------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "bn/Codegen/Common/MachineModel.h"

#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/TargetParser/Host.h"

#include <thread>
#include <unistd.h>

using namespace mlir;
using namespace mlir::bn;

/// The data caches of the first core, as Linux describes them. Asked before
/// sysconf, which on some AMD machines adds up the last-level caches of the
/// whole socket: a core has only its own.
static void readLinuxCaches(MachineModel &model) {
  auto read = [](unsigned index, StringRef entry) -> std::string {
    std::string path =
        ("/sys/devices/system/cpu/cpu0/cache/index" + Twine(index) + "/" +
         entry)
            .str();
    auto file = llvm::MemoryBuffer::getFileAsStream(path);
    return file ? (*file)->getBuffer().trim().str() : std::string();
  };
  for (unsigned index = 0; index < 8; ++index) {
    std::string type = read(index, "type"), size = read(index, "size");
    int64_t kilobytes;
    StringRef digits = size;
    if (type.empty() || type == "Instruction" || !digits.consume_back("K") ||
        digits.getAsInteger(10, kilobytes) || kilobytes <= 0)
      continue;
    std::string level = read(index, "level");
    int64_t *field = level == "1"   ? &model.l1Bytes
                     : level == "2" ? &model.l2Bytes
                     : level == "3" ? &model.l3Bytes
                                    : nullptr;
    if (field)
      *field = kilobytes << 10;
  }
}

MachineModel MachineModel::getHost() {
  MachineModel model;
#ifdef _SC_LEVEL1_DCACHE_SIZE
  auto query = [](int name, int64_t &size) {
    if (long bytes = sysconf(name); bytes > 0)
      size = bytes;
  };
  query(_SC_LEVEL1_DCACHE_SIZE, model.l1Bytes);
  query(_SC_LEVEL2_CACHE_SIZE, model.l2Bytes);
  query(_SC_LEVEL3_CACHE_SIZE, model.l3Bytes);
#endif
  readLinuxCaches(model);
  model.l3Bytes = std::min(model.l3Bytes, kMostL3Bytes);
  model.cores =
      std::max<int64_t>(std::thread::hardware_concurrency(), model.cores);
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  if (features.lookup("avx512f"))
    model.vectorBits = 512;
  else if (features.lookup("avx2"))
    model.vectorBits = 256;
  return model;
}

/// Reads the entry `key` of the device "CPU" into `field`, if there is one.
static LogicalResult readEntry(ModuleOp module, StringRef key,
                               int64_t &field) {
  auto spec = dyn_cast_or_null<TargetSystemSpecInterface>(
      module->getAttr(DLTIDialect::kTargetSystemDescAttrName));
  if (!spec)
    return success();
  Builder b(module.getContext());
  auto device = spec.getDeviceSpecForDeviceID(b.getStringAttr("CPU"));
  if (!device)
    return success();
  DataLayoutEntryInterface entry =
      device->getSpecForIdentifier(b.getStringAttr(key));
  if (!entry)
    return success();
  auto value = dyn_cast<IntegerAttr>(entry.getValue());
  if (!value || value.getInt() <= 0)
    return module.emitError("expected '")
           << key << "' of device \"CPU\" to be a positive integer, got "
           << entry.getValue();
  field = value.getInt();
  return success();
}

FailureOr<MachineModel> MachineModel::get(ModuleOp module) {
  MachineModel model = getHost();
  if (failed(readEntry(module, "L1_cache_size_in_bytes", model.l1Bytes)) ||
      failed(readEntry(module, "L2_cache_size_in_bytes", model.l2Bytes)) ||
      failed(readEntry(module, "L3_cache_size_in_bytes", model.l3Bytes)) ||
      failed(readEntry(module, "max_vector_op_width", model.vectorBits)))
    return failure();
  if (model.vectorBits < 64 || model.vectorBits > 4096 ||
      !llvm::isPowerOf2_64(model.vectorBits))
    return module.emitError("expected 'max_vector_op_width' to be a power of "
                            "two from 64 to 4096, got ")
           << model.vectorBits;
  return model;
}
