#!/usr/bin/env bash
# Makes build/venv-bench with the peers of benchmarks/requirements.txt, which
# benchmarks/run then uses. Takes some minutes and about 9 GB of disk.
set -euo pipefail
source "$(dirname "$0")/../utils/lib.sh"
python3 -m venv "$BN_BUILD/venv-bench"
"$BN_BUILD/venv-bench/bin/python" -m pip install --disable-pip-version-check \
  --requirement "$BN_ROOT/benchmarks/requirements.txt" </dev/null
