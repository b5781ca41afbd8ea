"""A text becomes the tokenizer's ids, and ids become the text again."""

from __future__ import annotations

from pathlib import Path

import pytest

import small_tokenizers as small
from oobleck.command import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.byte_level(tmp_path_factory.mktemp("byte") / "tokenizer")


def printed(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main([str(item) for item in arguments])
    found = capsys.readouterr()
    return status, found.out, found.err


def test_there_and_back(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "the quick brown fox"
    status, ids, _ = printed(capsys, "encode", "--tokenizer", folder, "--", text)
    assert status == 0
    assert all(part.isdigit() for part in ids.split())
    status, back, _ = printed(capsys, "decode", "--tokenizer", folder, "--", *ids.split())
    assert (status, back.strip()) == (0, text)


def test_an_id_that_there_is_not(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, errors = printed(capsys, "decode", "--tokenizer", folder, "--", 10**6)
    assert status == 2
    assert "has no id 1000000" in errors
    assert errors.count("\n") == 1
