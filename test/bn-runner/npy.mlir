// Results go to .npy files and come back as arguments, for every element type;
// an array of another type or shape, or a file that is none, is refused.

// RUN: rm -rf %t && mkdir %t
// RUN: bn-runner %s --entry=floats --input=random:1 --input=random:2 \
// RUN:   --input=random:3 --input=random:4 --output=%t/f16.npy \
// RUN:   --output=%t/bf16.npy --output=%t/f32.npy --output=%t/f64.npy \
// RUN:   | count 0
// RUN: bn-runner %s --entry=floats --input=random:1 --input=random:2 \
// RUN:   --input=random:3 --input=random:4 > %t/given
// RUN: bn-runner %s --entry=floats --input=%t/f16.npy --input=%t/bf16.npy \
// RUN:   --input=%t/f32.npy --input=%t/f64.npy > %t/read
// RUN: diff %t/given %t/read

// RUN: bn-runner %s --entry=integers --input=true --input=-3 --input=4 \
// RUN:   --input=-5 --output=%t/i1.npy --output=%t/i8.npy \
// RUN:   --output=%t/i32.npy --output=%t/i64.npy | count 0
// RUN: bn-runner %s --entry=integers --input=%t/i1.npy --input=%t/i8.npy \
// RUN:   --input=%t/i32.npy --input=%t/i64.npy \
// RUN:   | FileCheck %s --check-prefix=INTEGER
// INTEGER: result 0: 3xi1 {{.*}} values 1 1 1
// INTEGER: result 1: 3xi8 {{.*}} values -3 -3 -3
// INTEGER: result 2: 0x2xi32 empty
// INTEGER: result 3: i64 {{.*}} values -5

// A missing --output and one that is `-` are summarized instead.
// RUN: bn-runner %s --entry=integers --input=1 --input=2 --input=3 --input=4 \
// RUN:   --output=- --output=%t/i8.npy | FileCheck %s --check-prefix=SOME
// SOME-NOT: result 1
// SOME: result 0: 3xi1
// SOME-NOT: result 1
// SOME: result 2:
// SOME: result 3:

// RUN: not bn-runner %s --entry=one --input=%t/f64.npy 2>&1 \
// RUN:   | FileCheck %s --check-prefix=TYPE
// TYPE: bn-runner: error: argument 0 from '{{.*}}f64.npy': expected ?x2xf32, got f64
// RUN: not bn-runner %s --entry=one --input=%t/f32.npy 2>&1 \
// RUN:   | FileCheck %s --check-prefix=SHAPE
// SHAPE: bn-runner: error: argument 0 from '{{.*}}f32.npy': expected ?x2xf32, got 5x7xf32
// RUN: not bn-runner %s --entry=one --input=%t/none.npy 2>&1 \
// RUN:   | FileCheck %s --check-prefix=NONE
// NONE: bn-runner: error: argument 0 from '{{.*}}': '{{.*}}none.npy': No such file or directory
// RUN: %python -c "import sys; sys.stdout.buffer.write(b'\x93NUMPY\x01\x00\x32\x00{\'descr\':\'<f4\',\'fortran_order\':True,\'shape\':(1,2)}')" \
// RUN:   > %t/fortran.npy
// RUN: not bn-runner %s --entry=one --input=%t/fortran.npy 2>&1 \
// RUN:   | FileCheck %s --check-prefix=FORTRAN
// FORTRAN: bn-runner: error: argument 0 from '{{.*}}': '{{.*}}fortran.npy': expected C order, got Fortran order
// RUN: cp %s %t/text.npy
// RUN: not bn-runner %s --entry=one --input=%t/text.npy 2>&1 \
// RUN:   | FileCheck %s --check-prefix=TEXT
// TEXT: bn-runner: error: {{.*}} expected a .npy file, got other contents
// RUN: not bn-runner %s --entry=one --input=ones:1x2 \
// RUN:   --output=%t/none/y.npy 2>&1 | FileCheck %s --check-prefix=OUTPUT
// OUTPUT: bn-runner: error: '{{.*}}y.npy': No such file or directory

func.func @floats(%a: tensor<4xf16>, %b: tensor<2x3xbf16>,
                  %c: tensor<5x7xf32>, %d: tensor<f64>)
    -> (tensor<4xf16>, tensor<2x3xbf16>, tensor<5x7xf32>, tensor<f64>) {
  return %a, %b, %c, %d : tensor<4xf16>, tensor<2x3xbf16>, tensor<5x7xf32>,
                          tensor<f64>
}

func.func @integers(%a: tensor<3xi1>, %b: tensor<3xi8>, %c: tensor<0x2xi32>,
                    %d: i64)
    -> (tensor<3xi1>, tensor<3xi8>, tensor<0x2xi32>, i64) {
  return %a, %b, %c, %d : tensor<3xi1>, tensor<3xi8>, tensor<0x2xi32>, i64
}

func.func @one(%a: tensor<?x2xf32>) -> tensor<?x2xf32> {
  return %a : tensor<?x2xf32>
}
