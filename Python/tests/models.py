"""Small models with random weights, by name, each with a batch that has ignored targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import transformers as hf

MICROBATCH, SEQUENCE, VOCABULARY, HIDDEN, LAYERS, HEADS = 2, 16, 96, 64, 3, 4
Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Model:
    """A transformers model: how to build it, its batch, and further options of the import."""

    build: Callable[[float], torch.nn.Module]
    batch: Callable[[], Batch]
    options: tuple[str, ...] = ()


def _tokens() -> torch.Tensor:
    return torch.randint(5, VOCABULARY, (MICROBATCH, SEQUENCE))


def causal() -> Batch:
    tokens, labels = _tokens(), _tokens()
    labels[0, :5] = -100
    return {"input_ids": tokens, "labels": labels}


def padded() -> Batch:
    tokens, labels = _tokens(), _tokens()
    labels[0, :5] = -100
    labels[1, -4:] = -100
    mask = torch.ones_like(tokens)
    mask[1, -4:] = 0
    return {"input_ids": tokens, "attention_mask": mask, "labels": labels}


def classes() -> Batch:
    return padded() | {"labels": torch.tensor([1, 2])}


def images() -> Batch:
    return {"pixel_values": torch.randn(MICROBATCH, 3, 32, 32), "labels": torch.tensor([1, 2])}


SIZES: dict[str, Any] = {
    "hidden_size": HIDDEN,
    "intermediate_size": 2 * HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "max_position_embeddings": 64,
    "vocab_size": VOCABULARY,
}
GROUPED: dict[str, Any] = SIZES | {"num_key_value_heads": 2, "pad_token_id": 0}
MASK = ("--attention-mask",)


def plain(
    cls: str, config: str, settings: dict[str, Any], *dropouts: str
) -> Callable[[float], Any]:
    """Builds `cls` from `config` with these settings and the dropout under these names."""

    def build(dropout: float) -> torch.nn.Module:
        made = getattr(hf, config)(**settings, **dict.fromkeys(dropouts, dropout))
        extra = {}
        if getattr(hf, cls)._can_set_experts_implementation():
            extra["experts_implementation"] = "batched_mm"
        attention = "sdpa" if getattr(hf, cls)._supports_sdpa else "eager"
        return getattr(hf, cls)._from_config(made, attn_implementation=attention, **extra)

    return build


_BERT_DROPOUT = ("hidden_dropout_prob", "attention_probs_dropout_prob")
_LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
GPT2: dict[str, Any] = {
    "n_embd": HIDDEN,
    "n_layer": LAYERS,
    "n_head": HEADS,
    "n_positions": 64,
    "vocab_size": VOCABULARY,
}
MOE: dict[str, Any] = {"num_experts_per_tok": 2}

MODELS: dict[str, Model] = {
    "gpt2": Model(
        plain("GPT2LMHeadModel", "GPT2Config", GPT2, "resid_pdrop", "embd_pdrop", "attn_pdrop"),
        causal,
    ),
    "llama": Model(plain("LlamaForCausalLM", "LlamaConfig", GROUPED, "attention_dropout"), causal),
    "llama-rope": Model(
        plain("LlamaForCausalLM", "LlamaConfig", GROUPED | {"rope_parameters": _LLAMA3_ROPE}),
        causal,
    ),
    "llama-mask": Model(
        plain("LlamaForCausalLM", "LlamaConfig", GROUPED, "attention_dropout"), padded, MASK
    ),
    "mistral": Model(
        plain(
            "MistralForCausalLM",
            "MistralConfig",
            GROUPED | {"sliding_window": 8},
            "attention_dropout",
        ),
        causal,
    ),
    "qwen2": Model(
        plain(
            "Qwen2ForCausalLM",
            "Qwen2Config",
            GROUPED | {"tie_word_embeddings": True},
            "attention_dropout",
        ),
        causal,
    ),
    "qwen3": Model(
        plain("Qwen3ForCausalLM", "Qwen3Config", GROUPED | {"head_dim": 16}, "attention_dropout"),
        causal,
    ),
    "gemma": Model(
        plain("GemmaForCausalLM", "GemmaConfig", GROUPED | {"head_dim": 16}, "attention_dropout"),
        causal,
    ),
    "gemma2": Model(
        plain(
            "Gemma2ForCausalLM",
            "Gemma2Config",
            GROUPED | {"head_dim": 16, "sliding_window": 8},
            "attention_dropout",
        ),
        causal,
    ),
    "opt": Model(
        plain(
            "OPTForCausalLM",
            "OPTConfig",
            {
                "hidden_size": HIDDEN,
                "ffn_dim": 2 * HIDDEN,
                "num_hidden_layers": LAYERS,
                "num_attention_heads": HEADS,
                "vocab_size": VOCABULARY,
                "max_position_embeddings": 64,
                "word_embed_proj_dim": HIDDEN,
            },
            "dropout",
            "attention_dropout",
        ),
        padded,
        MASK,
    ),
    "neox": Model(
        plain("GPTNeoXForCausalLM", "GPTNeoXConfig", SIZES, "hidden_dropout", "attention_dropout"),
        causal,
    ),
    "bert": Model(plain("BertForMaskedLM", "BertConfig", SIZES, *_BERT_DROPOUT), padded, MASK),
    "bert-nomask": Model(plain("BertForMaskedLM", "BertConfig", SIZES, *_BERT_DROPOUT), causal),
    "roberta": Model(
        plain("RobertaForMaskedLM", "RobertaConfig", SIZES | {"pad_token_id": 1}, *_BERT_DROPOUT),
        padded,
        MASK,
    ),
    "bert-classify": Model(
        plain(
            "BertForSequenceClassification",
            "BertConfig",
            SIZES | {"num_labels": 3},
            *_BERT_DROPOUT,
        ),
        classes,
        MASK,
    ),
    "t5": Model(
        plain(
            "T5ForConditionalGeneration",
            "T5Config",
            {
                "vocab_size": VOCABULARY,
                "d_model": HIDDEN,
                "d_kv": 16,
                "d_ff": 2 * HIDDEN,
                "num_layers": LAYERS,
                "num_heads": HEADS,
                "decoder_start_token_id": 0,
            },
            "dropout_rate",
        ),
        padded,
        MASK,
    ),
    "bart": Model(
        plain(
            "BartForConditionalGeneration",
            "BartConfig",
            {
                "d_model": HIDDEN,
                "encoder_layers": 2,
                "decoder_layers": 2,
                "encoder_attention_heads": HEADS,
                "decoder_attention_heads": HEADS,
                "encoder_ffn_dim": 2 * HIDDEN,
                "decoder_ffn_dim": 2 * HIDDEN,
                "vocab_size": VOCABULARY,
                "max_position_embeddings": 64,
            },
            "dropout",
            "attention_dropout",
        ),
        padded,
        MASK,
    ),
    "vit": Model(
        plain(
            "ViTForImageClassification",
            "ViTConfig",
            {
                "hidden_size": HIDDEN,
                "intermediate_size": 2 * HIDDEN,
                "num_hidden_layers": LAYERS,
                "num_attention_heads": HEADS,
                "image_size": 32,
                "patch_size": 8,
                "num_labels": 10,
            },
            *_BERT_DROPOUT,
        ),
        images,
    ),
    "resnet": Model(
        plain(
            "ResNetForImageClassification",
            "ResNetConfig",
            {
                "embedding_size": 16,
                "hidden_sizes": [16, 32],
                "depths": [2, 2],
                "num_labels": 10,
                "image_size": 32,
            },
        ),
        images,
    ),
    "mixtral": Model(
        plain(
            "MixtralForCausalLM",
            "MixtralConfig",
            GROUPED | MOE | {"num_local_experts": 4},
            "attention_dropout",
        ),
        causal,
    ),
    "qwen2-moe": Model(
        plain(
            "Qwen2MoeForCausalLM",
            "Qwen2MoeConfig",
            GROUPED
            | MOE
            | {
                "num_experts": 4,
                "moe_intermediate_size": 32,
                "shared_expert_intermediate_size": 32,
            },
            "attention_dropout",
        ),
        causal,
    ),
}


def built(name: str, dropout: float = 0.0) -> torch.nn.Module:
    """The model with every parameter away from its initial value, so that no gradient is trivial."""
    torch.manual_seed(0)
    model = MODELS[name].build(dropout)
    model.config.use_cache = False
    with torch.no_grad():
        for param in model.parameters():
            param.add_(0.02 * torch.randn_like(param))
    return model.train()


def batch_of(name: str) -> Batch:
    torch.manual_seed(1)
    return MODELS[name].batch()
