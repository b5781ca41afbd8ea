"""Tokens per second of GPT-2 training in eager Python: what our engine is measured against.

The same model, arithmetic and optimizer as ours, from the same libtorch, on one thread: pre-norm
blocks, tanh GELU, causal scaled-dot-product attention, dropout, tied head, microbatches summed in
float32 `.grad`, global-norm clipping, fused AdamW. Written as one would for speed: fused kernels,
one graph per microbatch freed by its backward pass, gradients set to none after each step.
Prints one JSON object; times are per step, the median over all steps after the warmup.
"""

import argparse
import json
import math
import resource
import statistics
import sys
import time

import torch
import torch.nn.functional as functional
from torch import nn


class Attention(nn.Module):
    """Causal self-attention, `[microbatch, sequence, hidden]` to the same."""

    def __init__(self, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.queries_keys_values = nn.Linear(hidden, 3 * hidden)
        self.projection = nn.Linear(hidden, hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, sequence, hidden = x.shape
        parts = self.queries_keys_values(x).view(batch, sequence, 3, self.heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        y = functional.scaled_dot_product_attention(
            query, key, value, dropout_p=self.dropout, is_causal=True
        )
        y = self.projection(y.transpose(1, 2).reshape(batch, sequence, hidden))
        return functional.dropout(y, self.dropout)


class Block(nn.Module):
    """One transformer block, `[microbatch, sequence, hidden]` to the same."""

    def __init__(self, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.attention_norm = nn.LayerNorm(hidden)
        self.attention = Attention(hidden, heads, dropout)
        self.feed_forward_norm = nn.LayerNorm(hidden)
        self.expansion = nn.Linear(hidden, 4 * hidden)
        self.projection = nn.Linear(4 * hidden, hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.attention_norm(x))
        y = functional.gelu(self.expansion(self.feed_forward_norm(x)), approximate="tanh")
        return x + functional.dropout(self.projection(y), self.dropout)


class GPT2(nn.Module):
    """Token ids `[microbatch, sequence]` to their mean cross entropy against `targets`."""

    def __init__(self, size: argparse.Namespace) -> None:
        super().__init__()
        self.dropout = size.dropout
        self.tokens = nn.Embedding(size.vocabulary, size.hidden)
        self.positions = nn.Parameter(torch.empty(size.sequence, size.hidden))
        blocks = [Block(size.hidden, size.heads, size.dropout) for _ in range(size.blocks)]
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(size.hidden)
        self.initialize(size.blocks)

    def initialize(self, blocks: int) -> None:
        """As GPT-2: normal with 0.02, projections into the residual stream scaled down."""
        nn.init.normal_(self.positions, std=0.02)
        for name, module in self.named_modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            elif isinstance(module, nn.Linear):
                scale = 1 / math.sqrt(2 * blocks) if name.endswith("projection") else 1
                nn.init.normal_(module.weight, std=0.02 * scale)
                nn.init.zeros_(module.bias)

    def forward(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        x = functional.dropout(self.tokens(inputs) + self.positions, self.dropout)
        for block in self.blocks:
            x = block(x)
        logits = functional.linear(self.norm(x), self.tokens.weight)
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def optimizer_of(model: nn.Module) -> torch.optim.AdamW:
    """Weight decay on matrices only, as GPT-2 is trained."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": 0.1},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=3e-4, betas=(0.9, 0.95), fused=True)


def train(size: argparse.Namespace) -> tuple[list[float], float]:
    """Seconds of every step, and the last step's loss."""
    model = GPT2(size).train()
    optimizer = optimizer_of(model)
    seconds, loss = [], math.nan
    for _ in range(size.warmup + size.steps):
        shape = (size.microbatches, size.microbatch, size.sequence + 1)
        tokens = torch.randint(0, size.vocabulary, shape)
        inputs, targets = tokens[..., :-1].contiguous(), tokens[..., 1:].contiguous()
        start = time.perf_counter()
        losses = []
        for index in range(size.microbatches):
            result = model(inputs[index], targets[index])
            (result / size.microbatches).backward()
            losses.append(result.detach())
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss = torch.stack(losses).mean().item()
        seconds.append(time.perf_counter() - start)
    if not math.isfinite(loss):
        raise SystemExit(f"baseline_gpt2: the loss is {loss}; the measurement would say nothing")
    return seconds, loss


def arguments_of_command_line() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--hidden", type=int, default=192)
    parser.add_argument("--heads", type=int, default=6)
    parser.add_argument("--vocabulary", type=int, default=256)
    parser.add_argument("--sequence", type=int, default=128, help="tokens of one sample")
    parser.add_argument("--microbatch", type=int, default=4, help="samples of one microbatch")
    parser.add_argument("--microbatches", type=int, default=8, help="microbatches of one step")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--steps", type=int, default=20, help="measured steps")
    parser.add_argument("--warmup", type=int, default=3, help="steps before, not measured")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.steps < 1 or arguments.hidden % arguments.heads != 0:
        parser.error("--steps must be at least 1, and --heads must divide --hidden")
    return arguments


def main() -> int:
    size = arguments_of_command_line()
    torch.set_num_threads(1)
    torch.manual_seed(size.seed)
    seconds, loss = train(size)
    measured = seconds[size.warmup :]
    median = statistics.median(measured)
    tokens = size.microbatches * size.microbatch * size.sequence
    report = {
        "tokens_per_second": tokens / median,
        "step_seconds": median,
        "step_seconds_lowest": min(measured),
        "step_seconds_highest": max(measured),
        "steps": size.steps,
        "tokens_per_step": tokens,
        "loss": loss,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    print(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
