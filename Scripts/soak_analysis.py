"""What a run's events say about its kills: which recoveries there were, and how long they took."""

import dataclasses
import json
import pathlib
import statistics


@dataclasses.dataclass
class Kill:
    """One SIGKILL that was sent."""

    node: int
    target: str
    step: int
    # By the clock that the event log's `monotonic` uses, and by the calendar.
    monotonic: float
    time: float


@dataclasses.dataclass
class Recovery:
    """From the kills that caused it to the first redone step on every node."""

    kills: list[Kill]
    # Since the last kill, and since the first, which is the same unless kills came in a row.
    seconds: float
    seconds_since_first: float

    @property
    def overlapped(self) -> bool:
        """Whether a node was killed while another's loss was being recovered from."""
        return len(self.kills) > 1

    def summary(self) -> dict:
        """All of it, for a file."""
        return dataclasses.asdict(self)


@dataclasses.dataclass
class Outcome:
    """All kills of a run, sorted by what became of them."""

    recoveries: list[Recovery]
    # The node was lost, but training did not resume: the run ended first.
    unresumed: list[Kill]
    # The loss was never noticed: the run had no more use for the node.
    unnoticed: list[Kill]


def read_events(path: pathlib.Path) -> list[dict]:
    """The events of a run; a last line that is still being written is left out."""
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def outcome(kills: list[Kill], events: list[dict]) -> Outcome:
    """Matches kills with `node-lost` events and those with the resumption that follows.

    A resumption is logged once per generation, when every node of the plan has begun its first
    step: as `recovered` after a loss, as `resumed` otherwise.
    """
    unnoticed = {kill.node: kill for kill in kills}
    pending: list[Kill] = []
    recoveries = []
    for event in events:
        if event["kind"] == "node-lost" and event.get("node") in unnoticed:
            pending.append(unnoticed.pop(event["node"]))
        elif event["kind"] in ("recovered", "resumed") and pending:
            times = [event["monotonic"] - kill.monotonic for kill in pending]
            recoveries.append(Recovery(pending, min(times), max(times)))
            pending = []
    return Outcome(recoveries, pending, list(unnoticed.values()))


def is_beyond_tolerance(result: Outcome) -> bool:
    """Whether nodes died faster than they were recovered from when the run ended."""
    return len(result.unresumed) > 1


def quantile(values: list[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed."""
    ordered = sorted(values)
    index = max(0, -int(-share * len(ordered) // 1) - 1)
    return ordered[min(index, len(ordered) - 1)]


def distribution(values: list[float]) -> dict:
    """Count, median, 90th percentile and greatest; empty without values."""
    if not values:
        return {"count": 0}
    return {
        "count": len(values),
        "median": statistics.median(values),
        "p90": quantile(values, 0.9),
        "max": max(values),
    }


def describe(name: str, values: list[float]) -> str:
    """One line for people."""
    if not values:
        return f"{name:<34} none"
    shape = distribution(values)
    parts = [f"{key} {shape[key] * 1000:6.0f} ms" for key in ("median", "p90", "max")]
    return f"{name:<34} {shape['count']:3d}  {'  '.join(parts)}"
