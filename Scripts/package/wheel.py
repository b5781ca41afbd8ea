#!/usr/bin/env python3
"""Packs programs, Python tools, examples and the corpus: wheel.py --programs DIR --to dist.

The wheel installs one folder, `oobleck`, with `bin/`, `Examples/` and `.corpus/` inside, and two commands.
The same input gives the same bytes.
"""

import argparse
import base64
import hashlib
import json
import pathlib
import platform
import re
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
GLIBC = "2_35"
# Of nothing that is installed: pip puts files that others may not write.
TIME = (1980, 1, 1, 0, 0, 0)


def found(pattern: str, path: str) -> str:
    match = re.search(pattern, (ROOT / path).read_text(), re.MULTILINE)
    if not match:
        sys.exit(f"wheel: no {pattern} in {path}")
    return match.group(1)


def version() -> str:
    """The program's version, as Python writes versions: 0.1.0-dev is 0.1.0.dev0."""
    text = found(r'programVersion = "(.*)"', "Sources/Core/OobleckCore/ProgramVersion.swift")
    return text.replace("-dev", ".dev0")


def torch() -> str:
    return found(r"^torch_version=(.*)$", "Scripts/setup.sh")


def metadata() -> str:
    tools = re.findall(
        r'"((?:transformers|safetensors|numpy)[^"]*)"', (ROOT / "Python/pyproject.toml").read_text()
    )
    lines = ["Metadata-Version: 2.1", "Name: oobleck", f"Version: {version()}"]
    lines += ["Summary: Trains models on machines that fail, with the same result bit for bit"]
    lines += ["License: Apache-2.0", "Requires-Python: >=3.10", f"Requires-Dist: torch=={torch()}"]
    lines += ["Provides-Extra: import"] + [
        f'Requires-Dist: {tool}; extra == "import"' for tool in tools
    ]
    return "\n".join(lines) + "\n"


def contents(programs: pathlib.Path) -> dict[str, bytes]:
    """All files of the package by their path in site-packages."""
    files: dict[str, bytes] = {}
    for path in sorted((ROOT / "Python/oobleck").glob("*.py")):
        files[f"oobleck/{path.name}"] = path.read_bytes()
    for path in sorted((ROOT / "Examples").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            files[f"oobleck/Examples/{path.relative_to(ROOT / 'Examples')}"] = path.read_bytes()
    files["oobleck/.corpus/shakespeare.txt"] = (ROOT / ".corpus/shakespeare.txt").read_bytes()
    for name in ("oobleck", "oobleck-worker"):
        files[f"oobleck/bin/{name}"] = (programs / name).read_bytes()
    files["oobleck/bin/built.json"] = json.dumps({"version": version(), "torch": torch()}).encode()
    return files


def write(folder: pathlib.Path, programs: pathlib.Path) -> pathlib.Path:
    tag = f"py3-none-manylinux_{GLIBC}_{platform.machine()}"
    info = f"oobleck-{version()}.dist-info"
    files = contents(programs)
    files[f"{info}/METADATA"] = metadata().encode()
    files[f"{info}/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    wheel = f"Wheel-Version: 1.0\nGenerator: oobleck\nRoot-Is-Purelib: false\nTag: {tag}\n"
    files[f"{info}/WHEEL"] = wheel.encode()
    points = "[console_scripts]\noobleck = oobleck.programs:oobleck\noobleck-worker = oobleck.programs:worker\n"
    files[f"{info}/entry_points.txt"] = points.encode()
    record = ""
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(data)}\n"
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"oobleck-{version()}-{tag}.whl"
    partial = path.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            is_program = name.startswith("oobleck/bin/") and not name.endswith(".json")
            entry.external_attr = (0o100755 if is_program else 0o100644) << 16
            archive.writestr(entry, data)
    partial.replace(path)
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--to", type=pathlib.Path, default=ROOT / "dist")
    arguments = parser.parse_args()
    path = write(arguments.to, arguments.programs)
    print(f"wheel: {path}: {path.stat().st_size / 1e6:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
