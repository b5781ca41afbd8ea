#!/usr/bin/env python3
"""Times the simulator and writes Benchmarks/Results/simulator.json.

How long do the runs take that the simulator is made for, and how many events does it handle in a
second? Builds the simulator alone (`Scripts/simulator-package.sh`), for release; with a folder as its
argument, in that folder.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REPEATS = 3

CASES = {
    # 16,384 devices, a failure every 3 h, 54 days.
    "54 days, 16,384 devices, checkpoint-async": [
        "--model", "GPT-3-175b", "--nodes", "2048", "--mtbf-hours", "6144", "--repair-hours", "4",
        "--days", "54", "--trials", "1", "--policy", "checkpoint-async",
    ],
    "54 days, 16,384 devices, oobleck": [
        "--model", "GPT-3-175b", "--nodes", "2048", "--mtbf-hours", "6144", "--repair-hours", "4",
        "--days", "54", "--trials", "1", "--policy", "oobleck",
    ],
    # 6.50 failures in 1,000 node-days.
    "30 days, 100,000 nodes, oobleck": [
        "--model", "GPT-3-175b", "--nodes", "100000", "--microbatches", "65536", "--mtbf-hours",
        "3692", "--repair-hours", "4", "--days", "30", "--trials", "1", "--policy", "oobleck",
    ],
    "many events: 1,000 nodes, a failure each hour, hot-spares": [
        "--model", "GPT-3-2.7b", "--nodes", "1000", "--mtbf-hours", "1", "--repair-hours", "1",
        "--days", "40", "--trials", "1", "--policy", "hot-spares",
    ],
    "many events: the same, zero-cost": [
        "--model", "GPT-3-2.7b", "--nodes", "1000", "--mtbf-hours", "1", "--repair-hours", "1",
        "--days", "40", "--trials", "1", "--policy", "zero-cost",
    ],
}


def build(folder):
    """The program, built."""
    made = subprocess.run(
        [os.path.join(ROOT, "Scripts", "simulator-package.sh"), *folder],
        check=True, capture_output=True, text=True, timeout=60,
    ).stdout.strip()
    command = ["swift", "build", "--package-path", made, "-c", "release", "--product", "simulator"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=1800)
    return os.path.join(made, ".build", "release", "simulator")


def core(program):
    """Events a second of each policy, without the start of the program and of the planner."""
    done = subprocess.run(
        [program, "times", "--days", "4", "--repeats", str(REPEATS)],
        capture_output=True, text=True, check=True, timeout=900,
    )
    parts = {}
    for line in done.stdout.splitlines():
        row = json.loads(line)
        parts.setdefault(row["part"], []).append(row)
    rows = []
    for part, found in parts.items():
        seconds = statistics.median(row["seconds"] for row in found)
        events = found[0]["events"]
        rows.append({
            "part": part, "events": events, "seconds_median": round(seconds, 4),
            "events_per_second": round(events / seconds),
        })
        print(f"{seconds:8.3f} s  {events:9.0f} events  {events / seconds:10.0f} /s  {part}")
    return rows


def run(program, arguments):
    """Seconds of one run, and its report."""
    start = time.monotonic()
    done = subprocess.run(
        [program, "simulate", "--format", "json", *arguments],
        capture_output=True, text=True, check=True, timeout=600,
    )
    return time.monotonic() - start, json.loads(done.stdout)


def main():
    program = build(sys.argv[1:])
    rows = []
    for name, arguments in CASES.items():
        runs = [run(program, arguments) for _ in range(REPEATS)]
        seconds = statistics.median(seconds for seconds, _ in runs)
        events = runs[0][1]["policies"][0]["events"]["mean"]
        rows.append({
            "case": name, "arguments": arguments, "seconds_median": round(seconds, 4),
            "seconds_all": [round(seconds, 4) for seconds, _ in runs], "events": events,
            "events_per_second": round(events / seconds),
        })
        print(f"{seconds:8.3f} s  {events:9.0f} events  {events / seconds:10.0f} /s  {name}")
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        subprocess.run(
            [program, "figures", "--output", folder], capture_output=True, check=True, timeout=900
        )
        figures = time.monotonic() - start
    print(f"{figures:8.1f} s  figures without spot traces")
    parts = core(program)
    path = os.path.join(ROOT, "Benchmarks", "Results", "simulator.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({
            "command": "python3 Scripts/simulator_bench.py", "machine": platform.machine(),
            "cores": os.cpu_count(), "load_average": os.getloadavg()[0], "build": "release", "repeats": REPEATS, "runs": rows,
            "core_of_1000_nodes_a_failure_an_hour_each": parts, "figures_seconds": round(figures, 1),
        }, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
