"""Kills a node and adds one, again and again, in one run, and follows the memory of a survivor.

    growth.py [--rounds 60] [--output FILE]

Node 0 is never killed. Prints the resident memory of its worker after each round. The allocator's
arenas fill during the first half of the rounds, as they do within some 800 steps of a run without
any failure; fails when the mean of the last quarter exceeds that of the third by more than 1 %.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
OOBLECK = ROOT / ".build/release/oobleck"
ROUND_DEADLINE = 30.0


def status(run: pathlib.Path) -> dict:
    """The run's status; empty before there is one."""
    try:
        return json.loads((run / "status.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def working(run: pathlib.Path) -> list[dict]:
    """The nodes that train."""
    return [node for node in status(run).get("nodes", []) if node.get("pipeline") is not None]


def wait_for(what: str, condition) -> None:
    end = time.monotonic() + ROUND_DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"growth: {what}: not within {ROUND_DEADLINE:.0f} s")
        time.sleep(0.02)


def resident_bytes(pid: int) -> int:
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", text)
    return int(found.group(1)) * 1024 if found else 0


def one_round(run: pathlib.Path) -> int:
    """Kills the newest node that trains, adds another, and returns the survivor's memory."""
    wait_for("six nodes at work", lambda: len(working(run)) == 6)
    victim = max(working(run), key=lambda node: node["id"])
    os.killpg(victim["agent_pid"], signal.SIGKILL)
    wait_for(
        "recovery", lambda: len(working(run)) == 5 and status(run).get("phase") == "training"
    )
    subprocess.run([OOBLECK, "add", run], check=True, capture_output=True, timeout=30)
    wait_for("the new node at work", lambda: len(working(run)) == 6)
    first = next(node for node in working(run) if node["id"] == 0)
    return resident_bytes(first["worker_pids"][0])


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="oobleck-growth-"))
    run = folder / "run"
    text = (ROOT / "Examples/tiny.yaml").read_text()
    text = re.sub(r"microbatch: 4 ", "microbatch: 1 ", text)
    text = re.sub(r"global_batch: 32", "global_batch: 8", text)
    text = re.sub(r"device_memory: 2 GiB", "device_memory: 280 MiB", text)
    text = text.replace("../.corpus", str(ROOT / ".corpus"))
    (folder / "job.yaml").write_text(text)
    training = subprocess.Popen(
        [OOBLECK, "train", folder / "job.yaml", "--steps", "1000000", "--run-dir", run],
        stdout=subprocess.DEVNULL,
    )
    try:
        sizes = []
        for index in range(arguments.rounds):
            sizes.append(one_round(run))
            print(f"round {index + 1:2}  {sizes[-1] / 2**20:7.1f} MiB", flush=True)
    finally:
        training.send_signal(signal.SIGINT)
        try:
            training.wait(timeout=20)
        except subprocess.TimeoutExpired:
            training.kill()
    shutil.rmtree(folder, ignore_errors=True)
    quarter = max(1, len(sizes) // 4)
    early, late = statistics.mean(sizes[-2 * quarter : -quarter]), statistics.mean(sizes[-quarter:])
    result = {
        "reconfigurations": 2 * len(sizes),
        "resident_mib": [round(size / 2**20, 1) for size in sizes],
        "late_over_early": round(late / early, 3),
    }
    print(json.dumps(result))
    if arguments.output:
        arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    return 0 if late <= 1.01 * early else 1


if __name__ == "__main__":
    sys.exit(main())
