"""Stands in for `oobleck train` where the soak script itself is tested: nodes that only sleep.

Behaves as told by FAKE_OOBLECK: "good" notices each loss and goes on; "differs" ends with another
state after a loss; "hangs" never ends after one; "orphans" leaves a node behind; "fragile" stops
with status 75 after any loss.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

STEP_SECONDS = 0.05
WORKER = "import subprocess, sys; subprocess.Popen(['sleep', '30']).wait()"


def option(name: str, default: str) -> str:
    words = sys.argv
    return words[words.index(name) + 1] if name in words else default


def start_node() -> subprocess.Popen:
    """An agent in a process group of its own, with a child as its worker."""
    return subprocess.Popen([sys.executable, "-c", WORKER], process_group=0)


def children(pid: int) -> list[int]:
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()] if path.exists() else []


class FakeRun:
    def __init__(self) -> None:
        self.behavior = os.environ.get("FAKE_OOBLECK", "good")
        self.folder = pathlib.Path(option("--run-dir", ""))
        self.folder.mkdir()
        count = 0 if "--reference" in sys.argv else int(option("--nodes", "6"))
        self.nodes = {index: start_node() for index in range(count)}
        self.dead: set[int] = set()
        self.events = (self.folder / "events.jsonl").open("a", buffering=1)

    def log(self, kind: str, **more: int) -> None:
        line = {"time": time.time(), "monotonic": time.monotonic(), "kind": kind, **more}
        self.events.write(json.dumps(line) + "\n")

    def write(self, name: str, value: dict) -> None:
        partial = self.folder / f"{name}.partial"
        partial.write_text(json.dumps(value))
        partial.replace(self.folder / name)

    def notice_losses(self) -> bool:
        for index, agent in self.nodes.items():
            lost = agent.poll() is not None or not children(agent.pid)
            if lost and index not in self.dead:
                self.dead.add(index)
                self.end_node(agent)
                self.log("node-lost", node=index)
                self.log("recovered")
                return True
        return False

    def end_node(self, agent: subprocess.Popen) -> None:
        try:
            os.killpg(agent.pid, 9)
        except ProcessLookupError:
            return

    def status(self, step: int) -> None:
        nodes = [
            {
                "id": index,
                "state": "dead" if index in self.dead else "healthy",
                "agent_pid": agent.pid,
                "worker_pids": children(agent.pid),
            }
            for index, agent in self.nodes.items()
        ]
        self.write("status.json", {"phase": "training", "step": step, "nodes": nodes})

    def await_workers(self) -> None:
        deadline = time.monotonic() + 10
        while not all(children(agent.pid) for agent in self.nodes.values()):
            if time.monotonic() > deadline:
                raise SystemExit("fake_oobleck: the nodes did not start within 10 s")
            time.sleep(0.01)

    def train(self) -> int:
        self.await_workers()
        for step in range(int(option("--steps", "12"))):
            self.status(step)
            time.sleep(STEP_SECONDS)
            if self.notice_losses():
                if self.behavior == "hangs":
                    time.sleep(30)
                if self.behavior == "fragile":
                    self.leave()
                    return 75
        self.leave()
        state = "other" if self.behavior == "differs" and self.dead else "expected"
        self.write("result.json", {"state_sha256": state})
        return 0

    def leave(self) -> None:
        kept = 0 if self.behavior == "orphans" and self.dead else None
        for index, agent in self.nodes.items():
            if index != kept or index in self.dead:
                self.end_node(agent)
                agent.wait()


if __name__ == "__main__":
    sys.exit(FakeRun().train())
