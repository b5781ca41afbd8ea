"""Makes a case for the engine's tests: `python cases.py NAME DIR [--dropout P]`.

Writes DIR/source (a small model with random weights, as transformers saves it, or a function file),
DIR/model (its import, with stored weights) and DIR/expected.safetensors: the batch (`batch.NAME`), and
what eager PyTorch computes: `loss` (a sum, [1]), `count` (int64, [1]), `logits`, `grad.PARAMETER` for a
seed gradient of 1 of the sum.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import torch
import transformers
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import models  # noqa: E402
import plain_model  # noqa: E402
from oobleck.command import main as oobleck  # noqa: E402

FUNCTIONS = ("plain", "perceptron", "unusual")
NAMES = (*models.MODELS, *FUNCTIONS)
Expected = dict[str, torch.Tensor]


@contextmanager
def summed_losses() -> Iterator[list[int]]:
    """Inside, mean losses are sums. Yields a list to which each loss adds its count of targets."""
    functional = torch.nn.functional
    counts: list[int] = []
    entropy, squares = functional.cross_entropy, functional.mse_loss

    def cross_entropy(scores: torch.Tensor, target: torch.Tensor, *args, **kwargs) -> torch.Tensor:
        kwargs["reduction"] = "sum"
        counts.append(int((target != kwargs.get("ignore_index", -100)).sum()))
        return entropy(scores, target, *args, **kwargs)

    def mse_loss(found: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        counts.append(target.numel())
        return squares(found, target, reduction="sum")

    with (
        mock.patch.object(functional, "cross_entropy", cross_entropy),
        mock.patch.object(functional, "mse_loss", mse_loss),
    ):
        yield counts


def eager(module: torch.nn.Module, batch: dict[str, torch.Tensor]) -> Expected:
    """What eager PyTorch computes for this batch."""
    params = {name: param for name, param in module.named_parameters() if param.requires_grad}
    with summed_losses() as counts:
        output = module(**batch)
    if isinstance(output, tuple):
        loss, logits = output[:2]
    else:
        loss, logits = output["loss"], output["logits"]
    grads = torch.autograd.grad(loss, list(params.values()), allow_unused=True)
    expected = {
        "loss": loss.detach().reshape(1),
        "count": torch.tensor(counts[-1:]),
        "logits": logits.detach(),
    }
    found = zip(params, grads, strict=True)
    return expected | {f"grad.{name}": grad for name, grad in found if grad is not None}


def make_source(name: str, folder: Path, dropout: float) -> tuple[list[str], torch.nn.Module, dict]:
    """Writes the source; the arguments of its import, the module and the batch."""
    if name in FUNCTIONS:
        folder.mkdir(parents=True)
        shutil.copyfile(HERE / "plain_model.py", folder / "plain_model.py")
        os.environ["OOBLECK_TEST_DROPOUT"] = str(dropout)
        module, batch = getattr(plain_model, name)()
        return [f"{folder / 'plain_model.py'}:{name}"], module, batch
    module, batch = models.built(name, dropout), models.batch_of(name)
    module.save_pretrained(folder)
    if name.startswith(("bert", "roberta")):
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        words += [f"word{i}" for i in range(len(words), models.VOCABULARY)]
        (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    arguments = [str(folder), "--microbatch", str(models.MICROBATCH), *models.MODELS[name].options]
    if "input_ids" in batch:
        arguments += ["--sequence", str(models.SEQUENCE)]
    return arguments, module, batch


def make_case(name: str, folder: Path, dropout: float = 0.0) -> Expected:
    """Writes a whole case; returns what stands in expected.safetensors."""
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    arguments, module, batch = make_source(name, folder / "source", dropout)
    torch.manual_seed(1234)
    expected = {f"batch.{key}": value for key, value in batch.items()} | eager(module, batch)
    expected = {key: value.clone().contiguous() for key, value in expected.items()}
    status = oobleck(["import", *arguments, "--to", str(folder / "model")])
    if status != 0:
        raise SystemExit(status)
    save_file(expected, str(folder / "expected.safetensors"))
    return expected


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dropout", type=float, default=0.0)
    given = parser.parse_args()
    make_case(given.name, given.folder, given.dropout)


if __name__ == "__main__":
    main()
