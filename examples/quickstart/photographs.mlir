// A batch of two photographs, 3 channels of 427 x 640 pixels, channels first.
//
//   bn-runner photographs.mlir --entry=training --input=x.npy ...
//
// Every result has a destination among the arguments, so that a caller decides
// where it lies; bn-runner makes one with --input=zeros.

!image = tensor<2x3x427x640xf32>
!channel = tensor<3xf32>

// Normalizes with the statistics of this batch, and moves the running
// statistics towards them: new = 0.9 * old + 0.1 * batch.
func.func @training(%x: !image, %scale: !channel, %offset: !channel,
                    %running_mean: !channel, %running_variance: !channel,
                    %y0: !image, %mean0: !channel, %variance0: !channel,
                    %new_mean0: !channel, %new_variance0: !channel)
    -> (!image, !channel, !channel, !channel, !channel) {
  %y, %mean, %variance, %new_mean, %new_variance =
      bn.training axis(1) epsilon(1.0e-3) momentum(9.0e-01)
      ins(%x : !image) scale(%scale : !channel) offset(%offset : !channel)
      running(%running_mean, %running_variance : !channel, !channel)
      outs(%y0, %mean0, %variance0, %new_mean0, %new_variance0
           : !image, !channel, !channel, !channel, !channel)
      -> !image, !channel, !channel, !channel, !channel
  return %y, %mean, %variance, %new_mean, %new_variance
      : !image, !channel, !channel, !channel, !channel
}

// Normalizes with given statistics.
func.func @inference(%x: !image, %scale: !channel, %offset: !channel,
                     %mean: !channel, %variance: !channel, %y0: !image)
    -> !image {
  %y = bn.inference axis(1) epsilon(1.0e-3)
      ins(%x : !image) scale(%scale : !channel) offset(%offset : !channel)
      statistics(%mean, %variance : !channel, !channel)
      outs(%y0 : !image) -> !image
  return %y : !image
}
