"""Operations in the manifest are those that PyTorch counts while the whole model runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import cases


@pytest.mark.parametrize("name", cases.NAMES)
def test_layers_have_the_operations_of_the_whole_model(name: str, tmp_path: Path) -> None:
    cases.make_case(name, tmp_path)
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
    found = sum(layer["operations"] for layer in manifest["layers"])
    _, module, batch = cases.make_source(name, tmp_path / "again", 0.0)
    # The counter does not know the fused attention of CPUs.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        output = module(**batch)
    forward = counter.get_total_flops()
    assert found == forward > 0
    # Backward is taken as twice forward: what takes no gradient makes it less, never more.
    loss = output[0] if isinstance(output, tuple) else output["loss"]
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        loss.backward()
    assert 0.5 * forward <= counter.get_total_flops() <= 2 * forward
