#!/usr/bin/env bash
# Builds libCTorch.so, the only part that depends on the version of torch, against a torch that is
# already there, without CUDA's headers: build-shim.sh OUT [PYTHON]. OUT is a folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=${1:?usage: build-shim.sh OUT [PYTHON]}
python=${2:-python3}
torch=$("$python" -c 'import importlib.util as u; print(u.find_spec("torch").submodule_search_locations[0])') ||
    { echo "build-shim: $python has no torch" >&2; exit 65; }
mkdir -p "$out"
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
for file in Sources/Training/CTorch/*.cpp; do
    printf '%s\0' "$file"
done | xargs -0 -P "$(nproc)" -I{} sh -c '
    g++ -std=c++20 -O2 -fPIC -ffp-contract=off -Wno-unknown-pragmas \
        -DUSE_C10D_GLOO -DUSE_DISTRIBUTED "-D__has_feature(x)=0" \
        -ISources/Training/CTorch/gloo_stub -ISources/Training/CTorch/include \
        -isystem "$1/include" -isystem "$1/include/torch/csrc/api/include" \
        -c "$2" -o "$3/$(basename "$2" .cpp).o"' _ "$torch" {} "$objects"
# RPATH, not RUNPATH: it holds for what libtorch loads later by name, too.
g++ -shared -o "$out/libCTorch.so" "$objects"/*.o -L"$torch/lib" -ltorch_cpu -lc10 -ldl \
    -Wl,--disable-new-dtags,-rpath,"$torch/lib"
echo "$out/libCTorch.so: for torch $("$python" -c 'import importlib.metadata as m; print(m.version("torch"))') in $torch"
