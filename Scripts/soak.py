"""Training runs with SIGKILLs at random moments: all must end with the undisturbed run's state.

Each run trains the same job on six nodes (seven where three are killed, so that f = 1 stays
covered) and loses one to three of them: an agent, a worker, or a node's whole process group, at a
random moment; often one more while the loss is still being recovered from. Then the state must be
that of `--reference`, bit for bit; the run must have ended by itself, and left no process.
Status 1 if anything of this does not hold.

With `--mixed`, nodes are also stopped and continued (a zombie if it takes longer than the detection
budget), drained, and added, and the coordinator is killed, which a supervisor starts again. With
`--journal FILE`, what is known of each run is kept there, and runs that are in it are not run again:
a campaign may be broken off and continued.
"""

import argparse
import collections
import dataclasses
import datetime
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

import soak_analysis
import soak_journal
import soak_run

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT_OF_NODES = 75  # exit status of a run that stopped for lack of nodes
SURVIVABLE_NODES = 4  # (f + 1) n_0 of the job: with fewer, f = 1 is not covered
IN_A_ROW_SECONDS = 2.0  # a kill in a row follows the one before within this time


@dataclasses.dataclass
class Tally:
    """What all runs came to."""

    verdicts: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    recoveries: list[soak_analysis.Recovery] = dataclasses.field(default_factory=list)
    problems: list[str] = dataclasses.field(default_factory=list)
    runs: list[dict] = dataclasses.field(default_factory=list)


def state_of(directory: pathlib.Path) -> str:
    """`state_sha256` of a finished run; empty when there is no result."""
    result = directory / "result.json"
    return json.loads(result.read_text())["state_sha256"] if result.exists() else ""


def undisturbed(options: argparse.Namespace, folder: pathlib.Path, name: str, *extra: str):
    """A run without kills: how it ended, and its state."""
    directory = folder / name
    with soak_run.TrainingRun([*command(options), *extra], directory) as run:
        deadline = time.monotonic() + options.deadline
        run.wait_for_training(deadline)
        ending = run.finish(deadline)
    state = state_of(directory)
    if ending.status != 0 or not state:
        sys.stderr.write(run.log.read_text()[-2000:])
        raise SystemExit(f"soak: the {name} run ended with status {ending.status}, no result")
    if ending.orphans:
        raise SystemExit(f"soak: the {name} run left processes: {'; '.join(ending.orphans)}")
    shutil.rmtree(directory)
    return ending, state


def command(options: argparse.Namespace) -> list[str]:
    return [str(options.oobleck), "train", str(options.config), "--steps", str(options.steps)]


def disturbed(options: argparse.Namespace, number: int, directory: pathlib.Path, span: float):
    """A run with kills. The seed and the run's number choose how many, when, and of what; what the
    run is doing at that moment is up to the machine."""
    chance = random.Random(f"{options.seed}/{number}")
    count = chance.randint(1, 4 if options.mixed else 3)
    nodes = max(6, SURVIVABLE_NODES + count)
    words = [*command(options), "--nodes", str(nodes)]
    words += ["--supervise"] if options.mixed else []
    with soak_run.TrainingRun(words, directory) as run:
        deadline = time.monotonic() + options.deadline
        run.wait_for_training(deadline)
        moment = time.monotonic() + chance.uniform(0, 0.8 * span)
        for _ in range(count):
            run.wait(moment, deadline)
            if options.mixed:
                run.disturb(chance)
            else:
                run.kill(chance)
            in_a_row = chance.random() < 0.5
            moment += chance.uniform(0, IN_A_ROW_SECONDS if in_a_row else 0.5 * span)
        return run.finish(deadline)


def judge(ending: soak_run.Ending, state: str, expected: str, result: soak_analysis.Outcome):
    """A verdict on a run, and what is wrong with it, if anything."""
    if ending.status is None:
        return "hung", "did not end before the deadline"
    if ending.orphans:
        return "orphans", f"left processes: {'; '.join(ending.orphans)}"
    if ending.status == OUT_OF_NODES and soak_analysis.is_beyond_tolerance(result):
        return "beyond f", None
    if ending.status != 0:
        return "failed", f"ended with status {ending.status}"
    if state != expected:
        return "differs", f"state {state or 'missing'}, expected {expected}"
    return "same state", None


def soak(options: argparse.Namespace, folder: pathlib.Path, span: float, expected: str) -> Tally:
    tally = Tally()
    journal = soak_journal.Journal(options.journal, options, expected)
    for number in range(1, options.runs + 1):
        known = journal.run(number)
        if known:
            tally.verdicts[known["verdict"]] += 1
            tally.recoveries += [soak_analysis.Recovery(**item) for item in known["recoveries"]]
            tally.runs.append(known)
            continue
        directory = folder / f"run-{number}"
        ending = disturbed(options, number, directory, span)
        events = soak_analysis.read_events(directory / "events.jsonl")
        result = soak_analysis.outcome(ending.kills, events)
        verdict, problem = judge(ending, state_of(directory), expected, result)
        entry = describe(number, verdict, ending, result)
        tally.verdicts[verdict] += 1
        tally.recoveries += result.recoveries
        tally.runs.append(entry)
        show(options, entry, result)
        if problem:
            tally.problems.append(f"run {number}: {problem}; see {directory}")
            print(f"  {problem}", flush=True)
        else:
            journal.add(entry)
            shutil.rmtree(directory)
            directory.with_suffix(".log").unlink()
    return tally


def describe(number: int, verdict: str, ending: soak_run.Ending, result: soak_analysis.Outcome):
    """What is kept of a run."""
    return {
        "run": number,
        "verdict": verdict,
        "seconds": ending.seconds,
        "kills": [dataclasses.asdict(kill) for kill in ending.kills],
        "other": ending.other,
        "recovery_seconds": [item.seconds for item in result.recoveries],
        "recoveries": [item.summary() for item in result.recoveries],
    }


def show(options: argparse.Namespace, entry: dict, result: soak_analysis.Outcome) -> None:
    kills = [f"{kill['target']} {kill['node']} at step {kill['step']}" for kill in entry["kills"]]
    done = ", ".join(kills + entry["other"])
    times = ", ".join(f"{item.seconds * 1000:.0f} ms" for item in result.recoveries)
    lines = [f"run {entry['run']}/{options.runs}: {entry['verdict']} in {entry['seconds']:.1f} s"]
    lines += [f"hit {done or 'nothing'}", f"resumed after {times or 'nothing'}"]
    print("; ".join(lines), flush=True)


def report(options: argparse.Namespace, tally: Tally, expected: str) -> None:
    plain = [item.seconds for item in tally.recoveries if not item.overlapped]
    overlapped = [item for item in tally.recoveries if item.overlapped]
    rows = {
        "all, since the last kill": [item.seconds for item in tally.recoveries],
        "one node at a time": plain,
        "kills in a row, since the last": [item.seconds for item in overlapped],
        "kills in a row, since the first": [item.seconds_since_first for item in overlapped],
    }
    verdicts = ", ".join(f"{count} {name}" for name, count in tally.verdicts.most_common())
    print(f"\n{options.runs} runs, seed {options.seed}: {verdicts}")
    print("SIGKILL to the first redone step on every node:")
    for name, values in rows.items():
        print("  " + soak_analysis.describe(name, values))
    for problem in tally.problems:
        print(f"soak: {problem}", file=sys.stderr)
    if options.output:
        summary = {
            "command": f"Scripts/soak.sh {options.runs} {options.seed}"
            + (" --mixed" if options.mixed else ""),
            "finished": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "cores": os.cpu_count(),
            "steps": options.steps,
            "state_sha256": expected,
            "verdicts": dict(tally.verdicts),
            "recovery_seconds": {
                name: soak_analysis.distribution(values) for name, values in rows.items()
            },
            "runs": tally.runs,
        }
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(summary, indent=2) + "\n")


def options_of_command_line() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=int, metavar="N")
    parser.add_argument("seed", type=int, metavar="SEED")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--deadline", type=float, default=120, help="seconds a run may take")
    parser.add_argument("--config", type=pathlib.Path, default=ROOT / "Examples/tiny.yaml")
    parser.add_argument("--oobleck", type=pathlib.Path, default=ROOT / ".build/release/oobleck")
    parser.add_argument("--mixed", action="store_true", help="stop, drain, add nodes, kill the coordinator")
    parser.add_argument("--journal", type=pathlib.Path, help="file to continue a campaign from")
    parser.add_argument("--output", type=pathlib.Path, help="JSON file for the figures")
    options = parser.parse_args()
    if options.runs < 1 or options.steps < 1:
        parser.error("N and --steps must be at least 1")
    if not options.oobleck.exists():
        parser.error(f"no {options.oobleck}; run: make build")
    return options


def main() -> int:
    options = options_of_command_line()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="oobleck-soak-"))
    problems: list[str] = []
    try:
        print(f"soak: reference run of {options.steps} steps", flush=True)
        _, expected = undisturbed(options, folder, "reference", "--reference")
        calm, state = undisturbed(options, folder, "undisturbed", "--nodes", "6")
        if state != expected:
            raise SystemExit(f"soak: six undisturbed nodes end with {state}, reference {expected}")
        span = calm.training_seconds
        print(f"soak: state {expected}; six nodes train {span:.1f} s undisturbed", flush=True)
        tally = soak(options, folder, span, expected)
        problems = tally.problems
        report(options, tally, expected)
    finally:
        if not problems:
            shutil.rmtree(folder)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
