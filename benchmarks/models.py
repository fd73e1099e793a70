"""The input of the rerankers' benchmarks: a plain cross-encoder, a query, passages of mixed lengths."""

from __future__ import annotations

import random
from pathlib import Path

from connector.models.folders import bundled_encoder

QUERY = "how does a heat pump work in winter"
FEWEST_WORDS, MOST_WORDS = 20, 250


def write_model(folder: Path) -> None:
    """Write a cross-encoder with a plain head of random weights, which costs as much as a trained one."""
    import torch
    from transformers import AutoTokenizer, BertForSequenceClassification

    torch.manual_seed(0)
    backbone = str(bundled_encoder().folder)
    BertForSequenceClassification.from_pretrained(backbone, num_labels=1).save_pretrained(folder)
    AutoTokenizer.from_pretrained(backbone).save_pretrained(folder)


def mixed_passages(count: int) -> list[str]:
    """Return passages of 20 to 250 words."""
    words = Path(bundled_encoder().folder, "vocab.txt").read_text(encoding="utf-8").split()
    plain = [word for word in words if word.isascii() and word.isalpha() and len(word) > 2]
    chance = random.Random(7)
    return [" ".join(chance.choices(plain, k=chance.randint(FEWEST_WORDS, MOST_WORDS))) for _ in range(count)]
