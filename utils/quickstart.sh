#!/usr/bin/env bash
# From a bare Debian to batch normalization on real data: installs what is
# missing, builds bn-mlir, and runs examples/quickstart.
# Usage: utils/quickstart.sh
set -euo pipefail
source "$(dirname "$0")/lib.sh"

finish() {
  local status=$?
  if [ $status -eq 0 ]; then
    printf '\nquickstart: OK (%d s)\n' "$SECONDS"
  else
    printf '\nquickstart: FAILED (exit code %d, %d s)\n' $status "$SECONDS"
  fi
}
trap finish EXIT

bn_packages
bn_venv
bn_build bn-opt bn-runner BNPython BNPythonStub
bn_step "Batch normalization of photographs and handwritten digits"
"$BN_VENV/bin/python" "$BN_ROOT/examples/quickstart/quickstart.py" \
  --runner "$BN_BUILD/bin/bn-runner" --work-dir "$BN_BUILD/quickstart"
