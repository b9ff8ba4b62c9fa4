#!/usr/bin/env bash
# Configures, builds and tests one of the examples that are CMake projects of
# their own, as a stranger would: it sees nothing of bn-mlir but an installed
# prefix.
# Usage: utils/check-example.sh NAME PREFIX BUILD_DIR
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
name="$1" prefix="$2" build="$3"

cmake -G Ninja -S "$root/examples/$name" -B "$build" \
  -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_CXX_COMPILER=clang++-22 -DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld
cmake --build "$build"
ctest --test-dir "$build" --output-on-failure
