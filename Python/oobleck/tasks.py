"""What a transformers class is trained on: its task, and an example batch of one microbatch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from oobleck.errors import ImportProblem

TASKS = ("causal-lm", "masked-lm", "sequence-classification", "image-classification", "seq2seq")
_ENDINGS = (
    ("LMHeadModel", "causal-lm"),
    ("ForCausalLM", "causal-lm"),
    ("ForMaskedLM", "masked-lm"),
    ("ForSequenceClassification", "sequence-classification"),
    ("ForImageClassification", "image-classification"),
    ("ForConditionalGeneration", "seq2seq"),
    ("ForSeq2SeqLM", "seq2seq"),
)
# Without --sequence: this many tokens, or as many as the model has positions.
_LONGEST_DEFAULT = 1024


@dataclass
class Example:
    """Example inputs. Values do not matter for the trace, shapes and types do."""

    batch: dict[str, torch.Tensor]
    roles: dict[str, str]
    sequence: int | None


def task_of(architecture: str, task: str | None) -> str:
    """The task of a class by its name, unless `task` says it."""
    if task is not None:
        return task
    for ending, found in _ENDINGS:
        if architecture.endswith(ending):
            return found
    raise ImportProblem(
        f"{architecture} has no loss that is known here; choose a task with --task ({', '.join(TASKS)}), or give a "
        "file.py:function"
    )


def example_batch(
    task: str, config: Any, microbatch: int, sequence: int | None, attention_mask: bool
) -> Example:
    """A batch of the shapes that the task has."""
    if task == "image-classification":
        return _images(config, microbatch, sequence, attention_mask)
    length = sequence_length(config, sequence)
    tokens = torch.zeros(microbatch, length, dtype=torch.int64)
    batch = {"input_ids": tokens}
    if attention_mask:
        batch["attention_mask"] = torch.ones_like(tokens)
    roles = dict.fromkeys(batch, "column")
    if task == "sequence-classification":
        batch["labels"] = _class_labels(config, microbatch)
    else:
        batch["labels"] = tokens.clone()
    if task == "causal-lm":
        roles |= {"input_ids": "tokens", "labels": "tokens"}  # the model shifts them
    elif task == "masked-lm":
        roles |= {"input_ids": "masked_tokens", "labels": "mask_targets"}
    return Example(batch, roles, length)


def sequence_length(config: Any, wanted: int | None) -> int:
    """Tokens of a sample. Throws when the model has fewer positions."""
    text = config.get_text_config()
    names = ("max_position_embeddings", "n_positions", "max_target_positions")
    limits = [limit for name in names if isinstance(limit := getattr(text, name, None), int)]
    limit = limits[0] if limits and limits[0] > 0 else None
    if limit is not None and config.model_type in _OFFSET_POSITIONS:
        limit -= 2  # two positions are taken by the padding
    if wanted is None:
        return min(limit or _LONGEST_DEFAULT, _LONGEST_DEFAULT)
    if limit is not None and wanted > limit:
        raise ImportProblem(
            f"--sequence is {wanted}, and the model has {limit} positions; give at most {limit}"
        )
    return wanted


_OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert", "longformer", "xlm-roberta-xl")


def _class_labels(config: Any, microbatch: int) -> torch.Tensor:
    kind = getattr(config, "problem_type", None)
    if kind == "multi_label_classification":
        return torch.zeros(microbatch, config.num_labels)
    if kind == "regression" or (kind is None and config.num_labels == 1):
        shape = (microbatch,) if config.num_labels == 1 else (microbatch, config.num_labels)
        return torch.zeros(shape)
    return torch.zeros(microbatch, dtype=torch.int64)


def _images(config: Any, microbatch: int, sequence: int | None, attention_mask: bool) -> Example:
    if sequence is not None or attention_mask:
        option = "--sequence" if sequence is not None else "--attention-mask"
        raise ImportProblem(f"{option} does not go with image classification, which has no tokens")
    size = getattr(config, "image_size", 224)
    height, width = size if isinstance(size, (list, tuple)) else (size, size)
    channels = getattr(config, "num_channels", 3)
    batch = {
        "pixel_values": torch.zeros(microbatch, channels, height, width),
        "labels": _class_labels(config, microbatch),
    }
    return Example(batch, dict.fromkeys(batch, "column"), None)


def mask_token_of(folder: Path, config: Any) -> int | None:
    """The id of the mask token, from the tokenizer's files or the configuration; None where none is."""
    text = _mask_text(folder)
    for name in ("tokenizer.json", "vocab.json"):
        path = folder / name
        if text is not None and path.is_file():
            found = _id_in(json.loads(path.read_text()), text)
            if found is not None:
                return found
    path = folder / "vocab.txt"
    if path.is_file():
        words = path.read_text(encoding="utf-8").split("\n")
        if (text or "[MASK]") in words:
            return words.index(text or "[MASK]")
    found = getattr(config, "mask_token_id", None)
    return found if isinstance(found, int) else None


def _mask_text(folder: Path) -> str | None:
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        path = folder / name
        if path.is_file():
            token = json.loads(path.read_text()).get("mask_token")
            token = token.get("content") if isinstance(token, dict) else token
            if isinstance(token, str):
                return token
    return None


def _id_in(tokenizer: dict[str, Any], text: str) -> int | None:
    """The id of a token in tokenizer.json, or in a plain vocabulary."""
    for token in tokenizer.get("added_tokens") or ():
        if isinstance(token, dict) and token.get("content") == text:
            return int(token["id"])
    vocabulary = (tokenizer.get("model") or {}).get("vocab") if "model" in tokenizer else tokenizer
    if isinstance(vocabulary, dict):
        found = vocabulary.get(text)
        return found if isinstance(found, int) else None
    if isinstance(vocabulary, list):  # pairs of token and score
        words = [item[0] for item in vocabulary]
        return words.index(text) if text in words else None
    return None
