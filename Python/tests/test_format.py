"""The folder has the form that the engine reads."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers as hf
from safetensors.torch import load_file

import cases
import interpreter
import models
from oobleck.errors import ImportProblem

HERE = Path(__file__).parent
PLAIN = f"{HERE / 'plain_model.py'}:plain"
DECLARED = f"{HERE / 'refused_models.py'}:make_Declared"
SHAPE = ("--microbatch", "2", "--sequence", "16")


@pytest.fixture
def gpt2(tmp_path: Path) -> Path:
    models.built("gpt2").save_pretrained(tmp_path / "small-gpt2")
    return tmp_path / "small-gpt2"


def test_the_manifest_of_a_folder(gpt2: Path, imported: Callable) -> None:
    found = imported(gpt2, *SHAPE)
    assert (found["version"], found["torch"]) == (1, torch.__version__.split("+")[0])
    assert found["transformers"] == hf.__version__
    assert found["source"] == {
        "kind": "transformers",
        "name": "small-gpt2",
        "architecture": "GPT2LMHeadModel",
        "model_type": "gpt2",
        "trust_remote_code": False,
    }
    assert (found["name"], found["microbatch"], found["sequence"]) == ("small-gpt2", 2, 16)
    assert (found["vocabulary"], found["mask_token"]) == (96, None)
    tensor = {"shape": [2, 16], "dtype": "int64", "role": "tokens"}
    assert found["batch"] == [{"name": n, **tensor} for n in ("input_ids", "labels")]
    blocks = [f"transformer.h.{i}" for i in range(3)]
    assert [layer["name"] for layer in found["layers"]] == ["embedding", *blocks, "head"]
    assert found["tied"] == [["transformer.wte.weight", [0, 4]]]
    assert found["loss"] == {"layer": 4, "sum": True, "count": True, "targets": 32}


def test_boundaries_agree_and_files_are_whole(gpt2: Path, imported: Callable) -> None:
    found = imported(gpt2, *SHAPE)
    folder = gpt2.parent / "model"
    for before, after in zip(found["layers"], found["layers"][1:], strict=False):
        assert before["sends"] == after["receives"] and after["receives"]
    assert [item["name"] for item in found["layers"][-1]["sends"]] == ["loss", "count", "logits"]
    for name, digest in found["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    written = {path.name for path in folder.iterdir()}
    copied = {"config.json", "generation_config.json"}
    assert written == {"manifest.json", *found["files"], *copied}
    assert (folder / "config.json").read_bytes() == (gpt2 / "config.json").read_bytes()


def test_a_manifest_has_a_digest_of_itself(gpt2: Path, imported: Callable) -> None:
    digest = imported(gpt2, *SHAPE)["digest"]
    text = (gpt2.parent / "model" / "manifest.json").read_bytes()
    zeroed = text.replace(digest.encode(), b"0" * 64)
    assert hashlib.sha256(zeroed).hexdigest() == digest


def test_equal_blocks_share_a_graph(gpt2: Path, imported: Callable) -> None:
    graphs = [layer["graph"] for layer in imported(gpt2, *SHAPE)["layers"]]
    assert graphs == ["graph-0.json", *["graph-1.json"] * 3, "graph-2.json"]


def test_graphs_hold_no_names(gpt2: Path, imported: Callable) -> None:
    found = imported(gpt2, *SHAPE)
    for layer in found["layers"]:
        text = (gpt2.parent / "model" / layer["graph"]).read_text()
        for name in ("transformer", "weight", "input_ids"):
            assert name not in text
        graph = json.loads(text)
        parts = ("parameters", "constants", "batch", "receives")
        assert graph["inputs"] == sum(len(layer[part]) for part in parts)


def test_the_same_source_gives_the_same_bytes(gpt2: Path, imported: Callable) -> None:
    """Wherever it lies: the manifest's digest tells one job from another."""
    elsewhere = gpt2.parent / "elsewhere"
    copy = shutil.copytree(gpt2, elsewhere / gpt2.name)
    plain = shutil.copy(HERE / "plain_model.py", elsewhere)
    for target, folder, module in (
        ("one", gpt2, PLAIN),
        ("two", copy, f"{plain}:plain"),
    ):
        imported(folder, *SHAPE, to=target)
        imported(module, to=f"{target}-plain")
    for kind in ("", "-plain"):
        one, two = gpt2.parent / f"one{kind}", gpt2.parent / f"two{kind}"
        for path in one.iterdir():
            assert path.read_bytes() == (two / path.name).read_bytes(), path


def test_parameters_load_into_the_model(gpt2: Path, imported: Callable, tmp_path: Path) -> None:
    """The names are those that `from_pretrained` wants."""
    from safetensors.torch import save_file

    found = imported(gpt2, *SHAPE)
    tensors = {}
    for layer in found["layers"]:
        tensors |= load_file(tmp_path / "model" / layer["weights"])
    (tmp_path / "back").mkdir()
    save_file(tensors, str(tmp_path / "back" / "model.safetensors"), {"format": "pt"})
    (tmp_path / "back" / "config.json").write_bytes((gpt2 / "config.json").read_bytes())
    model, report = hf.GPT2LMHeadModel.from_pretrained(tmp_path / "back", output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    for name, param in models.built("gpt2").named_parameters():
        assert torch.equal(param, dict(model.named_parameters())[name])


def test_masked_language_models(tmp_path: Path, imported: Callable) -> None:
    arguments, _, _ = cases.make_source("bert", tmp_path / "source", 0.0)
    found = imported(*arguments)
    roles = {item["name"]: item["role"] for item in found["batch"]}
    assert roles == {
        "input_ids": "masked_tokens",
        "attention_mask": "column",
        "labels": "mask_targets",
    }
    assert found["mask_token"] == 4


def test_other_tasks_take_columns(tmp_path: Path, imported: Callable) -> None:
    arguments, _, _ = cases.make_source("vit", tmp_path / "source", 0.0)
    found = imported(*arguments)
    assert {item["role"] for item in found["batch"]} == {"column"}
    assert (found["sequence"], found["vocabulary"]) == (None, None)


def test_a_function(imported: Callable) -> None:
    found = imported(PLAIN)
    source = {"kind": "function", "name": "plain_model.py:plain", "architecture": "Plain"}
    assert found["source"] == source | {"model_type": None, "trust_remote_code": False}
    assert (found["transformers"], found["name"]) == (None, "plain")
    assert found["tied"] == [["embed.weight", [0, 4]]]


def test_blocks_may_be_named(gpt2: Path, imported: Callable) -> None:
    found = imported(gpt2, *SHAPE, "--split", "transformer.h.2,transformer.h.1")
    names = [layer["name"] for layer in found["layers"]]
    assert names == ["embedding", "transformer.h.1", "transformer.h.2", "head"]


def test_a_module_may_count_its_targets(imported: Callable, tmp_path: Path) -> None:
    found = imported(DECLARED)
    assert found["loss"]["targets"] == 4
    batch = {"x": torch.ones(4, 8), "labels": torch.tensor([1, 2, 3, -100])}
    results = interpreter.run(tmp_path / "model", batch)
    assert int(results["count"]) == 3 and math.isfinite(float(results["loss"]))


LOSSES = """
import torch
from refused_models import Base, returned
from torch.nn import functional as F

TARGETS = torch.randn(4, 8)

class Other(Base):
    def __init__(self, name):
        super().__init__()
        self.name = name

    def result(self, x, labels):
        if self.name == "nll_loss":
            return {"loss": F.nll_loss(F.log_softmax(x, -1), labels)}
        return {"loss": getattr(F, self.name)(x, TARGETS)}

def nll_loss(): return returned(Other("nll_loss"))
def l1_loss(): return returned(Other("l1_loss"))
def mse_loss(): return returned(Other("mse_loss"))
def binary_cross_entropy_with_logits():
    return returned(Other("binary_cross_entropy_with_logits"))
"""


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("nll_loss", 3),
        ("l1_loss", 32),
        ("mse_loss", 32),
        ("binary_cross_entropy_with_logits", 32),
    ],
)
def test_losses_become_sums(name: str, count: int, imported: Callable, tmp_path: Path) -> None:
    (tmp_path / "losses.py").write_text(LOSSES)
    torch.manual_seed(5)
    found = imported(f"{tmp_path / 'losses.py'}:{name}")
    assert found["loss"]["targets"] == (4 if name == "nll_loss" else 32)
    batch = {"x": torch.ones(4, 8), "labels": torch.tensor([1, 2, 3, -100])}
    results = interpreter.run(tmp_path / "model", batch)
    torch.manual_seed(5)
    namespace: dict = {}
    exec(LOSSES, namespace)
    module, _ = namespace[name]()
    mean = float(module(**batch)["loss"])
    assert int(results["count"]) == count
    # Two orders of adding at most 32 float32 numbers.
    assert float(results["loss"]) == pytest.approx(mean * count, rel=1e-5)


def test_roles_of_a_function(imported: Callable, tmp_path: Path) -> None:
    (tmp_path / "roles.py").write_text(
        "from plain_model import plain\n"
        "def model():\n"
        "    return *plain(), {'tokens': 'tokens', 'labels': 'next_tokens'}\n"
    )
    found = imported(f"{tmp_path / 'roles.py'}:model")
    assert [item["role"] for item in found["batch"]] == ["tokens", "next_tokens"]
    assert (found["microbatch"], found["sequence"]) == (2, 16)


def test_code_of_a_folder_runs_when_trusted(tmp_path: Path) -> None:
    source = tmp_path / "own"
    models.built("gpt2").save_pretrained(source)
    config = json.loads((source / "config.json").read_text())
    config["architectures"] = ["OwnForCausalLM"]
    config["auto_map"] = {"AutoModelForCausalLM": "modeling_own.OwnForCausalLM"}
    (source / "config.json").write_text(json.dumps(config))
    (source / "modeling_own.py").write_text(
        "from transformers import GPT2LMHeadModel\n"
        "class OwnForCausalLM(GPT2LMHeadModel):\n"
        "    pass\n"
    )
    command = [sys.executable, "-m", "oobleck", "import", str(source), "--to"]
    settings = {"cwd": HERE.parent, "env": {**os.environ, "HF_HOME": str(tmp_path / "home")}}
    refused = subprocess.run(
        [*command, str(tmp_path / "model")], **settings, capture_output=True, text=True
    )
    assert refused.returncode == 2 and "--trust-remote-code" in refused.stderr
    subprocess.run(
        [*command, str(tmp_path / "model"), "--trust-remote-code"], **settings, check=True
    )
    found = json.loads((tmp_path / "model" / "manifest.json").read_text())
    assert found["source"]["architecture"] == "OwnForCausalLM"
    assert found["source"]["trust_remote_code"] is True


def test_causal_masks_become_a_flag(gpt2: Path, imported: Callable, tmp_path: Path) -> None:
    found = imported(gpt2, *SHAPE)
    graph = json.loads((tmp_path / "model" / found["layers"][1]["graph"]).read_text())
    (node,) = (n for n in graph["nodes"] if n["op"] == "aten::scaled_dot_product_attention")
    assert node["args"][3:] == [None, 0.0, True] or node["args"][3:] == [None, 0.1, True]


REGIONS = """
import torch
from refused_models import Base, returned
from transformers.utils.generic import maybe_autocast

class Regions(Base):
    def between(self, x):
        with torch.no_grad():
            scale = x.abs().amax()
        with torch.autocast("cpu", enabled=False):
            x = x @ x.T @ x
        with maybe_autocast("cpu", enabled=False):
            x = torch.einsum("ij,jk->ik", x, x.new_ones(8, 8))
        return x / scale

def model(): return returned(Regions())
"""


def test_regions_are_marked(tmp_path: Path, imported: Callable) -> None:
    """Regions without gradients or autocast, also those that transformers leave out of a trace."""
    (tmp_path / "regions.py").write_text(REGIONS)
    found = imported(f"{tmp_path / 'regions.py'}:model")
    nodes = json.loads((tmp_path / "model" / found["layers"][0]["graph"]).read_text())["nodes"]
    marks = {node["op"]: (node.get("grad"), node.get("autocast")) for node in nodes}
    assert marks["aten::abs"] == marks["aten::amax"] == (False, None)
    assert marks["aten::matmul"] == marks["aten::einsum"] == (None, False)
    assert marks["aten::linear"] == marks["aten::div"] == (None, None)


def test_a_sliding_window_stays_a_mask(tmp_path: Path, imported: Callable) -> None:
    arguments, _, _ = cases.make_source("mistral", tmp_path / "source", 0.0)
    found = imported(*arguments)
    graph = json.loads((tmp_path / "model" / found["layers"][1]["graph"]).read_text())
    (node,) = (n for n in graph["nodes"] if n["op"] == "aten::scaled_dot_product_attention")
    assert set(node["args"][3]) == {"r"}


def test_numbers_read_back_exactly() -> None:
    from oobleck.encode import _argument
    from oobleck.graph import Value

    value = Value("x", torch.ops.aten.add.Tensor)
    for number in (0.1, 1e-05, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0):
        text = json.dumps(_argument(number, {}, value))
        assert math.copysign(1, json.loads(text)) == math.copysign(1, number)
        assert json.loads(text) == number
    assert _argument(-math.inf, {}, value) == {"float": "-inf"}
    assert _argument(torch.device("cpu"), {}, value) == {"device": "cpu"}
    with pytest.raises(ImportProblem, match="complex"):
        _argument(1j, {}, value)
