//===- Passes.td - Conversions between dialects ------------*- tablegen -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_CONVERSION_PASSES
#define BN_CONVERSION_PASSES

include "mlir/Pass/PassBase.td"

def ConvertBNToLinalgPass
    : Pass<"convert-bn-to-linalg", "::mlir::func::FuncOp"> {
  let summary = "convert bn ops to linalg";
  let description = [{
    Converts structural ops, and user-level ops after decomposing them, to
    `linalg.generic`. `bn.stats` becomes a sum (the tile's mean), centred sums
    and a merge into its outs; with a strategy that says `moments = raw`, sums
    of x and x^2, in an `scf.if` the centred ones of channels of which those are
    not exact enough, and a merge. Works on ops of any rank with any axes, tiled
    or not; it is the whole lowering for a compiler that tiles `linalg` itself.

    Example:

    ```mlir
    %y = bn.normalize axis(1) ins(%x : tensor<8x64xf32>)
        mean(%m : tensor<64xf32>) outs(%y0 : tensor<8x64xf32>)
        -> tensor<8x64xf32>
    ```

    becomes

    ```mlir
    %y = linalg.generic {
        indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>,
                         affine_map<(d0, d1) -> (d1)>,
                         affine_map<(d0, d1) -> (d0, d1)>],
        iterator_types = ["parallel", "parallel"]}
        ins(%x, %m : ...) outs(%y0 : ...) {
    ^bb0(%in: f32, %mean: f32, %out: f32):
      %0 = arith.subf %in, %mean : f32
      linalg.yield %0 : f32
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect"
  ];
}

#endif // BN_CONVERSION_PASSES
