"""The benchmark driver of bn-mlir; `benchmarks/run` starts it."""
