#!/usr/bin/env python3
"""Times the simulator and writes Benchmarks/Results/simulator.json.

How long do the runs take that the simulator is made for, and how many events does it handle in a
second of one core? Processor time is given beside wall-clock time, as the machine may do other things
too. Builds the simulator alone (`Scripts/simulator-package.sh`), for release; with a folder as its
argument, in that folder; with a program, it takes that one.
"""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REPEATS = 3
# A folder of public traces, for the figures over spot traces.
TRACES = os.environ.get("OOBLECK_TRACES")

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
    # Wall clock against processor time says whether worlds are simulated side by side.
    "8 worlds in parallel: 1,000 nodes, a failure each hour, oobleck": [
        "--model", "GPT-3-2.7b", "--nodes", "1000", "--mtbf-hours", "1", "--repair-hours", "1",
        "--days", "40", "--trials", "8", "--policy", "oobleck",
    ],
    "many events: the same, zero-cost": [
        "--model", "GPT-3-2.7b", "--nodes", "1000", "--mtbf-hours", "1", "--repair-hours", "1",
        "--days", "40", "--trials", "1", "--policy", "zero-cost",
    ],
}


def build(folder):
    """The program, built."""
    if folder and os.path.isfile(folder[0]):
        return os.path.abspath(folder[0])
    made = subprocess.run(
        [os.path.join(ROOT, "Scripts", "simulator-package.sh"), *folder],
        check=True, capture_output=True, text=True, timeout=60,
    ).stdout.strip()
    command = ["swift", "build", "--package-path", made, "-c", "release", "--product", "simulator"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=1800)
    return os.path.join(made, ".build", "release", "simulator")


def core(program, nodes, days):
    """Events a second of each policy, without the start of the program and of the planner."""
    done = subprocess.run(
        [program, "times", "--nodes", str(nodes), "--days", str(days), "--repeats", "5"],
        capture_output=True, text=True, check=True, timeout=900,
    )
    parts = {}
    for line in done.stdout.splitlines():
        row = json.loads(line)
        parts.setdefault(row["part"], []).append(row)
    rows = []
    print(f"{nodes} nodes, a failure an hour each, {days} days:")
    for part, found in parts.items():
        seconds = statistics.median(row["processor_seconds"] for row in found)
        wall = statistics.median(row["seconds"] for row in found)
        events, losses = found[0]["events"], found[0]["losses"]
        rows.append({
            "part": part, "events": events, "losses": losses,
            "processor_seconds_median": round(seconds, 4), "seconds_median": round(wall, 4),
            "events_per_processor_second": round(events / seconds),
        })
        print(f"{seconds:8.3f} s  {events:9.0f} events  {events / seconds:10.0f} /s  {part}")
    return {"nodes": nodes, "days": days, "parts": rows}


def run(program, arguments):
    """Wall-clock and processor seconds of one run, and its report."""
    start, used = time.monotonic(), processor_time()
    done = subprocess.run(
        [program, "simulate", "--format", "json", *arguments],
        capture_output=True, text=True, check=True, timeout=600,
    )
    return time.monotonic() - start, processor_time() - used, json.loads(done.stdout)


def processor_time():
    """Of the children that ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main():
    program = build(sys.argv[1:])
    rows = []
    for name, arguments in CASES.items():
        runs = [run(program, arguments) for _ in range(REPEATS)]
        seconds = statistics.median(wall for wall, _, _ in runs)
        used = statistics.median(used for _, used, _ in runs)
        events = runs[0][2]["policies"][0]["events"]["mean"]
        rows.append({
            "case": name, "arguments": arguments, "seconds_median": round(seconds, 4),
            "seconds_all": [round(wall, 4) for wall, _, _ in runs],
            "processor_seconds_median": round(used, 4), "events": events,
        })
        print(f"{seconds:8.3f} s  {used:8.3f} s of one core  {events:9.0f} events  {name}")
    with tempfile.TemporaryDirectory() as folder:
        start, used = time.monotonic(), processor_time()
        command = [program, "figures", "--output", folder]
        if TRACES:
            command += ["--traces", TRACES]
        subprocess.run(command, capture_output=True, check=True, timeout=900)
        figures, used = time.monotonic() - start, processor_time() - used
    kind = "with" if TRACES else "without"
    print(f"{figures:8.1f} s  {used:8.1f} s of one core  all figures, {kind} spot traces")
    # From 256 nodes down Oobleck plans every answer as in production.
    cores = [core(program, nodes, days) for nodes, days in ((1000, 4), (30, 2), (200, 0.2))]
    path = os.path.join(ROOT, "Benchmarks", "Results", "simulator.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({
            "command": "python3 Scripts/simulator_bench.py", "machine": platform.machine(),
            "cores": os.cpu_count(), "load_average": os.getloadavg()[0], "build": "release",
            "repeats": REPEATS, "runs": rows, "core_a_failure_an_hour_each": cores,
            "figures_seconds": round(figures, 1), "figures_processor_seconds": round(used, 1),
            "figures_with_spot_traces": bool(TRACES),
        }, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
