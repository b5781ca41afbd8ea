"""Tokenizers: the fast tokenizer of a transformers folder, or bytes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from oobleck.errors import ImportProblem, first_line

# What holds a vocabulary. Without one of these transformers may make an empty tokenizer.
_VOCABULARY_FILES = ("tokenizer.json", "vocab.*", "*vocab*.json", "*.model", "*.tiktoken", "tekken.json")


class Tokenizer(Protocol):
    """Turns texts into ids below `vocabulary`."""

    vocabulary: int

    def encoded(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The ids of each text, int64 [tokens], without special tokens around them."""

    def separator(self, name: str | None) -> int | None:
        """The id of the end-of-document token: the one named, else the tokenizer's own.

        None where the tokenizer has none, or `name` is "none".
        """


class ByteTokenizer:
    """Ids are the bytes of the text as UTF-8."""

    vocabulary = 256

    def encoded(self, texts: Sequence[str]) -> list[np.ndarray]:
        return [np.frombuffer(text.encode("utf-8"), np.uint8).astype(np.int64) for text in texts]

    def separator(self, name: str | None) -> int | None:
        if name not in (None, "none"):
            raise ImportProblem(f"--separator {name} does not go with --bytes, which has 256 ids only")
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
        found = self._backend.encode_batch_fast(list(texts), add_special_tokens=False)
        return [np.array(item.ids, np.int64) for item in found]

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

    def start(self) -> list[int]:
        """The token that the tokenizer puts before a text, if it puts one."""
        around = self._backend.encode("", add_special_tokens=True).ids
        firsts = (self._tokenizer.bos_token_id, self._tokenizer.cls_token_id)
        return around[:1] if around and around[0] in firsts else []

    def _first_of(self, *names: str) -> int | None:
        ids = [getattr(self._tokenizer, name, None) for name in names]
        return next((value for value in ids if value is not None), None)


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
            f"transformers cannot read the tokenizer of {folder}: {first_line(error)}"
        ) from error
    if not getattr(found, "is_fast", False):
        raise ImportProblem(
            f"the tokenizer of {folder} ({type(found).__name__}) is a slow one, in Python; give a folder "
            "with tokenizer.json"
        )
    return found
