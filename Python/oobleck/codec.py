"""Turns a text into token ids and back, for `oobleck sample`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from oobleck.errors import ImportProblem
from oobleck.tokenizer import FastTokenizer


def encode(folder: Path, text: str) -> str:
    """The ids of a text, in one line; begins with the token that the tokenizer puts before a text."""
    tokenizer = FastTokenizer(folder)
    ids = [*tokenizer.start(), *(int(i) for i in tokenizer.encoded([text])[0])]
    return " ".join(str(i) for i in ids)


def decode(folder: Path, ids: Sequence[str]) -> str:
    """The text of some ids."""
    tokenizer = FastTokenizer(folder)
    numbers = [int(i) for i in ids]
    unknown = [i for i in numbers if not 0 <= i < tokenizer.vocabulary]
    if unknown:
        raise ImportProblem(
            f"the tokenizer of {folder} has no id {unknown[0]}; it has {tokenizer.vocabulary:,}"
        )
    return tokenizer.text(numbers)
