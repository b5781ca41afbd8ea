#!/usr/bin/env bash
# Simulated worlds beyond those of the tests: soak-simulated.sh [WORLDS] [FIRST-SEED].
# Needs a release build (`make build`), or OOBLECK=.build/debug/oobleck. Goes on in chunks, so that
# the last line says from which seed to continue; ends at the first chunk with a broken promise.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

worlds=${1:-1000000}
seed=${2:-10000}
chunk=10000
oobleck=${OOBLECK:-.build/release/oobleck}
[ -x "$oobleck" ] || {
    echo "soak-simulated: no $oobleck; run: make build" >&2
    exit 64
}
end=$((seed + worlds))
while [ "$seed" -lt "$end" ]; do
    count=$((end - seed < chunk ? end - seed : chunk))
    "$oobleck" drill --simulate "$count" --seed "$seed"
    seed=$((seed + count))
    echo "soak-simulated: $SECONDS s; continue with: Scripts/soak-simulated.sh $worlds $seed"
done
