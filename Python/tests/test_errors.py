"""What cannot be imported is refused in one line that says what, where, and what would do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import transformers as hf

MODELS = Path(__file__).with_name("refused_models.py")
OWN = "return a dict with `loss_sum`"

LINES = {
    "Smoothing": ("label smoothing 0.1", OWN),
    "ClassWeights": ("class weights", OWN),
    "Scaled": ("the result of aten::mul.Tensor", OWN),
    "Summed": ("not a mean", OWN),
    "NoLoss": ("returns no loss (it returns logits)", "`loss_sum` and `count`"),
    "Branch": ("decides by values", "refused_models.py:", "torch.where"),
    "Selected": ("depends on values", "aten::"),
    "Condition": ("cond", "control flow"),
    "StraightThrough": ("Rounding", "backward"),
    "Noise": ("aten::rand_like", "dropout"),
    "Autocast": ("autocast", "the job says"),
    "Counter": ("aten::add_", "steps", "new tensor"),
    "BatchNorm": ("the batch norm in module norm", "runs twice", "a module for each call"),
    "AveragingNorm": ("the norm norm", "momentum=None", "from 0 to 1"),
    "ReadStatistics": ("aten::add", "reads norm.running_var", "only its batch norm can"),
    "OwnOperator": ("oobleck_test::twice", "PyTorch's operators"),
    "Half": ("blocks.0.weight is float64", "float()"),
    "Across": ("aten::add_", "out of place"),
    "FloatCount": ("`count` is float32", "integer"),
}


@pytest.mark.parametrize("name", LINES)
def test_models(name: str, refused: Callable) -> None:
    line = refused(f"{MODELS}:make_{name}")
    for part in LINES[name]:
        assert part in line, line


def test_sources(refused: Callable, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.py").write_text("def model():\n    raise ValueError('no data')\n")
    (tmp_path / "list.py").write_text("def model():\n    return []\n")
    assert "presets: bert-large, gpt2" in refused("gpt9")
    assert "no config.json" in refused(tmp_path / "empty")
    assert "no file" in refused(tmp_path / "none.py:model")
    assert "name the function too" in refused(tmp_path / "bad.py")
    assert "no function other; it has model" in refused(f"{tmp_path / 'bad.py'}:other")
    assert "bad.py:2: ValueError: no data" in refused(f"{tmp_path / 'bad.py'}:model")
    assert "returned list" in refused(f"{tmp_path / 'list.py'}:model")
    assert "--sequence does not go" in refused(f"{tmp_path / 'list.py'}:model", "--sequence", "8")


def test_configurations(refused: Callable, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    config = hf.GPT2Config(n_embd=32, n_layer=2, n_head=4, vocab_size=50, n_positions=16)
    config.architectures = ["GPT2LMHeadModel"]
    config.save_pretrained(folder)
    assert "give at most 16" in refused(folder, "--sequence", "17")
    assert "at least 1" in refused(folder, "--microbatch", "0")
    assert "does not have: transformer.g.0" in refused(folder, "--split", "transformer.g.0")
    assert "no operator runs in transformer.h" in refused(folder, "--split", "transformer.h")
    assert "no masked-lm class for model type gpt2" in refused(folder, "--task", "masked-lm")
    config.architectures = ["GPT2Model"]
    config.save_pretrained(folder)
    assert "--task" in refused(folder)
    config.architectures = ["GPT9Model"]
    config.save_pretrained(folder)
    assert "no class GPT9Model" in refused(folder)
    (folder / "config.json").write_text("{")
    assert "is not JSON" in refused(folder)
    (folder / "config.json").write_text('{"architectures": ["Own"], "auto_map": {}}')
    assert "--trust-remote-code" in refused(folder)


def test_nothing_is_overwritten(
    imported: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from oobleck.command import main

    source = f"{MODELS.with_name('plain_model.py')}:perceptron"
    imported(source)
    before = (tmp_path / "model" / "manifest.json").read_bytes()
    assert main(["import", source, "--to", str(tmp_path / "model")]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert (tmp_path / "model" / "manifest.json").read_bytes() == before
