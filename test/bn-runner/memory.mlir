// Where results may lie: in an argument, in new memory, in a part of it, in a
// constant, twice in the same; and functions on memrefs, with and without
// results. Nothing is freed twice, nor what is not ours.

// RUN: bn-runner %s --entry=argument --input=1 --repeat=3 \
// RUN:   | FileCheck %s --check-prefix=ARGUMENT
// ARGUMENT: result 0: 4xf32 {{.*}} values 1 1 1 1
// ARGUMENT: result 1: 4xf32 {{.*}} values 1 1 1 1
func.func @argument(%a: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  return %a, %a : tensor<4xf32>, tensor<4xf32>
}

// RUN: bn-runner %s --entry=constant --repeat=3 \
// RUN:   | FileCheck %s --check-prefix=CONSTANT
// CONSTANT: result 0: 2xf32 {{.*}} values 1 2
func.func @constant() -> tensor<2xf32> {
  %c = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  return %c : tensor<2xf32>
}

// RUN: bn-runner %s --entry=memref --input=random:1 --repeat=3 \
// RUN:   | FileCheck %s --check-prefix=MEMREF
// MEMREF: result 0: 2x2xf32 {{.*}} values -0.527812 0.54539 1.23143 -0.365186
// MEMREF: result 1: 2xf32 {{.*}} values 0.54539 -0.365186
func.func @memref(%a: memref<2x2xf32>)
    -> (memref<2x2xf32>, memref<2xf32, strided<[2], offset: 1>>) {
  %m = memref.alloc() : memref<2x2xf32>
  memref.copy %a, %m : memref<2x2xf32> to memref<2x2xf32>
  %v = memref.subview %m[0, 1] [2, 1] [1, 1]
      : memref<2x2xf32> to memref<2xf32, strided<[2], offset: 1>>
  return %m, %v : memref<2x2xf32>, memref<2xf32, strided<[2], offset: 1>>
}

// A function without results gives its arguments.
// RUN: bn-runner %s --entry=void --input=1 --input=zeros:3 --repeat=3 \
// RUN:   | FileCheck %s --check-prefix=VOID
// VOID: argument 0: 3xf32 {{.*}} values 1 1 1
// VOID: argument 1: 3xf32 {{.*}} values 1 1 1
func.func @void(%a: memref<3xf32>, %b: memref<?xf32>) {
  %c = memref.cast %b : memref<?xf32> to memref<3xf32>
  memref.copy %a, %c : memref<3xf32> to memref<3xf32>
  return
}
