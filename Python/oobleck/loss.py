"""Turns a mean loss into a sum and a count.

The mean of microbatch means is wrong where microbatches have different numbers of targets. Sums and
counts add up exactly.
"""

from __future__ import annotations

from typing import Any

import torch

from oobleck.errors import ImportProblem
from oobleck.graph import Graph, Input, Origin, Value

aten = torch.ops.aten

_MEAN, _SUM = 1, 2
_OWN = (
    "return a dict with `loss_sum` (a sum over targets) and `count` (how many there are) from the module "
    "instead, in a file.py:function source"
)
_ELEMENTWISE = {
    "aten::mse_loss": aten.mse_loss.default,
    "aten::l1_loss": aten.l1_loss.default,
    "aten::binary_cross_entropy_with_logits": aten.binary_cross_entropy_with_logits.default,
}
# Names under which a batch tensor is taken for the targets where the module counts them itself.
_TARGET_NAMES = ("labels", "targets", "target", "y")


def split_loss(graph: Graph) -> int | None:
    """Makes `loss` (a sum) and `count` the first two results of the graph.

    Returns how many targets could count at most in one microbatch; None where the module counts itself
    and no batch tensor has a usual name of targets.
    """
    results = dict(graph.outputs)
    if "loss_sum" in results and "count" in results:
        return _declared(graph, results)
    loss = _without_casts(results["loss"])
    if loss.is_operator("aten::cross_entropy_loss") or loss.is_operator("aten::nll_loss_nd"):
        count, targets = _cross_entropy(graph, loss)
    elif loss.target in _ELEMENTWISE.values():
        count, targets = _elementwise(graph, loss)
    else:
        raise ImportProblem(
            f"the loss is the result of {loss.operator} {loss.place}, not directly a mean cross entropy, squared "
            f"error, absolute error or binary cross entropy; {_OWN}"
        )
    further = [(name, value) for name, value in graph.outputs if name != "loss"]
    graph.outputs = [("loss", loss), ("count", count), *further]
    return targets


def _without_casts(loss: Value) -> Value:
    """The loss before operators that leave a float32 scalar as it is."""
    while loss.source is None and (loss.is_operator("aten::to") or loss.is_operator("aten::alias")):
        before = loss.args[0]
        if before.example.dtype != loss.example.dtype:
            break
        loss = before
    return loss


def _declared(graph: Graph, results: dict[str, Value]) -> int | None:
    loss, count = results["loss_sum"], results["count"]
    for name, value in (("loss_sum", loss), ("count", count)):
        if value.example.dim() != 0:
            shape = list(value.example.shape)
            raise ImportProblem(f"`{name}` has the shape {shape}; it must be a scalar")
    if loss.example.dtype != torch.float32:
        raise ImportProblem(f"`loss_sum` is {_type(loss)}; it must be float32")
    if count.example.is_floating_point() or count.example.is_complex():
        raise ImportProblem(
            f"`count` is {_type(count)}; it must be an integer, as `(labels != -100).sum()` is"
        )
    if count.example.dtype != torch.int64:
        count = _added(graph, count, aten.to.dtype, (count, torch.int64), torch.int64)
    taken = ("loss", "loss_sum", "count")
    further = [(name, value) for name, value in graph.outputs if name not in taken]
    graph.outputs = [("loss", loss), ("count", count), *further]
    for name in _TARGET_NAMES:
        for value in graph.inputs:
            if value.source == Input(Origin.BATCH, name):
                return value.example.numel()
    return None


def _cross_entropy(graph: Graph, loss: Value) -> tuple[Value, int]:
    given = loss.bound()
    target = given["target"]
    ignored = given.get("ignore_index", -100)
    _check_mean(loss, given)
    if given.get("weight") is not None:
        raise ImportProblem(f"the loss {loss.place} has class weights; leave them out, or {_OWN}")
    if given.get("label_smoothing", 0.0):
        raise ImportProblem(
            f"the loss {loss.place} has label smoothing {given['label_smoothing']}; set it to 0, or {_OWN}"
        )
    if target.example.is_floating_point():
        raise ImportProblem(
            f"the targets of the loss {loss.place} are probabilities; give class numbers, or {_OWN}"
        )
    loss.args = (given["self"], target, None, _SUM, ignored)
    if loss.is_operator("aten::cross_entropy_loss"):
        loss.args += (0.0,)
    loss.kwargs = {}
    counts = _added(
        graph, loss, aten.ne.Scalar, (target, ignored), torch.bool, target.example.shape
    )
    count = _added(graph, counts, aten.sum.default, (counts,), torch.int64)
    return count, target.example.numel()


def _elementwise(graph: Graph, loss: Value) -> tuple[Value, int]:
    given = loss.bound()
    _check_mean(loss, given)
    if given.get("weight") is not None or given.get("pos_weight") is not None:
        raise ImportProblem(f"the loss {loss.place} has weights; leave them out, or {_OWN}")
    shape, other = given["self"].example.shape, given["target"].example.shape
    if shape != other:
        raise ImportProblem(
            f"the loss {loss.place} compares a result of shape {list(shape)} with a target of shape {list(other)}; "
            "give both one shape"
        )
    if loss.is_operator("aten::binary_cross_entropy_with_logits"):
        loss.args = (given["self"], given["target"], None, None, _SUM)
    else:
        loss.args = (given["self"], given["target"], _SUM)
    loss.kwargs = {}
    number = given["target"].example.numel()
    device = torch.device("cpu")
    count = _added(graph, loss, aten.full.default, ([], number), torch.int64)
    count.kwargs = {"dtype": torch.int64, "device": device}
    return count, number


def _check_mean(loss: Value, given: dict[str, Any]) -> None:
    if given.get("reduction", _MEAN) != _MEAN:
        raise ImportProblem(
            f"the loss {loss.place} is not a mean over targets; use reduction='mean', or {_OWN}"
        )
    if loss.example.dtype != torch.float32:
        raise ImportProblem(f"the loss {loss.place} is {_type(loss)}; compute it in float32")


def _added(
    graph: Graph,
    after: Value,
    target: Any,
    args: tuple[Any, ...],
    dtype: torch.dtype,
    shape: tuple[int, ...] = (),
) -> Value:
    """A further value, placed behind `after` and in its layer."""
    names = {value.name for value in [*graph.inputs, *graph.values]}
    name = next(f"count_{i}" for i in range(len(names) + 1) if f"count_{i}" not in names)
    example = torch.empty(shape, dtype=dtype, device="meta")
    value = Value(name, target, args, paths=after.paths, example=example, line=after.line)
    graph.values.insert(graph.values.index(after) + 1, value)
    return value


def _type(value: Value) -> str:
    return str(value.example.dtype).removeprefix("torch.")
