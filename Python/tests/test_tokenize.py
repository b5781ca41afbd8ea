"""Files of token ids hold what transformers' own tokenizers give, in order, and errors name the place."""

from __future__ import annotations

import gzip
import importlib.util
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import transformers as hf

import small_tokenizers as small
from oobleck import documents, token_file, tokenizer
from oobleck.command import main

Said = Callable[..., tuple[int, str, str]]
END = 0


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Runs the command with these arguments: its status, output and errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main([str(item) for item in arguments])
        found = capsys.readouterr()
        return status, found.out, found.err

    return run


@pytest.fixture
def refused(said: Said, tmp_path: Path) -> Callable[..., str]:
    """Runs `tokenize`, which must fail with one line and leave nothing; the line."""

    def run(*arguments: object, to: str = "out.bin") -> str:
        before = sorted(tmp_path.iterdir())
        status, out, err = said("tokenize", *arguments, "--to", tmp_path / to)
        assert status == 2 and err.startswith("error: ") and err.count("\n") == 1, err
        assert out == "" and sorted(tmp_path.iterdir()) == before
        return err

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.byte_level(tmp_path_factory.mktemp("byte") / "tokenizer")


def lines(path: Path, *values: object) -> Path:
    text = "".join(json.dumps(value) + "\n" for value in values)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def joined(documents: list[list[int]], separator: list[int]) -> list[int]:
    return [token for ids in documents for token in (*separator, *ids)][len(separator) :]


def test_inputs_are_read_in_the_order_given(folder: Path, said: Said, tmp_path: Path) -> None:
    texts = [*small.TEXTS, "third\r\n", "ö" * 9, "last <|end|> one"]
    (tmp_path / "b.txt").write_bytes(b"\xef\xbb\xbf" + texts[0].encode())
    (tmp_path / "notes.md").write_bytes(texts[2].encode())
    inputs = [
        tmp_path / "b.txt",
        lines(tmp_path / "c.jsonl", {"text": texts[1], "id": 1}),
        tmp_path / "notes.md",
        lines(tmp_path / "a.json.gz", {"text": texts[3]}, {"text": ""}, {"text": texts[4]}),
    ]
    to = tmp_path / "new" / "out.bin"
    status, out, err = said("tokenize", "--tokenizer", folder, *inputs, "--to", to)
    wanted = joined([small.reference(folder, text) for text in texts], [END])
    assert np.fromfile(to, "<u2").tolist() == wanted
    assert (status, err) == (0, "")
    assert out == (
        "note: left out 1 document without text\n"
        f"tokenized 4 files: 5 documents, {len(wanted):,} tokens of uint16 (data.token_bytes: 2), "
        f"vocabulary {len(hf.AutoTokenizer.from_pretrained(folder))}; written to {to}\n"
    )
    assert [path.name for path in to.parent.iterdir()] == ["out.bin"]


def test_separators(folder: Path, said: Said, tmp_path: Path) -> None:
    source = lines(tmp_path / "a.jsonl", {"body": "Hello"}, {"body": "world"})
    texts = [small.reference(folder, text) for text in ("Hello", "world")]
    for name, separator in (("none", []), ("<|doc|>", [1])):
        arguments = ("--field", "body", "--separator", name, "--force")
        to = tmp_path / "out.bin"
        assert said("tokenize", "--tokenizer", folder, source, "--to", to, *arguments)[0] == 0
        assert np.fromfile(to, "<u2").tolist() == joined(texts, separator)


def test_a_tokenizer_that_wraps_cuts_and_pads_gives_plain_ids(said: Said, tmp_path: Path) -> None:
    folder = small.word_piece(tmp_path / "tokenizer")
    source = lines(tmp_path / "a.jsonl", *({"text": text} for text in small.TEXTS))
    assert said("tokenize", "--tokenizer", folder, source, "--to", tmp_path / "o.bin")[0] == 0
    wanted = joined([small.reference(folder, text) for text in small.TEXTS], [3])
    found = np.fromfile(tmp_path / "o.bin", "<u2").tolist()
    assert found == wanted and 2 not in found and len(found) > 8


def test_the_type_follows_the_vocabulary(refused: Callable, said: Said, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("w1 w2 w65535")
    for count, kind, name in ((65536, "<u2", "uint16"), (65537, "<u4", "uint32")):
        folder = small.of_many_words(tmp_path / str(count), count)
        source, to = tmp_path / "a.txt", tmp_path / f"{count}.bin"
        status, out, _ = said("tokenize", "--tokenizer", folder, source, "--to", to)
        assert status == 0 and f"tokens of {name} (" in out
        assert np.fromfile(to, kind).tolist() == [1, 2, 65535]
    line = refused("--tokenizer", folder, tmp_path / "a.txt", "--dtype", "uint16")
    assert "the tokenizer has 65,537 ids" in line


def test_bytes(said: Said, refused: Callable, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("é!")
    arguments = ("tokenize", "--bytes", tmp_path / "a.txt", "--to", tmp_path / "a.bin")
    status, out, _ = said(*arguments, "--dtype", "uint32")
    assert status == 0 and out.startswith("tokenized 1 file: 1 document, 3 tokens of uint32 (")
    assert np.fromfile(tmp_path / "a.bin", "<u4").tolist() == [0xC3, 0xA9, 0x21]
    assert "does not go with --bytes" in refused(
        "--bytes", tmp_path / "a.txt", "--separator", "<|end|>"
    )


def test_batches_do_not_show(
    folder: Path, said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"text {index} é" for index in range(50)]
    source = lines(tmp_path / "a.jsonl", *({"text": text} for text in texts))
    monkeypatch.setattr(token_file, "_BATCH_DOCUMENTS", 7)
    assert said("tokenize", "--tokenizer", folder, source, "--to", tmp_path / "o.bin")[0] == 0
    wanted = joined([small.reference(folder, text) for text in texts], [END])
    assert np.fromfile(tmp_path / "o.bin", "<u2").tolist() == wanted


@pytest.mark.parametrize("build", [small.byte_level, small.word_piece, small.with_prefix_space])
@pytest.mark.parametrize("seed", range(8))
def test_a_long_text_in_pieces_has_the_ids_of_the_whole(
    build: Callable, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(seed)
    parts = [
        "Hello",
        " world",
        "\n",
        "\r\n",
        "\n\n",
        "\t",
        "  ",
        ".",
        "é",
        "漢字",
        "quick",
        "<|end|>",
    ]
    text = "".join(draw.choices(parts, k=600))
    folder = build(tmp_path / "tokenizer")
    monkeypatch.setattr(tokenizer, "_PIECE", 120)
    monkeypatch.setattr(tokenizer, "_CALL", 300)
    monkeypatch.setattr(tokenizer, "_SEEN", 64)
    made = tokenizer.FastTokenizer(folder)
    count = len(list(made._pieces(text)))
    assert (count == 1) if build is small.with_prefix_space else (count > 5)
    found = [ids.tolist() for ids in made.encoded(["Hello", text, "", text])]
    whole = small.reference(folder, text)
    assert found == [small.reference(folder, "Hello"), whole, [], whole]


def test_a_long_text_that_cannot_be_cut_is_refused(
    refused: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = small.with_prefix_space(tmp_path / "tokenizer")
    (tmp_path / "a.txt").write_text("Hello\nworld\n" * 40)
    monkeypatch.setattr(tokenizer, "_PIECE", 60)
    monkeypatch.setattr(tokenizer, "_LONGEST_PIECE", 300)
    assert "more than 300 characters" in refused("--tokenizer", folder, tmp_path / "a.txt")


BAD_FILES = {
    "not UTF-8": ("a.txt", b"good\xff", "a.txt is not UTF-8 at byte 4"),
    "not UTF-8 after a mark": ("a.txt", b"\xef\xbb\xbfgood\xff", "a.txt is not UTF-8 at byte 7"),
    "empty text": ("a.txt", b"", "a.txt is empty"),
    "empty lines": ("a.jsonl", b"\n \n", "a.jsonl is empty"),
    "no text": ("a.jsonl", b'{"text": ""}\n', "a.jsonl is empty"),
    "broken": ("a.jsonl", b'{"text": "a"}\n\n{"text": \n', "a.jsonl line 3 is not JSON: "),
    "deep": ("a.jsonl", b"[" * 100_000, "a.jsonl line 1 is not JSON: "),
    "a list": ("a.json", b'["text"]\n', "a.json line 1 is a list; each line must be one object"),
    "a line not UTF-8": ("a.jsonl", b'{"text": "\xff"}\n', "line 1 is not UTF-8 at byte 10"),
    "another field": ("a.jsonl", b'{"x": 1, "y": 2}\n', "line 1 has no field text; it has x, y"),
    "no field": ("a.jsonl", b"{}\n", "line 1 has no field text; it has none"),
    "a number": ("a.jsonl", b'{"text": 1}\n', "line 1: field text is a number; it must be a text"),
    "null": ("a.jsonl", b'{"text": null}\n', "line 1: field text is null"),
    "surrogate": ("a.jsonl", b'{"text": "a\\ud800"}\n', "half of a surrogate pair at character 1"),
    "not gzip": ("a.jsonl.gz", b'{"text": "a"}\n', "a.jsonl.gz line 1: the file is not whole gzip"),
    "half of gzip": ("a.json.gz", gzip.compress(b'{"text": "a"}\n')[:-9], "is not whole gzip"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files(case: str, refused: Callable, tmp_path: Path) -> None:
    name, data, wanted = BAD_FILES[case]
    (tmp_path / name).write_bytes(data)
    (tmp_path / "good.txt").write_text("good")
    assert wanted in refused("--bytes", tmp_path / "good.txt", tmp_path / name)


def test_a_document_that_is_too_long(
    refused: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "LONGEST_DOCUMENT_BYTES", 1 << 20)
    (tmp_path / "a.txt").write_bytes(b"a" * ((1 << 20) + 1))
    lines(tmp_path / "a.jsonl", {"text": "a"}, {"text": "a" * (1 << 20)})
    assert "a.txt is one document of more than 1 MiB" in refused("--bytes", tmp_path / "a.txt")
    assert "a.jsonl line 2 is one document" in refused("--bytes", tmp_path / "a.jsonl")


def test_bad_paths(folder: Path, refused: Callable, said: Said, tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_text("abc")
    (tmp_path / "old.bin").write_bytes(b"old")
    assert "must end in .bin" in refused("--bytes", source, to="out.npy")
    assert "old.bin exists; name another file with --to, or replace it with --force" in refused(
        "--bytes", source, to="old.bin"
    )
    assert "is an input too" in refused("--bytes", tmp_path / "old.bin", "--force", to="old.bin")
    assert "there is no file" in refused("--bytes", source, tmp_path / "none.txt")
    assert "is a folder; name the files in it" in refused("--bytes", source, tmp_path)
    assert "has no token <|other|>; its own special tokens are <|end|>" in refused(
        "--tokenizer", folder, source, "--separator", "<|other|>"
    )
    assert (tmp_path / "old.bin").read_bytes() == b"old"
    arguments = ("--bytes", source, "--to", tmp_path / "old.bin", "--force")
    assert said("tokenize", *arguments)[0] == 0
    assert np.fromfile(tmp_path / "old.bin", "<u2").tolist() == [97, 98, 99]


def test_bad_tokenizers(refused: Callable, tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_text("abc")
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "config.json").write_text('{"model_type": "gpt2"}')
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "tokenizer.json").write_text("{")
    slow = small.slow(tmp_path / "slow")
    assert "is no folder" in refused("--tokenizer", tmp_path / "missing", source)
    assert "has no tokenizer files" in refused("--tokenizer", tmp_path / "none", source)
    assert "cannot read the tokenizer" in refused("--tokenizer", tmp_path / "broken", source)
    assert "(Wav2Vec2CTCTokenizer) is a slow one" in refused("--tokenizer", slow, source)


def test_parquet_needs_pyarrow(
    refused: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert refused("--bytes", tmp_path / "a.parquet") == (
        "error: reading Parquet needs pyarrow: pip install pyarrow\n"
    )


@pytest.mark.skipif(not importlib.util.find_spec("pyarrow"), reason="pyarrow is not installed")
def test_parquet(
    said: Said, refused: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow
    from pyarrow import parquet

    texts = [f"é{index}" for index in range(9)]
    path = tmp_path / "a.parquet"
    monkeypatch.setattr(documents, "_PARQUET_ROWS", 4)
    table = pyarrow.table({"id": list(range(9)), "text": texts})
    parquet.write_table(table, path, row_group_size=3)
    status, out, _ = said("tokenize", "--bytes", path, "--to", tmp_path / "a.bin")
    assert status == 0 and "1 file: 9 documents, 27 tokens" in out
    found = np.fromfile(tmp_path / "a.bin", "<u2").astype(np.uint8).tobytes()
    assert found == "".join(texts).encode()
    assert "has no column body; it has id, text" in refused("--bytes", path, "--field", "body")
    assert "row 1: field id is a number" in refused("--bytes", path, "--field", "id")
    parquet.write_table(pyarrow.table({"text": [*texts, None]}), path)
    assert "a.parquet row 10: field text is null" in refused("--bytes", path)
    bad = pyarrow.array([b"ok", b"a\xff"]).view(pyarrow.string())
    parquet.write_table(pyarrow.table({"text": bad}), path)
    assert "a.parquet row 2 is not UTF-8 at byte 1" in refused("--bytes", path)
    path.write_bytes(b"not parquet at all")
    assert "cannot be read as Parquet" in refused("--bytes", path)
