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

#ifdef BN_HAS_HALF_CONVERSIONS
#define BN_HALF_SYMBOLS(X) X(__extendhfsf2) X(__truncdfhf2) X(__truncsfhf2)
#else
#define BN_HALF_SYMBOLS(X)
#endif

// Only the addresses are used, so the types do not matter.
extern "C" {
#define DECLARE(name) void name();
BN_HALF_SYMBOLS(DECLARE)
#undef DECLARE
}

llvm::Error mlir::bn::defineHalfSymbols(llvm::orc::LLJIT &jit,
                                        llvm::orc::JITDylib &library) {
#define NAME(name) {#name, &name},
  return defineFunctions(jit, library, {BN_HALF_SYMBOLS(NAME)});
#undef NAME
}
