"""The quality gate: how far a backend's results may be from those of torch in float32."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import Self

from connector.documents.lexical_scores import lexical_scores

PAGE = 10
RECALL_DEPTH = 100
MOST_NDCG_LOST = 0.005
LEAST_OVERLAP, LEAST_TAU, LEAST_RECALL = 0.9, 0.9, 0.99
SHIPPED = "shipped"
"""The name of the data that `shipped_windows` returns."""


@dataclass(frozen=True)
class Window:
    """A question, passages, and a grade for each: above 0 is relevant."""

    query: str
    passages: Sequence[str]
    grades: Sequence[int]

    def in_lexical_order(self) -> Window:
        """Return the window with its passages in the order of the words that they share with the question."""
        scores = lexical_scores(self.query, self.passages)
        order = sorted(range(len(scores)), key=lambda place: -scores[place])
        return Window(self.query, [self.passages[at] for at in order], [self.grades[at] for at in order])


@dataclass(frozen=True)
class _Measured:
    """What was measured on some data; it is stored next to the artefact."""

    file: ClassVar[str]
    data: str

    def write(self, folder: Path) -> None:
        """Write it into an artefact's folder, which is made if need be."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / self.file).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return what was measured of the artefact in a folder; None if nothing was."""
        try:
            return cls(**json.loads((folder / cls.file).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


@dataclass(frozen=True)
class Agreement(_Measured):
    """A reranker's order in some backend compared with torch's in float32, mean over `windows` windows of `data`.

    `ndcg` and `ndcg_torch` are nDCG@10, `tau` is Kendall's tau-b, `overlap` the share of one's first ten that are among
    the other's.
    """

    file: ClassVar[str] = "gate.json"
    windows: int
    ndcg_torch: float
    ndcg: float
    tau: float
    overlap: float

    @property
    def ndcg_lost(self) -> float:
        """How much lower nDCG@10 is than torch's."""
        return self.ndcg_torch - self.ndcg

    def is_within(self, most_lost: float = MOST_NDCG_LOST) -> bool:
        """True if the loss is within the gate; on shipped windows, which are few, the orders must agree too."""
        agrees = self.tau >= LEAST_TAU and self.overlap >= LEAST_OVERLAP
        return self.ndcg_lost <= most_lost and (agrees or self.data != SHIPPED)


@dataclass(frozen=True)
class Recall(_Measured):
    """The share of torch's first hundred hits that an encoder's backend finds too, over `queries` queries of `data`."""

    file: ClassVar[str] = "recall.json"
    queries: int
    recall: float

    def is_within(self) -> bool:
        """True if the loss is within the gate."""
        return self.recall >= LEAST_RECALL


def compare(
    data: str,
    windows: Sequence[Window],
    torch_score: Callable[[str, Sequence[str]], ArrayLike],
    score: Callable[[str, Sequence[str]], ArrayLike],
) -> Agreement:
    """Score every window in torch and in another backend, and compare their orders.

    Args:
        data: the windows' name.
        windows: what to score.
        torch_score: scores a query's passages in torch.
        score: scores them in the other backend.

    Raises:
        ValueError: there are no windows.
    """
    if not windows:
        raise ValueError("there are no windows to measure on")
    rows = []
    for window in windows:
        reference, other = (np.asarray(each(window.query, window.passages)) for each in (torch_score, score))
        gains = np.asarray(window.grades, dtype=np.float64)
        rows.append([ndcg(reference, gains), ndcg(other, gains), tau(reference, other), overlap(reference, other)])
    means = np.mean(rows, axis=0).tolist()
    return Agreement(data, len(rows), *means)


def ndcg(scores: NDArray[np.floating], grades: NDArray[np.float64]) -> float:
    """Return nDCG@10 of the scores' order, with linear gains as in trec_eval; 0 if nothing is relevant."""
    gains = np.maximum(grades, 0)
    best = _dcg(np.sort(gains)[::-1])
    return _dcg(gains[np.argsort(-scores, kind="stable")]) / best if best else 0.0


def tau(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return Kendall's tau-b of two scores of the same passages; 1 if one of them gives all the same score."""
    from scipy.stats import kendalltau  # slow to import

    found = float(kendalltau(first, second).statistic)
    return 1.0 if math.isnan(found) else found


def overlap(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return the share of the first ten by one score that are among the first ten by the other."""
    tops = [set(np.argsort(-each, kind="stable")[:PAGE].tolist()) for each in (first, second)]
    return len(tops[0] & tops[1]) / max(len(tops[0]), 1)


def recall(reference: NDArray[np.float32], found: NDArray[np.float32], depth: int = RECALL_DEPTH) -> float:
    """Return the share of each query's first `depth` passages that another similarity finds too, mean over the queries.

    Of fewer than 400 passages only the first quarter is compared: a hundred would be nearly all of them.

    Args:
        reference: the similarities to compare with, (queries, passages).
        found: the other similarities, (queries, passages).
        depth: how many passages of each query are compared.
    """
    depth = min(depth, max(reference.shape[1] // 4, 1))
    tops = [np.argsort(-each, axis=1, kind="stable")[:, :depth] for each in (reference, found)]
    return float(np.mean([len(set(a) & set(b)) / depth for a, b in zip(*(top.tolist() for top in tops), strict=True)]))


def _dcg(gains: NDArray[np.float64]) -> float:
    first = gains[:PAGE]
    return float((first / np.log2(np.arange(2, len(first) + 2))).sum())
