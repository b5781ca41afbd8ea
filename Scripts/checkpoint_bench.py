"""How long does a checkpoint hold training up, against a plain copy of the same bytes in memory?

    checkpoint_bench.py [--steps 40] [--program .build/release/oobleck] [--output FILE]

Trains Examples/tiny.yaml with a save after every step, in one process (which then copies the whole
state at each save) and on six nodes (which share it), and on six nodes without saves. Prints the
median hold-up of a save as the workers measured it, that of copying as many bytes
with numpy, and the step times with and without saves. Fails when the hold-up exceeds twice the copy.
"""

import argparse
import itertools
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEADLINE = 900.0


def train(arguments: argparse.Namespace, folder: pathlib.Path, name: str, *options: str):
    """The run's events, and its directory."""
    run = folder / name
    command = [arguments.program, "train", folder / "job.yaml", "--run-dir", run]
    command += ["--steps", str(arguments.steps), *options]
    subprocess.run(command, check=True, capture_output=True, timeout=DEADLINE)
    lines = (run / "events.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines], run


def step_milliseconds(events: list[dict]) -> float:
    """Median time between commits, after the first few."""
    times = [event["monotonic"] for event in events if event["kind"] == "committed"][3:]
    return 1e3 * statistics.median(b - a for a, b in itertools.pairwise(times))


def saves(events: list[dict], run: pathlib.Path) -> dict:
    """What the saves of a run cost."""
    found = [event["fields"] for event in events if event["kind"] == "checkpoint-saved"]
    held = [1e3 * fields["held_up_seconds"] for fields in found]
    written = [1e3 * fields["written_seconds"] for fields in found]
    manifest = json.loads(next(run.glob("checkpoints/step-*/manifest.json")).read_text())
    return {
        "saves": len(held),
        "state_bytes": sum(layer["bytes"] for layer in manifest["layers"]),
        "held_up_ms": round(statistics.median(held), 2),
        "held_up_ms_quartiles": [round(q, 2) for q in statistics.quantiles(held, n=4)],
        "on_disk_after_ms": round(statistics.median(written), 1),
        "step_ms": round(step_milliseconds(events), 1),
    }


def copy_milliseconds(size: int, repetitions: int) -> float:
    """Median time of a plain copy; small ones go to memory that was used before, and cost less."""
    source = numpy.ones(size, dtype=numpy.uint8)
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        copy = source.copy()
        times.append(time.perf_counter() - start)
        del copy
    return round(1e3 * statistics.median(times), 2)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / ".build/release/oobleck")
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="oobleck-checkpoints-"))
    text = (ROOT / "Examples/tiny.yaml").read_text()
    (folder / "job.yaml").write_text(text.replace("../.corpus", str(ROOT / ".corpus")))
    try:
        every = ("--checkpoint-every", "1", "--checkpoint-keep", "1")
        one = saves(*train(arguments, folder, "one", "--reference", *every))
        one["copy_ms"] = copy_milliseconds(one["state_bytes"], 51)
        six = saves(*train(arguments, folder, "six", *every))
        six["copy_ms"] = copy_milliseconds(six["state_bytes"] // 6, 51)
        plain, _ = train(arguments, folder, "plain")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result = {
        "command": "Scripts/checkpoint_bench.py " + " ".join(sys.argv[1:]),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "build": "debug" if "debug" in str(arguments.program) else "release",
        "load_average": [round(load, 1) for load in os.getloadavg()],
        "one_process_saves_all": one,
        "six_nodes_share": six,
        "six_nodes_without_saves": {"step_ms": round(step_milliseconds(plain), 1)},
    }
    print(json.dumps(result, indent=2))
    if arguments.output:
        arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    return 0 if one["held_up_ms"] <= 2 * one["copy_ms"] else 1


if __name__ == "__main__":
    sys.exit(main())
