"""The command line."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
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
        if getattr(options, "format", "text") == "json":
            print(_as_json(options))
        else:
            print(_COMMANDS[options.command](options))
    except ImportProblem as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _as_json(options: argparse.Namespace) -> str:
    """Runs a command; returns what it says as one line of JSON."""
    notes = io.StringIO()
    with contextlib.redirect_stdout(notes):
        message = _COMMANDS[options.command](options)
    said = {"message": message, "notes": notes.getvalue().splitlines(), "path": str(options.to)}
    return json.dumps(said)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="oobleck", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_import(commands)
    _add_tokenize(commands)
    _add_columns(commands)
    _add_codec(commands)
    return parser


def _add_codec(commands: Any) -> None:
    for name, what, many in (("encode", "TEXT", False), ("decode", "ID", True)):
        add = commands.add_parser(name, help=f"a text and its ids: takes {what}")
        add.add_argument("--tokenizer", required=True, type=Path, metavar="DIR")
        add.add_argument("input", metavar=what, nargs="*" if many else None)


def _encode(given: argparse.Namespace) -> str:
    """Prints the ids of a text."""
    from oobleck.codec import encode

    return encode(given.tokenizer, given.input)


def _decode(given: argparse.Namespace) -> str:
    """Prints the text of some ids."""
    from oobleck.codec import decode

    return decode(given.tokenizer, given.input)


def _add_import(commands: Any) -> None:
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


def _add_tokenize(commands: Any) -> None:
    add = commands.add_parser(
        "tokenize",
        help="turn text, JSON lines and Parquet into a file of token ids",
        description=_tokenize.__doc__,
    )
    add.add_argument(
        "inputs",
        nargs="+",
        type=Path,
        metavar="INPUT",
        help="JSON lines (.jsonl, .json, either with .gz), .parquet, or text (any other name)",
    )
    kind = add.add_mutually_exclusive_group(required=True)
    kind.add_argument(
        "--tokenizer", type=Path, metavar="DIR", help="the folder of a fast tokenizer"
    )
    kind.add_argument("--bytes", action="store_true", help="ids are the bytes of the text")
    add.add_argument("--to", required=True, type=Path, metavar="FILE.bin", help="the file to write")
    add.add_argument("--field", default="text", metavar="KEY", help="what holds the text (text)")
    _add_separator(add, "between documents")
    add.add_argument("--dtype", choices=("uint16", "uint32"), help="of an id (what fits)")
    add.add_argument("--force", action="store_true", help="replace the file if it exists")
    _add_format(add)


def _add_format(add: argparse.ArgumentParser) -> None:
    add.add_argument("--format", choices=("text", "json"), default="text", help="how to print")


def _add_columns(commands: Any) -> None:
    add = commands.add_parser(
        "columns",
        help="turn JSON lines into samples of one length for fine-tuning",
        description=_columns.__doc__,
    )
    add.add_argument("input", type=Path, metavar="INPUT.jsonl", help="one sample a line")
    add.add_argument(
        "--tokenizer",
        required=True,
        type=Path,
        metavar="DIR",
        help="the folder of a fast tokenizer",
    )
    add.add_argument(
        "--to", required=True, type=Path, metavar="FILE.safetensors", help="the file to write"
    )
    add.add_argument("--length", required=True, type=int, metavar="S", help="tokens of a sample")
    add.add_argument("--prompt", metavar="KEY", help="what holds the part that is not learned")
    add.add_argument("--answer", metavar="KEY", help="what holds the part that is learned")
    add.add_argument("--field", metavar="KEY", help="what holds a text to learn as a whole (text)")
    _add_separator(add, "at the end of a sample")
    add.add_argument("--attention-mask", action="store_true", help="make attention_mask too")
    add.add_argument("--force", action="store_true", help="replace the file if it exists")
    _add_format(add)


def _add_separator(add: argparse.ArgumentParser, place: str) -> None:
    add.add_argument(
        "--separator",
        metavar="NAME|none",
        help=f"the token {place} (the tokenizer's end token)",
    )


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


def _tokenize(given: argparse.Namespace) -> str:
    """Writes the token ids of all documents, in order. Prints one line for what was written."""
    from oobleck.token_file import TokenFile, tokenize
    from oobleck.tokenizer import ByteTokenizer, FastTokenizer

    tokenizer = ByteTokenizer() if given.bytes else FastTokenizer(given.tokenizer)
    wanted = TokenFile(given.to, given.field, given.separator, given.dtype, given.force)
    return tokenize(tokenizer, given.inputs, wanted)


def _columns(given: argparse.Namespace) -> str:
    """Writes input_ids and labels of samples of one length. Prints one line for what was written."""
    from oobleck.columns import Columns, make_columns
    from oobleck.tokenizer import FastTokenizer

    if (given.prompt is None) != (given.answer is None):
        raise ImportProblem("--prompt and --answer go together; a text without a prompt is --field")
    if given.prompt is not None and given.field is not None:
        raise ImportProblem(
            "--field does not go with --prompt and --answer; give one or the others"
        )
    pair = (given.prompt, given.answer)
    fields = (given.field or "text",) if given.prompt is None else pair
    wanted = Columns(
        given.to, given.length, fields, given.separator, given.attention_mask, given.force
    )
    return make_columns(FastTokenizer(given.tokenizer), given.input, wanted)


_COMMANDS = {
    "import": _import,
    "tokenize": _tokenize,
    "columns": _columns,
    "encode": _encode,
    "decode": _decode,
}


def import_model(source: Any, folder: Path, split: list[str] | None = None) -> dict[str, Any]:
    """Traces, cuts and writes a model that was read. Returns the manifest."""
    from oobleck.blocks import chosen_split
    from oobleck.cut import cut
    from oobleck.dependencies import prepare, refuse_changed_state
    from oobleck.export import trace
    from oobleck.loss import split_loss
    from oobleck.rewrites import simplify_attention
    from oobleck.statistics import refuse_averages, take_statistics
    from oobleck.write import write_model

    paths = chosen_split(source.module, split)
    refuse_averages(source.module)
    traced = trace(source.module, source.batch, source.further_results)
    take_statistics(traced.graph)
    refuse_changed_state(traced.graph)
    targets = split_loss(traced.graph)
    prepare(traced.graph)
    simplify_attention(traced.graph, {**traced.constants, **source.buffers})
    layers = cut(traced.graph, paths, is_strict=split is not None)
    manifest = write_model(folder, source, layers, traced, targets)
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
            if "momentum" in parameter:
                continue
            count = 1
            for length in parameter["shape"]:
                count *= length
            sizes[parameter["name"]] = count
    layers, graphs = len(manifest["layers"]), len({layer["graph"] for layer in manifest["layers"]})
    return f"imported {manifest['name']}: {layers} layers, {graphs} graphs, {sum(sizes.values()):,} parameters"
