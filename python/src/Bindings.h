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

#include "bn/ExecutionEngine/BatchNormSpec.h"

#include <nanobind/nanobind.h>

#include <string>

namespace mlir::bn::python {

/// Converts "population" or "sample"; raises for others.
BatchNormSpec::RunningVariance convertVarianceKind(llvm::StringRef kind);

/// Converts "variance" or "inverse_std"; raises for others.
BatchNormSpec::StatisticsKind convertStatisticsKind(llvm::StringRef kind);

/// Converts None or "relu", "leaky_relu", "add", "add_relu"; raises for others.
BatchNormSpec::Epilogue convertEpilogue(nanobind::handle name);

/// Returns whether there are running statistics; raises where only one of the
/// mean and `second`, which is called `name`, is given.
bool checkBothOrNone(nanobind::handle runningMean, nanobind::handle second,
                     const char *name);

/// inference, training, backward.
void bindFunctions(nanobind::module_ &module);

/// renormalization, renormalization_backward.
void bindRenormalization(nanobind::module_ &module);

/// stats, merge_stats, and the other steps of them.
void bindStructural(nanobind::module_ &module);

/// Spec, Kernel and compile.
void bindKernel(nanobind::module_ &module);

/// Config, clear_pool and the like.
void bindConfig(nanobind::module_ &module);

/// Where kernels run.
void bindThreads(nanobind::module_ &module);

/// The handler of XLA's custom calls.
void bindXLA(nanobind::module_ &module);

} // namespace mlir::bn::python

#endif // BN_PYTHON_BINDINGS_H
