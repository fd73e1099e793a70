"""The lists a reranker is trained on: a question, one right passage and seven wrong ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training.judged import Candidates, Collection
from training.minimal_pairs import LIST_SIZE, generate_list

NEGATIVE_DEPTH = 50
COSINE_SCALE, BM25_SCALE = 20.0, 0.2
LONG_QUESTION_SHARE = 0.15
_TOP = 20


@dataclass(frozen=True)
class TrainingList:
    """A question, eight passages (the first is right) and the first stages' logits, which generated lists lack.

    A student's list has all passages that its teacher scored, the teacher's first one first, and the teacher's logits.
    """

    question: str
    passages: list[str]
    teacher: NDArray[np.float32] | None = None


class Lists(Protocol):
    """What lists are sampled from."""

    def sample(self, rng: np.random.Generator) -> TrainingList:
        """Return one list."""


class JudgedLists:
    """Samples lists from a collection.

    A negative is drawn in proportion to how often its passage is a positive divided by how often it is a candidate, so
    a passage's popularity tells the model nothing.
    A share of the questions consists of several of one passage's questions joined, for needs as long as an abstract.
    A question with fewer than seven wrong candidates is never drawn.

    Raises:
        ValueError: no question has seven wrong candidates.
    """

    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates
        collection = candidates.collection
        positive = np.zeros(len(collection.passages))
        candidate = np.zeros(len(collection.passages))
        self._questions_of: dict[int, list[int]] = {}
        for row, positives in enumerate(collection.positives):
            positive[list(positives)] += 1
            candidate[candidates.fused[row][:NEGATIVE_DEPTH]] += 1
            for position in positives:
                self._questions_of.setdefault(position, []).append(row)
        self._weight = positive / np.maximum(candidate, 1)
        self._asked = [row for row in range(len(collection.questions)) if len(self._wrong([row])) >= LIST_SIZE - 1]
        if not self._asked:
            raise ValueError(
                f"{collection.name}: none of its {len(collection.questions)} questions with a right passage has "
                f"{LIST_SIZE - 1} wrong candidates among {len(collection.passages)} passages; a list needs as many: "
                "add passages to the collection"
            )

    @property
    def collection(self) -> Collection:
        """The collection that the lists are drawn from."""
        return self._candidates.collection

    def sample(self, rng: np.random.Generator) -> TrainingList:
        """Return one list."""
        collection = self._candidates.collection
        row = self._asked[int(rng.integers(len(self._asked)))]
        right = collection.positives[row][int(rng.integers(len(collection.positives[row])))]
        rows, wrong = [row], self._wrong([row])
        others = [other for other in self._questions_of[right] if other != row]
        if others and rng.random() < LONG_QUESTION_SHARE:
            joined = [row, *(int(other) for other in rng.permutation(others)[:3])]
            left = self._wrong(joined)
            if len(left) >= LIST_SIZE - 1:
                rows, wrong = joined, left
        pool = np.array(wrong)
        weight = self._weight[pool] + 1e-6
        negatives = rng.choice(pool, size=LIST_SIZE - 1, replace=False, p=weight / weight.sum())
        positions = [right, *(int(position) for position in negatives)]
        question_vector = self._candidates.question_vectors[rows].mean(axis=0)
        question_vector /= np.linalg.norm(question_vector)
        return TrainingList(
            question=" ".join(collection.questions[each] for each in rows),
            passages=[collection.passages[position] for position in positions],
            teacher=COSINE_SCALE * (self._candidates.passage_vectors[positions] @ question_vector)
            + BM25_SCALE * self._candidates.lexical[rows][:, positions].toarray().sum(axis=0).astype(np.float32),
        )

    def _wrong(self, rows: Sequence[int]) -> list[int]:
        """Return the first question's candidates that answer none of the questions, deeper ones if too few."""
        positives = {position for row in rows for position in self._candidates.collection.positives[row]}
        window = self._candidates.fused[rows[0]].tolist()
        near = [position for position in window[:NEGATIVE_DEPTH] if position not in positives]
        deeper = [position for position in window[NEGATIVE_DEPTH:] if position not in positives]
        return near + deeper[: max(LIST_SIZE - 1 - len(near), 0)]

    def sample_window(self, rng: np.random.Generator, size: int) -> TrainingList:
        """Return one question with candidates of its window in random order, top ones more often, without judgments.

        Args:
            rng: draws.
            size: how many passages; the window must have as many.
        """
        collection, row = self._candidates.collection, int(rng.integers(len(self._candidates.collection.questions)))
        window = self._candidates.fused[row]
        weight = 1 / (_TOP + np.arange(len(window)))
        drawn = rng.choice(window, size=size, replace=False, p=weight / weight.sum())
        return TrainingList(collection.questions[row], [collection.passages[int(position)] for position in drawn])


def make_batch(
    step: int, seed: int, judged: Sequence[Lists], shares: Sequence[float], *, sampled: int, generated: int
) -> list[TrainingList]:
    """Return a step's lists, which depend only on the step and the seed, so training resumes where it stopped."""
    rng = np.random.default_rng([seed, step])
    sources = rng.choice(len(judged), size=sampled, p=np.array(shares) / sum(shares))
    lists = [judged[int(source)].sample(rng) for source in sources]
    for place in range(generated):
        made = generate_list(step * generated + place)
        lists.append(TrainingList(made.question, made.passages))
    return lists
