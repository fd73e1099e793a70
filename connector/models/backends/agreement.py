"""The quality gate: how far a backend's order is from torch's in float32, on windows of passages.

Where nobody gives judged windows of their own, those are made of the questions that ship with the package and this
Python's own documentation of what answers them.
"""

from __future__ import annotations

import inspect
import json
import math
import pkgutil
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from connector.models.backends.artefacts import GATE, RECALL
from connector.resources import resource

PAGE = 10
MOST_NDCG_LOST = 0.005
LEAST_OVERLAP, LEAST_TAU, LEAST_RECALL = 0.9, 0.9, 0.99
SHIPPED = "shipped"
_QUESTIONS, _WINDOW, _LONGEST_CHARACTERS = 24, 16, 1_200
_TRUSTED = re.compile(r"[A-Za-z_][\w.]*")


@dataclass(frozen=True)
class Window:
    """A question, passages, and a grade for each: above 0 is relevant."""

    query: str
    passages: Sequence[str]
    grades: Sequence[int]


@dataclass(frozen=True)
class Agreement:
    """What a backend's order is worth beside torch's in float32, mean over `windows` windows of `data`.

    `ndcg` and `ndcg_torch` are nDCG@10, `tau` Kendall's tau-b, `overlap` the share of one's first ten in the other's.
    """

    data: str
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

    def keep(self, folder: Path) -> None:
        """Write it beside the artefact."""
        (folder / GATE).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Recall:
    """The share of torch's own first hundred that an encoder's backend still finds, over `queries` of `data`."""

    data: str
    queries: int
    recall: float

    def is_within(self) -> bool:
        """True if the loss is within the gate."""
        return self.recall >= LEAST_RECALL

    def keep(self, folder: Path) -> None:
        """Write it beside the artefact."""
        (folder / RECALL).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def kept_recall(folder: Path) -> Recall | None:
    """Return what was measured of an encoder's artefact; None where nothing was."""
    try:
        return Recall(**json.loads((folder / RECALL).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def kept_agreement(folder: Path) -> Agreement | None:
    """Return what was measured of an artefact; None where nothing was."""
    try:
        return Agreement(**json.loads((folder / GATE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def measured(
    data: str,
    windows: Sequence[Window],
    torch_score: Callable[[str, Sequence[str]], ArrayLike],
    score: Callable[[str, Sequence[str]], ArrayLike],
) -> Agreement:
    """Score every window with both, and compare.

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
    """Return nDCG@10 of the order of the scores, gains linear, as trec_eval has it; 0 where nothing is relevant."""
    gains = np.maximum(grades, 0)
    best = _dcg(np.sort(gains)[::-1])
    return _dcg(gains[np.argsort(-scores, kind="stable")]) / best if best else 0.0


def tau(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return Kendall's tau-b of two scores of the same passages; 1 where one of them doesn't order anything."""
    from scipy.stats import kendalltau  # slow to import

    found = float(kendalltau(first, second).statistic)
    return 1.0 if math.isnan(found) else found


def overlap(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return the share of the first ten by one score that are among the first ten by the other."""
    tops = [set(np.argsort(-each, kind="stable")[:PAGE].tolist()) for each in (first, second)]
    return len(tops[0] & tops[1]) / max(len(tops[0]), 1)


def shipped_windows(questions: int = _QUESTIONS) -> list[Window]:
    """Return windows of the shipped questions: what answers one, and the passages that share most words with it."""
    grades: dict[str, dict[str, int]] = {}
    for line in resource("examples/stdlib/qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query_id, name, grade = line.split("\t")
        grades.setdefault(query_id, {})[name] = int(grade)
    texts = {name: text for each in grades.values() for name in each if (text := _documentation(name))}
    words = {name: _words(text) for name, text in texts.items()}
    windows: list[Window] = []
    for line in resource("examples/stdlib/questions.jsonl").read_text(encoding="utf-8").splitlines():
        question = json.loads(line)
        judged = {name: grade for name, grade in grades.get(question["_id"], {}).items() if name in texts}
        if any(grade > 0 for grade in judged.values()) and len(windows) < questions:
            windows.append(_window(question["text"], judged, texts, words))
    return windows


def _window(
    query: str, judged: Mapping[str, int], texts: Mapping[str, str], words: Mapping[str, frozenset[str]]
) -> Window:
    asked = _words(query)
    near = sorted((name for name in texts if name not in judged), key=lambda name: (-len(asked & words[name]), name))
    names = [*judged, *near[: max(_WINDOW - len(judged), 0)]]
    return Window(query, [texts[name] for name in names], [judged.get(name, 0) for name in names])


def _documentation(name: str) -> str:
    """Return what Python says of an object of its library, "" where it says nothing or isn't there."""
    if not _TRUSTED.fullmatch(name):
        return ""
    try:
        text = inspect.getdoc(pkgutil.resolve_name(name)) or ""
    except (ImportError, AttributeError, ValueError):
        return ""
    return f"{name}\n{text[:_LONGEST_CHARACTERS]}" if text else ""


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w{3,}", text.lower()))


def _dcg(gains: NDArray[np.float64]) -> float:
    first = gains[:PAGE]
    return float((first / np.log2(np.arange(2, len(first) + 2))).sum())
