"""Makes columns for supervised fine-tuning: samples of one length with labels on what is to be learned."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from oobleck.documents import check_inputs, records
from oobleck.errors import ImportProblem, counted
from oobleck.tokenizer import FastTokenizer
from oobleck.whole_file import check_file, written_whole

IGNORED = -100  # the label that no loss counts, as PyTorch's cross entropy has it
_BATCH_LINES = 256


@dataclass(frozen=True)
class Columns:
    """What to write and how. `fields` is (text), all of it learned, or (prompt, answer)."""

    path: Path
    length: int
    fields: tuple[str, ...] = ("text",)
    separator: str | None = (
        None  # ends a sample: a token's name; None: the tokenizer's; "none": none
    )
    attention_mask: bool = False
    force: bool = False


def make_columns(tokenizer: FastTokenizer, source: Path, wanted: Columns) -> str:
    """Writes input_ids and labels, int64 [samples, length]; returns the line that says so.

    A sample is a line: the token that the tokenizer starts with, if any, the texts, the separator. It is
    cut at the length or padded to it. Labels stand at the position of their token (the model shifts
    them) and are -100 on the start, the prompt and the padding. Memory grows with the file that is made.
    """
    if wanted.length < 2:
        raise ImportProblem(f"--length is {wanted.length}; it must be at least 2")
    check_file(wanted.path, ".safetensors", wanted.force, [source])
    check_inputs([source])
    builder = _Builder(tokenizer, wanted)
    lines = (record.texts for record in records(source, wanted.fields))
    while batch := list(itertools.islice(lines, _BATCH_LINES)):
        builder.add(batch)
    columns = builder.columns(source)
    with written_whole(wanted.path) as partial:
        save_file(columns, str(partial))
    samples, targets = len(columns["labels"]), int((columns["labels"] != IGNORED).sum())
    if builder.idle:
        print(
            f"note: {counted(builder.idle, 'sample')} with nothing to learn in the first {wanted.length} tokens"
        )
    return (
        f"made {counted(samples, 'sample')} of {wanted.length:,} tokens: columns {', '.join(columns)}, "
        f"{counted(targets, 'label')}, {counted(builder.cut, 'sample')} cut; written to {wanted.path}"
    )


class _Builder:
    """Collects the rows of the columns."""

    def __init__(self, tokenizer: FastTokenizer, wanted: Columns) -> None:
        self._tokenizer, self._wanted = tokenizer, wanted
        end = tokenizer.separator(wanted.separator)
        self._end = np.array([] if end is None else [end], np.int64)
        self._start = np.array(tokenizer.start(), np.int64)
        self._padding = tokenizer.padding()
        self._batches: dict[str, list[np.ndarray]] = {"input_ids": [], "labels": []}
        if wanted.attention_mask:
            self._batches["attention_mask"] = []
        self.cut = self.idle = 0

    def add(self, batch: list[tuple[str, ...]]) -> None:
        """Adds the samples of some lines."""
        parts = [self._tokenizer.encoded(texts) for texts in zip(*batch, strict=True)]
        shape = (len(batch), self._wanted.length)
        ids = np.full(shape, self._padding, np.int64)
        labels = np.full(shape, IGNORED, np.int64)
        mask = np.zeros(shape, np.int64)
        for row, pieces in enumerate(zip(*parts, strict=True)):
            prompt = np.concatenate([self._start, *pieces[:-1]])
            whole = np.concatenate([prompt, pieces[-1], self._end])
            kept = min(len(whole), self._wanted.length)
            ids[row, :kept], mask[row, :kept] = whole[:kept], 1
            labels[row, len(prompt) : kept] = whole[len(prompt) : kept]
            self.cut += kept < len(whole)
            self.idle += len(prompt) >= kept
        for name, values in (("input_ids", ids), ("labels", labels), ("attention_mask", mask)):
            if name in self._batches:
                self._batches[name].append(values)

    def columns(self, source: Path) -> dict[str, np.ndarray]:
        """The columns by name. Throws where there is nothing to learn."""
        if not self._batches["labels"]:
            raise ImportProblem(f"{source} is empty: it has no samples")
        columns = {name: np.concatenate(values) for name, values in self._batches.items()}
        if not (columns["labels"] != IGNORED).any():
            raise ImportProblem(
                f"no sample of {source} has anything to learn within {self._wanted.length} tokens; give a greater "
                "--length"
            )
        return columns
