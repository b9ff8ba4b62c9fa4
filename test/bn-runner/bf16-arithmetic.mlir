// What the input computes in bf16 is computed in f32 and rounded after each op,
// on processors with and without instructions for it: as if it said so.

// REQUIRES: avx2
// RUN: bn-runner %s --input=random:1 --input=random:2 | FileCheck %s
// RUN: bn-runner %s --input=random:1 --input=random:2 --target-cpu=x86-64-v3 | FileCheck %s
// CHECK: result 0: 45xf32 min 0 mean 0 max 0

#x = affine_map<(d0) -> (d0)>
func.func @difference(%x: tensor<45xbf16>, %z: tensor<45xbf16>)
    -> tensor<45xf32> {
  %third = arith.constant 0.3333333333333333 : f64
  %r = linalg.generic {indexing_maps = [#x, #x, #x],
                       iterator_types = ["parallel"]}
      ins(%x, %z : tensor<45xbf16>, tensor<45xbf16>)
      outs(%x : tensor<45xbf16>) {
  ^bb0(%a: bf16, %b: bf16, %out: bf16):
    %t = math.tanh %a : bf16
    %u = arith.mulf %t, %b : bf16
    %v = arith.addf %u, %a : bf16
    %f = math.fma %v, %b, %a : bf16
    %w = arith.maximumf %f, %b : bf16
    %c = arith.cmpf olt, %w, %a : bf16
    %d = arith.extf %w : bf16 to f64
    %e = arith.mulf %d, %third : f64
    %g = arith.truncf %e : f64 to bf16
    %h = arith.select %c, %g, %w : bf16
    linalg.yield %h : bf16
  } -> tensor<45xbf16>
  %empty = tensor.empty() : tensor<45xf32>
  %d = linalg.generic {indexing_maps = [#x, #x, #x, #x],
                       iterator_types = ["parallel"]}
      ins(%x, %z, %r : tensor<45xbf16>, tensor<45xbf16>, tensor<45xbf16>)
      outs(%empty : tensor<45xf32>) {
  ^bb0(%a: bf16, %b: bf16, %w: bf16, %out: f32):
    %a0 = arith.extf %a : bf16 to f32
    %b0 = arith.extf %b : bf16 to f32
    %t0 = math.tanh %a0 : f32
    %t1 = arith.truncf %t0 : f32 to bf16
    %t2 = arith.extf %t1 : bf16 to f32
    %u0 = arith.mulf %t2, %b0 : f32
    %u1 = arith.truncf %u0 : f32 to bf16
    %u2 = arith.extf %u1 : bf16 to f32
    %v0 = arith.addf %u2, %a0 : f32
    %v1 = arith.truncf %v0 : f32 to bf16
    %v2 = arith.extf %v1 : bf16 to f32
    %f0 = math.fma %v2, %b0, %a0 : f32
    %f1 = arith.truncf %f0 : f32 to bf16
    %f2 = arith.extf %f1 : bf16 to f32
    %w0 = arith.maximumf %f2, %b0 : f32
    %c0 = arith.cmpf olt, %w0, %a0 : f32
    // Rounded to f32 on its way.
    %e0 = arith.extf %w0 : f32 to f64
    %e1 = arith.mulf %e0, %third : f64
    %e2 = arith.truncf %e1 : f64 to f32
    %e3 = arith.truncf %e2 : f32 to bf16
    %e4 = arith.extf %e3 : bf16 to f32
    %h0 = arith.select %c0, %e4, %w0 : f32
    %h1 = arith.extf %w : bf16 to f32
    %d0 = arith.subf %h0, %h1 : f32
    linalg.yield %d0 : f32
  } -> tensor<45xf32>
  return %d : tensor<45xf32>
}
