"""Calibration: Platt's regression on synthetic scores, and folding it into a model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from connector.models.network.interaction import InteractionConfig, InteractionModel
from training.calibrate_reranker import fit_platt, fold

BERT = {
    "vocab_size": 200, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
    "hidden_act": "gelu", "layer_norm_eps": 1e-12, "max_position_embeddings": 16, "type_vocab_size": 2,
    "pad_token_id": 0,
}  # fmt: skip


def test_the_fit_finds_the_slope_and_offset_that_made_the_judgments() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 3, 50_000)
    is_relevant = rng.random(50_000) < 1 / (1 + np.exp(-(0.7 * scores - 2)))
    assert fit_platt(scores, is_relevant) == pytest.approx((0.7, -2.0), abs=0.1)


def test_judgments_of_one_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="0 relevant and 3 other pairs"):
        fit_platt(np.arange(3.0), np.zeros(3, dtype=bool))


def test_folding_maps_every_logit_by_slope_and_offset() -> None:
    torch.manual_seed(0)
    model = InteractionModel(InteractionConfig(BERT, "", joint_layers=1)).eval()
    with torch.no_grad():
        model.cls_term.weight.normal_()
    ids = torch.tensor([[101, 5, 6, 102, 7, 8, 102], [101, 9, 6, 102, 7, 5, 102]])
    sides = torch.tensor([[0, 0, 0, 0, 1, 1, 1]] * 2)
    with torch.inference_mode():
        before = model(ids, torch.ones_like(ids), sides)
    fold(model, 0.5, -3.0)
    with torch.inference_mode():
        after = model(ids, torch.ones_like(ids), sides)
    torch.testing.assert_close(after, 0.5 * before - 3.0, atol=1e-4, rtol=0)


def test_a_slope_that_turns_the_order_round_is_refused() -> None:
    with pytest.raises(ValueError, match="not fit to ship"):
        fold(InteractionModel(InteractionConfig(BERT, "", joint_layers=1)), -0.5, 0.0)
