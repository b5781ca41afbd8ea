#!/usr/bin/env python3
"""Checks that programs run on other machines: check_programs.py PROGRAM... ; prints what they need.

A program may need only libraries that every machine of the stated age has, or libtorch; it may name no
folder of this machine in its RUNPATH; and no symbol of glibc or libstdc++ newer than the floor.
"""

import pathlib
import re
import subprocess
import sys

GLIBC = (2, 35)
# That of GCC 11.2, as manylinux_2_35 has it.
LIBSTDCXX = (3, 4, 30)
SYSTEM = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libz.so.1"}
SYSTEM |= {"libstdc++.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
TORCH = {"libtorch_cpu.so", "libc10.so"}


def readelf(option: str, path: str) -> str:
    command = ["readelf", "--wide", option, path]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def newest(versions: str, prefix: str) -> tuple[int, ...]:
    found = re.findall(rf"Name: {prefix}_([\d.]+)", versions)
    return max((tuple(map(int, one.split("."))) for one in found), default=(0,))


def written(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def problems(path: str) -> tuple[list[str], str]:
    """What is wrong with a program, and what it needs."""
    dynamic = readelf("--dynamic", path)
    needed = set(re.findall(r"NEEDED.*\[(.*)\]", dynamic))
    places = ":".join(re.findall(r"(?:RUNPATH|RPATH).*\[(.*)\]", dynamic)).split(":")
    versions = readelf("--version-info", path)
    glibc, libstdcxx = newest(versions, "GLIBC"), newest(versions, "GLIBCXX")
    found = [f"needs {name}" for name in sorted(needed - SYSTEM - TORCH)]
    found += [
        f"looks for libraries in {one}" for one in places if one and not one.startswith("$ORIGIN")
    ]
    if glibc > GLIBC:
        found.append(f"needs glibc {written(glibc)}; {written(GLIBC)} is the floor")
    if libstdcxx > LIBSTDCXX:
        found.append(f"needs GLIBCXX {written(libstdcxx)}; {written(LIBSTDCXX)} is the floor")
    size = pathlib.Path(path).stat().st_size / 1e6
    facts = f"{size:.0f} MB, glibc {written(glibc)}, GLIBCXX {written(libstdcxx)}"
    return found, f"{facts}, libraries {' '.join(sorted(needed))}"


def main() -> int:
    status = 0
    for path in sys.argv[1:]:
        found, facts = problems(path)
        print(f"check: {pathlib.Path(path).name}: {facts}")
        for line in found:
            print(f"check: {path} {line}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
