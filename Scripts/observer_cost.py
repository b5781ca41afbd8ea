#!/usr/bin/env python3
"""What all observers of a run cost together: runs with all of them on, and with all off, in turn.

On are: /metrics of the coordinator and of each agent, scraped every second; the dashboard with an open
page; TensorBoard; a program for each event; MLflow, at a server of this script; the report; traces of the
workers. Off is all of that; metrics.jsonl and events.jsonl, which every run has, are on in both.

Prints the ratio of the median step times of each pair, and their median with a 95 % interval (bootstrap
over the pairs).

    Scripts/observer_cost.py [--pairs 8] [--steps 30] [--programs .build/release] [--output FILE]
"""

import argparse
import http.client
import http.server
import json
import os
import pathlib
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
JOB = """
model: {name: small, blocks: 4, hidden: 192, heads: 6, vocabulary: 256, sequence_length: 128}
data: {corpus: corpus.txt}
training: {steps: STEPS, seed: 5, global_batch: 32, microbatch: 4}
cluster: {nodes: 4, fault_tolerance: 1}
"""
NODES, SKIPPED, DEADLINE = 4, 3, 900


def free_ports(count):
    """The first of some ports in a row that are free now."""
    while True:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            first = listener.getsockname()[1]
        try:
            for port in range(first, first + count):
                with socket.socket() as listener:
                    listener.bind(("127.0.0.1", port))
            return first
        except (OSError, OverflowError):
            continue


class MLflow(http.server.BaseHTTPRequestHandler):
    """Answers what a run asks of MLflow."""

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "experiments/" in self.path:
            text = {"experiment": {"experiment_id": "1"}, "experiment_id": "1"}
        else:
            text = {"run": {"info": {"run_id": "abc"}}}
        body = json.dumps(text).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


def read(address, headers=None, limit=None):
    """Reads an address; None when it does not answer. With a limit, goes on until the end."""
    try:
        request = urllib.request.Request(address, headers=headers or {})
        with urllib.request.urlopen(request, timeout=30) as answer:
            try:
                while limit is not None and answer.read(limit):
                    pass
                return answer.read()
            except http.client.IncompleteRead as read:
                # A stream ends with its run.
                return read.partial
    except OSError:
        return None


class Readers:
    """Reads of a run what its observers offer, while it lasts."""

    def __init__(self, run, ports):
        self.run, self.ports, self.is_over = run, ports, threading.Event()
        self.scrapes = self.pages = 0
        self.threads = [threading.Thread(target=task) for task in (self.scrape, self.page)]
        for thread in self.threads:
            thread.start()

    def scrape(self):
        while not self.is_over.wait(1):
            for port in self.ports:
                self.scrapes += read(f"http://127.0.0.1:{port}/metrics") is not None

    def page(self):
        """Follows the run as an open page does."""
        while not self.is_over.wait(0.5):
            try:
                link = (self.run / "dashboard").read_text().strip()
            except OSError:
                continue
            address, token = link.split("/#token=")
            headers = {"Authorization": f"Bearer {token}"}
            stream = f"{address}/api/runs/{self.run.name}/stream"
            self.pages += read(stream, headers, limit=1 << 16) is not None

    def end(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join()


def train(folder, name, given, is_observed, mlflow):
    """Trains a run; its median step time in seconds, and what was read of it."""
    run, environment = folder / name, dict(os.environ)
    command = [given.programs / "oobleck", "train", folder / "job.yaml", "--run-dir", run]
    command += ["--profile", folder / "profile.json"]
    first = free_ports(NODES + 1)
    readers = None
    if is_observed:
        command += ["--metrics-listen", f"127.0.0.1:{first + NODES}", "--tensorboard", "--dashboard"]
        command += ["--agent-metrics-port", str(first), "--on-event", "cat > /dev/null"]
        command += ["--mlflow", f"http://127.0.0.1:{mlflow}"]
        readers = Readers(run, range(first, first + NODES + 1))
    else:
        command += ["--no-report"]
        environment["OOBLECK_TRACE"] = "off"
    try:
        subprocess.run(
            command, check=True, env=environment, capture_output=True, timeout=DEADLINE
        )
    finally:
        if readers:
            readers.end()
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    times = [line["step_seconds"] for line in lines if line["step"] > SKIPPED]
    return statistics.median(times), readers


def interval(ratios):
    """A 95 % interval of the median, by bootstrap over the pairs."""
    chance = random.Random(1)
    medians = sorted(
        statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(10_000)
    )
    return medians[250], medians[9750]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / ".build" / "release")
    parser.add_argument("--output", type=pathlib.Path)
    given = parser.parse_args()
    given.programs = given.programs.resolve()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), MLflow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as name:
        result = measure(pathlib.Path(name), given, server.server_address[1])
    server.shutdown()
    print(json.dumps(result, indent=1))
    if given.output:
        given.output.write_text(json.dumps(result, indent=1) + "\n")


def measure(folder, given, mlflow):
    (folder / "job.yaml").write_text(JOB.replace("STEPS", str(given.steps)))
    text = "".join(f"line {7919 * i % 4001} of the corpus.\n" for i in range(8000))
    (folder / "corpus.txt").write_text(text)
    profile = [given.programs / "oobleck", "profile", folder / "job.yaml"]
    profile += ["--output", folder / "profile.json"]
    subprocess.run(profile, check=True, capture_output=True, timeout=DEADLINE)
    pairs, scrapes, pages = [], 0, 0
    for pair in range(given.pairs):
        times = {}
        for is_observed in (True, False) if pair % 2 == 0 else (False, True):
            name = f"run-{pair}-{'on' if is_observed else 'off'}"
            times[is_observed], readers = train(folder, name, given, is_observed, mlflow)
            if readers:
                scrapes, pages = scrapes + readers.scrapes, pages + readers.pages
        pairs.append({"on_seconds": times[True], "off_seconds": times[False]})
        print(f"pair {pair}: {times[True] / times[False]:.4f}", file=sys.stderr, flush=True)
    if scrapes < given.pairs or pages < given.pairs:
        sys.exit(f"observer_cost: only {scrapes} scrapes and {pages} pages were answered")
    ratios = [pair["on_seconds"] / pair["off_seconds"] for pair in pairs]
    low, high = interval(ratios)
    return {
        "command": " ".join(["Scripts/observer_cost.py", *map(str, sys.argv[1:])]),
        "build": given.programs.name,
        "nodes": NODES,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "steps_of_a_run": given.steps,
        "scrapes": scrapes,
        "step_seconds_off": statistics.median(pair["off_seconds"] for pair in pairs),
        "ratio_median": statistics.median(ratios),
        "ratio_interval_95": [low, high],
        "pairs": pairs,
    }


if __name__ == "__main__":
    main()
