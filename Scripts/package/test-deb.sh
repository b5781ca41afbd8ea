#!/usr/bin/env bash
# Installs the Debian package with dpkg, proves a run, and removes it again: test-deb.sh [PACKAGE]. All of
# that in a copy-on-write view of this machine, with the checkout and the toolchain hidden; the machine
# itself is not changed. Status 77: this machine permits no such view.
set -euo pipefail
root=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
shopt -s nullglob
packages=("$root"/dist/oobleck_*.deb)
package=$(realpath "${1:-${packages[0]:-dist/oobleck.deb}}")
[ -f "$package" ] || { echo "test-deb: no $package; run: make deb" >&2; exit 65; }
folder=$(mktemp -d "${TMPDIR:-/tmp}/oobleck-deb-XXXX")
trap 'rm -rf "$folder"' EXIT
swift=$(dirname "$(dirname "$(realpath "$(command -v swiftc || echo /nowhere/bin/swiftc)")")")
view='
    set -eu
    mount -t tmpfs none "$1"
    mkdir "$1"/changes "$1"/work "$1"/root
    mount -t overlay overlay -o "lowerdir=/,upperdir=$1/changes,workdir=$1/work" "$1/root"
    mount --rbind /proc "$1/root/proc"
    mount --rbind /dev "$1/root/dev"
    mount -t tmpfs none "$1/root/tmp"
    for hidden in "$3" "$4"; do [ ! -d "$1/root$hidden" ] || mount -t tmpfs none "$1/root$hidden"; done'
if ! unshare --mount bash -c "$view" _ "$folder" - /nowhere /nowhere 2>"$folder.why"; then
    echo "test-deb: skipped: $(tail -n 1 "$folder.why")" >&2
    rm -f "$folder.why"
    exit 77
fi
rm -f "$folder.why"
unshare --mount bash -c "$view"'
    cp "$2" "$1/root/tmp/oobleck.deb"
    exec chroot "$1/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C.UTF-8 bash -euc "
        ! command -v swift || { echo \"test-deb: swift is on the PATH\" >&2; exit 1; }
        dpkg --install /tmp/oobleck.deb >/tmp/dpkg.log 2>&1 || { cat /tmp/dpkg.log >&2; exit 1; }
        mkdir /tmp/empty && cd /tmp/empty
        oobleck doctor
        oobleck demo --run-dir demo >demo.log 2>&1 || { tail -n 20 demo.log >&2; exit 1; }
        grep -A 8 \"3. Proof\" demo.log
        oobleck verify demo
        dpkg --purge oobleck >/dev/null
        [ ! -e /usr/bin/oobleck ] && [ ! -e /opt/oobleck ] || { echo \"test-deb: files are left\" >&2; exit 1; }"
    ' _ "$folder" "$package" "$root" "$swift"
echo "test-deb: 1 passed, 0 failed"
