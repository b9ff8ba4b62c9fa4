//===- BNGradientOps.td - Gradients, and the steps to them -*- tablegen -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_DIALECT_BN_IR_BNGRADIENTOPS
#define BN_DIALECT_BN_IR_BNGRADIENTOPS

include "bn/Dialect/BN/IR/BNOpBase.td"

def BN_BackwardOp : BN_PrologueOp<"backward"> {
  let summary = "gradients of batch normalization";
  let description = [{
    With `r = 1 / sqrt(variance + epsilon)` and sums over the `n` elements of a
    channel:

    ```
    offset_grad = sum(output_grad)
    scale_grad  = sum(output_grad * (input - mean)) * r
    input_grad  = scale * r * (output_grad - offset_grad / n
                               - (input - mean) * r * scale_grad / n)
    ```

    With `statistics_kind(inverse_std)`, the second of the `statistics` is `r`
    itself. `frozen` takes the statistics as constants:
    `input_grad = scale * r * output_grad`. `wrt` says which of the gradients
    are computed, in the order input, scale, offset, normalized; the others cost
    nothing.
    An absent scale is 1. `n = 0` gives gradients of 0.

    `mask` has the weights of the elements in the statistics, as in
    `bn.training`: `n` is their sum, and what an element does to the statistics
    counts with its weight `w`. The sums are over all elements, each of which is
    normalized:

    ```
    input_grad  = scale * r * (output_grad - w * (offset_grad / n
                               + (input - mean) * r * scale_grad / n))
    ```

    Where all weights are 0 the second term is 0. With `frozen` they change
    nothing.

    With `groups(g)`, dimension 0 is cut in `g` equal parts with statistics of
    their own, as in `bn.training`: `input_grad` is that of each part, and the
    gradients of scale and offset, which all parts share, are sums over the
    parts.

    With `prologue`, `output_grad` is the gradient of what an epilogue has made
    of the normalized elements, and the block yields that of the normalized
    elements, which the formulas above then take in its place. The block also
    takes an element of each prologue input: the one at the same index, or,
    where there is one per channel, that of the channel. All of it is computed
    in the accumulator type of the data (`f64` for `f64`, else `f32`); elements
    of an input of i8, such as bits that the forward op has saved, stay i8.
    `wrt(normalized)` asks for what the block yields (without a prologue, for
    `output_grad`): for `y + addend` it is the gradient of the addend.

    Constraints:
    * (C1) `axis` names at least one dimension of `input`, none twice.
    * (C2) `epsilon` is given exactly for `statistics_kind(variance)`, and is
      finite.
    * (C3) `scale`, `mean`, `variance` and the gradients of scale and offset
      have the sizes of the dimensions in `axis`.
    * (C4) Their element types are that of `input` or wider.
    * (C5) `output_grad` and the gradients of input and normalized have the type
      of `input`.
    * (C6) `outs` are as many as `wrt` names, at least one.
    * (C7) `mask` is broadcastable to `input`: of the same rank, each size 1 or
      that of `input`, which `?` stands for.
    * (C8) Results have the types of `outs`, or there are none on buffers.
    * (C9) `groups` is positive and divides dimension 0, which is not in
      `axis`; each group needs statistics of its own: `mean` and `variance`
      have a leading dimension of size `groups`.
    * (C10) Prologue inputs have the type of `output_grad`, or its shape and
      elements of i8, or the sizes of the dimensions in `axis` and the element
      type of `output_grad` or a wider one; there are some only with a prologue.
    * (C11) The block of `prologue` takes the element of `output_grad` and one
      of each prologue input, and yields one value, all of the accumulator type
      (i8 for inputs of i8).
    * (C12) Its ops are elementwise, on scalars, and free of memory effects.

    Example:

    ```mlir
    %dx, %dscale = bn.backward axis(1) epsilon(1.0e-3) wrt(input, scale)
        ins(%dy, %x : tensor<8x64x28x28xf32>, tensor<8x64x28x28xf32>)
        scale(%g : tensor<64xf32>)
        statistics(%mean, %variance : tensor<64xf32>, tensor<64xf32>)
        outs(%dx0, %dg0 : tensor<8x64x28x28xf32>, tensor<64xf32>)
        -> tensor<8x64x28x28xf32>, tensor<64xf32>
    ```

    Behind a sum and a ReLU, whose output is `%z`, with the gradient of the
    addend:

    ```mlir
    %dx, %dr = bn.backward axis(1) epsilon(1.0e-3) wrt(input, normalized)
        ins(%dz, %x : tensor<8x64x784xf32>, tensor<8x64x784xf32>)
        statistics(%mean, %variance : tensor<64xf32>, tensor<64xf32>)
        outs(%dx0, %dr0 : tensor<8x64x784xf32>, tensor<8x64x784xf32>)
        prologue(%z : tensor<8x64x784xf32>) {
      ^bb0(%dy: f32, %y: f32):
        %zero = arith.constant 0.0 : f32
        %passes = arith.cmpf ogt, %y, %zero : f32
        %g = arith.select %passes, %dy, %zero : f32
        bn.yield %g : f32
      } -> tensor<8x64x784xf32>, tensor<8x64x784xf32>
    ```
  }];
  let arguments = (ins
    BN_Shaped:$output_grad,
    BN_Shaped:$input,
    Optional<BN_Shaped>:$scale,
    BN_Shaped:$mean,
    BN_Shaped:$variance,
    Optional<BN_Shaped>:$mask,
    Variadic<BN_ShapedOrBits>:$prologue_inputs,          /*backward_c10*/
    Variadic<BN_Shaped>:$outs,
    DenseI64ArrayAttr:$axis,                             /*backward_c1*/
    OptionalAttr<F64Attr>:$epsilon,                      /*backward_c2*/
    DefaultValuedAttr<BN_StatisticsKind,
      "::mlir::bn::StatisticsKind::variance">:$statistics_kind,
    BN_Gradient:$wrt,                                    /*backward_c6*/
    UnitAttr:$frozen,
    DefaultValuedAttr<I64Attr, "1">:$groups              /*backward_c9*/
  );
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `axis` `(` custom<Axis>($axis) `)` (`epsilon` `(` $epsilon^ `)`)?
    (`statistics_kind` `(` $statistics_kind^ `)`)?
    `wrt` `(` custom<Gradients>($wrt) `)` (`frozen` $frozen^)?
    (`groups` `(` $groups^ `)`)? attr-dict
    `ins` `(` $output_grad `,` $input `:` type($output_grad) `,`
              type($input) `)`
    (`scale` `(` $scale^ `:` type($scale) `)`)?
    `statistics` `(` $mean `,` $variance `:` type($mean) `,`
                     type($variance) `)`
    (`mask` `(` $mask^ `:` type($mask) `)`)?
    `outs` `(` $outs `:` type($outs) `)`
    (`prologue` `` custom<CodeInputs>($prologue_inputs, type($prologue_inputs))
     $prologues^)?
    (`->` type($results)^)?
  }];
  let extraClassDeclaration = commonDeclaration # [{
    bool wants(Gradient gradient) {
      return bitEnumContainsAny(getWrt(), gradient);
    }
    /// True when there is a mask, and the gradients depend on it.
    bool needsMask() {
      return getMask() && wants(Gradient::input) && !getFrozen();
    }
    /// True when a gradient of the size of the data is asked for.
    bool writesData() {
      return wants(Gradient::input | Gradient::normalized);
    }
    /// True when what is written of that size depends on sums over the data.
    bool needsSumsForData() { return wants(Gradient::input) && !getFrozen(); }
    /// True when there is nothing to sum up: each element of the gradients
    /// depends on those at its index alone.
    bool isElementwise() {
      return !wants(Gradient::scale | Gradient::offset) && !needsSumsForData();
    }
    /// The place of `gradient` among outs and results.
    unsigned getPlace(Gradient gradient) {
      auto before = static_cast<uint32_t>(gradient) - 1;
      return ::llvm::popcount(static_cast<uint32_t>(getWrt()) & before);
    }
  }];
  let hasCanonicalizer = 1;
}

def BN_BackwardReduceOp : BN_PrologueOp<"backward_reduce"> {
  let summary = "adds to the two sums of the gradients";
  let description = [{
    ```
    sum_dy     = sum_dy     + sum(output_grad)
    sum_dy_xmu = sum_dy_xmu + sum(output_grad * (input - mean))
    ```

    over the elements of each channel, accumulating into `outs`; start from
    zeros. With `sums(dy)` or `sums(dy_xmu)` there is only one of them; the
    former has no `input` and no `mean`. The sums may be wider than the data
    (the pipelines use f64); inside the op, they are f32 (f64 for f64 data). A
    mean wider than that is applied as a rounded mean `m` and its remainder:
    `sum(output_grad * (input - m)) - (mean - m) * sum(output_grad)`. So is any
    mean where there is a `pivot`, which is `m` then; where that is 0, and the
    strategy says `moments = raw`, the sum is of `output_grad * input`.

    With `prologue`, what its block yields is summed in the place of
    `output_grad`, as in `bn.backward`.

    Constraints:
    * (C1) `axis` names at least one dimension of `output_grad`, none twice.
    * (C2) `output_grad` has the type of `input`.
    * (C3) `mean` and the `outs` (sum_dy, sum_dy_xmu, or the one that `sums`
      names) have the sizes of the dimensions in `axis`.
    * (C4) Their element types are that of `output_grad` or wider.
    * (C5) Results have the types of `outs`, or there are none on buffers.
    * (C6) There are `input` and `mean` exactly when sum_dy_xmu is asked for.
    * (C7) Prologue inputs have the type of `output_grad`, or its shape and
      elements of i8, or the sizes of the dimensions in `axis` and the element
      type of `output_grad` or a wider one; there are some only with a prologue.
    * (C8) The block of `prologue` takes the element of `output_grad` and one of
      each prologue input, and yields one value, all of the accumulator type
      (i8 for inputs of i8).
    * (C9) Its ops are elementwise, on scalars, and free of memory effects.
    * (C10) `pivot` has the sizes of `mean`, and elements of the accumulator
      type; there is one only with both sums, and without a prologue.

    Example:

    ```mlir
    %sum_dy, %sum_dy_xmu = bn.backward_reduce axis(1)
        ins(%dy, %x : tensor<8x64x784xf32>, tensor<8x64x784xf32>)
        mean(%m : tensor<64xf64>)
        outs(%s0, %t0 : tensor<64xf64>, tensor<64xf64>)
        -> tensor<64xf64>, tensor<64xf64>
    ```
  }];
  let arguments = (ins
    BN_Shaped:$output_grad,
    Optional<BN_Shaped>:$input,
    Optional<BN_Shaped>:$mean,
    Optional<BN_Shaped>:$pivot,                          /*backward_reduce_c10*/
    Variadic<BN_ShapedOrBits>:$prologue_inputs,          /*backward_reduce_c7*/
    Variadic<BN_Shaped>:$outs,
    DenseI64ArrayAttr:$axis,                             /*backward_reduce_c1*/
    DefaultValuedAttr<BN_GradientSums,
      "::mlir::bn::GradientSums::both">:$sums            /*backward_reduce_c6*/
  );
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `axis` `(` custom<Axis>($axis) `)` (`sums` `(` $sums^ `)`)? attr-dict
    `ins` `(` $output_grad (`,` $input^)? `:` type($output_grad)
              (`,` type($input)^)? `)`
    (`mean` `(` $mean^ `:` type($mean) `)`)?
    (`pivot` `(` $pivot^ `:` type($pivot) `)`)?
    `outs` `(` $outs `:` type($outs) `)`
    (`prologue` `` custom<CodeInputs>($prologue_inputs, type($prologue_inputs))
     $prologues^)?
    (`->` type($results)^)?
  }];
  let extraClassDeclaration = commonDeclaration # [{
    bool hasSumDY() { return getSums() != GradientSums::dy_xmu; }
    bool hasSumDYXmu() { return getSums() != GradientSums::dy; }
  }];
  let hasCanonicalizer = 1;
}

def BN_BackwardInputOp : BN_PrologueOp<"backward_input"> {
  let summary = "gradients of input and normalized from coefficients";
  let description = [{
    ```
    input_grad = a * output_grad + b * (input - mean) + c
    ```

    with one `a`, `b`, `c` and `mean` per channel; an absent mean is 0. A mean
    wider than the accumulator of the input (f64 for f32 data) is applied as a
    pair of a rounded mean and its remainder, which keeps the gradient exact at
    large offsets of the input:

    ```
    m = round(mean)
    input_grad = a * output_grad + b * (input - m) + (c - b * (mean - m))
    ```

    Without `input`, `b` and `c` it is `a * output_grad`, the gradient of
    statistics that are frozen. With `mask`, everything behind `a * output_grad`
    is multiplied with the weight of the element: it is what the element does to
    the statistics. Of an element of weight 0 nothing else is left, even if it
    is NaN or infinite.

    With `prologue`, what its block yields takes the place of `output_grad`, as
    in `bn.backward`; a second one of `outs` gets it as it is, the gradient of
    the normalized elements. Without coefficients that is the only one.

    Constraints:
    * (C1) `axis` names at least one dimension of `output_grad`, none twice.
    * (C2) `outs` are input_grad, exactly when there is `a`, and at most one
      more, the gradient of the normalized elements; these and `input` have the
      type of `output_grad`.
    * (C3) `a`, `b`, `c` and `mean` have the sizes of the dimensions in `axis`.
    * (C4) Their element types are that of `output_grad` or wider.
    * (C5) Results have the types of `outs`, or there are none on buffers.
    * (C6) `mask` is broadcastable to `input`: of the same rank, each size 1 or
      that of `input`.
    * (C7) There are all of `input`, `b` and `c`, and then `a`, or none; `mean`
      and `mask` only with them.
    * (C8) Prologue inputs have the type of `output_grad`, or its shape and
      elements of i8, or the sizes of the dimensions in `axis` and the element
      type of `output_grad` or a wider one; there are some only with a prologue.
    * (C9) The block of `prologue` takes the element of `output_grad` and one of
      each prologue input, and yields one value, all of the accumulator type
      (i8 for inputs of i8).
    * (C10) Its ops are elementwise, on scalars, and free of memory effects.

    Example:

    ```mlir
    %dx = bn.backward_input axis(1)
        ins(%dy, %x : tensor<8x64x784xf32>, tensor<8x64x784xf32>)
        mean(%m : tensor<64xf64>)
        coefficients(%a, %b, %c : tensor<64xf32>, tensor<64xf32>,
                                  tensor<64xf32>)
        outs(%dx0 : tensor<8x64x784xf32>) -> tensor<8x64x784xf32>
    ```
  }];
  let arguments = (ins
    BN_Shaped:$output_grad,
    Optional<BN_Shaped>:$input,
    Optional<BN_Shaped>:$mean,
    Optional<BN_Shaped>:$a,
    Optional<BN_Shaped>:$b, Optional<BN_Shaped>:$c,      /*backward_input_c7*/
    Optional<BN_Shaped>:$mask,
    Variadic<BN_ShapedOrBits>:$prologue_inputs,          /*backward_input_c8*/
    Variadic<BN_Shaped>:$outs,
    DenseI64ArrayAttr:$axis                              /*backward_input_c1*/
  );
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `axis` `(` custom<Axis>($axis) `)` attr-dict
    `ins` `(` $output_grad (`,` $input^)? `:` type($output_grad)
              (`,` type($input)^)? `)`
    (`mean` `(` $mean^ `:` type($mean) `)`)?
    custom<Coefficients>($a, type($a), $b, type($b), $c, type($c))
    (`mask` `(` $mask^ `:` type($mask) `)`)?
    `outs` `(` $outs `:` type($outs) `)`
    (`prologue` `` custom<CodeInputs>($prologue_inputs, type($prologue_inputs))
     $prologues^)?
    (`->` type($results)^)?
  }];
  let extraClassDeclaration = commonDeclaration # [{
    /// True when the gradient of the normalized elements is written, too.
    bool writesNormalized() { return getOuts().size() > (getA() ? 1 : 0); }
    /// True when mean, coefficients and what the prologue takes per channel can
    /// be applied as they are.
    bool hasCoefficients();
  }];
  let hasCanonicalizer = 1;
}

#endif // BN_DIALECT_BN_IR_BNGRADIENTOPS
