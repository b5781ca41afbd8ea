"""Compares our GPT-2 with the one of the transformers package.

    check_gpt2.py FOLDER PROBE
        loads FOLDER (config.json, model.safetensors) as GPT2LMHeadModel and compares its logits,
        loss and gradients with those in PROBE, a safetensors file with
            input_ids, targets      [batch, sequence], whole numbers in any type
            logits                  [batch, sequence, vocabulary]
            loss                    [1], the mean cross entropy over all targets
            grad.<name>             one per parameter, under transformers' names; the one of
                                    transformer.wte.weight is the sum of its two uses
        Prints one line per tensor. Status 1 if any differs by more than 1e-5 of the largest
        entry, or if a parameter has no gradient in PROBE.
    check_gpt2.py --save-reference FOLDER [--seed N] [--config JSON]... [--type float16]
        makes a small model with transformers, saves it to FOLDER, its numbers in the type given,
        and beside the weights a probe as above, probe.safetensors, for tests of our import. With
        --config, once for each: with the keys of JSON in its configuration, in the folders FOLDER/0,
        FOLDER/1, ...

Everything runs in float32 on one thread without dropout.
"""

import argparse
import json
import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.utils import logging

logging.disable_progress_bar()

TOLERANCE = 1e-5
TIED = "lm_head.weight"

Tensors = dict[str, torch.Tensor]


def prepared(model: GPT2LMHeadModel) -> GPT2LMHeadModel:
    """In float32, without dropout, with all gradients empty."""
    model = model.float().eval()
    model.zero_grad(set_to_none=True)
    return model


def evaluate(model: GPT2LMHeadModel, inputs: torch.Tensor, targets: torch.Tensor) -> Tensors:
    """Logits, loss and gradients, named as in a probe."""
    logits = model(input_ids=inputs, use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    loss.backward()
    results = {"logits": logits.detach(), "loss": loss.detach().reshape(1)}
    for name, parameter in model.named_parameters():
        if parameter.grad is None:
            raise SystemExit(f"transformers computed no gradient of {name}")
        results[f"grad.{name}"] = parameter.grad.clone()
    return results


def difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Largest difference over the largest entry; infinity for a NaN anywhere."""
    if not bool(torch.isfinite(ours).all()):
        return float("inf")
    scale = theirs.abs().max().item()
    error = (ours.double() - theirs.double()).abs().max().item()
    return error / scale if scale > 0 else error


def compare(ours: Tensors, theirs: Tensors, tied: bool = True) -> list[str]:
    """Prints the table; returns what does not hold. A tied head has no gradient of its own."""
    complaints = []
    print(f"{'tensor':<44} {'shape':<18} difference")
    for name, expected in theirs.items():
        found = ours.get(name)
        if found is None:
            complaints.append(f"{name} is missing")
            continue
        if found.shape != expected.shape:
            shapes = f"{list(found.shape)}, expected {list(expected.shape)}"
            complaints.append(f"{name} has shape {shapes}")
            continue
        error = difference(found.float(), expected)
        verdict = "" if error <= TOLERANCE else "  TOO LARGE"
        print(f"{name:<44} {str(list(expected.shape)):<18} {error:.2e}{verdict}")
        if verdict:
            complaints.append(f"{name} differs by {error:.2e}, allowed {TOLERANCE:.0e}")
    known = set(theirs) | {"input_ids", "targets"} | ({f"grad.{TIED}"} if tied else set())
    complaints += [f"{name} is unknown to transformers" for name in sorted(set(ours) - known)]
    return complaints


def check(folder: pathlib.Path, probe: pathlib.Path) -> int:
    ours = load_file(probe)
    for name in ("input_ids", "targets"):
        if name not in ours:
            raise SystemExit(f"{probe} has no tensor {name}")
    # The other implementations of version 4 leave out what config.json says of the scale.
    model, notes = GPT2LMHeadModel.from_pretrained(
        folder, output_loading_info=True, attn_implementation="eager"
    )
    complaints = [
        f"{folder} has {kind.replace('_', ' ')}: {sorted(notes[kind])}"
        for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")
        if notes[kind]
    ]
    theirs = evaluate(prepared(model), ours["input_ids"].long(), ours["targets"].long())
    complaints += compare(ours, theirs, tied=model.config.tie_word_embeddings)
    for complaint in complaints:
        print(f"check_gpt2: {complaint}", file=sys.stderr)
    if not complaints:
        print(f"{len(theirs)} tensors agree within {TOLERANCE:.0e}")
    return 1 if complaints else 0


def save_reference(
    folder: pathlib.Path, seed: int, changes: dict | None = None, kind: str = "float32"
) -> None:
    """A model with weights that no initialisation leaves at 0 or 1, and its probe."""
    torch.manual_seed(seed)
    sizes = {"n_layer": 3, "n_embd": 48, "n_head": 4, "vocab_size": 97, "n_positions": 32}
    config = GPT2Config(**sizes | (changes or {}), attn_implementation="eager")
    model = prepared(GPT2LMHeadModel(config))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
            # What the probe is made with are the numbers that the file will have.
            parameter.copy_(parameter.to(getattr(torch, kind)))
    ids = torch.randint(0, config.vocab_size, (2, 33))
    inputs, targets = ids[:, :-1].contiguous(), ids[:, 1:].contiguous()
    results = evaluate(model, inputs, targets)
    model.to(getattr(torch, kind)).save_pretrained(folder)
    # Float throughout: every reader of safetensors knows it, and ids this small are exact in it.
    probe = {"input_ids": inputs, "targets": targets} | results
    tensors = {name: value.float().contiguous() for name, value in probe.items()}
    save_file(tensors, folder / "probe.safetensors")
    print(f"{folder}: {sum(p.numel() for p in model.parameters())} parameters, seed {seed}")


def main() -> int:
    summary = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument("probe", nargs="?", type=pathlib.Path)
    parser.add_argument("--save-reference", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--config", type=json.loads, action="append", metavar="JSON")
    parser.add_argument("--type", default="float32")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.save_reference:
        folder = arguments.save_reference
        if not arguments.config:
            save_reference(folder, arguments.seed, kind=arguments.type)
        for index, config in enumerate(arguments.config or []):
            save_reference(folder / str(index), arguments.seed, config, arguments.type)
        return 0
    if not arguments.folder or not arguments.probe:
        parser.error("give FOLDER and PROBE, or --save-reference FOLDER")
    return check(arguments.folder, arguments.probe)


if __name__ == "__main__":
    sys.exit(main())
