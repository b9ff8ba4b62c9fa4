// What is in the IR and has no lowering yet says so, once, whichever pass or
// pipeline is asked for it.

// RUN: bn-opt %s --bn-decompose --verify-diagnostics --split-input-file
// RUN: bn-opt %s --convert-bn-to-linalg --verify-diagnostics --split-input-file
// RUN: bn-opt %s --bn-cpu-pipeline --verify-diagnostics --split-input-file

func.func @backward_buffers(%x: memref<8x4xf32>, %c: memref<4xf32>) {
  // expected-error @below {{expected operands to be tensors, got memrefs: lower before bufferization}}
  bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%x, %x : memref<8x4xf32>, memref<8x4xf32>)
      statistics(%c, %c : memref<4xf32>, memref<4xf32>)
      outs(%x : memref<8x4xf32>)
  return
}

// -----

func.func @training_buffers(%x: memref<8x4xf32>, %c: memref<4xf32>) {
  // expected-error @below {{expected operands to be tensors, got memrefs: lower before bufferization}}
  bn.training axis(1) epsilon(1.0) ins(%x : memref<8x4xf32>)
      outs(%x, %c, %c : memref<8x4xf32>, memref<4xf32>, memref<4xf32>)
  return
}

// -----

func.func @inference_buffers(%x: memref<8x4xf32>, %c: memref<4xf32>) {
  // expected-error @below {{expected operands to be tensors, got memrefs: lower before bufferization}}
  bn.inference axis(1) epsilon(1.0) ins(%x : memref<8x4xf32>)
      statistics(%c, %c : memref<4xf32>, memref<4xf32>)
      outs(%x : memref<8x4xf32>)
  return
}

// -----

func.func @normalize_buffers(%x: memref<8x4xf32>, %c: memref<4xf32>) {
  // expected-error @below {{expected operands to be tensors, got memrefs: lower before bufferization}}
  bn.normalize axis(1) ins(%x : memref<8x4xf32>) mean(%c : memref<4xf32>)
      outs(%x : memref<8x4xf32>)
  return
}

// -----

func.func @stats_buffers(%x: memref<8x4xf32>, %c: memref<4xf64>) {
  // expected-error @below {{expected operands to be tensors, got memrefs: lower before bufferization}}
  bn.stats axis(1) ins(%x : memref<8x4xf32>)
      outs(%c, %c, %c : memref<4xf64>, memref<4xf64>, memref<4xf64>)
  return
}

// -----

func.func @merge_stats_buffers(%c: memref<4xf64>) {
  // expected-error @below {{expected operands to be tensors, got memrefs: lower before bufferization}}
  bn.merge_stats
      ins(%c, %c, %c : memref<4xf64>, memref<4xf64>, memref<4xf64>)
      outs(%c, %c, %c : memref<4xf64>, memref<4xf64>, memref<4xf64>)
  return
}

// -----

func.func @update_running_stats_buffers(%c: memref<4xf64>) {
  // expected-error @below {{expected operands to be tensors, got memrefs: lower before bufferization}}
  bn.update_running_stats momentum(0.5)
      ins(%c, %c, %c : memref<4xf64>, memref<4xf64>, memref<4xf64>)
      running(%c, %c : memref<4xf64>, memref<4xf64>)
      outs(%c, %c : memref<4xf64>, memref<4xf64>)
  return
}
