//===- InitAllDialects.h - Dialects that bn-mlir needs ----------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_INITALLDIALECTS_H
#define BN_INITALLDIALECTS_H

namespace mlir {
class DialectRegistry;

namespace bn {
/// Registers the bn dialect with its external models, and the upstream
/// dialects, interfaces and translations that the pipelines use.
void registerAllDialects(DialectRegistry &registry);
} // namespace bn
} // namespace mlir

#endif // BN_INITALLDIALECTS_H
