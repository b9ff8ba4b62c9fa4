//===- TilingInterfaceImpl.h - Tiling of bn ops -----------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_DIALECT_BN_TRANSFORMS_TILINGINTERFACEIMPL_H
#define BN_DIALECT_BN_TRANSFORMS_TILINGINTERFACEIMPL_H

namespace mlir {
class DialectRegistry;

namespace bn {
/// Registers TilingInterface for all bn ops and PartialReductionOpInterface for
/// those that accumulate over reduction dimensions.
void registerTilingInterfaceExternalModels(DialectRegistry &registry);
} // namespace bn
} // namespace mlir

#endif // BN_DIALECT_BN_TRANSFORMS_TILINGINTERFACEIMPL_H
