//===- Config.cpp - Options of the process ----------------------*- C++ -*-===//
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

#include "Bindings.h"
#include "Session.h"

using namespace mlir::bn;
using namespace mlir::bn::python;
using namespace nanobind::literals;
namespace nb = nanobind;

void mlir::bn::python::bindConfig(nb::module_ &module) {
  module.def("clear_pool", [] { Session::get().pool.clear(); },
             "Gives the memory kept for results back to the system.");
  module.def("clear_kernels", [] { Session::get().clearKernels(); },
             "Forgets all kernels in memory.");
}
