"""Reads the parameter values of a transformers folder, one tensor at a time.

Takes safetensors and PyTorch files, in one piece or in shards, with the names that several years of
saving have left: with and without the prefix of the base model, behind `_orig_mod.` (torch.compile) or
`module.` (data parallel), with a tied tensor under any of its names, with buffers that models have no
longer.
"""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from oobleck.errors import ImportProblem, first_line, listed

_SINGLE = ("model.safetensors", "pytorch_model.bin")
# Buffers of old versions, that some files still hold.
_STALE = re.compile(
    r"(^|\.)(attn\.bias|attn\.masked_bias|attention\.bias|attention\.masked_bias|rotary_emb\.inv_freq|"
    r"position_ids|token_type_ids|num_batches_tracked)$"
)
_WRAPPERS = ("_orig_mod.", "module.")
_OLD_WORDS = ((re.compile(r"\.gamma$"), ".weight"), (re.compile(r"\.beta$"), ".bias"))


def has_weights(folder: Path) -> bool:
    """Whether the folder holds weights, in a form that `StoredTensors` reads."""
    return any(
        (folder / name).exists() or (folder / f"{name}.index.json").exists() for name in _SINGLE
    )


class StoredTensors:
    """All tensors of a folder by the name in the file. A tensor is read when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._files: dict[str, Path] = {}
        self._opened: tuple[Path, Callable[[str], torch.Tensor]] | None = None
        for path in _weight_files(folder):
            self._files |= dict.fromkeys(self._names(path), path)

    def names(self) -> list[str]:
        return list(self._files)

    def read(self, name: str) -> torch.Tensor:
        """The tensor, in float32 where it is a floating-point tensor of another precision."""
        path = self._files[name]
        tensor = self._reader(path)(name)
        return tensor.float() if tensor.is_floating_point() else tensor

    def shape(self, name: str) -> tuple[int, ...]:
        path = self._files[name]
        if path.suffix == ".safetensors":
            with safe_open(path, "pt") as file:
                return tuple(file.get_slice(name).get_shape())
        return tuple(self._reader(path)(name).shape)

    def _names(self, path: Path) -> Iterator[str]:
        try:
            if path.suffix == ".safetensors":
                with safe_open(path, "pt") as file:
                    yield from file.keys()
                return
            values = _read_pickle(path)
        except (OSError, SafetensorError) as error:
            raise ImportProblem(f"cannot read {path}: {error}") from error
        self._opened = (path, values.__getitem__)
        yield from values

    def _reader(self, path: Path) -> Callable[[str], torch.Tensor]:
        """Reads from `path`; keeps one file open, because the tensors of a layer tend to be in one."""
        if self._opened is None or self._opened[0] != path:
            if path.suffix == ".safetensors":
                self._opened = (path, safe_open(path, "pt").get_tensor)
            else:
                self._opened = (path, _read_pickle(path).__getitem__)
        return self._opened[1]


class LoadedTensors:
    """The tensors of a folder as transformers itself loads them, by the model's names, all in memory."""

    def __init__(self, model: torch.nn.Module, folder: Path) -> None:
        try:
            loaded, report = type(model).from_pretrained(
                folder, dtype=torch.float32, local_files_only=True, output_loading_info=True
            )
        except Exception as error:
            raise ImportProblem(
                f"transformers cannot load the weights in {folder}: {first_line(error)}"
            ) from error
        missing = set(report["missing_keys"])
        self._values = {
            name: value.detach()
            for name, value in loaded.state_dict().items()
            if name not in missing
        }
        self._values |= {name: torch.empty(0) for name in report["unexpected_keys"]}

    def names(self) -> list[str]:
        return list(self._values)

    def read(self, name: str) -> torch.Tensor:
        return self._values[name]

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._values[name].shape)


def needs_conversion(model: torch.nn.Module) -> bool:
    """Whether files of this model hold other tensors than the model, such as one for each expert."""
    from transformers.conversion_mapping import get_model_conversion_mapping

    return bool(get_model_conversion_mapping(model, add_legacy=False))


def _weight_files(folder: Path) -> list[Path]:
    for name in _SINGLE:
        if (folder / name).exists():
            return [folder / name]
        index = folder / f"{name}.index.json"
        if index.exists():
            try:
                parts = sorted(set(json.loads(index.read_text())["weight_map"].values()))
            except (ValueError, KeyError, AttributeError) as error:
                raise ImportProblem(f"{index} is no index of weights: {error!r}") from error
            lacking = [part for part in parts if not (folder / part).exists()]
            if lacking:
                raise ImportProblem(
                    f"{folder} lacks files that {index.name} names: {listed(lacking)}"
                )
            return [folder / part for part in parts]
    raise ImportProblem(f"{folder} has no weights ({' or '.join(_SINGLE)})")


def _read_pickle(path: Path) -> dict[str, torch.Tensor]:
    try:
        values = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:
        try:  # files from before torch 1.6 cannot be mapped
            values = torch.load(path, map_location="cpu", weights_only=True)
        except Exception:
            raise ImportProblem(
                f"cannot read {path}: {_pickle_reason(error)}; save it as safetensors"
            ) from error
    return {name: value for name, value in values.items() if isinstance(value, torch.Tensor)}


def _pickle_reason(error: Exception) -> str:
    """Why it is not read. What torch says of such files advises to run the code that they bring."""
    if not isinstance(error, pickle.UnpicklingError):
        return first_line(error)
    called = re.search(r"GLOBAL ([\w.]+)", str(error))
    if called is None:
        return "it is no file of tensors that torch saved"
    return f"it calls {called[1]}, and weights are read without running code"


class MatchedWeights:
    """The tensors of a folder by the names of a model's parameters and buffers."""

    def __init__(
        self,
        stored: StoredTensors | LoadedTensors,
        model: torch.nn.Module,
        folder: Path,
        is_other_task: bool,
    ) -> None:
        """Throws one line that lists the missing tensors, those the model does not have, and those of another shape.

        `is_other_task`: the model is another than the one that was saved. Parts of it, such as its head,
        may then be missing as a whole, and the file's head is left out.
        """
        self._stored = stored
        self._base = getattr(model, "base_model_prefix", "")
        self._other_task = is_other_task
        self._slots = dict(model.state_dict(keep_vars=True))
        self._found: dict[int, str] = {}  # name in the file by the identity of the tensor
        self._first: dict[int, str] = {}  # the first of a tied tensor's names in the model
        for name, tensor in self._slots.items():
            self._first.setdefault(id(tensor), name)
        extra = [name for name in stored.names() if not self._match(name)]
        extra = [name for name in extra if not self._may_be_extra(name, model)]
        missing = self._missing(model)
        misshapen = [
            f"{name} is {list(shape)} and should be {list(tensor.shape)}"
            for name, tensor in self._slots.items()
            if id(tensor) in self._found
            and (shape := stored.shape(self._found[id(tensor)])) != tuple(tensor.shape)
        ]
        problems = [
            f"{what} {listed(names)}"
            for what, names in (
                ("missing", missing),
                ("unexpected", extra),
                ("of another shape", list(dict.fromkeys(misshapen))),
            )
            if names
        ]
        if problems:
            architecture = type(model).__name__
            raise ImportProblem(
                f"the weights in {folder} are not those of {architecture}: {'; '.join(problems)}"
            )

    def has(self, name: str) -> bool:
        """Whether the file has a parameter or buffer."""
        return name in self._slots and id(self._slots[name]) in self._found

    def value(self, name: str) -> torch.Tensor | None:
        """The stored value of a parameter or buffer; None where the file has none."""
        if not self.has(name):
            return None
        tensor, stored = self._slots[name], self._found[id(self._slots[name])]
        value = self._stored.read(stored)
        if value.is_floating_point() != tensor.is_floating_point():
            raise ImportProblem(
                f"{stored} is stored as {value.dtype}, and {name} holds floating-point numbers; quantised weights "
                "cannot be trained, give a folder with float32, float16 or bfloat16"
            )
        return value

    def buffers(self, model: torch.nn.Module) -> dict[str, torch.Tensor]:
        """The stored values of the model's buffers."""
        found = {name: self.value(name) for name, _ in model.named_buffers()}
        return {name: value for name, value in found.items() if value is not None}

    def _match(self, name: str) -> bool:
        for candidate in self._candidates(name):
            if candidate in self._slots:
                key = id(self._slots[candidate])
                if key not in self._found or candidate == self._first[key]:
                    self._found[key] = name
                return True
        return False

    def _candidates(self, name: str) -> Iterator[str]:
        """The names in the model that a name in the file may mean."""
        yield name
        for wrapper in _WRAPPERS * 2:
            name = name.removeprefix(wrapper)
        name = name.replace("._orig_mod.", ".")
        old = name
        for pattern, word in _OLD_WORDS:
            old = pattern.sub(word, old)
        for form in dict.fromkeys((name, old)):
            yield form
            if self._base:
                yield f"{self._base}.{form}"
                if form.startswith(f"{self._base}."):
                    yield form.removeprefix(f"{self._base}.")

    def _may_be_extra(self, name: str, model: torch.nn.Module) -> bool:
        patterns = getattr(model, "_keys_to_ignore_on_load_unexpected", None) or ()
        if _STALE.search(name) or any(re.search(pattern, name) for pattern in patterns):
            return True
        return self._other_task and self._is_head(name)

    def _is_head(self, name: str) -> bool:
        """Whether a name in the file is outside of the base model."""
        for wrapper in _WRAPPERS:
            name = name.removeprefix(wrapper)
        return bool(self._base) and not name.startswith(f"{self._base}.")

    def _missing(self, model: torch.nn.Module) -> list[str]:
        named = dict(model.named_parameters(remove_duplicate=False))
        present = {self._part(name) for name, param in named.items() if id(param) in self._found}
        missing: dict[int, str] = {}
        for name, param in named.items():
            is_new = self._other_task and self._part(name) not in present
            if id(param) not in self._found and not is_new:
                missing.setdefault(id(param), name)
        return list(missing.values())

    def _part(self, name: str) -> str:
        """The largest part of the model that a name is in: of the base model, or beside it."""
        prefix = f"{self._base}." if self._base and name.startswith(f"{self._base}.") else ""
        return prefix + name.removeprefix(prefix).split(".")[0]
