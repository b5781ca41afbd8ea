"""Puts what an acceptance run found into one JSON document: summary.py RESULTS."""

import json
import pathlib
import platform
import sys

import torch


def last_json(path):
    """The last line of a log, when it is JSON."""
    try:
        return json.loads(path.read_text().strip().splitlines()[-1])
    except (OSError, ValueError, IndexError):
        return None


def is_one_state(runs):
    """Whether all runs of a job ended with one state."""
    jobs = {}
    for run, state in runs.items():
        job = run.partition("-")[0]
        jobs.setdefault(job if job in ("wide", "module", "short") else "small", set()).add(state)
    return all(len(states) == 1 and "" not in states for states in jobs.values())


def main(folder):
    lines = [json.loads(line) for line in (folder / "checks.jsonl").read_text().splitlines()]
    device = torch.cuda.get_device_properties(0)
    runs = {line["run"]: line["state_sha256"] for line in lines if "run" in line}
    conformance = (folder / "conformance.log").read_text().splitlines()
    return {
        "card": device.name,
        "multiprocessors": device.multi_processor_count,
        "memory_bytes": device.total_memory,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "checks": [line for line in lines if "check" in line],
        "conformance": [line for line in conformance if line.startswith(("ok", "FAILED"))],
        "state_sha256": runs,
        "is_one_state": is_one_state(runs),
        "gpt2_float32": {
            "oobleck": last_json(folder / "bench-oobleck.log"),
            "eager_torch": last_json(folder / "bench-torch.log"),
        },
        "gpt2_bfloat16": {
            "oobleck": last_json(folder / "bench-short.log"),
            "eager_torch": last_json(folder / "bench-torch-short.log"),
        },
    }


print(json.dumps(main(pathlib.Path(sys.argv[1])), indent=2))
