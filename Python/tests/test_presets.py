"""Presets: large models are imported without their memory."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import parameters

# Parameters as the papers and checkpoints count them; gpt3 with the tied head of GPT-2.
COUNTS = {
    "gpt2": 124_439_808,
    "bert-large": 335_174_458,
    "llama-7b": 6_738_415_616,
}


@pytest.mark.parametrize("name", COUNTS)
def test_sizes(name: str, imported: Callable) -> None:
    found = parameters(imported(name, "--sequence", "64"))
    total = 0
    for item in found.values():
        count = 1
        for length in item["shape"]:
            count *= length
        total += count
    assert total == COUNTS[name]
    assert all(item["initial"]["kind"] != "stored" for item in found.values())


@pytest.mark.slow
def test_a_large_model_takes_little_memory_and_time(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run(
        [sys.executable, "-m", "oobleck", "import", "gpt3-6.7b", "--to", str(tmp_path / "model")],
        check=True,
        cwd=Path(__file__).parents[1],
    )
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Processor time, because other processes may share the cores.
    assert used.ru_utime - before < 20
    assert used.ru_maxrss < 2_000_000  # kilobytes, of the largest child
