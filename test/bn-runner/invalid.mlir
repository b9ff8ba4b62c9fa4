// One message and exit code 1 for each wrong option, module and value. (Entry
// points are in entry.mlir, files in npy.mlir.)

// RUN: rm -rf %t && mkdir %t && split-file %s %t

// RUN: not bn-runner %t/none.mlir 2>&1 | FileCheck %s --check-prefix=FILE
// FILE: bn-runner: error: '{{.*}}none.mlir': No such file or directory
// RUN: not bn-runner 2>&1 | FileCheck %s --check-prefix=NO-FILE
// NO-FILE: Not enough positional command line arguments specified!
// RUN: not bn-runner %t/f.mlir --frob 2>&1 | FileCheck %s --check-prefix=FLAG
// FLAG: Unknown command line argument '--frob'
// RUN: not bn-runner %t/f.mlir --repeat=-1 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REPEAT
// REPEAT: for the --repeat option: '-1' value invalid
// RUN: not bn-runner %t/f.mlir --threads=2000 --input=ones:1 --input=1 \
// RUN:   --input=1 2>&1 | FileCheck %s --check-prefix=THREADS
// THREADS: bn-runner: error: expected --threads to be at most 1024, got 2000
// RUN: not bn-runner %t/f.mlir --target-cpu=abacus --input=ones:1 --input=1 \
// RUN:   --input=1 2>&1 | FileCheck %s --check-prefix=CPU
// CPU: bn-runner: error: expected {{.*}} got 'abacus'
// RUN: not bn-runner %t/f.mlir --dump-dir=%t/f.mlir --input=ones:1 --input=1 \
// RUN:   --input=1 2>&1 | FileCheck %s --check-prefix=DUMP
// DUMP: bn-runner: error: expected a dump folder that can be written to, got '{{.*}}'
// RUN: env BN_CACHE_DIR=%t/f.mlir not bn-runner %t/f.mlir --input=ones:1 \
// RUN:   --input=1 --input=1 2>&1 | FileCheck %s --check-prefix=CACHE
// CACHE: bn-runner: error: {{.*}}f.mlir

// RUN: not bn-runner %t/syntax.mlir 2>&1 | FileCheck %s --check-prefix=SYNTAX
// SYNTAX: syntax.mlir:1:1: error:
// SYNTAX: bn-runner: error: expected a valid module, got the errors above
// RUN: not bn-runner %t/type.mlir --input=0 2>&1 \
// RUN:   | FileCheck %s --check-prefix=TYPE
// TYPE: bn-runner: error: expected argument 0 of function 'f' to be a ranked tensor, a contiguous memref or a scalar, of i1, {{.*}}, got tensor<2xi16>
// RUN: not bn-runner %t/unranked.mlir --input=0 2>&1 \
// RUN:   | FileCheck %s --check-prefix=UNRANKED
// UNRANKED: bn-runner: error: expected argument 0 of function 'f' {{.*}}, got tensor<*xf32>
// RUN: not bn-runner %t/result.mlir 2>&1 | FileCheck %s --check-prefix=RESULT
// RESULT: bn-runner: error: expected result 0 of function 'f' {{.*}}, got vector<2xf32>

// RUN: not bn-runner %t/f.mlir --input=ones:1 2>&1 \
// RUN:   | FileCheck %s --check-prefix=FEW
// FEW: bn-runner: error: expected 3 --input for 'f', one per argument, got 1
// RUN: not bn-runner %t/f.mlir --input=0 --input=0 --input=0 --input=0 2>&1 \
// RUN:   | FileCheck %s --check-prefix=MANY
// MANY: bn-runner: error: expected 3 --input for 'f', one per argument, got 4
// RUN: not bn-runner %t/f.mlir --input=0 --input=0 --input=0 --output=- \
// RUN:   --output=- 2>&1 | FileCheck %s --check-prefix=OUTPUTS
// OUTPUTS: bn-runner: error: expected at most 1 --output for 'f', got 2

// RUN: not bn-runner %t/f.mlir --input=zeros --input=0 --input=0 2>&1 \
// RUN:   | FileCheck %s --check-prefix=NO-SHAPE
// NO-SHAPE: bn-runner: error: argument 0 from 'zeros': expected a shape at the end, as in 'zeros:2x3', because ?xf32 has dynamic dimensions, got none
// RUN: not bn-runner %t/f.mlir --input=x --input=0 --input=0 2>&1 \
// RUN:   | FileCheck %s --check-prefix=WORD
// WORD: bn-runner: error: argument 0 from 'x': expected FILE.npy, random:SEED, zeros, ones or a number, got 'x'
// RUN: not bn-runner %t/f.mlir --input=ones:2y --input=0 --input=0 2>&1 \
// RUN:   | FileCheck %s --check-prefix=BAD-SHAPE
// BAD-SHAPE: bn-runner: error: argument 0 from 'ones:2y': expected a shape such as 2x3, got '2y'
// RUN: not bn-runner %t/f.mlir --input=ones:2x3 --input=0 --input=0 2>&1 \
// RUN:   | FileCheck %s --check-prefix=RANK
// RANK: bn-runner: error: argument 0 from 'ones:2x3': expected ?xf32, got 2x3xf32
// RUN: not bn-runner %t/f.mlir --input=random --input=0 --input=0 2>&1 \
// RUN:   | FileCheck %s --check-prefix=SEED
// RUN: not bn-runner %t/f.mlir --input=random:a:2 --input=0 --input=0 2>&1 \
// RUN:   | FileCheck %s --check-prefix=SEED
// SEED: bn-runner: error: argument 0 from '{{.*}}': expected random:SEED with a SEED from 0 to 2^64 - 1, got 'random
// RUN: not bn-runner %t/f.mlir --input=ones:2 --input=128 --input=0 2>&1 \
// RUN:   | FileCheck %s --check-prefix=RANGE
// RANGE: bn-runner: error: argument 1 from '128': expected FILE.npy, random:SEED, zeros, ones or an i8 number, got '128'
// RUN: not bn-runner %t/f.mlir --input=ones:2 --input=1.5 --input=0 2>&1 \
// RUN:   | FileCheck %s --check-prefix=INTEGER
// INTEGER: bn-runner: error: argument 1 from '1.5': expected FILE.npy, random:SEED, zeros, ones or an i8 number, got '1.5'
// RUN: not bn-runner %t/f.mlir --input=ones:2 --input=1 --input=2 2>&1 \
// RUN:   | FileCheck %s --check-prefix=BOOL
// BOOL: bn-runner: error: argument 2 from '2': expected FILE.npy, random:SEED, zeros, ones or an i1 number, got '2'
// RUN: not bn-runner %t/f.mlir --input=ones:4000000000000000000 --input=1 \
// RUN:   --input=1 2>&1 | FileCheck %s --check-prefix=MEMORY
// MEMORY: bn-runner: error: {{.*}} expected memory for an array of 4000000000000000000xf32, got none

// Sizes of `?` dimensions that do not fit together are found before they make
// compiled code read where there is nothing.
// RUN: not bn-runner %t/sizes.mlir --input=ones:4 --input=ones:5 2>&1 \
// RUN:   | FileCheck %s --check-prefix=SIZES
// SIZES: bn-runner: error: expected sizes that fit together, got: {{.*}} to be 4, but found 5

//--- f.mlir
func.func @f(%a: tensor<?xf32>, %b: i8, %c: i1) -> tensor<?xf32> {
  return %a : tensor<?xf32>
}

//--- syntax.mlir
func.funk @f() { return }

//--- type.mlir
func.func @f(%a: tensor<2xi16>) { return }

//--- unranked.mlir
func.func @f(%a: tensor<*xf32>) { return }

//--- result.mlir
func.func @f() -> vector<2xf32> {
  %c = arith.constant dense<1.0> : vector<2xf32>
  return %c : vector<2xf32>
}

//--- sizes.mlir
func.func @f(%a: tensor<?xf32>, %out: tensor<?xf32>) -> tensor<?xf32> {
  %c = linalg.copy ins(%a : tensor<?xf32>) outs(%out : tensor<?xf32>)
      -> tensor<?xf32>
  %e = linalg.exp ins(%a : tensor<?xf32>) outs(%c : tensor<?xf32>)
      -> tensor<?xf32>
  return %e : tensor<?xf32>
}
