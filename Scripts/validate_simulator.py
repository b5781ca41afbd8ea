"""How near is the simulator to a real run?

Trains the tiny model on two local nodes, one for each core, so that nodes do not take each other's
time. A node is killed, another added, and the last of the first two killed. A first run of that kind
measures what the machine costs: detection, rebuilding, and how long the profile's layers and the
synchronisation take in training, beside the rest of a step. From that and the trace of a second run
the simulator predicts the second run's steps, recoveries and goodput. It has seen nothing of the
second run but when nodes came and went. What the profile alone, measured before training, would have
said of the steps is printed too.
"""

import argparse
import datetime
import itertools
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import soak_run

ROOT = pathlib.Path(__file__).resolve().parent.parent
NODES = 2
MICROBATCHES = 8


def run_oobleck(options, *arguments):
    """What the program prints."""
    done = subprocess.run(
        [str(options.oobleck), *map(str, arguments)],
        capture_output=True, text=True, timeout=options.deadline, check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"validate-simulator: {' '.join(arguments[:1])}: {done.stderr.strip()}")
    return done.stdout


def write_job(folder, steps):
    """The tiny example on two nodes, each of which can hold the model."""
    lines = (ROOT / "Examples/tiny.yaml").read_text().splitlines()
    replaced = {
        "corpus:": f"corpus: {ROOT}/.corpus/shakespeare.txt", "steps:": f"steps: {steps}",
        "nodes:": f"nodes: {NODES}", "device_memory:": "device_memory: 4 GiB",
    }
    out = []
    for line in lines:
        word = line.split()[0] if line.split() else ""
        indent = line[: len(line) - len(line.lstrip())]
        out.append(indent + replaced[word] if word in replaced else line)
    path = folder / "job.yaml"
    path.write_text("\n".join(out) + "\n")
    return path


def wait_for_step(run, step, deadline):
    while run.is_running(deadline) and run.status()["step"] < step:
        time.sleep(0.02)


def kill(run, number):
    """Kills agent and worker of a node."""
    for node in run.status()["nodes"]:
        if node["id"] == number:
            run.kill_group_of(node["agent_pid"])
            return
    raise SystemExit(f"validate-simulator: there is no node {number} to kill")


def train(options, job, directory, moments):
    """A run with a kill, an addition and a kill at these steps; its events, plans and result."""
    deadline = time.monotonic() + options.deadline
    command = [str(options.oobleck), "train", str(job)]
    with soak_run.TrainingRun(command, directory) as run:
        run.wait_for_training(deadline)
        wait_for_step(run, moments[0], deadline)
        kill(run, 1)
        wait_for_step(run, moments[1], deadline)
        run_oobleck(options, "add", directory)
        wait_for_step(run, moments[2], deadline)
        kill(run, 0)
        ending = run.finish(deadline)
        if ending.status != 0:
            sys.stderr.write(run.log.read_text()[-2000:])
            raise SystemExit(f"validate-simulator: the run ended with status {ending.status}")
    lines = (directory / "events.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines], json.loads((directory / "result.json").read_text())


def times(events, kind):
    return [event["monotonic"] for event in events if event["kind"] == kind]


def measured(events, result):
    """Steps by count of nodes, recoveries, goodput, and when nodes came and went."""
    start = times(events, "resumed")[0] if times(events, "resumed") else times(events, "prepared")[0]
    commits = [event for event in events if event["kind"] == "committed"]
    gaps = {}
    changes = sorted(
        [(event["monotonic"], -1) for event in events if event["kind"] == "node-lost"]
        + [(event["monotonic"], 1) for event in events if event["kind"] == "node-joined"]
    )
    by_generation = {}
    for before, after in itertools.pairwise(commits):
        if before["generation"] == after["generation"]:
            gap = after["monotonic"] - before["monotonic"]
            by_generation.setdefault(after["generation"], []).append(gap)
    for generation, found in by_generation.items():
        gaps[generation] = statistics.median(found)
    end = commits[-1]["monotonic"]
    return {
        "start": start, "end": end, "steps": len(commits), "step_seconds": gaps,
        "step_by_nodes": steps_by_nodes(by_generation),
        "changes": changes, "goodput": 32 * len(commits) / (end - start),
        "recoveries": [recovery["total_seconds"] for recovery in result["recoveries"]],
    }


def steps_by_nodes(by_generation):
    """The median step on one and on two nodes, of the generations that take turns."""
    found = {1: [], 2: []}
    for index, generation in enumerate(sorted(by_generation)):
        found[2 - index % 2] += by_generation[generation]
    return {nodes: statistics.median(gaps) for nodes, gaps in found.items()}


def plan_of(options, profile, nodes):
    """The production planner's plan for so many nodes."""
    return json.loads(run_oobleck(
        options, "plan", "--profile", profile, "--nodes", nodes, "--microbatches", MICROBATCHES,
        "--fault-tolerance", nodes - 1, "--format", "json",
    ))["plan"]


def trained_profile(options, path, step_by_nodes):
    """The profile as training bears it out: the layers scaled to the step of one node, and what two
    nodes take longer as the time to synchronise."""
    profile = json.loads(path.read_text())
    scale = step_by_nodes[1] / plan_of(options, path, 1)["step_seconds"]
    for layer in profile["layers"]:
        layer["forward_seconds"] *= scale
        layer["backward_seconds"] *= scale
        layer.pop("allreduce_across_nodes_seconds", None)
    trained = path.with_name("trained-profile.json")
    trained.write_text(json.dumps(profile))
    rest = step_by_nodes[2] - plan_of(options, trained, 2)["step_seconds"]
    profile["layers"][0]["allreduce_across_nodes_seconds"] = {"2": max(0, rest)}
    trained.write_text(json.dumps(profile))
    return trained, {"layer_scale": scale, "synchronization_seconds": max(0, rest)}


def trace_of(events, found):
    """The run's trace as Parcae writes it, with its true end."""
    rows = [[0, "add", {"nodes": [f"node{n}" for n in range(NODES)], "duration": 0}]]
    for event in events:
        at = round(1000 * (event["monotonic"] - found["start"]))
        if at <= 0:
            continue
        if event["kind"] == "node-lost":
            rows.append([at, "remove", {"nodes": [f"node{event['node']}"], "duration": 0}])
        elif event["kind"] == "node-ready":
            rows.append([at, "add", {"nodes": [f"node{event['node']}"], "duration": 0}])
    rows.append([round(1000 * (found["end"] - found["start"])), "no-op", {"nodes": [], "duration": 0}])
    return "\n".join(json.dumps(row) for row in rows) + "\n"


def costs_of(result):
    """Detection, rebuilding and bandwidth of a run's recoveries."""
    recoveries = result["recoveries"]
    detect = statistics.median(recovery["detect_seconds"] for recovery in recoveries)
    rest = statistics.median(
        recovery["total_seconds"] - recovery["detect_seconds"] - recovery["transfer_seconds"]
        for recovery in recoveries
    )
    return {"detect_seconds": detect, "rebuild_seconds": rest}


def compare(name, unit, predicted, real):
    """One line and its record; both terms and what is between them."""
    error = predicted / real - 1 if real else float("nan")
    print(f"{name:<34}{predicted:10.3f}{real:10.3f} {unit:<10}{100 * error:+7.1f} %")
    return {"what": name, "unit": unit, "predicted": predicted, "measured": real, "error": error}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--oobleck", type=pathlib.Path, default=ROOT / ".build/release/oobleck")
    parser.add_argument("--simulator", type=pathlib.Path, help="another program for `simulate`")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--deadline", type=float, default=900, help="seconds for each run")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "Benchmarks/Results/simulator-validation.json")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        job = write_job(folder, options.steps)
        share = options.steps / 60
        first = [round(share * step) for step in (12, 24, 42)]
        second = [round(share * step) for step in (20, 30, 48)]
        events, result = train(options, job, folder / "first", first)
        costs = costs_of(result)
        calibration = measured(events, result)
        events, result = train(options, job, folder / "second", second)
        found = measured(events, result)
        (folder / "trace.txt").write_text(trace_of(events, found))
        untrained = folder / "first/profile.json"
        profile, trained = trained_profile(options, untrained, calibration["step_by_nodes"])
        simulate = options.simulator or options.oobleck
        report = json.loads(subprocess.run(
            [
                str(simulate), "simulate", "--profile", str(profile), "--trace",
                str(folder / "trace.txt"), "--microbatches", str(MICROBATCHES), "--startup", "0",
                "--crash-detection", str(costs["detect_seconds"]),
                "--rebuild", str(costs["rebuild_seconds"]), "--policy", "oobleck",
                "--format", "json",
            ],
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout)["policies"][0]
        plans = {nodes: plan_of(options, profile, nodes)["step_seconds"] for nodes in (1, 2)}
        before = {nodes: plan_of(options, untrained, nodes)["step_seconds"] for nodes in (1, 2)}
    real = found["step_by_nodes"]
    print(f"{'':<34}{'predicted':>10}{'measured':>10}")
    rows = [
        compare("step on two nodes", "s", plans[2], real[2]),
        compare("step on one node", "s", plans[1], real[1]),
        compare(
            "recovery, median", "s", report["recovery_seconds_median"],
            statistics.median(found["recoveries"]),
        ),
        compare(
            "goodput", "samples/s", report["goodput_samples_per_second"]["mean"], found["goodput"]
        ),
    ]
    print("by the profile before training:")
    profile_rows = [
        compare("step on two nodes", "s", before[2], real[2]),
        compare("step on one node", "s", before[1], real[1]),
    ]
    worst = max(abs(row["error"]) for row in rows)
    print(f"within 10 %: {sum(abs(row['error']) <= 0.1 for row in rows)} of {len(rows)}; "
          f"the farthest is {100 * worst:.1f} % off; load before: {load:.1f} on {os.cpu_count()} cores")
    options.output.write_text(json.dumps({
        "command": "Scripts/validate-simulator.sh", "machine": platform.machine(),
        "cores": os.cpu_count(), "load_before": load, "program": options.oobleck.parent.name,
        "date": datetime.date.today().isoformat(), "steps": options.steps,
        "calibration": costs | trained | {"goodput": calibration["goodput"]}, "rows": rows,
        "rows_by_the_profile_before_training": profile_rows,
    }, indent=1) + "\n")


if __name__ == "__main__":
    main()
