#!/usr/bin/env bash
# Runs the control plane under ThreadSanitizer, again and again, since one clean run proves little,
# and the tensor shim under AddressSanitizer. Builds beside the usual build.
#
#   Scripts/sanitize.sh thread [RUNS] [FILTER]    OobleckCoordinationTests and OobleckControlTests
#   Scripts/sanitize.sh address [RUNS] [FILTER]   OobleckTensorTests
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

kind=${1:-}
runs=${2:-5}
case $kind in
thread) filter=${3:-'^Oobleck(Coordination|Control)Tests\.'} ;;
address)
    filter=${3:-'^OobleckTensorTests\.'}
    # libtorch itself is not built with the sanitizer, keeps what it allocates once until the end,
    # and shares containers with our code, which are then only half annotated.
    export ASAN_OPTIONS=detect_leaks=0:detect_container_overflow=0:${ASAN_OPTIONS:-}
    ;;
*)
    echo "sanitize: the first argument is \"$kind\"; it must be thread or address" >&2
    exit 64
    ;;
esac
export TSAN_OPTIONS=halt_on_error=0:history_size=4:${TSAN_OPTIONS:-}

common=(--sanitize="$kind" --scratch-path ".build-$kind" --disable-xctest)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
swift build --build-tests --sanitize="$kind" --scratch-path ".build-$kind"
failures=0
for run in $(seq "$runs"); do
    status=0
    swift test --skip-build "${common[@]}" --filter "$filter" >"$log" 2>&1 || status=$?
    reports=$(grep -cE 'WARNING: ThreadSanitizer|ERROR: AddressSanitizer' "$log" || true)
    echo "run $run of $runs: status $status, $reports reports: $(grep 'Test run with' "$log" | tail -1)"
    if [ "$status" != 0 ] || [ "$reports" != 0 ]; then
        failures=$((failures + 1))
        grep -nE -A 25 'WARNING: ThreadSanitizer|ERROR: AddressSanitizer|✘|Fatal error' "$log" |
            head -n 120
    fi
done
echo "sanitize: $kind, $failures of $runs runs with findings"
[ "$failures" = 0 ]
