//===- OneBlockMemory.h - Linked code and its data side by side -*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// x86-64 code reaches its constants, and the addresses of the functions that it
// calls, by distances of 32 bits. Memory that is asked for piece by piece may
// be further apart in a process that has mapped many libraries.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#ifndef BN_EXECUTIONENGINE_ONEBLOCKMEMORY_H
#define BN_EXECUTIONENGINE_ONEBLOCKMEMORY_H

#include "llvm/ExecutionEngine/SectionMemoryManager.h"

namespace mlir::bn {

/// Allocates all that one object needs in one block.
class OneBlockMemory : public llvm::SectionMemoryManager {
public:
  explicit OneBlockMemory(MemoryMapper *mapper = nullptr)
      : SectionMemoryManager(mapper, /*ReserveAlloc=*/true) {}

  /// RuntimeDyld counts the stubs of calls, 6 bytes each, into `codeSize`, but
  /// not the entry of 8 bytes that each stub reads in writable data.
  void reserveAllocationSpace(uintptr_t codeSize, llvm::Align codeAlign,
                              uintptr_t constantSize,
                              llvm::Align constantAlign, uintptr_t dataSize,
                              llvm::Align dataAlign) override {
    SectionMemoryManager::reserveAllocationSpace(
        codeSize, codeAlign, constantSize, constantAlign,
        dataSize + 2 * codeSize, std::max(dataAlign, llvm::Align(8)));
  }
};

} // namespace mlir::bn

#endif // BN_EXECUTIONENGINE_ONEBLOCKMEMORY_H
