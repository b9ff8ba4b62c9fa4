//===- bn-plugin.cpp - bn as a plugin of a stock mlir-opt -------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The two entry points that MLIR looks up in a plugin: one adds the dialects
// (--load-dialect-plugin), one adds the passes (--load-pass-plugin).
//
//===----------------------------------------------------------------------===//

#include "bn/InitAllDialects.h"
#include "bn/InitAllPasses.h"

#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

// Weak as in the upstream declarations, visible although the rest is hidden.
#define BN_PLUGIN_ENTRY                                                        \
  extern "C" LLVM_ATTRIBUTE_WEAK __attribute__((visibility("default")))

BN_PLUGIN_ENTRY mlir::DialectPluginLibraryInfo mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "bn", BN_VERSION_STRING,
          [](mlir::DialectRegistry *registry) {
            mlir::bn::registerAllDialects(*registry);
          }};
}

BN_PLUGIN_ENTRY mlir::PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "bn", BN_VERSION_STRING,
          mlir::bn::registerAllPasses};
}
