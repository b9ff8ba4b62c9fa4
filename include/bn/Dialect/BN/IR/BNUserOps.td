//===- BNUserOps.td - What a layer computes ----------------*- tablegen -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_DIALECT_BN_IR_BNUSEROPS
#define BN_DIALECT_BN_IR_BNUSEROPS

include "bn/Dialect/BN/IR/BNOpBase.td"

def BN_TrainingOp : BN_EpilogueOp<"training"> {
  let summary = "batch normalization with the statistics of the batch";
  let description = [{
    Per channel (one index of the dimensions in `axis`), over its `n` elements:

    ```
    mean     = sum(input) / n
    variance = sum((input - mean)^2) / n
    output   = (input - mean) * scale / sqrt(variance + epsilon) + offset
    new_running_mean     = running_mean * momentum + mean * (1 - momentum)
    new_running_variance = running_variance * momentum + v * (1 - momentum)
    ```

    with `v = variance`, or `variance * n / (n - 1)` for
    `running_variance_kind(sample)` (factor 1 for `n = 1`). An absent scale is
    1, an absent offset is 0. `n = 0` gives mean 0 and variance 0 and leaves
    the running statistics as they are. Mean, variance, scale and offset have
    one dimension per axis, in the order of the input's dimensions.

    With `mask`, elements count with their weight, and `n` is the sum of the
    weights; one of weight 0 counts for nothing, even if it is NaN. Every
    element is normalized. With `groups(g)`, dimension 0 is cut in `g` equal
    parts with statistics of their own, and the running statistics get the mean
    over the parts.

    With `epilogue`, `output` is what its block yields for each normalized
    element, in place of that element. The block also takes an element of each
    epilogue input: the one at the same index, or, where there is one per
    channel, that of the channel. All of it is computed in the accumulator type
    of the data (`f64` for `f64`, else `f32`) and rounded once. A second value
    that the block yields, of i8, is saved in one more of `outs`: whether a ReLU
    has let the element pass, for the prologue of `bn.backward`.

    Constraints:
    * (C1) `axis` names at least one dimension of `input`, none twice.
    * (C2) `epsilon` is finite.
    * (C3) `scale`, `offset`, `mean`, `variance` and the running statistics
      have the sizes of the dimensions in `axis`.
    * (C4) Their element types are that of `input` or wider.
    * (C5) `output` has the type of `input`.
    * (C6) There are both running statistics or none; `momentum` is given
      exactly when there are, and is finite.
    * (C7) `outs` are output, mean, variance and, exactly when there are
      running statistics, new running mean and new running variance, of the
      types of the running statistics; then, where something is saved, that.
    * (C8) `mask` is broadcastable to `input`: of the same rank, each size 1 or
      that of `input`, which `?` stands for.
    * (C9) `groups` is positive and divides dimension 0, which is not in
      `axis`; each group needs statistics of its own: `mean` and `variance`
      get a leading dimension of size `groups`.
    * (C10) Results have the types of `outs`, or there are none on buffers.
    * (C11) Epilogue inputs have the type of `input`, or the sizes of the
      dimensions in `axis` and the element type of `input` or a wider one.
    * (C12) The block of `epilogue` takes the normalized element and one of each
      epilogue input, and yields one value, all of the accumulator type; and one
      of i8 exactly when something is saved.
    * (C13) Its ops are elementwise, on scalars, and free of memory effects.
    * (C14) What is saved has the shape of `input` and elements of i8.

    Example:

    ```mlir
    %y, %mean, %variance = bn.training axis(1) epsilon(1.0e-3)
        ins(%x : tensor<8x64x28x28xf32>) scale(%g : tensor<64xf32>)
        offset(%b : tensor<64xf32>)
        outs(%y0, %m0, %v0 : tensor<8x64x28x28xf32>, tensor<64xf32>,
                             tensor<64xf32>)
        -> tensor<8x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>
    ```
  }];
  let arguments = (ins
    BN_Shaped:$input,
    Optional<BN_Shaped>:$scale,
    Optional<BN_Shaped>:$offset,
    Optional<BN_Shaped>:$running_mean,
    Optional<BN_Shaped>:$running_variance,
    Optional<BN_Shaped>:$mask,
    Variadic<BN_Shaped>:$epilogue_inputs,                /*training_c11*/
    Variadic<BN_ShapedOrBits>:$outs,
    DenseI64ArrayAttr:$axis,                             /*training_c1*/
    F64Attr:$epsilon,                                    /*training_c2*/
    OptionalAttr<F64Attr>:$momentum,                     /*training_c6*/
    DefaultValuedAttr<BN_VarianceKind,
      "::mlir::bn::VarianceKind::population">:$running_variance_kind,
    DefaultValuedAttr<I64Attr, "1">:$groups              /*training_c9*/
  );
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `axis` `(` custom<Axis>($axis) `)` `epsilon` `(` $epsilon `)`
    (`momentum` `(` $momentum^ `)`)?
    (`running_variance_kind` `(` $running_variance_kind^ `)`)?
    (`groups` `(` $groups^ `)`)? attr-dict
    `ins` `(` $input `:` type($input) `)`
    (`scale` `(` $scale^ `:` type($scale) `)`)?
    (`offset` `(` $offset^ `:` type($offset) `)`)?
    (`running` `(` $running_mean^ `,` $running_variance `:`
                   type($running_mean) `,` type($running_variance) `)`)?
    (`mask` `(` $mask^ `:` type($mask) `)`)?
    `outs` `(` $outs `:` type($outs) `)`
    (`epilogue` `` custom<CodeInputs>($epilogue_inputs, type($epilogue_inputs))
     $epilogues^)?
    (`->` type($results)^)?
  }];
  let extraClassDeclaration = commonDeclaration # [{
    bool hasRunningStats() { return getRunningMean() != nullptr; }
  }];
  let hasCanonicalizer = 1;
}

def BN_InferenceOp : BN_EpilogueOp<"inference"> {
  let summary = "batch normalization with given statistics";
  let description = [{
    ```
    output = (input - mean) * scale / sqrt(variance + epsilon) + offset
    ```

    An absent scale is 1, an absent offset is 0. `epilogue` is that of
    `bn.training`.

    Constraints:
    * (C1) `axis` names at least one dimension of `input`, none twice.
    * (C2) `epsilon` is finite.
    * (C3) `scale`, `offset`, `mean` and `variance` have the sizes of the
      dimensions in `axis`.
    * (C4) Their element types are that of `input` or wider.
    * (C5) `outs` is one output of the type of `input`, and what is saved.
    * (C6) Results have the types of `outs`, or there are none on buffers.
    * (C7) Epilogue inputs have the type of `input`, or the sizes of the
      dimensions in `axis` and the element type of `input` or a wider one.
    * (C8) The block of `epilogue` takes the normalized element and one of each
      epilogue input, and yields one value, all of the accumulator type; and one
      of i8 exactly when something is saved.
    * (C9) Its ops are elementwise, on scalars, and free of memory effects.
    * (C10) What is saved has the shape of `input` and elements of i8.

    Example: a residual block ends with an addition and a ReLU.

    ```mlir
    %y = bn.inference axis(-1) epsilon(1.0e-3)
        ins(%x : tensor<8x28x28x64xbf16>)
        statistics(%mean, %variance : tensor<64xf32>, tensor<64xf32>)
        outs(%y0 : tensor<8x28x28x64xbf16>)
        epilogue(%residual : tensor<8x28x28x64xbf16>) {
      ^bb0(%normalized: f32, %r: f32):
        %zero = arith.constant 0.0 : f32
        %sum = arith.addf %normalized, %r : f32
        %relu = arith.maximumf %sum, %zero : f32
        bn.yield %relu : f32
      } -> tensor<8x28x28x64xbf16>
    ```
  }];
  let arguments = (ins
    BN_Shaped:$input,
    Optional<BN_Shaped>:$scale,
    Optional<BN_Shaped>:$offset,
    BN_Shaped:$mean,
    BN_Shaped:$variance,
    Variadic<BN_Shaped>:$epilogue_inputs,                /*inference_c7*/
    Variadic<BN_ShapedOrBits>:$outs,
    DenseI64ArrayAttr:$axis,                             /*inference_c1*/
    F64Attr:$epsilon                                     /*inference_c2*/
  );
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `axis` `(` custom<Axis>($axis) `)` `epsilon` `(` $epsilon `)` attr-dict
    `ins` `(` $input `:` type($input) `)`
    (`scale` `(` $scale^ `:` type($scale) `)`)?
    (`offset` `(` $offset^ `:` type($offset) `)`)?
    `statistics` `(` $mean `,` $variance `:` type($mean) `,`
                     type($variance) `)`
    `outs` `(` $outs `:` type($outs) `)`
    (`epilogue` `` custom<CodeInputs>($epilogue_inputs, type($epilogue_inputs))
     $epilogues^)?
    (`->` type($results)^)?
  }];
  let hasCanonicalizer = 1;
}

def BN_YieldOp : Op<BN_Dialect, "yield", [
    Pure, Terminator,
    ParentOneOf<["TrainingOp", "InferenceOp", "NormalizeOp", "BackwardOp",
                 "BackwardReduceOp", "BackwardInputOp"]>]> {
  let summary = "what an epilogue or a prologue makes of an element";
  let description = [{
    Ends the block of an epilogue, of which `value`, rounded to the element type
    of the data, is the element of `output`, and `saved` that of the last of
    `outs`; or that of a prologue, of which `value` is the gradient that the op
    works on.
  }];
  let arguments = (ins AnyFloat:$value, Optional<I8>:$saved);
  let assemblyFormat = [{
    $value (`,` $saved^)? attr-dict `:` type($value) (`,` type($saved)^)?
  }];
  let builders = [
    OpBuilder<(ins "::mlir::Value":$value), [{
      build($_builder, $_state, value, /*saved=*/::mlir::Value());
    }]>
  ];
}

#endif // BN_DIALECT_BN_IR_BNUSEROPS
