"""Running statistics of batch norms: state of a layer that training changes, but not by a gradient.

In training a batch norm uses mean and variance of its microbatch. Each microbatch also moves the running
statistics towards its own. Here a layer hands out what each microbatch has, and the engine moves the
running ones once a step, by all microbatches in their order.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import Any

import torch

from oobleck.errors import ImportProblem
from oobleck.graph import Graph, Origin, Value

_COUNTER = "num_batches_tracked"


@dataclass(eq=False)
class Statistic:
    """One running statistic: the input that holds it, what a microbatch has, and how much that counts."""

    running: Value
    observed: Value
    momentum: float


def take_statistics(graph: Graph) -> None:
    """Makes the running statistics of the graph's batch norms state of their layers.

    Throws ImportProblem for those that the engine cannot keep.
    """
    graph.counters = [v.args[0].source.name for v in graph.values if _counts_batches(v)]
    graph.values = [value for value in graph.values if not _counts_batches(value)]
    for norm in list(graph.values):
        if not norm.is_operator("aten::batch_norm"):
            continue
        given = norm.bound()
        if not given["training"] or not isinstance(given["running_mean"], Value):
            continue
        momentum = float(given["momentum"])
        mean, variance = given["running_mean"], given["running_var"]
        for running in (mean, variance):
            _check(graph, norm, running, momentum)
        for running in (mean, variance):
            running.source = replace(running.source, origin=Origin.STATISTIC)
        at = graph.values.index(norm) + 1
        # In float32, whatever the norm is given.
        exact = _value(norm, "exact", torch.ops.aten.to.dtype, (norm.args[0], torch.float32))
        exact.example = norm.args[0].example
        both = _value(norm, "statistics", torch.ops.aten.var_mean.correction, _arguments(exact))
        observed = [exact, both]
        for index, running in enumerate((variance, mean)):
            item = _value(norm, f"observed_{index}", operator.getitem, (both, index))
            item.example = running.example
            observed.append(item)
            graph.statistics.append(Statistic(running, item, momentum))
        graph.values[at:at] = observed


def _counts_batches(value: Value) -> bool:
    """Whether this only counts how often a batch norm has run."""
    if not value.is_in_place or not value.args or not isinstance(value.args[0], Value):
        return False
    source = value.args[0].source
    return source is not None and source.name.rpartition(".")[2] == _COUNTER


def refuse_averages(module: torch.nn.Module) -> None:
    """Throws ImportProblem for norms that average over all batches: how much one counts is no number."""
    for name, norm in module.named_modules():
        momentum = getattr(norm, "momentum", 0)
        if getattr(norm, "track_running_stats", False) and norm.training and momentum is None:
            raise ImportProblem(
                f"the norm {name} averages its running statistics over all batches (momentum=None), which the "
                "engine does not know; give it a momentum from 0 to 1"
            )


def _check(graph: Graph, norm: Value, mean: Any, momentum: float) -> None:
    if not isinstance(mean, Value):
        raise ImportProblem(
            f"the batch norm {norm.place} has one running statistic without the other"
        )
    if any(mean is statistic.running for statistic in graph.statistics):
        raise ImportProblem(
            f"the batch norm {norm.place} runs twice, and the engine moves {mean.source.name} once for each "
            "microbatch; use a module for each call"
        )
    if mean.source is None or mean.source.origin is not Origin.CONSTANT:
        raise ImportProblem(
            f"the running statistics of the batch norm {norm.place} are computed, and no buffer of its own; "
            "use torch.nn.BatchNorm"
        )
    if not 0 < momentum <= 1:
        raise ImportProblem(
            f"the batch norm {norm.place} has momentum {momentum}; the engine moves running statistics by a "
            "share from 0 to 1"
        )
    for other in graph.values:
        if other is norm or mean not in other.inputs():
            continue
        if not other.is_operator("aten::batch_norm") or not other.bound()["training"]:
            raise ImportProblem(
                f"operator {other.operator} {other.place} reads {mean.source.name}, which training changes; "
                "only its batch norm can"
            )


def _arguments(values: Value) -> tuple[Any, ...]:
    rank = values.example.dim()
    return (values, [axis for axis in range(rank) if axis != 1])


def _value(norm: Value, name: str, target: Any, args: tuple[Any, ...]) -> Value:
    value = Value(
        f"{norm.name}_{name}",
        target,
        args,
        grad=False,
        autocast=norm.autocast,
        paths=norm.paths,
        line=norm.line,
    )
    if target is torch.ops.aten.var_mean.correction:
        value.kwargs = {"correction": 1}
    return value
