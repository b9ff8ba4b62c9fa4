// Elements of one bit are read and written as bytes, eight at a time or a part
// of one. What cannot be proved to be so is an error.

// RUN: bn-opt %s --bn-pack-bits --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

// A row of 64 bits is 8 bytes.
// CHECK: #[[$ROW:.*]] = affine_map<()[s0] -> (s0 * 64)>
// CHECK-LABEL: func @read
//  CHECK-SAME:     %[[BYTES:[a-z0-9]+]]: memref<512xi8>, %[[R:[a-z0-9]+]]: index
//   CHECK-NOT:   bn.view_bits
//       CHECK:   %[[BIT:.*]] = affine.apply #[[$ROW]]()[%[[R]]]
//       CHECK:   %[[BYTE:.*]] = arith.divui %[[BIT]], %c8
//       CHECK:   %[[W:.*]] = vector.transfer_read %[[BYTES]][%[[BYTE]]], %{{.*}} {in_bounds = [true]} : memref<512xi8>, vector<4xi8>
//       CHECK:   %[[B:.*]] = vector.bitcast %[[W]] : vector<4xi8> to vector<32xi1>
//       CHECK:   %[[V:.*]] = arith.extui %[[B]] : vector<32xi1> to vector<32xi8>
//       CHECK:   return %[[V]]
func.func @read(%bytes: memref<512xi8>, %r: index) -> vector<32xi8> {
  %c0 = arith.constant 0 : index
  %pad = arith.constant 0 : i8
  %bits = bn.view_bits %bytes : memref<512xi8> to memref<64x64xi8>
  %v = vector.transfer_read %bits[%r, %c0], %pad {in_bounds = [true]}
      : memref<64x64xi8>, vector<32xi8>
  return %v : vector<32xi8>
}

// -----

// Where bits will be is where their bytes will be.
// CHECK-LABEL: func @prefetch
//  CHECK-SAME:     %[[BYTES:[a-z0-9]+]]: memref<512xi8>
//       CHECK:   %[[BIT:.*]] = affine.apply
//       CHECK:   %[[BYTE:.*]] = arith.divui %[[BIT]], %c8
//       CHECK:   memref.prefetch %[[BYTES]][%[[BYTE]]], write, locality<3>, data : memref<512xi8>
func.func @prefetch(%bytes: memref<512xi8>, %r: index, %i: index) {
  %bits = bn.view_bits %bytes : memref<512xi8> to memref<64x64xi8>
  memref.prefetch %bits[%r, %i], write, locality<3>, data : memref<64x64xi8>
  return
}

// -----

// In loops with bounds and steps of whole bytes, of a piece of an image that is
// seen flat. What is not 0 is 1.
// CHECK-LABEL: func @write
//  CHECK-SAME:     %[[BYTES:[a-z0-9]+]]: memref<512xi8>, %[[V:[a-z0-9]+]]: vector<16xi8>
//   CHECK-DAG:   %[[ZERO:.*]] = arith.constant dense<0> : vector<16xi8>
//       CHECK:   scf.forall
//       CHECK:     scf.for
//       CHECK:       %[[B:.*]] = arith.cmpi ne, %[[V]], %[[ZERO]] : vector<16xi8>
//       CHECK:       %[[BIT:.*]] = affine.apply
//       CHECK:       %[[W:.*]] = vector.bitcast %[[B]] : vector<16xi1> to vector<2xi8>
//       CHECK:       %[[BYTE:.*]] = arith.divui %[[BIT]], %c8
//       CHECK:       vector.transfer_write %[[W]], %[[BYTES]][%[[BYTE]]] {in_bounds = [true]} : vector<2xi8>, memref<512xi8>
func.func @write(%bytes: memref<512xi8>, %v: vector<16xi8>) {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %c128 = arith.constant 128 : index
  %bits = bn.view_bits %bytes : memref<512xi8> to memref<4x2x16x32xi8>
  %flat = memref.collapse_shape %bits [[0], [1], [2, 3]]
      : memref<4x2x16x32xi8> into memref<4x2x512xi8>
  scf.forall (%c, %r) = (0, 0) to (2, 512) step (1, 128) {
    %piece = memref.subview %flat[0, %c, %r] [4, 1, 128] [1, 1, 1]
        : memref<4x2x512xi8>
          to memref<4x128xi8, strided<[1024, 1], offset: ?>>
    scf.for %i = %c0 to %c128 step %c16 {
      vector.transfer_write %v, %piece[%c0, %i] {in_bounds = [true]}
          : vector<16xi8>, memref<4x128xi8, strided<[1024, 1], offset: ?>>
    }
  }
  return
}

// -----

// The tail of a row of 56, by a mask of 3 bytes.
// CHECK-LABEL: func @masked_tail
//  CHECK-SAME:     %[[BYTES:[a-z0-9]+]]: memref<560xi8>
//       CHECK:   %[[M:.*]] = vector.constant_mask [3] : vector<4xi1>
//       CHECK:   vector.transfer_read %[[BYTES]][%[[BYTE:.*]]], %{{.*}}, %[[M]] {in_bounds = [true]} : memref<560xi8>, vector<4xi8>
//       CHECK:   vector.transfer_write %{{.*}}, %[[BYTES]][%[[BYTE]]], %[[M]] {in_bounds = [true]} : vector<4xi8>, memref<560xi8>
func.func @masked_tail(%bytes: memref<560xi8>, %r: index, %v: vector<32xi8>)
    -> vector<32xi8> {
  %c32 = arith.constant 32 : index
  %pad = arith.constant 0 : i8
  %mask = vector.constant_mask [24] : vector<32xi1>
  %bits = bn.view_bits %bytes : memref<560xi8> to memref<80x56xi8>
  %w = vector.transfer_read %bits[%r, %c32], %pad, %mask {in_bounds = [true]}
      : memref<80x56xi8>, vector<32xi8>
  vector.transfer_write %v, %bits[%r, %c32], %mask {in_bounds = [true]}
      : vector<32xi8>, memref<80x56xi8>
  return %w : vector<32xi8>
}

// -----

// CHECK-LABEL: func @dynamic_tail
//  CHECK-SAME:     %[[BYTES:[a-z0-9]+]]: memref<560xi8>, %{{[a-z0-9]+}}: index, %[[N:[a-z0-9]+]]: index
//       CHECK:   %[[BITS:.*]] = arith.muli %[[N]], %c8
//       CHECK:   %[[COUNT:.*]] = arith.divui %[[BITS]], %c8
//       CHECK:   %[[M:.*]] = vector.create_mask %[[COUNT]] : vector<4xi1>
//       CHECK:   vector.transfer_read %[[BYTES]][%{{.*}}], %{{.*}}, %[[M]] {in_bounds = [true]} : memref<560xi8>, vector<4xi8>
//       CHECK:   vector.transfer_write %{{.*}}, %[[BYTES]][%{{.*}}], %[[M]] {in_bounds = [true]} : vector<4xi8>, memref<560xi8>
func.func @dynamic_tail(%bytes: memref<560xi8>, %r: index, %n: index,
    %v: vector<32xi8>) -> vector<32xi8> {
  %c32 = arith.constant 32 : index
  %pad = arith.constant 0 : i8
  %c8 = arith.constant 8 : index
  %count = arith.muli %n, %c8 : index
  %mask = vector.create_mask %count : vector<32xi1>
  %bits = bn.view_bits %bytes : memref<560xi8> to memref<80x56xi8>
  %w = vector.transfer_read %bits[%r, %c32], %pad, %mask {in_bounds = [true]}
      : memref<80x56xi8>, vector<32xi8>
  vector.transfer_write %v, %bits[%r, %c32], %mask {in_bounds = [true]}
      : vector<32xi8>, memref<80x56xi8>
  return %w : vector<32xi8>
}

// -----

// A register of four f64: half a byte.
// CHECK: #[[$HALF:.*]] = affine_map<()[s0] -> (s0 * 4)>
// CHECK-LABEL: func @read_part
//  CHECK-SAME:     %[[BYTES:[a-z0-9]+]]: memref<32xi8>, %[[R:[a-z0-9]+]]: index
//       CHECK:   %[[BIT:.*]] = affine.apply #[[$HALF]]()[%[[R]]]
//       CHECK:   %[[BYTE:.*]] = arith.divui %[[BIT]], %c8
//       CHECK:   %[[W:.*]] = vector.transfer_read %[[BYTES]][%[[BYTE]]], %{{.*}} {in_bounds = [true]} : memref<32xi8>, vector<1xi8>
//       CHECK:   %[[REST:.*]] = arith.andi %[[BIT]], %c7
//       CHECK:   %[[REST8:.*]] = arith.index_cast %[[REST]] : index to i8
//       CHECK:   %[[SHIFT:.*]] = vector.broadcast %[[REST8]] : i8 to vector<1xi8>
//       CHECK:   %[[LOW:.*]] = arith.shrui %[[W]], %[[SHIFT]]
//       CHECK:   %[[ALL:.*]] = vector.bitcast %[[LOW]] : vector<1xi8> to vector<8xi1>
//       CHECK:   %[[B:.*]] = vector.extract_strided_slice %[[ALL]] {offsets = [0], sizes = [4], strides = [1]}
//       CHECK:   arith.extui %[[B]] : vector<4xi1> to vector<4xi8>
func.func @read_part(%bytes: memref<32xi8>, %r: index) -> vector<4xi8> {
  %c0 = arith.constant 0 : index
  %pad = arith.constant 0 : i8
  %bits = bn.view_bits %bytes : memref<32xi8> to memref<64x4xi8>
  %v = vector.transfer_read %bits[%r, %c0], %pad {in_bounds = [true]}
      : memref<64x4xi8>, vector<4xi8>
  return %v : vector<4xi8>
}

// -----

// The other half of a byte stays.
// CHECK-LABEL: func @write_part
//  CHECK-SAME:     %[[BYTES:[a-z0-9]+]]: memref<32xi8>, %{{[a-z0-9]+}}: index, %[[V:[a-z0-9]+]]: vector<4xi8>
//   CHECK-DAG:   %[[FOUR:.*]] = arith.constant dense<15> : vector<1xi8>
//   CHECK-DAG:   %[[ONES:.*]] = arith.constant dense<-1> : vector<1xi8>
//   CHECK-DAG:   %[[NONE:.*]] = arith.constant dense<false> : vector<8xi1>
//       CHECK:   %[[B:.*]] = arith.cmpi ne, %[[V]], %{{.*}} : vector<4xi8>
//   CHECK-DAG:   %[[SHIFT:.*]] = vector.broadcast %{{.*}} : i8 to vector<1xi8>
//   CHECK-DAG:   %[[WIDE:.*]] = vector.insert_strided_slice %[[B]], %[[NONE]] {offsets = [0], strides = [1]}
//       CHECK:   %[[LOW:.*]] = vector.bitcast %[[WIDE]] : vector<8xi1> to vector<1xi8>
//   CHECK-DAG:   %[[NEW:.*]] = arith.shli %[[LOW]], %[[SHIFT]]
//   CHECK-DAG:   %[[PLACE:.*]] = arith.shli %[[FOUR]], %[[SHIFT]]
//   CHECK-DAG:   %[[OTHER:.*]] = arith.xori %[[PLACE]], %[[ONES]]
//   CHECK-DAG:   %[[OLD:.*]] = vector.transfer_read %[[BYTES]][%[[BYTE:.*]]], %{{.*}} : memref<32xi8>, vector<1xi8>
//       CHECK:   %[[KEPT:.*]] = arith.andi %[[OLD]], %[[OTHER]]
//       CHECK:   %[[W:.*]] = arith.ori %[[KEPT]], %[[NEW]]
//       CHECK:   vector.transfer_write %[[W]], %[[BYTES]][%[[BYTE]]] {in_bounds = [true]} : vector<1xi8>, memref<32xi8>
func.func @write_part(%bytes: memref<32xi8>, %r: index, %v: vector<4xi8>) {
  %c0 = arith.constant 0 : index
  %bits = bn.view_bits %bytes : memref<32xi8> to memref<64x4xi8>
  vector.transfer_write %v, %bits[%r, %c0] {in_bounds = [true]}
      : vector<4xi8>, memref<64x4xi8>
  return
}

// -----

// Where it is known which part it is, nothing is left to compute.
// CHECK-LABEL: func @upper_half
//   CHECK-DAG:   %[[FOUR:.*]] = arith.constant dense<4> : vector<1xi8>
//   CHECK-DAG:   %[[FIFTEEN:.*]] = arith.constant dense<15> : vector<1xi8>
//       CHECK:   arith.shli %{{.*}}, %[[FOUR]]
//       CHECK:   %[[OLD:.*]] = vector.transfer_read %{{.*}}[%c1]
//       CHECK:   arith.andi %[[OLD]], %[[FIFTEEN]]
//       CHECK:   vector.transfer_write %{{.*}}, %{{.*}}[%c1]
func.func @upper_half(%bytes: memref<32xi8>, %v: vector<4xi8>) {
  %c12 = arith.constant 12 : index
  %bits = bn.view_bits %bytes : memref<32xi8> to memref<256xi8>
  vector.transfer_write %v, %bits[%c12] {in_bounds = [true]}
      : vector<4xi8>, memref<256xi8>
  return
}

// -----

// Sizes that are not known, but for the last: rows are whole bytes. What asks
// for a size gets it.
// CHECK-LABEL: func @dynamic
//  CHECK-SAME:     %[[BYTES:[a-z0-9]+]]: memref<?xi8>, %[[N:[a-z0-9]+]]: index, %[[M:[a-z0-9]+]]: index
//   CHECK-NOT:   bn.view_bits
//       CHECK:   %[[BYTE:.*]] = arith.divui %{{.*}}, %c8
//       CHECK:   vector.transfer_read %[[BYTES]][%[[BYTE]]], %{{.*}} : memref<?xi8>, vector<2xi8>
//       CHECK:   return %{{.*}}, %[[M]]
func.func @dynamic(%bytes: memref<?xi8>, %n: index, %m: index, %i: index,
    %j: index) -> (vector<16xi8>, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %pad = arith.constant 0 : i8
  %bits = bn.view_bits %bytes[%n, %m] : memref<?xi8> to memref<?x?x16xi8>
  %image = memref.subview %bits[%i, 0, 0] [1, %m, 16] [1, 1, 1]
      : memref<?x?x16xi8> to memref<?x16xi8, strided<[16, 1], offset: ?>>
  %v = vector.transfer_read %image[%j, %c0], %pad {in_bounds = [true]}
      : memref<?x16xi8, strided<[16, 1], offset: ?>>, vector<16xi8>
  %size = memref.dim %bits, %c1 : memref<?x?x16xi8>
  return %v, %size : vector<16xi8>, index
}

// -----

// A single element, as in the tail of a loop, is a vector of one.
// CHECK-LABEL: func @scalar
//  CHECK-SAME:     %[[BYTES:[a-z0-9]+]]: memref<8xi8>, %[[I:[a-z0-9]+]]: index, %[[V:[a-z0-9]+]]: i8
//   CHECK-DAG:   %[[ONE:.*]] = arith.constant dense<1> : vector<1xi8>
//       CHECK:   %[[BYTE:.*]] = arith.divui %[[I]], %c8
//       CHECK:   vector.transfer_read %[[BYTES]][%[[BYTE]]]
//       CHECK:   vector.broadcast %[[V]] : i8 to vector<1xi8>
//       CHECK:   arith.shli %[[ONE]], %{{.*}} : vector<1xi8>
//       CHECK:   vector.transfer_write %{{.*}}, %[[BYTES]][%{{.*}}]
func.func @scalar(%bytes: memref<8xi8>, %i: index, %v: i8) -> i8 {
  %bits = bn.view_bits %bytes : memref<8xi8> to memref<64xi8>
  %b = memref.load %bits[%i] : memref<64xi8>
  memref.store %v, %bits[%i] : memref<64xi8>
  return %b : i8
}

// -----

func.func @copied(%bytes: memref<8xi8>, %y: memref<64xi8>) {
  %bits = bn.view_bits %bytes : memref<8xi8> to memref<64xi8>
  // expected-error @below {{expected bits that 'bn.view_bits' views to be read or written, got 'memref.copy'}}
  memref.copy %bits, %y : memref<64xi8> to memref<64xi8>
  return
}

// -----

// Twelve of 32: the second byte would be written whole.
func.func @part_of_a_byte_masked(%bytes: memref<560xi8>, %r: index,
    %v: vector<32xi8>) {
  %c32 = arith.constant 32 : index
  %mask = vector.constant_mask [12] : vector<32xi1>
  %bits = bn.view_bits %bytes : memref<560xi8> to memref<80x56xi8>
  // expected-error @below {{expected a mask of a multiple of 8 bits, got one of a multiple of 12}}
  vector.transfer_write %v, %bits[%r, %c32], %mask {in_bounds = [true]}
      : vector<32xi8>, memref<80x56xi8>
  return
}

// -----

// A view of every second bit.
func.func @strided_view(%bytes: memref<64xi8>)
    -> memref<32x8xi8, strided<[16, 2]>> {
  %bits = bn.view_bits %bytes : memref<64xi8> to memref<32x16xi8>
  // expected-error @below {{expected bits that 'bn.view_bits' views to be read or written, got 'memref.subview'}}
  %s = memref.subview %bits[0, 0] [32, 8] [1, 2]
      : memref<32x16xi8> to memref<32x8xi8, strided<[16, 2]>>
  return %s : memref<32x8xi8, strided<[16, 2]>>
}

// -----

func.func @out_of_bounds(%bytes: memref<64xi8>, %i: index) -> vector<8xi8> {
  %pad = arith.constant 0 : i8
  %bits = bn.view_bits %bytes : memref<64xi8> to memref<512xi8>
  // expected-error @below {{expected a contiguous transfer of bits that is in bounds and has no padding but 0, got}}
  %v = vector.transfer_read %bits[%i], %pad : memref<512xi8>, vector<8xi8>
  return %v : vector<8xi8>
}

// -----

// A row of 12 bits starts in the middle of a byte.
func.func @row_in_a_byte(%bytes: memref<96xi8>, %r: index) -> vector<8xi8> {
  %c0 = arith.constant 0 : index
  %pad = arith.constant 0 : i8
  %bits = bn.view_bits %bytes : memref<96xi8> to memref<64x12xi8>
  // expected-error @below {{expected tiles of bits, and vectors in them, that are known to start at a byte, got bits at a multiple of 12}}
  %v = vector.transfer_read %bits[%r, %c0], %pad {in_bounds = [true]}
      : memref<64x12xi8>, vector<8xi8>
  return %v : vector<8xi8>
}

// -----

// As may one of a dynamic size.
func.func @dynamic_row(%bytes: memref<?xi8>, %n: index, %r: index)
    -> vector<8xi8> {
  %c0 = arith.constant 0 : index
  %pad = arith.constant 0 : i8
  %bits = bn.view_bits %bytes[%n] : memref<?xi8> to memref<64x?xi8>
  // expected-error @below {{expected tiles of bits, and vectors in them, that are known to start at a byte, got bits at a multiple of 1}}
  %v = vector.transfer_read %bits[%r, %c0], %pad {in_bounds = [true]}
      : memref<64x?xi8>, vector<8xi8>
  return %v : vector<8xi8>
}

// -----

func.func @twelve(%bytes: memref<64xi8>, %r: index) -> vector<12xi8> {
  %c0 = arith.constant 0 : index
  %pad = arith.constant 0 : i8
  %bits = bn.view_bits %bytes : memref<64xi8> to memref<32x16xi8>
  // expected-error @below {{expected vectors of a multiple of 8 bits, or of a part of 8 without a mask, got 12}}
  %v = vector.transfer_read %bits[%r, %c0], %pad {in_bounds = [true]}
      : memref<32x16xi8>, vector<12xi8>
  return %v : vector<12xi8>
}

// -----

func.func @masked_part(%bytes: memref<64xi8>, %r: index, %n: index,
    %v: vector<4xi8>) {
  %c0 = arith.constant 0 : index
  %mask = vector.create_mask %n : vector<4xi1>
  %bits = bn.view_bits %bytes : memref<64xi8> to memref<64x8xi8>
  // expected-error @below {{expected vectors of a multiple of 8 bits, or of a part of 8 without a mask, got 4}}
  vector.transfer_write %v, %bits[%r, %c0], %mask {in_bounds = [true]}
      : vector<4xi8>, memref<64x8xi8>
  return
}

// -----

// Which bytes any mask takes is not known.
func.func @any_mask(%bytes: memref<64xi8>, %r: index, %mask: vector<8xi1>)
    -> vector<8xi8> {
  %c0 = arith.constant 0 : index
  %pad = arith.constant 0 : i8
  %bits = bn.view_bits %bytes : memref<64xi8> to memref<64x8xi8>
  // expected-error @below {{expected a mask of bits that is made by 'vector.create_mask' or 'vector.constant_mask', got another one}}
  %v = vector.transfer_read %bits[%r, %c0], %pad, %mask {in_bounds = [true]}
      : memref<64x8xi8>, vector<8xi8>
  return %v : vector<8xi8>
}

// -----

// Two threads would write to one byte.
func.func @parallel_parts(%bytes: memref<128xi8>, %v: vector<4xi8>) {
  %bits = bn.view_bits %bytes : memref<128xi8> to memref<1024xi8>
  scf.forall (%i) = (0) to (1024) step (4) {
    // expected-error @below {{expected parts of bytes to be written in tiles of the parallel loop, got a write to all of the buffer}}
    vector.transfer_write %v, %bits[%i] {in_bounds = [true]}
        : vector<4xi8>, memref<1024xi8>
  }
  return
}
