// Channels first, data that fill much of a last-level cache of 32 MiB, from
// which other work drives them out: pieces of images, whose partial statistics
// are merged, in place of slabs of channels.

// RUN: bn-opt %s --bn-select-lowering-strategy="threads=2" | FileCheck %s
// RUN: bn-opt %s --bn-select-lowering-strategy="threads=2 vector-bits=256" | FileCheck %s --check-prefix=UNMASKED

module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<
      "L1_cache_size_in_bytes" = 32768 : i64,
      "L2_cache_size_in_bytes" = 1048576 : i64,
      "L3_cache_size_in_bytes" = 33554432 : i64,
      "max_vector_op_width" = 512 : i64>>
} {
  // Ten pieces of five images, not eight of at most seven.
  // CHECK-LABEL: func @equal_pieces
  //       CHECK:   <split, threads = 2, parallel = [5, 0, 0], tile = [5, 0, 0], {{.*}} stores = temporal>
  // UNMASKED-LABEL: func @equal_pieces
  //       UNMASKED:   <split, threads = 2, parallel = [5, 0, 0], tile = [5, 0, 0], vector_bits = 256
  func.func @equal_pieces(%x: tensor<50x256x196xf32>, %c: tensor<256xf32>)
      -> tensor<50x256x196xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<50x256x196xf32>)
        outs(%x, %c, %c
             : tensor<50x256x196xf32>, tensor<256xf32>, tensor<256xf32>)
        -> tensor<50x256x196xf32>, tensor<256xf32>, tensor<256xf32>
    return %y : tensor<50x256x196xf32>
  }

  // Of four, since seven would not share evenly.
  // CHECK-LABEL: func @even_pieces
  //       CHECK:   <split, threads = 2, parallel = [2, 0, 0], tile = [2, 0, 0],
  func.func @even_pieces(%x: tensor<28x448x196xf32>, %c: tensor<448xf32>)
      -> tensor<28x448x196xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<28x448x196xf32>)
        outs(%x, %c, %c
             : tensor<28x448x196xf32>, tensor<448xf32>, tensor<448xf32>)
        -> tensor<28x448x196xf32>, tensor<448xf32>, tensor<448xf32>
    return %y : tensor<28x448x196xf32>
  }

  // Channels of 2450 elements are worth four pieces. A tile is at most eight
  // images, half of a piece here. Without masks, such rows are short.
  // CHECK-LABEL: func @few_elements
  //       CHECK:   <split, threads = 2, parallel = [13, 0, 0], tile = [7, 0, 0],
  // UNMASKED-LABEL: func @few_elements
  //       UNMASKED:   <slab, threads = 2, parallel = [0, 16, 0],
  func.func @few_elements(%x: tensor<50x1024x49xf32>, %c: tensor<1024xf32>)
      -> tensor<50x1024x49xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<50x1024x49xf32>)
        outs(%x, %c, %c
             : tensor<50x1024x49xf32>, tensor<1024xf32>, tensor<1024xf32>)
        -> tensor<50x1024x49xf32>, tensor<1024xf32>, tensor<1024xf32>
    return %y : tensor<50x1024x49xf32>
  }

  // Two rows of 3136 elements are a tile.
  // CHECK-LABEL: func @long_rows
  //       CHECK:   <split, threads = 2, parallel = [8, 0, 0], tile = [2, 0, 0],
  func.func @long_rows(%x: tensor<64x24x3136xbf16>, %c: tensor<24xf32>)
      -> tensor<64x24x3136xbf16> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<64x24x3136xbf16>)
        outs(%x, %c, %c
             : tensor<64x24x3136xbf16>, tensor<24xf32>, tensor<24xf32>)
        -> tensor<64x24x3136xbf16>, tensor<24xf32>, tensor<24xf32>
    return %y : tensor<64x24x3136xbf16>
  }

  // An addend is read, too.
  // CHECK-LABEL: func @addend
  //       CHECK:   <split, threads = 2, parallel = [5, 0, 0],
  func.func @addend(%x: tensor<50x128x196xf32>, %z: tensor<50x128x196xf32>,
      %c: tensor<128xf32>) -> tensor<50x128x196xf32> {
    %y:3 = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<50x128x196xf32>)
        outs(%x, %c, %c
             : tensor<50x128x196xf32>, tensor<128xf32>, tensor<128xf32>)
        epilogue(%z : tensor<50x128x196xf32>) {
    ^bb0(%n: f32, %a: f32):
      %s = arith.addf %n, %a : f32
      bn.yield %s : f32
    } -> tensor<50x128x196xf32>, tensor<128xf32>, tensor<128xf32>
    return %y#0 : tensor<50x128x196xf32>
  }

  // A quarter of the cache is what may be read: gradients read twice as much as
  // training.
  // CHECK-LABEL: func @gradients
  //       CHECK:   bn.backward {{.*}}<split, threads = 2, parallel = [5, 0, 0], tile = [5, 0, 0],
  //       CHECK:   bn.training {{.*}}<pipelined_slab, threads = 2, parallel = [0, 64, 0],
  func.func @gradients(%dy: tensor<50x128x196xf32>, %x: tensor<50x128x196xf32>,
      %c: tensor<128xf32>)
      -> (tensor<50x128x196xf32>, tensor<50x128x196xf32>) {
    %dx = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%dy, %x : tensor<50x128x196xf32>, tensor<50x128x196xf32>)
        statistics(%c, %c : tensor<128xf32>, tensor<128xf32>)
        outs(%x : tensor<50x128x196xf32>) -> tensor<50x128x196xf32>
    %y:3 = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<50x128x196xf32>)
        outs(%x, %c, %c
             : tensor<50x128x196xf32>, tensor<128xf32>, tensor<128xf32>)
        -> tensor<50x128x196xf32>, tensor<128xf32>, tensor<128xf32>
    return %dx, %y#0 : tensor<50x128x196xf32>, tensor<50x128x196xf32>
  }

  // Past the caches, a slab is read from memory once.
  // CHECK-LABEL: func @past_the_caches
  //       CHECK:   <pipelined_slab, {{.*}} stores = nontemporal
  func.func @past_the_caches(%x: tensor<50x512x196xf32>, %c: tensor<512xf32>)
      -> tensor<50x512x196xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<50x512x196xf32>)
        outs(%x, %c, %c
             : tensor<50x512x196xf32>, tensor<512xf32>, tensor<512xf32>)
        -> tensor<50x512x196xf32>, tensor<512xf32>, tensor<512xf32>
    return %y : tensor<50x512x196xf32>
  }

  // Past them, what a channel of bf16 needs is twice as long as its row where it
  // is spread, and fills a small L1 cache with eight channels: whole lines.
  // CHECK-LABEL: func @whole_lines
  //       CHECK:   <slab, threads = 2, parallel = [0, 8, 0], {{.*}} stores = nontemporal
  // UNMASKED-LABEL: func @whole_lines
  //       UNMASKED:   <slab, threads = 2, parallel = [0, 8, 0],
  func.func @whole_lines(%dy: tensor<50x1024x196xbf16>,
      %x: tensor<50x1024x196xbf16>, %c: tensor<1024xf32>) -> tensor<50x1024x196xbf16> {
    %dx = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%dy, %x : tensor<50x1024x196xbf16>, tensor<50x1024x196xbf16>)
        statistics(%c, %c : tensor<1024xf32>, tensor<1024xf32>)
        outs(%dy : tensor<50x1024x196xbf16>) -> tensor<50x1024x196xbf16>
    return %dx : tensor<50x1024x196xbf16>
  }

  // With the three numbers that the sign of a ReLU takes there is room for four,
  // which are not: such rows go alone, in pieces of images, through the caches.
  // CHECK-LABEL: func @cramped
  //       CHECK:   <split, threads = 2, parallel = [16, 0, 0], tile = [8, 0, 0], {{.*}} stores = temporal>
  // UNMASKED-LABEL: func @cramped
  //       UNMASKED:   <slab, threads = 2, parallel = [0, 4, 0],
  func.func @cramped(%dy: tensor<128x1024x196xbf16>, %x: tensor<128x1024x196xbf16>,
      %c: tensor<1024xf32>) -> tensor<128x1024x196xbf16> {
    %dx = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%dy, %x : tensor<128x1024x196xbf16>, tensor<128x1024x196xbf16>)
        statistics(%c, %c : tensor<1024xf32>, tensor<1024xf32>)
        outs(%dy : tensor<128x1024x196xbf16>)
        prologue(%x, %c, %c, %c
                 : tensor<128x1024x196xbf16>, tensor<1024xf32>, tensor<1024xf32>,
                   tensor<1024xf32>) {
    ^bb0(%d: f32, %n: f32, %m: f32, %a: f32, %b: f32):
      %zero = arith.constant 0.0 : f32
      %centred = arith.subf %n, %m : f32
      %scaled = arith.mulf %centred, %a : f32
      %y = arith.addf %scaled, %b : f32
      %p = arith.cmpf ogt, %y, %zero : f32
      %g = arith.select %p, %d, %zero : f32
      bn.yield %g : f32
    } -> tensor<128x1024x196xbf16>
    return %dx : tensor<128x1024x196xbf16>
  }

  // Of more images a spread is read often, as long as a slab stays in the L2
  // cache. (The input is read once, though the prologue takes it, too.)
  // CHECK-LABEL: func @read_often
  //       CHECK:   <slab, threads = 2, parallel = [0, 4, 0], {{.*}} stores = nontemporal
  func.func @read_often(%dy: tensor<300x1024x196xbf16>, %x: tensor<300x1024x196xbf16>,
      %c: tensor<1024xf32>) -> tensor<300x1024x196xbf16> {
    %dx = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%dy, %x : tensor<300x1024x196xbf16>, tensor<300x1024x196xbf16>)
        statistics(%c, %c : tensor<1024xf32>, tensor<1024xf32>)
        outs(%dy : tensor<300x1024x196xbf16>)
        prologue(%x, %c, %c, %c
                 : tensor<300x1024x196xbf16>, tensor<1024xf32>, tensor<1024xf32>,
                   tensor<1024xf32>) {
    ^bb0(%d: f32, %n: f32, %m: f32, %a: f32, %b: f32):
      %zero = arith.constant 0.0 : f32
      %centred = arith.subf %n, %m : f32
      %scaled = arith.mulf %centred, %a : f32
      %y = arith.addf %scaled, %b : f32
      %p = arith.cmpf ogt, %y, %zero : f32
      %g = arith.select %p, %d, %zero : f32
      bn.yield %g : f32
    } -> tensor<300x1024x196xbf16>
    return %dx : tensor<300x1024x196xbf16>
  }

  // CHECK-LABEL: func @not_from_l2
  //       CHECK:   <split, threads = 2, parallel = [48, 0, 0], tile = [8, 0, 0], {{.*}} stores = temporal>
  func.func @not_from_l2(%dy: tensor<384x512x196xbf16>, %x: tensor<384x512x196xbf16>,
      %c: tensor<512xf32>) -> tensor<384x512x196xbf16> {
    %dx = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%dy, %x : tensor<384x512x196xbf16>, tensor<384x512x196xbf16>)
        statistics(%c, %c : tensor<512xf32>, tensor<512xf32>)
        outs(%dy : tensor<384x512x196xbf16>)
        prologue(%x, %c, %c, %c
                 : tensor<384x512x196xbf16>, tensor<512xf32>, tensor<512xf32>,
                   tensor<512xf32>) {
    ^bb0(%d: f32, %n: f32, %m: f32, %a: f32, %b: f32):
      %zero = arith.constant 0.0 : f32
      %centred = arith.subf %n, %m : f32
      %scaled = arith.mulf %centred, %a : f32
      %y = arith.addf %scaled, %b : f32
      %p = arith.cmpf ogt, %y, %zero : f32
      %g = arith.select %p, %d, %zero : f32
      bn.yield %g : f32
    } -> tensor<384x512x196xbf16>
    return %dx : tensor<384x512x196xbf16>
  }

  // Eight rows of 200 bytes are whole lines.
  // CHECK-LABEL: func @not_cramped
  //       CHECK:   <slab, threads = 2, parallel = [0, 8, 0], {{.*}} stores = nontemporal
  func.func @not_cramped(%dy: tensor<50x2048x100xbf16>, %x: tensor<50x2048x100xbf16>,
      %c: tensor<2048xf32>) -> tensor<50x2048x100xbf16> {
    %dx = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%dy, %x : tensor<50x2048x100xbf16>, tensor<50x2048x100xbf16>)
        statistics(%c, %c : tensor<2048xf32>, tensor<2048xf32>)
        outs(%dy : tensor<50x2048x100xbf16>)
        prologue(%x, %c, %c, %c
                 : tensor<50x2048x100xbf16>, tensor<2048xf32>, tensor<2048xf32>,
                   tensor<2048xf32>) {
    ^bb0(%d: f32, %n: f32, %m: f32, %a: f32, %b: f32):
      %zero = arith.constant 0.0 : f32
      %centred = arith.subf %n, %m : f32
      %scaled = arith.mulf %centred, %a : f32
      %y = arith.addf %scaled, %b : f32
      %p = arith.cmpf ogt, %y, %zero : f32
      %g = arith.select %p, %d, %zero : f32
      bn.yield %g : f32
    } -> tensor<50x2048x100xbf16>
    return %dx : tensor<50x2048x100xbf16>
  }

  // No number of channels of 13x13 is: without a sign, of 32 bits, and in
  // training, they are a slab even so.
  // CHECK-LABEL: func @broken_without_sign
  //       CHECK:   <slab,
  func.func @broken_without_sign(%dy: tensor<50x1024x169xbf16>,
      %x: tensor<50x1024x169xbf16>, %c: tensor<1024xf32>) -> tensor<50x1024x169xbf16> {
    %dx = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%dy, %x : tensor<50x1024x169xbf16>, tensor<50x1024x169xbf16>)
        statistics(%c, %c : tensor<1024xf32>, tensor<1024xf32>)
        outs(%dy : tensor<50x1024x169xbf16>) -> tensor<50x1024x169xbf16>
    return %dx : tensor<50x1024x169xbf16>
  }

  // CHECK-LABEL: func @broken_f32
  //       CHECK:   <slab,
  func.func @broken_f32(%dy: tensor<50x1024x169xf32>, %x: tensor<50x1024x169xf32>,
      %c: tensor<1024xf32>) -> tensor<50x1024x169xf32> {
    %dx = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%dy, %x : tensor<50x1024x169xf32>, tensor<50x1024x169xf32>)
        statistics(%c, %c : tensor<1024xf32>, tensor<1024xf32>)
        outs(%dy : tensor<50x1024x169xf32>)
        prologue(%x, %c, %c, %c
                 : tensor<50x1024x169xf32>, tensor<1024xf32>, tensor<1024xf32>,
                   tensor<1024xf32>) {
    ^bb0(%d: f32, %n: f32, %m: f32, %a: f32, %b: f32):
      %zero = arith.constant 0.0 : f32
      %centred = arith.subf %n, %m : f32
      %scaled = arith.mulf %centred, %a : f32
      %y = arith.addf %scaled, %b : f32
      %p = arith.cmpf ogt, %y, %zero : f32
      %g = arith.select %p, %d, %zero : f32
      bn.yield %g : f32
    } -> tensor<50x1024x169xf32>
    return %dx : tensor<50x1024x169xf32>
  }

  // CHECK-LABEL: func @broken_training
  //       CHECK:   <{{.*}}slab,
  func.func @broken_training(%x: tensor<50x2048x169xbf16>, %z: tensor<2048xf32>,
      %c: tensor<2048xf32>) -> tensor<50x2048x169xbf16> {
    %y:3 = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<50x2048x169xbf16>)
        outs(%x, %c, %c
             : tensor<50x2048x169xbf16>, tensor<2048xf32>, tensor<2048xf32>)
        epilogue(%z, %c : tensor<2048xf32>, tensor<2048xf32>) {
    ^bb0(%n: f32, %a: f32, %b: f32):
      %s = arith.mulf %n, %a : f32
      %t = arith.addf %s, %b : f32
      bn.yield %t : f32
    } -> tensor<50x2048x169xbf16>, tensor<2048xf32>, tensor<2048xf32>
    return %y#0 : tensor<50x2048x169xbf16>
  }

  // Nor are fewer than eight images cut, very short rows, or very long ones.
  // CHECK-LABEL: func @few_images
  //       CHECK:   <pipelined_slab,
  func.func @few_images(%x: tensor<7x160x2400xf32>, %c: tensor<160xf32>)
      -> tensor<7x160x2400xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<7x160x2400xf32>)
        outs(%x, %c, %c
             : tensor<7x160x2400xf32>, tensor<160xf32>, tensor<160xf32>)
        -> tensor<7x160x2400xf32>, tensor<160xf32>, tensor<160xf32>
    return %y : tensor<7x160x2400xf32>
  }

  // CHECK-LABEL: func @very_short_rows
  //       CHECK:   <slab,
  func.func @very_short_rows(%x: tensor<100x1024x25xf32>, %c: tensor<1024xf32>)
      -> tensor<100x1024x25xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<100x1024x25xf32>)
        outs(%x, %c, %c
             : tensor<100x1024x25xf32>, tensor<1024xf32>, tensor<1024xf32>)
        -> tensor<100x1024x25xf32>, tensor<1024xf32>, tensor<1024xf32>
    return %y : tensor<100x1024x25xf32>
  }

  // CHECK-LABEL: func @very_long_rows
  //       CHECK:   <pipelined_slab,
  func.func @very_long_rows(%x: tensor<16x16x10000xf32>, %c: tensor<16xf32>)
      -> tensor<16x16x10000xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<16x16x10000xf32>)
        outs(%x, %c, %c
             : tensor<16x16x10000xf32>, tensor<16xf32>, tensor<16xf32>)
        -> tensor<16x16x10000xf32>, tensor<16xf32>, tensor<16xf32>
    return %y : tensor<16x16x10000xf32>
  }
}
