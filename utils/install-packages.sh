#!/usr/bin/env bash
# Installs the packages of utils/packages.txt that this Debian lacks.
# Asks nothing; uses sudo only when it is not run by root.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
while read -r package _; do
  case "$package" in '' | '#'*) continue ;; esac
  status="$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)"
  [ "$status" = "install ok installed" ] || missing+=("$package")
done <utils/packages.txt

if [ ${#missing[@]} -eq 0 ]; then
  echo "all packages of utils/packages.txt are installed"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "error: expected root or sudo to install: ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi

apt_get() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get --quiet --yes "$@" </dev/null
}

echo "installing: ${missing[*]}"
apt_get update
apt_get install --no-install-recommends "${missing[@]}"
