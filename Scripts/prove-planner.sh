#!/usr/bin/env bash
# Proves templates against the enumeration of all divisions: up to 10 layers, 5 nodes of 1, 2 or 4
# devices, profiles of six shapes, with and without memory limits, all cost models. `make test` runs
# a share of it.
#
#     Scripts/prove-planner.sh [CASES [SEED]]
#
# Writes Benchmarks/Results/planner-proof.json. Status 1 if any answer is wrong.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cases=${1:-3000} seed=${2:-1}
for number in "$cases" "$seed"; do
    [[ $number =~ ^[0-9]{1,9}$ ]] || { echo "prove-planner: $number is no count" >&2 && exit 64; }
done

package=(--package-path Packages/oobleck-planning --scratch-path .build/proof)
log=$(mktemp) tally=$(mktemp)
trap 'rm -f "$log" "$tally"' EXIT
swift build "${package[@]}" -c release -Xswiftc -enable-testing --build-tests
start=$SECONDS status=0
OOBLECK_PROOF_CASES=$cases OOBLECK_PROOF_SEED=$seed OOBLECK_PROOF_TALLY=$tally \
    swift test "${package[@]}" -c release -Xswiftc -enable-testing --skip-build --disable-xctest \
    --filter TemplateExactnessTests 2>&1 | tee "$log" | tail -n 5 || status=$?
wrong=$(grep -c 'recorded an issue' "$log" || true)
python3 - "$tally" "$cases" "$seed" "$wrong" "$((SECONDS - start))" <<'EOF'
import collections
import json
import pathlib
import sys

path, cases, seed, wrong, seconds = sys.argv[1:]
kinds = collections.Counter()
divisions = 0
for line in pathlib.Path(path).read_text().splitlines():
    devices, model, count = line.split()
    kinds[f"{model}, {devices} devices a node"] += 1
    divisions += int(count)
result = {
    "profiles": int(cases),
    "seed": int(seed),
    "templates": kinds.total(),
    "templates_by_kind": dict(sorted(kinds.items())),
    "divisions_enumerated": divisions,
    "wrong": int(wrong),
    "seconds": int(seconds),
}
text = json.dumps(result, indent=2)
print(text)
pathlib.Path("Benchmarks/Results/planner-proof.json").write_text(text + "\n")
EOF
[ "$status" = 0 ] && [ "$wrong" = 0 ]
