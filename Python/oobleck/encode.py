"""The JSON text of a layer's graph. It holds no names, so that equal blocks have equal text."""

from __future__ import annotations

import json
import math
from typing import Any

import torch

from oobleck.cut import Layer
from oobleck.errors import ImportProblem
from oobleck.graph import Value


def graph_text(layer: Layer) -> str:
    """The graph of a layer: one operator a line, in the order in which they run."""
    slots = {value: slot for slot, value in enumerate(layer.inputs)}
    nodes = []
    for value in layer.values:
        nodes.append(json.dumps(_node(value, slots), separators=(",", ":")))
        slots[value] = len(slots)
    results = [value for _, value in layer.sends]
    results += [statistic.observed for statistic in layer.statistics]
    outputs = json.dumps([slots[value] for value in results], separators=(",", ":"))
    body = ",\n".join(nodes)
    return f'{{"inputs":{len(layer.inputs)},"nodes":[\n{body}\n],"outputs":{outputs}}}\n'


def type_name(dtype: torch.dtype) -> str:
    """`float32` for torch.float32."""
    return str(dtype).removeprefix("torch.")


def _node(value: Value, slots: dict[Value, int]) -> dict[str, Any]:
    if value.is_getitem:
        whole, index = value.args
        return {"op": "getitem", "overload": "", "args": [{"r": slots[whole]}, index]}
    schema = value.target._schema
    node: dict[str, Any] = {
        "op": schema.name,
        "overload": schema.overload_name,
        "args": [_argument(a, slots, value) for a in value.args],
    }
    if value.kwargs:
        node["kwargs"] = {k: _argument(a, slots, value) for k, a in value.kwargs.items()}
    if not value.grad:
        node["grad"] = False
    if not value.autocast:
        node["autocast"] = False
    return node


def _argument(argument: Any, slots: dict[Value, int], of: Value) -> Any:
    if isinstance(argument, Value):
        return {"r": slots[argument]}
    if isinstance(argument, (list, tuple)):
        return [_argument(item, slots, of) for item in argument]
    if argument is None or isinstance(argument, (bool, str)):
        return argument
    if isinstance(argument, int) and -(1 << 63) <= argument < 1 << 63:
        return int(argument)
    if isinstance(argument, float):
        # repr is the shortest text that reads back as the same number; json uses it too.
        return float(argument) if math.isfinite(argument) else {"float": repr(float(argument))}
    for key, kind in (
        ("dtype", torch.dtype),
        ("layout", torch.layout),
        ("memory_format", torch.memory_format),
    ):
        if isinstance(argument, kind):
            return {key: str(argument).removeprefix("torch.")}
    if isinstance(argument, torch.device):
        return {"device": argument.type}
    raise ImportProblem(
        f"operator {of.operator} {of.place} has the argument {argument!r} of type {type(argument).__name__}, "
        "which the format does not know"
    )
