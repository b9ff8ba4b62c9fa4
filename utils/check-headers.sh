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

mapfile -d '' headers < <(find "$prefix/include" -name '*.h' -print0)
if [ ${#headers[@]} -eq 0 ]; then
  echo "expected headers in $prefix/include, got none" >&2
  exit 1
fi
printf '%s\0' "${headers[@]}" |
  xargs -0 -P "$(nproc)" -I{} bash -c 'check_header "$1" "$2"' _ {} "$prefix"
