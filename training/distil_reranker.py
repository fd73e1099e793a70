"""Distils a student of fewer layers for a cascade: `python -m training.distil_reranker --work DIR`.

It starts from the teacher's own layers and head, and learns the teacher's scores of windows of candidates (KL of the
softmax over a list).
The teacher's scores are kept in DIR/taught, so that a second student costs only its own training.
DIR/export/best is the student that did best on held-out lists, for `load_cascade(first=...)`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from connector.models.folders import BUNDLED, bundled_encoder
from connector.models.load import find_reranker, load_reranker
from connector.models.network.interaction import InteractionModel
from connector.models.network.interaction_files import load_interaction
from connector.models.network.student import start_student
from connector.models.reranker import Reranker
from training.curves import draw_curves
from training.lists import JudgedLists, TrainingList
from training.loop import SEED, Recipe, begin, train
from training.material import Material, Source, read_material, read_own_material
from training.networks import SCALES_RATE, InteractionNetwork

LISTS, LIST_SIZE, HELD_OUT = 1_200, 16, 32
STEPS, LISTS_A_STEP = 1_500, 4
LAYERS_RATE = 2e-4


class StudentNetwork(InteractionNetwork):
    """A student, whose joint layers must learn more than those of a network that starts as late interaction."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the groups of `InteractionNetwork`, none with a lower rate than the layers."""
        groups = super().parameter_groups()
        return [
            each if each["peak"] == SCALES_RATE else {**each, "peak": max(each["peak"], LAYERS_RATE)} for each in groups
        ]


class TaughtLists:
    """Lists that the teacher has scored, sampled uniformly."""

    def __init__(self, lists: Sequence[TrainingList]) -> None:
        self._lists = lists

    def sample(self, rng: np.random.Generator) -> TrainingList:
        """Return one list."""
        return self._lists[int(rng.integers(len(self._lists)))]


def taught_lists(
    read: Callable[[], Material[JudgedLists]],
    teacher: Reranker,
    work: Path,
    *,
    count: int = LISTS,
    size: int = LIST_SIZE,
) -> list[TrainingList]:
    """Return lists of the material's windows with the teacher's logits, its first passage first.

    They are written to a file in the work folder as they are scored, and read from it the next time.

    Args:
        read: returns the material; called only if lists are missing.
        teacher: scores the lists.
        work: the work folder.
        count: how many lists.
        size: how many passages per list.
    """
    weights = b"".join(path.read_bytes() for path in sorted(Path(teacher.source).glob("*.safetensors")))
    path = work / "taught" / f"{hashlib.sha256(weights).hexdigest()[:12]}-{size}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    scored = [json.loads(line) for line in lines[:count]]
    if len(scored) < count:
        sources = read().sources
        shares = np.array([each.share for each in sources])
        with path.open("a", encoding="utf-8") as file:
            for number in range(len(scored), count):
                rng = np.random.default_rng([SEED, number])
                source = sources[int(rng.choice(len(sources), p=shares / shares.sum()))]
                drawn = source.lists.sample_window(rng, size)
                scores = teacher.score(drawn.question, drawn.passages)
                order = np.argsort(-scores, kind="stable").tolist()
                passages = [drawn.passages[place] for place in order]
                scored.append({"question": drawn.question, "passages": passages, "scores": scores[order].tolist()})
                file.write(json.dumps(scored[-1]) + "\n")
                file.flush()
    return [
        TrainingList(each["question"], each["passages"], np.array(each["scores"], dtype=np.float32)) for each in scored
    ]


def distil(
    teacher: InteractionModel, tokenizer: Any, lists: Sequence[TrainingList], work: Path, *,
    layers: int, joint_layers: int, max_length: int, steps: int, held_out: int = HELD_OUT, resume: bool = False,
) -> InteractionModel:  # fmt: skip
    """Train a student on the lists that its teacher scored, except the first, which are held out; return it.

    Exports, history and curves are written as by `training.loop.train`.
    """
    student = start_student(teacher, layers, joint_layers=joint_layers, max_length=max_length)
    student.to("cuda" if torch.cuda.is_available() else "cpu")
    network = StudentNetwork(student, tokenizer)
    material = Material([Source(TaughtLists(lists[held_out:]), 1.0)], {"held out": lists[:held_out]})
    recipe = replace(Recipe("distil"), sampled=LISTS_A_STEP, generated=0, look_steps=max(steps // 8, 1))
    draw_curves(train(network, material, recipe, work, steps=steps, resume=resume), work / "curves.png")
    return student


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for scores, checkpoint and exports")
    parser.add_argument("--material", type=Path, help="folder of vectors and broad text; by default the work folder")
    parser.add_argument("--beir", type=Path, help="use only windows of this folder's questions (qrels/train.tsv)")
    parser.add_argument("--teacher", default=BUNDLED, help="an interaction reranker's name or path")
    parser.add_argument("--backend", default="torch", help="the backend that computes the teacher's scores")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--joint-layers", type=int, default=1)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--lists", type=int, default=LISTS, help="lists that the teacher scores")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resume", action="store_true", help="resume from the work folder's checkpoint")
    return parser.parse_args()


def main() -> None:
    """Let the teacher score the lists, and train the student."""
    from transformers import AutoTokenizer

    arguments = _arguments()
    work: Path = arguments.work
    begin(work, arguments.threads)
    material = arguments.material or work

    def read() -> Material[JudgedLists]:
        return read_own_material(arguments.beir, material) if arguments.beir else read_material(material)

    backbone = bundled_encoder().folder
    teacher = load_interaction(find_reranker(arguments.teacher).folder, backbone)
    scorer = load_reranker(arguments.teacher, backend=arguments.backend)
    lists = taught_lists(read, scorer, work, count=arguments.lists)
    distil(
        teacher, AutoTokenizer.from_pretrained(backbone), lists, work, layers=arguments.layers,
        joint_layers=arguments.joint_layers, max_length=arguments.max_length, steps=arguments.steps,
        resume=arguments.resume,
    )  # fmt: skip


if __name__ == "__main__":
    main()
