"""Reads SOURCE: a transformers folder, a function in a file, or the name of a preset."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from oobleck.errors import ImportProblem
from oobleck.function_source import read_function
from oobleck.source import Source


@dataclass(frozen=True)
class Options:
    """What the command line says about the source. None: the source's own."""

    microbatch: int | None = None
    sequence: int | None = None
    task: str | None = None
    attention_mask: bool = False
    trust_remote_code: bool = False
    weights_from_seed: bool = False


def read_source(text: str, options: Options) -> Source:
    """The model that SOURCE names. Throws ImportProblem where it cannot be had."""
    for name, number in (("--microbatch", options.microbatch), ("--sequence", options.sequence)):
        if number is not None and number < 1:
            raise ImportProblem(f"{name} is {number}; it must be at least 1")
    if ":" in text and text.rpartition(":")[0].endswith(".py"):
        _refuse_for_function(options)
        return read_function(text, options.weights_from_seed)
    # A function needs PyTorch alone.
    from oobleck.transformers_source import read_folder, read_preset

    path = Path(text)
    if path.is_dir():
        return read_folder(path, options)
    if path.exists():
        hint = (
            f"name the function too: {text}:FUNCTION" if path.suffix == ".py" else "name its folder"
        )
        raise ImportProblem(f"{text} is a file; {hint}")
    return read_preset(text, options)


def _refuse_for_function(options: Options) -> None:
    given = {
        "--microbatch": options.microbatch is not None,
        "--sequence": options.sequence is not None,
        "--task": options.task is not None,
        "--attention-mask": options.attention_mask,
    }
    for name, is_given in given.items():
        if is_given:
            raise ImportProblem(
                f"{name} does not go with a file.py:function source: its example batch says that"
            )
