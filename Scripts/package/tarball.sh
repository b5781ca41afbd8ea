#!/usr/bin/env bash
# Makes dist/oobleck-VERSION-linux-ARCHITECTURE.tar.zst, for machines without pip: unpacked anywhere, its
# bin/oobleck runs. It has libtorch inside, so a CPU build of torch has to be at .libtorch.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
version=$(sed -n 's/.*programVersion = "\(.*\)"/\1/p' Sources/Core/OobleckCore/ProgramVersion.swift)
name=oobleck-$version-linux-$(uname -m)
Scripts/package/link.sh dist/bin
.venv/bin/python Scripts/package/check_programs.py dist/bin/oobleck dist/bin/oobleck-worker
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
root=$folder/$name
mkdir -p "$root"/{bin,lib,.corpus,Python}
cp dist/bin/oobleck dist/bin/oobleck-worker "$root/bin/"
# What the worker loads of libtorch, and nothing else of it.
LD_LIBRARY_PATH=.libtorch/lib ldd dist/bin/oobleck-worker |
    sed -n 's/.* => \(.*\/\.libtorch\/lib\/[^ ]*\|\.libtorch\/lib\/[^ ]*\) .*/\1/p' |
    sort -u | xargs -I{} cp -L {} "$root/lib/"
[ -f "$root/lib/libtorch_cpu.so" ] || { echo "tarball: no libtorch at .libtorch; run make setup" >&2; exit 1; }
missing=$(env -u LD_LIBRARY_PATH ldd "$root/bin/oobleck-worker" | grep 'not found' || true)
[ -z "$missing" ] || { echo "tarball: this build of torch needs more (a CPU build is needed):$missing" >&2; exit 1; }
cp .corpus/shakespeare.txt "$root/.corpus/"
cp -r Examples LICENSE README.md "$root/"
cp -r Python/oobleck "$root/Python/"
find "$root" -name __pycache__ -prune -exec rm -rf {} +
tar -C "$folder" --sort=name --owner=0 --group=0 --mtime=@0 -cf - "$name" |
    zstd -T0 -10 -q -f -o "dist/$name.tar.zst"
echo "tarball: dist/$name.tar.zst: $(($(stat -c %s "dist/$name.tar.zst") / 1000000)) MB," \
    "$(($(du -sb "$root" | cut -f1) / 1000000)) MB unpacked"
