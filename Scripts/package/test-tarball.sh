#!/usr/bin/env bash
# Unpacks the tarball into an empty folder and proves a run there, without Swift, Python and torch:
# test-tarball.sh [TARBALL]. Where namespaces are allowed, the checkout and the toolchain are hidden.
set -euo pipefail
root=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
shopt -s nullglob
tarballs=("$root"/dist/oobleck-*.tar.zst)
tarball=$(realpath "${1:-${tarballs[0]:-dist/oobleck.tar.zst}}")
[ -f "$tarball" ] || { echo "test-tarball: no $tarball; run: make tarball" >&2; exit 65; }
folder=$(mktemp -d "${TMPDIR:-/tmp}/oobleck-tarball-XXXX")
trap 'rm -rf "$folder"' EXIT
tar --zstd -C "$folder" -xf "$tarball"
mv "$folder"/oobleck-* "$folder/moved elsewhere"
swift=$(dirname "$(dirname "$(realpath "$(command -v swiftc || echo /nowhere/bin/swiftc)")")")
inside=(env)
if unshare --mount true 2>/dev/null; then
    inside=(unshare --mount bash -c '
        for hidden in "$1" "$2"; do [ ! -d "$hidden" ] || mount -t tmpfs none "$hidden"; done
        shift 2; exec "$@"' _ "$root" "$swift")
fi
mkdir "$folder/empty"
cd "$folder/empty"
"${inside[@]}" env -i PATH="$folder/moved elsewhere/bin:/usr/bin:/bin" HOME="$folder" bash -euc '
    ! command -v swift || { echo "test-tarball: swift is on the PATH" >&2; exit 1; }
    oobleck doctor
    oobleck demo --run-dir demo >demo.log 2>&1 || { tail -n 20 demo.log >&2; exit 1; }
    grep -A 8 "3. Proof" demo.log
    oobleck verify demo
    '
echo "test-tarball: 1 passed, 0 failed"
