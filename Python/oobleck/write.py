"""Writes the folder of an imported model. Its form is described in the engine's documentation."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from oobleck.cut import Layer
from oobleck.encode import graph_text, type_name
from oobleck.errors import ImportProblem, listed
from oobleck.export import Traced
from oobleck.graph import Origin, Value
from oobleck.operations import forward_operations
from oobleck.source import Source
from oobleck.statistics import Statistic

FORMAT_VERSION = 1


def check_target(folder: Path) -> None:
    """Throws when the folder holds anything: an import never overwrites."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ImportProblem(f"{folder} exists and is not empty; name a new folder with --to")


def write_model(
    folder: Path,
    source: Source,
    layers: list[Layer],
    traced: Traced,
    targets: int | None,
) -> dict[str, Any]:
    """Writes everything beside the folder and renames it when it is whole. Returns the manifest."""
    folder = folder.resolve()
    check_target(folder)
    partial = folder.with_name(folder.name + ".partial")
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    try:
        writer = _Writer(partial, source)
        entries = [writer.layer(index, layer) for index, layer in enumerate(layers)]
        writer.constants(layers, traced.constants)
        writer.copies()
        manifest = _manifest(source, layers, entries, targets)
        manifest |= {"counters": _counters(source, traced), "files": writer.digests}
        (partial / "manifest.json").write_text(_with_digest(manifest))
    except BaseException:
        shutil.rmtree(partial)
        raise
    if folder.exists():
        folder.rmdir()
    partial.rename(folder)
    return manifest


def _with_digest(manifest: dict[str, Any]) -> str:
    """The manifest's text. Its last entry is the SHA-256 of the text with zeros in the digest's place."""
    zeros = "0" * 64
    text = json.dumps(manifest | {"digest": zeros}, indent=1) + "\n"
    before, _, after = text.rpartition(zeros)
    return before + hashlib.sha256(text.encode()).hexdigest() + after


class _Writer:
    """Writes the files of one import and keeps their digests."""

    def __init__(self, folder: Path, source: Source) -> None:
        self.folder, self.source = folder, source
        self.digests: dict[str, str] = {}
        self._graphs: dict[str, str] = {}  # file by text
        self._initial: dict[str, dict[str, Any]] = {}

    def layer(self, index: int, layer: Layer) -> dict[str, Any]:
        """Writes a layer's graph, unless an equal one is there, and its weights; its manifest entry."""
        text = graph_text(layer)
        if text not in self._graphs:
            self._graphs[text] = f"graph-{len(self._graphs)}.json"
            (self.folder / self._graphs[text]).write_text(text)
            self._digest(self._graphs[text])
        parameters = [self._parameter(value) for value in layer.parameters]
        parameters += [self._statistic(statistic) for statistic in layer.statistics]
        operations = forward_operations(layer)
        counted = {} if operations is None else {"operations": operations}
        return {
            "name": layer.name,
            **counted,
            "graph": self._graphs[text],
            "weights": self._weights(index, parameters),
            "parameters": parameters,
            "constants": [_described(value.source.name, value) for value in layer.constants],
            "batch": [value.source.name for value in layer.batch],
            "receives": [_described(value.name, value) for value in layer.receives],
            "sends": [_described(name, value) for name, value in layer.sends],
        }

    def constants(self, layers: list[Layer], values: dict[str, torch.Tensor]) -> None:
        """Writes the constants of all layers, once each."""
        names = sorted({value.source.name for layer in layers for value in layer.constants})
        values = {**values, **self.source.buffers}
        for name in [n for n in names if n not in values]:
            stored = self.source.value(name)
            if stored is None:
                raise ImportProblem(
                    f"the constant {name} has no value, because the source has no weights; give a folder with "
                    "weights or a file.py:function"
                )
            values[name] = stored
        if names:
            self._save("constants.safetensors", {name: values[name] for name in names})

    def copies(self) -> None:
        """Copies the source's configuration and tokenizer."""
        for path in self.source.copied_files:
            shutil.copyfile(path, self.folder / path.name)
        if self.source.config_text is not None:
            (self.folder / "config.json").write_text(self.source.config_text)

    def _parameter(self, value: Value) -> dict[str, Any]:
        name = value.source.name
        if value.example.dtype != torch.float32:
            kind = type_name(value.example.dtype)
            raise ImportProblem(
                f"parameter {name} is {kind}; parameters must be float32 (call float() on the module)"
            )
        if name not in self._initial:
            rule = self.source.rule(name)
            self._initial[name] = rule if rule is not None else {"kind": "stored"}
        return _described(name, value) | {"initial": self._initial[name]}

    def _statistic(self, statistic: Statistic) -> dict[str, Any]:
        name = statistic.running.source.name
        if self.source.value(name) is None and self.source.rule(name) is None:
            own = dict(self.source.module.named_buffers())[name]
            first = own.flatten()[0]
            if bool((own == first).all()):
                self._initial[name] = {"kind": "constant", "value": float(first)}
        return self._parameter(statistic.running) | {"momentum": statistic.momentum}

    def _weights(self, index: int, parameters: list[dict[str, Any]]) -> str | None:
        tensors, lacking = {}, []
        for parameter in parameters:
            if parameter["initial"]["kind"] == "stored":
                value = self.source.value(parameter["name"])
                if value is None:
                    lacking.append(parameter["name"])
                else:
                    tensors[parameter["name"]] = value
        if lacking:
            raise ImportProblem(
                f"the rule by which the model fills {listed(lacking)} is not one that can be repeated from a seed; "
                "give a folder with weights"
            )
        if not tensors:
            return None
        self._save(f"layer-{index}.safetensors", tensors)
        return f"layer-{index}.safetensors"

    def _save(self, name: str, tensors: dict[str, torch.Tensor]) -> None:
        own = {key: value.detach().clone().contiguous() for key, value in tensors.items()}
        save_file(own, str(self.folder / name))
        (self.folder / name).chmod(0o644)
        self._digest(name)

    def _digest(self, name: str) -> None:
        digest = hashlib.sha256()
        with (self.folder / name).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        self.digests[name] = digest.hexdigest()


def _described(name: str, value: Value) -> dict[str, Any]:
    return {
        "name": name,
        "shape": list(value.example.shape),
        "dtype": type_name(value.example.dtype),
    }


def _transformers_version() -> str:
    import transformers

    return transformers.__version__


def _counters(source: Source, traced: Traced) -> dict[str, int]:
    """How many batches each norm with running statistics has seen, by the name of its counter."""
    own = dict(source.module.named_buffers())
    return {name: int(source.buffers.get(name, own[name])) for name in traced.graph.counters}


def _manifest(
    source: Source, layers: list[Layer], entries: list[dict[str, Any]], targets: int | None
) -> dict[str, Any]:
    uses: dict[str, list[int]] = {}
    for index, layer in enumerate(layers):
        for value in layer.parameters:
            uses.setdefault(value.source.name, []).append(index)
    kept = (value.source for layer in layers for value in layer.constants)
    return {
        "version": FORMAT_VERSION,
        "torch": torch.__version__.split("+")[0],
        "transformers": None if source.kind == "function" else _transformers_version(),
        "source": {
            "kind": source.kind,
            "name": source.name,
            "architecture": source.architecture,
            "model_type": source.model_type,
            "trust_remote_code": source.trust_remote_code,
        },
        "name": source.display,
        "microbatch": source.microbatch,
        "sequence": source.sequence,
        "vocabulary": source.vocabulary,
        "mask_token": source.mask_token,
        "batch": [
            {
                "name": name,
                "shape": list(tensor.shape),
                "dtype": type_name(tensor.dtype),
                "role": source.roles.get(name, "column"),
            }
            for name, tensor in source.batch.items()
        ],
        "layers": entries,
        "tied": [[name, found] for name, found in uses.items() if len(found) > 1],
        "loss": {"layer": len(layers) - 1, "sum": True, "count": True, "targets": targets},
        "frozen": sorted({source.name for source in kept if source.origin is Origin.FROZEN}),
    }
