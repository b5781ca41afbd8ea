#!/usr/bin/env python3
"""Checks the documents of the checkout: relative links, and transcripts of commands.

    Scripts/check_documents.py                                   # links and their anchors
    Scripts/check_documents.py --program .build/debug/oobleck    # transcripts too

A transcript is an indented block whose first line begins with `$ .build/release/oobleck`. The command runs
with the given program, and its output has to have the transcript's lines in their order: the same text,
with any numbers. `...` in a transcript stands for any number of lines.
"""

import argparse
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMMAND = ".build/release/oobleck"
SECONDS = 300


def documents():
    folders = ["Documentation", "Benchmarks", "Examples", "Packages", "Python", ".github"]
    found = sorted(ROOT.glob("*.md"))
    for folder in folders:
        found += sorted((ROOT / folder).rglob("*.md"))
    return [path for path in found if ".venv" not in path.parts and ".build" not in path.parts]


def anchors(text):
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def wrong_links(path):
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if not target.exists():
            yield f"{path.relative_to(ROOT)}: {link} does not exist"
        elif anchor and anchor not in anchors(target.read_text()):
            yield f"{path.relative_to(ROOT)}: {name or path.name} has no heading #{anchor}"


def transcripts(path):
    """The commands in a document, as lists of words, each with the lines of its output."""
    for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", path.read_text(), re.MULTILINE):
        lines = [line[4:] for line in block.strip("\n").split("\n")]
        if not lines[0].startswith(f"$ {COMMAND}"):
            continue
        count = next(index for index, line in enumerate(lines) if not line.endswith("\\")) + 1
        command = " ".join(line.rstrip("\\") for line in lines[:count])
        yield shlex.split(command)[2:], lines[count:]


def shape(line):
    """A line without its numbers, units of time, bars and spaces, which differ from run to run."""
    line = re.sub(r"[▁▂▃▄▅▆▇█]+", "|", line)
    line = re.sub(r"[+-]?\d[\d.,]*( ?(ms|us|s|min|h)\b)?", "#", line)
    return re.sub(r"\s+", " ", line).strip()


def difference(expected, output):
    """The first expected line that the output lacks, in order; `None` if it has all."""
    rest = [shape(line) for line in output.split("\n")]
    may_skip = False
    for line in expected:
        wanted = shape(line)
        if wanted == "...":
            may_skip = True
        elif may_skip and wanted in rest:
            rest = rest[rest.index(wanted) + 1 :]
            may_skip = False
        elif not may_skip and rest and rest[0] == wanted:
            rest = rest[1:]
        else:
            return line
    return None


def wrong_transcripts(path, program):
    for words, expected in transcripts(path):
        with tempfile.TemporaryDirectory() as folder:
            words = [f"{folder}/{word}" if word.endswith(".svg") else word for word in words]
            result = subprocess.run(
                [program, *words], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
            )
        title = f"{path.relative_to(ROOT)}: oobleck {words[0]}"
        if result.returncode != 0:
            yield f"{title} ends with {result.returncode}: {result.stderr.strip()}"
        elif (line := difference(expected, result.stdout)) is not None:
            yield f"{title} does not print this line of the transcript here: {line}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--program", help="the oobleck that runs the transcripts' commands")
    program = parser.parse_args().program
    wrong, commands = [], 0
    for path in documents():
        wrong += wrong_links(path)
        if program:
            commands += len(list(transcripts(path)))
            wrong += wrong_transcripts(path, pathlib.Path(program).absolute())
    if program and not commands:
        wrong.append("no document has a transcript; is the form that this script looks for still right?")
    for line in wrong:
        print(line, file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
