"""What is trained in tests: the bundled tokenizer and a tiny backbone of random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    from connector.models.folders import bundled_encoder

    return AutoTokenizer.from_pretrained(bundled_encoder().folder)


@pytest.fixture
def layers() -> int:
    """How many layers the backbone has."""
    return 2


@pytest.fixture
def backbone(tmp_path: Path, layers: int) -> Path:
    import torch
    from safetensors.torch import save_file
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=192,
    )
    folder = tmp_path / "backbone"
    folder.mkdir()
    config.to_json_file(folder / "config.json", use_diff=False)
    save_file(BertModel(config, add_pooling_layer=False).state_dict(), folder / "model.safetensors")
    return folder
