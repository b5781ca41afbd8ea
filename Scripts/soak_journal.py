"""What is known of the runs of a campaign that may be broken off and continued: one line a run."""

import argparse
import json
import pathlib

import soak_run


class Journal:
    """The runs so far; of nothing without a file."""

    def __init__(self, path: pathlib.Path | None, options: argparse.Namespace, state: str) -> None:
        self.path = path
        self.entries: dict[int, dict] = {}
        heading = {
            "seed": options.seed,
            "steps": options.steps,
            "mixed": list(soak_run.MIX) if options.mixed else False,
            "state_sha256": state,
        }
        if not path:
            return
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            self.append(heading)
            return
        # A last line that was cut off counts for nothing, and goes.
        text = path.read_text()
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            path.write_text(whole)
        lines = [json.loads(line) for line in whole.splitlines()]
        if not lines or lines[0] != heading:
            raise SystemExit(f"soak: {path} is of another campaign; name a new file")
        self.entries = {entry["run"]: entry for entry in lines[1:]}

    def run(self, number: int) -> dict | None:
        return self.entries.get(number)

    def add(self, entry: dict) -> None:
        if self.path:
            self.append(entry)

    def append(self, entry: dict) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(entry) + "\n")
