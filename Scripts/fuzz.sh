#!/usr/bin/env bash
# Feeds damaged input to every reader: of messages, traces, profiles, plans, jobs, checkpoints,
# ledgers, events and run records. Each case is a function of the seed and its number; a crash, a
# hang or an error that is no line for people ends with status 1 and names the case.
#
#   Scripts/fuzz.sh [CASES] [SEED] [RESULT]   all together; a million by default
#   .build/debug/oobleck-fuzz --target NAME --seed SEED --first CASE --cases 1    one case again
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cases=${1:-1000000}
seed=${2:-1}
result=${3:-}
readers=13

# Debug mode: every overflow and every index is checked, and traps.
swift build --product oobleck-fuzz
program=.build/debug/oobleck-fuzz
log=$(mktemp)
trap 'rm -f "$log"' EXIT
start=$SECONDS
status=0
"$program" --cases $(((cases + readers - 1) / readers)) --seed "$seed" | tee "$log" || status=$?
time=$((SECONDS - start))
echo "$cases cases from seed $seed in $time s, status $status"
if [ -n "$result" ]; then
    {
        printf '# Damaged input\n\n'
        printf 'Scripts/fuzz.sh %s %s, debug mode, %s cores, %s.\n' \
            "$cases" "$seed" "$(nproc)" "$(swift --version 2>/dev/null | head -n 1)"
        printf 'All readers took %s s; status %s. Memory is the most until then.\n\n' "$time" "$status"
        sed 's/^/    /' "$log"
    } >"$result"
fi
exit "$status"
