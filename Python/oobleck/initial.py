"""Records how each parameter was initialised, as a rule that the engine can repeat from a seed.

A model is built under `InitialRules`. It sees every tensor operator and keeps, for each storage, the
distribution of its values: `normal_`, `uniform_`, a constant, a truncated normal, and what scaling or
shifting makes of these. An operator that it does not know leaves a storage without a rule. The operators
run as ever, on real tensors or on meta tensors, which have no values.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode


@dataclass(frozen=True)
class Rule:
    """A distribution. `numbers` are the numbers of its kind, by the names that the manifest uses."""

    kind: str
    numbers: tuple[tuple[str, float], ...]

    def scaled(self, factor: float, shift: float) -> Rule | None:
        """The rule of `value * factor + shift`."""
        old = dict(self.numbers)
        if factor == 0:
            return _rule("constant", value=shift)
        if self.kind == "constant":
            return _rule("constant", value=old["value"] * factor + shift)
        moved = {
            name: old[name] * factor + shift for name in ("mean", "low", "high") if name in old
        }
        if factor < 0 and "low" in moved:
            moved["low"], moved["high"] = moved["high"], moved["low"]
        if "deviation" in old:
            moved["deviation"] = old["deviation"] * abs(factor)
        return Rule(self.kind, tuple((name, moved[name]) for name, _ in self.numbers))


def _rule(kind: str, **numbers: float) -> Rule:
    return Rule(kind, tuple((name, float(value)) for name, value in numbers.items()))


@dataclass
class History:
    """What is known of one storage: the rule of its last fill as a whole, and parts zeroed since."""

    rule: Rule | None = None
    zeroed: list[tuple[int, int]] = field(default_factory=list)  # (offset, count), in elements
    # Keeps the address of the storage from being used again; frees its values all the same.
    storage: StorageWeakRef | None = None

    def copy(self) -> History:
        return History(self.rule, list(self.zeroed))


class InitialRules(TorchDispatchMode):
    """A dispatch mode that keeps a `History` for each storage. Ask with `rule_of` once a model is built."""

    def __init__(self) -> None:
        super().__init__()
        self._histories: dict[int, History] = {}  # by address of the storage
        self._paused = False

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        if not self._paused:
            self._note(function, args, kwargs, result)
        return result

    def rule_of(self, tensor: torch.Tensor) -> dict[str, Any] | None:
        """The manifest's `initial` of a parameter, or None where no rule is known."""
        history = self._histories.get(_key(tensor))
        if history is None or history.rule is None:
            return None
        rule = {"kind": history.rule.kind, **dict(history.rule.numbers)}
        if not all(math.isfinite(x) for _, x in history.rule.numbers):
            return None
        if history.zeroed:
            rows = _rows(tensor, history.zeroed)
            if rows is None:
                return None
            rule["zero_rows"] = rows
        return rule

    def _note(self, function: Any, args: Any, kwargs: Any, result: Any) -> None:
        schema = function._schema
        given = {a.name: v for a, v in zip(schema.arguments, args, strict=False)} | kwargs
        written = [
            given[a.name]
            for a in schema.arguments
            if a.alias_info is not None and a.alias_info.is_write and a.name in given
        ]
        for tensor in _tensors(written):
            self._note_write(function, tensor, given)
        fresh = [
            value
            for value, form in zip(_as_list(result), schema.returns, strict=False)
            if form.alias_info is None
        ]
        for tensor in _tensors(fresh):
            self._keep(tensor, self._made(function, given) or History())

    def _keep(self, tensor: torch.Tensor, history: History) -> None:
        history.storage = StorageWeakRef(tensor.untyped_storage())
        self._histories[_key(tensor)] = history

    def _note_write(self, function: Any, tensor: torch.Tensor, given: dict[str, Any]) -> None:
        if tensor.numel() == 0:
            return
        if _is_whole(tensor):
            self._keep(tensor, self._made(function, given) or History())
            return
        history = self._histories.get(_key(tensor))
        if history is None:
            return
        if _fill(function, given) == _rule("constant", value=0) and tensor.is_contiguous():
            history.zeroed.append((tensor.storage_offset(), tensor.numel()))
        else:
            history.rule = None

    def _made(self, function: Any, given: dict[str, Any]) -> History | None:
        """The history of what `function` makes (or leaves in the tensor that it writes)."""
        rule = _fill(function, given)
        if rule is not None:
            return History(rule)
        name = function.overloadpacket.__name__.rstrip("_")
        source = given.get("src") if name == "copy" else given.get("self", given.get("input"))
        if not isinstance(source, torch.Tensor) or not _is_whole(source):
            return None
        before = self._histories.get(_key(source))
        if before is None:
            return None
        is_no_pad = name == "constant_pad_nd" and not any(given["pad"])
        if is_no_pad or name in ("copy", "_to_copy", "clone", "lift_fresh_copy"):
            return before.copy()
        change = _linear(name, given)
        if change is not None and before.rule is not None and not before.zeroed:
            return History(before.rule.scaled(*change))
        return None

    @contextlib.contextmanager
    def _pause(self) -> Iterator[None]:
        self._paused, before = True, self._paused
        try:
            yield
        finally:
            self._paused = before

    def truncated_normal(
        self,
        tensor: torch.Tensor,
        mean: float = 0.0,
        std: float = 1.0,
        a: float = -2.0,
        b: float = 2.0,
        generator: torch.Generator | None = None,
    ) -> torch.Tensor:
        """Stands in for `torch.nn.init.trunc_normal_`, which is many operators, or none on meta tensors."""
        with self._pause():
            _truncated_normal(tensor, mean=mean, std=std, a=a, b=b, generator=generator)
        rule = _rule("truncated_normal", mean=mean, deviation=std, low=a, high=b)
        self._keep(tensor, History(rule if _is_whole(tensor) else None))
        return tensor


_truncated_normal = torch.nn.init.trunc_normal_


@contextlib.contextmanager
def recorded_rules() -> Iterator[InitialRules]:
    """Builds of models inside are recorded."""
    rules = InitialRules()
    kept = _functions_of_transformers()
    torch.nn.init.trunc_normal_ = rules.truncated_normal
    try:
        with mock.patch.dict(kept, trunc_normal_=rules.truncated_normal), rules:
            yield rules
    finally:
        torch.nn.init.trunc_normal_ = _truncated_normal


def _functions_of_transformers() -> dict[str, Any]:
    """transformers keeps initial functions of its own; without the package there are none."""
    try:
        from transformers import initialization
    except ImportError:
        return {}
    return initialization.TORCH_INIT_FUNCTIONS


def _fill(function: Any, given: dict[str, Any]) -> Rule | None:
    """The rule of an operator that sets all values without reading any; None for other operators."""
    name = function.overloadpacket.__name__.rstrip("_")
    if name in ("zero", "zeros", "zeros_like", "new_zeros"):
        return _rule("constant", value=0)
    if name in ("ones", "ones_like", "new_ones"):
        return _rule("constant", value=1)
    if name in ("fill", "full", "full_like", "new_full"):
        value = _number(given.get("value", given.get("fill_value")))
        return None if value is None else _rule("constant", value=value)
    if name in ("randn", "randn_like"):
        return _rule("normal", mean=0, deviation=1)
    if name in ("rand", "rand_like"):
        return _rule("uniform", low=0, high=1)
    if name == "normal" and "self" in given:
        return _rule("normal", mean=given.get("mean", 0), deviation=given.get("std", 1))
    if name == "uniform":
        return _rule("uniform", low=given.get("from", 0), high=given.get("to", 1))
    return None


def _linear(name: str, given: dict[str, Any]) -> tuple[float, float] | None:
    """(factor, shift) of an operator that scales or shifts by a number; None for other operators."""
    other = _number(given.get("other"))
    if name == "neg":
        return -1.0, 0.0
    if other is None:
        return None
    if name == "mul":
        return other, 0.0
    if name == "div" and other != 0 and given.get("rounding_mode") is None:
        return 1 / other, 0.0
    if name in ("add", "sub"):
        step = other * (_number(given.get("alpha", 1)) or 0.0)
        return 1.0, step if name == "add" else -step
    return None


def _number(value: Any) -> float | None:
    if isinstance(value, torch.Tensor):
        if value.dim() != 0 or value.device.type != "cpu":
            return None
        return float(value.item())
    return float(value) if isinstance(value, (bool, int, float)) else None


def _rows(tensor: torch.Tensor, zeroed: list[tuple[int, int]]) -> list[int] | None:
    """The rows of a matrix that these ranges of elements are; None where one is not whole rows."""
    if tensor.dim() < 2 or not tensor.is_contiguous():
        return None
    width = tensor.numel() // tensor.shape[0]
    rows: set[int] = set()
    for offset, count in zeroed:
        if offset % width or count % width:
            return None
        rows.update(range(offset // width, (offset + count) // width))
    return sorted(rows)


def _is_whole(tensor: torch.Tensor) -> bool:
    """Whether the tensor covers its storage, each element once."""
    size = tensor.untyped_storage().nbytes() // tensor.element_size()
    dense = torch._prims_common.is_non_overlapping_and_dense_or_false(tensor)
    return tensor.numel() == size and dense


def _key(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _tensors(values: list[Any]) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(list(value))
