// Groups one after the other: the stack does not grow with their number.

// RUN: bn-runner %s --entry=f --input=random:1:8000x4 --input=zeros:8000x4 \
// RUN:   --input=zeros --input=zeros | FileCheck %s
// CHECK: result 0: 8000x4xf32 min -0.99
// CHECK-NEXT: result 1: 4000x4xf32
// CHECK-NEXT: result 2: 4000x4xf32 min {{[0-9]}}

!data = tensor<?x4xf32>
!groups = tensor<4000x4xf32>

func.func @f(%x: !data, %y0: !data, %mean0: !groups, %variance0: !groups)
    -> (!data, !groups, !groups) {
  %y, %mean, %variance = bn.training axis(1) epsilon(1.0e-3) groups(4000)
      ins(%x : !data)
      outs(%y0, %mean0, %variance0 : !data, !groups, !groups)
      -> !data, !groups, !groups
  return %y, %mean, %variance : !data, !groups, !groups
}
