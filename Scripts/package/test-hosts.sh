#!/usr/bin/env bash
# From an empty folder and the wheel to a run on three ssh hosts, one of which loses its power, by the three
# commands that README shows: test-hosts.sh [WHEEL]. The hosts are real sshd in namespaces, each with its own
# copy of the data (Scripts/labs/ssh-hosts.sh). Status 77: this machine permits no such hosts.
set -euo pipefail
root=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
shopt -s nullglob
wheels=("$root"/dist/oobleck-*.whl)
wheel=$(realpath "${1:-${wheels[0]:-dist/oobleck.whl}}")
[ -f "$wheel" ] || { echo "test-hosts: no $wheel; run: make wheel" >&2; exit 65; }
folder=$(mktemp -d "${TMPDIR:-/tmp}/oobleck-hosts-XXXX")
lab() { "$root/Scripts/labs/ssh-hosts.sh" "$1" "$folder/lab" "${@:2}"; }
finish() {
    [ -z "${launcher:-}" ] || kill -9 "$launcher" 2>/dev/null || true
    lab down 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
lab probe 2>"$folder/why" || { echo "test-hosts: skipped: $(tail -n 1 "$folder/why")" >&2; exit 77; }
lab up 3
mkdir "$folder/empty" && cd "$folder/empty"
python3 -m venv venv
export PATH=$PWD/venv/bin:$PATH
for host in 1 2 3; do cp "$root/.corpus/shakespeare.txt" "$folder/lab/node$host/data/"; done
cp "$root/.corpus/shakespeare.txt" "$folder/lab/data/"
sed -e "s|corpus: .*|corpus: $folder/lab/data/shakespeare.txt|" -e 's/^\( *nodes:\).*/\1 3/' \
    "$root/Examples/tiny.yaml" >job.yaml
cp "$folder/lab/hosts" hosts

# The three commands. ssh is told of the lab's keys by its own configuration file, as a user's is.
pip install --quiet --disable-pip-version-check "$wheel"
lab run oobleck launch job.yaml --hostfile hosts --respawn --ssh-config "$folder/lab/ssh_config" \
    --steps 120 >launch.log 2>&1 &
launcher=$!
for _ in $(seq 1200); do
    [ "$(cat runs/job/ledger.jsonl 2>/dev/null | wc -l)" -ge 10 ] && break
    kill -0 "$launcher" 2>/dev/null || { cat launch.log >&2; exit 1; }
    sleep .1
done
lab off 2
wait "$launcher" || { tail -n 30 launch.log >&2; exit 1; }
launcher=
oobleck verify runs/job

oobleck train job.yaml --reference --steps 120 --run-dir runs/undisturbed >reference.log 2>&1
digest() { sed -n 's/.*"state_sha256" *: *"\([0-9a-f]*\)".*/\1/p' "runs/$1/result.json" | head -n 1; }
[ -n "$(digest job)" ] && [ "$(digest job)" = "$(digest undisturbed)" ] || {
    echo "test-hosts: the states differ: $(digest job) and $(digest undisturbed)" >&2
    exit 1
}
grep -c recovered launch.log >/dev/null || { echo "test-hosts: nothing was lost" >&2; exit 1; }
for host in 1 2 3; do
    [ "$host" = 2 ] || [ -z "$(lab pids "$host")" ] || { lab pids "$host" >&2; exit 1; }
done
echo "test-hosts: 1 passed, 0 failed; the state is $(digest job)"
