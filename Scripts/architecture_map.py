#!/usr/bin/env python3
"""Draws Documentation/Pictures/architecture.svg: the folders of Sources, and which uses which.

The folders, their targets and the arrows come from the subfolders of Sources and the lists
in Package.swift. The folder Planning is the package in Packages/oobleck-planning. An arrow from A to B means that a target of A lists a target of B. Arrows that follow
from others are left out.

    Scripts/architecture_map.py [--check]

With --check it compares the picture in the checkout with the one it would draw, and fails if they differ.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLANNING = ROOT / "Packages/oobleck-planning"
PICTURE = ROOT / "Documentation/Pictures/architecture.svg"
# From the bottom up, as in Package.swift.
FOLDERS = [
    ("Planning", "plans and simulations: a package of its own"),
    ("Core", "values, files, clocks, output"),
    ("Coordination", "membership, commits, messages, stores"),
    ("Training", "tensors, models, the worker's engine"),
    ("Runs", "the files of a run"),
    ("Simulation", "policies on a virtual clock, figures"),
    ("Observation", "metrics, the page of a run"),
    ("Verification", "simulated worlds, drills, damaged input"),
    ("Commands", "the programs"),
]
# Places of the boxes as (column, row): the programs on top, Core at the bottom.
PLACES = {
    "Commands": (0, 0),
    "Verification": (0, 1),
    "Observation": (1, 1),
    "Simulation": (0, 2),
    "Runs": (0, 3),
    "Coordination": (0, 4),
    "Training": (1, 3),
    "Core": (0, 5),
    "Planning": (0, 6),
}
ROWS = 1 + max(row for _, row in PLACES.values())
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 400, 82, 50, 32, 20


def targets(folder):
    """The targets of a folder of Sources, or of the planner's package, by its subfolders."""
    sources = PLANNING / "Sources" if folder == "Planning" else ROOT / "Sources" / folder
    return sorted(path.name for path in sources.iterdir() if path.is_dir())


def dependencies():
    """For each target of ours, the targets of ours that it lists in Package.swift."""
    text = (ROOT / "Package.swift").read_text()
    text = text[: text.index("let allTests")] + (PLANNING / "Package.swift").read_text()
    found = {"CTorch": set()}
    pattern = r'(?:module|program)\(\s*"([\w-]+)"(?:\s*,\s*\[([^\]]*)\])?'
    for name, listed in re.findall(pattern, text):
        found[name] = set(re.findall(r'"([\w-]+)"', listed))
    return found


def folder_arrows():
    """Pairs (A, B) of folders such that A uses B, without those that follow from others."""
    known = {folder for folder, _ in FOLDERS}
    present = {path.name for path in (ROOT / "Sources").iterdir() if path.is_dir()} | {"Planning"}
    if known != present:
        sys.exit(f"Sources has the folders {sorted(present)}; FOLDERS and PLACES of this script name {sorted(known)}")
    folder_of = {target: folder for folder, _ in FOLDERS for target in targets(folder)}
    uses = {folder: set() for folder, _ in FOLDERS}
    for target, listed in dependencies().items():
        for other in listed:
            if target in folder_of and folder_of[other] != folder_of[target]:
                uses[folder_of[target]].add(folder_of[other])

    def reachable(folder):
        seen, waiting = set(), list(uses[folder])
        while waiting:
            other = waiting.pop()
            if other not in seen:
                seen.add(other)
                waiting += uses[other]
        return seen

    return sorted(
        (folder, other)
        for folder, others in uses.items()
        for other in others
        if not any(other in reachable(between) for between in others - {other})
    )


def box(folder):
    column, row = PLACES[folder]
    return MARGIN + column * (WIDTH + GAP_X), MARGIN + row * (HEIGHT + GAP_Y)


def arrow(user, used):
    """A line from the user down to what it uses; between columns it has one corner, beside all boxes."""
    (x1, y1), (x2, y2) = box(user), box(used)
    if x1 == x2:
        path = f"M {x1 + WIDTH / 2:g} {y1 + HEIGHT} V {y2 - 9}"
    elif x1 < x2 and any(
        box(other)[0] == x2 and y1 < box(other)[1] < y2 for other in PLACES
    ):
        # Another box is in the way: through the gap between the columns.
        path = f"M {x1 + WIDTH} {y1 + 3 * HEIGHT // 4} H {x2 - GAP_X / 2:g} V {y2 + HEIGHT // 2} H {x2 - 9}"
    elif x1 < x2:
        path = f"M {x1 + WIDTH} {y1 + HEIGHT // 2} H {x2 + WIDTH / 2:g} V {y2 - 9}"
    else:
        path = f"M {x1 + WIDTH / 2:g} {y1 + HEIGHT} V {y2 + HEIGHT // 2} H {x2 + WIDTH + 9}"
    return f'<path class="arrow" d="{path}" marker-end="url(#head)"><title>{user} uses {used}</title></path>'


def lines_of(names):
    """The names in lines that fit a box."""
    lines, line = [], ""
    for name in names:
        longer = f"{line}, {name}" if line else name
        if len(longer) > 62 and line:
            lines.append(line + ",")
            line = name
        else:
            line = longer
    return [*lines, line]


def drawing():
    width = 2 * MARGIN + 2 * WIDTH + GAP_X
    height = 2 * MARGIN + ROWS * HEIGHT + (ROWS - 1) * GAP_Y
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" role="img">',
        "<title>The folders of Sources; an arrow leads from a folder to one that it uses</title>",
        "<style>",
        ".ground { fill: #ffffff } .box { fill: #eef3fa; stroke: #1f4e8c; stroke-width: 1.5 }",
        ".name { fill: #14345e; font-size: 17px; font-weight: bold } .does { fill: #222; font-size: 12.5px }",
        ".targets { fill: #555; font-size: 11px } .arrow { fill: none; stroke: #6b7a90; stroke-width: 1.8 }",
        ".head { fill: #6b7a90 }",
        "@media (prefers-color-scheme: dark) {",
        ".ground { fill: #0d1117 } .box { fill: #16263d; stroke: #6ea8e8 } .name { fill: #cfe3ff }",
        ".does { fill: #e6e6e6 } .targets { fill: #a8b3c2 } .arrow { stroke: #93a4ba } .head { fill: #93a4ba } }",
        "</style>",
        '<defs><marker id="head" viewBox="0 0 10 10" refX="2" refY="5" markerWidth="6" markerHeight="6" '
        'orient="auto-start-reverse"><path class="head" d="M 0 0 L 10 5 L 0 10 z"/></marker></defs>',
        '<rect class="ground" width="100%" height="100%"/>',
    ]
    parts += [arrow(user, used) for user, used in folder_arrows()]
    for folder, does in FOLDERS:
        x, y = box(folder)
        parts.append(f'<rect class="box" x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>')
        parts.append(f'<text class="name" x="{x + 14}" y="{y + 26}">{folder}</text>')
        parts.append(f'<text class="does" x="{x + 14}" y="{y + 45}">{does}</text>')
        names = [target.removeprefix("Oobleck") for target in targets(folder)]
        for index, line in enumerate(lines_of(names)):
            parts.append(f'<text class="targets" x="{x + 14}" y="{y + 65 + 15 * index}">{line}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main():
    if sys.argv[1:] == ["--check"]:
        if PICTURE.read_text() != drawing():
            sys.exit(f"{PICTURE.relative_to(ROOT)} is not what Scripts/architecture_map.py draws; run it")
        return
    if sys.argv[1:]:
        sys.exit(f"unknown arguments {sys.argv[1:]}; the only option is --check")
    PICTURE.write_text(drawing())
    for user, used in folder_arrows():
        print(f"{user} -> {used}")


if __name__ == "__main__":
    main()
