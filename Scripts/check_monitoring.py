#!/usr/bin/env python3
"""Has a real Prometheus scrape a run, and asks it every query of the dashboard and of the alerts.

Needs the Debian package `prometheus` (with `promtool`) and a built `oobleck`. Trains a small run with a loss,
and writes what came of each query; exits 1 if one fails, or if one that must have an answer has none.

    Scripts/check_monitoring.py [--programs .build/debug]
"""

import argparse
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "Examples" / "monitoring"
JOB = """
model: {name: small, blocks: 4, hidden: 64, heads: 4, vocabulary: 256, sequence_length: 64}
data: {corpus: corpus.txt, validation: corpus.txt}
evaluate: {every: 20, batches: 1}
training: {steps: 100000, seed: 5, global_batch: 16, microbatch: 2}
cluster: {nodes: 4, fault_tolerance: 1}
checkpoint: {every: 20}
"""
# Queries that have no answer in a run in which all is well.
MAY_BE_EMPTY = ("restored_bytes", "alerts")
DEADLINE = 120


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def free_ports(count):
    """The first of some ports in a row that are free now."""
    while True:
        first = free_port()
        try:
            for port in range(first, first + count):
                with socket.socket() as listener:
                    listener.bind(("127.0.0.1", port))
            return first
        except (OSError, OverflowError):
            continue


def get(address):
    with urllib.request.urlopen(address, timeout=10) as answer:
        return answer.read().decode()


def wait_until(what, condition):
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.5)
    sys.exit(f"check_monitoring: {what} did not come within {DEADLINE} s")


def dashboard_queries():
    """Each query of the dashboard with the panel that shows it, its variables filled in."""
    dashboard = json.loads((EXAMPLES / "grafana-dashboard.json").read_text())
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids)), "two panels have one id"
    queries = [
        (panel["title"], target["expr"])
        for panel in dashboard["panels"]
        for target in panel["targets"]
    ]
    queries += [(note["name"], note["expr"]) for note in dashboard["annotations"]["list"]]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            # label_values(METRIC, LABEL) of Grafana asks for the metric.
            metric = variable["definition"].split("(")[1].split(",")[0]
            queries.append((f"variable {variable['name']}", metric))
    return [
        (title, expression.replace("$instance", ".*").replace("$__rate_interval", "20s"))
        for title, expression in queries
    ]


def alert_queries(prometheus):
    """Each query of the alerts, as Prometheus itself read them."""
    groups = json.loads(get(f"{prometheus}/api/v1/rules"))["data"]["groups"]
    return [(f"alerts: {rule['name']}", rule["query"]) for g in groups for rule in g["rules"]]


def ask(prometheus, expression):
    query = urllib.parse.urlencode({"query": expression})
    return json.loads(get(f"{prometheus}/api/v1/query?{query}"))["data"]["result"]


def check_queries(prometheus):
    failures = 0
    for title, expression in dashboard_queries() + alert_queries(prometheus):
        try:
            series = len(ask(prometheus, expression))
        except OSError as error:
            print(f"FAILED  {title}: {expression}: {error}")
            failures += 1
            continue
        is_missing = series == 0 and not any(
            word in f"{title} {expression}" for word in MAY_BE_EMPTY
        )
        failures += is_missing
        print(f"{'EMPTY ' if is_missing else 'ok    '}  {series:2} series  {title}: {expression}")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", default=str(ROOT / ".build" / "debug"))
    programs = pathlib.Path(parser.parse_args().programs).resolve()
    for tool in ("prometheus", "promtool"):
        if not shutil.which(tool):
            sys.exit(f"check_monitoring: {tool} is not installed: apt-get install prometheus")
    subprocess.run(["promtool", "check", "rules", EXAMPLES / "alerts.yml"], check=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        processes = []
        try:
            failures = check(folder, programs, processes)
        finally:
            for process in reversed(processes):
                process.terminate()
            for process in processes:
                try:
                    process.wait(timeout=30)
                except subprocess.TimeoutExpired:
                    process.kill()
    print("all queries were answered" if failures == 0 else f"{failures} queries were not")
    sys.exit(1 if failures else 0)


def check(folder, programs, processes):
    target, port = f"127.0.0.1:{free_port()}", free_port()
    (folder / "job.yaml").write_text(JOB)
    text = "".join(f"line {7919 * i % 4001} of the corpus.\n" for i in range(4000))
    (folder / "corpus.txt").write_text(text)
    configuration = (EXAMPLES / "prometheus.yml").read_text()
    configuration = configuration.replace("127.0.0.1:9464", target).replace(": 5s", ": 1s")
    agents = free_ports(4)
    for node in range(4):
        configuration = configuration.replace(f"127.0.0.1:{9500 + node}", f"127.0.0.1:{agents + node}")
    (folder / "prometheus.yml").write_text(configuration)
    shutil.copy(EXAMPLES / "alerts.yml", folder)
    subprocess.run(["promtool", "check", "config", folder / "prometheus.yml"], check=True)
    with open(folder / "run.txt", "w") as log:
        run = subprocess.Popen(
            [
                *(programs / "oobleck", "train", folder / "job.yaml"),
                *("--run-dir", folder / "run", "--metrics-listen", target, "--no-report"),
                *("--agent-metrics-port", str(agents)),
                *("--fault", "node=1,point=mid-forward,step=60,target=worker"),
            ],
            stdout=log,
            stderr=log,
        )
    processes.append(run)
    server = subprocess.Popen(
        [
            *("prometheus", "--config.file", folder / "prometheus.yml"),
            *("--storage.tsdb.path", folder / "data", "--web.listen-address", f"127.0.0.1:{port}"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    processes.append(server)
    prometheus = f"http://127.0.0.1:{port}"
    # Rates need two scrapes of what the loss changed.
    wait_until(
        "a recovery in Prometheus",
        lambda: run.poll() is not None
        or ask(prometheus, "min_over_time(oobleck_recoveries_total[5s]) > 0"),
    )
    if run.poll() is not None:
        sys.exit(f"check_monitoring: the run ended: {(folder / 'run.txt').read_text()}")
    wait_until(
        "an agent's rates", lambda: ask(prometheus, "rate(oobleck_agent_worker_cpu_seconds_total[20s])")
    )
    problems = 0
    for address in (target, f"127.0.0.1:{agents}"):
        command = ["promtool", "check", "metrics"]
        text = get(f"http://{address}/metrics")
        problems += subprocess.run(command, input=text, text=True, check=False).returncode != 0
    return check_queries(prometheus) + problems


if __name__ == "__main__":
    main()
