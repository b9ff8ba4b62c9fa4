func.func @training(%x: tensor<?x16xf32>, %y0: tensor<?x16xf32>,
                    %mean0: tensor<16xf32>, %variance0: tensor<16xf32>)
    -> (tensor<?x16xf32>, tensor<16xf32>, tensor<16xf32>) {
  %y, %mean, %variance = bn.training axis(1) epsilon(1.0e-3)
      ins(%x : tensor<?x16xf32>)
      outs(%y0, %mean0, %variance0
           : tensor<?x16xf32>, tensor<16xf32>, tensor<16xf32>)
      -> tensor<?x16xf32>, tensor<16xf32>, tensor<16xf32>
  return %y, %mean, %variance
      : tensor<?x16xf32>, tensor<16xf32>, tensor<16xf32>
}
