"""Paired runs of our engine and of eager Python: tokens per second, medians, and their ratio.

Runs alternate, ours first in odd pairs and second in even ones, so that a machine that slows down
or speeds up favours neither. Writes Benchmarks/Results/<size>-one-process.json.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shlex
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
RUN_DEADLINE_SECONDS = 900

# tiny is the model of Examples/tiny.yaml; wide has the proportions of GPT-2's larger layers.
SIZES = {
    "tiny": {
        "blocks": 6, "hidden": 192, "heads": 6, "vocabulary": 256, "sequence": 128,
        "microbatch": 4, "microbatches": 8, "steps": 20,
    },
    "wide": {
        "blocks": 4, "hidden": 512, "heads": 8, "vocabulary": 8192, "sequence": 256,
        "microbatch": 2, "microbatches": 4, "steps": 10,
    },
}  # fmt: skip


def arguments_of(size: dict[str, int], dropout: float) -> list[str]:
    pairs = {**size, "dropout": dropout}
    return [part for name, value in pairs.items() for part in (f"--{name}", str(value))]


def measure(command: list[str]) -> dict:
    """What one run printed: the last line of its output is a JSON object."""
    result = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_DEADLINE_SECONDS
    )
    lines = result.stdout.strip().splitlines()
    if result.returncode != 0 or not lines:
        reason = (result.stderr.strip() or "no output").splitlines()[-1]
        raise SystemExit(f"bench: {command[0]} ended with status {result.returncode}: {reason}")
    return json.loads(lines[-1])


def machine() -> dict:
    """What the numbers depend on."""
    model = ""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    swift = subprocess.run(["swift", "--version"], capture_output=True, text=True, timeout=60)
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.platform(),
        "swift": swift.stdout.splitlines()[0] if swift.stdout else "",
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
    }


def spread(values: list[float]) -> dict:
    return {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}


def run_pairs(ours: list[str], theirs: list[str], count: int) -> tuple[list[dict], list[dict]]:
    """Both sides' reports, pair by pair."""
    reports: dict[str, list[dict]] = {"ours": [], "python": []}
    for pair in range(count):
        sides = [("ours", ours), ("python", theirs)]
        for name, command in sides if pair % 2 == 0 else reversed(sides):
            reports[name].append(measure(command))
        speeds = [reports[name][-1]["tokens_per_second"] for name in ("ours", "python")]
        ratio = speeds[0] / speeds[1]
        line = f"ours {speeds[0]:8.0f}  python {speeds[1]:8.0f} tokens/s  ratio {ratio:.3f}"
        print(f"pair {pair + 1}/{count}: {line}", flush=True)
    return reports["ours"], reports["python"]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("size", nargs="?", choices=sorted(SIZES), default="tiny")
    parser.add_argument("pairs", nargs="?", type=int, default=5)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--output", type=pathlib.Path, help="file to write instead")
    options = parser.parse_args()
    if options.pairs < 1:
        parser.error("PAIRS must be at least 1")
    size = arguments_of(SIZES[options.size], options.dropout)
    ours = [".build/release/oobleck-worker", "bench", *size]
    theirs = [".venv/bin/python", "Benchmarks/baseline_gpt2.py", *size]
    if not (ROOT / ours[0]).exists():
        raise SystemExit(f"bench: no {ours[0]}; run: make build")
    started, here = datetime.datetime.now(datetime.timezone.utc), machine()
    our_reports, python_reports = run_pairs(ours, theirs, options.pairs)
    our_speeds = [report["tokens_per_second"] for report in our_reports]
    python_speeds = [report["tokens_per_second"] for report in python_reports]
    ratios = [a / b for a, b in zip(our_speeds, python_speeds, strict=True)]
    result = {
        "question": "tokens per second of one process with one thread, ours against eager Python",
        "command": f"Scripts/bench.sh {options.size} {options.pairs}",
        "started": started.isoformat(timespec="seconds"),
        "machine": here,
        "commands": {"ours": shlex.join(ours), "python": shlex.join(theirs)},
        "tokens_per_second": {"ours": spread(our_speeds), "python": spread(python_speeds)},
        "ratio_of_pairs": spread(ratios),
        "runs": {"ours": our_reports, "python": python_reports},
    }
    output = options.output or ROOT / f"Benchmarks/Results/{options.size}-one-process.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=2) + "\n")
    medians = f"{statistics.median(our_speeds):.0f} and {statistics.median(python_speeds):.0f}"
    print(f"{options.size}: median {medians} tokens/s, ratio {statistics.median(ratios):.3f}")
    print(f"written to {os.path.relpath(output)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
