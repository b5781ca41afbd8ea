"""Reads documents from text files, JSON lines and Parquet, one after the other.

A text file is one document; a line of JSON and a row of Parquet are one each. Memory is bounded: a file
is read line by line or in batches of rows, and no document may be longer than `LONGEST_DOCUMENT_BYTES`.
"""

from __future__ import annotations

import codecs
import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from oobleck.errors import ImportProblem, first_line, listed

LONGEST_DOCUMENT_BYTES = 1 << 30
_JSON_LINES = (".jsonl", ".jsonl.gz", ".json", ".json.gz")
_PARQUET_ROWS = 256  # rows that are read at once


@dataclass(frozen=True)
class Record:
    """The texts of one document by field (a text file has one, without a name), and where it stands."""

    texts: tuple[str, ...]
    place: str


def check_inputs(paths: list[Path]) -> None:
    """Throws for the first path that cannot be read, before any work is done."""
    for path in paths:
        if path.is_dir():
            raise ImportProblem(f"{path} is a folder; name the files in it")
        if not path.exists():
            raise ImportProblem(f"there is no file {path}")
        if path.suffix == ".parquet":
            _parquet()


def records(path: Path, fields: tuple[str, ...]) -> Iterator[Record]:
    """The documents of a file, in its order. `fields` are the keys that hold the texts."""
    if path.suffix == ".parquet":
        yield from _parquet_rows(path, fields)
    elif path.name.endswith(_JSON_LINES):
        yield from _json_lines(path, fields)
    else:
        yield Record((_text_of(path),), str(path))


def _text_of(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(LONGEST_DOCUMENT_BYTES + 1)
    _check_length(data, str(path))
    skipped = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    try:
        return data[skipped:].decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(str(path), error.start + skipped) from error


def _json_lines(path: Path, fields: tuple[str, ...]) -> Iterator[Record]:
    with _opened(path) as file:
        for number, line in enumerate(_lines(file, path), start=1):
            place = f"{path} line {number}"
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            if line.strip():
                yield Record(_texts(_object(line, place), fields, place), place)


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _lines(file: IO[bytes], path: Path) -> Iterator[bytes]:
    number = 0
    while True:
        number += 1
        try:
            line = file.readline(LONGEST_DOCUMENT_BYTES + 1)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ImportProblem(
                f"{path} line {number}: the file is not whole gzip: {first_line(error)}; fetch it again"
            ) from error
        if not line:
            return
        _check_length(line, f"{path} line {number}")
        yield line


def _object(line: bytes, place: str) -> dict[str, Any]:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _not_utf8(place, error.start) from error
    except (ValueError, RecursionError) as error:
        raise ImportProblem(
            f"{place} is not JSON: {first_line(error)}; each line must be one object"
        ) from error
    if not isinstance(value, dict):
        raise ImportProblem(f"{place} is {_kind(value)}; each line must be one object")
    return value


def _parquet_rows(path: Path, fields: tuple[str, ...]) -> Iterator[Record]:
    arrow, parquet = _parquet()
    try:
        with parquet.ParquetFile(path) as file:
            columns = file.schema_arrow.names
            for name in fields:
                if name not in columns:
                    raise ImportProblem(f"{path} {_no_field(name, columns, 'column')}")
            number = 0
            wanted = list(dict.fromkeys(fields))
            for batch in file.iter_batches(batch_size=_PARQUET_ROWS, columns=wanted):
                for row in range(batch.num_rows):
                    number += 1
                    place = f"{path} row {number}"
                    yield Record(_texts(_row(batch, row, place), fields, place), place)
    except arrow.ArrowException as error:
        raise ImportProblem(f"{path} cannot be read as Parquet: {first_line(error)}") from error


def _row(batch: Any, row: int, place: str) -> dict[str, Any]:
    names = batch.schema.names
    try:
        return {name: batch.column(name)[row].as_py() for name in names}
    except UnicodeDecodeError as error:
        raise _not_utf8(place, error.start) from error


def _parquet() -> tuple[Any, Any]:
    try:
        from pyarrow import lib, parquet
    except ImportError as error:
        raise ImportProblem("reading Parquet needs pyarrow: pip install pyarrow") from error
    return lib, parquet


def _texts(values: dict[str, Any], fields: tuple[str, ...], place: str) -> tuple[str, ...]:
    found = []
    for name in fields:
        if name not in values:
            raise ImportProblem(f"{place} {_no_field(name, list(values), 'field')}")
        text = values[name]
        if not isinstance(text, str):
            raise ImportProblem(f"{place}: field {name} is {_kind(text)}; it must be a text")
        try:
            size = len(text.encode("utf-8"))
        except UnicodeEncodeError as error:
            raise ImportProblem(
                f"{place}: field {name} holds half of a surrogate pair at character {error.start}; "
                "repair the text"
            ) from error
        if size > LONGEST_DOCUMENT_BYTES:
            raise _too_long(place)
        found.append(text)
    return tuple(found)


def _no_field(name: str, names: list[str], kind: str) -> str:
    held = f"it has {listed(names)}" if names else "it has none"
    return f"has no {kind} {name}; {held}"


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "true or false", int: "a number", float: "a number", str: "a text"}
    return names.get(
        type(value), "a list" if isinstance(value, list) else f"{type(value).__name__}"
    )


def _not_utf8(place: str, offset: int) -> ImportProblem:
    return ImportProblem(f"{place} is not UTF-8 at byte {offset:,}; convert it (iconv -t utf-8)")


def _check_length(data: bytes, place: str) -> None:
    if len(data) > LONGEST_DOCUMENT_BYTES:
        raise _too_long(place)


def _too_long(place: str) -> ImportProblem:
    return ImportProblem(
        f"{place} is one document of more than {LONGEST_DOCUMENT_BYTES >> 20} MiB; split it into several"
    )
