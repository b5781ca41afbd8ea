"""Small models of further architectures, for the table of models (`table.py`): named as in models.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import transformers as hf

from models import (
    GPT2,
    GROUPED,
    HEADS,
    HIDDEN,
    LAYERS,
    MASK,
    MICROBATCH,
    MOE,
    SIZES,
    VOCABULARY,
    Batch,
    Model,
    causal,
    classes,
    images,
    padded,
    plain,
)

_TOKENS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
_GPT: dict[str, Any] = GPT2 | _TOKENS
_BERT: dict[str, Any] = SIZES | _TOKENS
_LLAMA: dict[str, Any] = GROUPED | _TOKENS
_HEAD = {"head_dim": 16}
_CLASSES = {"num_labels": 3}
_IMAGE: dict[str, Any] = {
    "hidden_size": HIDDEN,
    "intermediate_size": 2 * HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "image_size": 32,
    "patch_size": 8,
    "num_labels": 10,
}


def _model(
    cls: str, config: str, settings: dict[str, Any], batch: Callable[[], Batch], *options: str
) -> Model:
    """The model without dropout, under whatever names its configuration has for it."""
    default = getattr(hf, config)(**settings).to_dict()
    names = [key for key, value in default.items() if "drop" in key and value is not None]
    return Model(plain(cls, config, settings | dict.fromkeys(names, 0.0)), batch, options)


def _frames() -> Batch:
    return images() | {"pixel_values": torch.randn(MICROBATCH, 3, 64, 64)}


_DECODERS = {
    "gpt-neo": _model(
        "GPTNeoForCausalLM",
        "GPTNeoConfig",
        {
            "hidden_size": HIDDEN,
            "num_layers": 4,
            "num_heads": HEADS,
            "attention_types": [[["global", "local"], 2]],
            "window_size": 8,
            "max_position_embeddings": 64,
            "vocab_size": VOCABULARY,
            **_TOKENS,
        },
        causal,
    ),
    "gpt-j": _model("GPTJForCausalLM", "GPTJConfig", _GPT | {"rotary_dim": 8}, causal),
    "gpt-bigcode": _model("GPTBigCodeForCausalLM", "GPTBigCodeConfig", _GPT, causal),
    "codegen": _model("CodeGenForCausalLM", "CodeGenConfig", _GPT | {"rotary_dim": 8}, causal),
    "falcon": _model("FalconForCausalLM", "FalconConfig", _BERT, causal),
    "falcon-alibi": _model("FalconForCausalLM", "FalconConfig", _BERT | {"alibi": True}, causal),
    "mpt": _model(
        "MptForCausalLM",
        "MptConfig",
        {
            "d_model": HIDDEN,
            "n_heads": HEADS,
            "n_layers": LAYERS,
            "max_seq_len": 64,
            "vocab_size": VOCABULARY,
            **_TOKENS,
        },
        causal,
    ),
    "bloom": _model(
        "BloomForCausalLM",
        "BloomConfig",
        {
            "hidden_size": HIDDEN,
            "n_layer": LAYERS,
            "n_head": HEADS,
            "vocab_size": VOCABULARY,
            **_TOKENS,
        },
        causal,
    ),
    "phi": _model("PhiForCausalLM", "PhiConfig", _BERT, causal),
    "phi-3": _model("Phi3ForCausalLM", "Phi3Config", _LLAMA, causal),
    "stablelm": _model("StableLmForCausalLM", "StableLmConfig", _LLAMA, causal),
    "starcoder2": _model("Starcoder2ForCausalLM", "Starcoder2Config", _LLAMA, causal),
    "gemma3": _model(
        "Gemma3ForCausalLM",
        "Gemma3TextConfig",
        _LLAMA
        | _HEAD
        | {
            "sliding_window": 8,
            "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
        },
        causal,
    ),
    "olmo": _model("OlmoForCausalLM", "OlmoConfig", _LLAMA, causal),
    "olmo2": _model("Olmo2ForCausalLM", "Olmo2Config", _LLAMA, causal),
    "granite": _model("GraniteForCausalLM", "GraniteConfig", _LLAMA, causal),
    "cohere": _model("CohereForCausalLM", "CohereConfig", _LLAMA, causal),
    "cohere2": _model(
        "Cohere2ForCausalLM", "Cohere2Config", _LLAMA | _HEAD | {"sliding_window": 8}, causal
    ),
    "glm4": _model("Glm4ForCausalLM", "Glm4Config", _LLAMA | _HEAD, causal),
    "smollm3": _model("SmolLM3ForCausalLM", "SmolLM3Config", _LLAMA, causal),
    "nemotron": _model("NemotronForCausalLM", "NemotronConfig", _LLAMA, causal),
    "qwen3-moe": _model(
        "Qwen3MoeForCausalLM",
        "Qwen3MoeConfig",
        _LLAMA | _HEAD | MOE | {"num_experts": 4, "moe_intermediate_size": 32},
        causal,
    ),
    "deepseek-v3": _model(
        "DeepseekV3ForCausalLM",
        "DeepseekV3Config",
        _LLAMA
        | MOE
        | {
            "num_key_value_heads": HEADS,
            "moe_intermediate_size": 32,
            "n_routed_experts": 4,
            "n_group": 2,
            "topk_group": 1,
            "first_k_dense_replace": 1,
            "kv_lora_rank": 16,
            "q_lora_rank": 16,
            "qk_rope_head_dim": 8,
            "qk_nope_head_dim": 8,
            "v_head_dim": 16,
        },
        causal,
    ),
    "gpt-oss": _model(
        "GptOssForCausalLM",
        "GptOssConfig",
        _LLAMA | _HEAD | MOE | {"num_local_experts": 4, "sliding_window": 8},
        causal,
    ),
    "mamba": _model(
        "MambaForCausalLM",
        "MambaConfig",
        {
            "hidden_size": HIDDEN,
            "state_size": 8,
            "num_hidden_layers": LAYERS,
            "vocab_size": VOCABULARY,
            **_TOKENS,
        },
        causal,
    ),
}

_ENCODERS = {
    "distilbert": _model(
        "DistilBertForMaskedLM",
        "DistilBertConfig",
        {
            "dim": HIDDEN,
            "hidden_dim": 2 * HIDDEN,
            "n_layers": LAYERS,
            "n_heads": HEADS,
            "max_position_embeddings": 64,
            "vocab_size": VOCABULARY,
            **_TOKENS,
        },
        padded,
        *MASK,
    ),
    "electra": _model(
        "ElectraForMaskedLM", "ElectraConfig", _BERT | {"embedding_size": 32}, padded, *MASK
    ),
    "albert": _model(
        "AlbertForMaskedLM", "AlbertConfig", _BERT | {"embedding_size": 32}, padded, *MASK
    ),
    "deberta-v2": _model(
        "DebertaV2ForMaskedLM",
        "DebertaV2Config",
        _BERT
        | {
            "relative_attention": True,
            "pos_att_type": ["p2c", "c2p"],
            "position_buckets": 16,
            "norm_rel_ebd": "layer_norm",
            "share_att_key": True,
        },
        padded,
        *MASK,
    ),
    "xlm-roberta": _model(
        "XLMRobertaForMaskedLM", "XLMRobertaConfig", _BERT | {"pad_token_id": 1}, padded, *MASK
    ),
    "modernbert": _model(
        "ModernBertForMaskedLM",
        "ModernBertConfig",
        _BERT | {"cls_token_id": 1, "sep_token_id": 2, "local_attention": 8},
        padded,
        *MASK,
    ),
    "longformer": _model(
        "LongformerForMaskedLM", "LongformerConfig", _BERT | {"attention_window": 8}, padded, *MASK
    ),
    "big-bird": _model(
        "BigBirdForMaskedLM", "BigBirdConfig", _BERT | {"block_size": 4}, padded, *MASK
    ),
    "fnet": _model("FNetForMaskedLM", "FNetConfig", SIZES | _TOKENS, causal),
    "switch": _model(
        "SwitchTransformersForConditionalGeneration",
        "SwitchTransformersConfig",
        {
            "vocab_size": VOCABULARY,
            "d_model": HIDDEN,
            "d_kv": 16,
            "d_ff": 2 * HIDDEN,
            "num_layers": LAYERS,
            "num_heads": HEADS,
            "num_experts": 4,
            "decoder_start_token_id": 0,
        },
        padded,
        *MASK,
    ),
    "mt5": _model(
        "MT5ForConditionalGeneration",
        "MT5Config",
        {
            "vocab_size": VOCABULARY,
            "d_model": HIDDEN,
            "d_kv": 16,
            "d_ff": 2 * HIDDEN,
            "num_layers": LAYERS,
            "num_heads": HEADS,
            "decoder_start_token_id": 0,
        },
        padded,
        *MASK,
    ),
}

_CLASSIFIERS = {
    "gpt2-classify": _model(
        "GPT2ForSequenceClassification", "GPT2Config", _GPT | _CLASSES, classes, *MASK
    ),
    "llama-classify": _model(
        "LlamaForSequenceClassification", "LlamaConfig", _LLAMA | _CLASSES, classes, *MASK
    ),
}

_VISION = {
    "deit": _model("DeiTForImageClassification", "DeiTConfig", _IMAGE, images),
    "beit": _model("BeitForImageClassification", "BeitConfig", _IMAGE, images),
    "dinov2": _model("Dinov2ForImageClassification", "Dinov2Config", _IMAGE, images),
    "swin": _model(
        "SwinForImageClassification",
        "SwinConfig",
        {
            "image_size": 64,
            "patch_size": 4,
            "embed_dim": 16,
            "depths": [2, 2],
            "num_heads": [2, 4],
            "window_size": 4,
            "num_labels": 10,
        },
        _frames,
    ),
    "convnext": _model(
        "ConvNextForImageClassification",
        "ConvNextConfig",
        {
            "image_size": 64,
            "hidden_sizes": [16, 32],
            "depths": [2, 2],
            "num_stages": 2,
            "num_labels": 10,
        },
        _frames,
    ),
    "mobilenet-v2": _model(
        "MobileNetV2ForImageClassification", "MobileNetV2Config", {"num_labels": 10}, _frames
    ),
}

FURTHER: dict[str, Model] = _DECODERS | _ENCODERS | _CLASSIFIERS | _VISION
