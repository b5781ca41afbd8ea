"""Trains every model of Python/tests under kills, and compares with an undisturbed run.

    .venv/bin/python Scripts/model_campaign.py [MODEL ...] [--output FILE]

For each: a small model with random weights is saved as transformers saves it, imported, trained for five
steps on five nodes of which three are killed, and trained undisturbed in one process. Both must end
with one state. The run is exported; from_pretrained must load all of it, and compute the logits that the
exported numbers have in the model that was saved. Needs `make build` (or OOBLECK, the path of the
program) and `make import-tools`.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "Python/tests"), str(ROOT / "Python")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

import cases  # noqa: E402

OOBLECK = os.environ.get("OOBLECK", str(ROOT / ".build/release/oobleck"))
STEPS, NODES, SAMPLES, DROPOUT = 5, 5, 64, 0.1
KILLS = (
    "node=1,point=mid-backward,step=1,target=node",
    "node=2,point=mid-send,step=2,target=worker",
    "node=3,point=before-vote,step=3,target=node",
)
DEADLINE_SECONDS = 300


def oobleck(*arguments: str) -> str:
    """What a command printed."""
    result = subprocess.run(
        [OOBLECK, *arguments], capture_output=True, text=True, timeout=DEADLINE_SECONDS
    )
    if result.returncode != 0:
        reason = (result.stderr.strip() or "no message").splitlines()[-1]
        raise RuntimeError(f"oobleck {arguments[0]}: {reason}")
    return result.stdout


def write_data(manifest: dict, batch: dict, folder: pathlib.Path) -> dict:
    """Writes samples like those of `batch`; the job's `data` section."""
    random = np.random.default_rng(3)
    roles = {tensor["role"] for tensor in manifest["batch"]}
    if "column" not in roles:
        count = SAMPLES * manifest["sequence"] + 1
        ids = random.integers(5, manifest["vocabulary"], count).astype(np.uint16)
        ids.tofile(folder / "tokens.bin")
        return {"corpus": str(folder / "tokens.bin")}
    columns = folder / "columns"
    columns.mkdir()
    for name, tensor in batch.items():
        rows = tensor.numpy()
        values = np.concatenate([rows] * (SAMPLES // len(rows)))
        if name == "input_ids" or values.dtype == np.float32:
            # Other samples by the same numbers in another order.
            values = random.permuted(values, axis=values.ndim - 1)
        np.save(columns / f"{name}.npy", values)
    return {"columns": str(columns)}


def state_of(run: pathlib.Path) -> str:
    return json.loads((run / "result.json").read_text())["state_sha256"]


def check_export(run: pathlib.Path, folder: pathlib.Path, module: torch.nn.Module, batch: dict) -> str:
    """What from_pretrained makes of the exported run; `same logits` if all is well."""
    oobleck("export", str(run), "--to", str(folder))
    # Experts can be computed in several ways, which differ in their last bits.
    way = getattr(module.config, "_experts_implementation", None)
    options = {"experts_implementation": way} if way else {}
    loaded, report = type(module).from_pretrained(folder, output_loading_info=True, **options)
    lost = sorted(report["missing_keys"]) + sorted(report["unexpected_keys"])
    if lost:
        return f"from_pretrained does not load {', '.join(lost[:3])}"
    module.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
    module.tie_weights()
    with torch.no_grad():
        found, wanted = (m.eval()(**batch).logits for m in (loaded, module))
    return "same logits" if torch.equal(found, wanted) else "other logits"


def campaign(name: str, folder: pathlib.Path) -> dict:
    """Trains one model; what came of it."""
    start = time.monotonic()
    arguments, module, batch = cases.make_source(name, folder / "source", DROPOUT)
    oobleck("import", *arguments, "--to", str(folder / "model"))
    manifest = json.loads((folder / "model" / "manifest.json").read_text())
    job = {
        "model": {"import": str(folder / "model")},
        "data": write_data(manifest, batch, folder),
        "training": {"steps": STEPS, "seed": 7, "global_batch": 8 * manifest["microbatch"]},
        "cluster": {"nodes": NODES, "fault_tolerance": 1},
    }
    (folder / "job.yaml").write_text(json.dumps(job))
    train = ["train", str(folder / "job.yaml"), "--run-dir"]
    faults = [part for kill in KILLS for part in ("--fault", kill)]
    oobleck(*train, str(folder / "disturbed"), *faults)
    oobleck("verify", str(folder / "disturbed"))
    oobleck(*train, str(folder / "reference"), "--reference")
    states = [state_of(folder / run) for run in ("disturbed", "reference")]
    result = json.loads((folder / "disturbed" / "result.json").read_text())
    is_exportable = name not in cases.FUNCTIONS
    return {
        "model": name,
        "layers": len(manifest["layers"]),
        "crossing": max(len(layer["receives"]) for layer in manifest["layers"]),
        "failures": result["failures"],
        "same_state": states[0] == states[1],
        "state_sha256": states[0],
        "export": check_export(folder / "disturbed", folder / "exported", module, batch)
        if is_exportable
        else "no transformers model",
        "seconds": round(time.monotonic() - start, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(cases.NAMES))
    parser.add_argument("--output", type=pathlib.Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    rows, bad = [], 0
    for name in given.models:
        with tempfile.TemporaryDirectory() as folder:
            try:
                row = campaign(name, pathlib.Path(folder))
                is_good = row["same_state"] and row["export"] != "other logits"
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                row, is_good = {"model": name, "error": str(error)}, False
        bad += not is_good
        rows.append(row)
        print(json.dumps(row), flush=True)
    if given.output:
        given.output.write_text(json.dumps({"steps": STEPS, "kills": KILLS, "models": rows}, indent=1))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
