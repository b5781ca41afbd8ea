"""Tokenizers: the fast tokenizer of a transformers folder, or bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from oobleck.errors import ImportProblem, first_line

# What holds a vocabulary. Without one of these transformers may make an empty tokenizer.
_VOCABULARY_FILES = (
    "tokenizer.json",
    "vocab.*",
    "*vocab*.json",
    "*.model",
    "*.tiktoken",
    "tekken.json",
)

# A longer text is encoded in pieces of about this many characters, where that gives the same ids: the
# library takes about 280 bytes of memory for each token.
_PIECE = 1 << 20
# Pieces that are encoded in one call, in characters.
_CALL = 2 << 20
# The most characters of a text that cannot be cut.
_LONGEST_PIECE = 32 << 20
# How much of the text on each side of a cut is encoded to see whether the ids stay the same, and how
# many lines are tried before the piece becomes longer.
_SEEN, _TRIES = 1024, 16


class Tokenizer(Protocol):
    """Turns texts into ids below `vocabulary`."""

    vocabulary: int

    def encoded(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The ids of each text, [tokens], without special tokens around them."""

    def separator(self, name: str | None) -> int | None:
        """The id of the end-of-document token: the one named, else the tokenizer's own.

        None where the tokenizer has none, or `name` is "none".
        """


class ByteTokenizer:
    """Ids are the bytes of the text as UTF-8."""

    vocabulary = 256

    def encoded(self, texts: Sequence[str]) -> list[np.ndarray]:
        return [np.frombuffer(text.encode("utf-8"), np.uint8) for text in texts]

    def separator(self, name: str | None) -> int | None:
        if name not in (None, "none"):
            raise ImportProblem(
                f"--separator {name} does not go with --bytes, which has 256 ids only"
            )
        return None


class FastTokenizer:
    """The tokenizer of a folder, by the Rust library `tokenizers`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tokenizer = _loaded(folder)
        self._backend = self._tokenizer.backend_tokenizer
        # tokenizer.json may say to cut or pad every text.
        self._backend.no_truncation()
        self._backend.no_padding()
        ids = self._backend.get_vocab(with_added_tokens=True).values()
        if not ids:
            raise ImportProblem(f"the tokenizer of {folder} has an empty vocabulary")
        # The ids can have gaps; what counts is the greatest.
        self.vocabulary = max(len(ids), max(ids) + 1)

    def encoded(self, texts: Sequence[str]) -> list[np.ndarray]:
        pieces = [
            (index, piece) for index, text in enumerate(texts) for piece in self._pieces(text)
        ]
        parts: list[list[np.ndarray]] = [[] for _ in texts]
        for group in _groups(pieces):
            found = self._backend.encode_batch_fast(
                [piece for _, piece in group], add_special_tokens=False
            )
            for (index, _), item in zip(group, found, strict=True):
                parts[index].append(np.array(item.ids, np.uint32))
        return [np.concatenate(part) for part in parts]

    def separator(self, name: str | None) -> int | None:
        if name == "none":
            return None
        if name is not None:
            found = self._backend.token_to_id(name)
            if found is None:
                raise ImportProblem(
                    f"the tokenizer of {self._folder} has no token {name}; its own special tokens are "
                    f"{', '.join(self._tokenizer.all_special_tokens) or 'none'}"
                )
            return found
        return self._first_of("eos_token_id", "sep_token_id")

    def padding(self) -> int:
        """The id that fills a sample: of the padding token, else of the end token."""
        found = self._first_of("pad_token_id", "eos_token_id")
        if found is None:
            raise ImportProblem(
                f"the tokenizer of {self._folder} has no padding token and no end token; "
                "add pad_token to its tokenizer_config.json"
            )
        return found

    def text(self, ids: Sequence[int]) -> str:
        """The text of some ids, special tokens left out."""
        return self._backend.decode(list(ids), skip_special_tokens=True)

    def start(self) -> list[int]:
        """The token that the tokenizer puts before a text, if it puts one."""
        around = self._backend.encode("", add_special_tokens=True).ids
        firsts = (self._tokenizer.bos_token_id, self._tokenizer.cls_token_id)
        return around[:1] if around and around[0] in firsts else []

    def _pieces(self, text: str) -> Iterator[str]:
        """Cuts a long text after line breaks where the ids of the pieces are those of the whole."""
        start, end = 0, _PIECE
        while end < len(text):
            at = self._cut(text, end - _PIECE // 2, end)
            if at is not None:
                yield text[start:at]
                start, end = at, at + _PIECE
            else:
                end += _PIECE // 2
            if end - start > _LONGEST_PIECE:
                raise ImportProblem(
                    f"the tokenizer of {self._folder} gives other ids to the lines of a text than to the whole, and a "
                    f"document has more than {_LONGEST_PIECE:,} characters; split it into several documents"
                )
        yield text[start:]

    def _cut(self, text: str, low: int, high: int) -> int | None:
        """The last good place for a cut in a range: before a line that starts without a space."""
        position = high
        for _ in range(_TRIES):
            position = text.rfind("\n", low, position)
            if position < 0:
                return None
            if not text[position + 1].isspace() and self._is_boundary(text, position + 1):
                return position + 1
        return None

    def _is_boundary(self, text: str, at: int) -> bool:
        """Whether a cut changes no id around it. Rules of splitting look at few characters only."""
        left, right = text[max(0, at - _SEEN) : at], text[at : at + _SEEN]
        found = self._backend.encode_batch_fast(
            [left, right, left + right], add_special_tokens=False
        )
        return found[0].ids + found[1].ids == found[2].ids

    def _first_of(self, *names: str) -> int | None:
        ids = [getattr(self._tokenizer, name, None) for name in names]
        return next((value for value in ids if value is not None), None)


def _groups(pieces: list[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Pieces with their index, in groups of about `_CALL` characters."""
    group: list[tuple[int, str]] = []
    characters = 0
    for item in pieces:
        group.append(item)
        characters += len(item[1])
        if characters >= _CALL:
            yield group
            group, characters = [], 0
    if group:
        yield group


def _loaded(folder: Path) -> Any:
    if not folder.is_dir():
        raise ImportProblem(f"{folder} is no folder; --tokenizer takes the folder of a tokenizer")
    if not any(path for name in _VOCABULARY_FILES for path in folder.glob(name)):
        raise ImportProblem(
            f"{folder} has no tokenizer files (tokenizer.json, or a vocabulary that makes one)"
        )
    os.environ["HF_HUB_OFFLINE"] = "1"
    import transformers

    transformers.utils.logging.set_verbosity_error()
    try:
        found = transformers.AutoTokenizer.from_pretrained(
            folder, use_fast=True, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        raise ImportProblem(
            f"transformers cannot read the tokenizer of {folder}: {first_line(error).rstrip(':')}; give a "
            "folder with tokenizer.json"
        ) from error
    if not getattr(found, "is_fast", False):
        raise ImportProblem(
            f"the tokenizer of {folder} ({type(found).__name__}) is a slow one, in Python; give a folder "
            "with tokenizer.json"
        )
    return found
