"""Columns for fine-tuning: what is learned, what is padding, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import small_tokenizers as small
from oobleck.command import main

LENGTH = 16
IGNORED = -100


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.byte_level(tmp_path_factory.mktemp("byte") / "tokenizer")


def run(folder: Path, source: Path, *arguments: object, length: int = LENGTH) -> int:
    to = source.with_name("out.safetensors")
    given = ["columns", "--tokenizer", folder, source, "--to", to, "--length", length, *arguments]
    return main([str(item) for item in given])


def lines(path: Path, *values: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def padded(values: list[int], filler: int) -> list[int]:
    return (values + [filler] * LENGTH)[:LENGTH]


def test_prompts_and_answers(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = [("Hello", " world."), ("quick " * 40, "fox"), ("Hello", " world" * 40)]
    source = lines(tmp_path / "a.jsonl", *({"q": q, "a": a, "n": 1} for q, a in pairs))
    assert run(folder, source, "--prompt", "q", "--answer", "a") == 0
    found = load_file(tmp_path / "out.safetensors")
    assert set(found) == {"input_ids", "labels"}
    for row, (question, answer) in enumerate(pairs):
        prompt, learned = small.reference(folder, question), [*small.reference(folder, answer), 0]
        assert found["input_ids"][row].tolist() == padded(prompt + learned, 0)
        wanted = padded([IGNORED] * len(prompt) + learned, IGNORED)
        assert found["labels"][row].tolist() == wanted
    assert found["labels"].dtype == found["input_ids"].dtype == np.int64
    count = int((found["labels"] != IGNORED).sum())
    assert capsys.readouterr().out == (
        "note: 1 sample with nothing to learn in the first 16 tokens\n"
        f"made 3 samples of 16 tokens: columns input_ids, labels, {count} labels, 2 samples cut; "
        f"written to {tmp_path / 'out.safetensors'}\n"
    )


def test_texts_with_a_start_a_mask_and_no_end(tmp_path: Path) -> None:
    folder = small.with_prefix_space(tmp_path / "tokenizer")
    source = lines(tmp_path / "a.jsonl", {"text": "He"}, {"text": "world " * 40})
    assert run(folder, source, "--attention-mask", "--separator", "none") == 0
    found = load_file(tmp_path / "out.safetensors")
    for row, text in enumerate(("He", "world " * 40)):
        ids = small.reference(folder, text)
        assert found["input_ids"][row].tolist() == padded([1, *ids], 2)
        assert found["labels"][row].tolist() == padded([IGNORED, *ids], IGNORED)
        assert found["attention_mask"][row].tolist() == padded([1] * (len(ids) + 1), 0)


def test_padding_is_the_padding_token(tmp_path: Path) -> None:
    folder = small.byte_level(tmp_path / "tokenizer", eos_token="<|end|>", pad_token="<|doc|>")
    assert run(folder, lines(tmp_path / "a.jsonl", {"text": "Hello"})) == 0
    found = load_file(tmp_path / "out.safetensors")
    ids = [*small.reference(folder, "Hello"), 0]
    assert found["input_ids"].tolist() == [padded(ids, 1)]
    assert found["labels"].tolist() == [padded(ids, IGNORED)]


def test_errors(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = lines(tmp_path / "a.jsonl", {"text": "Hello", "q": "quick " * 40, "a": "b"})

    def refused(*arguments: object, length: int = LENGTH, tokenizer: Path = folder) -> str:
        before = sorted(tmp_path.iterdir())
        assert run(tokenizer, source, *arguments, length=length) == 2
        found = capsys.readouterr()
        assert found.err.startswith("error: ") and found.err.count("\n") == 1 and not found.out
        assert sorted(tmp_path.iterdir()) == before
        return found.err

    assert "go together" in refused("--prompt", "q")
    assert "does not go with" in refused("--prompt", "q", "--answer", "a", "--field", "text")
    assert "must be at least 2" in refused(length=1)
    assert "a.jsonl line 1 has no field b; it has text, q, a" in refused(
        "--prompt", "q", "--answer", "b"
    )
    assert "give a greater --length" in refused("--prompt", "q", "--answer", "a")
    plain = small.of_many_words(tmp_path / "plain", 9)
    assert "no padding token and no end token" in refused(tokenizer=plain)
    assert "must end in .safetensors" in refused("--to", tmp_path / "out.bin")
    (tmp_path / "out.safetensors").write_bytes(b"old")
    assert "exists" in refused()
    source.write_text("\n")
    assert "a.jsonl is empty" in refused("--force")
    assert (tmp_path / "out.safetensors").read_bytes() == b"old"
