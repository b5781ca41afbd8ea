"""An imported model, run layer by layer, gives the bits of eager PyTorch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cases
import interpreter


@pytest.mark.parametrize("name", cases.NAMES)
def test_layers_give_the_bits_of_the_whole_model(name: str, tmp_path: Path) -> None:
    expected = cases.make_case(name, tmp_path)
    batch = {k.removeprefix("batch."): v for k, v in expected.items() if k.startswith("batch.")}
    found = interpreter.run(tmp_path / "model", batch)
    wanted = {k: v for k, v in expected.items() if not k.startswith("batch.")}
    assert set(found) == set(wanted)
    different = [k for k, v in wanted.items() if not torch.equal(found[k].reshape(v.shape), v)]
    assert different == []
