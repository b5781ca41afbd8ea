#!/usr/bin/env bash
# Sets up, builds and runs all tests, one part after the other, and prints how long each took.
# Goes on after a failed test part, so that one run shows all failures; the status tells.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

part_deadline=3000 # seconds; a part that takes longer hangs
log=$(mktemp)
complaints=$(mktemp)
trap 'rm -f "$log" "$complaints"' EXIT
names=() seconds=() verdicts=()
passed=0 failed=0

# Runs one part: its name, then its command.
part() {
    local name=$1 start=$SECONDS status=0
    shift
    printf '\n== %s\n' "$name"
    timeout --kill-after=10 "$part_deadline" "$@" 2>&1 | tee "$log" || status=$?
    names+=("$name") seconds+=("$((SECONDS - start))")
    if [ "$status" = 0 ]; then
        verdicts+=(ok)
    elif [ "$status" = 124 ] || [ "$status" = 137 ]; then
        verdicts+=("FAILED: not done after $part_deadline s")
    else
        verdicts+=("FAILED with status $status")
    fi
    [ "$status" = 0 ] || complain "$name"
    return "$status"
}

# Keeps what a failed part said of its failures, or its last lines, for the end of the output.
complain() {
    {
        printf '\n== %s failed\n' "$1"
        grep -A 12 -E '^[^A-Za-z]*Test .* (recorded an issue|failed)|^(FAIL|ERROR): |: error: ' \
            "$log" | head -n 60 || true
        printf -- '-- its last lines\n'
        tail -n 12 "$log"
    } >>"$complaints"
}

# Counts the tests of a part from its output: the last lines of Swift Testing, unittest or pytest.
count() {
    local run bad
    run=$(sed -nE \
        's/.*Test run with ([0-9]+) tests?.*/\1/p; s/^Ran ([0-9]+) tests? in .*/\1/p; s/^=* ?([0-9]+) passed.*/\1/p' "$log" |
        tail -n 1)
    bad=$(grep -E '^[^A-Za-z]*Test .* failed after|^(FAIL|ERROR): |^(FAILED|ERROR) ' "$log" |
        grep -cvE 'Test (run with|case passing) ' || true)
    if [ "${verdicts[-1]}" != ok ] && [ "$bad" = 0 ]; then
        bad=1 # a crash or a hang has no line of its own
    fi
    if [ "${verdicts[-1]}" = ok ] && [ "${run:-0}" = 0 ]; then
        verdicts[-1]="FAILED: no test ran"
        bad=1
    fi
    failed=$((failed + bad))
    passed=$((passed + (${run:-0} > bad ? ${run:-0} - bad : 0)))
}

summary() {
    local index total=0
    cat "$complaints"
    printf '\n== times\n'
    for index in "${!names[@]}"; do
        printf '%6d s  %-28s %s\n' "${seconds[index]}" "${names[index]}" "${verdicts[index]}"
        total=$((total + seconds[index]))
    done
    printf '%6d s  total\n\n%d passed, %d failed\n' "$total" "$passed" "$failed"
}

# Nothing can be tested without these.
part setup Scripts/setup.sh --test-tools || { failed=1 && summary && exit 1; }
part build swift build --build-tests || { failed=1 && summary && exit 1; }

part "Python tests" .venv/bin/python -m unittest discover --start-directory Tests/Python || true
count
part "importer" env OMP_NUM_THREADS=1 .venv/bin/python -m pytest --quiet --no-header \
    -p no:cacheprovider --rootdir Python Python/tests || true
count
planning=(--package-path Packages/oobleck-planning --scratch-path .build/planning)
if part "build of oobleck-planning" swift build "${planning[@]}" --build-tests; then
    part "oobleck-planning" swift test "${planning[@]}" --skip-build --disable-xctest || true
    count
fi
part "clients of oobleck-planning" Scripts/test-libraries.sh || failed=$((failed + 1))
for folder in Tests/*/*Tests; do
    suite=$(basename "$folder")
    options=()
    # Each of these tests keeps all cores busy with a cluster of its own: one at a time.
    [ "$suite" != OobleckEndToEndTests ] || options=(--no-parallel)
    part "$suite" swift test --skip-build --disable-xctest "${options[@]}" \
        --filter "^$suite\\." || true
    count
done
summary
[ "$failed" = 0 ]
