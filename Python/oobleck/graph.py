"""The flat form of a traced model: values in the order in which they are computed."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import torch

_Overload = torch._ops.OpOverload


class Origin(Enum):
    """Where a graph input comes from."""

    PARAMETER = "parameter"
    CONSTANT = "constant"
    FROZEN = "frozen parameter"  # a parameter that takes no gradient: stored with the constants
    BATCH = "batch tensor"
    STATISTIC = "running statistic"  # changed by training, but not by a gradient


@dataclass(frozen=True)
class Input:
    """What a graph input is: its origin and its name there."""

    origin: Origin
    name: str


@dataclass(eq=False)
class Value:
    """One result of an operator, or one input of the graph (then `source` is set)."""

    name: str
    target: Any = None
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    grad: bool = True
    autocast: bool = True
    paths: tuple[str, ...] = ()  # modules that were running, outermost first
    example: Any = None  # fake tensor with shape and type
    source: Input | None = None
    line: str | None = None  # source line of the model that called the operator
    # Set by `cut`:
    layer: int = 0
    is_free: bool = False  # depends on the batch and constants alone
    writes_before: tuple[Value, ...] = ()  # in-place operators whose effect this value reads

    @property
    def operator(self) -> str:
        """The operator's name with its overload, such as `aten::add.Tensor`."""
        if not isinstance(self.target, _Overload):
            return "getitem"
        schema = self.target._schema
        return f"{schema.name}.{schema.overload_name}" if schema.overload_name else schema.name

    @property
    def place(self) -> str:
        """Where in the model the operator was called, for messages."""
        path = self.paths[-1] if self.paths else ""
        where = f"in module {path}" if path else "in the model's own forward"
        return f"{where} ({self.line})" if self.line else where

    def inputs(self) -> Iterator[Value]:
        """The values among the arguments, in order, repeated as they occur."""
        yield from values_in(self.args)
        yield from values_in(self.kwargs)

    def bound(self) -> dict[str, Any]:
        """The arguments by the names of the operator's schema, without those left to their default."""
        names = [a.name for a in self.target._schema.arguments]
        return dict(zip(names, self.args, strict=False)) | self.kwargs

    def is_operator(self, name: str) -> bool:
        """Whether this is the result of the operator `name` (`aten::linear`), in any overload."""
        return isinstance(self.target, _Overload) and self.target._schema.name == name

    @property
    def is_getitem(self) -> bool:
        return self.target is operator.getitem

    @property
    def is_in_place(self) -> bool:
        return isinstance(self.target, _Overload) and self.target._schema.is_mutable

    @property
    def is_random(self) -> bool:
        return isinstance(self.target, _Overload) and (
            torch.Tag.nondeterministic_seeded in self.target.tags
        )


@dataclass
class Graph:
    """A whole model: inputs, computed values in order, and named results."""

    inputs: list[Value]
    values: list[Value]
    outputs: list[tuple[str, Value]]
    statistics: list[Any] = field(default_factory=list)  # of oobleck.statistics.Statistic
    counters: list[str] = field(default_factory=list)  # buffers that count the batches of a norm


def values_in(argument: Any) -> Iterator[Value]:
    """The values inside an argument, which may be nested lists and dictionaries."""
    if isinstance(argument, Value):
        yield argument
    elif isinstance(argument, (list, tuple)):
        for item in argument:
            yield from values_in(item)
    elif isinstance(argument, dict):
        for item in argument.values():
            yield from values_in(item)


def replaced(argument: Any, change: Any) -> Any:
    """The argument with `change(value)` in place of each value, nested lists and dictionaries kept."""
    if isinstance(argument, Value):
        return change(argument)
    if isinstance(argument, (list, tuple)):
        return type(argument)(replaced(item, change) for item in argument)
    if isinstance(argument, dict):
        return {key: replaced(item, change) for key, item in argument.items()}
    return argument
