"""Well-known model sizes by name, as transformers configurations without weights.

Sizes: Devlin et al. 2019 (BERT), Radford et al. 2019 (GPT-2), Brown et al. 2020, table 2.1 (GPT-3; with
dense attention in every layer, that is the architecture of GPT-2), Touvron et al. 2023 (Llama 7B).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from oobleck.errors import ImportProblem


@dataclass(frozen=True)
class Preset:
    """A configuration: the class that trains it, its model type, and what differs from the default."""

    architecture: str
    model_type: str
    settings: dict[str, Any] = field(default_factory=dict)
    mask_token: int | None = None


def _gpt(hidden: int, layers: int, heads: int, positions: int) -> Preset:
    settings = {"n_embd": hidden, "n_layer": layers, "n_head": heads, "n_positions": positions}
    return Preset("GPT2LMHeadModel", "gpt2", settings)


PRESETS: dict[str, Preset] = {
    "bert-large": Preset(
        "BertForMaskedLM",
        "bert",
        {
            "hidden_size": 1024,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "intermediate_size": 4096,
        },
        mask_token=103,
    ),
    "gpt2": _gpt(768, 12, 12, 1024),
    "gpt2-medium": _gpt(1024, 24, 16, 1024),
    "gpt3-2.7b": _gpt(2560, 32, 32, 2048),
    "gpt3-6.7b": _gpt(4096, 32, 32, 2048),
    "llama-7b": Preset("LlamaForCausalLM", "llama"),
}


def preset_named(name: str) -> Preset:
    """The preset of this name. Throws when there is none, with the names there are."""
    if name not in PRESETS:
        raise ImportProblem(
            f"'{name}' is no folder, no file.py:function and no preset; presets: {', '.join(PRESETS)}"
        )
    return PRESETS[name]
