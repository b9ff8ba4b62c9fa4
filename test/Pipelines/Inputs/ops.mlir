// The ops that the tests of the phases follow: what is true after each phase is
// checked in <phase>.mlir. The machine is written down, so that the result is
// the same on every machine; its L3 cache is large enough for slabs (of less,
// see split-images.mlir).
module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<
      "L1_cache_size_in_bytes" = 32768 : i64,
      "L2_cache_size_in_bytes" = 524288 : i64,
      "L3_cache_size_in_bytes" = 20971520 : i64,
      "max_vector_op_width" = 256 : i64>>
} {
  // Channels first: 784 elements in a row are 24 strips of 32, and 2 of 8.
  func.func @nchw(%x: tensor<24x64x28x28xf32>, %scale: tensor<64xf32>,
      %offset: tensor<64xf32>, %rm: tensor<64xf32>, %rv: tensor<64xf32>,
      %y0: tensor<24x64x28x28xf32>, %m0: tensor<64xf32>, %v0: tensor<64xf32>)
      -> (tensor<24x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>,
          tensor<64xf32>, tensor<64xf32>) {
    %r:5 = bn.training axis(1) epsilon(1.0e-3) momentum(0.75)
        ins(%x : tensor<24x64x28x28xf32>) scale(%scale : tensor<64xf32>)
        offset(%offset : tensor<64xf32>)
        running(%rm, %rv : tensor<64xf32>, tensor<64xf32>)
        outs(%y0, %m0, %v0, %rm, %rv
             : tensor<24x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>,
               tensor<64xf32>, tensor<64xf32>)
        -> tensor<24x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>,
           tensor<64xf32>, tensor<64xf32>
    return %r#0, %r#1, %r#2, %r#3, %r#4
        : tensor<24x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>,
          tensor<64xf32>, tensor<64xf32>
  }

  // Channels last: 100 channels are 3 strips of 32, and a tail of 4.
  func.func @nhwc(%x: tensor<8x28x28x100xf32>, %y0: tensor<8x28x28x100xf32>,
      %m0: tensor<100xf32>, %v0: tensor<100xf32>)
      -> (tensor<8x28x28x100xf32>, tensor<100xf32>, tensor<100xf32>) {
    %y, %m, %v = bn.training axis(-1) epsilon(1.0e-3)
        ins(%x : tensor<8x28x28x100xf32>)
        outs(%y0, %m0, %v0
             : tensor<8x28x28x100xf32>, tensor<100xf32>, tensor<100xf32>)
        -> tensor<8x28x28x100xf32>, tensor<100xf32>, tensor<100xf32>
    return %y, %m, %v
        : tensor<8x28x28x100xf32>, tensor<100xf32>, tensor<100xf32>
  }

  func.func @inference(%x: tensor<8x64x28x28xbf16>, %m: tensor<64xf32>,
      %v: tensor<64xf32>, %y0: tensor<8x64x28x28xbf16>)
      -> tensor<8x64x28x28xbf16> {
    %y = bn.inference axis(1) epsilon(1.0e-3)
        ins(%x : tensor<8x64x28x28xbf16>)
        statistics(%m, %v : tensor<64xf32>, tensor<64xf32>)
        outs(%y0 : tensor<8x64x28x28xbf16>) -> tensor<8x64x28x28xbf16>
    return %y : tensor<8x64x28x28xbf16>
  }

  func.func @dynamic(%x: tensor<?x?x?x?xf32>, %y0: tensor<?x?x?x?xf32>,
      %m0: tensor<?xf32>, %v0: tensor<?xf32>)
      -> (tensor<?x?x?x?xf32>, tensor<?xf32>, tensor<?xf32>) {
    %y, %m, %v = bn.training axis(1) epsilon(1.0e-3)
        ins(%x : tensor<?x?x?x?xf32>)
        outs(%y0, %m0, %v0
             : tensor<?x?x?x?xf32>, tensor<?xf32>, tensor<?xf32>)
        -> tensor<?x?x?x?xf32>, tensor<?xf32>, tensor<?xf32>
    return %y, %m, %v : tensor<?x?x?x?xf32>, tensor<?xf32>, tensor<?xf32>
  }
}
