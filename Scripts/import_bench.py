"""What imported models cost: steps against the built-in GPT-2 of the same shape, and imports.

    .venv/bin/python Scripts/import_bench.py [--pairs N]

Steps run in pairs, the built-in model first in odd pairs and second in even ones. The imported GPT-2 has the
activation that the built-in one has (gelu_pytorch_tanh; gelu_new is the same function in five more
operators). Imports are timed as a person sees them, with the start of Python and PyTorch. Writes
Benchmarks/Results/imports.json. Needs `make build` and `make import-tools`.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Scripts"))
from bench import machine, measure  # noqa: E402

PROGRAMS = pathlib.Path(os.environ.get("PROGRAMS", ROOT / ".build/release"))
# tiny is the model of Examples/tiny.yaml; wide has the width of GPT-2.
SHAPES = {
    "tiny": {"blocks": 6, "hidden": 192, "heads": 6, "vocabulary": 256, "sequence": 128,
             "microbatch": 4, "microbatches": 8, "steps": 12, "dropout": 0.1},
    "tiny-without-dropout": {"blocks": 6, "hidden": 192, "heads": 6, "vocabulary": 256,
                             "sequence": 128, "microbatch": 4, "microbatches": 8, "steps": 12,
                             "dropout": 0.0},
    "wide": {"blocks": 3, "hidden": 768, "heads": 12, "vocabulary": 8192, "sequence": 128,
             "microbatch": 2, "microbatches": 4, "steps": 6, "dropout": 0.1},
}  # fmt: skip
PRESETS = ("gpt2", "bert-large", "gpt3-2.7b", "gpt3-6.7b", "llama-7b")


def config(shape: dict) -> dict:
    dropout = shape["dropout"]
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "n_embd": shape["hidden"],
        "n_layer": shape["blocks"],
        "n_head": shape["heads"],
        "n_positions": shape["sequence"],
        "vocab_size": shape["vocabulary"],
        "attn_pdrop": dropout,
        "embd_pdrop": dropout,
        "resid_pdrop": dropout,
        "activation_function": "gelu_pytorch_tanh",
    }


def steps(shape: dict, folder: pathlib.Path, pairs: int) -> dict:
    """Seconds of a step of both, pair by pair, and the median of their ratios."""
    (folder / "source").mkdir()
    (folder / "source/config.json").write_text(json.dumps(config(shape)))
    subprocess.run(
        [PROGRAMS / "oobleck", "import", folder / "source", "--to", folder / "model",
         "--sequence", str(shape["sequence"]), "--microbatch", str(shape["microbatch"])],
        check=True, capture_output=True,
    )  # fmt: skip
    worker = str(PROGRAMS / "oobleck-worker")
    sizes = [part for name, value in shape.items() for part in (f"--{name}", str(value))]
    built_in = [worker, "bench", *sizes]
    imported = [worker, "bench", *sizes, "--model", str(folder / "model")]
    times: dict[str, list[float]] = {"built_in": [], "imported": []}
    for pair in range(pairs):
        sides = [("built_in", built_in), ("imported", imported)]
        for name, command in sides if pair % 2 == 0 else reversed(sides):
            times[name].append(measure(command)["step_seconds"])
    ratios = [new / old for new, old in zip(times["imported"], times["built_in"], strict=True)]
    return {
        "shape": shape,
        "step_seconds": {name: statistics.median(values) for name, values in times.items()},
        "ratio": {"median": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)},
        "pairs": pairs,
    }


def one_import(name: str, folder: pathlib.Path) -> dict:
    """Seconds and greatest memory of one import."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    start = time.monotonic()
    output = subprocess.run(
        [PROGRAMS / "oobleck", "import", name, "--to", folder / name, "--format", "json"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    seconds = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    report = json.loads(output)
    return {
        "model": name,
        "seconds": round(seconds, 1),
        # Of the largest child so far: imports run from small to large.
        "peak_bytes_at_most": max(before, peak) * 1024,
        "layers": report["layers"],
        "parameters": report["parameters"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    given = parser.parse_args()
    report: dict = {"machine": machine(), "steps": {}, "imports": []}
    with tempfile.TemporaryDirectory() as folder:
        for name in PRESETS:
            report["imports"].append(one_import(name, pathlib.Path(folder)))
            print(json.dumps(report["imports"][-1]), flush=True)
    for name, shape in SHAPES.items():
        with tempfile.TemporaryDirectory() as folder:
            report["steps"][name] = steps(shape, pathlib.Path(folder), given.pairs)
        print(name, json.dumps(report["steps"][name]["ratio"]), flush=True)
    target = ROOT / "Benchmarks/Results/imports.json"
    target.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
