"""The table of models says what is equal, how far apart the rest is, and what is refused."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest
import torch

import further_models
import models
import table

ONE = {"loss": torch.tensor([2.0]), "grad.a": torch.tensor([1.0, -4.0])}


def test_differences_are_shares_of_the_greatest_value() -> None:
    assert table.compared({"loss": torch.tensor(2.0), "grad.a": ONE["grad.a"]}, ONE) == "equal"
    far = ONE | {"grad.a": torch.tensor([1.5, -4.0])}
    assert table.compared(far, ONE) == "equal within 1e-01 (grad.a)"
    lost = ONE | {"grad.a": torch.tensor([1.5, float("nan")]), "loss": torch.tensor([3.0])}
    assert table.compared(lost, ONE) == "equal within nan (grad.a)"
    assert table.compared({"loss": ONE["loss"]}, ONE) == "different results: grad.a"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("albert", "| albert | AlbertForMaskedLM | 3 | 110 | 1 | equal | albert.embeddings"),
        ("bloom", "| bloom | BloomForCausalLM |  |  |  | refused: the model uses the autograd"),
        ("perceptron", "| perceptron | plain_model.py:perceptron | 3 | 4 | 1 | equal | body.0.0"),
    ],
)
def test_rows(name: str, wanted: str, tmp_path: Path) -> None:
    with mock.patch.dict(models.MODELS, further_models.FURTHER):
        row = table.row_of(name, tmp_path)
    assert row.text().startswith(wanted)
    if name == "albert":
        assert "albert_layer_groups.0 are used more than once" in row.notes
    assert row.text() in table.table([row]) and torch.__version__ in table.table([row])
