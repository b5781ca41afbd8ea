#!/usr/bin/env bash
# What has to hold before a push, beside the tests: formatted Swift, scripts that parse, and our
# own modules without a single warning.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failures=0
fail() {
    printf 'check: %s\n' "$*" >&2
    failures=$((failures + 1))
}

mapfile -t swift_files < <(
    find Package.swift Sources Tests Benchmarks Packages Examples -name '*.swift' \
        ! -path '*/Generated/*' ! -path '*/.build/*' | sort
)
mapfile -t cxx_files < <(find Sources -name '*.cpp' | sort)
mapfile -t shell_files < <(find Scripts .ci -type f \( -name '*.sh' -o -name run \) | sort)
mapfile -t python_files < <(find Scripts Benchmarks Tests Python Examples -name '*.py' | sort)

echo "check: format of ${#swift_files[@]} Swift files"
swift format lint --strict --configuration .swift-format --parallel "${swift_files[@]}" ||
    fail "lint: see above; swift format --in-place FILE mends layout"

echo "check: syntax of ${#shell_files[@]} shell and ${#python_files[@]} Python files"
for file in "${shell_files[@]}"; do
    bash -n "$file" || fail "$file does not parse"
    [ -x "$file" ] || fail "$file is not executable"
done
cache=$(mktemp -d)
trap 'rm -rf "$cache"' EXIT
PYTHONPYCACHEPREFIX=$cache python3 -W error -m py_compile "${python_files[@]}" ||
    fail "a Python file does not compile"

echo "check: every suite has a time limit"
suites=$(grep -rlE '^ *@Suite' Tests Packages/oobleck-planning/Tests --include='*.swift')
# shellcheck disable=SC2086
without=$(grep -LF '.timeLimit(.' $suites || true)
[ -z "$without" ] || fail "no .timeLimit(.minutes(N)) in: $without"

echo "check: links of the documents"
Scripts/check_documents.py || fail "a link leads nowhere, see above"

echo "check: the drawn map of the folders"
Scripts/architecture_map.py --check || fail "the map is old; run: Scripts/architecture_map.py"

echo "check: the importer's format and style, and the style of the scripts"
if [ -x .venv/bin/ruff ]; then
    (cd Python && ../.venv/bin/ruff check --quiet . && ../.venv/bin/ruff format --check --quiet .) ||
        fail "ruff: see above; ruff format mends layout"
    .venv/bin/ruff check --quiet Scripts || fail "ruff: see above"
else
    fail "no ruff in .venv; run: Scripts/setup.sh --test-tools"
fi

# A compiler warns only when it compiles, so all of our files have to look new. SwiftPM's
# warnings-as-errors would also hit the packages we depend on.
echo "check: build without warnings"
touch "${swift_files[@]}" "${cxx_files[@]}"
swift build --build-tests --explicit-target-dependency-import-check error 2>&1 | tee "$cache/build.log" | grep -vE '^\[[0-9]+/[0-9]+\]' || true
grep -qE '^Build complete' "$cache/build.log" || fail "the build failed"
if grep -E "^$PWD/(Package.swift|Sources|Tests|Packages).*warning:" "$cache/build.log" | sort -u; then
    fail "warnings in our code, see above"
fi

echo "check: transcripts in the documents"
Scripts/check_documents.py --program .build/debug/oobleck || fail "a transcript is not what the program prints"

if [ "$failures" != 0 ]; then
    echo "check: $failures failed" >&2
    exit 1
fi
echo "check: all good"
