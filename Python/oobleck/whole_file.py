"""Writes a file beside its place and renames it when it is whole."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from oobleck.errors import ImportProblem


def check_file(path: Path, suffix: str, force: bool, inputs: list[Path]) -> None:
    """Throws when the file must not be written: another kind of name, one that exists, or an input."""
    if path.suffix != suffix or path.name == suffix:
        raise ImportProblem(f"--to is {path}; its name must end in {suffix}")
    if path.is_dir():
        raise ImportProblem(f"{path} is a folder; name a file that ends in {suffix}")
    if not path.exists():
        return
    if any(other.exists() and path.samefile(other) for other in inputs):
        raise ImportProblem(f"{path} is an input too; name another file with --to")
    if not force:
        raise ImportProblem(
            f"{path} exists; name another file with --to, or replace it with --force"
        )


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """The path to write, which becomes `path` at the end, or is removed after an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        yield partial
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
