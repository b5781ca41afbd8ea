"""Weights of every vintage are read; wrong ones are listed in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import models
from conftest import parameters

Tensors = dict[str, torch.Tensor]
SHAPE = ("--sequence", "8")


def saved(name: str, folder: Path) -> tuple[torch.nn.Module, Tensors]:
    """A folder with the model's configuration, without weights; the model and its tensors."""
    model = models.built(name)
    model.save_pretrained(folder)
    (folder / "model.safetensors").unlink()
    return model, {key: value.clone() for key, value in model.state_dict().items()}


def check(folder: Path, manifest: dict, model: torch.nn.Module) -> None:
    """Every parameter stands in the import, with the model's own values."""
    found: Tensors = {}
    for layer in manifest["layers"]:
        values = load_file(folder / layer["weights"]) if layer["weights"] else {}
        assert set(values) == {item["name"] for item in layer["parameters"]}
        found |= values
    expected = dict(model.named_parameters())
    assert set(found) == set(expected)
    for key, value in expected.items():
        assert torch.equal(found[key], value), key


def without_prefix(tensors: Tensors, prefix: str) -> Tensors:
    return {key.removeprefix(prefix): value for key, value in tensors.items()}


def compiled(tensors: Tensors) -> Tensors:
    return {f"_orig_mod.{key}": value for key, value in tensors.items()}


def untied(tensors: Tensors) -> Tensors:
    return {key: value for key, value in tensors.items() if key != "lm_head.weight"}


def stale(tensors: Tensors) -> Tensors:
    extra = {}
    for layer in range(models.LAYERS):
        extra[f"transformer.h.{layer}.attn.bias"] = torch.ones(1, 1, 8, 8)
        extra[f"transformer.h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    return tensors | extra


GPT2 = {
    "as it is": lambda tensors: tensors,
    "no prefix": lambda tensors: untied(without_prefix(tensors, "transformer.")),
    "no prefix, old buffers": lambda t: without_prefix(stale(untied(t)), "transformer."),
    "compiled": compiled,
    "head not tied": untied,
    "head of its own": lambda t: {**t, "lm_head.weight": t["lm_head.weight"] + 1},
    "head alone": lambda t: {k: v for k, v in t.items() if k != "transformer.wte.weight"},
}


@pytest.mark.parametrize("vintage", GPT2)
def test_names_of_gpt2(vintage: str, imported: Callable, tmp_path: Path) -> None:
    model, tensors = saved("gpt2", tmp_path / "source")
    save_file(
        {k: v.clone() for k, v in GPT2[vintage](tensors).items()},
        str(tmp_path / "source" / "model.safetensors"),
    )
    check(tmp_path / "model", imported(tmp_path / "source", *SHAPE), model)


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_pytorch_file(is_zip: bool, imported: Callable, tmp_path: Path) -> None:
    model, tensors = saved("llama", tmp_path / "source")
    tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(8)
    file = tmp_path / "source" / "pytorch_model.bin"
    torch.save(tensors, file, _use_new_zipfile_serialization=is_zip)
    check(tmp_path / "model", imported(tmp_path / "source", *SHAPE), model)


def test_old_names_of_bert(imported: Callable, tmp_path: Path) -> None:
    model, tensors = saved("bert", tmp_path / "source")
    old = {
        key.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): value
        for key, value in tensors.items()
    }
    old["bert.embeddings.position_ids"] = torch.arange(64)[None]
    torch.save(old, tmp_path / "source" / "pytorch_model.bin")
    check(tmp_path / "model", imported(tmp_path / "source", *SHAPE), model)


@pytest.mark.parametrize("ending", ["safetensors", "bin"])
def test_shards(ending: str, imported: Callable, tmp_path: Path) -> None:
    model, tensors = saved("llama", tmp_path / "source")
    names = sorted(tensors)
    stem = "model" if ending == "safetensors" else "pytorch_model"
    where = {}
    for part in range(2):
        file = f"{stem}-0000{part + 1}-of-00002.{ending}"
        own = {name: tensors[name] for name in names[part::2]}
        where |= dict.fromkeys(own, file)
        if ending == "safetensors":
            save_file(own, str(tmp_path / "source" / file))
        else:
            torch.save(own, tmp_path / "source" / file)
    index = tmp_path / "source" / f"{stem}.{ending}.index.json"
    index.write_text(json.dumps({"weight_map": where}))
    check(tmp_path / "model", imported(tmp_path / "source", *SHAPE), model)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_becomes_float32(
    dtype: torch.dtype, imported: Callable, tmp_path: Path
) -> None:
    model, tensors = saved("llama", tmp_path / "source")
    halves = {key: value.to(dtype) for key, value in tensors.items()}
    save_file(halves, str(tmp_path / "source" / "model.safetensors"))
    model.load_state_dict({key: value.float() for key, value in halves.items()})
    check(tmp_path / "model", imported(tmp_path / "source", *SHAPE), model)


def test_experts_are_converted(imported: Callable, tmp_path: Path) -> None:
    """transformers writes one tensor for each expert, and holds all experts in one."""
    model = models.built("mixtral")
    model.save_pretrained(tmp_path / "source")
    check(tmp_path / "model", imported(tmp_path / "source", *SHAPE), model)


def test_another_head_is_initialised(imported: Callable, tmp_path: Path) -> None:
    _, tensors = saved("bert", tmp_path / "source")
    save_file(tensors, str(tmp_path / "source" / "model.safetensors"))
    task = ("--task", "sequence-classification")
    found = parameters(imported(tmp_path / "source", *SHAPE, *task))
    rules = {name for name, item in found.items() if item["initial"]["kind"] != "stored"}
    pooler = {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    assert rules == pooler | {"classifier.weight", "classifier.bias"}


def test_the_seed_may_stand_in_for_weights(imported: Callable, tmp_path: Path) -> None:
    models.built("gpt2").save_pretrained(tmp_path / "source")
    manifest = imported(tmp_path / "source", *SHAPE, "--weights-from-seed")
    kinds = {item["initial"]["kind"] for item in parameters(manifest).values()}
    assert kinds == {"normal", "constant"}
    assert {layer["weights"] for layer in manifest["layers"]} == {None}


def test_what_is_missing_is_listed(refused: Callable, tmp_path: Path) -> None:
    _, tensors = saved("llama", tmp_path / "source")
    kept = {key: value for key, value in tensors.items() if "mlp" not in key}
    save_file(kept, str(tmp_path / "source" / "model.safetensors"))
    line = refused(tmp_path / "source", *SHAPE)
    assert "missing model.layers.0.mlp.gate_proj.weight" in line and "and 4 more" in line


def test_what_is_too_much_and_of_another_shape_is_listed(refused: Callable, tmp_path: Path) -> None:
    _, tensors = saved("llama", tmp_path / "source")
    tensors["model.layers.3.mlp.up_proj.weight"] = torch.zeros(2, 2)
    tensors["lm_head.weight"] = torch.zeros(95, 64)
    save_file(tensors, str(tmp_path / "source" / "model.safetensors"))
    line = refused(tmp_path / "source", *SHAPE)
    assert "unexpected model.layers.3.mlp.up_proj.weight" in line
    assert "lm_head.weight is [95, 64] and should be [96, 64]" in line


def test_quantised_weights(refused: Callable, tmp_path: Path) -> None:
    _, tensors = saved("llama", tmp_path / "source")
    tensors["lm_head.weight"] = tensors["lm_head.weight"].to(torch.int8)
    save_file(tensors, str(tmp_path / "source" / "model.safetensors"))
    line = refused(tmp_path / "source", *SHAPE)
    assert "lm_head.weight is stored as torch.int8" in line


def test_files_that_are_no_weights(refused: Callable, tmp_path: Path) -> None:
    saved("gpt2", tmp_path / "source")
    (tmp_path / "source" / "model.safetensors").write_bytes(b"\x00" * 20)
    assert "cannot read" in refused(tmp_path / "source", *SHAPE)
    (tmp_path / "source" / "model.safetensors").unlink()
    (tmp_path / "source" / "pytorch_model.bin").write_bytes(b"no pickle")
    assert "cannot read" in refused(tmp_path / "source", *SHAPE)


class Caller:
    """Calls a function when it is unpickled."""

    def __reduce__(self) -> tuple:
        return print, ("this code ran",)


def test_a_file_that_calls_code(
    refused: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved("gpt2", tmp_path / "source")
    torch.save({"a": Caller()}, tmp_path / "source" / "pytorch_model.bin")
    message = refused(tmp_path / "source", *SHAPE)
    assert "print, and weights are read without running code; save it as safetensors" in message
    assert "weights_only" not in message and "this code ran" not in capsys.readouterr().out


def test_code_for_an_unknown_type_of_a_known_class(refused: Callable, tmp_path: Path) -> None:
    saved("gpt2", tmp_path / "source")
    path = tmp_path / "source" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"model_type": "own", "auto_map": {"AutoConfig": "c.C"}}))
    assert "give --trust-remote-code to run it" in refused(tmp_path / "source", *SHAPE)
