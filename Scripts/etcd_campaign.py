#!/usr/bin/env python3
"""Trains again and again with coordination in a real etcd of three members, in the middle of troubles.

    Scripts/etcd_campaign.py --runs 200 --seed 1 --output Benchmarks/Results/etcd-campaign.json

Each run has a leader, a standby and six nodes of a small job. By chance, a few times a run: a member, two
members, the leader or a node stands still for a while or is killed; what is killed comes back (a member
with its data, a standby in place of the leader). A run passes when somebody ends it with the state of an
undisturbed run, its ledger holds, every sample was used once, and no process is left. --latency puts links
between the run and the members that hold everything back for so long, each way half of it. Needs etcd; cuts
of the network and clocks that differ are not in it.
"""
import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RUN_SECONDS = 240
# In which the loss of a node is survived, also when the lead changes meanwhile.
RECOVERY_SECONDS = 15
STEPS = 150
JOB = f"""model: {{name: campaign, blocks: 6, hidden: 64, heads: 4, vocabulary: 256, sequence_length: 64}}
data: {{corpus: corpus.txt}}
training: {{steps: {STEPS}, seed: 5, global_batch: 16, microbatch: 2, warmup_steps: 2}}
cluster: {{nodes: 6, fault_tolerance: 1, device_memory: 50000, detection_budget: 2}}
checkpoint: {{every: 40}}
"""
LAYER = {
    "forward_seconds": 0.01, "backward_seconds": 0.02, "parameter_bytes": 1000,
    "optimizer_bytes": 2000, "activation_bytes": 3000,
}
QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def free_ports(count: int) -> list:
    """Unused ports of loopback; all are taken at once, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class SlowLink:
    """Passes connections on to an address, and all that is said half a latency later."""

    def __init__(self, target: str, latency: float) -> None:
        self.host, port = target.split(":")
        self.port, self.delay = int(port), latency / 2
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        self.thread = threading.Thread(target=self.serve, args=(ready,), daemon=True)
        self.thread.start()
        ready.wait(10)

    def serve(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(
            asyncio.start_server(self.connect, "127.0.0.1", 0)
        )
        self.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set()
        self.loop.run_forever()
        server.close()
        left = asyncio.all_tasks(self.loop)
        for task in left:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self.loop.close()

    async def connect(self, reader, writer) -> None:
        try:
            onward = await asyncio.open_connection(self.host, self.port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self.carry(reader, onward[1]), self.carry(onward[0], writer))

    async def carry(self, reader, writer) -> None:
        """Keeps the order: each piece is due so long after it came."""
        queue = asyncio.Queue()

        async def deliver() -> None:
            while True:
                due, piece = await queue.get()
                await asyncio.sleep(max(0, due - self.loop.time()))
                if not piece:
                    writer.close()
                    return
                writer.write(piece)

        delivery = asyncio.ensure_future(deliver())
        piece = b" "
        while piece:
            try:
                piece = await reader.read(1 << 16)
            except OSError:
                piece = b""
            queue.put_nowait((self.loop.time() + self.delay, piece))
        await asyncio.gather(delivery, return_exceptions=True)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)


class Etcd:
    """Three members on loopback."""

    def __init__(self, folder: pathlib.Path, latency: float) -> None:
        ports = free_ports(6)
        self.client = [f"127.0.0.1:{port}" for port in ports[:3]]
        peer = [f"http://127.0.0.1:{port}" for port in ports[3:]]
        cluster = ",".join(f"m{index}={url}" for index, url in enumerate(peer))
        self.commands = [
            [
                "etcd", "--name", f"m{index}", "--data-dir", str(folder / f"m{index}"),
                "--listen-client-urls", f"http://{self.client[index]}",
                "--advertise-client-urls", f"http://{self.client[index]}",
                "--listen-peer-urls", peer[index], "--initial-advertise-peer-urls", peer[index],
                "--initial-cluster", cluster, "--logger", "zap",
            ]
            for index in range(3)
        ]
        self.members = [subprocess.Popen(command, **QUIET) for command in self.commands]
        self.links = [SlowLink(address, latency) for address in self.client] if latency else []
        self.ends = [link.address for link in self.links] or self.client

    def restart(self, index: int) -> None:
        self.members[index].wait()
        self.members[index] = subprocess.Popen(self.commands[index], **QUIET)

    def close(self) -> None:
        for link in self.links:
            link.close()
        for member in self.members:
            member.kill()
        for member in self.members:
            member.wait()


class Campaign:
    """One run with its troubles."""

    def __init__(
        self, program: str, folder: pathlib.Path, random_source: random.Random, latency: float
    ) -> None:
        self.program, self.folder, self.random = program, folder, random_source
        self.etcd = Etcd(folder, latency)
        self.location = "etcd://" + ",".join(self.etcd.ends) + "/campaign"
        self.trainers = []  # (process, run directory), the leader first.
        self.told = []
        self.until = []  # Moments, and what is to be done then.
        self.node_killed = float("-inf")

    def start(self, name: str, arguments: list) -> None:
        directory = self.folder / name
        with open(self.folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen(
                [self.program, "train", *arguments, "--coordination", self.location,
                 "--run-dir", str(directory)],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.trainers.append((process, directory))

    def stand_by(self) -> None:
        self.start(f"trainer-{len(self.trainers)}", ["--standby"])

    def lead(self) -> None:
        self.start("trainer-0", ["job.yaml", "--profile", "profile.json"])

    def leading(self):
        """Whoever writes the newest status and lives; (None, None) while the lead changes."""
        found = [
            (path.stat().st_mtime, process, directory)
            for process, directory in self.trainers
            if process.poll() is None and (path := directory / "status.json").exists()
        ]
        return max(found, key=lambda entry: entry[0])[1:] if found else (None, None)

    def step(self) -> int:
        process, directory = self.leading()
        if process is None:
            return -1
        try:
            return json.loads((directory / "status.json").read_text()).get("step", -1)
        except (OSError, ValueError):
            return -1

    def pause(self, pid: int, seconds: float) -> None:
        os.kill(pid, signal.SIGSTOP)
        self.until.append((time.monotonic() + seconds, lambda: os.kill(pid, signal.SIGCONT)))

    def trouble(self) -> None:
        kind = self.random.choice([
            "member stands still", "two members stand still", "member killed",
            "leader stands still", "leader killed", "standby killed", "node killed",
        ])
        seconds = round(self.random.choice([0.5, 1.2, 2.2, 2.6, 3.5, 6]), 1)
        first, second = self.random.sample(range(3), 2)
        process, directory = self.leading()
        if process is None:
            return
        self.told.append(f"{kind} {seconds}" if "still" in kind else kind)
        if kind == "member stands still":
            self.pause(self.etcd.members[first].pid, seconds)
        elif kind == "two members stand still":
            self.pause(self.etcd.members[first].pid, seconds)
            self.pause(self.etcd.members[second].pid, seconds)
        elif kind == "member killed":
            self.etcd.members[first].kill()
            self.until.append((time.monotonic() + seconds, lambda: self.etcd.restart(first)))
        elif kind == "leader stands still":
            self.pause(process.pid, seconds)
        elif kind == "leader killed":
            process.kill()
            process.wait()
        elif kind == "standby killed":
            for other, _ in self.trainers:
                if other.poll() is None and other.pid != process.pid:
                    other.kill()
                    other.wait()
        elif kind == "node killed":
            self.kill_node(directory)

    def kill_node(self, directory: pathlib.Path) -> None:
        """Kills a node, unless the loss of another may not have been survived yet: f is 1."""
        if time.monotonic() - self.node_killed < RECOVERY_SECONDS:
            self.told[-1] = "node spared"
            return
        nodes = json.loads((directory / "status.json").read_text()).get("nodes", [])
        pids = [node["agent_pid"] for node in nodes if node.get("agent_pid")]
        if len(pids) > 3:
            self.node_killed = time.monotonic()
            try:
                os.killpg(self.random.choice(pids), signal.SIGKILL)
            except ProcessLookupError:
                self.told[-1] = "node spared"

    def run(self) -> tuple:
        """Returns the directory of the finished run, or nothing and why."""
        end = time.monotonic() + RUN_SECONDS
        self.lead()
        while self.step() < 1 and time.monotonic() < end and self.trainers[0][0].poll() is None:
            time.sleep(0.1)
        self.stand_by()
        due = time.monotonic() + self.random.uniform(0.2, 2)
        left = self.random.randint(2, 4)
        while time.monotonic() < end:
            now = time.monotonic()
            for entry in [entry for entry in self.until if entry[0] <= now]:
                self.until.remove(entry)
                with contextlib.suppress(ProcessLookupError):
                    entry[1]()
            for process, directory in self.trainers:
                if process.poll() == 0 and (directory / "result.json").exists():
                    return directory, ""
            alive = [process for process, _ in self.trainers if process.poll() is None]
            if not alive:
                return None, f"all ended: {[process.poll() for process, _ in self.trainers]}"
            if len(alive) < 2:
                self.stand_by()
            if now >= due and left > 0 and not self.until and 0 <= self.step() < STEPS - 20:
                self.trouble()
                left -= 1
                due = now + self.random.uniform(0.5, 4)
            time.sleep(0.05)
        return None, f"not over after {RUN_SECONDS} s, at step {self.step()}"

    def close(self) -> list:
        """Ends what is left; returns what should not have been."""
        for _, action in self.until:
            with contextlib.suppress(ProcessLookupError, OSError):
                action()
        deadline = time.monotonic() + 30
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.2)
        for pid, _ in left:
            os.kill(pid, signal.SIGKILL)
        self.etcd.close()
        return [line for _, line in left]

    def processes(self) -> list:
        """Processes that carry the folder in their arguments, but etcd's."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
            except OSError:
                continue
            text = line.decode(errors="replace")
            if str(self.folder) in text and not text.startswith("etcd "):
                found.append((int(pid), text))
        return found


def prepare(folder: pathlib.Path) -> None:
    (folder / "job.yaml").write_text(JOB)
    (folder / "corpus.txt").write_text(
        "".join(f"line {index * 7919 % 4001} of the corpus.\n" for index in range(4000))
    )
    layers = [{"name": f"layer{index}", **LAYER} for index in range(8)]
    profile = {"version": 1, "model": "campaign", "microbatch_size": 2, "layers": layers}
    (folder / "profile.json").write_text(json.dumps(profile))


def verdict(program: str, directory, expected: dict) -> str:
    result = json.loads((directory / "result.json").read_text())
    if result["state_sha256"] != expected["state_sha256"]:
        return f"another state: {result['state_sha256']}"
    if result["samples_committed"] != expected["samples_committed"]:
        return f"{result['samples_committed']} samples, not {expected['samples_committed']}"
    check = subprocess.run([program, "verify", directory], capture_output=True, text=True)
    return "" if check.returncode == 0 else f"verify: {check.stdout.strip()[-200:]}"


def write(options: argparse.Namespace, rows: list) -> None:
    """What is known so far, after each run."""
    if options.output:
        command = f"Scripts/etcd_campaign.py --seed {options.seed} --latency {options.latency}"
        failed = sum(1 for row in rows if row["failure"])
        summary = {"command": command, "runs": len(rows), "failed": failed, "rows": rows}
        options.output.write_text(json.dumps(summary, indent=1) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=str(ROOT / ".build/release/oobleck"))
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency", type=float, default=0)
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    base = pathlib.Path(tempfile.mkdtemp(prefix="oobleck-etcd-campaign-"))
    prepare(base)
    reference = [
        options.program, "train", "job.yaml", "--reference", "--run-dir", str(base / "reference")
    ]
    subprocess.run(reference, cwd=base, check=True, **QUIET)
    expected = json.loads((base / "reference/result.json").read_text())
    rows = []
    for number in range(options.runs):
        folder = base / f"run-{number}"
        folder.mkdir()
        prepare(folder)
        campaign = Campaign(
            options.program, folder, random.Random(f"{options.seed} {number}"), options.latency
        )
        started = time.monotonic()
        directory, failure = campaign.run()
        leftovers = campaign.close()
        failure = failure or verdict(options.program, directory, expected)
        if not failure and leftovers:
            failure = f"left: {leftovers[0][:120]}"
        rows.append({
            "run": number, "seconds": round(time.monotonic() - started, 1),
            "troubles": campaign.told, "failure": failure,
        })
        print(number, rows[-1]["seconds"], "; ".join(campaign.told), failure or "same", flush=True)
        write(options, rows)
        if not failure:
            shutil.rmtree(folder)
    failed = sum(1 for row in rows if row["failure"])
    print(f"{len(rows)} runs, {failed} failed" + (f"; see {base}" if failed else ""))
    if not failed:
        shutil.rmtree(base)
    return 1 if failed else 0


sys.exit(main())
