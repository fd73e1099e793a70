"""Small cross-encoders with random weights and the bundled tokenizer: real files, real code, no download."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from connector.models.folders import bundled_encoder

MAX_TOKENS = 64


def write_cross_encoder(folder: Path, num_labels: int) -> Path:
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    torch.manual_seed(7)
    tokenizer = AutoTokenizer.from_pretrained(str(bundled_encoder().folder), local_files_only=True)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=MAX_TOKENS,
        initializer_range=0.5,
    )
    config.num_labels = num_labels
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """A function from a number of labels to the folder of such a cross-encoder; it reads at most 64 tokens."""
    written: dict[int, Path] = {}

    def folder(num_labels: int) -> Path:
        if num_labels not in written:
            written[num_labels] = write_cross_encoder(tmp_path_factory.mktemp("cross-encoder"), num_labels)
        return written[num_labels]

    return folder
