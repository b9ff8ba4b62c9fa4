//===- Passes.td - Code generation for the CPU -------------*- tablegen -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_CODEGEN_CPU_PASSES
#define BN_CODEGEN_CPU_PASSES

include "mlir/Pass/PassBase.td"

def VectorizeTilesPass
    : Pass<"bn-vectorize-tiles", "::mlir::func::FuncOp"> {
  let summary = "turn linalg ops on tiles into loops over vectors";
  let description = [{
    Each linalg op on tensors becomes loops. Its contiguous dimension advances
    in strips: register tiles of `unroll` vector registers, then single
    registers, then single elements: every static or dynamic size has a correct
    tail. Where the size is known, strips of half the width each follow a
    register tile, down to four elements (a dot product is of a register).
    Registers of 512 bits or more have masks that cost nothing: there, a masked
    step takes the place of all that is less than a register, if no op in the
    body could trap on what is masked off and, of bf16, with `avx512-bf16`. A
    reduction along the strips carries one accumulator per strip width through
    its loops and sums their lanes at the end; a reduction across strips carries
    vectors. Sums are made of short ones for the sake of accuracy: of four
    registers, four rows, or, where rows are added one by one in a loop that
    also writes, the squares of up to 18 rows. Of bf16 that is only summed along
    the strips, two registers or more are widened without regard to their order,
    by a shift and a mask. With `avx512-bf16`, where the strategy says
    `moments = raw` and each result is a sum of products of bf16, of bf16 and
    constants that are bf16, or of bf16 alone, these are dot products: of
    neighbours along a strip, or else of rows in pairs, element by element. Where
    the strategy of an elementwise op says `jam = J`, J rows are written in one
    loop, which reads once what they share.

    The register width and the unroll factor come from the op's
    `bn.lowering_strategy`, else from the options.

    Example:

    ```mlir
    %s = linalg.generic {... iterator_types = ["reduction"]}
        ins(%x : tensor<100xf32>) outs(%s0 : tensor<f32>) { ... addf ... }
    ```

    becomes, with 256-bit registers and an unroll factor of 4,

    ```mlir
    %a = scf.for %i = 0 to 96 step 32 iter_args(%acc = %zeros) {
      %v = vector.transfer_read %x[%i] : vector<32xf32>
      ... arith.addf %v, %acc
    }
    %b = scf.for %i = 96 to 100 step 1 iter_args(%acc = %zero) { ... }
    %c = vector.reduction <add>, %a fastmath<reassoc>
    ```
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
    "::mlir::ub::UBDialect", "::mlir::vector::VectorDialect",
    "::mlir::x86vector::X86VectorDialect"
  ];
  let options = [
    Option<"vectorBits", "vector-bits", "int64_t", "256",
           "width of a vector register in bits, for ops without a strategy">,
    Option<"unroll", "unroll", "int64_t", "4",
           "registers per register tile, for ops without a strategy">,
    Option<"avx512BF16", "avx512-bf16", "bool", "false",
           "the target has the instructions AVX512-BF16: sums of products of "
           "bf16 for raw moments are dot products, and there are masks for bf16">
  ];
  let statistics = [
    Statistic<"numVectorized", "vectorized", "ops turned into vector loops">,
    Statistic<"numLeft", "left", "ops left for the scalar fallback">
  ];
}

def ForallToOpenMPPass
    : Pass<"bn-forall-to-openmp", "::mlir::func::FuncOp"> {
  let summary = "turn bufferized parallel loops into OpenMP";
  let description = [{
    Each outermost `scf.forall` on buffers becomes one team with one shared
    loop, whose threads meet at the end of the team only (`nowait`). The team
    has as many threads as the loop's `bn.threads` says, which `bn-tile-slabs`
    and `bn-tile-reductions` take from the strategy, or as many as the runtime
    gives. Stack buffers of static size move from the loop to the start of the
    team's code, so that the loop does not grow the stack and LLVM can keep them
    in registers: iterations do not share what is in them. Those in a sequential
    loop outside of teams move to the start of the function.

    Example:

    ```mlir
    scf.forall (%i) in (64) {
      %a = memref.alloca() : memref<16xf64>
      ...
    } {bn.threads = 2 : i64}
    ```

    becomes

    ```mlir
    omp.parallel num_threads(%c2 : i32) {
      %a = memref.alloca() : memref<16xf64>
      omp.wsloop nowait {
        omp.loop_nest (%i) : index = (%c0) to (%c64) step (%c1) {
          ...
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
    "::mlir::omp::OpenMPDialect"
  ];
}

def PackBitsPass : Pass<"bn-pack-bits", "::mlir::func::FuncOp"> {
  let summary = "read and write elements of one bit as bytes";
  let description = [{
    A transfer of a vector of elements that a `bn.view_bits` views becomes one
    of an eighth as many bytes and a `vector.bitcast`. Vectors have to be whole
    bytes and to start at one, as they do in rows of a multiple of 8 elements:
    what the pass cannot prove to be so is an error, as is any other access but a
    prefetch. Runs behind `bn-prefetch-rows` and `bn-nontemporal-stores`, to which
    bits are elements as others are.

    Example:

    ```mlir
    %bits = bn.view_bits %bytes : memref<512xi8> to memref<64x64xi8>
    ...
    %v = vector.transfer_read %bits[%r, %i], %pad : memref<64x64xi8>, vector<32xi8>
    ```

    becomes

    ```mlir
    %bit = affine.apply (%r * 64 + %i)
    %w = vector.transfer_read %bytes[%bit / 8], %pad : memref<512xi8>, vector<4xi8>
    %b = vector.bitcast %w : vector<4xi8> to vector<32xi1>
    %v = arith.extui %b : vector<32xi1> to vector<32xi8>
    ```
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect", "::mlir::vector::VectorDialect"
  ];
}

def InterleaveCoefficientsPass
    : Pass<"bn-interleave-coefficients", "::mlir::func::FuncOp"> {
  let summary = "store coefficients as pairs of bf16 are worked on";
  let description = [{
    For `bn-pair-bf16-lanes`, where every element of a row of bf16 has numbers
    of its own: vectors of f32 that loops over rows only read, of a buffer with
    as many numbers as a row has. In front of these loops they are copied, vector
    by vector, first the even and then the odd elements, and for a NaN one whose
    lower half is 0. Loops whose vectors start at lines that are known at run
    time alone stay, as `bn-nontemporal-stores` makes of some.

    Example:

    ```mlir
    scf.for %row = ... {
      scf.for %i = %c0 to %c512 step %c32 {
        %a = vector.transfer_read %factors[%i], %pad : memref<512xf32>, vector<32xf32>
        ... // arith.extf, arith.mulf %x, %a, arith.truncf
    ```

    becomes

    ```mlir
    %copy = memref.alloc() : memref<512xf32>
    scf.for %i = %c0 to %c512 step %c32 {
      %a = vector.transfer_read %factors[%i], %pad : memref<512xf32>, vector<32xf32>
      %even, %odd = vector.deinterleave %a : vector<32xf32> -> vector<16xf32>
      vector.transfer_write %even, %copy[%i] : vector<16xf32>, memref<512xf32>
      vector.transfer_write %odd, %copy[%i + 16] : vector<16xf32>, memref<512xf32>
    }
    scf.for %row = ... {
      scf.for %i = %c0 to %c512 step %c32 {
        %even = vector.transfer_read %copy[%i], %pad : memref<512xf32>, vector<16xf32>
        %odd = vector.transfer_read %copy[%i + 16], %pad : memref<512xf32>, vector<16xf32>
        %a = vector.interleave %even, %odd {bn.short_nan} : vector<16xf32> -> vector<32xf32>
        ...
    ```
  }];
  let options = [
    Option<"maxBytes", "max-bytes", "int64_t", "8192",
           "the largest buffer to copy: copies live on the stack, and in the L1 "
           "cache take the place of what they are made of">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::bn::BNDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect"
  ];
}

def PrefetchRowsPass
    : Pass<"bn-prefetch-rows", "::mlir::func::FuncOp"> {
  let summary = "ask for rows some iterations before they are used";
  let description = [{
    In a loop over rows marked `bn.prefetch = D`, each vector that is read at a
    place that depends on the row is prefetched D rows ahead, with one prefetch
    per cache line: into the L1 cache, or, where D rows of all that is read are a
    sixth of that or more, into the L2 cache; an addend of what is stored beside
    sums into the L1 cache even so. Towards the end of the loop, the last row
    takes the place of rows that do not exist. Vectors shorter than a cache line,
    in tails, are left to the hardware. Bits (`bn.view_bits`) are prefetched where
    they are written, into the L1 cache: stores behind one whose line is not there
    wait for it.

    Where the loop sums some of a buffer and stores a function of another part,
    as when statistics of the next channel group are taken while the present one
    is normalized, only what is summed comes from memory: the rest has been
    summed before, and has no prefetch. What several loops over a row read is
    prefetched in the first.

    Runs before `bn-nontemporal-stores`, which makes two versions of a loop.

    Example:

    ```mlir
    scf.for %r = %c0 to %n step %c1 {
      %s = scf.for %i = ... iter_args(%t = %zero) {
        %v = vector.transfer_read %x[%r, %i] ... vector<32xf32>
        ... arith.addf %t, %v
      }
    } {bn.prefetch = 1 : i64}
    ```

    becomes

    ```mlir
    %last = arith.subi %n, %c1
    scf.for %r = %c0 to %n step %c1 {
      %next = arith.addi %r, %c1
      %ahead = arith.minsi %next, %last
      %s = scf.for %i = ... iter_args(%t = %zero) {
        memref.prefetch %x[%ahead, %i], read, locality<3>, data
        %j = arith.addi %i, %c16
        memref.prefetch %x[%ahead, %j], read, locality<3>, data
        %v = vector.transfer_read %x[%r, %i] ... vector<32xf32>
        ... arith.addf %t, %v
      }
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"
  ];
  let options = [
    Option<"l1Bytes", "l1-bytes", "int64_t", "0",
           "size of the L1 cache in bytes, 0 = that of the module's "
           "`dlti.target_system_spec`, else of the host">
  ];
  let statistics = [
    Statistic<"numPrefetched", "prefetched",
              "vector reads, and writes of bits, with prefetches">
  ];
}

def NontemporalStoresPass
    : Pass<"bn-nontemporal-stores", "::mlir::func::FuncOp"> {
  let summary = "write past the caches where the strategy asks for it";
  let description = [{
    Loops over vectors that `bn-vectorize-tiles` marked `bn.nontemporal`, with
    the bytes of a vector register, get non-temporal stores. These need an
    aligned address (an unaligned one becomes many scalar stores) and should
    write whole cache lines, so only loops with whole lines per iteration are
    changed. Where a line starts is known at run time:

    - A loop that does the same to each element is moved to the first line that
      it writes. The less than one iteration in front and behind is done by short
      loops: whole lines behind by one, which writes past the caches, too, and
      the rest by one over single registers and one over single elements (over
      eight, where there are bits). These two do all of it where lines are never
      met: several buffers are written and start at different places in a line,
      or an address is no multiple of an element, or, with bits, of eight.
    - A loop with sums over lanes that reads other buffers for them than for
      what it writes, in rows of a known length that is not whole lines: its
      writes alone are moved, and its sums stay as they are.
    - Any other loop, such as one with few iterations, has two versions, one of
      them for a destination that starts at a multiple of the mark.
    - With `version-bf16`, a loop that is moved, over rows of bf16 that are whole
      lines and with coefficients for `bn-interleave-coefficients`, has a version
      that is not moved, too, for rows that start at a line.

    Behind a loop, what is left of rows of whole lines is written past the
    caches, too, where the loop, whose bounds are known, starts at a line:
    single writes of whole lines, as there are where vectors are masked.

    A fence at the end of each parallel iteration, or of the function, orders
    the stores before what follows.

    Example:

    ```mlir
    scf.for %i = %c0 to %n step %c32 {
      ...
      vector.transfer_write %v, %y[%r, %i] ...
    } {bn.nontemporal = 32 : i64}
    ```

    becomes

    ```mlir
    %head = ... elements up to a multiple of 64 bytes, from &%y[%r, %c0]
    %main = ... (%n - %head) rounded down to a multiple of 32
    scf.for ... step %c1 { ... memref.store %v, %y[%r, %j] }
    scf.for ... step %c8 { ... vector.transfer_write %v, %y[%r, %j] }
    scf.for ... step %c16 { ... vector.store %v, %y[%r, %j] {alignment = 64, nontemporal = true} }
    scf.for %i = %head to %head + %main step %c32 {
      ...
      vector.store %v, %y[%r, %i] {alignment = 64, nontemporal = true} ...
    }
    ```
  }];
  let options = [
    Option<"versionBF16", "version-bf16", "bool", "false",
           "give loops over rows of bf16 a version for rows that start at lines, "
           "in which all vectors stay where they are">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect"
  ];
}

def PairBF16LanesPass : Pass<"bn-pair-bf16-lanes", "::mlir::func::FuncOp"> {
  let summary = "work on the lower and the upper halves of pairs of bf16";
  let description = [{
    Elementwise ops that lead from vectors of bf16 to a vector of bf16, by way
    of f32, are done twice on half as many elements: on those with even and on
    those with odd numbers. These are the halves of 32-bit lanes, which a shift
    and a mask separate, where a conversion in order moves elements between
    registers. All other operands have to be equal in all elements, or a
    `vector.interleave`, as `bn-interleave-coefficients` makes. Bits, 16 or 32,
    are taken apart and put together where there are no registers for masks,
    which AVX-512 has. Short vectors, which belong to tails, stay.

    Example:

    ```mlir
    %w = arith.extf %x : vector<32xbf16> to vector<32xf32>
    %v = arith.mulf %w, %factors : vector<32xf32>
    %y = arith.truncf %v : vector<32xf32> to vector<32xbf16>
    ```

    becomes

    ```mlir
    %pairs = vector.bitcast %x : vector<32xbf16> to vector<16xi32>
    %even = arith.mulf (%pairs << 16), %factor : vector<16xf32>
    %odd = arith.mulf (%pairs & 0xffff0000), %factor : vector<16xf32>
    %bits = round %even, %odd : vector<32xi16>
    %y = vector.bitcast %bits : vector<32xi16> to vector<32xbf16>
    ```

    where both are rounded as `bn-round-to-bf16` does, and `%factor`, if it is
    NaN, has been replaced by one whose lower half is 0,

    or, with an instruction that rounds two registers,

    ```mlir
    %both = vector.shuffle %even, %odd [0, ..., 31] : vector<16xf32>, vector<16xf32>
    %rounded = arith.truncf %both : vector<32xf32> to vector<32xbf16>
    %y = vector.shuffle %rounded, %rounded [0, 16, 1, 17, ...]
    ```
  }];
  let options = [
    Option<"avx512BF16", "avx512-bf16", "bool", "false",
           "leave rounding to the instructions of AVX512-BF16">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::vector::VectorDialect"
  ];
}

def RoundToBF16Pass : Pass<"bn-round-to-bf16", "::mlir::func::FuncOp"> {
  let summary = "round f32 to bf16 in integers";
  let description = [{
    `arith.truncf` from f32 to bf16 becomes integer arithmetic, to nearest with
    ties to even; a NaN stays one. Without hardware for it LLVM calls a library
    function per element. What comes from f64 is rounded to f32 before, what goes
    there is widened by way of it, and a `math.fma` of bf16, which upstream's
    passes leave, is one of f32.

    Vectors in which every NaN has an upper half that is NaN, too (arithmetic
    makes NaN quiet, and what was bf16 has nothing in the lower half), are
    rounded two registers at a time, in 16-bit lanes: `%kept` are the upper
    halves of both, in turns, and `%cut` the lower ones. One is added where
    `%cut` is above one half, or equal to it and `%kept` odd, but not to a NaN
    with all bits set, if there may be one:

    ```mlir
    %less = ~%kept & 1 | (%kept | 0x8000) == 0xffff
    %rest = arith.subi (arith.maxui %cut, %less), %less : vector<16xi16>
    %rounded = %kept + (%rest >> 15)
    ```

    All else stays in 32-bit lanes, and its NaN become quiet.

    Example:

    ```mlir
    %y = arith.truncf %x : vector<8xf32> to vector<8xbf16>
    ```

    becomes

    ```mlir
    %bits = arith.bitcast %x : vector<8xf32> to vector<8xi32>
    %odd = (%bits >> 16) & 1
    %isNaN = arith.cmpf uno, %x, %x : vector<8xf32>
    %kept = arith.select %isNaN, %bits | 0x400000, %bits + %odd + 0x7fff
    %narrow = arith.trunci (%kept >> 16) : vector<8xi32> to vector<8xi16>
    %y = arith.bitcast %narrow : vector<8xi16> to vector<8xbf16>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::vector::VectorDialect"];
  let options = [
    Option<"vectorBits", "vector-bits", "int64_t", "256",
           "width of a vector register in bits">
  ];
}

def ConvertMaxMinToLLVMPass
    : Pass<"bn-convert-max-min-to-llvm", "::mlir::func::FuncOp"> {
  let summary = "use the target's own maximum and minimum";
  let description = [{
    `arith.maximumf` and `arith.minimumf` of f32 and f64 that may give a zero of
    either sign become LLVM's intrinsics. With a constant, as in a ReLU, that is
    one instruction; a comparison and a select, which upstream's
    `arith-expand` makes, are two. NaN are kept by both, unless there is `nnan`.

    Example:

    ```mlir
    %z = arith.maximumf %y, %zero fastmath<nsz> : vector<8xf32>
    ```

    becomes

    ```mlir
    %z = llvm.intr.maximum(%y, %zero) {fastmathFlags = #llvm.fastmath<nsz>}
        : (vector<8xf32>, vector<8xf32>) -> vector<8xf32>
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def MoveBF16AsIntegersPass : Pass<"bn-move-bf16-as-integers"> {
  let summary = "move bf16 as integers";
  let description = [{
    What is loaded, stored, selected, inserted, extracted and shuffled of bf16
    are integers of 16 bits, for targets without instructions for bf16: what LLVM
    does there with vectors of it element by element, it does by way of f32, with
    library functions.

    Example:

    ```mlir
    %x = llvm.load %p : !llvm.ptr -> vector<16xbf16>
    ```

    becomes

    ```mlir
    %bits = llvm.load %p : !llvm.ptr -> vector<16xi16>
    %x = llvm.bitcast %bits : vector<16xi16> to vector<16xbf16>
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def FenceSelectedLoadsPass : Pass<"bn-fence-selected-loads"> {
  let summary = "keep loads from being masked by what other loads give";
  let description = [{
    A `llvm.select` of a vector that is loaded, as in the gradient of a ReLU,
    takes it from behind an `llvm.arithmetic.fence`. Without that, LLVM makes
    one masked load of load and select where the target has such, and the load
    waits for the mask: two tensors that are not in a cache are then read one
    after the other. The fence is no instruction.

    Example:

    ```mlir
    %dy = llvm.load %p : !llvm.ptr -> vector<16xf32>
    %g = llvm.select %passes, %dy, %zero : vector<16xi1>, vector<16xf32>
    ```

    becomes

    ```mlir
    %dy = llvm.load %p : !llvm.ptr -> vector<16xf32>
    %e = llvm.call_intrinsic "llvm.arithmetic.fence"(%dy)
    %g = llvm.select %passes, %e, %zero : vector<16xi1>, vector<16xf32>
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
  let statistics = [
    Statistic<"numFenced", "num-fenced", "number of operands">
  ];
}

def UseAVX512BF16Pass : Pass<"bn-use-avx512-bf16"> {
  let summary = "round to bf16 by AVX512-BF16";
  let description = [{
    Vectors of whole 512-bit registers are rounded from f32 to bf16 two
    registers at a time. Takes the place of `bn-pair-bf16-lanes` and
    `bn-round-to-bf16` where the target has these instructions. They take
    subnormal numbers for 0, and never give one.

    Example:

    ```mlir
    %y = llvm.fptrunc %x : vector<32xf32> to vector<32xbf16>
    ```

    becomes

    ```mlir
    %lower = llvm.shufflevector %x, %x [0, ..., 15] : vector<32xf32>
    %upper = llvm.shufflevector %x, %x [16, ..., 31] : vector<32xf32>
    %y = llvm.call_intrinsic "llvm.x86.avx512bf16.cvtne2ps2bf16.512"(
        %upper, %lower)
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def Stream16BitRegistersPass : Pass<"bn-stream-16-bit-registers"> {
  let summary = "keep the hint of non-temporal stores of f16 and bf16";
  let description = [{
    Non-temporal stores of whole 512-bit registers become inline assembly: LLVM
    drops their hint where registers of f16 (AVX512-FP16) and bf16 (AVX512-BF16)
    are legal.

    Example:

    ```mlir
    llvm.store %y, %p {alignment = 64 : i64, nontemporal}
        : vector<32xf16>, !llvm.ptr
    ```

    becomes

    ```mlir
    %bits = llvm.bitcast %y : vector<32xf16> to vector<16xi32>
    llvm.inline_asm has_side_effects asm_dialect = att
        "vmovntps $0, ($1)", "v,r,~{memory}" %bits, %p
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // BN_CODEGEN_CPU_PASSES
