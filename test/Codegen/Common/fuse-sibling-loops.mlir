// Independent loops over the same range become one, in a loop that is marked
// for it.

// RUN: bn-opt %s --bn-fuse-sibling-loops --split-input-file | FileCheck %s

// Rows, then the strips in them; the mark of one loop stays. What the second
// loop needs moves in front.
// CHECK-LABEL: func @nest
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<2x8x64xf32>, %[[Y:[a-z0-9]+]]:
//       CHECK:   scf.for %[[G:.*]] = %c0 to %c2 step %c1 iter_args(%[[YG:.*]] = %[[Y]], %{{.*}} = %
//       CHECK:     %[[NEXT:.*]] = arith.minui
//       CHECK:     %[[ROWS:.*]]:2 = scf.for %[[R:.*]] = %c0 to %c8 step %c1 iter_args(%[[S:.*]] = %{{.*}}, %[[T:.*]] = %[[YG]])
//       CHECK:       %[[STRIPS:.*]]:2 = scf.for %[[I:.*]] = %c0 to %c64 step %c8 iter_args(%[[T1:.*]] = %[[T]], %[[S1:.*]] = %[[S]])
//       CHECK:         vector.transfer_read %[[X]][%[[G]], %[[R]], %[[I]]]
//       CHECK:         vector.transfer_write %{{.*}}, %[[T1]]
//       CHECK:         vector.transfer_read %[[X]][%[[NEXT]], %[[R]], %[[I]]]
//       CHECK:       } {bn.nontemporal = 32 : i64}
//       CHECK:       scf.yield %[[STRIPS]]#1, %[[STRIPS]]#0
//       CHECK:     } {bn.prefetch = 1 : i64}
//   CHECK-NOT:     scf.for
//       CHECK:     scf.yield %[[ROWS]]#1, %[[ROWS]]#0
func.func @nest(%x: tensor<2x8x64xf32>, %y: tensor<2x8x64xf32>,
    %first: vector<8xf32>) -> tensor<2x8x64xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : index
  %c64 = arith.constant 64 : index
  %p = arith.constant 0.0 : f32
  %zero = arith.constant dense<0.0> : vector<8xf32>
  %r:2 = scf.for %g = %c0 to %c2 step %c1
      iter_args(%yg = %y, %mean = %first)
      -> (tensor<2x8x64xf32>, vector<8xf32>) {
    %y1 = scf.for %r = %c0 to %c8 step %c1 iter_args(%t = %yg)
        -> tensor<2x8x64xf32> {
      %t2 = scf.for %i = %c0 to %c64 step %c8 iter_args(%t1 = %t)
          -> tensor<2x8x64xf32> {
        %v = vector.transfer_read %x[%g, %r, %i], %p {in_bounds = [true]}
            : tensor<2x8x64xf32>, vector<8xf32>
        %w = arith.subf %v, %mean : vector<8xf32>
        %u = vector.transfer_write %w, %t1[%g, %r, %i] {in_bounds = [true]}
            : vector<8xf32>, tensor<2x8x64xf32>
        scf.yield %u : tensor<2x8x64xf32>
      } {bn.nontemporal = 32 : i64}
      scf.yield %t2 : tensor<2x8x64xf32>
    }
    %g1 = arith.addi %g, %c1 : index
    %next = arith.minui %g1, %c1 : index
    %sum = scf.for %r = %c0 to %c8 step %c1 iter_args(%s = %zero)
        -> vector<8xf32> {
      %s2 = scf.for %i = %c0 to %c64 step %c8 iter_args(%s1 = %s)
          -> vector<8xf32> {
        %v = vector.transfer_read %x[%next, %r, %i], %p {in_bounds = [true]}
            : tensor<2x8x64xf32>, vector<8xf32>
        %a = arith.addf %v, %s1 : vector<8xf32>
        scf.yield %a : vector<8xf32>
      }
      scf.yield %s2 : vector<8xf32>
    } {bn.prefetch = 1 : i64}
    scf.yield %y1, %sum : tensor<2x8x64xf32>, vector<8xf32>
  } {bn.pipelined}
  return %r#0 : tensor<2x8x64xf32>
}

// -----

// bn ops on slices. What is between the loops stays, or moves when it is used.
// CHECK-LABEL: func @tiled
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4x64xf32>, %[[Y:[a-z0-9]+]]: tensor<8x4x64xf32>, %[[C:[a-z0-9]+]]: tensor<2xf64>
//       CHECK:   scf.for
//       CHECK:     %[[ROWS:.*]]:4 = scf.for {{.*}} step %c1 iter_args(%{{.*}} = %[[C]], %{{.*}} = %[[C]], %{{.*}} = %[[C]], %{{.*}} = %{{.*}})
//       CHECK:       bn.stats
//       CHECK:       bn.normalize
//   CHECK-NOT:     scf.for
//       CHECK:     tensor.insert_slice %{{.*}} into
//       CHECK:   } {bn.pipelined}
func.func @tiled(%x: tensor<8x4x64xf32>, %y: tensor<8x4x64xf32>,
    %c: tensor<2xf64>, %m: tensor<2xf32>, %means: tensor<4xf32>)
    -> (tensor<8x4x64xf32>, tensor<4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : index
  %r:3 = scf.for %g = %c0 to %c2 step %c2
      iter_args(%yg = %y, %mean = %m, %ms = %means)
      -> (tensor<8x4x64xf32>, tensor<2xf32>, tensor<4xf32>) {
    %y1 = scf.for %r = %c0 to %c8 step %c1 iter_args(%t = %yg)
        -> tensor<8x4x64xf32> {
      %xr = tensor.extract_slice %x[%r, %g, 0] [1, 2, 64] [1, 1, 1]
          : tensor<8x4x64xf32> to tensor<1x2x64xf32>
      %tr = tensor.extract_slice %t[%r, %g, 0] [1, 2, 64] [1, 1, 1]
          : tensor<8x4x64xf32> to tensor<1x2x64xf32>
      %yr = bn.normalize axis(1) ins(%xr : tensor<1x2x64xf32>)
          mean(%mean : tensor<2xf32>)
          outs(%tr : tensor<1x2x64xf32>) -> tensor<1x2x64xf32>
      %u = tensor.insert_slice %yr into %t[%r, %g, 0] [1, 2, 64] [1, 1, 1]
          : tensor<1x2x64xf32> into tensor<8x4x64xf32>
      scf.yield %u : tensor<8x4x64xf32>
    }
    %ms1 = tensor.insert_slice %mean into %ms[%g] [2] [1]
        : tensor<2xf32> into tensor<4xf32>
    %next = tensor.extract_slice %x[0, 2, 0] [8, 2, 64] [1, 1, 1]
        : tensor<8x4x64xf32> to tensor<8x2x64xf32>
    %s:3 = scf.for %r = %c0 to %c8 step %c1
        iter_args(%n0 = %c, %m0 = %c, %s0 = %c)
        -> (tensor<2xf64>, tensor<2xf64>, tensor<2xf64>) {
      %xr = tensor.extract_slice %next[%r, 0, 0] [1, 2, 64] [1, 1, 1]
          : tensor<8x2x64xf32> to tensor<1x2x64xf32>
      %n1, %m1, %s1 = bn.stats axis(1) ins(%xr : tensor<1x2x64xf32>)
          outs(%n0, %m0, %s0 : tensor<2xf64>, tensor<2xf64>, tensor<2xf64>)
          -> tensor<2xf64>, tensor<2xf64>, tensor<2xf64>
      scf.yield %n1, %m1, %s1 : tensor<2xf64>, tensor<2xf64>, tensor<2xf64>
    }
    %mean1 = arith.truncf %s#1 : tensor<2xf64> to tensor<2xf32>
    scf.yield %y1, %mean1, %ms1
        : tensor<8x4x64xf32>, tensor<2xf32>, tensor<4xf32>
  } {bn.pipelined}
  return %r#0, %r#2 : tensor<8x4x64xf32>, tensor<4xf32>
}

// -----

// Dynamic bounds: the same value, or the same computation.
#map = affine_map<()[s0] -> (s0 floordiv 8 * 8)>
// CHECK-LABEL: func @dynamic
// CHECK-COUNT-2: scf.for
//   CHECK-NOT:   scf.for
//       CHECK:   return
func.func @dynamic(%x: tensor<?xf32>, %n: index)
    -> (f32, f32, f32, f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %s:4 = scf.execute_region -> (f32, f32, f32, f32) {
    %a = scf.for %i = %c0 to %n step %c1 iter_args(%t = %zero) -> f32 {
      %v = tensor.extract %x[%i] : tensor<?xf32>
      %u = arith.addf %t, %v : f32
      scf.yield %u : f32
    }
    %b = scf.for %i = %c0 to %n step %c1 iter_args(%t = %zero) -> f32 {
      %v = tensor.extract %x[%i] : tensor<?xf32>
      %u = arith.mulf %t, %v : f32
      scf.yield %u : f32
    }
    %m = affine.apply #map()[%n]
    %c = scf.for %i = %m to %n step %c1 iter_args(%t = %a) -> f32 {
      %v = tensor.extract %x[%i] : tensor<?xf32>
      %u = arith.addf %t, %v : f32
      scf.yield %u : f32
    }
    %m1 = affine.apply #map()[%n]
    %d = scf.for %i = %m1 to %n step %c1 iter_args(%t = %b) -> f32 {
      %v = tensor.extract %x[%i] : tensor<?xf32>
      %u = arith.mulf %t, %v : f32
      scf.yield %u : f32
    }
    scf.yield %a, %b, %c, %d : f32, f32, f32, f32
  } {bn.pipelined}
  return %s#0, %s#1, %s#2, %s#3 : f32, f32, f32, f32
}

// -----

// Different bounds or steps; one uses the other, at a distance; an op with
// effects that would have to move; and what is not marked.
// CHECK-LABEL: func @legality
// CHECK-COUNT-8: scf.for
//       CHECK:   return
func.func private @f() -> f32
func.func @legality(%x: tensor<8xf32>, %n: index)
    -> (f32, f32, f32, f32, f32, f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0.0 : f32
  %s:4 = scf.execute_region -> (f32, f32, f32, f32) {
    %a = scf.for %i = %c0 to %c8 step %c1 iter_args(%t = %zero) -> f32 {
      %v = tensor.extract %x[%i] : tensor<8xf32>
      %u = arith.addf %t, %v : f32
      scf.yield %u : f32
    }
    %b = scf.for %i = %c0 to %n step %c1 iter_args(%t = %zero) -> f32 {
      %v = tensor.extract %x[%i] : tensor<8xf32>
      %u = arith.addf %t, %v : f32
      scf.yield %u : f32
    }
    %mean = arith.mulf %a, %a : f32
    %c = scf.for %i = %c0 to %c8 step %c1 iter_args(%t = %zero) -> f32 {
      %v = tensor.extract %x[%i] : tensor<8xf32>
      %d = arith.subf %v, %mean : f32
      %u = arith.addf %t, %d : f32
      scf.yield %u : f32
    }
    %f = func.call @f() : () -> f32
    %d = scf.for %i = %c0 to %n step %c1 iter_args(%t = %f) -> f32 {
      %v = tensor.extract %x[%i] : tensor<8xf32>
      %u = arith.addf %t, %v : f32
      scf.yield %u : f32
    }
    %e = scf.for %i = %c1 to %c8 step %c1 iter_args(%t = %zero) -> f32 {
      %v = tensor.extract %x[%i] : tensor<8xf32>
      %u = arith.addf %t, %v : f32
      scf.yield %u : f32
    }
    %g = scf.for %i = %c1 to %c8 step %c8 iter_args(%t = %zero) -> f32 {
      %v = tensor.extract %x[%i] : tensor<8xf32>
      %u = arith.addf %t, %v : f32
      scf.yield %u : f32
    }
    %eg = arith.addf %e, %g : f32
    scf.yield %b, %c, %d, %eg : f32, f32, f32, f32
  } {bn.pipelined}
  %h = scf.for %i = %c0 to %c8 step %c1 iter_args(%t = %zero) -> f32 {
    %v = tensor.extract %x[%i] : tensor<8xf32>
    %u = arith.addf %t, %v : f32
    scf.yield %u : f32
  }
  %k = scf.for %i = %c0 to %c8 step %c1 iter_args(%t = %zero) -> f32 {
    %v = tensor.extract %x[%i] : tensor<8xf32>
    %u = arith.addf %t, %v : f32
    scf.yield %u : f32
  }
  return %s#0, %s#1, %s#2, %s#3, %h, %k : f32, f32, f32, f32, f32, f32
}

// -----

// In place: the first loop overwrites what the second one reads, by itself or
// through a slice, and the other way around; what is between them counts, too.
// CHECK-LABEL: func @copies
// CHECK-COUNT-6: scf.for
//       CHECK:   return
func.func @copies(%x: tensor<8xf32>, %y: tensor<8xf32>, %z: tensor<8xf32>)
    -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, f32, f32, f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %zero = arith.constant 0.0 : f32
  %r:6 = scf.execute_region
      -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, f32, f32, f32) {
    %a = scf.for %i = %c0 to %c4 step %c1 iter_args(%t = %x) -> tensor<8xf32> {
      %u = tensor.insert %zero into %t[%i] : tensor<8xf32>
      scf.yield %u : tensor<8xf32>
    }
    %b = scf.for %i = %c0 to %c4 step %c1 iter_args(%t = %zero) -> f32 {
      %slice = tensor.extract_slice %x[4] [4] [1]
          : tensor<8xf32> to tensor<4xf32>
      %v = tensor.extract %slice[%i] : tensor<4xf32>
      %u = arith.addf %t, %v : f32
      scf.yield %u : f32
    }
    %c = scf.for %i = %c1 to %c4 step %c1 iter_args(%t = %zero) -> f32 {
      %v = tensor.extract %y[%i] : tensor<8xf32>
      %u = arith.addf %t, %v : f32
      scf.yield %u : f32
    }
    %d = scf.for %i = %c1 to %c4 step %c1 iter_args(%t = %y) -> tensor<8xf32> {
      %u = tensor.insert %zero into %t[%i] : tensor<8xf32>
      scf.yield %u : tensor<8xf32>
    }
    %e = scf.for %i = %c0 to %c1 step %c1 iter_args(%t = %zero) -> f32 {
      %v = tensor.extract %x[%i] : tensor<8xf32>
      %u = arith.addf %t, %v : f32
      scf.yield %u : f32
    }
    %v = tensor.extract %z[%c0] : tensor<8xf32>
    %f = scf.for %i = %c0 to %c1 step %c1 iter_args(%t = %z) -> tensor<8xf32> {
      %u = tensor.insert %zero into %t[%i] : tensor<8xf32>
      scf.yield %u : tensor<8xf32>
    }
    %g = arith.addf %e, %v : f32
    scf.yield %a, %d, %f, %b, %c, %g : tensor<8xf32>, tensor<8xf32>,
        tensor<8xf32>, f32, f32, f32
  } {bn.pipelined}
  return %r#0, %r#1, %r#2, %r#3, %r#4, %r#5 : tensor<8xf32>, tensor<8xf32>,
      tensor<8xf32>, f32, f32, f32
}

// -----

// In one sweep the first loop's body comes first, where the loops are, and where
// those in their bodies are: in place, it reads what the second overwrites.
// CHECK-LABEL: func @one_sweep
//       CHECK:   scf.forall
//       CHECK:     scf.for
//       CHECK:       scf.for
//       CHECK:         tensor.extract
//       CHECK:         arith.addf
//       CHECK:         tensor.insert
//   CHECK-NOT:     scf.for %
//       CHECK:   } {bn.one_sweep}
func.func @one_sweep(%x: tensor<8x4xf32>, %y: tensor<8x4xf32>,
    %s: tensor<2xf32>) -> (tensor<8x4xf32>, tensor<2xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0.0 : f32
  %r:2 = scf.forall (%p) in (1) shared_outs(%t = %y, %u = %s)
      -> (tensor<8x4xf32>, tensor<2xf32>) {
    %a = scf.for %i = %c0 to %c8 step %c1 iter_args(%sum = %zero) -> f32 {
      %row = scf.for %j = %c0 to %c4 step %c1 iter_args(%part = %sum) -> f32 {
        %v = tensor.extract %x[%i, %j] : tensor<8x4xf32>
        %w = arith.addf %part, %v : f32
        scf.yield %w : f32
      }
      scf.yield %row : f32
    }
    %double = arith.addf %a, %a : f32
    %b = scf.for %i = %c0 to %c8 step %c1 iter_args(%out = %t)
        -> tensor<8x4xf32> {
      %row = scf.for %j = %c0 to %c4 step %c1 iter_args(%part = %out)
          -> tensor<8x4xf32> {
        %w = tensor.insert %zero into %part[%i, %j] : tensor<8x4xf32>
        scf.yield %w : tensor<8x4xf32>
      }
      scf.yield %row : tensor<8x4xf32>
    }
    %d = tensor.from_elements %a, %double : tensor<2xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %b into %t[0, 0] [8, 4] [1, 1]
          : tensor<8x4xf32> into tensor<8x4xf32>
      tensor.parallel_insert_slice %d into %u[0] [2] [1]
          : tensor<2xf32> into tensor<2xf32>
    }
  } {bn.one_sweep}
  return %r#0, %r#1 : tensor<8x4xf32>, tensor<2xf32>
}

// -----

// What both bodies read is read once.
// CHECK-LABEL: func @shared
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<64xf32>
//       CHECK:     scf.for %[[I:.*]] = %c0 to %c64 step %c8
//       CHECK:       %[[V:.*]] = vector.transfer_read %[[X]][%[[I]]]
//   CHECK-NOT:       vector.transfer_read %[[X]]
//   CHECK-DAG:       arith.addf %[[V]], %{{.*}} : vector<8xf32>
//   CHECK-DAG:       vector.transfer_write %[[V]]
func.func @shared(%x: tensor<64xf32>, %y: tensor<64xf32>)
    -> (vector<8xf32>, tensor<64xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c64 = arith.constant 64 : index
  %p = arith.constant 0.0 : f32
  %zero = arith.constant dense<0.0> : vector<8xf32>
  %r:2 = scf.for %g = %c0 to %c1 step %c1 iter_args(%s0 = %zero, %y0 = %y)
      -> (vector<8xf32>, tensor<64xf32>) {
    %sum = scf.for %i = %c0 to %c64 step %c8 iter_args(%s = %s0)
        -> vector<8xf32> {
      %v = vector.transfer_read %x[%i], %p {in_bounds = [true]}
          : tensor<64xf32>, vector<8xf32>
      %a = arith.addf %v, %s : vector<8xf32>
      scf.yield %a : vector<8xf32>
    }
    %copy = scf.for %i = %c0 to %c64 step %c8 iter_args(%t = %y0)
        -> tensor<64xf32> {
      %v = vector.transfer_read %x[%i], %p {in_bounds = [true]}
          : tensor<64xf32>, vector<8xf32>
      %u = vector.transfer_write %v, %t[%i] {in_bounds = [true]}
          : vector<8xf32>, tensor<64xf32>
      scf.yield %u : tensor<64xf32>
    }
    scf.yield %sum, %copy : vector<8xf32>, tensor<64xf32>
  } {bn.pipelined}
  return %r#0, %r#1 : vector<8xf32>, tensor<64xf32>
}

// -----

// But uninitialized tensors stay apart: bufferization gives each its own memory.
// CHECK-LABEL: func @apart
//       CHECK:     scf.for %{{.*}} = %c0 to %c64 step %c8
// CHECK-COUNT-2:     tensor.empty
//       CHECK:       scf.yield
func.func @apart(%x: tensor<64xf32>, %y: tensor<64xf32>)
    -> (tensor<64xf32>, tensor<64xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c64 = arith.constant 64 : index
  %one = arith.constant 1.0 : f32
  %r:2 = scf.for %g = %c0 to %c1 step %c1 iter_args(%x0 = %x, %y0 = %y)
      -> (tensor<64xf32>, tensor<64xf32>) {
    %a = scf.for %i = %c0 to %c64 step %c8 iter_args(%t = %x0)
        -> tensor<64xf32> {
      %e = tensor.empty() : tensor<8xf32>
      %v = tensor.insert %one into %e[%c0] : tensor<8xf32>
      %u = tensor.insert_slice %v into %t[%i] [8] [1]
          : tensor<8xf32> into tensor<64xf32>
      scf.yield %u : tensor<64xf32>
    }
    %b = scf.for %i = %c0 to %c64 step %c8 iter_args(%t = %y0)
        -> tensor<64xf32> {
      %e = tensor.empty() : tensor<8xf32>
      %v = tensor.insert %one into %e[%c1] : tensor<8xf32>
      %u = tensor.insert_slice %v into %t[%i] [8] [1]
          : tensor<8xf32> into tensor<64xf32>
      scf.yield %u : tensor<64xf32>
    }
    scf.yield %a, %b : tensor<64xf32>, tensor<64xf32>
  } {bn.pipelined}
  return %r#0, %r#1 : tensor<64xf32>, tensor<64xf32>
}
