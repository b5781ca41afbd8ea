"""Sources of the form `file.py:function`: any module, with an example batch."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from typing import Any

import torch

from oobleck.errors import ImportProblem
from oobleck.initial import recorded_rules
from oobleck.source import Source

_ROLES = ("tokens", "next_tokens", "masked_tokens", "mask_targets", "ones", "column")
_NEEDED = "it must return (module, batch), or (module, batch, roles)"


def read_function(text: str, weights_from_seed: bool) -> Source:
    """Calls the function, which returns the module and a batch: tensors by name, one microbatch.

    The module keeps the modes that the function left (train or eval). An optional third result gives
    roles of batch tensors by name.
    """
    file, _, name = text.rpartition(":")
    path = Path(file)
    function = _loaded(path, name)
    with recorded_rules() as rules:
        try:
            result = function()
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            raise ImportProblem(
                f"{text} failed at {Path(where.filename).name}:{where.lineno}: {type(error).__name__}: {error}"
            ) from error
    module, batch, roles = _checked(text, result)
    if not module.training:
        print("note: the function returned its module in eval mode, so dropout is off")
    parameters = dict(module.named_parameters())
    known = {key: rules.rule_of(value) for key, value in parameters.items()}
    named = {
        key: value for key, value in _tensors(module).items() if isinstance(value, torch.Tensor)
    }

    def value(key: str) -> torch.Tensor | None:
        return None if weights_from_seed and key in parameters else named.get(key)

    first = next(iter(batch.values()))
    sequences = [batch[key].shape[1] for key, role in roles.items() if role != "column"]
    return Source(
        kind="function",
        name=f"{path.name}:{name}",
        display=name,
        architecture=type(module).__name__,
        model_type=None,
        module=module,
        batch=batch,
        roles=roles,
        value=value,
        rule=known.get,
        microbatch=first.shape[0],
        sequence=sequences[0] if sequences else None,
    )


def _loaded(path: Path, name: str) -> Any:
    if not path.is_file():
        raise ImportProblem(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ImportProblem(f"cannot load {path}: {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    function = getattr(module, name, None)
    if not callable(function):
        names = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        raise ImportProblem(f"{path} has no function {name}; it has {', '.join(names) or 'none'}")
    return function


def _checked(
    text: str, result: Any
) -> tuple[torch.nn.Module, dict[str, torch.Tensor], dict[str, str]]:
    if not isinstance(result, tuple) or len(result) not in (2, 3):
        raise ImportProblem(f"{text} returned {type(result).__name__}; {_NEEDED}")
    module, batch = result[:2]
    roles = result[2] if len(result) == 3 else {}
    if not isinstance(module, torch.nn.Module):
        raise ImportProblem(f"{text} returned {type(module).__name__} as its module; {_NEEDED}")
    if not isinstance(batch, dict) or not batch:
        raise ImportProblem(
            f"{text} returned {type(batch).__name__} as its batch; a dict of tensors is needed"
        )
    sizes = set()
    for key, tensor in batch.items():
        if not isinstance(tensor, torch.Tensor) or tensor.dim() == 0:
            raise ImportProblem(f"batch['{key}'] of {text} is no tensor with a batch dimension")
        sizes.add(tensor.shape[0])
    if len(sizes) > 1:
        found = ", ".join(f"{key} {list(tensor.shape)}" for key, tensor in batch.items())
        raise ImportProblem(
            f"the batch of {text} has several first dimensions ({found}); all must be the microbatch"
        )
    for key, role in roles.items():
        if key not in batch or role not in _ROLES:
            raise ImportProblem(
                f"role '{role}' of '{key}' in {text}: roles are {', '.join(_ROLES)}, by batch name"
            )
    return module, {key: tensor.detach().contiguous() for key, tensor in batch.items()}, roles


def _tensors(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return dict(module.named_parameters(remove_duplicate=False)) | dict(module.named_buffers())
