"""Modules that cannot be imported, each for one reason."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

Returned = tuple[nn.Module, dict[str, torch.Tensor]]


class Base(nn.Module):
    """Two linear blocks and class labels; a subclass changes one thing."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Linear(8, 8) for _ in range(2))

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        for block in self.blocks:
            x = self.between(block(x))
        return self.result(x, labels)

    def between(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def result(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": F.cross_entropy(x, labels), "logits": x}


def returned(module: nn.Module) -> Returned:
    with torch.no_grad():
        for param in module.parameters():  # so that no rule gives the values, and they are stored
            param.add_(torch.rand_like(param))
    return module, {"x": torch.ones(4, 8), "labels": torch.tensor([1, 2, 3, -100])}


class Smoothing(Base):
    def result(self, x, labels):
        return {"loss": F.cross_entropy(x, labels, label_smoothing=0.1)}


class ClassWeights(Base):
    def result(self, x, labels):
        return {"loss": F.cross_entropy(x, labels, weight=torch.arange(8.0))}


class Scaled(Base):
    def result(self, x, labels):
        return {"loss": F.cross_entropy(x, labels) * 0.5}


class Summed(Base):
    def result(self, x, labels):
        return {"loss": F.cross_entropy(x, labels, reduction="sum")}


class NoLoss(Base):
    def result(self, x, labels):
        return {"logits": x}


class Branch(Base):
    def between(self, x):
        return x * 2 if x.sum() > 0 else x


class Selected(Base):
    def between(self, x):
        return x[x > 0].sum() + x


class Condition(Base):
    def between(self, x):
        return torch.cond(x.sum() > 0, lambda y: y * 2, lambda y: y + 1, (x,))


class Rounding(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class StraightThrough(Base):
    def between(self, x):
        return Rounding.apply(x)


class Noise(Base):
    def between(self, x):
        return x + torch.rand_like(x)


class Autocast(Base):
    def between(self, x):
        with torch.autocast("cpu", torch.bfloat16):
            return (x @ x.T @ x).float()


class Counter(Base):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", torch.zeros(8))

    def between(self, x):
        self.steps.add_(1)
        return x + self.steps


class BatchNorm(Base):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(8)

    def between(self, x):
        return self.norm(x)


class AveragingNorm(Base):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(8, momentum=None)

    def result(self, x, labels):
        return super().result(self.norm(x), labels)


class ReadStatistics(Base):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(8)

    def result(self, x, labels):
        return super().result(self.norm(x) + self.norm.running_var, labels)


@torch.library.custom_op("oobleck_test::twice", mutates_args=())
def twice(x: torch.Tensor) -> torch.Tensor:
    return x * 2


@twice.register_fake
def _(x):
    return torch.empty_like(x)


class OwnOperator(Base):
    def between(self, x):
        return twice(x)


class Half(Base):
    def __init__(self) -> None:
        super().__init__()
        self.blocks.to(torch.float64)

    def forward(self, x, labels):
        return super().forward(x.double(), labels)

    def result(self, x, labels):
        return super().result(x.float(), labels)


class Across(Base):
    """The second block's hidden state changes the first one's in place."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Doubled() for _ in range(2))


class Doubled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(8, 8)

    def forward(self, x):
        y = self.inner(x)
        x.add_(1) if x.requires_grad else None
        return y + x


class Declared(Base):
    """Counts its targets itself; this can be imported."""

    def result(self, x, labels):
        total = F.cross_entropy(x, labels, reduction="sum", label_smoothing=0.1)
        return {"loss_sum": total, "count": (labels != -100).sum(), "logits": x}


class FloatCount(Base):
    def result(self, x, labels):
        total = F.cross_entropy(x, labels, reduction="sum")
        return {"loss_sum": total, "count": (labels != -100).float().sum()}


def __getattr__(name: str):
    """`refused_models.py:make_X` returns the class X with its batch."""
    if not name.startswith("make_"):
        raise AttributeError(name)
    return lambda: returned(globals()[name.removeprefix("make_")]())
