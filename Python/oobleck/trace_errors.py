"""Turns what torch.export throws into one line: what, in which module, at which line, what would do."""

from __future__ import annotations

import os
import re
import traceback

import torch

from oobleck.errors import ImportProblem

_TORCH = os.path.dirname(torch.__file__) + os.sep
_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def problem_of_trace(error: BaseException, model: torch.nn.Module) -> ImportProblem:
    """The line for an error that came up while the model was traced."""
    place = _place(error, model)
    text = str(error)
    kind = type(error).__name__
    data_dependent = ("data-dependent", "DataDependent", "unbacked", "Unbacked")
    if any(mark in text or mark in kind for mark in data_dependent):
        return ImportProblem(
            f"the model decides by values of tensors {place}: {_first_line(text)}; branches and shapes must "
            "follow from the shapes of the batch alone (torch.where chooses between values)"
        )
    return ImportProblem(f"the model cannot be traced {place}: {kind}: {_first_line(text)}")


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = lines[0] if lines else "no message"
    return re.sub(r"\s+", " ", first)[:200].rstrip(" .")


def _place(error: BaseException, model: torch.nn.Module) -> str:
    """The innermost module of the model and line outside torch that the error passed through."""
    paths = {id(module): path for path, module in model.named_modules()}
    module, line = None, None
    for frame, number in traceback.walk_tb(error.__traceback__):
        name = frame.f_code.co_filename
        owner = frame.f_locals.get("self")
        if isinstance(owner, torch.nn.Module) and id(owner) in paths:
            module = paths[id(owner)]
        if not name.startswith((_TORCH, _PACKAGE, "<")):
            line = f"{_short(name)}:{number}"
    where = f"in module {module}" if module else "in the model's own forward"
    return f"{where} ({line})" if line else where


def own_line(stack_trace: str | None) -> str | None:
    """The innermost line outside torch of a node's stack trace, as `file.py:12`."""
    found = re.findall(r'File "([^"]+)", line (\d+)', stack_trace or "")
    for name, number in reversed(found):
        if not name.startswith((_TORCH, _PACKAGE)):
            return f"{_short(name)}:{number}"
    return None


def _short(path: str) -> str:
    return os.sep.join(path.split(os.sep)[-2:]) if "site-packages" in path else path
