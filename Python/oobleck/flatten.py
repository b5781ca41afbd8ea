"""Flattens a traced graph, with the graphs of its regions, to one list of ATen operators."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import Any

import torch
import torch.fx

from oobleck.errors import ImportProblem
from oobleck.graph import Input, Value
from oobleck.trace_errors import own_line

# Checks of what the trace has fixed already; they compute nothing.
_DROPPED = {
    "aten::_assert_tensor_metadata",
    "aten::_assert_scalar",
    "aten::_assert_async",
    "aten::sym_constrain_range_for_size",
    "aten::sym_constrain_range",
}
PREFIX = "model."  # of the wrapper around the model, which names must not show


@dataclass(frozen=True)
class Scope:
    """The regions around an operator."""

    grad: bool = True
    autocast: bool = True


class Flattening:
    """Walks a traced graph and the graphs of its regions in order; collects inputs and values."""

    def __init__(self, sources: dict[str, Input]) -> None:
        self.sources = sources
        self.inputs: list[Value] = []
        self.values: list[Value] = []
        self._names: set[str] = set()

    def run(
        self, module: torch.fx.GraphModule, actual: list[Any] | None, scope: Scope
    ) -> list[Any]:
        """Adds what `module` computes from `actual` (None: from the inputs of the whole); its results."""
        known: dict[torch.fx.Node, Any] = {}
        given = iter(actual or ())
        for node in module.graph.nodes:
            if node.op == "placeholder":
                known[node] = self._input(node) if actual is None else next(given)
            elif node.op == "get_attr":
                known[node] = getattr(module, node.target)
            elif node.op == "output":
                return list(torch.fx.node.map_arg(node.args[0], known.__getitem__))
            else:
                args = torch.fx.node.map_arg(node.args, known.__getitem__)
                kwargs = torch.fx.node.map_arg(node.kwargs, known.__getitem__)
                known[node] = self._call(node, args, dict(kwargs), scope)
        raise ImportProblem("the traced graph has no output; this is a defect of the importer")

    def _input(self, node: torch.fx.Node) -> Value:
        value = Value(
            self._unique(node.name), example=node.meta.get("val"), source=self.sources[node.name]
        )
        self.inputs.append(value)
        return value

    def _call(self, node: torch.fx.Node, args: Any, kwargs: dict[str, Any], scope: Scope) -> Any:
        name = str(node.target)
        if name == "wrap_with_set_grad_enabled":
            enabled, region, *rest = args
            return self.run(region, rest, Scope(bool(enabled), scope.autocast))
        if name == "wrap_with_autocast":
            _, _, enabled, _, region, *rest = args
            if enabled:
                raise ImportProblem(
                    f"the model switches autocast on {self._value(node, args, kwargs, scope).place}; remove "
                    "that: the job says in which precision the model runs"
                )
            return self.run(region, rest, Scope(scope.grad, False))
        if node.target is operator.getitem and isinstance(args[0], (list, tuple)):
            return args[0][args[1]]
        value = self._value(node, args, kwargs, scope)
        if isinstance(node.target, torch._ops.OpOverload):
            if node.target._schema.name in _DROPPED:
                return None
            _refuse_foreign(value)
        elif node.target is not operator.getitem:
            raise ImportProblem(
                f"{name} {value.place} is no operator that a layer can hold; write this part with "
                "ordinary tensor operators, without control flow that depends on values"
            )
        value.name = self._unique(node.name)
        self.values.append(value)
        return value

    def _value(self, node: torch.fx.Node, args: Any, kwargs: Any, scope: Scope) -> Value:
        stack = node.meta.get("nn_module_stack") or {}
        paths = (re.sub(r"@\d+", "", path) for path, _ in stack.values())
        return Value(
            node.name,
            node.target,
            tuple(args),
            kwargs,
            scope.grad,
            scope.autocast,
            tuple(path.removeprefix(PREFIX) for path in paths if path.startswith(PREFIX)),
            node.meta.get("val"),
            line=own_line(node.meta.get("stack_trace")),
        )

    def _unique(self, name: str) -> str:
        """Regions name their values on their own, so that a name may occur twice."""
        candidate, count = name, 1
        while candidate in self._names:
            candidate, count = f"{name}_{count}x", count + 1
        self._names.add(candidate)
        return candidate


_RANDOM_ALLOWED = {"aten::dropout", "aten::scaled_dot_product_attention"}


def _refuse_foreign(value: Value) -> None:
    """Refuses operators that the engine cannot run, or cannot repeat bit by bit."""
    schema = value.target._schema
    if not schema.name.startswith("aten::"):
        raise ImportProblem(
            f"operator {value.operator} {value.place} is not one of PyTorch's own, and the engine has no other; "
            "write it with PyTorch's operators"
        )
    if isinstance(value.example, (torch.SymInt, torch.SymFloat, torch.SymBool)):
        raise ImportProblem(
            f"operator {value.operator} {value.place} makes a number that depends on values of tensors; "
            "shapes and branches must follow from the shapes of the batch alone"
        )
    if value.is_random and schema.name not in _RANDOM_ALLOWED:
        advice = "use torch.nn.functional.dropout, or switch it off (drop_path_rate in config.json)"
        if schema.name == "aten::dropout_":
            advice = "use inplace=False"
        raise ImportProblem(
            f"operator {value.operator} {value.place} draws random numbers, which only a plain dropout may do: "
            f"the engine must be able to draw them again; {advice}"
        )
