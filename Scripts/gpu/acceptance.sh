#!/usr/bin/env bash
# The acceptance run of the CUDA half, on a machine with one NVIDIA GPU and a CUDA build of torch; it
# needs no Swift and no network: acceptance.sh BUNDLE.tar.xz RESULTS. Takes five minutes.
# RESULTS gets gpu.json (card, versions, every check and figure) and the logs.
set -uo pipefail
usage="usage: acceptance.sh BUNDLE.tar.xz RESULTS"
bundle=$(realpath -e "${1:?$usage}") || exit 66
results=$(realpath -m "${2:?$usage}")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
mkdir -p "$results"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
start=$SECONDS
failed=0
lines=$results/checks.jsonl
: >"$lines"

say() { printf '%4d s  %s\n' $((SECONDS - start)) "$*"; }
# check NAME COMMAND...: runs it with a limit, keeps its output, notes whether it went well.
check() {
    local name=$1 began=$SECONDS status=0
    shift
    local bound=(timeout 120)
    # What calls programs itself bounds them itself.
    if declare -F "$1" >/dev/null; then bound=(); fi
    "${bound[@]}" "$@" >"$results/$name.log" 2>&1 || status=$?
    printf '{"check": "%s", "status": %d, "seconds": %d}\n' \
        "$name" "$status" $((SECONDS - began)) >>"$lines"
    say "$name: $([ $status = 0 ] && echo ok || echo "FAILED ($status): $(tail -n 3 "$results/$name.log" | cut -c1-200)")"
    [ $status = 0 ] || failed=1
    return $status
}
# The digest of a run's final state; nothing for a run without one.
digest() {
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["state_sha256"])' \
        "$1/result.json" 2>/dev/null
}

tar -xJf "$bundle" -C "$work" || exit 66
say unpacked
check shim Scripts/gpu/build-shim.sh "$work" || exit 1
# The executables look for the shim beside themselves; it knows where torch is.
oobleck=$work/oobleck worker=$work/oobleck-worker
cp Scripts/gpu/job.yaml "$work/"

check conformance "$worker" conformance --device cuda
# limit JOB: measures the job's model, and gives its nodes so little memory that none can hold it alone.
limit() {
    local job=$work/$1.yaml profile=$work/$1-profile.json
    timeout 120 "$oobleck" profile "$job" --output "$profile" &&
        sed -i "s/device_memory: 64 GiB/device_memory: $(python3 Scripts/gpu/limit.py "$profile")/" "$job"
}
check profile limit job
job=("$work/job.yaml" --profile "$work/job-profile.json")
check reference "$oobleck" train "$work/job.yaml" --reference --run-dir "$work/reference"
check reference-again "$oobleck" train "$work/job.yaml" --reference --run-dir "$work/again"
check undisturbed "$oobleck" train "${job[@]}" --run-dir "$work/undisturbed"
check kills "$oobleck" train "${job[@]}" --run-dir "$work/kills" \
    --fault node=2,point=mid-forward,step=5 --fault node=4,point=mid-optimizer,step=14 \
    --fault node=0,point=mid-send,step=25
# GPT-2's blocks, in the widths that a GPU is made for: other kernels than those of the small job.
sed -e 's/name: acceptance/name: wide/; s/blocks: 6/blocks: 12/; s/hidden: 192/hidden: 768/' \
    -e 's/heads: 6/heads: 12/; s/sequence_length: 128/sequence_length: 256/' \
    -e 's/steps: 40/steps: 8/; s/warmup_steps: 10/warmup_steps: 2/' \
    -e 's/device_memory: [0-9]*/device_memory: 64 GiB/' "$work/job.yaml" >"$work/wide.yaml"
check wide-profile limit wide
wide=("$work/wide.yaml" --profile "$work/wide-profile.json")
check wide-reference "$oobleck" train "$work/wide.yaml" --reference --run-dir "$work/wide-reference"
check wide-kills "$oobleck" train "${wide[@]}" --run-dir "$work/wide-kills" \
    --fault node=1,point=mid-backward,step=3 --fault node=2,point=mid-optimizer,step=5
# A module that is imported by the torch that is here: its attention has dropout of its own.
check import env PYTHONPATH=Python OMP_NUM_THREADS=1 \
    python3 -m oobleck import Examples/module/network.py:make --to "$work/models/module"
sed -e 's/corpus: .*/corpus: shakespeare.txt/; s/import: \S*/import: models\/module/' \
    -e 's/steps: 100/steps: 20/; s/warmup_steps: 10/warmup_steps: 5/' \
    -e 's/^cluster:/cluster:\n  device: cuda\n  device_memory: 64 GiB\n  detection_budget: 4/' \
    Examples/module.yaml >"$work/module.yaml"
# The second half of the text is not trained on; some of the runs compute forward passes again.
python3 - "$work/shakespeare.txt" "$work/rest.txt" <<'END'
import pathlib, sys
text = pathlib.Path(sys.argv[1]).read_bytes()
pathlib.Path(sys.argv[2]).write_bytes(text[len(text) // 2:])
END
sed -i 's/^data:/evaluate: {every: 8, batches: 4}\ndata:\n  validation: rest.txt/' "$work/module.yaml"
check module-profile limit module
module=("$work/module.yaml" --profile "$work/module-profile.json")
check module-reference "$oobleck" train "$work/module.yaml" --reference --run-dir "$work/module-reference"
check module-kills "$oobleck" train "${module[@]}" --run-dir "$work/module-kills" \
    --fault node=1,point=mid-forward,step=4 --fault node=2,point=mid-backward,step=11
check module-recomputed "$oobleck" train "${module[@]}" --run-dir "$work/module-recomputed" \
    --set training.recompute=layers --fault node=3,point=mid-evaluation,step=8
for run in short short-kills; do
    more=(--set training.precision=bfloat16)
    [ $run = short ] && more+=(--reference)
    [ $run = short-kills ] && more+=(--profile "$work/wide-profile.json"
        --fault node=1,point=mid-backward,step=3 --fault node=2,point=mid-send,step=5)
    check "$run" "$oobleck" train "$work/wide.yaml" "${more[@]}" --run-dir "$work/$run"
done
runs=(reference again undisturbed kills wide-reference wide-kills
    module-reference module-kills module-recomputed short short-kills)
for run in "${runs[@]}"; do
    printf '{"run": "%s", "state_sha256": "%s"}\n' "$run" "$(digest "$work/$run")" >>"$lines"
done
check verify "$oobleck" verify "$work/kills"
# one NAME RUN...: whether these runs ended with one state.
one() {
    local name=$1
    shift
    local states
    states=$(for run in "$@"; do echo "state:$(digest "$work/$run")"; done | sort -u)
    [ "$(wc -l <<<"$states")" = 1 ] && [ "$states" != state: ] && return
    say "FAILED: the runs of the $name job end with different states"
    failed=1
}
one small reference again undisturbed kills
one wide wide-reference wide-kills
one module module-reference module-kills module-recomputed
one bfloat16 short short-kills
# What the states come to on the validation data, as the ledger has it.
evaluated() { sed -n 's/.*"evaluated":\([0-9]*\).*"loss":\([^,]*\),.*/\1 \2/p' "$work/$1/ledger.jsonl" | sort -u; }
for run in module-kills module-recomputed; do
    [ "$(evaluated $run)" = "$(evaluated module-reference)" ] && continue
    say "FAILED: $run evaluates its states otherwise than the reference"
    failed=1
done
evaluated module-reference >"$results/evaluated.txt"

shape=(--blocks 12 --hidden 768 --heads 12 --vocabulary 50257 --sequence 1024)
check bench-oobleck "$worker" bench --device cuda "${shape[@]}" --microbatch 8 --microbatches 2 \
    --steps 8 --dropout 0
check bench-short "$worker" bench --device cuda "${shape[@]}" --microbatch 8 --microbatches 2 \
    --steps 8 --dropout 0 --precision bfloat16
check bench-torch python3 Scripts/gpu/torch_bench.py --microbatch 8 --microbatches 2 --steps 8
check bench-torch-short python3 Scripts/gpu/torch_bench.py --microbatch 8 --microbatches 2 --steps 8 \
    --precision bfloat16
tail -n 1 "$results"/bench-*.log
python3 Scripts/gpu/summary.py "$results" >"$results/gpu.json" && say "gpu.json written"
say "$([ $failed = 0 ] && echo 'all passed' || echo 'FAILED')"
exit $failed
