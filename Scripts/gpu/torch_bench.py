"""Tokens per second of the same GPT-2 in eager PyTorch on one CUDA device, in float32 or under autocast with
bfloat16 (then also compiled): the yardstick of `oobleck-worker bench --device cuda`. Gradients are
accumulated over the microbatches of a step."""

import argparse
import json
import os
import time

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import torch
from torch.nn import functional

HIDDEN, HEADS, BLOCKS, VOCABULARY, SEQUENCE = 768, 12, 12, 50257, 1024


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = torch.nn.LayerNorm(HIDDEN), torch.nn.LayerNorm(HIDDEN)
        self.qkv = torch.nn.Linear(HIDDEN, 3 * HIDDEN)
        self.out = torch.nn.Linear(HIDDEN, HIDDEN)
        self.up = torch.nn.Linear(HIDDEN, 4 * HIDDEN)
        self.down = torch.nn.Linear(4 * HIDDEN, HIDDEN)

    def forward(self, x):
        batch, sequence, _ = x.shape
        parts = self.qkv(self.norm1(x)).view(batch, sequence, 3, HEADS, HIDDEN // HEADS)
        query, key, value = (part.transpose(1, 2) for part in parts.unbind(2))
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, sequence, HIDDEN))
        return x + self.down(functional.gelu(self.up(self.norm2(x)), approximate="tanh"))


class GPT2(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = torch.nn.Embedding(VOCABULARY, HIDDEN)
        self.positions = torch.nn.Embedding(SEQUENCE, HIDDEN)
        self.blocks = torch.nn.ModuleList(Block() for _ in range(BLOCKS))
        self.norm = torch.nn.LayerNorm(HIDDEN)

    def forward(self, tokens, targets):
        x = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits = functional.linear(self.norm(x), self.tokens.weight)
        return functional.cross_entropy(logits.view(-1, VOCABULARY), targets.view(-1))


def measure(options, is_deterministic, is_compiled=False):
    torch.use_deterministic_algorithms(is_deterministic)
    torch.manual_seed(1)
    model = GPT2().cuda()
    run = torch.compile(model) if is_compiled else model
    is_short = options.precision == "bfloat16"
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    shape = (options.microbatches, options.microbatch, SEQUENCE)
    tokens = torch.randint(0, VOCABULARY, shape, device="cuda")
    times = []
    for _ in range(options.steps):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for microbatch in tokens:
            with torch.autocast("cuda", torch.bfloat16, enabled=is_short):
                loss = run(microbatch, microbatch) / options.microbatches
            loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    median = sorted(times[2:])[len(times[2:]) // 2]
    return {"tokens_per_second": tokens.numel() / median, "step_seconds": median}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--microbatch", type=int, default=8)
    parser.add_argument("--microbatches", type=int, default=2)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    options = parser.parse_args()
    result = {"deterministic": measure(options, True), "default": measure(options, False)}
    if options.precision == "bfloat16":
        try:
            result["compiled"] = measure(options, False, is_compiled=True)
        except Exception as error:  # compiling needs more than torch: what is missing is the result
            result["compiled"] = {"error": str(error).splitlines()[0][:200]}
    print(json.dumps(result))


main()
