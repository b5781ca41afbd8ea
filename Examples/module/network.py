"""A plain module of PyTorch that Oobleck can import: `oobleck import network.py:make`."""

import torch
from torch import nn


class Network(nn.Module):
    """A transformer without any library: it learns the next byte of a text."""

    def __init__(self, vocabulary: int = 256, width: int = 96, depth: int = 4) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        layers = (
            nn.TransformerEncoderLayer(
                width, 4, 2 * width, dropout=0.1, batch_first=True, norm_first=True
            )
            for _ in range(depth)
        )
        self.blocks = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens: torch.Tensor, targets: torch.Tensor) -> dict[str, torch.Tensor]:
        length = tokens.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        values = self.embedding(tokens)
        for block in self.blocks:
            values = block(values, src_mask=mask, is_causal=True)
        logits = self.head(self.norm(values))
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        return {"loss": loss, "logits": logits}


def make() -> tuple[nn.Module, dict[str, torch.Tensor]]:
    """The module, and a microbatch whose shapes and names stand for all: 4 samples of 64 tokens."""
    example = torch.zeros(4, 64, dtype=torch.int64)
    return Network(), {"tokens": example, "targets": example}
