#!/usr/bin/env bash
# Runs the control plane and the tensor shim under a sanitizer, again and again, since one clean run
# proves little. Builds beside the usual build, in .build-thread or .build-address.
#
#   Scripts/sanitize.sh thread|address [RUNS] [SUITE ...]
#
# A suite is a folder in one of Tests; OobleckCoordinationTests, OobleckTransportTests and OobleckTensorTests if
# none is named. Each runs alone: some block threads that others need. Prints a line for each, and the
# first findings; status 1 if there are any.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

kind=${1:-}
runs=${2:-5}
suites=("${@:3}")
[ ${#suites[@]} != 0 ] || suites=(OobleckCoordinationTests OobleckTransportTests OobleckTensorTests)
for suite in "${suites[@]}"; do
    compgen -G "Tests/*/$suite" >/dev/null || { echo "sanitize: there is no suite $suite in Tests" >&2 && exit 64; }
done
[ "$runs" -ge 1 ] || { echo "sanitize: $runs runs; it must be at least 1" >&2 && exit 64; }
options=(--sanitize="$kind" --scratch-path ".build-$kind")
case $kind in
thread | address) mkdir -p ".build-$kind" ;;
*)
    echo "sanitize: the first argument is \"$kind\"; it must be thread or address" >&2
    exit 64
    ;;
esac
if [ "$kind" = thread ]; then
    clang=$(dirname "$(readlink -f "$(command -v swift)")")/clang
    "$clang" -fsanitize=thread -O1 -c Scripts/tsan_mutex.c -o ".build-$kind/tsan_mutex.o"
    options+=(-Xlinker "$PWD/.build-$kind/tsan_mutex.o")
fi
# The runtime of Swift's concurrency is not built with the sanitizer, which sees races in what packages
# that we use do with it.
suppressions=$PWD/.build-$kind/suppressions
printf 'race_top:%s\n' s8GRPCCore s7NIOCore s8NIOPosix s20GRPCNIOTransportCore >"$suppressions"
# Tests ask for more memory than there is. libtorch itself is not built with the sanitizer, keeps what
# it allocates once until the end, and shares containers with our code, half annotated then.
# Also what child processes say goes to files.
reports=$PWD/.build-$kind/reports
common=allocator_may_return_null=1:log_path=$reports/report
TSAN_OPTIONS=halt_on_error=0:history_size=4:suppressions=$suppressions:$common:${TSAN_OPTIONS:-}
ASAN_OPTIONS=detect_leaks=0:detect_container_overflow=0:$common:${ASAN_OPTIONS:-}
export TSAN_OPTIONS ASAN_OPTIONS

log=$(mktemp)
trap 'rm -f "$log"' EXIT
for product in oobleck oobleck-worker oobleckPackageTests; do
    swift build --product "$product" "${options[@]}"
done
failures=0
for run in $(seq "$runs"); do
    for suite in "${suites[@]}"; do
        status=0
        rm -rf "$reports" && mkdir "$reports"
        swift test --skip-build --disable-xctest "${options[@]}" --filter "^$suite\\." \
            >"$log" 2>&1 || status=$?
        cat "$reports"/* >>"$log" 2>/dev/null || true
        found=$(grep -cE 'WARNING: ThreadSanitizer|ERROR: AddressSanitizer' "$log" || true)
        said=$(grep -o 'Test run with [1-9][0-9]* tests in [0-9]* suites [a-z]*' "$log" | tail -1) || true
        echo "run $run of $runs, $suite: status $status, $found reports: ${said:-no test ran}"
        if [ "$status" != 0 ] || [ "$found" != 0 ] || [ -z "$said" ]; then
            failures=$((failures + 1))
            grep -nE -A 25 'WARNING: ThreadSanitizer|ERROR: AddressSanitizer|✘|Fatal error' "$log" |
                cut -c 1-300 | head -n 120 || true
        fi
    done
done
echo "sanitize: $kind, $failures of $((runs * ${#suites[@]})) runs of a suite with findings"
[ "$failures" = 0 ]
