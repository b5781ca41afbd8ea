"""Makes the table of models: `python table.py --to FILE.md [NAME...]`.

Imports every case of cases.py and the models of further_models.py, runs each layer by layer with the
tests' interpreter and compares loss, count, logits and gradients with eager PyTorch.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

# One thread, because bits depend on how many there are.
os.environ["OMP_NUM_THREADS"] = "1"

import torch
import transformers

import cases
import further_models
import interpreter
import models

_FAILED = ("not run", "different results")
_HEADINGS = ("model", "class", "layers", "nodes a block", "tensors that cross", "result", "notes")
_HEADER = """# Models that were imported and compared

Made by `python tests/table.py` with torch {torch} and transformers {transformers}, in float32, on one
thread of a CPU. Each model is small, has random weights and no dropout, and takes one microbatch of two
samples; mixtures of experts compute theirs as `batched_mm`. It is imported, run layer by layer, and
compared with eager PyTorch: the loss (a sum), the count of targets, the logits and the gradient of every
parameter.

- "equal": every bit is. "equal within X": X is the greatest difference of a value, as a share of the
  greatest magnitude in its tensor; the tensor where it is found is named.
- "nodes a block": operators of a layer that is a block of the model. "tensors that cross": how many
  tensors a layer receives from the layer before it.
- "refused": the importer's line. Nothing is written then.

{counts}

"""


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    name: str
    architecture: str
    layers: str = ""
    nodes: str = ""
    crossing: str = ""
    result: str = ""
    notes: str = ""

    def text(self) -> str:
        cells = (self.architecture, self.layers, self.nodes, self.crossing, self.result, self.notes)
        return " | ".join([f"| {self.name}", *(cell.replace("|", "\\|") for cell in cells)]) + " |"


def row_of(name: str, folder: Path) -> Row:
    """Runs a case; what came of it, refusals included."""
    architecture = _architecture(name)
    said, complained = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
            expected = cases.make_case(name, folder)
    except SystemExit:
        line = complained.getvalue().strip().splitlines()[-1].removeprefix("error: ")
        return Row(name, architecture, result=f"refused: {line}")
    manifest = json.loads((folder / "model" / "manifest.json").read_text())
    batch = {k.removeprefix("batch."): v for k, v in expected.items() if k.startswith("batch.")}
    found = interpreter.run(folder / "model", batch)
    wanted = {key: value for key, value in expected.items() if not key.startswith("batch.")}
    notes = [x.removeprefix("note: ") for x in said.getvalue().splitlines() if x[:5] == "note:"]
    return Row(
        name,
        architecture,
        layers=str(len(manifest["layers"])),
        nodes=_nodes(folder / "model", manifest),
        crossing=_span([len(layer["receives"]) for layer in manifest["layers"][1:]]),
        result=compared(found, wanted),
        notes="; ".join([*_sharing(folder / "model", manifest), *notes]),
    )


def compared(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> str:
    """How far the results of the layers are from those of the whole model."""
    if set(found) != set(wanted):
        return f"different results: {', '.join(sorted(set(found) ^ set(wanted))[:5])}"
    worst, where = 0.0, ""
    for key, value in wanted.items():
        other = found[key].reshape(value.shape)
        if torch.equal(other, value):
            continue
        scale = float(value.abs().max()) or 1.0
        difference = float((other.double() - value.double()).abs().max()) / scale
        # Not a number is the worst of all, and no number is greater.
        if not difference <= worst:
            worst, where = difference, key
    return f"equal within {worst:.0e} ({where})" if where else "equal"


def _architecture(name: str) -> str:
    if name in cases.FUNCTIONS:
        return f"plain_model.py:{name}"
    return type(models.built(name)).__name__


def _nodes(folder: Path, manifest: dict[str, Any]) -> str:
    blocks = [x for x in manifest["layers"] if x["name"] not in ("embedding", "head")]
    graphs = {x["graph"] for x in blocks}
    return _span([len(json.loads((folder / graph).read_text())["nodes"]) for graph in graphs])


def _sharing(folder: Path, manifest: dict[str, Any]) -> list[str]:
    """Parameters that several layers hold, and parameters that a layer uses many times."""
    notes = []
    names = [layer["name"] for layer in manifest["layers"]]
    for name, layers in manifest["tied"][:2]:
        notes.append(f"{name} is shared by {', '.join(names[index] for index in layers)}")
    if len(manifest["tied"]) > 2:
        notes.append(f"{len(manifest['tied']) - 2} more are shared")
    repeated = [layer["name"] for layer in manifest["layers"] if _uses(folder, layer) > 1]
    if repeated:
        notes.append(f"the parameters of {', '.join(repeated)} are used more than once")
    return notes


def _uses(folder: Path, layer: dict[str, Any]) -> int:
    """How often the nodes of a layer name its parameters, as the least over the parameters."""
    nodes = json.loads((folder / layer["graph"]).read_text())["nodes"]
    used = [slot for node in nodes for slot in _slots([node["args"], node.get("kwargs", {})])]
    return min((used.count(i) for i in range(len(layer["parameters"]))), default=0)


def _slots(value: Any) -> list[int]:
    if isinstance(value, dict) and list(value) == ["r"]:
        return [value["r"]]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [slot for item in items for slot in _slots(item)]


def _span(counts: list[int]) -> str:
    if not counts:
        return ""
    least, most = min(counts), max(counts)
    return str(least) if least == most else f"{least} to {most}"


def table(rows: list[Row]) -> str:
    """The whole file."""
    equal = sum(row.result == "equal" for row in rows)
    refused = sum(row.result.startswith("refused") for row in rows)
    within = sum(row.result.startswith("equal within") for row in rows)
    counts = (
        f"Of {len(rows)} models {equal} are equal, {within} not to the bit, {refused} are refused."
    )
    header = _HEADER.format(
        torch=torch.__version__, transformers=transformers.__version__, counts=counts
    )
    lines = [f"| {' | '.join(_HEADINGS)} |", f"|{' --- |' * len(_HEADINGS)}"]
    return header + "\n".join(lines + [row.text() for row in rows]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, required=True, metavar="FILE.md")
    parser.add_argument("names", nargs="*", metavar="NAME", help="these models only")
    given = parser.parse_args()
    rows = []
    with mock.patch.dict(models.MODELS, further_models.FURTHER):
        for name in given.names or [*cases.NAMES, *further_models.FURTHER]:
            start = time.monotonic()
            with tempfile.TemporaryDirectory() as folder:
                try:
                    rows.append(row_of(name, Path(folder)))
                except Exception as error:
                    traceback.print_exc()
                    kind = type(error).__name__
                    rows.append(
                        Row(name, "", result=f"not run: {kind}: {str(error).strip()[:200]}")
                    )
            print(f"{time.monotonic() - start:5.1f} s  {name}: {rows[-1].result}", flush=True)
    given.to.write_text(table(rows))
    if any(row.result.startswith(_FAILED) for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
