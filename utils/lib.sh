# Steps that the scripts of this folder share. To be sourced by bash.

BN_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
BN_BUILD="${BN_BUILD:-$BN_ROOT/build}"
BN_VENV="$BN_BUILD/venv"
BN_FRAMEWORKS="$BN_BUILD/venv-frameworks"

# One line per step, with the time since the script started.
bn_step() {
  printf '\n[%3d s] %s\n' "$SECONDS" "$*"
}

bn_fail() {
  printf '%s\n' "error: $*" >&2
  exit 1
}

# Installs the Debian packages that are missing.
bn_packages() {
  bn_step "Debian packages"
  "$BN_ROOT/utils/install-packages.sh"
}

# bn_make_venv DIR REQUIREMENTS MODULES: makes a virtual environment when it
# lacks one of the modules.
bn_make_venv() {
  if "$1/bin/python" - "$3" 2>/dev/null <<'EOF'; then
import importlib.util, sys
names = sys.argv[1].split()
sys.exit(any(importlib.util.find_spec(name) is None for name in names))
EOF
    echo "already there"
    return
  fi
  python3 -m venv "$1"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check \
    --requirement "$BN_ROOT/utils/$2" </dev/null
}

# What the build, the tests and the examples need.
bn_venv() {
  bn_step "Python packages (build/venv)"
  bn_make_venv "$BN_VENV" requirements.txt \
    "ml_dtypes nanobind numpy PIL pytest sklearn"
}

# The frameworks that there are layers for.
bn_frameworks() {
  bn_step "PyTorch, JAX, TensorFlow, Keras (build/venv-frameworks)"
  bn_make_venv "$BN_FRAMEWORKS" requirements-frameworks.txt \
    "flax hypothesis jax keras matplotlib ml_dtypes pytest sklearn tensorflow torch"
}

# Configures and builds what is named (default: everything).
bn_build() {
  bn_step "Configure ($BN_BUILD)"
  local log="$BN_BUILD/configure.log"
  mkdir -p "$BN_BUILD"
  cmake --preset default -S "$BN_ROOT" -B "$BN_BUILD" \
    -DBN_BUILD_PYTHON=ON >"$log" 2>&1 || {
    cat "$log"
    bn_fail "CMake failed"
  }
  bn_step "Build $*"
  # A terminal shows ninja's own progress line; elsewhere a line per tenth.
  if [ -t 1 ]; then
    ninja -C "$BN_BUILD" "$@"
  else
    NINJA_STATUS='%f %t ' ninja -C "$BN_BUILD" "$@" | bn_tenths
  fi
}

# Passes on one line per tenth of the way of those that begin with "DONE ALL ",
# and all others.
bn_tenths() {
  local line last=-1
  local progress='^([0-9]+) ([0-9]+) (.*)'
  while IFS= read -r line; do
    if [[ $line =~ $progress ]]; then
      local tenth=$((10 * BASH_REMATCH[1] / BASH_REMATCH[2]))
      [ $tenth -ne $last ] || continue
      last=$tenth
      line="[${BASH_REMATCH[1]}/${BASH_REMATCH[2]}] ${BASH_REMATCH[3]}"
    fi
    printf '%s\n' "$line"
  done
}
