//===- BNBufferOps.td - Views of buffers -------------------*- tablegen -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_DIALECT_BN_IR_BNBUFFEROPS
#define BN_DIALECT_BN_IR_BNBUFFEROPS

include "bn/Dialect/BN/IR/BNBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/ViewLikeInterface.td"

def BN_ViewBitsOp : Op<BN_Dialect, "view_bits", [
    Pure, DeclareOpInterfaceMethods<ViewLikeOpInterface>]> {
  let summary = "bytes as eight elements each";
  let description = [{
    Views `source` as a buffer in C order whose elements are one bit each: the
    element with linear index i is bit `i mod 8` of byte `i / 8`, the lowest bit
    first, as in `numpy.packbits(..., bitorder="little")`. As values of i8 they
    are 0 or 1; what is written is 1 where it is not 0. There is a size for each
    dimension of the result that is `?`.

    This is how a layer keeps which elements a ReLU has let pass: an epilogue
    writes them, a prologue reads them, both as tensors of i8 that know nothing
    of it. `bn-pack-bits` turns the accesses into those of bytes; it needs rows,
    the last dimension of what the tiles are cut of, that are whole bytes.

    Constraints:
    * (C1) There is one of `sizes` for each `?` in the type of the result.
    * (C2) `source` has an eighth of the elements of the result, as far as the
      types say how many these are; they are whole bytes.

    Example:

    ```mlir
    %bits = bn.view_bits %bytes : memref<50176xi8> to memref<8x64x28x28xi8>
    %passes = bufferization.to_tensor %bits restrict writable
        : memref<8x64x28x28xi8> to tensor<8x64x28x28xi8>
    ```
  }];
  let arguments = (ins
    MemRefRankOf<[I8], [1]>:$source,
    Variadic<Index>:$sizes                               /*view_bits_c1*/
  );
  let results = (outs MemRefOf<[I8]>:$result);
  let assemblyFormat = [{
    $source (`[` $sizes^ `]`)? attr-dict `:` type($source) `to` type($result)
  }];
  let hasVerifier = 1;
}

#endif // BN_DIALECT_BN_IR_BNBUFFEROPS
