#!/usr/bin/env bash
# Compiles each installed header alone. The build cannot show an include that is
# missing: it puts a precompiled header before every file.
# Usage: utils/check-headers.sh PREFIX
set -euo pipefail
prefix="$1"

check_header() {
  clang++-22 -std=c++17 -fsyntax-only -x c++ -I"$2/include" \
    -isystem "$(llvm-config-22 --includedir)" "$1"
}
export -f check_header

find "$prefix/include" -name '*.h' -print0 |
  xargs -0 -P "$(nproc)" -I{} bash -c 'check_header "$1" "$2"' _ {} "$prefix"
