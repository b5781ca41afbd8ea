"""Runs two stages in two processes and compares their rate with the ideal of 1F1B; also tells what
the commit vote costs on six nodes.

    pipeline_rate.py [--steps 12] [--rounds 5] [--output FILE]

The ideal step takes (m + S - 1) max(F + B), with F and B of each stage measured alone by the
profiler, anew before each run. The vote's cost in a step is the time in which nobody has anything to do: from the last
vote of all nodes to the first decision. Node logs hold these times.
"""

import argparse
import itertools
import json
import os
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
        [
            *(OOBLECK, "train", ROOT / "Examples/tiny.yaml"),
            *("--nodes", str(nodes), "--steps", str(steps), "--run-dir", run),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=RUN_DEADLINE,
        env=os.environ | {"OOBLECK_DECISION_TIMES": "1"},
    )


def step_seconds(run: pathlib.Path) -> list[float]:
    """Times between commits, without the first two steps."""
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    times = [event["monotonic"] for event in events if event["kind"] == "committed"]
    return [later - earlier for earlier, later in itertools.pairwise(times[1:])]


def ideal_seconds(run: pathlib.Path) -> float:
    document = json.loads((run / "plan.json").read_text())
    pipeline = document["plan"]["pipelines"][0]
    template = next(
        item for item in document["templates"] if item["nodes"] == pipeline["template_nodes"]
    )
    stages = template["stages"]
    slowest = max(stage["forward_seconds"] + stage["backward_seconds"] for stage in stages)
    return (pipeline["microbatches"] + len(stages) - 1) * slowest


def node_times(log: pathlib.Path) -> list[tuple[int, int]]:
    """When a node voted for each step and when it had the decision, in microseconds."""
    for line in log.read_text().splitlines():
        if line.startswith("votes and decisions"):
            pairs = [pair.split("-") for pair in line.split(":")[1].split()]
            return [(int(voted), int(decided)) for voted, decided in pairs]
    raise SystemExit(f"pipeline_rate: no times of votes in {log}")


def vote_milliseconds(run: pathlib.Path) -> tuple[list[float], list[float]]:
    """From the last vote of each step to the first node's decision, and to the last node's.

    Until the first has its decision nobody has anything to do. On a machine with fewer cores than
    nodes the others then wait for a core, on which the first already apply the step.
    """
    logs = sorted((run / "logs").glob("node-*.log"))
    steps = list(zip(*[node_times(log) for log in logs], strict=False))
    last_votes = [max(voted for voted, _ in step) for step in steps]
    firsts = [min(decided for _, decided in step) for step in steps]
    lasts = [max(decided for _, decided in step) for step in steps]
    return (
        [(end - start) / 1000 for start, end in zip(last_votes, firsts, strict=True)],
        [(end - start) / 1000 for start, end in zip(last_votes, lasts, strict=True)],
    )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5, help="runs of two stages")
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="oobleck-rate-"))
    pairs = []
    for index in range(arguments.rounds):
        run = folder / f"two-{index}"
        train(run, 2, arguments.steps)
        pairs.append((ideal_seconds(run), statistics.median(step_seconds(run))))
    ratios = [ideal / measured for ideal, measured in pairs]
    train(folder / "six", 6, arguments.steps)
    votes, spreads = vote_milliseconds(folder / "six")
    result = {
        "two_stages": {
            "ideal_step_seconds": [round(ideal, 4) for ideal, _ in pairs],
            "step_seconds": [round(measured, 4) for _, measured in pairs],
            "rate_over_ideal": [round(ratio, 3) for ratio in ratios],
            "rate_over_ideal_median": round(statistics.median(ratios), 3),
        },
        "commit_vote_milliseconds": {
            "median": round(statistics.median(votes), 3),
            "max": round(max(votes), 3),
            "until_last_node_median": round(statistics.median(spreads), 3),
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
