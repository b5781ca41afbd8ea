"""Floating-point operations of a layer's forward pass, for the utilization of devices."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from oobleck.cut import Layer
from oobleck.graph import Value, replaced

# What PyTorch's counter counts: products of matrices and convolutions, in each form that a graph has.
_COUNTED = frozenset(
    f"aten::{name}"
    for name in [
        "_grouped_mm",
        "addbmm",
        "addmm",
        "baddbmm",
        "bmm",
        "conv1d",
        "conv2d",
        "conv3d",
        "conv_transpose1d",
        "conv_transpose2d",
        "convolution",
        "einsum",
        "linear",
        "matmul",
        "mm",
        "scaled_dot_product_attention",
    ]
)


def forward_operations(layer: Layer) -> int | None:
    """Operations of the layer's forward pass for one microbatch; None where a shape is not known.

    A multiplication with an addition is two. Attention counts as if it were not causal.
    """
    counts = [_operations(value) for value in layer.values if _is_counted(value)]
    return None if None in counts else sum(count for count in counts if count is not None)


def _is_counted(value: Value) -> bool:
    return any(value.is_operator(name) for name in _COUNTED)


def _operations(value: Value) -> int | None:
    # Shapes alone: nothing is computed on the device "meta".
    def shape(argument: Value) -> Any:
        example = argument.example
        if not isinstance(example, torch.Tensor):
            raise TypeError(argument.name)
        sizes = [int(size) for size in example.shape]
        return torch.empty(sizes, dtype=example.dtype, device="meta")

    try:
        args, kwargs = replaced(value.args, shape), replaced(value.kwargs, shape)
        with FlopCounterMode(display=False) as counter:
            value.target(*args, **kwargs)
    except (NotImplementedError, RuntimeError, TypeError):
        return None
    return counter.get_total_flops()
