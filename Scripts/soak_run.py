"""One training run under SIGKILLs: starts it, kills nodes at given moments, cleans up after it."""

import contextlib
import dataclasses
import json
import os
import pathlib
import random
import signal
import subprocess
import time

from soak_analysis import Kill

TARGETS = ("agent", "worker", "node")
# What a mixed run does, as often as it stands here.
MIX = ("kill", "kill", "stop", "stop", "drain", "add", "coordinator")
ORDER_SECONDS = 30
POLL_SECONDS = 0.005
# Processes of an ended run may need this long to go: they notice the end, then leave.
ORPHAN_GRACE_SECONDS = 3


@dataclasses.dataclass
class Ending:
    """How a run ended."""

    status: int | None  # None: killed at the deadline
    seconds: float
    training_seconds: float
    kills: list[Kill]
    orphans: list[str]
    # What else was done, in words.
    other: list[str] = dataclasses.field(default_factory=list)


class TrainingRun:
    """A run of `oobleck train`, as its run directory and its processes show it."""

    def __init__(self, command: list[str], directory: pathlib.Path) -> None:
        self.directory = directory
        self.log = directory.with_suffix(".log")
        self.groups: set[int] = set()
        self.kills: list[Kill] = []
        self.other: list[str] = []
        # Processes that stand still: when each goes on, and their numbers.
        self.frozen: list[tuple[float, list[int]]] = []
        self.training_since: float | None = None
        self.started = time.monotonic()
        with self.log.open("wb") as log:
            # A session of its own: a Ctrl-C here must not reach it before we end it.
            self.process = subprocess.Popen(
                [*command, "--run-dir", str(directory)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.groups.add(self.process.pid)

    def __enter__(self) -> "TrainingRun":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def status(self) -> dict:
        """`status.json`, or an empty one while there is none."""
        try:
            found = json.loads((self.directory / "status.json").read_text())
        except FileNotFoundError:
            return {"phase": "starting", "step": 0, "nodes": []}
        for node in found["nodes"]:
            for pid in [node.get("agent_pid"), *node["worker_pids"]]:
                self.note_group(pid)
        if self.training_since is None and found["phase"] == "training":
            self.training_since = time.monotonic()
        return found

    def note_group(self, pid: int | None) -> None:
        """Remembers the process group, to look for orphans in it later. Never our own."""
        try:
            group = os.getpgid(pid) if pid else 0
        except ProcessLookupError:
            return
        if group not in (0, os.getpgid(0)):
            self.groups.add(group)

    def is_running(self, deadline: float) -> bool:
        return self.process.poll() is None and time.monotonic() < deadline

    def wait_for_training(self, deadline: float) -> None:
        while self.is_running(deadline) and self.training_since is None:
            self.status()
            time.sleep(POLL_SECONDS)

    def wait(self, until: float, deadline: float) -> None:
        """Returns at `until`, at the deadline, or when the run ends."""
        while self.is_running(deadline) and time.monotonic() < until:
            self.thaw()
            time.sleep(min(POLL_SECONDS, max(0.0, until - time.monotonic())))

    def disturb(self, random_source: random.Random) -> None:
        """One fault of any kind."""
        kind = random_source.choice(MIX)
        if kind == "kill":
            self.kill(random_source)
        elif kind == "stop":
            self.stop(random_source)
        elif kind == "drain":
            found = self.status()["nodes"]
            healthy = sorted(node["id"] for node in found if node["state"] == "healthy")
            if len(healthy) > 4:
                self.order("drain", str(random_source.choice(healthy)))
        elif kind == "coordinator":
            self.kill_coordinator()
        else:
            self.order("add")

    def kill_coordinator(self) -> None:
        """SIGKILL to the coordinator, which its supervisor starts again; nothing while there is
        none."""
        try:
            pid = json.loads((self.directory / "coordinator.json").read_text())["pid"]
        except FileNotFoundError:
            return
        if pid == self.process.pid or self.process.poll() is not None:
            return
        self.note_group(pid)
        self.signal(pid, signal.SIGKILL)
        self.other.append(f"coordinator at step {self.status()['step']}")

    def order(self, *words: str) -> None:
        """Asks the run for something by the command line; a run that is over may refuse."""
        program = self.process.args[0]
        command = [program, words[0], str(self.directory), *words[1:]]
        try:
            status = subprocess.run(
                command, capture_output=True, timeout=ORDER_SECONDS, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            status = None
        self.other.append(f"{' '.join(words)}{'' if status == 0 else ' (refused)'}")

    def stop(self, random_source: random.Random) -> None:
        """SIGSTOP to an agent, a worker or both, and SIGCONT after a while: beyond the detection
        budget the node is lost meanwhile."""
        status = self.status()
        hit = {kill.node for kill in self.kills}
        nodes = [
            node
            for node in status["nodes"]
            if node["state"] == "healthy" and node["id"] not in hit
            if node.get("agent_pid") and node["worker_pids"]
        ]
        target = random_source.choice(TARGETS)
        seconds = random_source.uniform(0.1, 5)
        if not nodes or self.process.poll() is not None:
            return
        node = random_source.choice(sorted(nodes, key=lambda node: node["id"]))
        pids = {
            "agent": [node["agent_pid"]],
            "worker": node["worker_pids"],
            "node": [*node["worker_pids"], node["agent_pid"]],
        }[target]
        for pid in pids:
            self.signal(pid, signal.SIGSTOP)
        now = time.monotonic()
        self.frozen.append((now + seconds, pids))
        self.kills.append(
            Kill(node["id"], f"stopped {target} for {seconds:.1f} s", status["step"], now, time.time())
        )

    def thaw(self, everything: bool = False) -> None:
        """Lets go on who has stood still long enough."""
        now = time.monotonic()
        for moment, pids in self.frozen:
            if everything or moment <= now:
                for pid in pids:
                    self.signal(pid, signal.SIGCONT)
        self.frozen = [item for item in self.frozen if not everything and item[0] > now]

    @staticmethod
    def signal(pid: int, number: int) -> None:
        # A process that is gone needs no signal.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    def kill(self, random_source: random.Random) -> None:
        """Kills an agent, a worker or both of a random healthy node; nothing if there is none."""
        status = self.status()
        dead = {kill.node for kill in self.kills}
        nodes = [
            node
            for node in status["nodes"]
            if node["state"] == "healthy" and node["id"] not in dead
            if node.get("agent_pid") and node["worker_pids"]
        ]
        target = random_source.choice(TARGETS)
        if not nodes or self.process.poll() is not None:
            return
        node = random_source.choice(sorted(nodes, key=lambda node: node["id"]))
        now = Kill(node["id"], target, status["step"], time.monotonic(), time.time())
        try:
            if target == "worker":
                for pid in node["worker_pids"]:
                    os.kill(pid, signal.SIGKILL)
            elif target == "agent":
                os.kill(node["agent_pid"], signal.SIGKILL)
            else:
                self.kill_group_of(node["agent_pid"])
        except ProcessLookupError:
            return
        self.kills.append(now)

    def kill_group_of(self, pid: int) -> None:
        """Kills a node's process group, if it is the node's own."""
        group = os.getpgid(pid)
        if group in (os.getpgid(0), self.process.pid):
            raise SystemExit(f"soak: process {pid} of a node is not in a group of its own")
        os.killpg(group, signal.SIGKILL)

    def finish(self, deadline: float) -> Ending:
        """Waits for the end, until the deadline, and clears away what is left of the run."""
        while self.is_running(deadline):
            self.thaw()
            self.status()
            time.sleep(0.05)
        self.thaw(everything=True)
        status = self.process.poll()
        ended = time.monotonic()
        orphans = self.orphans() if status is not None else []
        while orphans and time.monotonic() < ended + ORPHAN_GRACE_SECONDS:
            time.sleep(0.1)
            orphans = self.orphans()
        since = self.training_since or ended
        return Ending(status, ended - self.started, ended - since, self.kills, orphans, self.other)

    def processes(self) -> list[tuple[int, str]]:
        """Living processes of the run: in one of its groups, or with its directory's name."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                state, _, group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
            except (FileNotFoundError, ProcessLookupError):
                continue
            belongs = int(group) in self.groups or f"{self.directory}" in words
            if belongs and state not in "ZX":
                found.append((int(entry.name), words))
        return found

    def orphans(self) -> list[str]:
        return [f"{pid} {words}" for pid, words in self.processes()]

    def clear(self) -> None:
        """Kills all processes of the run by their numbers, and reaps our own child."""
        for pid, _ in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=10)
