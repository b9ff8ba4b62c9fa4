//===- Passes.td - Transformations of bn ops ---------------*- tablegen -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_DIALECT_BN_TRANSFORMS_PASSES
#define BN_DIALECT_BN_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def FoldInferencePass : Pass<"bn-fold-inference", "::mlir::func::FuncOp"> {
  let summary = "fold constant statistics into scale and offset";
  let description = [{
    A `bn.inference` whose statistics (and scale and offset, where present) are
    constants becomes a `bn.normalize` with constant coefficients: nothing is
    left to compute per channel. Where no mean is larger than its standard
    deviation, `(x - mean) * a + offset` is folded further to `x * a + b`: the
    subtraction cannot cancel then. With `any-mean` it is always folded, which
    loses accuracy at large means.

    Example:

    ```mlir
    %mean = arith.constant dense<2.0> : tensor<4xf32>
    %var = arith.constant dense<15.0> : tensor<4xf32>
    %y = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
        statistics(%mean, %var : tensor<4xf32>, tensor<4xf32>)
        outs(%y0 : tensor<8x4xf32>) -> tensor<8x4xf32>
    ```

    becomes

    ```mlir
    %a = arith.constant dense<0.25> : tensor<4xf32>
    %b = arith.constant dense<-0.5> : tensor<4xf32>
    %y = bn.normalize axis(1) ins(%x : tensor<8x4xf32>)
        scale(%a : tensor<4xf32>) offset(%b : tensor<4xf32>)
        outs(%y0 : tensor<8x4xf32>) -> tensor<8x4xf32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
  let options = [
    Option<"anyMean", "any-mean", "bool", "false",
           "fold to x * a + b whatever the means are">
  ];
}

def FuseEpiloguesPass : Pass<"bn-fuse-epilogues", "::mlir::func::FuncOp"> {
  let summary = "make elementwise consumers part of the op";
  let description = [{
    An elementwise `linalg` op (all loops parallel, all maps the identity, or,
    for an input with an entry per channel, the map to the channel) that is the
    only user of the output of a `bn.training`, `bn.inference` or `bn.normalize`
    becomes part of the op's epilogue: its body is computed for each normalized
    element, before that is written. So do several of them that have one result
    in the end, whichever way they use each other. Further tensors become
    epilogue inputs (what is broadcast from one entry per channel, these
    entries), tensors of equal elements scalars in the block, and the
    destination of the last op that of the output. What has other users, other
    maps, or other element types in memory stays as it is; entries per channel
    may be of the accumulator type, too.

    Numbers of the element type of the data are of the accumulator type in the
    block: for `f16` and `bf16`, roundings that the ops had in between are gone.

    Example:

    ```mlir
    %y = bn.inference axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xbf16>)
        statistics(%m, %v : tensor<4xf32>, tensor<4xf32>)
        outs(%y0 : tensor<8x4xbf16>) -> tensor<8x4xbf16>
    %z = linalg.add ins(%y, %r : tensor<8x4xbf16>, tensor<8x4xbf16>)
        outs(%z0 : tensor<8x4xbf16>) -> tensor<8x4xbf16>
    ```

    becomes

    ```mlir
    %z = bn.inference axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xbf16>)
        statistics(%m, %v : tensor<4xf32>, tensor<4xf32>)
        outs(%z0 : tensor<8x4xbf16>) epilogue(%r : tensor<8x4xbf16>) {
      ^bb0(%y: f32, %s: f32):
        %sum = arith.addf %y, %s : f32
        bn.yield %sum : f32
      } -> tensor<8x4xbf16>
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect"
  ];
  let statistics = [
    Statistic<"numFused", "num-fused", "number of fusions">
  ];
}

def FuseProloguesPass : Pass<"bn-fuse-prologues", "::mlir::func::FuncOp"> {
  let summary = "make elementwise producers part of the op";
  let description = [{
    The mirror image of bn-fuse-epilogues: an elementwise `linalg` op that makes
    `output_grad` of a `bn.backward`, `bn.backward_reduce` or
    `bn.backward_input`, or an input of its prologue, becomes part of that
    prologue, and then what makes the tensors that this op takes. One of these,
    of the type of the data, is the new `output_grad`; the others become
    prologue inputs, as those of epilogues do, or i8. A tensor of any other
    type, such as the i1 of a comparison, is computed in the prologue, too.

    An op with `math` other than `absf`, `copysign` and `fma` stays where the
    prologue is computed in two sweeps, which are those for sums and for
    gradients of the size of the data: it takes longer than the memory.

    A `bn.inference` or `bn.normalize` that makes an input of the prologue, and
    nothing else, is fused, too, with its coefficients as further inputs: the
    gradient of a ReLU computes the sign of its output again from the input,
    which the op reads anyway.

    The result of a fused op is not computed for others again: what else uses it
    gets the gradient of the normalized elements of a `bn.backward`, which is a further
    result then. Where the prologue yields something else, the op writes nothing
    of the size of the data, or something else depends on the result that the op
    depends on, all stays as it is.

    Numbers of the element type of the data are of the accumulator type in the
    block: for `f16` and `bf16`, roundings that the ops had in between are gone.

    Example:

    ```mlir
    %dy = linalg.mul ins(%dz, %r : tensor<8x4xbf16>, tensor<8x4xbf16>)
        outs(%dy0 : tensor<8x4xbf16>) -> tensor<8x4xbf16>
    %dx = bn.backward axis(1) epsilon(1.0e-3) wrt(input)
        ins(%dy, %x : tensor<8x4xbf16>, tensor<8x4xbf16>)
        statistics(%m, %v : tensor<4xf32>, tensor<4xf32>)
        outs(%dx0 : tensor<8x4xbf16>) -> tensor<8x4xbf16>
    return %dx, %dy : tensor<8x4xbf16>, tensor<8x4xbf16>
    ```

    becomes

    ```mlir
    %g:2 = bn.backward axis(1) epsilon(1.0e-3) wrt(input, normalized)
        ins(%dz, %x : tensor<8x4xbf16>, tensor<8x4xbf16>)
        statistics(%m, %v : tensor<4xf32>, tensor<4xf32>)
        outs(%dx0, %dy0 : tensor<8x4xbf16>, tensor<8x4xbf16>)
        prologue(%r : tensor<8x4xbf16>) {
      ^bb0(%e: f32, %s: f32):
        %product = arith.mulf %e, %s : f32
        bn.yield %product : f32
      } -> tensor<8x4xbf16>, tensor<8x4xbf16>
    return %g#0, %g#1 : tensor<8x4xbf16>, tensor<8x4xbf16>
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::tensor::TensorDialect"
  ];
  let statistics = [
    Statistic<"numFused", "num-fused", "number of fusions">
  ];
}

def ExpandGroupsPass : Pass<"bn-expand-groups", "::mlir::func::FuncOp"> {
  let summary = "rewrite groups as a loop over batches";
  let description = [{
    A `bn.training` or `bn.backward` with `groups(g)` becomes a loop over its
    groups, each an ordinary op on a slice of the batch, inserted in place:
    nothing of the size of the data is allocated, and each group gets the
    schedule that fits it. Many small groups are shared out among threads: the
    loop is an `scf.forall` then. Running statistics are those that each group
    would make of the old ones, in f64, and their mean; gradients of scale and
    offset are those of each group, in f64, and their sum, in the order of the
    groups.

    The data are cut by a view, and the ops in the loop are on their canonical
    view already (bn-collapse-dimensions), unless the op has a strategy.

    Example:

    ```mlir
    %y, %m, %v = bn.training axis(2) epsilon(1.0e-3) groups(4)
        ins(%x : tensor<32x49x64xf32>) outs(%y0, %m0, %v0
           : tensor<32x49x64xf32>, tensor<4x64xf32>, tensor<4x64xf32>) ...
    ```

    becomes

    ```mlir
    %x4 = tensor.expand_shape %x [[0, 1], [2], [3]]
        : tensor<32x49x64xf32> into tensor<4x8x49x64xf32>
    %x5 = tensor.collapse_shape %x4 [[0], [1, 2], [3]]
        : tensor<4x8x49x64xf32> into tensor<4x392x64xf32>
    ...
    %r:3 = scf.for %i = %c0 to %c4 step %c1
        iter_args(%y = %y5, %m = %m0, %v = %v0) {
      %xi = tensor.extract_slice %x5[%i, 0, 0] [1, 392, 64] [1, 1, 1]
      ...
      %p:3 = bn.training axis(1) epsilon(1.0e-3) ins(%xi : tensor<392x64xf32>)
          outs(%yi, %mi, %vi : tensor<392x64xf32>, tensor<64xf32>,
                               tensor<64xf32>) ...
      %yn = tensor.insert_slice %p#0 into %y[%i, 0, 0] [1, 392, 64] [1, 1, 1]
      ...
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"
  ];
}

def CollapseDimensionsPass
    : Pass<"bn-collapse-dimensions", "::mlir::func::FuncOp"> {
  let summary = "rewrite ops on the canonical view of their data";
  let description = [{
    Merges neighbouring dimensions of the data that are all reduced or all kept,
    and drops dimensions of size 1, by `tensor.collapse_shape`: no data moves.
    NCHW becomes (N, C, H*W), NHWC becomes (N*H*W, C). After this every op with
    one axis, or with adjacent axes, has at most three dimensions. An op that
    has a strategy already, written by hand for the view it is on, stays as it
    is; so does an op on empty data.

    Dimensions of a mask are merged with those of the data. Where it is
    broadcast along one of them and not along another, a mask that is the same
    for all channels is repeated, which takes memory for one channel; with any
    other the two stay apart.

    Example:

    ```mlir
    %y = bn.normalize axis(1) ins(%x : tensor<8x64x28x28xf32>) ...
    ```

    becomes

    ```mlir
    %0 = tensor.collapse_shape %x [[0], [1], [2, 3]]
    %1 = bn.normalize axis(1) ins(%0 : tensor<8x64x784xf32>) ...
    %y = tensor.expand_shape %1 [[0], [1], [2, 3]]
    ```
  }];
  let dependentDialects = [
    "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"
  ];
}

def DecomposePass : Pass<"bn-decompose", "::mlir::func::FuncOp"> {
  let summary = "decompose user-level ops into structural ones";
  let description = [{
    Applies AggregatedOpInterface until only structural ops are left:
    `bn.training` becomes `bn.stats`, the variance, `bn.update_running_stats`
    and `bn.normalize`; `bn.inference` becomes `bn.normalize`; and a
    `bn.normalize` with a variance becomes coefficients, computed once per
    channel in f64, and a `bn.normalize` that applies them; of 16-bit data that
    are stored in the caches two, in an `scf.if`: without a mean, which is part
    of the offset, if those of all channels are near 0. `bn.backward`
    becomes `bn.backward_reduce`, coefficients and `bn.backward_input`, as far
    as its gradients need them; with `frozen`, the gradient of the input is a
    `bn.normalize` that scales. Groups are an error: see bn-expand-groups.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect"
  ];
}

#endif // BN_DIALECT_BN_TRANSFORMS_PASSES
