#!/usr/bin/env bash
# Packs what an acceptance run needs on a machine without Swift and without a network:
# pack.sh OUT.tar.xz. The executables are linked again from the objects of a release build, with
# Swift's libraries inside and the shim outside, since that is built where torch is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=$(realpath -m "${1:?usage: pack.sh OUT.tar.xz}")
swift build -c release --product oobleck
swift build -c release --product oobleck-worker
build=$(swift build -c release --show-bin-path)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# A stand-in for the linker: nothing but the names that the real shim will have.
grep -o 'ct_[a-z_]*(' Sources/Training/CTorch/include/CTorch.h | sort -u |
    sed 's/(/() {}/; s/^/void /' >"$folder/names.c"
cc -shared -o "$folder/libCTorch.so" "$folder/names.c"

. Scripts/package/swift-runtime.sh
for name in oobleck oobleck-worker; do
    grep -v '/CTorch.build/' "$build/$name.product/Objects.LinkFileList" >"$folder/objects"
    swiftc -static-stdlib -emit-executable -o "$folder/$name" -target x86_64-unknown-linux-gnu \
        "@$folder/objects" -L"$folder" -lCTorch -lsqlite3 \
        "${swift_runtime[@]}" -lstdc++ -lz -lm -ldl \
        -Xlinker --defsym -Xlinker "main=${name//-/_}_main" -Xlinker --gc-sections \
        -Xlinker '-rpath=$ORIGIN'
    strip "$folder/$name"
done
cp -L /usr/lib/x86_64-linux-gnu/libsqlite3.so.0 "$folder/"
cp .corpus/shakespeare.txt "$folder/"
rm "$folder/names.c" "$folder/objects" "$folder/libCTorch.so"
tar -C "$folder" -cf - . | xz -T0 -4 >"$out"
ls -l "$out" | awk '{printf "%s: %.1f MiB\n", $NF, $5 / 1048576}'
