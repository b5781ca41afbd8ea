#!/usr/bin/env bash
# Links the programs of a release build once more, for machines without Swift: link.sh OUT.
# Swift's runtime and SQLite are inside; libtorch is looked for beside the program, in ../lib (a tarball)
# and in ../../torch/lib (a wheel: site-packages/oobleck/bin and site-packages/torch/lib).
# BUILD names the folder of another release build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=${1:?usage: link.sh OUT}
die() {
    echo "link: $*" >&2
    exit 1
}
if [ -z "${BUILD:-}" ]; then
    swift build -c release --product oobleck
    swift build -c release --product oobleck-worker
    BUILD=$(swift build -c release --show-bin-path)
fi
. Scripts/package/swift-runtime.sh
[ -d "$swift_static" ] || die "no static libraries at $swift_static; the toolchain lacks them"
sqlite=$(cc -print-file-name=libsqlite3.a)
[ -f "$sqlite" ] || die "no libsqlite3.a; run: apt install libsqlite3-dev"
mkdir -p "$out"
# The objects ask for -lsqlite3: in a folder that comes first, there is only the static one.
first=$(mktemp -d)
trap 'rm -rf "$first"' EXIT
ln -s "$(realpath "$sqlite")" "$first/libsqlite3.a"
for name in oobleck oobleck-worker; do
    list=$BUILD/$name.product/Objects.LinkFileList
    [ -f "$list" ] || die "$list is missing; run: swift build -c release --product $name"
    torch=()
    if [ "$name" = oobleck-worker ]; then torch=(-L.libtorch/lib -ltorch_cpu -lc10); fi
    echo "link: $name"
    swiftc -static-stdlib -emit-executable -o "$out/$name" -target "$(uname -m)-unknown-linux-gnu" \
        "@$list" -L"$first" "${torch[@]}" "${swift_runtime[@]}" -lstdc++ -lz -lm -ldl \
        -Xlinker --defsym -Xlinker "main=${name//-/_}_main" -Xlinker --gc-sections \
        -Xlinker -rpath -Xlinker '$ORIGIN/../lib:$ORIGIN/../../torch/lib'
    strip "$out/$name"
done
