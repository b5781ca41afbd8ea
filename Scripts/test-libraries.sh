#!/usr/bin/env bash
# Builds and runs the examples in Examples/planning as a client would: a package that depends on
# oobleck-planning by its path and imports no Foundation. Checks what they print and write.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
die() {
    echo "test-libraries: $*" >&2
    exit 1
}
folder=.build/examples
if grep -rn '^import Foundation' Examples/planning; then die "an example imports Foundation"; fi
swift build --package-path Examples/planning --scratch-path "$folder"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

says() { grep -qE "$1" "$out/text" || { cat "$out/text" && die "$2 does not print $1"; }; }
timeout 60 "$folder/debug/plan" Examples/planning/profile.json "$out/plan.json" >"$out/text"
for line in '^plan of 6 nodes, generation 0' '^after the loss of node 2:' 'layer [0-9]+: .* from [0-9]' \
    '^1 loss at once takes [0-9]+ nodes; 4 is too few'; do
    says "$line" plan
done
grep -q '"version" : 1' "$out/plan.json" || die "plan writes a file without its version"
timeout 300 "$folder/debug/simulate" >"$out/text"
for line in '^5 worlds simulated' '^oobleck: [0-9.]+ \+- [0-9.]+ samples/s' '^patience: ' '^cancelled'; do
    says "$line" simulate
done
echo "test-libraries: two examples built, run and checked"
