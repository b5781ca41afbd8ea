"""How parameters were initialised is recorded as rules."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf

import models
from conftest import parameters
from oobleck.initial import recorded_rules

NORMAL = {"kind": "normal", "mean": 0.0, "deviation": 0.02}
ONE = {"kind": "constant", "value": 1.0}
ZERO = {"kind": "constant", "value": 0.0}
SMALL = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}


def folder_of(config: hf.PretrainedConfig, architecture: str, folder: Path) -> str:
    config.architectures = [architecture]
    config.save_pretrained(folder)
    return str(folder)


def test_gpt2_scales_residual_projections(imported: Callable, tmp_path: Path) -> None:
    config = hf.GPT2Config(n_embd=32, n_layer=3, n_head=4, vocab_size=50)
    source = folder_of(config, "GPT2LMHeadModel", tmp_path / "source")
    found = parameters(imported(source, "--sequence", "8"))
    scaled = NORMAL | {"deviation": 0.02 / math.sqrt(2 * 3)}
    for name, item in found.items():
        expected = NORMAL
        if name.endswith("c_proj.weight"):
            expected = scaled
        elif name.endswith("bias"):
            expected = ZERO
        elif ".ln_" in name:
            expected = ONE
        assert item["initial"] == expected, name


def test_llama_is_normal_and_norms_are_one(imported: Callable, tmp_path: Path) -> None:
    config = hf.LlamaConfig(**SMALL, vocab_size=50)
    source = folder_of(config, "LlamaForCausalLM", tmp_path / "source")
    found = parameters(imported(source, "--sequence", "8"))
    assert {n for n, item in found.items() if item["initial"] == ONE} == {
        n for n in found if "norm" in n
    }
    assert all(item["initial"] == NORMAL for n, item in found.items() if "norm" not in n)


def test_a_padding_row_is_zeroed(imported: Callable, tmp_path: Path) -> None:
    config = hf.RobertaConfig(**SMALL, vocab_size=50, pad_token_id=1, max_position_embeddings=34)
    source = folder_of(config, "RobertaForMaskedLM", tmp_path / "source")
    found = parameters(imported(source, "--sequence", "8"))
    words = found["roberta.embeddings.word_embeddings.weight"]["initial"]
    assert words == NORMAL | {"zero_rows": [1]}


def test_positions_of_vit_are_truncated_normal(imported: Callable, tmp_path: Path) -> None:
    config = hf.ViTConfig(**SMALL, image_size=16, patch_size=8)
    source = folder_of(config, "ViTForImageClassification", tmp_path / "source")
    found = parameters(imported(source))
    truncated = NORMAL | {"kind": "truncated_normal", "low": -2.0, "high": 2.0}
    assert found["vit.embeddings.position_embeddings"]["initial"] == truncated
    assert found["vit.embeddings.cls_token"]["initial"] == truncated


@pytest.mark.parametrize("name", models.MODELS)
def test_values_of_a_real_model_follow_the_rules(name: str) -> None:
    torch.manual_seed(3)
    with recorded_rules() as rules:
        model = models.MODELS[name].build(0.0)
    for key, param in model.named_parameters():
        rule = rules.rule_of(param)
        assert rule is not None, key
        check_values(key, param.detach().clone(), dict(rule))


def check_values(key: str, values: torch.Tensor, rule: dict[str, Any]) -> None:
    """Constants and bounds hold exactly; mean and deviation within six standard errors."""
    zeroed = rule.pop("zero_rows", [])
    assert bool((values[zeroed] == 0).all()) if zeroed else True, key
    kept = [row for row in range(values.shape[0]) if row not in zeroed]
    values = values[kept].double().flatten()
    count = values.numel()
    if rule["kind"] == "constant":
        assert bool((values == rule["value"]).all()), key
        return
    low, high = rule.get("low", -math.inf), rule.get("high", math.inf)
    assert low <= float(values.min()) and float(values.max()) <= high, key
    if rule["kind"] == "uniform":
        mean, deviation = (low + high) / 2, (high - low) / math.sqrt(12)
    else:  # no rule here truncates within ten deviations
        mean, deviation = rule["mean"], rule["deviation"]
    assert abs(float(values.mean()) - mean) < 6 * deviation / math.sqrt(count), key
    assert abs(float(values.std()) / deviation - 1) < 6 / math.sqrt(2 * (count - 1)), key


def test_other_models_have_a_rule_for_every_parameter(imported: Callable, tmp_path: Path) -> None:
    config = hf.BertConfig(**SMALL, vocab_size=50)
    source = folder_of(config, "BertForMaskedLM", tmp_path / "bert")
    bert = parameters(imported(source, "--sequence", "8", to="bert-model"))
    assert bert["cls.predictions.bias"]["initial"] == ZERO
    sizes = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
    config = hf.T5Config(**sizes, vocab_size=50, decoder_start_token_id=0)
    source = folder_of(config, "T5ForConditionalGeneration", tmp_path / "t5")
    t5 = parameters(imported(source, "--sequence", "8", to="t5-model"))
    assert t5["shared.weight"]["initial"] == NORMAL | {"deviation": 1.0}
    assert all(item["initial"]["kind"] != "stored" for item in (*bert.values(), *t5.values()))


def uniform(bound: float) -> dict[str, object]:
    return {"kind": "uniform", "low": pytest.approx(-bound), "high": pytest.approx(bound)}


def test_rules_of_tensors() -> None:
    """Each operator by itself, on real tensors."""
    with recorded_rules() as rules, torch.no_grad():
        linear = torch.nn.Linear(16, 4)
        scaled = torch.nn.Parameter(torch.randn(3, 4) * 0.5 + 2)
        turned = torch.nn.Parameter(torch.rand(3, 4).mul_(-2))
        padded = torch.nn.Embedding(5, 4, padding_idx=2)
        clipped = torch.nn.init.trunc_normal_(torch.empty(3, 4), std=0.1, a=-0.2, b=0.2)
        copied = torch.empty(3, 4)
        copied.copy_(scaled)
        copied.zero_()
        copied.fill_(7)
        changed = torch.ones(3, 4)
        changed[0, 1] = 5
        computed = torch.arange(4.0)
    loaded = torch.zeros(3)
    assert rules.rule_of(linear.weight) == uniform(0.25)
    assert rules.rule_of(scaled) == {"kind": "normal", "mean": 2.0, "deviation": 0.5}
    assert rules.rule_of(turned) == {"kind": "uniform", "low": -2.0, "high": 0.0}
    standard = {"kind": "normal", "mean": 0.0, "deviation": 1.0}
    assert rules.rule_of(padded.weight) == standard | {"zero_rows": [2]}
    bounds = {"mean": 0.0, "deviation": 0.1, "low": -0.2, "high": 0.2}
    assert rules.rule_of(clipped) == {"kind": "truncated_normal", **bounds}
    assert rules.rule_of(copied) == {"kind": "constant", "value": 7.0}
    for tensor in (changed, computed, loaded):
        assert rules.rule_of(tensor) is None


ORTHOGONAL = """
import torch
from plain_model import Perceptron

def model():
    made = Perceptron(0.0)
    torch.nn.init.orthogonal_(made.last.weight)
    return made, {"x": torch.ones(2, 32), "y": torch.ones(2, 3)}
"""


def test_a_rule_that_cannot_be_repeated_is_named(refused: Callable, tmp_path: Path) -> None:
    (tmp_path / "orthogonal.py").write_text(ORTHOGONAL)
    line = refused(f"{tmp_path / 'orthogonal.py'}:model", "--weights-from-seed")
    assert "last.weight" in line and "give a folder with weights" in line


def test_only_the_unknown_parameter_of_a_function_is_stored(
    imported: Callable, tmp_path: Path
) -> None:
    (tmp_path / "orthogonal.py").write_text(ORTHOGONAL)
    manifest = imported(f"{tmp_path / 'orthogonal.py'}:model")
    stored = {n for n, p in parameters(manifest).items() if p["initial"]["kind"] == "stored"}
    assert stored == {"last.weight"}
    assert [layer["weights"] for layer in manifest["layers"]] == [None, None, "layer-2.safetensors"]
