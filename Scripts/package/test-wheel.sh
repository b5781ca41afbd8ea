#!/usr/bin/env bash
# Installs the wheel into an empty environment in an empty folder, without Swift, and proves a run there:
# test-wheel.sh [WHEEL]. Where namespaces are allowed, the checkout and the toolchain are hidden meanwhile.
set -euo pipefail
root=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
shopt -s nullglob
wheels=("$root"/dist/oobleck-*.whl)
wheel=$(realpath "${1:-${wheels[0]:-dist/oobleck.whl}}")
[ -f "$wheel" ] || { echo "test-wheel: no $wheel; run: make wheel" >&2; exit 65; }
# The folder to hide must not hide the wheel.
folder=$(mktemp -d "${TMPDIR:-/tmp}/oobleck-wheel-XXXX")
trap 'rm -rf "$folder"' EXIT
cp "$wheel" "$folder/"
swift=$(dirname "$(dirname "$(realpath "$(command -v swiftc || echo /nowhere/bin/swiftc)")")")
inside=(env)
if unshare --mount true 2>/dev/null; then
    inside=(unshare --mount bash -c '
        for hidden in "$1" "$2"; do [ ! -d "$hidden" ] || mount -t tmpfs none "$hidden"; done
        shift 2; exec "$@"' _ "$root" "$swift")
fi
python=$(command -v python3)
cd "$folder"
"${inside[@]}" env -i PATH=/usr/bin:/bin HOME="$folder" LANG=C.UTF-8 ${PIP_FIND_LINKS:+PIP_FIND_LINKS="$PIP_FIND_LINKS"} \
    bash -euc '
    ! command -v swift || { echo "test-wheel: swift is on the PATH" >&2; exit 1; }
    "$1" -m venv venv
    venv/bin/pip install --quiet --disable-pip-version-check ./oobleck-*.whl
    PATH=$PWD/venv/bin:$PATH
    mkdir empty && cd empty
    oobleck --version
    oobleck doctor
    oobleck-worker --help >/dev/null
    oobleck demo --run-dir demo >demo.log 2>&1 || { tail -n 20 demo.log >&2; exit 1; }
    grep -A 8 "3. Proof" demo.log
    oobleck verify demo
    # The Python tools run in the interpreter that pip installed them for.
    pip install --quiet --disable-pip-version-check "$(ls ../oobleck-*.whl)[import]"
    printf "to be or not to be" >text.txt
    oobleck tokenize --bytes text.txt --to tokens.bin
    ' _ "$python"
echo "test-wheel: 1 passed, 0 failed"
