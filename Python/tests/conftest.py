"""Shared by all tests: one thread (bits depend on it), and a way to run the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from oobleck.command import main

torch.set_num_threads(1)
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


@pytest.fixture
def imported(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Imports with these arguments, which must work; the manifest."""

    def run(*arguments: str, to: str = "model") -> dict[str, Any]:
        assert main(["import", *map(str, arguments), "--to", str(tmp_path / to)]) == 0
        return json.loads((tmp_path / to / "manifest.json").read_text())

    return run


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Imports with these arguments, which must be refused; the line on stderr."""

    def run(*arguments: str) -> str:
        capsys.readouterr()
        assert main(["import", *map(str, arguments), "--to", str(tmp_path / "model")]) == 2
        text = capsys.readouterr().err
        assert text.startswith("error: ") and text.count("\n") == 1, text
        assert not (tmp_path / "model").exists() and not (tmp_path / "model.partial").exists()
        return text

    return run


def parameters(manifest: dict[str, Any]) -> dict[str, Any]:
    """All parameters of a manifest by name."""
    return {item["name"]: item for layer in manifest["layers"] for item in layer["parameters"]}
