// RUN: bn-opt %s --bn-round-to-bf16=vector-bits=0 --verify-diagnostics=only-expected
// RUN: bn-opt %s --bn-round-to-bf16=vector-bits=48 --verify-diagnostics=only-expected

// expected-error @below {{expected 'vector_bits' to be a power of two from 64 to 4096, got }}
func.func @f(%x: vector<6xf32>) -> vector<6xbf16> {
  %y = arith.mulf %x, %x : vector<6xf32>
  %z = arith.truncf %y : vector<6xf32> to vector<6xbf16>
  return %z : vector<6xbf16>
}
