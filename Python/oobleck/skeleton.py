"""Builds models whose parameters take no memory.

While a model is built, each parameter becomes a meta tensor at the moment it is registered, so that
the model's own initialisation runs on meta tensors (and is recorded), while buffers, which are small
and computed, keep their values. For the trace the meta tensors become fake tensors on the CPU.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

_TWIN = "_oobleck_meta_twin"


@contextlib.contextmanager
def parameters_on_meta() -> Iterator[None]:
    """Parameters that modules register inside lose their values and their memory."""
    register = torch.nn.Module.register_parameter

    def register_on_meta(
        self: torch.nn.Module, name: str, param: torch.nn.Parameter | None
    ) -> None:
        register(self, name, param if param is None or param.is_meta else _meta_twin(param))

    torch.nn.Module.register_parameter = register_on_meta  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.nn.Module.register_parameter = register  # type: ignore[method-assign]


def _meta_twin(param: torch.nn.Parameter) -> torch.nn.Parameter:
    """The meta tensor that replaces `param`; the same one each time, so that ties stay ties."""
    twin = getattr(param, _TWIN, None)
    if twin is None:
        twin = torch.nn.Parameter(param.detach().to("meta"), requires_grad=param.requires_grad)
        twin.__dict__.update(param.__dict__)
        setattr(param, _TWIN, twin)
    return twin


def make_fake(model: torch.nn.Module) -> None:
    """Replaces meta parameters by fake CPU tensors of the same shape, as the trace needs them."""
    fakes: dict[int, torch.nn.Parameter] = {}
    with FakeTensorMode(allow_non_fake_inputs=True):
        for module in model.modules():
            for name, param in module._parameters.items():
                if param is None or not param.is_meta:
                    continue
                if id(param) not in fakes:
                    empty = torch.empty(param.shape, dtype=param.dtype)
                    fakes[id(param)] = torch.nn.Parameter(empty, param.requires_grad)
                module._parameters[name] = fakes[id(param)]
