"""Trains a reranker: `python -m training.train_reranker --work DIR` makes the bundled one.

DIR/export/best is the network that did best on the dev splits; DIR/curves.png shows its training.

`--network NAME --beir FOLDER` fine-tunes any cross-encoder on your own judgments: corpus.jsonl, queries.jsonl and
qrels/train.tsv (and dev.tsv, if you have one), in BEIR's format.
`--network FOLDER --teacher bundled --loss distil` turns a BERT-like encoder into a standard sequence-classification
model, which CrossEncoder and ONNX exporters load.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from connector.models.load import load_reranker
from training.curves import draw_curves
from training.lists import TrainingList
from training.loop import Recipe, Teacher, begin, train
from training.losses import LOSSES
from training.material import read_material, read_own_material
from training.networks import BUNDLED_START, start_network

STEPS = 900


def load_teacher(name: str) -> Teacher:
    """Return a reranker as a teacher.

    Raises:
        ModelNotFoundError: there is none of that name or path.
    """
    reranker = load_reranker(name)

    def teach(each: TrainingList) -> NDArray[np.float32]:
        return np.asarray(reranker.score(each.question, each.passages), dtype=np.float32)

    return teach


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for vectors, checkpoint, log and exports")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--network", default=BUNDLED_START, help="what to train: a reranker's name or path")
    parser.add_argument("--beir", type=Path, help="train on this folder's qrels/train.tsv and nothing else")
    parser.add_argument("--loss", choices=LOSSES, default=Recipe.loss)
    parser.add_argument("--teacher", help="a reranker whose scores replace the first stages'")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resume", action="store_true", help="resume from the work folder's checkpoint")
    return parser.parse_args()


def main() -> None:
    """Train, and plot the curves."""
    arguments = _arguments()
    work: Path = arguments.work
    begin(work, arguments.threads)
    material = read_own_material(arguments.beir, work) if arguments.beir else read_material(work)
    network = start_network(arguments.network, [each.lists.collection for each in material.sources])
    network.module.to("cuda" if torch.cuda.is_available() else "cpu")
    recipe = Recipe(arguments.loss, sampled=5, generated=0) if arguments.beir else Recipe(arguments.loss)
    teacher = load_teacher(arguments.teacher) if arguments.teacher else None
    looks = train(network, material, recipe, work, steps=arguments.steps, resume=arguments.resume, teacher=teacher)
    draw_curves(looks, work / "curves.png")


if __name__ == "__main__":
    main()
