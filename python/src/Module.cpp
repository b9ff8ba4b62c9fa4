//===- Module.cpp - The Python module bn_mlir._core -------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "Array.h"
#include "Bindings.h"
#include "Session.h"

using namespace mlir::bn::python;

NB_MODULE(_core, module) {
  module.doc() = "The compiled part of bn_mlir.";
  // The process's results and kernels live on when the interpreter ends.
  nb::set_leak_warnings(false);
  initializeNumPy();
  nb::exception<CompileError>(module, "CompileError", PyExc_RuntimeError);
  module.attr("version") = BN_VERSION_STRING;
  bindFunctions(module);
  bindRenormalization(module);
  bindStructural(module);
  bindKernel(module);
  bindConfig(module);
  bindThreads(module);
  bindXLA(module);
}
