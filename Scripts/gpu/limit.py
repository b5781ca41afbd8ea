#!/usr/bin/env python3
"""Prints a device_memory, in bytes, under which one node cannot hold a profile's model and two can."""
import json
import sys


def need(profile: dict, first: int, end: int, in_flight: int) -> int:
    """What a stage of these layers needs (StageMemory)."""
    rule, layers = profile["memory_rule"], profile["layers"]
    own = layers[first:end]
    state = sum(layer["parameter_bytes"] + layer["optimizer_bytes"] for layer in own)
    boundary = max(layer["output_bytes"] for layer in layers[max(0, first - 1):end])
    passing = (
        sum(layer["gradient_bytes"] for layer in own)
        + in_flight * sum(layer["activation_bytes"] for layer in own)
        + (in_flight + rule["boundary_tensors"]) * boundary
        + max(layer["workspace_bytes"] for layer in own)
        + rule["state_copies_training"] * state
    )
    return rule["process_bytes"] + state + max(passing, rule["state_copies_changing"] * state)


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        profile = json.load(file)
    count = len(profile["layers"])
    alone = need(profile, 0, count, 1)
    both = min(
        max(need(profile, 0, cut, 2), need(profile, cut, count, 1)) for cut in range(1, count)
    )
    print((alone + both) // 2)


main()
