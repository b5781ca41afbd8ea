"""Rewrites of a traced graph: constant attention masks become flags."""

from __future__ import annotations

from typing import Any

import torch

from oobleck.graph import Graph, Origin, Value, replaced

# A mask with more elements than this is not looked into.
_LARGEST_MASK = 1 << 28


def simplify_attention(graph: Graph, constants: dict[str, torch.Tensor]) -> int:
    """Replaces constant masks of attention: a causal one by `is_causal`, one that admits all by none.

    transformers build an explicit mask when a model is traced; fused kernels want the flag. Returns how
    many masks were replaced. Call it after `cut` linked the in-place operators, or where there are none.
    """
    count = 0
    verdicts: dict[Value, str | None] = {}
    for value in graph.values:
        if not value.is_operator("aten::scaled_dot_product_attention"):
            continue
        given = value.bound()
        mask = given.get("attn_mask")
        if not isinstance(mask, Value):
            continue
        if mask not in verdicts:
            verdicts[mask] = _verdict(constant_value(graph, mask, constants))
        if verdicts[mask] is None:
            continue
        further = {name: given[name] for name in ("scale", "enable_gqa") if name in given}
        is_causal = verdicts[mask] == "causal"
        value.args = (
            given["query"],
            given["key"],
            given["value"],
            None,
            given.get("dropout_p", 0.0),
            is_causal,
        )
        value.kwargs = further
        count += 1
    return count


def _verdict(mask: torch.Tensor | None) -> str | None:
    """`causal`, `all`, or None for any other mask."""
    if mask is None or mask.dim() < 2:
        return None
    if mask.dtype == torch.bool:
        admitted = mask
    else:
        admitted = mask == 0
        if not bool((admitted | (mask <= torch.finfo(mask.dtype).min)).all()):
            return None
    if bool(admitted.all()):
        return "all"
    rows, columns = mask.shape[-2:]
    if rows != columns:
        return None
    causal = torch.ones(rows, columns, dtype=torch.bool).tril()
    return "causal" if bool((admitted == causal).all()) else None


def constant_value(
    graph: Graph, value: Value, constants: dict[str, torch.Tensor]
) -> torch.Tensor | None:
    """What `value` always is, computed with real tensors; None if it depends on more than constants."""
    needed: set[Value] = set()
    stack = [value]
    while stack:
        item = stack.pop()
        if item in needed:
            continue
        if item.source is not None:
            if item.source.origin is not Origin.CONSTANT or item.source.name not in constants:
                return None
        elif not item.is_free or _size(item) > _LARGEST_MASK:
            return None
        needed.add(item)
        stack += [*item.inputs(), *item.writes_before]
    known: dict[Value, Any] = {
        item: constants[item.source.name] for item in needed if item.source is not None
    }
    with torch.no_grad():
        for item in graph.values:
            if item in needed:
                args = replaced(item.args, known.__getitem__)
                known[item] = item.target(*args, **replaced(item.kwargs, known.__getitem__))
    return known[value]


def _size(value: Value) -> int:
    return value.example.numel() if isinstance(value.example, torch.Tensor) else 0
