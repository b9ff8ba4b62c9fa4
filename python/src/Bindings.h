//===- Bindings.h - The parts of the module ---------------------*- C++ -*-===//
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

#ifndef BN_PYTHON_BINDINGS_H
#define BN_PYTHON_BINDINGS_H

#include <nanobind/nanobind.h>

namespace mlir::bn::python {

/// inference, training, backward.
void bindFunctions(nanobind::module_ &module);

/// config, clear_pool and the like.
void bindConfig(nanobind::module_ &module);

} // namespace mlir::bn::python

#endif // BN_PYTHON_BINDINGS_H
