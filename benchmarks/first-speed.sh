#!/usr/bin/env bash
# Training and inference on two layers of a residual network, both layouts, against a memory copy that is
# interleaved with the calls. Needs bn-runner (utils/quickstart.sh builds it); takes half a minute.
# Usage: benchmarks/first-speed.sh [REPEATS]
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
repeats="${1:-200}"
module="$(mktemp --suffix=.mlir)"
trap 'rm -f "$module"' EXIT

# write_module SHAPE CHANNELS AXIS
write_module() {
  local data="tensor<$1xf32>" channel="tensor<$2xf32>"
  cat >"$module" <<MLIR
func.func @training(%x: $data, %g: $channel, %b: $channel, %y: $data, %m: $channel, %v: $channel)
    -> ($data, $channel, $channel) {
  %r:3 = bn.training axis($3) epsilon(1.0e-3) ins(%x : $data) scale(%g : $channel) offset(%b : $channel)
      outs(%y, %m, %v : $data, $channel, $channel) -> $data, $channel, $channel
  return %r#0, %r#1, %r#2 : $data, $channel, $channel
}
func.func @inference(%x: $data, %g: $channel, %b: $channel, %m: $channel, %v: $channel, %y: $data) -> $data {
  %r = bn.inference axis($3) epsilon(1.0e-3) ins(%x : $data) scale(%g : $channel) offset(%b : $channel)
      statistics(%m, %v : $channel, $channel) outs(%y : $data) -> $data
  return %r : $data
}
MLIR
}

run() { # NAME ENTRY INPUTS...
  local name="$1" entry="$2"
  shift 2
  printf '%-28s' "$name"
  "$root/build/bin/bn-runner" "$module" --entry="$entry" --threads=2 --repeat="$repeats" "${@/#/--input=}" |
    sed -n 's/^time: //p; s/^copy: /copy /p; s/^time\/copy: /ratio /p' | tr '\n' ';'
  echo
}

for layer in "32x64x56x56 64 1" "32x56x56x64 64 3" "32x256x28x28 256 1" "32x28x28x256 256 3"; do
  read -r shape channels axis <<<"$layer"
  write_module "$shape" "$channels" "$axis"
  run "inference $shape" inference random:1 ones zeros zeros ones zeros
  run "training $shape" training random:1 ones zeros zeros zeros zeros
done
