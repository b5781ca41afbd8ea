"""Starts the programs that the wheel brings: `oobleck` and `oobleck-worker`.

They are in `bin` beside this file, and find libtorch in the `torch` package beside this one.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import NoReturn

_PACKAGE = Path(__file__).resolve().parent
# What sysexits.h calls a fault of the installation.
_UNAVAILABLE = 69


def problem(package: Path = _PACKAGE) -> str | None:
    """What is wrong with the installation, in one line; `None` if nothing is."""
    try:
        wanted = json.loads((package / "bin/built.json").read_text())["torch"]
    except OSError:
        return f"{package} has no programs; install the wheel, or use .build/release/oobleck"
    site = package.parent
    remedy = f"install both into one environment: pip install torch=={wanted}"
    if not (site / "torch/lib/libtorch_cpu.so").is_file():
        return f"no torch beside {package}; {remedy}"
    names = [path.name for path in site.glob("torch-*.dist-info")]
    versions = [name.removeprefix("torch-").removesuffix(".dist-info") for name in names]
    if wanted not in [version.split("+")[0] for version in versions]:
        return f"torch beside {package} is version {', '.join(versions)}, not {wanted}; {remedy}"
    return None


def _start(name: str) -> NoReturn:
    line = problem()
    if line:
        print(f"{name}: {line}", file=sys.stderr)
        sys.exit(_UNAVAILABLE)
    # `oobleck import` and `tokenize` start this interpreter.
    os.environ.setdefault("OOBLECK_PYTHON", sys.executable)
    os.execv(_PACKAGE / "bin" / name, [sys.argv[0], *sys.argv[1:]])


def oobleck() -> NoReturn:
    """Becomes the program `oobleck`."""
    _start("oobleck")


def worker() -> NoReturn:
    """Becomes the program `oobleck-worker`."""
    _start("oobleck-worker")
