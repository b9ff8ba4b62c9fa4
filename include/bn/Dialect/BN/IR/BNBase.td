//===- BNBase.td - The dialect and its attributes ----------*- tablegen -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_DIALECT_BN_IR_BNBASE
#define BN_DIALECT_BN_IR_BNBASE

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def BN_Dialect : Dialect {
  let name = "bn";
  let cppNamespace = "::mlir::bn";
  let summary = "Batch normalization, from the layer to the tile";
  let description = [{
    The dialect has two levels. A *user-level* op (`bn.training`,
    `bn.inference`, `bn.backward`) says what a batch-normalization layer
    computes. A *structural* op (`bn.stats`, `bn.merge_stats`,
    `bn.update_running_stats`, `bn.normalize`, `bn.backward_reduce`,
    `bn.backward_input`) is one step of it. User-level ops decompose into
    structural ops, and those into `linalg`.

    All ops are in destination-passing style, work on tensors of `f16`, `bf16`,
    `f32` or `f64` of any rank of at least 1, and take parameters and
    statistics of the same or a wider element type. `docs/Spec.md` numbers the
    constraints that are quoted here as (C1), (C2), ...
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"
  ];
}

//===----------------------------------------------------------------------===//
// Enums
//===----------------------------------------------------------------------===//

def BN_VarianceKind : I32EnumAttr<"VarianceKind",
    "which estimate of the variance feeds the moving average", [
      I32EnumAttrCase<"population", 0>,
      I32EnumAttrCase<"sample", 1>
    ]> {
  let cppNamespace = "::mlir::bn";
}

def BN_StatisticsKind : I32EnumAttr<"StatisticsKind",
    "what the second statistic of a channel is", [
      I32EnumAttrCase<"variance", 0>,
      I32EnumAttrCase<"inverse_std", 1>
    ]> {
  let cppNamespace = "::mlir::bn";
}

def BN_GradientSums : I32EnumAttr<"GradientSums",
    "which sums over a channel the gradients need", [
      I32EnumAttrCase<"both", 0>,
      I32EnumAttrCase<"dy", 1>,
      I32EnumAttrCase<"dy_xmu", 2>
    ]> {
  let cppNamespace = "::mlir::bn";
}

def BN_Gradient : I32BitEnumAttr<"Gradient",
    "operands of the forward op, and its normalized elements, that a gradient "
    "is asked for", [
      I32BitEnumAttrCaseBit<"input", 0>,
      I32BitEnumAttrCaseBit<"scale", 1>,
      I32BitEnumAttrCaseBit<"offset", 2>,
      I32BitEnumAttrCaseBit<"normalized", 3>
    ]> {
  let cppNamespace = "::mlir::bn";
  let separator = ", ";
}

def BN_Schedule : I32EnumAttr<"Schedule", "how an op becomes loops", [
      I32EnumAttrCase<"Single", 0, "single">,
      I32EnumAttrCase<"Slab", 1, "slab">,
      I32EnumAttrCase<"RowBlocks", 2, "row_blocks">,
      I32EnumAttrCase<"Split", 3, "split">,
      I32EnumAttrCase<"Sweep", 4, "sweep">,
      I32EnumAttrCase<"PipelinedSlab", 5, "pipelined_slab">
    ]> {
  let cppNamespace = "::mlir::bn";
  let genSpecializedAttr = 0;
}

def BN_StoreKind : I32EnumAttr<"StoreKind", "how the data are written", [
      I32EnumAttrCase<"Temporal", 0, "temporal">,
      I32EnumAttrCase<"NonTemporal", 1, "nontemporal">
    ]> {
  let cppNamespace = "::mlir::bn";
  let genSpecializedAttr = 0;
}

def BN_Moments : I32EnumAttr<"Moments", "what statistics are computed of", [
      I32EnumAttrCase<"Central", 0, "central">,
      I32EnumAttrCase<"Raw", 1, "raw">
    ]> {
  let cppNamespace = "::mlir::bn";
  let genSpecializedAttr = 0;
}

//===----------------------------------------------------------------------===//
// #bn.lowering_strategy
//===----------------------------------------------------------------------===//

def BN_LoweringStrategyAttr : AttrDef<BN_Dialect, "LoweringStrategy"> {
  let mnemonic = "lowering_strategy";
  let summary = "how the passes of the phases 'tiled' and 'vector' treat an op";
  let description = [{
    Written by `bn-select-lowering-strategy` (or by hand) as the discardable
    attribute `bn.lowering_strategy` of a `bn` op; every later pass only reads
    it. Lists have one entry per dimension of the op's input.

    | field | meaning |
    |---|---|
    | schedule | `slab`: channel groups are independent and each is finished before the next; `pipelined_slab`: one group is normalized in the loop that takes the statistics of the next; `row_blocks`, `split`: one sweep takes partial statistics of pieces of the reduction, which are merged, a second sweep normalizes; `sweep`: one elementwise pass; `single`: as `slab`, on one thread |
    | `threads` | size of the OpenMP team, 0 = what the runtime gives |
    | `parallel` | tile sizes of the loop whose iterations run in parallel, 0 = not tiled, negative `-p` = the dimension is cut in at most `p` equal pieces |
    | `tile` | the tile after which partial statistics are merged, 0 = whole dimension; in the channel dimension, the channel group of a pipelined slab |
    | `vector_bits` | width of a vector register |
    | `unroll` | vector registers per register tile, a power of two |
    | `stores` | `nontemporal`: past the caches, where the address is aligned |
    | `streams` | far places that rows are read from in turn where channels are contiguous: each keeps a hardware prefetcher busy; default 1 |
    | `jam` | adjacent rows that are written in one loop, which reads what is the same for all of them once (unroll and jam); default 1 |
    | `prefetch` | rows that are prefetched ahead, in units of `jam` rows; default 0 |
    | `moments` | `raw`: statistics of a tile are those of sums of x and x^2, if they are exact enough; else, with `central`, a pivot or a mask, of sums about a pivot near the mean; gradients are summed likewise; default `central` |

    How the work is cut depends on shapes and on this attribute alone, never on
    how many threads turn up: this makes results independent of threads, bit
    for bit.

    Example:

    ```mlir
    #bn.lowering_strategy<slab, threads = 0, parallel = [0, 1, 0],
                          tile = [1, 0, 4096], vector_bits = 256, unroll = 4,
                          stores = temporal>
    ```
  }];
  let parameters = (ins
    EnumParameter<BN_Schedule>:$schedule,
    "int64_t":$threads,
    ArrayRefParameter<"int64_t">:$parallel,
    ArrayRefParameter<"int64_t">:$tile,
    "int64_t":$vectorBits,
    "int64_t":$unroll,
    EnumParameter<BN_StoreKind>:$stores,
    DefaultValuedParameter<"int64_t", "1">:$streams,
    DefaultValuedParameter<"int64_t", "1">:$jam,
    DefaultValuedParameter<"int64_t", "0">:$prefetch,
    DefaultValuedParameter<"::mlir::bn::Moments",
                           "::mlir::bn::Moments::Central">:$moments
  );
  let assemblyFormat = [{
    `<` $schedule `,` `threads` `=` $threads `,` `parallel` `=`
    custom<I64List>($parallel) `,` `tile` `=` custom<I64List>($tile) `,`
    `vector_bits` `=` $vectorBits `,` `unroll` `=` $unroll `,`
    `stores` `=` $stores `` custom<OptionalFields>($streams, $jam,
                                                      $prefetch, $moments) `>`
  }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// This strategy with other sizes: what is left after some were obeyed.
    LoweringStrategyAttr withSizes(::llvm::ArrayRef<int64_t> parallel,
                                   ::llvm::ArrayRef<int64_t> tile) {
      return get(getContext(), getSchedule(), getThreads(), parallel, tile,
                 getVectorBits(), getUnroll(), getStores(), getStreams(),
                 getJam(), getPrefetch(), getMoments());
    }
  }];
}

#endif // BN_DIALECT_BN_IR_BNBASE
