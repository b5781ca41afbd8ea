#!/usr/bin/env python3
"""Has a real MLflow server told of a run that loses a node, and reads the run there.

Needs a built `oobleck`, and `mlflow` from PyPI: --mlflow names its program; without it, a temporary
environment gets one (a gigabyte, minutes). Exits 1 if the server does not have what metrics.jsonl has, or
if a run whose server is gone does not finish.

    Scripts/check_mlflow.py [--programs .build/debug] [--mlflow PATH]
"""

import argparse
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
STEPS = 40
JOB = f"""
model: {{name: small, blocks: 4, hidden: 64, heads: 4, vocabulary: 256, sequence_length: 64}}
data: {{corpus: corpus.txt, validation: corpus.txt}}
evaluate: {{every: 20, batches: 1}}
training: {{steps: {STEPS}, seed: 5, global_batch: 16, microbatch: 2}}
cluster: {{nodes: 3, fault_tolerance: 1}}
"""
DEADLINE = 180


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(server, call, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{server}/api/2.0/mlflow/{call}", data, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def wait_for(server):
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{server}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    sys.exit(f"check_mlflow: the server did not answer within {DEADLINE} s")


def train(folder, programs, name, server):
    """Trains a run with a loss; returns what it printed."""
    return subprocess.run(
        [
            programs / "oobleck",
            "train",
            folder / "job.yaml",
            "--run-dir",
            folder / name,
            "--no-report",
            "--mlflow",
            server,
            "--mlflow-experiment",
            "a lab",
            "--fault",
            "node=1,point=mid-forward,step=15,target=worker",
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    ).stdout


def check_run(folder, server):
    """What the server lacks of the run, in lines."""
    text = (folder / "told" / "metrics.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    experiment = ask(server, "experiments/get-by-name?experiment_name=a%20lab")["experiment"]
    found = ask(server, "runs/search", {"experiment_ids": [experiment["experiment_id"]]})["runs"]
    if [run["info"]["status"] for run in found] != ["FINISHED"]:
        return [f"its runs are {[run['info'] for run in found]}"]
    run = found[0]
    problems = []
    for key in ("loss", "validation_loss", "nodes", "step_seconds"):
        query = f"run_id={run['info']['run_id']}&metric_key={key}"
        history = ask(server, f"metrics/get-history?{query}").get("metrics", [])
        there = sorted((int(entry["step"]), entry["value"]) for entry in history)
        wanted = sorted((line["step"], line[key]) for line in lines if key in line)
        print(f"{key}: {len(there)} values")
        if there != wanted or not wanted:
            problems.append(f"{key} is {there}, not {wanted}")
    parameters = {entry["key"]: entry["value"] for entry in run["data"]["params"]}
    print(f"{len(parameters)} parameters, {len(run['data']['tags'])} tags")
    if parameters.get("model.name") != "small" or len(parameters) < 10:
        problems.append(f"its parameters are {parameters}")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", default=str(ROOT / ".build" / "debug"))
    parser.add_argument("--mlflow", type=pathlib.Path, help="the program mlflow")
    given = parser.parse_args()
    programs = pathlib.Path(given.programs).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        mlflow = given.mlflow
        if mlflow is None:
            subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
            pip = [folder / "venv/bin/pip", "install", "--quiet", "mlflow"]
            subprocess.run(pip, check=True)
            mlflow = folder / "venv/bin/mlflow"
        (folder / "job.yaml").write_text(JOB)
        text = "".join(f"line {7919 * i % 4001} of the corpus.\n" for i in range(4000))
        (folder / "corpus.txt").write_text(text)
        problems = check(folder, programs, mlflow)
    for problem in problems:
        print(f"FAILED  {problem}")
    print("the server has all of the run" if not problems else f"{len(problems)} problems")
    sys.exit(1 if problems else 0)


def check(folder, programs, mlflow):
    port = free_port()
    server = f"http://127.0.0.1:{port}"
    with open(folder / "server.txt", "w") as log:
        process = subprocess.Popen(
            [
                mlflow,
                "server",
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
                "--workers",
                "1",
                "--backend-store-uri",
                f"sqlite:///{folder}/mlflow.db",
                "--default-artifact-root",
                folder / "artifacts",
            ],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_for(server)
        said = train(folder, programs, "told", server)
        problems = check_run(folder, server)
        # A server on a busy machine may need longer than a request has; nothing is lost then.
        print(*(line for line in said.splitlines() if "MLflow" in line), sep="\n")
    finally:
        # The program starts others, which do not end with it.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
    said = train(folder, programs, "alone", server)
    if said.count("MLflow") != 1:
        problems.append(f"a run without its server said: {said}")
    print("a run whose server is gone finishes, and says so once")
    return problems


if __name__ == "__main__":
    main()
