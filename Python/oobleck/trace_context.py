"""What must be different while a model is traced, so that the trace keeps what the model means."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any
from unittest import mock

import torch

from oobleck.errors import ImportProblem


@contextlib.contextmanager
def refused_custom_functions() -> Iterator[None]:
    """Refuses autograd functions that a model defines: a trace keeps their forward alone.

    Their backward would be lost without a word, and the gradients be those of the forward's operators.
    """
    original = torch.autograd.Function.__dict__["apply"]

    def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
        if not cls.__module__.startswith("torch."):
            raise ImportProblem(
                f"the model uses the autograd function {cls.__module__}.{cls.__qualname__}, whose backward cannot "
                "be kept; write it with PyTorch's operators"
            )
        return original.__get__(None, cls)(*args, **kwargs)

    torch.autograd.Function.apply = classmethod(apply)  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.autograd.Function.apply = original  # type: ignore[method-assign]


@contextlib.contextmanager
def kept_autocast_regions() -> Iterator[None]:
    """Keeps regions in which transformers switch autocast off.

    They leave such a region out when autocast is off, as it is in a trace; but the engine may run the
    layers with autocast on.
    """
    try:
        from transformers.utils import generic
    except ImportError:  # A plain module needs PyTorch alone.
        yield
        return
    original = generic.maybe_autocast

    def region(
        device_type: str,
        dtype: torch.dtype | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> Any:
        return torch.autocast(device_type, dtype, enabled, cache_enabled)

    with contextlib.ExitStack() as stack:
        for module in list(sys.modules.values()):
            if getattr(module, "__dict__", {}).get("maybe_autocast") is original:
                stack.enter_context(mock.patch.object(module, "maybe_autocast", region))
        yield
