// The op whose way through the phases docs/LifeOfABatchNorm.md tells; every IR
// on that page is what bn-opt prints for this file.

// RUN: %python %bn_src_root/utils/update-life.py --check --bn-opt=%bn_tools/bn-opt

// The machine is written down, so that the page is the same wherever it is
// made: 32 KiB L1, 512 KiB L2, 20 MiB L3, vectors of 256 bits.
module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<
      "L1_cache_size_in_bytes" = 32768 : i64,
      "L2_cache_size_in_bytes" = 524288 : i64,
      "L3_cache_size_in_bytes" = 20971520 : i64,
      "max_vector_op_width" = 256 : i64>>
} {
  func.func @training(
      %x: tensor<24x64x28x28xf32>, %scale: tensor<64xf32>,
      %offset: tensor<64xf32>, %y0: tensor<24x64x28x28xf32>,
      %mean0: tensor<64xf32>, %variance0: tensor<64xf32>)
      -> (tensor<24x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>) {
    %y, %mean, %variance = bn.training axis(1) epsilon(1.0e-3)
        ins(%x : tensor<24x64x28x28xf32>)
        scale(%scale : tensor<64xf32>) offset(%offset : tensor<64xf32>)
        outs(%y0, %mean0, %variance0
             : tensor<24x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>)
        -> tensor<24x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>
    return %y, %mean, %variance
        : tensor<24x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>
  }
}
