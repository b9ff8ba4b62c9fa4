// A mask and groups from the command line. Sizes, also the number of samples
// that groups divide, are checked with those of the arrays.

// Of ones, 8 samples in 4 groups; the mask excludes nothing.
// RUN: bn-runner %s --entry=groups --input=random:1:8x3x5x7 --input=ones:8x1x5x7 \
// RUN:   --input=zeros:8x3x5x7 --input=zeros --input=zeros \
// RUN:   | FileCheck %s --check-prefix=ONES
// ONES: result 1: 4x3xf32 min {{.*}} values [[MEANS:.*]]
// ONES-NEXT: result 2: 4x3xf32 min 0.

// Nothing is left: no statistics.
// RUN: bn-runner %s --entry=groups --input=random:1:8x3x5x7 --input=zeros:8x1x5x7 \
// RUN:   --input=zeros:8x3x5x7 --input=zeros --input=zeros \
// RUN:   | FileCheck %s --check-prefix=ZEROS
// ZEROS: result 1: 4x3xf32 min 0 mean 0 max 0
// ZEROS-NEXT: result 2: 4x3xf32 min 0 mean 0 max 0

// RUN: not bn-runner %s --entry=groups --input=random:1:6x3x5x7 --input=ones:6x1x5x7 \
// RUN:   --input=zeros:6x3x5x7 --input=zeros --input=zeros 2>&1 \
// RUN:   | FileCheck %s --check-prefix=SAMPLES
// SAMPLES: error: expected sizes that fit together, got: 'bn.training' op expected 'groups' to divide dimension 0 of 'input' (6), got 4

// RUN: not bn-runner %s --entry=groups --input=random:1:8x3x5x7 --input=ones:8x1x7x5 \
// RUN:   --input=zeros:8x3x5x7 --input=zeros --input=zeros 2>&1 \
// RUN:   | FileCheck %s --check-prefix=MASK
// MASK: error: expected sizes that fit together, got: 'bn.training' op expected 'mask' to have size 1 or 5 in dimension 2, got 7

// A `?` is the size of the input. A 1 would be read past its end.
// RUN: not bn-runner %s --entry=groups --input=random:1:8x3x5x7 --input=ones:8x1x5x1 \
// RUN:   --input=zeros:8x3x5x7 --input=zeros --input=zeros 2>&1 \
// RUN:   | FileCheck %s --check-prefix=DYNAMIC
// DYNAMIC: error: expected sizes that fit together, got: 'bn.training' op expected 'mask' to have size 7 in dimension 3, where its type has '?', got 1

// RUN: not bn-runner %s --entry=stats --input=random:1:64x256 --input=ones:64x1 \
// RUN:   --input=zeros --input=zeros --input=zeros 2>&1 \
// RUN:   | FileCheck %s --check-prefix=STATS
// STATS: error: expected sizes that fit together, got: 'bn.stats' op expected 'mask' to have size 256 in dimension 1, where its type has '?', got 1

!image = tensor<?x3x?x?xf32>
!mask = tensor<?x1x?x?xf32>
!groups = tensor<4x3xf32>

func.func @groups(%x: !image, %mask: !mask, %y0: !image, %mean0: !groups,
                  %variance0: !groups) -> (!image, !groups, !groups) {
  %y, %mean, %variance = bn.training axis(1) epsilon(1.0e-3) groups(4)
      ins(%x : !image) mask(%mask : !mask)
      outs(%y0, %mean0, %variance0 : !image, !groups, !groups)
      -> !image, !groups, !groups
  return %y, %mean, %variance : !image, !groups, !groups
}

func.func @stats(%x: tensor<64x256xf32>, %mask: tensor<?x?xf32>,
                 %count0: tensor<256xf64>, %mean0: tensor<256xf64>,
                 %m20: tensor<256xf64>)
    -> (tensor<256xf64>, tensor<256xf64>, tensor<256xf64>) {
  %count, %mean, %m2 = bn.stats axis(1) ins(%x : tensor<64x256xf32>)
      mask(%mask : tensor<?x?xf32>)
      outs(%count0, %mean0, %m20
          : tensor<256xf64>, tensor<256xf64>, tensor<256xf64>)
      -> tensor<256xf64>, tensor<256xf64>, tensor<256xf64>
  return %count, %mean, %m2
      : tensor<256xf64>, tensor<256xf64>, tensor<256xf64>
}
