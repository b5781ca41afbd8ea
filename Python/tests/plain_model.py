"""A model that owes nothing to transformers: PyTorch's own encoder with shared weights and a loss."""

from __future__ import annotations

import os

import torch
from torch import nn

MICROBATCH, SEQUENCE, VOCABULARY, HIDDEN = 2, 16, 96, 64


class Plain(nn.Module):
    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, HIDDEN)
        layer = nn.TransformerEncoderLayer(
            HIDDEN, 4, 2 * HIDDEN, dropout, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.out = nn.Linear(HIDDEN, VOCABULARY)
        self.out.weight = self.embed.weight

    def forward(self, tokens: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1])
        logits = self.out(self.encoder(self.embed(tokens), mask=mask, is_causal=True))
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
        return {"loss": loss, "logits": logits}


class Perceptron(nn.Module):
    """A plain regression, with blocks from its first operator to its last but one."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        block = (nn.Linear(32, 32), nn.LayerNorm(32), nn.GELU(), nn.Dropout(dropout))
        self.body = nn.ModuleList(nn.Sequential(*block) for _ in range(2))
        self.last = nn.Linear(32, 3)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        for block in self.body:
            x = block(x)
        found = self.last(x)
        return nn.functional.mse_loss(found, y), found


class Block(nn.Module):
    """Changes its own intermediate result in place, and takes a mask that was made in place."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(8, 8)
        self.norm = nn.BatchNorm1d(8).eval()

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        y = self.inner(x)
        y[:, 1:].mul_(2)
        y.masked_fill_(mask, 0.5)
        return torch.relu(self.norm(y).add_(x))


class Unusual(nn.Module):
    """In-place operators, an integer and a frozen parameter that cross layers, a lifted constant."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.arange(1.0, 9.0), requires_grad=False)
        self.first = nn.Linear(8, 8)
        self.blocks = nn.ModuleList(Block() for _ in range(3))

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
        mask = torch.zeros(x.shape[0], 8, dtype=torch.bool)
        mask[:, ::3] = x[:, ::3] > 0
        mask[1].logical_not_()
        x = self.first(x * self.scale)
        with torch.no_grad():
            best = x.argmax(-1)
        kept = torch.zeros(x.shape[0], 8)
        kept[:, 1:] = x[:, 1:]
        for block in self.blocks:
            x = block(x, mask)
        chosen = (x + kept).gather(1, best[:, None]) + torch.tensor([1.0, 2.0])
        return {"loss": nn.functional.mse_loss(chosen, y), "logits": chosen}


def _moved(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        for param in module.parameters():
            param.add_(0.02 * torch.randn_like(param))
    return module


def _dropout() -> float:
    return float(os.environ.get("OOBLECK_TEST_DROPOUT", "0"))


def plain() -> tuple[nn.Module, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    module = _moved(Plain(_dropout()))
    tokens = torch.randint(0, VOCABULARY, (MICROBATCH, SEQUENCE))
    labels = torch.randint(0, VOCABULARY, (MICROBATCH, SEQUENCE))
    labels[0, :5] = -100
    return module, {"tokens": tokens, "labels": labels}


def perceptron() -> tuple[nn.Module, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    module = _moved(Perceptron(_dropout()))
    return module, {"x": torch.randn(4, 32), "y": torch.randn(4, 3)}


def unusual() -> tuple[nn.Module, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    module = _moved(Unusual())
    return module, {"x": torch.randn(4, 8), "y": torch.randn(4, 2)}
