#!/usr/bin/env bash
# Trains under a real Slurm of four nodes and makes it fail: test-slurm.sh PROGRAM [SCENARIO...], with the
# scenarios power_off, preempted, batch_host, time_limit and cancelled. Each run has to end with the digest of
# the undisturbed one. Status 77: there is no Slurm here, or no root.
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
program=$(realpath "${1:?usage: test-slurm.sh PROGRAM SCENARIO...}")
shift
[ $# -gt 0 ] || set -- power_off preempted batch_host time_limit cancelled
folder=$(mktemp -d "${TMPDIR:-/tmp}/oobleck-slurm-XXXX")
export ROOT=$folder/lab P=ost
lab() { "$here/slurm-cluster.sh" "$@"; }
end() {
    local status=$?
    trap - EXIT
    [ "$status" = 0 ] || [ "$status" = 77 ] || tail -n 30 runs/*.slurm/*.log >&2 2>/dev/null || :
    lab down
    rm -rf "$folder"
    exit "$status"
}
trap end EXIT
cd "$folder"
say() { printf 'slurm: %s s: %s\n' "$SECONDS" "$*"; }
die() { say "$*" >&2 && exit 1; }
# Waits for a command to succeed: until SECONDS WHAT COMMAND...
until_() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || die "no $what within its time: $*"
        sleep .3
    done
}
steps() { [ "$(wc -l <"runs/$1/ledger.jsonl")" -ge "$2" ]; }
event() { grep -q "$2" "runs/$1/events.jsonl"; }
submit() { # RUN STEPS OPTIONS
    local run=$1 count=$2
    shift 2
    lab run "$program" slurm job.yaml --run-dir "runs/$run" --nodes 4 --time 20 --shares-machine \
        --set "training.steps=$count" --submit "$@"
}
# The run ends with the digest of the undisturbed one, and its ledger is whole.
proved() { # RUN STEPS
    local reference digest
    "$program" train job.yaml --reference --set "training.steps=$2" --run-dir "runs/$1-reference" \
        >reference.log 2>&1 || die "$(tail -n 1 reference.log)"
    reference=$(sed -n 's/^state_sha256 //p' reference.log)
    until_ 150 "result of $1" test -s "runs/$1/result.json"
    "$program" verify "runs/$1" >verify.log || die "$(tail -n 1 verify.log)"
    digest=$(sed -n 's/.*"state_sha256" *: *"\([0-9a-f]*\)".*/\1/p' "runs/$1/result.json" | tail -n 1)
    [ "$digest" = "$reference" ] || die "$1 ended with $digest, not $reference"
    until_ 40 "empty queue" idle
    say "$1: same digest, ledger whole"
}
queued() { [ -n "$(lab run squeue --noheader --name="$1")" ]; }
waits() { [ -n "$(lab run squeue --noheader --states=PENDING --name="$1")" ]; }
# Slurm lets a job that is queued again wait for two minutes.
hurry() { lab run scontrol update "JobName=$1" StartTime=now; }
idle() { [ -z "$(lab run squeue --noheader)" ]; }

seq 1 4000 | sed 's/.*/line & of the corpus./' >corpus.txt
cat >job.yaml <<'J'
model: {name: lab, blocks: 6, hidden: 64, heads: 4, vocabulary: 256, sequence_length: 64, dropout: 0.1}
data: {corpus: corpus.txt}
training: {seed: 5, global_batch: 16, microbatch: 2, warmup_steps: 2}
cluster: {nodes: 4, fault_tolerance: 1, device_memory: 300MB, detection_budget: 2}
checkpoint: {every: 20, wait: 60}
J
lab up 4
say "four nodes are idle"

# A node loses its power; Slurm finds it DOWN; a job of one node takes its place when it is back.
power_off() {
    submit power-off 600
    until_ 60 "step 20" steps power-off 20
    lab kill 3
    say "node 3 has lost its power"
    until_ 10 "recovery" event power-off '"recovered"'
    until_ 60 "replacement in the queue" queued oobleck-power-off-node
    lab boot 3
    say "node 3 is back; the job of one node waits for it"
    until_ 60 "replacement that joined" event power-off 'node 4 joined'
    say "the replacement has joined"
    proved power-off 600
    submit power-off 600 | tee again.log
    grep -q "is finished after" again.log || die "the same command did not say that the run is finished"
}

# A job of higher priority takes the nodes: the run saves, waits in the queue, and resumes.
preempted() {
    submit preempted 120 --partition spot
    until_ 60 "step 20" steps preempted 20
    lab run sbatch --partition=main --nodes=4 --exclusive --output=/dev/null --wrap="sleep 5" >/dev/null
    say "a job of higher priority waits for the nodes"
    until_ 60 "saved state" grep -q "its state is saved" runs/preempted.slurm/job.*.log
    say "the state is saved"
    until_ 60 "job in the queue" waits oobleck-preempted
    hurry oobleck-preempted
    proved preempted 120
}

# The machine of the coordinator loses its power: Slurm puts the job into the queue again, and it resumes
# from its checkpoint.
batch_host() {
    local first
    submit batch-host 120
    until_ 60 "step 120" steps batch-host 30
    first=$(lab run squeue -h -n oobleck-batch-host -o %B)
    lab kill "${first#node}"
    say "$first, the machine of the coordinator, has lost its power"
    until_ 60 "job in the queue" waits oobleck-batch-host
    lab boot "${first#node}"
    say "$first is back"
    hurry oobleck-batch-host
    proved batch-host 120
}

# What --signal=B:TERM does before the time limit: the run saves, waits in the queue, and resumes.
time_limit() {
    submit time-limit 120
    until_ 60 "step 20" steps time-limit 20
    lab run scancel --batch --signal=TERM --name=oobleck-time-limit
    until_ 60 "job in the queue" waits oobleck-time-limit
    grep -q "its state is saved" runs/time-limit.slurm/job.*.log || die "nothing was saved"
    say "the state is saved; the job waits"
    hurry oobleck-time-limit
    proved time-limit 120
}

# A person cancels the job: it ends, and stays out of the queue until the same command is given again.
cancelled() {
    submit cancelled 120
    until_ 60 "step 20" steps cancelled 20
    lab run scancel --name=oobleck-cancelled
    until_ 60 "empty queue" idle
    say "the job is cancelled"
    sleep 3
    idle || die "the cancelled job is in the queue again"
    submit cancelled 120
    proved cancelled 120
}

for scenario in "$@"; do "$scenario"; done
say "$# passed, 0 failed"
