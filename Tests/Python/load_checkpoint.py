"""Loads checkpoints with nothing of ours: the safetensors and the transformers package.

    load_checkpoint.py FOLDER...
        reads manifest.json and every layer's file in each FOLDER, checks each digest of the manifest
        against the tensors as safetensors reads them, loads the parameters into a GPT2LMHeadModel
        without one missing or left over, checks that the tied head is tied and that the model
        computes finite numbers, and prints how many tensors there were. Status 1 if not.
"""

import hashlib
import json
import pathlib
import sys

import torch
from safetensors import safe_open
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.utils import logging

logging.disable_progress_bar()

MOMENTS = (".exp_avg", ".exp_avg_sq")


def load_layer(path: pathlib.Path) -> tuple[dict[str, torch.Tensor], str]:
    """A layer's tensors by name, and the SHA-256 of their bytes in the order of the file."""
    digest = hashlib.sha256()
    tensors = {}
    with safe_open(path, framework="pt") as file:
        for name in file.offset_keys():
            tensors[name] = file.get_tensor(name)
            digest.update(tensors[name].contiguous().numpy().tobytes())
    return tensors, digest.hexdigest()


def main(folder: pathlib.Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    state, parameters, count = "", {}, 0
    for index, layer in enumerate(manifest["layers"]):
        path = folder / layer["file"]
        if hashlib.sha256(path.read_bytes()).hexdigest() != layer["file_sha256"]:
            raise SystemExit(f"{path} does not have the digest of the manifest")
        tensors, digest = load_layer(path)
        if digest != layer["sha256"]:
            raise SystemExit(f"{path}: its tensors do not have the digest of the manifest")
        state += f"layer {index} {digest}\n"
        count += len(tensors)
        parameters |= {n: t for n, t in tensors.items() if not n.endswith(MOMENTS)}
    total = hashlib.sha256(f"step {manifest['step']}\n{state}".encode()).hexdigest()
    if total != manifest["state_sha256"]:
        raise SystemExit(f"state_sha256 is {manifest['state_sha256']}; the layers give {total}")
    sizes = manifest["model"]
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=sizes["vocabulary"],
            n_positions=sizes["sequence_length"],
            n_embd=sizes["hidden"],
            n_layer=sizes["blocks"],
            n_head=sizes["heads"],
        )
    )
    model.load_state_dict(parameters, strict=True)
    if not torch.equal(parameters["lm_head.weight"], parameters["transformer.wte.weight"]):
        raise SystemExit("the head is not tied to the embedding")
    tokens = torch.arange(8).reshape(1, 8) % sizes["vocabulary"]
    if not bool(torch.isfinite(model.eval()(tokens).logits).all()):
        raise SystemExit("the model does not compute finite numbers")
    print(f"{count} tensors of {len(manifest['layers'])} layers, step {manifest['step']}")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        main(pathlib.Path(argument))
