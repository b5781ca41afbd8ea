"""Runs the planner's benchmark and writes its results.

    planner_bench.py times      Benchmarks/Results/planner-times.json: seconds, one core, release
    planner_bench.py counts     Benchmarks/Results/planner-counts.{csv,svg}: work of the template
                                search by layers, nodes and devices, on logarithmic axes
    planner_bench.py hard       Benchmarks/Results/planner-hard.json: the slowest of a survey of
                                profiles that are hard to plan for, by kind

Builds the planner alone (`Scripts/planner-package.sh`).
"""

import csv
import html
import json
import math
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "Benchmarks/Results"
DEADLINE = 900
# Two series to a plot: what grows.
PLOTS = [
    ("layers L", "layers", ["layers, 8 nodes of 1", "layers, 8 nodes of 8"]),
    ("nodes N", "nodes", ["nodes of 1, 192 layers", "nodes of 8, 96 layers"]),
]
COLOURS = ["#1f4e8c", "#d9822b"]


def run(mode: str) -> list[dict]:
    folder = subprocess.run(
        [ROOT / "Scripts/planner-package.sh"], check=True, capture_output=True, text=True, timeout=60
    ).stdout.strip()
    build = ["swift", "build", "--package-path", folder, "-c", "release"]
    subprocess.run(build + ["--product", "planner-benchmark"], check=True, timeout=DEADLINE)
    program = pathlib.Path(folder) / ".build/release/planner-benchmark"
    done = subprocess.run(
        [program, mode], check=True, capture_output=True, text=True, timeout=DEADLINE
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def total(row: dict) -> int:
    return row["bounds"] + row["states"] + row["steps"]


def slope(points: list[tuple[float, float]]) -> float:
    """Of the line through the logarithms with the least squares."""
    logs = [(math.log(x), math.log(y)) for x, y in points]
    mean_x = sum(x for x, _ in logs) / len(logs)
    mean_y = sum(y for _, y in logs) / len(logs)
    over = sum((x - mean_x) * (y - mean_y) for x, y in logs)
    return over / sum((x - mean_x) ** 2 for x, _ in logs)


def plot(rows: list[dict]) -> str:
    width, height, left, top, side = 1080, 560, 90, 70, 420
    parts = [
        '<text x="20" y="30" font-size="18" font-weight="bold">Work of the template search '
        "(bounds + states + steps), all templates up to N nodes</text>"
    ]
    for index, (title, key, names) in enumerate(PLOTS):
        x0, y0 = left + index * (side + 110), top
        points = {n: [(r[key], total(r)) for r in rows if r["series"] == n] for n in names}
        every = [point for series in points.values() for point in series]
        low = (min(x for x, _ in every), 10 ** math.floor(math.log10(min(y for _, y in every))))
        high = (max(x for x, _ in every), 10 ** math.ceil(math.log10(max(y for _, y in every))))

        def place(x: float, y: float) -> tuple[float, float]:
            across = math.log(x / low[0]) / math.log(high[0] / low[0])
            up = math.log(y / low[1]) / math.log(high[1] / low[1])
            return x0 + across * side, y0 + (1 - up) * 340

        parts.append(
            f'<rect x="{x0}" y="{y0}" width="{side}" height="340" fill="none" stroke="#555"/>'
        )
        for exponent in range(round(math.log10(low[1])), round(math.log10(high[1])) + 1):
            _, y = place(low[0], 10**exponent)
            parts.append(f'<line x1="{x0}" y1="{y}" x2="{x0 + side}" y2="{y}" stroke="#ddd"/>')
            parts.append(
                f'<text x="{x0 - 8}" y="{y + 4}" text-anchor="end">10'
                f'<tspan dy="-5" font-size="9">{exponent}</tspan></text>'
            )
        for x in sorted({x for x, _ in every}):
            at, _ = place(x, low[1])
            parts.append(f'<text x="{at}" y="{y0 + 358}" text-anchor="middle">{x}</text>')
        parts.append(
            f'<text x="{x0 + side / 2}" y="{y0 + 380}" text-anchor="middle">{title}</text>'
        )
        for number, (name, series) in enumerate(points.items()):
            colour, dash = COLOURS[number], ["", ' stroke-dasharray="7 4"'][number]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in series))
            parts.append(
                f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
            )
            for point in series:
                x, y = place(*point)
                parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>')
            y = y0 + 402 + 18 * number
            parts.append(
                f'<line x1="{x0}" y1="{y - 4}" x2="{x0 + 30}" y2="{y - 4}" stroke="{colour}" '
                f'stroke-width="2"{dash}/>'
            )
            text = f"{name}: slope {slope(series):.2f}"
            parts.append(f'<text x="{x0 + 38}" y="{y}">{html.escape(text)}</text>')
    tables = [row["tables"] / row["nodes"] for row in rows]
    notes = [
        "One device a node: O(L²) bounds and one table of O(N L) states for a template, so O(N L²) "
        "+ O(N² L) in all; slopes of at most 2.",
        "G = 8: each table takes O(N G L² log G) steps at most; it took "
        f"{min(tables):.0f} to {max(tables):.0f} tables for a template to prove the least T.",
    ]
    for number, note in enumerate(notes):
        parts.append(f'<text x="20" y="{height - 34 + 18 * number}" fill="#555">{note}</text>')
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )


def survey(rows: list[dict]) -> dict:
    """By kind: how many cases, how long they took, the slowest, and all that are not proved."""
    kinds = {}
    for model, devices in sorted({(r["cost_model"], r["devices_per_node"]) for r in rows}):
        some = [r for r in rows if (r["cost_model"], r["devices_per_node"]) == (model, devices)]
        some.sort(key=lambda row: row["seconds"])
        kinds[f"{model}, 96 layers, 24 nodes of {devices}"] = {
            "cases": len(some),
            "median_seconds": some[len(some) // 2]["seconds"],
            "slowest": some[-3:],
            "not_proved": [row for row in some if row["unproved"]],
        }
    return kinds


def main() -> int:
    mode = sys.argv[1] if len(sys.argv) == 2 else ""
    if mode not in ("times", "counts", "hard"):
        print("usage: planner_bench.py times|counts|hard", file=sys.stderr)
        return 64
    rows = run(mode)
    for row in rows:
        print(json.dumps(row))
    if mode == "times":
        text = json.dumps({"seed": 1, "cases": rows}, indent=2)
        (RESULTS / "planner-times.json").write_text(text + "\n")
        return 0
    if mode == "hard":
        (RESULTS / "planner-hard.json").write_text(json.dumps(survey(rows), indent=2) + "\n")
        return 0
    with (RESULTS / "planner-counts.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    (RESULTS / "planner-counts.svg").write_text(plot(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
