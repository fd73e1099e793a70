"""What a reranker is trained and evaluated on: collections, broad pairs, lists of the dev splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from connector.models.folders import bundled_encoder
from training.breadth import read_breadth
from training.judged import Collection, make_candidates, read_collection, read_folder, thinned
from training.lists import JudgedLists, Lists, TrainingList
from training.minimal_pairs import generate_list

COLLECTIONS = {"feedbackqa": 0.18, "squad_dev": 0.12, "nq_qed": 0.06, "medquad": 0.12, "msrd_movies": 0.18}
BROAD_SHARE = 0.34
GENERATED = "generated"
_BROAD_PASSAGES = 500
DEV_COLLECTIONS = ("feedbackqa", "squad_dev", "medquad", "msrd_movies")
_DEV_PASSAGES, _DEV_GENERATED = 400, 40
DEV_LISTS = 16
_DEV_SEED = 5


L = TypeVar("L", bound=Lists, covariant=True)


@dataclass(frozen=True)
class Source(Generic[L]):
    """A collection to sample lists from, and its share of them; `broad` ones are made from plain text, not judged."""

    lists: L
    share: float
    broad: bool = False


@dataclass(frozen=True)
class Material(Generic[L]):
    """What to sample lists from, and the lists of the dev splits by name."""

    sources: Sequence[Source[L]]
    dev: Mapping[str, Sequence[TrainingList]]


def read_material(work: Path, *, dev_lists: int = DEV_LISTS) -> Material[JudgedLists]:
    """Return what the bundled reranker is trained on; vectors and broad text are cached in the work folder.

    Args:
        work: the work folder.
        dev_lists: how many lists of each dev split.

    Raises:
        OSError: a collection or a package is not available.
    """
    sources = [Source(_lists(read_collection(name, "train"), work), share) for name, share in COLLECTIONS.items()]
    broad = read_breadth(work)
    sizes = [min(len(each.questions), _BROAD_PASSAGES) for each in broad]
    sources += [
        Source(_lists(thinned(each, _BROAD_PASSAGES), work), BROAD_SHARE * size / sum(sizes), broad=True)
        for each, size in zip(broad, sizes, strict=True)
    ]
    return Material(sources, read_dev(work, lists=dev_lists))


def read_dev(work: Path, *, lists: int = DEV_LISTS, generated: int = _DEV_GENERATED) -> dict[str, list[TrainingList]]:
    """Return lists of the dev splits by name, and generated lists of words and patterns that training never uses.

    Raises:
        OSError: a collection is missing.
    """
    dev = {name: _sampled(read_collection(name, "dev"), work, lists) for name in DEV_COLLECTIONS}
    made = [generate_list(seed, held_out=True) for seed in range(generated)]
    return {**dev, GENERATED: [TrainingList(each.question, each.passages) for each in made]}


def read_own_material(folder: Path, work: Path) -> Material[JudgedLists]:
    """Return a folder in BEIR's layout: its qrels/train.tsv to train on, its qrels/dev.tsv, if any, to evaluate on.

    Raises:
        OSError: a file is missing.
        ValueError: it can't be read.
    """
    has_dev = (folder / "qrels" / "dev.tsv").is_file()
    dev = {"dev": _sampled(read_folder(folder, "dev"), work, DEV_LISTS)} if has_dev else {}
    return Material([Source(_lists(read_folder(folder, "train"), work), 1.0)], dev)


def _lists(collection: Collection, work: Path) -> JudgedLists:
    return JudgedLists(make_candidates(collection, bundled_encoder().folder, work))


def _sampled(collection: Collection, work: Path, count: int) -> list[TrainingList]:
    lists, rng = _lists(thinned(collection, _DEV_PASSAGES), work), np.random.default_rng(_DEV_SEED)
    return [lists.sample(rng) for _ in range(count)]
