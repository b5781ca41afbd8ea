#!/usr/bin/env bash
# Runs the image as Kubernetes would, with podman and runc: not as root, on a read-only root, without
# capabilities and without a network. A demo there proves its result, and SIGTERM stops a run in order.
# Status 77: containers cannot run here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
version=$(sed -n 's/.*programVersion = "\(.*\)"/\1/p' Sources/Core/OobleckCore/ProgramVersion.swift)
image=localhost/oobleck:$version
export STORAGE_DRIVER=${STORAGE_DRIVER:-vfs}
skip() { echo "test-image: skipped: $*" >&2 && exit 77; }
command -v podman >/dev/null && command -v runc >/dev/null || skip "no podman or runc; apt install podman runc"
podman image exists "$image" || { echo "test-image: no $image; run: make image" >&2; exit 65; }
folder=$(mktemp -d)
chown 10001:10001 "$folder"
trap 'podman rm --force --ignore oobleck-test >/dev/null 2>&1; rm -rf "$folder"' EXIT
run() {
    podman --runtime runc --cgroup-manager cgroupfs run --ulimit "nofile=$(ulimit -Hn):$(ulimit -Hn)" --ulimit nproc=4096:4096 --name oobleck-test --rm --read-only \
        --tmpfs /tmp --cap-drop all --security-opt no-new-privileges --network none \
        --volume "$folder:/oobleck" "$@"
}
run "$image" --version >"$folder/version" 2>"$folder/why" || skip "$(tail -n 1 "$folder/why")"
run "$image" doctor
run "$image" demo --run-dir /oobleck/demo >"$folder/demo.log" 2>&1 || { tail -n 20 "$folder/demo.log" >&2; exit 1; }
grep -A 8 "3. Proof" "$folder/demo.log"
run --detach "$image" train /opt/oobleck/Examples/tiny.yaml --nodes 3 --run-dir /oobleck/stopped >/dev/null
for _ in $(seq 1200); do
    [ "$(cat "$folder/stopped/ledger.jsonl" 2>/dev/null | wc -l)" -ge 3 ] && break
    sleep .1
done
podman logs --follow oobleck-test >"$folder/stopped.log" 2>&1 &
podman stop --time 60 oobleck-test >/dev/null
wait
grep "its state is saved" "$folder/stopped.log"
echo "test-image: 2 passed, 0 failed"
