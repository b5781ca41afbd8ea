"""Finds where to cut a model: the module paths that each become one layer."""

from __future__ import annotations

import torch

from oobleck.errors import ImportProblem, listed

# A list of modules counts as the model's blocks when it holds at least this share of its parameters.
_LEAST_SHARE = 0.05


def chosen_split(model: torch.nn.Module, wanted: list[str] | None) -> list[str]:
    """The paths of the blocks: those `wanted`, else those of the lists that hold most parameters."""
    if wanted is None:
        return default_split(model)
    paths = {path for path, _ in model.named_modules() if path}
    unknown = [path for path in wanted if path not in paths]
    if unknown:
        raise ImportProblem(
            f"--split names modules that the model does not have: {listed(unknown)}; it has, among others, "
            f"{listed(default_split(model))}"
        )
    nested = [a for a in wanted if any(a.startswith(b + ".") for b in wanted)]
    if nested:
        raise ImportProblem(f"--split names modules inside other named modules: {listed(nested)}")
    return list(dict.fromkeys(wanted))


def default_split(model: torch.nn.Module) -> list[str]:
    """The items of every outermost list of modules that holds a fair share of the parameters."""
    for least, mixed in ((2, False), (1, False), (2, True)):
        found = _lists(model, least, mixed)
        if found:
            return [f"{path}.{name}" for path, names in found for name in names]
    raise ImportProblem(
        "no list of blocks (ModuleList or Sequential) holds a fair share of the parameters; name the modules "
        "that each are to be one layer with --split PATH,..."
    )


def _lists(model: torch.nn.Module, least: int, mixed: bool) -> list[tuple[str, list[str]]]:
    """Outermost lists of at least `least` modules; `mixed` admits a Sequential of different modules."""
    total = sum(p.numel() for p in model.parameters())
    found: list[tuple[str, list[str]]] = []
    for path, module in model.named_modules():
        is_list = isinstance(module, (torch.nn.ModuleList, torch.nn.Sequential))
        if not path or not is_list or len(module) < least:
            continue
        if any(path.startswith(outer + ".") for outer, _ in found):
            continue
        kinds = {type(child) for child in module}
        if isinstance(module, torch.nn.Sequential) and len(kinds) != 1 and not mixed:
            continue
        if sum(p.numel() for p in module.parameters()) > _LEAST_SHARE * total:
            found.append((path, [name for name, _ in module.named_children()]))
    return found
