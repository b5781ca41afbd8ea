"""Traces a whole model with torch.export and flattens the result to one list of ATen operators."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from oobleck.errors import ImportProblem
from oobleck.flatten import PREFIX, Flattening, Scope
from oobleck.graph import Graph, Input, Origin
from oobleck.trace_context import kept_autocast_regions, refused_custom_functions
from oobleck.trace_errors import problem_of_trace


class _Wrapper(torch.nn.Module):
    """Calls the model with the batch and returns its results as a flat tuple; notes their names."""

    def __init__(self, model: torch.nn.Module, names: list[str], further: tuple[str, ...] | None):
        super().__init__()
        self.model = model
        # A closure, because the trace watches what a module's attributes hold.
        self._note = lambda found: names.__setitem__(slice(None), found)
        self._further = further

    def forward(self, **batch: torch.Tensor) -> tuple[torch.Tensor, ...]:
        results = _named_results(self.model(**batch))
        if self._further is not None:
            kept = ("loss", *self._further)
            results = {name: value for name, value in results.items() if name in kept}
        self._note(list(results))
        return tuple(results.values())


def _named_results(output: Any) -> dict[str, torch.Tensor]:
    """The tensors of a model's output by name: a mapping, an object with attributes, or a tuple."""
    if isinstance(output, (torch.Tensor, list)):
        output = tuple(output) if isinstance(output, list) else (output,)
    if isinstance(output, Mapping):
        items = list(output.items())
    elif isinstance(output, tuple) and not hasattr(output, "_fields"):
        names = ["loss", "logits"] + [f"output_{i}" for i in range(2, len(output))]
        items = list(zip(names, output, strict=False))
    elif hasattr(output, "_asdict"):
        items = list(output._asdict().items())
    else:
        items = list(vars(output).items())
    found = {str(name): value for name, value in items if isinstance(value, torch.Tensor)}
    first = [name for name in ("loss", "loss_sum", "count") if name in found]
    if "loss" not in found and not {"loss_sum", "count"} <= set(found):
        raise ImportProblem(
            f"the model returns no loss (it returns {', '.join(found) or 'no tensors'}); return an object "
            "or a dict with `loss`, or with `loss_sum` and `count`"
        )
    return {name: found[name] for name in first} | {
        name: value for name, value in found.items() if name not in first
    }


@dataclass
class Traced:
    """A traced model and the values of its constants, by name."""

    graph: Graph
    constants: dict[str, torch.Tensor]


def trace(
    model: torch.nn.Module, batch: dict[str, torch.Tensor], further: tuple[str, ...] | None
) -> Traced:
    """Traces `model(**batch)`.

    `further` names the results to keep beside the loss; None keeps all. Throws ImportProblem where the
    model cannot be traced.
    """
    names: list[str] = []
    wrapper = _Wrapper(model, names, further)
    wrapper.training = model.training
    try:
        # torch prints whole graphs when a trace fails; the one line that we make of it says enough.
        silence = io.StringIO()
        with (
            refused_custom_functions(),
            kept_autocast_regions(),
            contextlib.redirect_stderr(silence),
            contextlib.redirect_stdout(silence),
        ):
            program = torch.export.export(wrapper, (), dict(batch), strict=False)
    except ImportProblem:
        raise
    except Exception as error:
        raise problem_of_trace(error, model) from error
    sources = _sources(program, model, list(batch))
    flat = Flattening(sources)
    results = flat.run(program.graph_module, None, Scope())
    outputs = list(zip(names, results, strict=True))
    constants = {
        source.name: value
        for source, value in _constant_values(program, sources.values(), model)
        if value is not None
    }
    return Traced(Graph(flat.inputs, flat.values, outputs), constants)


def _sources(
    program: torch.export.ExportedProgram, model: torch.nn.Module, batch: list[str]
) -> dict[str, Input]:
    """What each placeholder of the traced graph is."""
    # A tied tensor has several paths and torch.export takes the last; its name here is the first.
    first: dict[int, str] = {}
    named = dict(model.named_parameters(remove_duplicate=False))
    for name, param in named.items():
        first.setdefault(id(param), name)
    sources, remaining = {}, iter(batch)
    for spec in program.graph_signature.input_specs:
        kind, name = spec.kind.name, str(spec.target or spec.arg.name).removeprefix(PREFIX)
        if kind == "PARAMETER":
            param = named[name]
            origin = Origin.PARAMETER if param.requires_grad else Origin.FROZEN
            sources[spec.arg.name] = Input(origin, first[id(param)])
        elif kind in ("BUFFER", "CONSTANT_TENSOR"):
            sources[spec.arg.name] = Input(Origin.CONSTANT, name)
        elif kind == "USER_INPUT":
            sources[spec.arg.name] = Input(Origin.BATCH, next(remaining))
        else:
            raise ImportProblem(
                f"the model needs the object {name} ({kind.lower()}) at run time; "
                "only tensors can be inputs of a layer"
            )
    return sources


def _constant_values(program: Any, sources: Any, model: torch.nn.Module) -> list[Any]:
    held = {
        **dict(model.named_parameters(remove_duplicate=False)),
        **dict(model.named_buffers(remove_duplicate=False)),
    }
    lifted = {name.removeprefix(PREFIX): value for name, value in program.constants.items()}
    found = []
    for source in sources:
        if source.origin in (Origin.CONSTANT, Origin.FROZEN):
            value = held.get(source.name, lifted.get(source.name))
            is_real = type(value) in (torch.Tensor, torch.nn.Parameter) and not value.is_meta
            found.append((source, value.detach() if is_real else None))
    return found
