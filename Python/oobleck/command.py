"""The command line."""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

from oobleck.errors import ImportProblem, listed


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; returns the exit status. Problems of the input are one line and status 2."""
    options = _parser().parse_args(arguments)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    try:
        print(_import(options))
    except ImportProblem as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="oobleck", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add = commands.add_parser(
        "import",
        help="turn a PyTorch model into a folder of layer graphs",
        description=_import.__doc__,
    )
    add.add_argument(
        "source",
        metavar="SOURCE",
        help="a transformers folder, file.py:function, or the name of a preset",
    )
    add.add_argument("--to", required=True, type=Path, metavar="DIR", help="the folder to write")
    add.add_argument("--microbatch", type=int, metavar="B", help="samples of a microbatch (1)")
    add.add_argument("--sequence", type=int, metavar="S", help="tokens of a sample")
    add.add_argument("--split", metavar="PATH,...", help="modules that each become a layer")
    add.add_argument("--task", choices=_tasks(), help="what the model is trained on")
    add.add_argument(
        "--attention-mask", action="store_true", help="take attention_mask in the batch"
    )
    add.add_argument(
        "--trust-remote-code", action="store_true", help="run Python code that the folder brings"
    )
    add.add_argument(
        "--weights-from-seed",
        action="store_true",
        help="leave stored weights out; the job's seed fills",
    )
    return parser


def _tasks() -> tuple[str, ...]:
    from oobleck.tasks import TASKS

    return TASKS


def _import(given: argparse.Namespace) -> str:
    """Imports a model. Prints one line for what was imported."""
    from oobleck.sources import Options, read_source
    from oobleck.write import check_target

    check_target(given.to)
    options = Options(
        microbatch=given.microbatch,
        sequence=given.sequence,
        task=given.task,
        attention_mask=given.attention_mask,
        trust_remote_code=given.trust_remote_code,
        weights_from_seed=given.weights_from_seed,
    )
    source = read_source(given.source, options)
    manifest = import_model(source, given.to, given.split.split(",") if given.split else None)
    return summary(manifest)


def import_model(source: Any, folder: Path, split: list[str] | None = None) -> dict[str, Any]:
    """Traces, cuts and writes a model that was read. Returns the manifest."""
    from oobleck.blocks import chosen_split
    from oobleck.cut import cut
    from oobleck.dependencies import prepare, refuse_changed_state
    from oobleck.export import trace
    from oobleck.loss import split_loss
    from oobleck.rewrites import simplify_attention
    from oobleck.write import write_model

    paths = chosen_split(source.module, split)
    traced = trace(source.module, source.batch, source.further_results)
    refuse_changed_state(traced.graph)
    targets = split_loss(traced.graph)
    prepare(traced.graph)
    simplify_attention(traced.graph, {**traced.constants, **source.buffers})
    layers = cut(traced.graph, paths, is_strict=split is not None)
    manifest = write_model(folder, source, layers, traced.constants, targets)
    used = {value.source.name for layer in layers for value in layer.parameters + layer.constants}
    idle = [name for name, _ in source.module.named_parameters() if name not in used]
    if idle:
        print(f"note: left out, because the loss does not depend on them: {listed(idle)}")
    return manifest


def summary(manifest: dict[str, Any]) -> str:
    """The line that says what was imported."""
    sizes: dict[str, int] = {}
    for layer in manifest["layers"]:
        for parameter in layer["parameters"]:
            count = 1
            for length in parameter["shape"]:
                count *= length
            sizes[parameter["name"]] = count
    layers, graphs = len(manifest["layers"]), len({layer["graph"] for layer in manifest["layers"]})
    return f"imported {manifest['name']}: {layers} layers, {graphs} graphs, {sum(sizes.values()):,} parameters"
