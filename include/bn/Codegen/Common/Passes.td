//===- Passes.td - Strategy and tiling ---------------------*- tablegen -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_CODEGEN_COMMON_PASSES
#define BN_CODEGEN_COMMON_PASSES

include "mlir/Pass/PassBase.td"

def VersionDynamicShapesPass
    : Pass<"bn-version-dynamic-shapes", "::mlir::ModuleOp"> {
  let summary = "choose among strategies at run time";
  let description = [{
    A user-level op on data of a size that is not known becomes a choice among
    up to three versions of it, each with the `#bn.lowering_strategy` that
    `bn-select-lowering-strategy` would write for such sizes: data that exceed
    the caches are written past them, and long rows, of at least 512 elements
    or, in the caches and with registers of 512 bits, 32, are normalized while
    the next channel's statistics are taken. Ops that have a strategy, and ops
    with one best strategy for all sizes, stay.

    Example:

    ```mlir
    %y = bn.inference axis(1) ... ins(%x : tensor<?x?xf32>) ...
    ```

    becomes, with a last-level cache of 16 MiB, and an L1 cache of 32 KiB,

    ```mlir
    %elements = arith.muli %d0, %d1 : index
    %isLarge = arith.cmpi sgt, %elements, %c2097152 : index
    %y = scf.if %isLarge -> tensor<?x?xf32> {
      %0 = bn.inference ... {bn.lowering_strategy =
          #bn.lowering_strategy<sweep, ..., stores = nontemporal>} ...
      scf.yield %0
    } else {
      %0 = bn.inference ... {bn.lowering_strategy =
          #bn.lowering_strategy<sweep, ..., stores = temporal>} ...
      scf.yield %0
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::bn::BNDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"
  ];
  let options = [
    Option<"threads", "threads", "int64_t", "0",
           "size of the OpenMP team, 0 = what the runtime gives">,
    Option<"vectorBits", "vector-bits", "int64_t", "0",
           "width of a vector register in bits, 0 = that of the machine">,
    Option<"avx512BF16", "avx512-bf16", "bool", "false",
           "the target has the instructions AVX512-BF16">
  ];
}

def SelectLoweringStrategyPass
    : Pass<"bn-select-lowering-strategy", "::mlir::ModuleOp"> {
  let summary = "decide how each bn op becomes loops";
  let description = [{
    Writes a `#bn.lowering_strategy` on every bn op that has none, from the
    op's shape and the machine: cache sizes and vector width of the host, or
    those of a `dlti.target_system_spec` on the module (device "CPU", entries
    "L1_cache_size_in_bytes", "L2_cache_size_in_bytes",
    "L3_cache_size_in_bytes", "max_vector_op_width" in bits), which wins. With
    `avx512-bf16`, statistics of bf16 data may be of raw moments. Later passes
    only read the attribute, so it may also be written by hand. Ops on sizes
    that are not known have theirs from `bn-version-dynamic-shapes`, which comes
    before and decides by the same rules.

    Expects ops on their canonical view (`bn-collapse-dimensions`); other ops
    get a strategy that is correct and less tuned.

    Example:

    ```mlir
    %y, %m, %v = bn.training axis(1) ... ins(%x : tensor<32x64x3136xf32>) ...
    ```

    becomes

    ```mlir
    %y, %m, %v = bn.training axis(1) ...
        {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab,
             threads = 2, parallel = [0, 32, 0], tile = [1, 1, 0],
             vector_bits = 256, unroll = 4, stores = nontemporal,
             prefetch = 1>} ins(%x : tensor<32x64x3136xf32>) ...
    ```
  }];
  let dependentDialects = ["::mlir::bn::BNDialect"];
  let options = [
    Option<"threads", "threads", "int64_t", "0",
           "size of the OpenMP team, 0 = what the runtime gives">,
    Option<"vectorBits", "vector-bits", "int64_t", "0",
           "width of a vector register in bits, 0 = that of the machine">,
    Option<"avx512BF16", "avx512-bf16", "bool", "false",
           "the target has the instructions AVX512-BF16">
  ];
}

def TileSlabsPass : Pass<"bn-tile-slabs", "::mlir::func::FuncOp"> {
  let summary = "tile training and backward ops into channel groups";
  let description = [{
    Tiles each `bn.training` whose strategy is `slab` along its channels with
    `scf.forall`: a slab of a training op is a training op, so that statistics
    and normalization of a channel group stay together, and in the cache. The
    same for each `bn.backward` that sums up its data and has a gradient of
    their size.

    Example: a training op on `tensor<32x64x3136xf32>` with `parallel =
    [0, 1, 0]` becomes

    ```mlir
    %r:3 = scf.forall (%c) in (64) shared_outs(...) {
      %s = tensor.extract_slice %x[0, %c, 0] [32, 1, 3136] [1, 1, 1]
      %y, %m, %v = bn.training axis(1) ... ins(%s : tensor<32x1x3136xf32>) ...
    ```
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect"
  ];
}

def FlattenShortRowsPass
    : Pass<"bn-flatten-short-rows", "::mlir::func::FuncOp"> {
  let summary = "treat the short rows of a channel group as one long row";
  let description = [{
    Ops of a slab or a sweep whose data are (..., channel, row) with short rows
    are rewritten for data of which channel and row are one dimension. Operands
    per channel are spread over the elements of a row; sums are first taken per
    element, over what is outside of the row, and then over the row. The
    elements of all channels together fill vectors and cache lines where one
    row does not. Ops of so few rows that what is spread would not be read often
    are left alone, and so are sums of raw moments of rows that fill a register:
    dot products add them up where they are.

    Example:

    ```mlir
    %y = linalg.generic ins(%x, %a : tensor<50x16x49xf32>, tensor<16xf32>) ...
    ```

    becomes

    ```mlir
    %flat = tensor.collapse_shape %x [[0], [1, 2]]
    %spread = linalg.broadcast ins(%a) outs(%e : tensor<16x49xf32>) ...
    %a1 = tensor.collapse_shape %spread [[0, 1]]
    %y1 = linalg.generic ins(%flat, %a1 : tensor<50x784xf32>, tensor<784xf32>)
    %y = tensor.expand_shape %y1 [[0], [1, 2]] output_shape [50, 16, 49]
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::tensor::TensorDialect"
  ];
  let options = [
    Option<"longestRow", "longest-row", "int64_t", "511",
           "elements of the longest row that counts as short">
  ];
}

def PackNarrowRowsPass : Pass<"bn-pack-narrow-rows", "::mlir::func::FuncOp"> {
  let summary = "treat several rows of few channels as one row";
  let description = [{
    Sums (`bn.stats`, `bn.backward_reduce`) and sweeps (`bn.normalize`,
    `bn.backward_input`) on rows of contiguous channels that are few
    (below 64) and do not fill whole registers are rewritten for rows that hold
    as many of these rows as fill whole register tiles. Sums are taken per place
    in such a row and merged; what there is per channel is repeated. Rows that
    are left over at the end have an op of their own. Sweeps that write past the
    caches have rows of at least 8 register tiles, where theirs are below 4. A
    sweep that is to be one with sums (bn-tile-reductions) stays as it is.

    Example, with 8 lanes and 4 registers to a tile:

    ```mlir
    %y = bn.normalize axis(1) ins(%x : tensor<640x3xf32>) mean(%m) ...
    ```

    becomes

    ```mlir
    %rows = tensor.expand_shape %x [[0, 1], [2]] : ... tensor<20x32x3xf32>
    %packed = tensor.collapse_shape %rows [[0], [1, 2]] : tensor<20x96xf32>
    %m32 = ... %m 32 times : tensor<96xf32>
    %p = bn.normalize axis(1) ins(%packed : tensor<20x96xf32>) mean(%m32) ...
    ```
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect"
  ];
}

def PipelineSlabsPass : Pass<"bn-pipeline-slabs", "::mlir::func::FuncOp"> {
  let summary = "normalize one channel group while reading the next";
  let description = [{
    A `bn.normalize` with the schedule `pipelined_slab`, whose coefficients are
    made of the `bn.stats` of the same input, becomes a loop over channel groups
    of the size that the strategy's tile has in the channel dimension. An
    iteration normalizes one group and takes the statistics of the next; a
    `bn.backward_input` made of a `bn.backward_reduce` of the same data
    likewise. The
    first group's statistics are taken before the loop, the last group is
    normalized behind it. The loop is marked `bn.pipelined`, for
    `bn-fuse-sibling-loops`.

    Example, with groups of one channel:

    ```mlir
    %s = bn.stats axis(1) ins(%x) outs(%zeros)
    %c = linalg.generic ins(%s) ... // coefficients per channel
    %y = bn.normalize axis(1) ins(%x) mean(%c) ... outs(%y0)
    ```

    becomes

    ```mlir
    %s0 = bn.stats axis(1) ins(%x[0]) outs(%zeros[0])
    %r:2 = scf.for %g = 0 to %channels - 1 iter_args(%y = %y0, %s = %s0) {
      %c = linalg.generic ins(%s[%g]) ...
      %s1 = bn.stats axis(1) ins(%x[%g + 1]) outs(%s[%g + 1])
      %y1 = bn.normalize axis(1) ins(%x[%g]) mean(%c) ... outs(%y[%g])
      ...
    } {bn.pipelined}
    ... // the last group is normalized
    ```
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect"
  ];
}

def TileReductionsPass : Pass<"bn-tile-reductions", "::mlir::func::FuncOp"> {
  let summary = "tile statistics and normalization along the data";
  let description = [{
    Tiles structural ops as their strategy says. The `parallel` sizes become
    `scf.forall`: of a `bn.stats`, one partial result per piece of the
    reduction, which the piece fills with zeros itself, merged in order by
    `bn.merge_stats`; of a `bn.normalize`, pieces of the data. The `tile` sizes
    become `scf.for` loops in which `bn.stats` accumulates, so that its two
    passes stay in the L1 cache; a `bn.normalize` has such loops where its
    channels are tiled, or its schedule is
    `pipelined_slab`. What is said of `bn.stats` and `bn.normalize` holds for
    `bn.backward_reduce` and `bn.backward_input`.

    A `bn.backward_reduce` and a `bn.backward_input` of the same gradient that
    needs nothing of the sums share one parallel loop, which is marked
    `bn.one_sweep`, the sums first. Rows of contiguous channels are walked one
    by one there. With `streams` above 1 only rows of whole cache lines are, in
    register tiles of half the width.

    Example: with `parallel = [-16, 0]` and `tile = [64, 64]`

    ```mlir
    %r:3 = bn.stats axis(1) ins(%x : tensor<25088x256xf32>) ...
    ```

    becomes

    ```mlir
    %p:3 = scf.forall (%i) in (16) shared_outs(... : tensor<16x256xf64> ...) {
      scf.for %row ... { scf.for %c ... { bn.stats axis(1)
          ins(%tile : tensor<64x64xf32>) ... } }
    }
    %r:3 = scf.for %i = 0 to 16 { bn.merge_stats ... }
    ```
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"
  ];
}

def TileProducersPass : Pass<"bn-tile-producers", "::mlir::func::FuncOp"> {
  let summary = "compute elementwise producers in the loops of their consumers";
  let description = [{
    An elementwise `linalg` op (all loops parallel, operands in the order of the
    dimensions of the result, possibly fewer) of which only tiles of `bn` ops
    are read is computed tile by tile, where these are read: there is no tensor
    of the size of the data in between. It is put on the view of
    `bn-collapse-dimensions` before. Where its result is read for sums and again
    for a sweep, it is computed twice; then an op with `math` other than `absf`,
    `copysign` and `fma` stays, as it takes longer than the memory.

    Example:

    ```mlir
    %x = linalg.add ins(%a, %b : tensor<8x64x784xf32>, tensor<8x64x784xf32>) ...
    scf.forall (%i) in (8) ... {
      %xi = tensor.extract_slice %x[%i, 0, 0] [1, 64, 784] [1, 1, 1]
      %yi = bn.normalize ... ins(%xi : tensor<1x64x784xf32>) ...
    ```

    becomes

    ```mlir
    scf.forall (%i) in (8) ... {
      %ai = tensor.extract_slice %a[%i, 0, 0] [1, 64, 784] [1, 1, 1]
      %bi = tensor.extract_slice %b[%i, 0, 0] [1, 64, 784] [1, 1, 1]
      %xi = linalg.add ins(%ai, %bi
                           : tensor<1x64x784xf32>, tensor<1x64x784xf32>) ...
      %yi = bn.normalize ... ins(%xi : tensor<1x64x784xf32>) ...
    ```
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::tensor::TensorDialect"
  ];
}

def InlineProducersPass : Pass<"bn-inline-producers", "::mlir::func::FuncOp"> {
  let summary = "make one op of a computed tile and the op that reads it";
  let description = [{
    What `bn-tile-producers` computes tile by tile becomes part of the
    `linalg.generic` that reads the tile, and keeps its strategy: its elements
    are in registers. A tile that several ops read is computed by each.

    Example:

    ```mlir
    %x = linalg.add ins(%a, %b : tensor<1x64x784xf32>, tensor<1x64x784xf32>) ...
    %y = linalg.generic ins(%x, %scale : tensor<1x64x784xf32>, tensor<64xf32>)
        attrs = {bn.lowering_strategy = ...} ...
    ```

    becomes

    ```mlir
    %y = linalg.generic ins(%a, %b, %scale : tensor<1x64x784xf32>,
                            tensor<1x64x784xf32>, tensor<64xf32>)
        attrs = {bn.lowering_strategy = ...} ...
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def FuseSiblingLoopsPass
    : Pass<"bn-fuse-sibling-loops", "::mlir::func::FuncOp"> {
  let summary = "walk the data of two independent loops at the same time";
  let description = [{
    In a loop marked `bn.pipelined` or `bn.one_sweep`, two `scf.for` of one
    block with the same
    bounds and step become one, in the place of the first, when neither uses
    results of the other; what the second one needs moves along. Then the same
    in the new body, so that nests become one nest, while strips of the same
    width meet. In a loop marked `bn.one_sweep` the first loop's body comes
    first. What both bodies read or compute is shared, unless there are
    uninitialized tensors in them.
    Bounds are the same when they are the same value or the same
    computation. The marks of both loops stay.

    Two loops are left alone when one of them overwrites a tensor that the other
    one accesses, which would cost bufferization a copy; so the pass belongs
    before bufferization, and needs its interfaces.

    Example:

    ```mlir
    scf.for %g = ... {
      %y1 = scf.for %r = %c0 to %n step %c1 iter_args(%t = %y) {
        ... normalizes row %r of group %g
      } {bn.nontemporal = 32 : i64}
      %next = ... group %g + 1 of %x
      %sum = scf.for %r = %c0 to %n step %c1 iter_args(%s = %zero) {
        ... adds row %r of %next
      }
    } {bn.pipelined}
    ```

    becomes

    ```mlir
    scf.for %g = ... {
      %next = ... group %g + 1 of %x
      %sum, %y1 = scf.for %r = %c0 to %n step %c1
          iter_args(%s = %zero, %t = %y) {
        ... adds row %r of %next
        ... normalizes row %r of group %g
      } {bn.nontemporal = 32 : i64}
    } {bn.pipelined}
    ```
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect"];
  let statistics = [
    Statistic<"numFused", "fused", "pairs of loops that became one">
  ];
}

def HoistYieldedViewsPass
    : Pass<"bn-hoist-yielded-views", "::mlir::func::FuncOp"> {
  let summary = "make a view that both branches yield before them";
  let description = [{
    Two versions of a sweep that write to the same buffer yield a view of it
    each. Where the views are equal, one that is made before the `scf.if` takes
    the place of its result: what is then to be copied to the buffer is the
    buffer itself.

    Example:

    ```mlir
    %0 = scf.if %near -> (memref<552x24xf16>) {
      %a = memref.collapse_shape %y [[0, 1, 2], [3]]
      scf.yield %a
    } else {
      %b = memref.collapse_shape %y [[0, 1, 2], [3]]
      scf.yield %b
    }
    ```

    becomes

    ```mlir
    %a = memref.collapse_shape %y [[0, 1, 2], [3]]
    scf.if ...
    ```

    with `%a` in place of `%0`.
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
}

def FoldReshapedBuffersPass
    : Pass<"bn-fold-reshaped-buffers", "::mlir::func::FuncOp"> {
  let summary = "undo a collapse and an expansion of the same buffer";
  let description = [{
    `bn-collapse-dimensions` expands results that, after bufferization, are
    views of a destination that was collapsed. The destination itself is the
    same buffer in the same shape. So it is with a buffer that
    `bn-expand-groups` has expanded, and collapses at the end. Other expansions
    with several dynamic sizes in one group, for which upstream's
    `expand-strided-metadata` has no lowering,
    become `memref.reinterpret_cast` with the strides of a contiguous buffer.

    Example:

    ```mlir
    %0 = memref.collapse_shape %y [[0], [1], [2, 3]]
    %1 = memref.expand_shape %0 [[0], [1], [2, 3]]
        output_shape [dimensions of %y]
    ```

    becomes `%y` in place of `%1`.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::memref::MemRefDialect"
  ];
}

def LowerStridedCopiesPass
    : Pass<"bn-lower-strided-copies", "::mlir::func::FuncOp"> {
  let summary = "turn copies of strided buffers into linalg";
  let description = [{
    A `memref.copy` between buffers that are not both contiguous would become a
    call of MLIR's runner library, which compiled code is not linked to. It
    becomes a `linalg.generic`; contiguous copies stay and become `memcpy`.

    Example:

    ```mlir
    memref.copy %a, %b : memref<4x8xf32> to memref<4x8xf32, strided<[16, 1]>>
    ```

    becomes

    ```mlir
    linalg.generic {...} ins(%a : memref<4x8xf32>)
        outs(%b : memref<4x8xf32, strided<[16, 1]>>) { linalg.yield %in }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def DeallocateBuffersPass
    : Pass<"bn-deallocate-buffers", "::mlir::func::FuncOp"> {
  let summary = "free the buffers that a function allocates for itself";
  let description = [{
    Adds a `memref.dealloc` at the end of the block of each `memref.alloc`
    whose buffer does not leave that block, by a return, a yield or a call.
    Buffers that are returned belong to the caller, also those that came in as
    arguments: unlike upstream's ownership-based deallocation, this does not
    copy an argument in order to return it, which would be a full-size
    temporary for each result in destination-passing style.

    Example:

    ```mlir
    %0 = memref.alloc() : memref<16x64xf64>
    ...
    return %arg0 : memref<8x64xf32>
    ```

    becomes

    ```mlir
    %0 = memref.alloc() : memref<16x64xf64>
    ...
    memref.dealloc %0 : memref<16x64xf64>
    return %arg0 : memref<8x64xf32>
    ```
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
}

#endif // BN_CODEGEN_COMMON_PASSES
