"""Times `oobleck plan` on generated profiles: its own planning_seconds, as it prints them.

    planner_times.py [--rounds 5] [--output FILE]

Profiles are drawn from a seed: layers of one to three times the least work, an all-reduce within a
node of a few per cent. Fault tolerance 0 asks for a template of every size.
"""

import argparse
import json
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
OOBLECK = ROOT / ".build/release/oobleck"
SEED = 1
DEADLINE = 300
# Layers, nodes, devices of a node, and microbatches.
CASES = [(24, 13, 1, 64), (96, 64, 1, 512), (96, 24, 8, 512)]


def profile(layers: int) -> dict:
    draw = random.Random(SEED)
    return {
        "version": 1,
        "model": f"seed {SEED}",
        "microbatch_size": 1,
        "layers": [
            {
                "name": f"layer.{index}",
                "forward_seconds": (forward := 0.5 + draw.random()) * 1e-3,
                "backward_seconds": 2 * forward * 1e-3,
                "allreduce_in_node_seconds": {
                    str(devices): 2e-5 * (devices - 1) / devices for devices in (2, 4, 8)
                },
                "allreduce_across_nodes_seconds": {"2": 1e-3, "3": 1.3e-3},
            }
            for index in range(layers)
        ],
    }


def measure(folder: pathlib.Path, case: tuple[int, int, int, int], rounds: int) -> dict:
    layers, nodes, devices, microbatches = case
    path = folder / f"{layers}.json"
    path.write_text(json.dumps(profile(layers)))
    times = []
    for _ in range(rounds):
        done = subprocess.run(
            [OOBLECK, "plan", "--profile", path, "--nodes", str(nodes), "--format", "json"]
            + ["--devices-per-node", str(devices), "--microbatches", str(microbatches)]
            + ["--fault-tolerance", "0"],
            capture_output=True,
            check=True,
            timeout=DEADLINE,
        )
        document = json.loads(done.stdout)
        times.append(document["planning_seconds"])
    return {
        "layers": layers,
        "nodes": nodes,
        "devices_per_node": devices,
        "microbatches": microbatches,
        "templates": len(document["templates"]),
        "templates_seconds": statistics.median(time["templates"] for time in times),
        "instantiation_seconds": statistics.median(time["instantiation"] for time in times),
        "rounds": rounds,
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory(prefix="oobleck-planner-") as folder:
        for case in CASES:
            results.append(measure(pathlib.Path(folder), case, arguments.rounds))
            print(json.dumps(results[-1]), flush=True)
    if arguments.output:
        text = json.dumps({"seed": SEED, "cases": results}, indent=2)
        arguments.output.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
