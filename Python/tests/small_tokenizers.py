"""Tokenizers that tests build and save, without any network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import transformers as hf
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

TEXTS = ["Hello world, the quick brown fox.", "A second text;\nit has lines.\n\n\tAnd é, ö, 漢字."]


def _trained(tokenizer: Tokenizer, trainer: Any) -> Tokenizer:
    tokenizer.train_from_iterator(TEXTS * 8, trainer)
    return tokenizer


def byte_level(folder: Path, **special: Any) -> Path:
    """As GPT-2's: 256 bytes and merges, one special token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=["<|end|>", "<|doc|>"], initial_alphabet=alphabet
    )
    return _saved(_trained(tokenizer, trainer), folder, special or {"eos_token": "<|end|>"})


def word_piece(folder: Path) -> Path:
    """As BERT's: [CLS] and [SEP] around a text, no end token; cuts and pads, as its file says."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    _trained(tokenizer, trainers.WordPieceTrainer(vocab_size=200, special_tokens=special))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=8)
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return _saved(tokenizer, folder, dict(zip(names, special, strict=True)))


def with_prefix_space(folder: Path) -> Path:
    """As SentencePiece's for Llama 2: a space before each text, lines are not split, `<s>` first."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    _trained(tokenizer, trainers.BpeTrainer(vocab_size=400, special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    return _saved(tokenizer, folder, {"bos_token": "<s>", "eos_token": "</s>"})


def of_many_words(folder: Path, count: int) -> Path:
    """Words only: `w0` has the id 0, and so on."""
    vocabulary = {f"w{index}": index for index in range(count)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return _saved(tokenizer, folder, {})


def slow(folder: Path) -> Path:
    """One that is written in Python."""
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps({"<pad>": 0, "<unk>": 1, "a": 2, "|": 3}))
    hf.Wav2Vec2CTCTokenizer(str(folder / "vocab.json")).save_pretrained(folder)
    return folder


def _saved(tokenizer: Tokenizer, folder: Path, special: dict[str, Any]) -> Path:
    hf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    return folder


def reference(folder: Path, text: str) -> list[int]:
    """The ids that transformers' own call gives."""
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    return tokenizer(text, add_special_tokens=False)["input_ids"]
