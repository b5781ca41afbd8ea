"""What every kind of source gives to the rest of the importer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch


@dataclass
class Source:
    """A model that is ready to be traced, and what the manifest says about it."""

    kind: str  # "transformers", "function" or "preset"
    name: str  # of the folder, `file.py:function`, or the preset
    display: str
    architecture: str
    model_type: str | None
    module: torch.nn.Module
    batch: dict[str, torch.Tensor]
    roles: dict[str, str]
    # The value of a parameter where it is stored, by the parameter's name; None: it has a rule.
    value: Callable[[str], torch.Tensor | None]
    # The rule of a parameter that is not stored, by the parameter's name.
    rule: Callable[[str], dict[str, Any] | None]
    microbatch: int
    sequence: int | None = None
    vocabulary: int | None = None
    mask_token: int | None = None
    trust_remote_code: bool = False
    further_results: tuple[str, ...] | None = (
        None  # beside the loss; None: all that the module returns
    )
    copied_files: list[Path] = field(default_factory=list)
    config_text: str | None = None  # config.json where there is no file to copy
    buffers: dict[str, torch.Tensor] = field(default_factory=dict)  # stored values of buffers
