// Where there are no instructions for bf16 it is moved as integers.

// RUN: bn-opt %s --bn-move-bf16-as-integers | FileCheck %s

// CHECK-LABEL: llvm.func @copy
//       CHECK:   %[[BITS:.*]] = llvm.load %{{.*}} {alignment = 2 : i64} : !llvm.ptr -> vector<16xi16>
//       CHECK:   %[[X:.*]] = llvm.bitcast %[[BITS]] : vector<16xi16> to vector<16xbf16>
//       CHECK:   %[[Y:.*]] = llvm.bitcast %[[X]] : vector<16xbf16> to vector<16xi16>
//       CHECK:   llvm.store %[[Y]], %{{.*}} {alignment = 32 : i64, nontemporal} : vector<16xi16>, !llvm.ptr
//       CHECK:   llvm.load %{{.*}} : !llvm.ptr -> i16
//       CHECK:   llvm.store %{{.*}} : i16, !llvm.ptr
// A broadcast, and a choice.
//       CHECK:   llvm.mlir.poison : vector<4xi16>
//       CHECK:   llvm.insertelement %{{.*}}, %{{.*}} : vector<4xi16>
//       CHECK:   llvm.shufflevector {{.*}} : vector<4xi16>
//       CHECK:   llvm.select %{{.*}} : i1, vector<4xi16>
//       CHECK:   llvm.extractelement {{.*}} : vector<4xi16>
// Others stay.
//       CHECK:   llvm.load %{{.*}} : !llvm.ptr -> vector<8xf16>
//       CHECK:   llvm.store %{{.*}} : vector<8xf16>, !llvm.ptr
llvm.func @copy(%p: !llvm.ptr, %q: !llvm.ptr, %c: i1) {
  %x = llvm.load %p {alignment = 2 : i64} : !llvm.ptr -> vector<16xbf16>
  llvm.store %x, %q {alignment = 32 : i64, nontemporal} : vector<16xbf16>, !llvm.ptr
  %s = llvm.load %p : !llvm.ptr -> bf16
  llvm.store %s, %q : bf16, !llvm.ptr
  %none = llvm.mlir.poison : vector<4xbf16>
  %zero = llvm.mlir.constant(0 : i32) : i32
  %first = llvm.insertelement %s, %none[%zero : i32] : vector<4xbf16>
  %all = llvm.shufflevector %first, %none [0, 0, 0, 0] : vector<4xbf16>
  %chosen = llvm.select %c, %all, %first : i1, vector<4xbf16>
  %t = llvm.extractelement %chosen[%zero : i32] : vector<4xbf16>
  llvm.store %t, %q : bf16, !llvm.ptr
  %h = llvm.load %p : !llvm.ptr -> vector<8xf16>
  llvm.store %h, %q : vector<8xf16>, !llvm.ptr
  llvm.return
}
