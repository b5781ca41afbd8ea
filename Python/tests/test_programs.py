"""The start of the programs that a wheel brings."""

from pathlib import Path

import pytest

from oobleck import programs


def installation(folder: Path, *, torch: str | None, wanted: str = "2.13.0") -> Path:
    """Files as pip leaves them; returns the folder of the package."""
    package = folder / "oobleck"
    (package / "bin").mkdir(parents=True)
    (package / "bin/built.json").write_text(f'{{"version": "1", "torch": "{wanted}"}}')
    if torch:
        (folder / "torch/lib").mkdir(parents=True)
        (folder / "torch/lib/libtorch_cpu.so").touch()
        (folder / f"torch-{torch}.dist-info").mkdir()
    return package


@pytest.mark.parametrize("torch", ["2.13.0", "2.13.0+cpu"])
def test_the_required_torch_will_do_whatever_its_build(tmp_path: Path, torch: str) -> None:
    assert programs.problem(installation(tmp_path, torch=torch)) is None


def test_a_missing_torch_is_named_with_its_version(tmp_path: Path) -> None:
    line = programs.problem(installation(tmp_path, torch=None))
    assert line is not None and "pip install torch==2.13.0" in line and "\n" not in line


def test_another_torch_is_refused_before_the_loader_fails(tmp_path: Path) -> None:
    line = programs.problem(installation(tmp_path, torch="2.12.1"))
    assert line is not None and "is version 2.12.1, not 2.13.0" in line


def test_a_checkout_has_no_programs_to_start() -> None:
    line = programs.problem()
    assert line is not None and ".build/release/oobleck" in line
