"""Runs an imported model layer by layer, as the engine does. Independent of the importer's code."""

from __future__ import annotations

import contextlib
import json
import math
import struct
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

Tensors = dict[str, torch.Tensor]


def run(folder: Path, batch: Tensors, precision: torch.dtype | None = None) -> Tensors:
    """Loss, count, logits and the gradient of every parameter (`grad.NAME`), for a seed gradient of 1.

    With a precision, layers run under autocast, and numbers cross them in that type.
    """
    manifest = json.loads((folder / "manifest.json").read_text())
    constants: Tensors = {}
    if (folder / "constants.safetensors").exists():
        constants = load_file(folder / "constants.safetensors")
    layers = [_Layer(folder, entry, constants) for entry in manifest["layers"]]
    sent: list[torch.Tensor] = []
    for layer in layers:
        with torch.autocast("cpu", precision, enabled=precision is not None):
            results = layer.forward(batch, sent)
        if precision is not None and layer is not layers[-1]:
            layer.sent = [v.to(precision) if v.is_floating_point() else v for v in results]
        sent = [value.detach().contiguous() for value in layer.sent]
    names = [item["name"] for item in layers[-1].entry["sends"]]
    results = dict(zip(names, sent, strict=True))
    seeds: list[torch.Tensor | None] = [torch.ones(())] + [None] * (len(names) - 1)
    grads: Tensors = {}
    for layer in reversed(layers):
        seeds = layer.backward(seeds, grads)
    # A tied parameter's gradient is the sum over its layers, in the order of backward.
    return results | {f"grad.{name}": grad for name, grad in grads.items()}


class _Layer:
    def __init__(self, folder: Path, entry: dict[str, Any], constants: Tensors) -> None:
        self.entry = entry
        self.graph = json.loads((folder / entry["graph"]).read_text())
        stored = load_file(folder / entry["weights"]) if entry["weights"] else {}
        self.parameters = {
            item["name"]: stored[item["name"]].requires_grad_("momentum" not in item)
            for item in entry["parameters"]
        }
        for item in entry["parameters"]:
            _check(self.parameters[item["name"]], item)
        self.constants = [constants[item["name"]] for item in entry["constants"]]
        for value, item in zip(self.constants, entry["constants"], strict=True):
            _check(value, item)

    def forward(self, batch: Tensors, received: list[torch.Tensor]) -> list[torch.Tensor]:
        for value, item in zip(received, self.entry["receives"], strict=True):
            _check(value, item)
        self.leaves = [
            value.requires_grad_() if value.is_floating_point() else value for value in received
        ]
        slots: list[Any] = [*self.parameters.values(), *self.constants]
        slots += [batch[name] for name in self.entry["batch"]]
        # An alias, as in the engine: in-place operators must not meet a leaf.
        slots += [torch.ops.aten.alias(leaf) for leaf in self.leaves]
        assert len(slots) == self.graph["inputs"]
        for node in self.graph["nodes"]:
            slots.append(_call(node, slots))
        # What the microbatch has of each running statistic follows; training alone needs it.
        results = [slots[slot] for slot in self.graph["outputs"]]
        self.sent = results[: len(self.entry["sends"])]
        statistics = [item for item in self.entry["parameters"] if "momentum" in item]
        for value, item in zip(results[len(self.sent) :], statistics, strict=True):
            _check(value, item)
        for value, item in zip(self.sent, self.entry["sends"], strict=True):
            _check(value, item)
        return self.sent

    def backward(
        self, seeds: list[torch.Tensor | None], grads: Tensors
    ) -> list[torch.Tensor | None]:
        """Adds the parameters' gradients to `grads`; returns those of what was received."""
        outputs = [
            (value, seed)
            for value, seed in zip(self.sent, seeds, strict=True)
            if seed is not None and value.requires_grad
        ]
        trained = {name: value for name, value in self.parameters.items() if value.requires_grad}
        inputs = [*trained.values(), *(x for x in self.leaves if x.requires_grad)]
        found: list[torch.Tensor | None] = [None] * len(inputs)
        if outputs and inputs:
            found = list(
                torch.autograd.grad(
                    [value for value, _ in outputs],
                    inputs,
                    [seed.contiguous() for _, seed in outputs],
                    allow_unused=True,
                )
            )
        for name, grad in zip(trained, found, strict=False):
            if grad is not None:
                grads[name] = grads[name] + grad if name in grads else grad
        rest = iter(found[len(trained) :])
        return [next(rest) if leaf.requires_grad else None for leaf in self.leaves]


def _check(value: torch.Tensor, item: dict[str, Any]) -> None:
    assert list(value.shape) == item["shape"], item
    wanted = (
        f"torch.{item['dtype']}",
        "torch.bfloat16" if torch.is_autocast_enabled("cpu") else "",
    )
    assert str(value.dtype) in wanted, item


def _call(node: dict[str, Any], slots: list[Any]) -> Any:
    args = [_argument(a, slots) for a in node["args"]]
    if node["op"] == "getitem":
        return args[0][args[1]]
    if node["op"] == "aten::batch_norm" and args[5]:
        args[3] = args[4] = None  # the engine moves the running statistics
    kwargs = {key: _argument(a, slots) for key, a in node.get("kwargs", {}).items()}
    packet = getattr(torch.ops.aten, node["op"].removeprefix("aten::"))
    with contextlib.ExitStack() as stack:
        if node.get("grad") is False:
            stack.enter_context(torch.no_grad())
        if node.get("autocast") is False:
            stack.enter_context(torch.autocast("cpu", enabled=False))
        return getattr(packet, node["overload"] or "default")(*args, **kwargs)


def _argument(argument: Any, slots: list[Any]) -> Any:
    if isinstance(argument, list):
        return [_argument(item, slots) for item in argument]
    if not isinstance(argument, dict):
        return argument
    ((key, value),) = argument.items()
    if key == "r":
        return slots[value]
    if key == "float":
        return {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}[value]
    if key == "device":
        return torch.device(value)
    assert key in ("dtype", "layout", "memory_format"), argument
    return getattr(torch, value)


def tensor_names(path: Path) -> list[str]:
    """The names in a safetensors file, read by hand."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        return [name for name in json.loads(file.read(length)) if name != "__metadata__"]
