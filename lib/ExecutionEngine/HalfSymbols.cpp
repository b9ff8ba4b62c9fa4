//===- HalfSymbols.cpp - Conversions of f16 in software ---------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The functions of the compiler's run-time library that LLVM calls to convert
// f16 on x86 processors without F16C. That library is linked statically, so
// the process does not offer them by name.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "JITSession.h"

// Only the addresses are used, so the types do not matter.
extern "C" {
void __extendhfsf2();
void __truncdfhf2();
void __truncsfhf2();
}

llvm::Error mlir::bn::defineHalfSymbols(llvm::orc::LLJIT &jit,
                                        llvm::orc::JITDylib &library) {
#ifdef BN_HAS_HALF_CONVERSIONS
  return defineFunctions(jit, library,
                         {{"__extendhfsf2", &__extendhfsf2},
                          {"__truncdfhf2", &__truncdfhf2},
                          {"__truncsfhf2", &__truncsfhf2}});
#else
  return llvm::Error::success();
#endif
}
