"""Makes a file of token ids: little-endian uint16 or uint32, one document after the other, no header."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from oobleck.documents import check_inputs, records
from oobleck.errors import ImportProblem, counted
from oobleck.tokenizer import Tokenizer
from oobleck.whole_file import check_file, written_whole

# A batch of documents is full at either; one document alone can have more characters.
_BATCH_DOCUMENTS = 1024
_BATCH_CHARACTERS = 2 << 20
_TYPES = {"uint16": np.dtype("<u2"), "uint32": np.dtype("<u4")}


@dataclass(frozen=True)
class TokenFile:
    """What to write and how."""

    path: Path
    field: str = "text"
    separator: str | None = None  # the name of a token; None: the tokenizer's own; "none": none
    dtype: str | None = None  # None: the narrowest that holds the vocabulary
    force: bool = False


@dataclass
class _Counts:
    documents: int = 0
    tokens: int = 0
    empty: int = 0


def tokenize(tokenizer: Tokenizer, inputs: list[Path], wanted: TokenFile) -> str:
    """Writes the ids of all documents of `inputs`, in order. Returns the line that says what was written.

    Documents without tokens are left out. Throws ImportProblem for an input that cannot be read, and
    leaves no file then.
    """
    name = _type_for(tokenizer.vocabulary, wanted.dtype)
    separator = tokenizer.separator(wanted.separator)
    check_file(wanted.path, ".bin", wanted.force, inputs)
    check_inputs(inputs)
    counts = _Counts()
    with written_whole(wanted.path) as partial, partial.open("wb") as file:
        writer = _Writer(file, _TYPES[name], separator, counts)
        for path in inputs:
            before = counts.documents
            for texts in _batches(record.texts[0] for record in records(path, (wanted.field,))):
                writer.write(tokenizer.encoded(texts))
            if counts.documents == before:
                raise ImportProblem(f"{path} is empty: no document in it has a token")
    if counts.empty:
        print(f"note: left out {counted(counts.empty, 'document')} without text")
    return (
        f"tokenized {counted(len(inputs), 'file')}: {counted(counts.documents, 'document')}, "
        f"{counts.tokens:,} tokens of {name} (data.token_bytes: {_TYPES[name].itemsize}), vocabulary "
        f"{tokenizer.vocabulary:,}; written to {wanted.path}"
    )


class _Writer:
    """Writes documents with the separator between them."""

    def __init__(
        self, file: BinaryIO, dtype: np.dtype, separator: int | None, counts: _Counts
    ) -> None:
        self._file, self._dtype, self._counts = file, dtype, counts
        self._between = [] if separator is None else [np.array([separator])]

    def write(self, documents: list[np.ndarray]) -> None:
        pieces: list[np.ndarray] = []
        for ids in documents:
            if len(ids) == 0:
                self._counts.empty += 1
                continue
            pieces += self._between if self._counts.documents else []
            pieces.append(ids)
            self._counts.documents += 1
        for piece in pieces:
            self._file.write(piece.astype(self._dtype).tobytes())
            self._counts.tokens += len(piece)


def _type_for(vocabulary: int, wanted: str | None) -> str:
    fits = vocabulary <= 1 << 16
    if wanted == "uint16" and not fits:
        raise ImportProblem(
            f"--dtype is uint16, and the tokenizer has {vocabulary:,} ids; leave --dtype out, or give uint32"
        )
    return wanted or ("uint16" if fits else "uint32")


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    characters = 0
    for text in texts:
        batch.append(text)
        characters += len(text)
        if len(batch) == _BATCH_DOCUMENTS or characters >= _BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
