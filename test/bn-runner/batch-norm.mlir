// Training and inference as a user runs them: sizes from the arrays, running
// statistics through a file, several threads, a module lowered part of the way
// by bn-opt. (How exact the numbers are is tested under Integration.)

// RUN: rm -rf %t && mkdir %t
// RUN: bn-runner %s --entry=training --input=random:1:8x3x5x7 --input=2 \
// RUN:   --input=0.5 --input=zeros --input=ones --input=zeros:8x3x5x7 \
// RUN:   --input=zeros --input=zeros --input=zeros --input=zeros \
// RUN:   --output=%t/y.npy --output=- --output=- --output=%t/mean.npy \
// RUN:   --output=%t/variance.npy | FileCheck %s --check-prefix=TRAINING
// TRAINING: result 1: 3xf32 {{.*}} values [[MEANS:.*]]
// TRAINING-NEXT: result 2: 3xf32 min {{0.9|1.0}}

// The results of training have the offset as mean, and a scale around it.
// RUN: bn-runner %s --entry=identity --input=%t/y.npy \
// RUN:   | FileCheck %s --check-prefix=Y
// Y: result 0: 8x3x5x7xf32 min {{-[4-7].*}} mean 0.5 max {{[5-9].*}} values

// RUN: bn-runner %s --entry=inference --input=%t/y.npy --input=%t/mean.npy \
// RUN:   --input=%t/variance.npy --input=zeros:8x3x5x7 --threads=1 \
// RUN:   > %t/one-thread
// RUN: bn-runner %s --entry=inference --input=%t/y.npy --input=%t/mean.npy \
// RUN:   --input=%t/variance.npy --input=zeros:8x3x5x7 --threads=3 \
// RUN:   > %t/three-threads
// RUN: diff %t/one-thread %t/three-threads
// RUN: FileCheck %s --check-prefix=INFERENCE --input-file=%t/one-thread
// INFERENCE: result 0: 8x3x5x7xf32 min

// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=tiled" \
// RUN:   | bn-runner - --entry=inference --input=%t/y.npy \
// RUN:     --input=%t/mean.npy --input=%t/variance.npy \
// RUN:     --input=zeros:8x3x5x7 > %t/tiled
// RUN: diff %t/one-thread %t/tiled
// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=vector" \
// RUN:   | bn-runner - --entry=inference --input=%t/y.npy \
// RUN:     --input=%t/mean.npy --input=%t/variance.npy \
// RUN:     --input=zeros:8x3x5x7 > %t/vector
// RUN: diff %t/one-thread %t/vector
// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=buffer" \
// RUN:   | bn-runner - --entry=inference --input=%t/y.npy \
// RUN:     --input=%t/mean.npy --input=%t/variance.npy \
// RUN:     --input=zeros:8x3x5x7 > %t/buffer
// RUN: diff %t/one-thread %t/buffer

// The bytes that count: input and output, not the destinations.
// RUN: bn-runner %s --entry=inference --input=random:1:8x3x5x7 --input=0 \
// RUN:   --input=1 --input=zeros:8x3x5x7 --repeat=2 \
// RUN:   | FileCheck %s --check-prefix=BYTES
// BYTES: timing: 2 calls, at least 6744 bytes each

// Sizes that do not fit together are refused by the op's own verifier.
// RUN: not bn-runner %s --entry=inference --input=ones:8x3x5x7 --input=0 \
// RUN:   --input=1 --input=zeros:8x3x7x5 2>&1 \
// RUN:   | FileCheck %s --check-prefix=SIZES
// SIZES: bn-runner: error: expected sizes that fit together, got: 'bn.inference' op expected

!image = tensor<?x3x?x?xf32>
!channel = tensor<3xf32>

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

func.func @inference(%x: !image, %mean: !channel, %variance: !channel,
                     %y0: !image) -> !image {
  %y = bn.inference axis(1) epsilon(1.0e-3) ins(%x : !image)
      statistics(%mean, %variance : !channel, !channel)
      outs(%y0 : !image) -> !image
  return %y : !image
}

func.func @identity(%x: !image) -> !image {
  return %x : !image
}
