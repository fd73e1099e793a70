"""What tests train: a tiny backbone of random weights with the bundled tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    from connector.models.folders import bundled_encoder

    return AutoTokenizer.from_pretrained(bundled_encoder().folder)


@pytest.fixture
def cross_encoder(tokenizer: Any) -> Callable[..., Any]:
    """Make a tiny cross-encoder of random weights: (seed, width) -> `CrossEncoderNetwork`."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    from training.networks import CrossEncoderNetwork

    def make(seed: int = 0, width: int = 32) -> CrossEncoderNetwork:
        torch.manual_seed(seed)
        config = BertConfig(
            hidden_size=width, num_hidden_layers=1, num_attention_heads=4, intermediate_size=64,
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        )  # fmt: skip
        config.num_labels = 1
        return CrossEncoderNetwork(BertForSequenceClassification(config), tokenizer)

    return make


@pytest.fixture
def layers() -> int:
    """Return how many layers the backbone has."""
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
