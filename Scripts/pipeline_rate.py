"""Runs two stages in two processes and compares their rate with the ideal of 1F1B; also tells what
the commit vote costs on six nodes.

    pipeline_rate.py [--steps 12] [--output FILE]

The ideal step takes (m + S - 1) max(F + B), with F and B of each stage measured alone by the
profiler. The vote's cost in a step is the least time, over all nodes, from a node's vote to its
decision: that of the last to vote. Node logs hold these times.
"""

import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
OOBLECK = ROOT / ".build/release/oobleck"
RUN_DEADLINE = 600


def train(run: pathlib.Path, nodes: int, steps: int) -> None:
    subprocess.run(
        [OOBLECK, "train", ROOT / "Examples/tiny.yaml", "--nodes", str(nodes)]
        + ["--steps", str(steps), "--run-dir", run],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=RUN_DEADLINE,
    )


def step_seconds(run: pathlib.Path) -> list[float]:
    """Times between commits, without the first two steps."""
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    times = [event["monotonic"] for event in events if event["kind"] == "committed"]
    return [later - earlier for earlier, later in zip(times[1:], times[2:])]


def ideal_seconds(run: pathlib.Path) -> float:
    document = json.loads((run / "plan.json").read_text())
    pipeline = document["plan"]["pipelines"][0]
    template = next(
        item for item in document["templates"] if item["nodes"] == pipeline["template_nodes"]
    )
    stages = template["stages"]
    slowest = max(stage["forward_seconds"] + stage["backward_seconds"] for stage in stages)
    return (pipeline["microbatches"] + len(stages) - 1) * slowest


def vote_milliseconds(run: pathlib.Path) -> list[float]:
    waits = []
    for log in sorted((run / "logs").glob("node-*.log")):
        for line in log.read_text().splitlines():
            if line.startswith("vote to decision"):
                waits.append([int(number) / 1000 for number in line.split(":")[1].split()])
    return [min(step) for step in zip(*waits)]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="oobleck-rate-"))
    train(folder / "two", 2, arguments.steps)
    train(folder / "six", 6, arguments.steps)
    measured = statistics.median(step_seconds(folder / "two"))
    ideal = ideal_seconds(folder / "two")
    votes = vote_milliseconds(folder / "six")
    result = {
        "two_stages": {
            "step_seconds": round(measured, 4),
            "ideal_step_seconds": round(ideal, 4),
            "rate_over_ideal": round(ideal / measured, 3),
        },
        "commit_vote_milliseconds": {
            "median": round(statistics.median(votes), 3),
            "max": round(max(votes), 3),
            "steps": len(votes),
        },
    }
    shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(result, indent=2))
    if arguments.output:
        arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
