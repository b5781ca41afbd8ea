#!/usr/bin/env python3
"""Measures how long recoveries take on one machine, by the count of nodes, and fits their law.

    Scripts/recovery_times.py --output Benchmarks/Results/recovery-times.json

Copying is left out: it depends on bytes and links. What follows detecting a loss is deciding, rebuilding
groups and resuming. Here all nodes share the machine's cores; on machines of their own they work at the same
time. So the law has two parts: what one node computes, which is the processors' time of a recovery less the
coordinator's, for each node; and what the coordinator computes, a straight line in the count of nodes. The
spread is that of the measured over what the parts come to on this machine.
"""
import argparse
import bisect
import json
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARES = range(5, 100, 10)


def job(folder: pathlib.Path) -> pathlib.Path:
    """The small example with so many thin blocks that 16 nodes have a layer each."""
    text = (ROOT / "Examples/tiny.yaml").read_text()
    for key, value in {
        "blocks": 18, "hidden": 48, "sequence_length": 32, "global_batch": 64, "steps": 34,
        "warmup_steps": 2, "device_memory": "16 GiB",
    }.items():
        text = re.sub(rf"^(\s+){key}: [^#\n]*", rf"\g<1>{key}: {value} ", text, flags=re.M)
    text = text.replace("../.corpus", str(ROOT / ".corpus"))
    text = re.sub(r"^checkpoint:.*", "checkpoint: none", text, flags=re.M | re.S)
    path = folder / "job.yaml"
    path.write_text(text)
    return path


class ProcessorTime:
    """Follows the processor time of a process, all threads together."""

    def __init__(self, process: subprocess.Popen):
        self.times, self.seconds = [], []
        self.process = process
        self.thread = threading.Thread(target=self.follow)
        self.thread.start()

    def follow(self) -> None:
        while self.process.poll() is None:
            used = 0
            try:
                for task in os.listdir(f"/proc/{self.process.pid}/task"):
                    with open(f"/proc/{self.process.pid}/task/{task}/schedstat") as file:
                        used += int(file.read().split()[0])
            except OSError:
                continue
            self.times.append(time.monotonic())
            self.seconds.append(used / 1e9)
            time.sleep(0.003)

    def between(self, start: float, end: float) -> float:
        first = max(0, bisect.bisect_right(self.times, start) - 1)
        last = min(len(self.times) - 1, bisect.bisect_left(self.times, end))
        return max(0.0, self.seconds[last] - self.seconds[first])


def recoveries(program: str, path: pathlib.Path, nodes: int, number: int) -> list:
    """The parts of the recoveries of one run in which three nodes are killed, one after the other."""
    run = path.parent / f"run-{nodes}-{number}"
    killed = [(number + 3 * index) % nodes for index in range(3)]
    faults = [
        f"--fault=node={node},point=mid-backward,step={6 + 9 * index}"
        for index, node in enumerate(dict.fromkeys(killed))
    ]
    process = subprocess.Popen(
        [program, "train", path, "--nodes", str(nodes), "--run-dir", run, *faults],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    used = ProcessorTime(process)
    if process.wait(timeout=600) != 0:
        raise SystemExit(f"{run.name} ended with status {process.returncode}")
    used.thread.join()
    found = []
    for line in (run / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["kind"] == "recovered":
            fields = event["fields"]
            detected, copied = fields["detect_seconds"], fields["transfer_seconds"]
            resumed, end = fields["total_seconds"], event["monotonic"]
            found.append({
                "nodes": nodes - len(found) - 1, "detected": round(detected, 4),
                "rebuilt": round(resumed - detected - copied, 4),
                "coordinator": round(used.between(end - resumed, end), 4),
            })
    return found


def law(rows: list) -> dict:
    """Seconds of one node, and the coordinator's for no and for each node."""
    cores = os.cpu_count()
    sizes = sorted({row["nodes"] for row in rows})
    points = [
        (size, statistics.median(row["coordinator"] for row in rows if row["nodes"] == size))
        for size in sizes
    ]
    slope, intercept = statistics.linear_regression(*zip(*points, strict=True))
    node = statistics.median(
        (row["rebuilt"] * cores - row["coordinator"]) / row["nodes"] for row in rows
    )
    return {"node": node, "coordinator": max(0.0, intercept), "coordinator_each_node": slope}


def predicted(parts: dict, nodes: int) -> float:
    """What the parts come to where all nodes share this machine."""
    coordinator = parts["coordinator"] + parts["coordinator_each_node"] * nodes
    return (parts["node"] * nodes + coordinator) / os.cpu_count()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=str(ROOT / ".build/release/oobleck"))
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="oobleck-recoveries-") as folder:
        path = job(pathlib.Path(folder))
        for nodes in (5, 8, 11, 14, 17):
            for number in range(options.runs):
                rows += recoveries(options.program, path, nodes, number)
            print(nodes, len(rows), flush=True)
    parts = law(rows)
    ratios = sorted(row["rebuilt"] / predicted(parts, row["nodes"]) for row in rows)
    detected = sorted(row["detected"] for row in rows)
    result = {
        "command": "Scripts/recovery_times.py",
        "cores": os.cpu_count(),
        "recoveries": len(rows),
        "detected_seconds": {"median": statistics.median(detected), "max": detected[-1]},
        "rebuilt_seconds": {key: round(value, 5) for key, value in parts.items()},
        "spread_percent": list(SHARES),
        "spread": [round(ratios[len(ratios) * share // 100], 3) for share in SHARES],
        "rows": rows,
    }
    print({key: value for key, value in result.items() if key != "rows"})
    if options.output:
        options.output.write_text(json.dumps(result, indent=1) + "\n")


main()
