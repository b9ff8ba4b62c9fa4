// Every way to give a number or a shape to --input, for all element types and
// for scalars.

// RUN: bn-runner %s --entry=floats --input=random:7 --input=random:7 \
// RUN:   --input=random:7 --input=random:7 | FileCheck %s --check-prefix=RANDOM
// RUN: bn-runner %s --entry=floats --input=ones --input=zeros --input=-2.5e-1 \
// RUN:   --input=nan | FileCheck %s --check-prefix=CONSTANT
// RUN: bn-runner %s --entry=integers --input=true --input=-128 \
// RUN:   --input=2147483647 --input=-9223372036854775807 \
// RUN:   | FileCheck %s --check-prefix=INTEGER
// RUN: bn-runner %s --entry=scalars --input=1 --input=-7 --input=8 --input=9 \
// RUN:   --input=1.5 --input=2.5 | FileCheck %s --check-prefix=SCALAR
// RUN: bn-runner %s --entry=dynamic --input=random:7:5x2 \
// RUN:   --input=zeros:0x4 --input=3: | FileCheck %s --check-prefix=DYNAMIC

// One seed gives the same numbers in every type, rounded.
// RANDOM: result 0: 3x5xf16 {{.*}} values -0.365723 1.07617 0.259033
// RANDOM: result 1: 3x5xbf16 {{.*}} values -0.365234 1.07812 0.259766
// RANDOM: result 2: 3x5xf32 {{.*}} values -0.365632 1.07588 0.259025
// RANDOM: result 3: 3x5xf64 {{.*}} values -0.365632 1.07588 0.259025
// CONSTANT: result 0: 3x5xf16 min 1 mean 1 max 1 values 1 1 1 1 ...
// CONSTANT: result 1: 3x5xbf16 min 0 mean 0 max 0 values 0 0 0 0 ...
// CONSTANT: result 2: 3x5xf32 min -0.25 mean -0.25 max -0.25 values -0.25 
// CONSTANT: result 3: 3x5xf64 min nan mean nan max nan values nan nan
func.func @floats(%a: tensor<3x5xf16>, %b: tensor<3x5xbf16>,
                  %c: tensor<3x5xf32>, %d: tensor<3x5xf64>)
    -> (tensor<3x5xf16>, tensor<3x5xbf16>, tensor<3x5xf32>, tensor<3x5xf64>) {
  return %a, %b, %c, %d : tensor<3x5xf16>, tensor<3x5xbf16>, tensor<3x5xf32>,
                          tensor<3x5xf64>
}

// INTEGER: result 0: 2xi1 min 1 mean 1 max 1 values 1 1
// INTEGER: result 1: 2xi8 min -128 mean -128 max -128 values -128 -128
// INTEGER: result 2: 2xi32 min 2147483647 {{.*}} values 2147483647 2147483647
// INTEGER: result 3: i64 {{.*}} values -9223372036854775807
func.func @integers(%a: tensor<2xi1>, %b: tensor<2xi8>, %c: tensor<2xi32>,
                    %d: tensor<i64>)
    -> (tensor<2xi1>, tensor<2xi8>, tensor<2xi32>, tensor<i64>) {
  return %a, %b, %c, %d : tensor<2xi1>, tensor<2xi8>, tensor<2xi32>, tensor<i64>
}

// SCALAR: result 0: i1 min 1 {{.*}} values 1
// SCALAR: result 1: i32 min -7 {{.*}} values -7
// SCALAR: result 2: i64 min 8 {{.*}} values 8
// SCALAR: result 3: i64 min 9 {{.*}} values 9
// SCALAR: result 4: f32 min 1.5 {{.*}} values 1.5
// SCALAR: result 5: f64 min 2.5 {{.*}} values 2.5
func.func @scalars(%a: i1, %b: i32, %c: i64, %d: index, %e: f32, %f: f64)
    -> (i1, i32, i64, index, f32, f64) {
  return %a, %b, %c, %d, %e, %f : i1, i32, i64, index, f32, f64
}

// DYNAMIC: result 0: 5x2xf32
// DYNAMIC: result 1: 0x4xf32 empty
// DYNAMIC: result 2: f32 min 3 mean 3 max 3 values 3{{$}}
func.func @dynamic(%a: tensor<?x?xf32>, %b: tensor<?x4xf32>, %c: tensor<f32>)
    -> (tensor<?x?xf32>, tensor<?x4xf32>, tensor<f32>) {
  return %a, %b, %c : tensor<?x?xf32>, tensor<?x4xf32>, tensor<f32>
}
