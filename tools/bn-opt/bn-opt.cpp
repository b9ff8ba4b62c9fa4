//===- bn-opt.cpp - The mlir-opt of the bn dialect --------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The usual MLIR optimizer driver over our dialect, passes and pipelines, and
// over all of upstream's, so that passes and transform scripts can be mixed.
// What is ours is decided in InitAllDialects.h and InitAllPasses.h, so that
// other drivers get the same.
//
//===----------------------------------------------------------------------===//

#include "bn/InitAllDialects.h"
#include "bn/InitAllPasses.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/raw_ostream.h"

int main(int argc, char **argv) {
  llvm::setBugReportMsg(
      "please report this crash to the bn-mlir project, with the input and "
      "the command line below (--mlir-pass-pipeline-crash-reproducer=FILE "
      "writes both into one file)\n");
  llvm::cl::AddExtraVersionPrinter([](llvm::raw_ostream &os) {
    os << "bn-mlir version " BN_VERSION_STRING "\n";
  });

  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  mlir::bn::registerAllDialects(registry);
  mlir::bn::registerAllPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "bn-mlir optimizer driver\n", registry));
}
