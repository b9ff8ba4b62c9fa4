//===- BNStructuralOps.td - The steps of a layer -----------*- tablegen -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_DIALECT_BN_IR_BNSTRUCTURALOPS
#define BN_DIALECT_BN_IR_BNSTRUCTURALOPS

include "bn/Dialect/BN/IR/BNOpBase.td"

def BN_StatsOp : BN_AggregatedOp<"stats", [AttrSizedOperandSegments]> {
  let summary = "adds elements to mergeable statistics";
  let description = [{
    Computes count, mean and the sum of squared differences from the mean (m2)
    of each channel of `input`, and merges them into those in `outs` as
    `bn.merge_stats` does. Because merging is associative up to rounding, the
    op may be tiled along its reduction dimensions: tiles that accumulate into
    the same outs in sequence, or partial results that are merged later. Start
    from zeros; the variance is `m2 / count`. (With an infinite element, m2 is
    infinite or NaN, which of the two depends on the tiles.)

    Squared differences are taken about `pivot`, in one pass; without it, about
    the mean of the input, which takes a pass of its own, or, where the strategy
    says `moments = raw`, about 0 as far as that is exact. The result is the
    same up to rounding, which grows with the distance of the pivot from the
    mean, in standard deviations. The running mean of the elements before is a
    good pivot (docs/Numerics.md). `mean` and `m2` may be wider than the input (the
    pipelines use f64); inside the op, sums are f32 (f64 for f64 input). With
    `mask`, elements count with their weight: one of weight 0 counts for
    nothing, even if it is NaN.

    Constraints:
    * (C1) `axis` names at least one dimension of `input`, none twice.
    * (C2) `outs` are count, mean and m2, of the sizes of the dimensions in
      `axis`.
    * (C3) The element type of count is f64; mean and m2 have one, that of
      `input` or a wider one.
    * (C4) `mask` is broadcastable to `input`: of the same rank, each size 1 or
      that of `input`, which `?` stands for.
    * (C5) Results have the types of `outs`, or there are none on buffers.
    * (C6) `pivot` has the shape and element type of mean.

    Example:

    ```mlir
    %count, %mean, %m2 = bn.stats axis(1) ins(%x : tensor<8x64x28x28xf32>)
        outs(%count0, %mean0, %m20 : tensor<64xf64>, tensor<64xf64>,
                                     tensor<64xf64>)
        -> tensor<64xf64>, tensor<64xf64>, tensor<64xf64>
    ```
  }];
  let arguments = (ins
    BN_Shaped:$input,
    Optional<BN_Shaped>:$mask,
    Optional<BN_Shaped>:$pivot,
    Variadic<BN_Shaped>:$outs,
    DenseI64ArrayAttr:$axis                              /*stats_c1*/
  );
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `axis` `(` custom<Axis>($axis) `)` attr-dict
    `ins` `(` $input `:` type($input) `)`
    (`mask` `(` $mask^ `:` type($mask) `)`)?
    (`pivot` `(` $pivot^ `:` type($pivot) `)`)?
    `outs` `(` $outs `:` type($outs) `)` (`->` type($results)^)?
  }];
  let hasCanonicalizer = 1;
}

def BN_MergeStatsOp : BN_AggregatedOp<"merge_stats"> {
  let summary = "merges two partial statistics";
  let description = [{
    Per channel, after Chan, Golub and LeVeque (1979), with `a` in `outs` and
    `b` in `ins`:

    ```
    count = count_a + count_b
    delta = mean_b - mean_a
    mean  = mean_a + delta * count_b / count
    m2    = m2_a + m2_b + delta^2 * count_a * count_b / count
    ```

    `count = 0` gives mean 0 and m2 0.

    Constraints:
    * (C1) There are three `ins` and three `outs`: count, mean, m2.
    * (C2) All have the same shape.
    * (C3) The element type of counts is f64, that of means and m2s is one
      type.
    * (C4) Results have the types of `outs`, or there are none on buffers.

    Example:

    ```mlir
    %n, %mean, %m2 = bn.merge_stats
        ins(%nb, %mb, %sb : tensor<64xf64>, tensor<64xf64>, tensor<64xf64>)
        outs(%na, %ma, %sa : tensor<64xf64>, tensor<64xf64>, tensor<64xf64>)
        -> tensor<64xf64>, tensor<64xf64>, tensor<64xf64>
    ```
  }];
  let arguments = (ins
    BN_Shaped:$count, BN_Shaped:$mean, BN_Shaped:$m2,
    Variadic<BN_Shaped>:$outs
  );
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    attr-dict `ins` `(` $count `,` $mean `,` $m2 `:` type($count) `,`
                        type($mean) `,` type($m2) `)`
    `outs` `(` $outs `:` type($outs) `)` (`->` type($results)^)?
  }];
}

def BN_UpdateRunningStatsOp : BN_AggregatedOp<"update_running_stats"> {
  let summary = "moving average of mean and variance";
  let description = [{
    ```
    new_running_mean     = running_mean * momentum + mean * (1 - momentum)
    new_running_variance = running_variance * momentum + v * (1 - momentum)
    ```

    with `v = variance`, or `variance * count / (count - 1)` for
    `running_variance_kind(sample)` (factor 1 for a count of 1 or less).
    `momentum` is the weight of the *old* value (Keras, ONNX). Where `count` is
    0 the running statistics stay as they are.

    Constraints:
    * (C1) `momentum` is finite.
    * (C2) All operands have the same shape; there are two `outs`.
    * (C3) The element type of `count` is f64; each of `outs` has the type of
      its running statistic.
    * (C4) Results have the types of `outs`, or there are none on buffers.

    Example:

    ```mlir
    %rm, %rv = bn.update_running_stats momentum(9.9e-01)
        ins(%n, %mean, %var : tensor<64xf64>, tensor<64xf64>, tensor<64xf64>)
        running(%rm0, %rv0 : tensor<64xf32>, tensor<64xf32>)
        outs(%a, %b : tensor<64xf32>, tensor<64xf32>)
        -> tensor<64xf32>, tensor<64xf32>
    ```
  }];
  let arguments = (ins
    BN_Shaped:$count, BN_Shaped:$mean, BN_Shaped:$variance,
    BN_Shaped:$running_mean, BN_Shaped:$running_variance,
    Variadic<BN_Shaped>:$outs,
    F64Attr:$momentum,                         /*update_running_stats_c1*/
    DefaultValuedAttr<BN_VarianceKind,
      "::mlir::bn::VarianceKind::population">:$running_variance_kind
  );
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `momentum` `(` $momentum `)`
    (`running_variance_kind` `(` $running_variance_kind^ `)`)? attr-dict
    `ins` `(` $count `,` $mean `,` $variance `:` type($count) `,`
              type($mean) `,` type($variance) `)`
    `running` `(` $running_mean `,` $running_variance `:`
                  type($running_mean) `,` type($running_variance) `)`
    `outs` `(` $outs `:` type($outs) `)` (`->` type($results)^)?
  }];
}

def BN_NormalizeOp : BN_EpilogueOp<"normalize"> {
  let summary = "subtracts a mean, multiplies, adds, per channel";
  let description = [{
    ```
    output = (input - mean) * (scale / sqrt(variance + epsilon)) + offset
    ```

    An absent mean is 0, an absent variance means no division, an absent scale
    is 1, an absent offset is 0; what is absent costs nothing. A mean wider
    than the accumulator of the input (f64 for f32 data) is applied as a pair
    of a rounded mean and its remainder, which keeps the output exact at large
    offsets:

    ```
    m = round(mean);  a = scale / sqrt(variance + epsilon)
    output = (input - m) * a + (offset - (mean - m) * a)
    ```

    `epilogue` is that of `bn.training`.

    Constraints:
    * (C1) `axis` names at least one dimension of `input`, none twice.
    * (C2) `epsilon` is given exactly when `variance` is, and is finite.
    * (C3) `mean`, `variance`, `scale` and `offset` have the sizes of the
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

    Example:

    ```mlir
    %y = bn.normalize axis(1) epsilon(1.0e-3) ins(%x : tensor<8x64x784xf32>)
        mean(%m : tensor<64xf64>) variance(%v : tensor<64xf64>)
        outs(%y0 : tensor<8x64x784xf32>) -> tensor<8x64x784xf32>
    ```
  }];
  let arguments = (ins
    BN_Shaped:$input,
    Optional<BN_Shaped>:$mean,
    Optional<BN_Shaped>:$variance,
    Optional<BN_Shaped>:$scale,
    Optional<BN_Shaped>:$offset,
    Variadic<BN_Shaped>:$epilogue_inputs,                /*normalize_c7*/
    Variadic<BN_ShapedOrBits>:$outs,
    DenseI64ArrayAttr:$axis,                             /*normalize_c1*/
    OptionalAttr<F64Attr>:$epsilon                       /*normalize_c2*/
  );
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `axis` `(` custom<Axis>($axis) `)` (`epsilon` `(` $epsilon^ `)`)? attr-dict
    `ins` `(` $input `:` type($input) `)`
    (`mean` `(` $mean^ `:` type($mean) `)`)?
    (`variance` `(` $variance^ `:` type($variance) `)`)?
    (`scale` `(` $scale^ `:` type($scale) `)`)?
    (`offset` `(` $offset^ `:` type($offset) `)`)?
    `outs` `(` $outs `:` type($outs) `)`
    (`epilogue` `` custom<CodeInputs>($epilogue_inputs, type($epilogue_inputs))
     $epilogues^)?
    (`->` type($results)^)?
  }];
  let builders = [
    // Without an epilogue.
    OpBuilder<(ins "::mlir::TypeRange":$results, "::mlir::Value":$input,
      "::mlir::Value":$mean, "::mlir::Value":$variance, "::mlir::Value":$scale,
      "::mlir::Value":$offset, "::mlir::ValueRange":$outs,
      "::mlir::DenseI64ArrayAttr":$axis, "::mlir::FloatAttr":$epsilon), [{
      build($_builder, $_state, results, input, mean, variance, scale, offset,
            /*epilogue_inputs=*/::mlir::ValueRange(), outs, axis, epsilon,
            /*epiloguesCount=*/0);
    }]>
  ];
  let extraClassDeclaration = commonDeclaration # [{
    /// True when mean, scale and offset can be applied as they are: no variance
    /// to divide by, nothing wider than the accumulator of the input.
    bool hasCoefficients();
  }];
  let hasCanonicalizer = 1;
}

#endif // BN_DIALECT_BN_IR_BNSTRUCTURALOPS
