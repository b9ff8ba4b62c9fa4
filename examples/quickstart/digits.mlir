// Handwritten digits as a dense layer sees them: any number of images, each of
// 64 pixels, each pixel a channel. Some pixels are never inked: variance 0.
//
//   bn-runner digits.mlir --entry=training --input=x.npy ...
//
// The number of images is that of the array given for %x. Every result has a
// destination among the arguments, so that a caller decides where it lies.

!batch = tensor<?x64xf32>
!channel = tensor<64xf32>

// Normalizes with the statistics of this batch, and moves the running
// statistics towards them: new = 0.9 * old + 0.1 * batch.
func.func @training(%x: !batch, %scale: !channel, %offset: !channel,
                    %running_mean: !channel, %running_variance: !channel,
                    %y0: !batch, %mean0: !channel, %variance0: !channel,
                    %new_mean0: !channel, %new_variance0: !channel)
    -> (!batch, !channel, !channel, !channel, !channel) {
  %y, %mean, %variance, %new_mean, %new_variance =
      bn.training axis(1) epsilon(1.0e-3) momentum(9.0e-01)
      ins(%x : !batch) scale(%scale : !channel) offset(%offset : !channel)
      running(%running_mean, %running_variance : !channel, !channel)
      outs(%y0, %mean0, %variance0, %new_mean0, %new_variance0
           : !batch, !channel, !channel, !channel, !channel)
      -> !batch, !channel, !channel, !channel, !channel
  return %y, %mean, %variance, %new_mean, %new_variance
      : !batch, !channel, !channel, !channel, !channel
}

// Normalizes with given statistics.
func.func @inference(%x: !batch, %scale: !channel, %offset: !channel,
                     %mean: !channel, %variance: !channel, %y0: !batch)
    -> !batch {
  %y = bn.inference axis(1) epsilon(1.0e-3)
      ins(%x : !batch) scale(%scale : !channel) offset(%offset : !channel)
      statistics(%mean, %variance : !channel, !channel)
      outs(%y0 : !batch) -> !batch
  return %y : !batch
}
