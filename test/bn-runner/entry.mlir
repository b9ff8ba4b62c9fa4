// Which function is called, and the messages when that cannot be said.

// RUN: rm -rf %t && mkdir %t && split-file %s %t
// RUN: bn-runner %t/main.mlir | FileCheck %s --check-prefix=MAIN
// MAIN: result 0: i32 min 1
// RUN: bn-runner %t/main.mlir --entry=other \
// RUN:   | FileCheck %s --check-prefix=OTHER
// OTHER: result 0: i32 min 2
// RUN: bn-runner %t/private.mlir | FileCheck %s --check-prefix=PRIVATE
// PRIVATE: result 0: i32 min 3
// RUN: not bn-runner %t/several.mlir 2>&1 \
// RUN:   | FileCheck %s --check-prefix=SEVERAL
// SEVERAL: bn-runner: error: expected --entry=NAME or a function 'main' in a module with several public functions, got 'a', 'b'
// RUN: not bn-runner %t/several.mlir --entry=c 2>&1 \
// RUN:   | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: bn-runner: error: expected a public function named 'c', got 'a', 'b'
// RUN: not bn-runner %t/private.mlir --entry=helper 2>&1 \
// RUN:   | FileCheck %s --check-prefix=HELPER
// HELPER: bn-runner: error: expected 'helper' to be a public function with a body, got a private one
// RUN: not bn-runner %t/private.mlir --entry=constant 2>&1 \
// RUN:   | FileCheck %s --check-prefix=NO-FUNCTION
// NO-FUNCTION: bn-runner: error: expected 'constant' to be a func.func, got memref.global
// RUN: not bn-runner %t/empty.mlir 2>&1 | FileCheck %s --check-prefix=EMPTY
// EMPTY: bn-runner: error: expected a module with a public function, got none
// RUN: not bn-runner %t/llvm.mlir 2>&1 | FileCheck %s --check-prefix=LLVM
// LLVM: bn-runner: error: expected a func.func, got only llvm.func, which no longer says the types of arrays

//--- main.mlir
func.func @other() -> i32 {
  %c = arith.constant 2 : i32
  return %c : i32
}
func.func @main() -> i32 {
  %c = arith.constant 1 : i32
  return %c : i32
}

//--- private.mlir
memref.global "private" constant @constant : memref<i32> = dense<3>
func.func private @helper() -> i32 {
  %m = memref.get_global @constant : memref<i32>
  %c = memref.load %m[] : memref<i32>
  return %c : i32
}
func.func @a() -> i32 {
  %c = call @helper() : () -> i32
  return %c : i32
}

//--- several.mlir
func.func @a() { return }
func.func @b() { return }

//--- empty.mlir
func.func private @a()

//--- llvm.mlir
llvm.func @a() { llvm.return }
