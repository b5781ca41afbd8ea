"""Runs the planner's benchmark and writes its results.

    planner_bench.py times      Benchmarks/Results/planner-times.json: processor seconds, release
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
    subprocess.run([*build, "--product", "planner-benchmark"], check=True, timeout=DEADLINE)
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


def bound(row: dict) -> float:
    """What the work grows with at most, as `plot` says."""
    nodes, layers, devices = row["nodes"], row["layers"], row["devices_per_node"]
    if devices == 1:
        return nodes * layers * layers
    return nodes * nodes * devices * layers * layers * math.log2(2 * devices)


def summary(rows: list[dict], name: str, key: str) -> list[dict]:
    """A point for each size: the least, the median and the most work of all seeds."""
    points = []
    for size in sorted({row[key] for row in rows if row["series"] == name}):
        some = [row for row in rows if row["series"] == name and row[key] == size]
        works = sorted(total(row) for row in some)
        points.append(
            {
                "x": size,
                "least": works[0],
                "median": works[len(works) // 2],
                "most": works[-1],
                "bound": bound(some[0]),
            }
        )
    return points


def panel(x0: float, y0: float, title: str, series: dict[str, list[dict]]) -> list[str]:
    """One plot on logarithmic axes: medians as lines, the range of the seeds as strokes."""
    side, tall = 420, 340
    every = [point for points in series.values() for point in points]
    low = (min(p["x"] for p in every), 10 ** math.floor(math.log10(min(p["least"] for p in every))))
    high = (max(p["x"] for p in every), 10 ** math.ceil(math.log10(max(p["most"] for p in every))))

    def place(x: float, y: float) -> tuple[float, float]:
        across = math.log(x / low[0]) / math.log(high[0] / low[0])
        up = math.log(y / low[1]) / math.log(high[1] / low[1])
        # A little room left and right, so that no point lies on the frame.
        return x0 + 15 + across * (side - 30), y0 + (1 - up) * tall

    def line(points: list[tuple[float, float]], style: str) -> str:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
        return f'<polyline points="{path}" fill="none" {style}/>'

    parts = [
        f'<clipPath id="c{x0}"><rect x="{x0}" y="{y0}" width="{side}" height="{tall}"/></clipPath>'
    ]
    for exponent in range(round(math.log10(low[1])), round(math.log10(high[1])) + 1):
        _, y = place(low[0], 10**exponent)
        parts.append(f'<line x1="{x0}" y1="{y}" x2="{x0 + side}" y2="{y}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{x0 - 8}" y="{y + 4}" text-anchor="end">10'
            f'<tspan dy="-5" font-size="9">{exponent}</tspan></text>'
        )
    for x in sorted({p["x"] for p in every}):
        at, _ = place(x, low[1])
        parts.append(f'<line x1="{at}" y1="{y0 + tall}" x2="{at}" y2="{y0 + tall + 5}" stroke="#555"/>')
        parts.append(f'<text x="{at}" y="{y0 + tall + 20}" text-anchor="middle">{x}</text>')
    parts.append(
        f'<rect x="{x0}" y="{y0}" width="{side}" height="{tall}" fill="none" stroke="#555"/>'
        f'<text x="{x0 + side / 2}" y="{y0 + tall + 42}" text-anchor="middle">{title}</text>'
    )
    for number, (name, points) in enumerate(series.items()):
        colour, dash = COLOURS[number], ["", ' stroke-dasharray="7 4"'][number]
        above = max(p["most"] / p["bound"] for p in points)
        limit = [(p["x"], above * p["bound"]) for p in points]
        style = f'stroke="{colour}" stroke-width="1.2" stroke-dasharray="1 3"'
        parts.append(f'<g clip-path="url(#c{x0})">{line(limit, style)}</g>')
        middle = [(p["x"], p["median"]) for p in points]
        parts.append(line(middle, f'stroke="{colour}" stroke-width="2"{dash}'))
        for p in points:
            (x, y), (_, top), (_, end) = (place(p["x"], p[k]) for k in ("median", "most", "least"))
            parts.append(
                f'<line x1="{x:.1f}" y1="{top:.1f}" x2="{x:.1f}" y2="{end:.1f}" stroke="{colour}" '
                f'stroke-width="1.5"/><circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
            )
        y = y0 + tall + 66 + 20 * number
        parts.append(
            f'<line x1="{x0}" y1="{y - 4}" x2="{x0 + 30}" y2="{y - 4}" stroke="{colour}" '
            f'stroke-width="2"{dash}/>'
        )
        text = f"{name}: slope {slope(middle):.2f}, of the bound {slope(limit):.2f}"
        parts.append(f'<text x="{x0 + 38}" y="{y}">{html.escape(text)}</text>')
    return parts


def plot(rows: list[dict]) -> str:
    width, height, left, top = 1080, 580, 70, 76
    parts = [
        '<text x="20" y="30" font-size="18" font-weight="bold">Work of the template search, all '
        "templates up to N nodes</text>",
        '<text x="20" y="52" fill="#555">bounds, states and steps counted together; median of 9 '
        "profiles, strokes from the least to the most; dotted: the bound below</text>",
    ]
    for index, (title, key, names) in enumerate(PLOTS):
        series = {name: summary(rows, name, key) for name in names}
        parts += panel(left + index * 530, top, title, series)
    tables = sorted(r["tables"] / r["nodes"] for r in rows if r["devices_per_node"] > 1)
    notes = [
        "Bounds: N L² for one device a node, where a template takes one table of few states. For eight, a "
        "table of n nodes takes at most n G L² log 2G steps, so N² G L² log 2G",
        f"in all for each table of a template: {tables[len(tables) // 2]:.1f} in the median, "
        f"{tables[-1]:.0f} at most. On few nodes most stages are ruled out at once: the curves climb to "
        "their bounds from below.",
    ]
    for number, note in enumerate(notes):
        parts.append(f'<text x="20" y="{height - 36 + 20 * number}" fill="#555">{note}</text>')
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
