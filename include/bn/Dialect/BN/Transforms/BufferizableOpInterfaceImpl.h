//===- BufferizableOpInterfaceImpl.h - Bufferization of bn ops --*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_DIALECT_BN_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H
#define BN_DIALECT_BN_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H

namespace mlir {
class DialectRegistry;

namespace bn {
/// Registers BufferizableOpInterface for all bn ops.
void registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry);
} // namespace bn
} // namespace mlir

#endif // BN_DIALECT_BN_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H
