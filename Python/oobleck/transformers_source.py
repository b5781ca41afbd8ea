"""Sources that transformers knows: folders with config.json, with or without weights, and presets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers

from oobleck.errors import ImportProblem, first_line
from oobleck.initial import recorded_rules
from oobleck.presets import preset_named
from oobleck.skeleton import make_fake, parameters_on_meta
from oobleck.source import Source
from oobleck.tasks import example_batch, mask_token_of, task_of
from oobleck.weights import (
    LoadedTensors,
    MatchedWeights,
    StoredTensors,
    has_weights,
    needs_conversion,
)

if TYPE_CHECKING:
    from oobleck.sources import Options

_COPIED = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "added_tokens.json",
    "tokenizer.model",
    "spiece.model",
    "chat_template.jinja",
    "preprocessor_config.json",
)
_AUTO = {
    "causal-lm": "AutoModelForCausalLM",
    "masked-lm": "AutoModelForMaskedLM",
    "sequence-classification": "AutoModelForSequenceClassification",
    "image-classification": "AutoModelForImageClassification",
    "seq2seq": "AutoModelForSeq2SeqLM",
}


def read_folder(folder: Path, options: Options) -> Source:
    """A folder as `save_pretrained` writes it. Without weights the parameters come from rules."""
    transformers.utils.logging.disable_progress_bar()
    config = _config(folder, options.trust_remote_code)
    cls, is_other_task = _class_of(config, folder, options)
    model, rules = _built(cls, config)
    source = _source(model, cls, config, rules, options)
    name = folder.resolve().name
    source.kind, source.name, source.display = "transformers", name, name
    source.trust_remote_code = options.trust_remote_code
    source.copied_files = [folder / name for name in _COPIED if (folder / name).is_file()]
    source.mask_token = mask_token_of(folder, config)
    if has_weights(folder) and not options.weights_from_seed:
        _use_weights(source, folder, is_other_task)
    make_fake(model)
    return source


def read_preset(name: str, options: Options) -> Source:
    """A preset: a configuration by name, without weights."""
    preset = preset_named(name)
    config = transformers.AutoConfig.for_model(preset.model_type, **preset.settings)
    config.architectures = [preset.architecture]
    text = config.to_json_string(use_diff=True)
    cls = getattr(transformers, preset.architecture)
    if options.task is not None:
        raise ImportProblem(f"--task does not go with a preset; {name} is a {preset.architecture}")
    model, rules = _built(cls, config)
    source = _source(model, cls, config, rules, options)
    source.kind, source.name, source.display = "preset", name, name
    source.config_text, source.mask_token = text, preset.mask_token
    make_fake(model)
    return source


def _config(folder: Path, trust_remote_code: bool) -> Any:
    path = folder / "config.json"
    if not path.is_file():
        raise ImportProblem(
            f"{folder} has no config.json, so it is no model that transformers saved"
        )
    try:
        raw = json.loads(path.read_text())
    except ValueError as error:
        raise ImportProblem(f"{path} is not JSON: {error}") from error
    is_known = raw.get("model_type") in transformers.CONFIG_MAPPING and hasattr(
        transformers, (raw.get("architectures") or [""])[0]
    )
    if "auto_map" in raw and not trust_remote_code and not is_known:
        raise ImportProblem(
            f"{folder} brings Python code of its own; give --trust-remote-code to run it, if you trust it"
        )
    try:
        return transformers.AutoConfig.from_pretrained(
            folder, trust_remote_code=trust_remote_code, local_files_only=True
        )
    except Exception as error:
        raise ImportProblem(f"transformers cannot read {path}: {first_line(error)}") from error


def _class_of(config: Any, folder: Path, options: Options) -> tuple[Any, bool]:
    """The class to build, and whether it is another than the one that was saved."""
    saved = (getattr(config, "architectures", None) or [None])[0]
    if options.task is None and saved is not None:
        cls = getattr(transformers, saved, None)
        if cls is not None:
            return cls, False
        own = getattr(config, "auto_map", {}) if options.trust_remote_code else {}
        for reference in own.values():
            if isinstance(reference, str) and reference.split(".")[-1] == saved:
                from transformers.dynamic_module_utils import get_class_from_dynamic_module

                return get_class_from_dynamic_module(reference, folder), False
        raise ImportProblem(
            f"this transformers ({transformers.__version__}) has no class {saved}, which config.json names; "
            "choose one by --task"
        )
    task = options.task or "causal-lm"
    mapping = getattr(transformers, _AUTO[task])._model_mapping
    if type(config) not in mapping:
        raise ImportProblem(
            f"transformers has no {task} class for model type {config.model_type}; choose another --task"
        )
    cls = mapping[type(config)]
    cls = cls[0] if isinstance(cls, tuple) else cls
    return cls, saved is not None and cls.__name__ != saved


def _built(cls: Any, config: Any) -> tuple[torch.nn.Module, dict[str, dict[str, Any] | None]]:
    """The model without memory for its parameters, in training mode, and the rule of each parameter."""
    for part in (config, config.get_text_config()):
        if hasattr(part, "use_cache"):
            part.use_cache = False
    settings: dict[str, Any] = {"dtype": torch.float32}
    if getattr(cls, "_can_set_experts_implementation", lambda: False)():
        settings["experts_implementation"] = "batched_mm"
    try:
        with parameters_on_meta(), recorded_rules() as rules:
            model = _with_attention(cls, config, settings)
    except ImportProblem:
        raise
    except Exception as error:
        kind = type(error).__name__
        raise ImportProblem(f"cannot build {cls.__name__}: {kind}: {first_line(error)}") from error
    known = {name: rules.rule_of(param) for name, param in model.named_parameters()}
    model.train()
    return model, known


def _with_attention(cls: Any, config: Any, settings: dict[str, Any]) -> torch.nn.Module:
    """Builds with PyTorch's fused attention; with plain attention where a model does not have that."""
    try:
        return cls._from_config(config, attn_implementation="sdpa", **settings)
    except (ValueError, ImportError) as error:
        if "scaled_dot_product_attention" not in str(error):
            raise
        return cls._from_config(config, attn_implementation="eager", **settings)


def _source(
    model: torch.nn.Module, cls: Any, config: Any, rules: dict[str, Any], options: Options
) -> Source:
    task = task_of(cls.__name__, options.task)
    microbatch = options.microbatch or 1
    example = example_batch(task, config, microbatch, options.sequence, options.attention_mask)
    vocabulary = getattr(config.get_text_config(), "vocab_size", None)
    return Source(
        kind="",
        name="",
        display="",
        architecture=cls.__name__,
        model_type=config.model_type,
        module=model,
        batch=example.batch,
        roles=example.roles,
        value=lambda name: None,
        rule=rules.get,
        microbatch=microbatch,
        sequence=example.sequence,
        vocabulary=vocabulary if example.sequence is not None else None,
        further_results=("logits",),
    )


def _use_weights(source: Source, folder: Path, is_other_task: bool) -> None:
    """Takes parameters and buffers from the folder's weights."""
    stored: StoredTensors | LoadedTensors
    if needs_conversion(source.module):
        stored = LoadedTensors(source.module, folder)
    else:
        stored = StoredTensors(folder)
    matched = MatchedWeights(stored, source.module, folder, is_other_task)
    rule = source.rule
    source.value = matched.value
    source.rule = lambda name: None if matched.has(name) else rule(name)
    source.buffers = matched.buffers(source.module)
