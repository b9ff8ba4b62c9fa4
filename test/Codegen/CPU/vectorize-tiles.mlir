// linalg on tensors becomes loops over vectors: strips of 4 registers, of one
// register, and single elements; no masks. With vectors of 256 bits, the strips
// of f32 are 32, 8 and 1 wide, and, where the size is known, 16 and 4.

// RUN: bn-opt %s --bn-vectorize-tiles --canonicalize --split-input-file | FileCheck %s --implicit-check-not=mask

// A sum along the strips has one accumulator per strip width; 103 = 96 + 4 + 3.
// The four registers of a wide strip are added up before they are added to it.
#x = affine_map<(d0) -> (d0)>
#s = affine_map<(d0) -> ()>
// CHECK-LABEL: func @sum
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<103xf32>, %[[S0:[a-z0-9]+]]: tensor<f32>
//       CHECK:   %[[START:.*]] = tensor.extract %[[S0]][]
//       CHECK:   %[[A:.*]] = scf.for %[[I:[a-z0-9]+]] = %c0 to %c96 step %c32 iter_args(%[[ACC:.*]] = %{{.*}}) -> (vector<8xf32>)
//  CHECK-NEXT:     %[[V:.*]] = vector.transfer_read %[[X]][%[[I]]], %{{.*}} {in_bounds = [true]} : tensor<103xf32>, vector<32xf32>
//  CHECK-NEXT:     %[[V0:.*]] = vector.extract_strided_slice %[[V]] {offsets = [0], sizes = [8]
//  CHECK-NEXT:     %[[V1:.*]] = vector.extract_strided_slice %[[V]] {offsets = [8], sizes = [8]
//  CHECK-NEXT:     %[[T1:.*]] = arith.addf %[[V1]], %[[V0]]
//  CHECK-NEXT:     %[[V2:.*]] = vector.extract_strided_slice %[[V]] {offsets = [16], sizes = [8]
//  CHECK-NEXT:     %[[T2:.*]] = arith.addf %[[V2]], %[[T1]]
//  CHECK-NEXT:     %[[V3:.*]] = vector.extract_strided_slice %[[V]] {offsets = [24], sizes = [8]
//  CHECK-NEXT:     %[[T3:.*]] = arith.addf %[[V3]], %[[T2]]
//  CHECK-NEXT:     %[[T:.*]] = arith.addf %[[T3]], %[[ACC]] : vector<8xf32>
//  CHECK-NEXT:     scf.yield %[[T]]
//       CHECK:   %[[P:.*]] = vector.transfer_read %[[X]][%c96], {{.*}} vector<4xf32>
//  CHECK-NEXT:   %[[P4:.*]] = arith.addf %[[P]], %
//       CHECK:   %[[B:.*]] = scf.for %[[J:[a-z0-9]+]] = %c100 to %c103 step %c1 iter_args({{.*}}) -> (f32)
//  CHECK-NEXT:     tensor.extract %[[X]][%[[J]]]
//       CHECK:   %[[R:.*]] = vector.reduction <add>, %[[A]] fastmath<reassoc>
//       CHECK:   %[[U:.*]] = arith.addf %[[START]], %[[R]]
//       CHECK:   %[[R4:.*]] = vector.reduction <add>, %[[P4]] fastmath<reassoc>
//       CHECK:   %[[U4:.*]] = arith.addf %[[U]], %[[R4]]
//       CHECK:   %[[W:.*]] = arith.addf %[[U4]], %[[B]]
//       CHECK:   tensor.insert %[[W]] into %[[S0]][]
func.func @sum(%x: tensor<103xf32>, %s0: tensor<f32>) -> tensor<f32> {
  %s = linalg.generic {indexing_maps = [#x, #s],
                       iterator_types = ["reduction"]}
      ins(%x : tensor<103xf32>) outs(%s0 : tensor<f32>) {
  ^bb0(%in: f32, %out: f32):
    %t = arith.addf %out, %in : f32
    linalg.yield %t : f32
  } -> tensor<f32>
  return %s : tensor<f32>
}

// -----

// Two sums over two dimensions: one load feeds both accumulators, which live
// through all of the loops.
#x = affine_map<(d0, d1) -> (d0, d1)>
#s = affine_map<(d0, d1) -> ()>
// CHECK-LABEL: func @two_sums
//       CHECK:   scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>)
//       CHECK:     scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>)
//  CHECK-NEXT:       vector.transfer_read
//   CHECK-NOT:       vector.transfer_read
//       CHECK:       arith.mulf
//       CHECK:     scf.yield
//       CHECK:   vector.reduction
//       CHECK:   vector.reduction
//   CHECK-NOT:   vector.reduction
//       CHECK:   return
func.func @two_sums(%x: tensor<8x64xf32>, %s0: tensor<f32>, %q0: tensor<f32>)
    -> (tensor<f32>, tensor<f32>) {
  %s, %q = linalg.generic {indexing_maps = [#x, #s, #s],
                           iterator_types = ["reduction", "reduction"]}
      ins(%x : tensor<8x64xf32>) outs(%s0, %q0 : tensor<f32>, tensor<f32>) {
  ^bb0(%in: f32, %out: f32, %out2: f32):
    %t = arith.addf %out, %in : f32
    %square = arith.mulf %in, %in : f32
    %u = arith.addf %out2, %square : f32
    linalg.yield %t, %u : f32, f32
  } -> (tensor<f32>, tensor<f32>)
  return %s, %q : tensor<f32>, tensor<f32>
}

// -----

// A sum across the strips walks the rows in memory order, so that its sums are
// in memory: four rows are summed in registers, and then added, strip by strip.
// Two of ten rows are left. 42 = 32 + 8 + 2.
#x = affine_map<(d0, d1) -> (d0, d1)>
#s = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func @sum_of_rows
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<10x42xf32>, %[[S0:[a-z0-9]+]]: tensor<42xf32>
//       CHECK:   %[[R:.*]] = scf.for %[[I:[a-z0-9]+]] = %c0 to %c8 step %c4 iter_args(%[[S:.*]] = %[[S0]])
//       CHECK:     vector.transfer_read %[[X]][%[[I]], %c0], {{.*}} vector<32xf32>
//       CHECK:     vector.transfer_read %[[X]][%{{[0-9]+}}, %c0], {{.*}} vector<32xf32>
//       CHECK:     vector.transfer_read %[[X]][%{{[0-9]+}}, %c0], {{.*}} vector<32xf32>
//       CHECK:     vector.transfer_read %[[X]][%{{[0-9]+}}, %c0], {{.*}} vector<32xf32>
//  CHECK-NEXT:     %[[FOUR:.*]] = arith.addf
//  CHECK-NEXT:     %[[A:.*]] = vector.transfer_read %[[S]][%c0], {{.*}} vector<32xf32>
//  CHECK-NEXT:     %[[T:.*]] = arith.addf %[[A]], %[[FOUR]]
//  CHECK-NEXT:     %[[S1:.*]] = vector.transfer_write %[[T]], %[[S]][%c0] {in_bounds = [true]}
//       CHECK:     vector.transfer_read %[[S1]][%c32], {{.*}} vector<8xf32>
//       CHECK:     %[[S2:.*]] = vector.transfer_write %{{.*}}, %[[S1]][%c32]
//       CHECK:     scf.for %{{.*}} = %c40 to %c42 step %c1 iter_args({{.*}} = %[[S2]])
//       CHECK:       tensor.insert
//       CHECK:   %[[LAST:.*]] = scf.for %{{.*}} = %c8 to %c10 step %c1 iter_args({{.*}} = %[[R]])
//   CHECK-NOT:   vector.reduction
//       CHECK:   return %[[LAST]]
func.func @sum_of_rows(%x: tensor<10x42xf32>, %s0: tensor<42xf32>)
    -> tensor<42xf32> {
  %s = linalg.generic {indexing_maps = [#x, #s],
                       iterator_types = ["reduction", "parallel"]}
      ins(%x : tensor<10x42xf32>) outs(%s0 : tensor<42xf32>) {
  ^bb0(%in: f32, %out: f32):
    %t = arith.addf %out, %in : f32
    linalg.yield %t : f32
  } -> tensor<42xf32>
  return %s : tensor<42xf32>
}

// -----

// The same of rows of which there are not known how many.
#x = affine_map<(d0, d1) -> (d0, d1)>
#s = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func @sum_of_dynamic_rows
//       CHECK:   %[[R:.*]] = scf.for %{{.*}} = %c0 to %[[BULK:.*]] step %c4
//       CHECK:   scf.for %{{.*}} = %[[BULK]] to %{{.*}} step %c1 iter_args({{.*}} = %[[R]])
func.func @sum_of_dynamic_rows(%x: tensor<?x32xf32>, %s0: tensor<32xf32>)
    -> tensor<32xf32> {
  %s = linalg.generic {indexing_maps = [#x, #s],
                       iterator_types = ["reduction", "parallel"]}
      ins(%x : tensor<?x32xf32>) outs(%s0 : tensor<32xf32>) {
  ^bb0(%in: f32, %out: f32):
    %t = arith.addf %out, %in : f32
    linalg.yield %t : f32
  } -> tensor<32xf32>
  return %s : tensor<32xf32>
}

// -----

// In a pipelined slab, where a sweep past the caches goes along, one row at a
// time.
#x = affine_map<(d0, d1) -> (d0, d1)>
#s = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func @sum_of_rows_pipelined
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<10x32xf32>, %[[S0:[a-z0-9]+]]: tensor<32xf32>
//       CHECK:   scf.for %[[I:[a-z0-9]+]] = %c0 to %c10 step %c1 iter_args(%[[S:.*]] = %[[S0]])
//  CHECK-NEXT:     %[[A:.*]] = vector.transfer_read %[[S]][%c0]
//  CHECK-NEXT:     %[[V:.*]] = vector.transfer_read %[[X]][%[[I]], %c0]
//  CHECK-NEXT:     %[[T:.*]] = arith.addf %[[A]], %[[V]]
//  CHECK-NEXT:     %[[S1:.*]] = vector.transfer_write %[[T]], %[[S]][%c0]
//  CHECK-NEXT:     scf.yield %[[S1]]
func.func @sum_of_rows_pipelined(%x: tensor<10x32xf32>, %s0: tensor<32xf32>)
    -> tensor<32xf32> {
  %s = linalg.generic {indexing_maps = [#x, #s],
                       iterator_types = ["reduction", "parallel"]}
      ins(%x : tensor<10x32xf32>) outs(%s0 : tensor<32xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab,
               threads = 0, parallel = [0, 0], tile = [0, 0],
               vector_bits = 256, unroll = 4, stores = temporal>} {
  ^bb0(%in: f32, %out: f32):
    %t = arith.addf %out, %in : f32
    linalg.yield %t : f32
  } -> tensor<32xf32>
  return %s : tensor<32xf32>
}

// -----

// Squares are added to chains of at most 18 rows there, which are added to the
// sum when they end. 40 = 14 + 14 + 12.
#x = affine_map<(d0, d1) -> (d0, d1)>
#s = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func @squares_of_rows_pipelined
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<40x32xf32>
//       CHECK:   %[[ROWS:.*]]:2 = scf.for %[[I:[a-z0-9]+]] = %c0 to %c40 step %c1 iter_args(%[[S:.*]] = %{{.*}}, %[[CHAIN:.*]] = %{{.*}})
//  CHECK-NEXT:     vector.transfer_read %[[CHAIN]][%c0]
//       CHECK:     arith.mulf
//       CHECK:     %[[SQUARES:.*]] = arith.addf
//  CHECK-NEXT:     %[[C:.*]] = vector.transfer_write %[[SQUARES]], %[[CHAIN]][%c0]
//  CHECK-NEXT:     %[[PLACE:.*]] = arith.remui %[[I]], %c14
//  CHECK-NEXT:     %[[ENDS:.*]] = arith.cmpi eq, %[[PLACE]], %c13
//  CHECK-NEXT:     %{{.*}}:2 = scf.if %[[ENDS]]
//  CHECK-NEXT:       %[[BEFORE:.*]] = vector.transfer_read %[[S]][%c0]
//  CHECK-NEXT:       %[[SUM:.*]] = arith.addf %[[BEFORE]], %[[SQUARES]]
//  CHECK-NEXT:       vector.transfer_write %[[SUM]], %[[S]][%c0]
//  CHECK-NEXT:       vector.transfer_write %cst{{.*}}, %[[CHAIN]][%c0]
//       CHECK:     } else {
//  CHECK-NEXT:       scf.yield %[[S]], %[[C]]
//       CHECK:   vector.transfer_read %[[ROWS]]#1[%c0]
//       CHECK:   arith.addf
func.func @squares_of_rows_pipelined(%x: tensor<40x32xf32>) -> tensor<32xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<32xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<32xf32>)
      -> tensor<32xf32>
  %s = linalg.generic {indexing_maps = [#x, #s],
                       iterator_types = ["reduction", "parallel"]}
      ins(%x : tensor<40x32xf32>) outs(%zeros : tensor<32xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab,
               threads = 0, parallel = [0, 0], tile = [0, 0],
               vector_bits = 256, unroll = 4, stores = temporal>} {
  ^bb0(%in: f32, %out: f32):
    %square = arith.mulf %in, %in : f32
    %t = arith.addf %out, %square : f32
    linalg.yield %t : f32
  } -> tensor<32xf32>
  return %s : tensor<32xf32>
}

// -----

// Elementwise, with one number per row: it is read once per row.
#x = affine_map<(d0, d1) -> (d0, d1)>
#c = affine_map<(d0, d1) -> (d0)>
// CHECK-LABEL: func @elementwise
//       CHECK:   scf.for %[[ROW:[a-z0-9]+]] = %c0 to %c10 step %c1
//  CHECK-NEXT:     %[[C:.*]] = tensor.extract %{{.*}}[%[[ROW]]]
//       CHECK:     scf.for %[[I:[a-z0-9]+]] = %c0 to %c64 step %c32
//       CHECK:       %[[X:.*]] = vector.transfer_read
//       CHECK:       %[[V:.*]] = vector.broadcast %[[C]] : f32 to vector<32xf32>
//       CHECK:       %[[Y:.*]] = arith.subf %[[X]], %[[V]]
//       CHECK:       vector.transfer_write %[[Y]], %{{.*}}[%[[ROW]], %[[I]]]
func.func @elementwise(%x: tensor<10x64xf32>, %c: tensor<10xf32>)
    -> tensor<10x64xf32> {
  %y = linalg.generic {indexing_maps = [#x, #c, #x],
                       iterator_types = ["parallel", "parallel"]}
      ins(%x, %c : tensor<10x64xf32>, tensor<10xf32>)
      outs(%x : tensor<10x64xf32>) {
  ^bb0(%in: f32, %m: f32, %out: f32):
    %d = arith.subf %in, %m : f32
    linalg.yield %d : f32
  } -> tensor<10x64xf32>
  return %y : tensor<10x64xf32>
}

// -----

// The widest number counts: with f64 inside, a register has 4 lanes. One number
// per channel is not worth register tiles.
#c = affine_map<(d0) -> (d0)>
// CHECK-LABEL: func @mixed_types
//       CHECK:   scf.for %{{.*}} = %c0 to %c64 step %c4
//       CHECK:     vector.transfer_read {{.*}} vector<4xf32>
//       CHECK:     arith.extf {{.*}} : vector<4xf32> to vector<4xf64>
//       CHECK:     math.sqrt {{.*}} : vector<4xf64>
//       CHECK:     arith.truncf {{.*}} : vector<4xf64> to vector<4xf32>
func.func @mixed_types(%x: tensor<64xf32>) -> tensor<64xf32> {
  %y = linalg.generic {indexing_maps = [#c, #c], iterator_types = ["parallel"]}
      ins(%x : tensor<64xf32>) outs(%x : tensor<64xf32>) {
  ^bb0(%in: f32, %out: f32):
    %wide = arith.extf %in : f32 to f64
    %root = math.sqrt %wide : f64
    %y = arith.truncf %root : f64 to f32
    linalg.yield %y : f32
  } -> tensor<64xf32>
  return %y : tensor<64xf32>
}

// -----

// Sizes that are not known: three loops, whose bounds are computed.
#c = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$BY32:.*]] = affine_map<()[s0] -> ((s0 floordiv 32) * 32)>
// CHECK-DAG: #[[$BY8:.*]] = affine_map<()[s0] -> ((s0 floordiv 8) * 8)>
// CHECK-LABEL: func @dynamic
//   CHECK-DAG:   %[[N:.*]] = tensor.dim %{{.*}}, %c1
//   CHECK-DAG:   %[[A:.*]] = affine.apply #[[$BY32]]()[%[[N]]]
//   CHECK-DAG:   %[[B:.*]] = affine.apply #[[$BY8]]()[%[[N]]]
//       CHECK:     scf.for %{{.*}} = %c0 to %[[A]] step %c32
//       CHECK:       vector.transfer_write {{.*}} : vector<32xf32>
//       CHECK:     scf.for %{{.*}} = %[[A]] to %[[B]] step %c8
//       CHECK:       vector.transfer_write {{.*}} : vector<8xf32>
//       CHECK:     scf.for %{{.*}} = %[[B]] to %[[N]] step %c1
//       CHECK:       tensor.insert
func.func @dynamic(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %y = linalg.generic {indexing_maps = [#c, #c],
                       iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x?xf32>) outs(%x : tensor<?x?xf32>) {
  ^bb0(%in: f32, %out: f32):
    %y = arith.negf %in : f32
    linalg.yield %y : f32
  } -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// -----

// A filled tensor is known without reading it, and the fill dies.
#x = affine_map<(d0) -> (d0)>
#s = affine_map<(d0) -> ()>
// CHECK-LABEL: func @from_zero
//   CHECK-NOT:   linalg.fill
//   CHECK-NOT:   tensor.extract
//       CHECK:   vector.reduction
func.func @from_zero(%x: tensor<64xf32>) -> tensor<f32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<f32>
  %s0 = linalg.fill ins(%zero : f32) outs(%empty : tensor<f32>) -> tensor<f32>
  %s = linalg.generic {indexing_maps = [#x, #s],
                       iterator_types = ["reduction"]}
      ins(%x : tensor<64xf32>) outs(%s0 : tensor<f32>) {
  ^bb0(%in: f32, %out: f32):
    %t = arith.addf %out, %in : f32
    linalg.yield %t : f32
  } -> tensor<f32>
  return %s : tensor<f32>
}

// -----

// Register width and unroll factor of a strategy win over the options.
#c = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-LABEL: func @strategy
//       CHECK:   step %c16
//       CHECK:     vector<16xf32>
func.func @strategy(%x: tensor<8x160xf32>) -> tensor<8x160xf32> {
  %y = linalg.generic {indexing_maps = [#c, #c],
                       iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<8x160xf32>) outs(%x : tensor<8x160xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<sweep, threads = 0,
               parallel = [0, 0], tile = [0, 0], vector_bits = 512, unroll = 1,
               stores = temporal>} {
  ^bb0(%in: f32, %out: f32):
    %y = arith.negf %in : f32
    linalg.yield %y : f32
  } -> tensor<8x160xf32>
  return %y : tensor<8x160xf32>
}

// -----

// A maximum is not summed lane by lane: it stays scalar.
#x = affine_map<(d0) -> (d0)>
#s = affine_map<(d0) -> ()>
// CHECK-LABEL: func @maximum
//   CHECK-NOT:   vector
//       CHECK:   scf.for %{{.*}} = %c0 to %c64 step %c1 iter_args({{.*}}) -> (f32)
func.func @maximum(%x: tensor<64xf32>, %s0: tensor<f32>) -> tensor<f32> {
  %s = linalg.generic {indexing_maps = [#x, #s],
                       iterator_types = ["reduction"]}
      ins(%x : tensor<64xf32>) outs(%s0 : tensor<f32>) {
  ^bb0(%in: f32, %out: f32):
    %t = arith.maximumf %out, %in : f32
    linalg.yield %t : f32
  } -> tensor<f32>
  return %s : tensor<f32>
}

// -----

// So does an operand that is strided along the strips.
// CHECK-LABEL: func @strided
//   CHECK-NOT:   vector
//       CHECK:   tensor.extract
//       CHECK:   tensor.insert
func.func @strided(%x: tensor<10x20xf32>, %y0: tensor<20x10xf32>)
    -> tensor<20x10xf32> {
  %y = linalg.transpose ins(%x : tensor<10x20xf32>)
      outs(%y0 : tensor<20x10xf32>) permutation = [1, 0]
  return %y : tensor<20x10xf32>
}

// -----

// Rows that are jammed read what they share once. Ten rows are two times four,
// and two that follow one by one.
#x = affine_map<(d0, d1) -> (d0, d1)>
#a = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func @jam
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<10x64xf32>, %[[A:[a-z0-9]+]]: tensor<64xf32>
//       CHECK:   scf.for %[[R:.*]] = %c0 to %c8 step %c4
//       CHECK:     scf.for %[[I:.*]] = %c0 to %c64 step %c32
//       CHECK:       vector.transfer_read %[[A]][%[[I]]]
//       CHECK:       vector.transfer_read %[[X]][%[[R]], %[[I]]]
//       CHECK:       vector.transfer_write %{{.*}}, %{{.*}}[%[[R]], %[[I]]]
//       CHECK:       %[[S:.*]] = arith.addi %[[R]], %c1
//   CHECK-NOT:       %[[A]]
//       CHECK:       vector.transfer_read %[[X]][%[[S]], %[[I]]]
//       CHECK:       vector.transfer_write %{{.*}}, %{{.*}}[%[[S]], %[[I]]]
//       CHECK:       %[[T:.*]] = arith.addi %[[R]], %c2
//   CHECK-NOT:       %[[A]]
//       CHECK:       vector.transfer_write %{{.*}}, %{{.*}}[%[[T]], %[[I]]]
//       CHECK:       %[[U:.*]] = arith.addi %[[R]], %c3
//   CHECK-NOT:       %[[A]]
//       CHECK:       vector.transfer_write %{{.*}}, %{{.*}}[%[[U]], %[[I]]]
//       CHECK:   scf.for %{{.*}} = %c8 to %c10 step %c1
//       CHECK:     vector.transfer_read %[[A]]
//       CHECK:     vector.transfer_read %[[X]]
//   CHECK-NOT:     vector.transfer_read
//       CHECK:   return
func.func @jam(%x: tensor<10x64xf32>, %a: tensor<64xf32>,
    %y0: tensor<10x64xf32>) -> tensor<10x64xf32> {
  %y = linalg.generic {indexing_maps = [#x, #a, #x],
                       iterator_types = ["parallel", "parallel"]}
      ins(%x, %a : tensor<10x64xf32>, tensor<64xf32>)
      outs(%y0 : tensor<10x64xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<sweep,
               threads = 0, parallel = [0, 0], tile = [0, 0],
               vector_bits = 256, unroll = 4, stores = temporal, jam = 4>} {
  ^bb0(%in: f32, %b: f32, %out: f32):
    %t = arith.mulf %in, %b : f32
    linalg.yield %t : f32
  } -> tensor<10x64xf32>
  return %y : tensor<10x64xf32>
}

// -----

// What there is one of for each row is read before its strips.
#x = affine_map<(d0, d1) -> (d0, d1)>
#a = affine_map<(d0, d1) -> (d1)>
#m = affine_map<(d0, d1) -> (d0)>
// CHECK-LABEL: func @jam_masked
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x64xf32>, %[[A:[a-z0-9]+]]: tensor<64xf32>, %[[M:[a-z0-9]+]]: tensor<8xf32>
//       CHECK:   scf.for %[[R:.*]] = %c0 to %c8 step %c2
//       CHECK:     tensor.extract %[[M]][%[[R]]]
//       CHECK:     %[[S:.*]] = arith.addi %[[R]], %c1
//       CHECK:     tensor.extract %[[M]][%[[S]]]
//       CHECK:     scf.for
//   CHECK-NOT:       tensor.extract
//       CHECK:   return
func.func @jam_masked(%x: tensor<8x64xf32>, %a: tensor<64xf32>,
    %m: tensor<8xf32>, %y0: tensor<8x64xf32>) -> tensor<8x64xf32> {
  %y = linalg.generic {indexing_maps = [#x, #a, #m, #x],
                       iterator_types = ["parallel", "parallel"]}
      ins(%x, %a, %m : tensor<8x64xf32>, tensor<64xf32>, tensor<8xf32>)
      outs(%y0 : tensor<8x64xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<sweep,
               threads = 0, parallel = [0, 0], tile = [0, 0],
               vector_bits = 256, unroll = 4, stores = temporal, jam = 2>} {
  ^bb0(%in: f32, %b: f32, %w: f32, %out: f32):
    %t = arith.mulf %in, %b : f32
    %u = arith.mulf %t, %w : f32
    linalg.yield %u : f32
  } -> tensor<8x64xf32>
  return %y : tensor<8x64xf32>
}
