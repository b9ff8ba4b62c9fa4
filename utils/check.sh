#!/usr/bin/env bash
# All checks: installs what is missing, builds, and runs every test.
# Usage: utils/check.sh
# The last line is "N passed, N failed"; the exit code is 0 when none failed.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

passed=0
failed=0
failures=()
results="$BN_BUILD/check"
# Nothing is taken from, or left in, the user's kernel cache.
export BN_CACHE_DIR="$results/kernel-cache"

# add_results SUITE FILE: adds what utils/test-results.py reads to the totals.
add_results() {
  local verdict name
  while read -r verdict name; do
    case "$verdict" in
      PASS) passed=$((passed + 1)) ;;
      FAIL)
        failed=$((failed + 1))
        failures+=("$1: $name")
        ;;
      UNSUPPORTED) echo "cannot run here: $name" ;;
    esac
  done < <("$BN_VENV/bin/python" "$BN_ROOT/utils/test-results.py" "$2")
}

# check NAME COMMAND...: one test; its output is shown when it fails.
check() {
  local name="$1" log="$results/log"
  shift
  if "$@" >"$log" 2>&1 </dev/null; then
    passed=$((passed + 1))
    printf '[%3d s] passed: %s\n' "$SECONDS" "$name"
  else
    failed=$((failed + 1))
    failures+=("$name")
    cat "$log"
    printf '[%3d s] FAILED: %s\n' "$SECONDS" "$name"
  fi
}

# lit NAME ARGUMENTS...: a lit run over the suite.
lit() {
  local name="$1" file="$results/$1.json"
  shift
  "$(sed -n 's/^BN_LIT:[^=]*=//p' "$BN_BUILD/CMakeCache.txt")" \
    --succinct --verbose --order=lexical --output "$file" "$@" \
    "$BN_BUILD/test" </dev/null || true
  add_results "$name" "$file"
}

# python_tests NAME VENV ARGUMENTS...: a run of pytest.
python_tests() {
  local name="$1" python="$2/bin/python"
  shift 2
  (cd "$BN_ROOT" && PYTHONPATH="$BN_BUILD/python_packages" \
    PYTHONDONTWRITEBYTECODE=1 "$python" -m pytest \
    --junit-xml="$results/$name.xml" "$@" </dev/null) || true
  add_results "$name" "$results/$name.xml"
}

finish() {
  local status=$?
  [ $status -eq 0 ] || printf '\ncheck.sh stopped with exit code %d\n' $status
  if [ ${#failures[@]} -gt 0 ]; then
    printf '\nfailed:\n'
    printf '  %s\n' "${failures[@]}"
  fi
  # A run that did not come to its end is a failure, whatever was counted.
  [ $status -eq 0 ] || failed=$((failed + 1))
  printf '\n%d passed, %d failed\n' $passed $failed
  [ $failed -eq 0 ] || exit 1
}
trap finish EXIT

bn_packages
bn_venv
bn_build
mkdir -p "$results"
rm -rf "$BN_CACHE_DIR" "$results"/*.json "$results"/*.xml

bn_step "Unit tests"
(cd "$BN_BUILD" && ctest --parallel "$(nproc)" --output-on-failure --output-junit \
  "$results/unit.xml" | tail -n 30) || true
add_results unit "$results/unit.xml"

bn_step "Tests of tools, dialect, passes and execution (lit)"
lit lit

bn_step "The same, every bn-opt verifying its round trip"
BN_OPT_VERIFY_ROUNDTRIP=1 lit roundtrip --filter-out '^Integration/'

bn_step "Python package"
python_tests python "$BN_VENV"

bn_frameworks
bn_step "Layers in frameworks"
frameworks="$BN_ROOT/test/python/frameworks"
for tests in torch jax; do
  python_tests "$tests" "$BN_FRAMEWORKS" "$frameworks/test_$tests"*.py
done
for backend in tensorflow torch jax numpy; do
  KERAS_BACKEND=$backend python_tests "keras-$backend" "$BN_FRAMEWORKS" \
    "$frameworks/test_keras"*.py
done

bn_step "Generated pages"
check "docs/generated is current" ninja -C "$BN_BUILD" check-bn-doc

bn_step "Install tree, examples"
install_dir="$BN_BUILD/check/install"
rm -rf "$install_dir" "$results/jit" "$results/consumer"
check "install" cmake --install "$BN_BUILD" --prefix "$install_dir"
check "each installed header compiles alone" \
  "$BN_ROOT/utils/check-headers.sh" "$install_dir"
check "examples/jit, against the install tree" \
  "$BN_ROOT/utils/check-example.sh" jit "$install_dir" "$results/jit"
check "examples/consumer, against the install tree" \
  "$BN_ROOT/utils/check-example.sh" consumer "$install_dir" "$results/consumer"
check "examples/quickstart" "$BN_VENV/bin/python" \
  "$BN_ROOT/examples/quickstart/quickstart.py" \
  --runner "$install_dir/bin/bn-runner" --work-dir "$BN_BUILD/quickstart"
