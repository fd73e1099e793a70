"""Rankings: hits in the order of their scores, with ties broken the same way everywhere. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

Key = tuple[str, str]
"""A hit's identity: (`_index`, `_id`)."""


@dataclass(frozen=True)
class Ranking:
    """Hits in order: n distinct keys and their n float32 scores; the rank of `keys[i]` is i + 1."""

    keys: list[Key]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.keys)

    def head(self, window: int) -> Ranking:
        """Return the first `window` hits."""
        return Ranking(self.keys[:window], self.scores[:window])

    def above(self, min_score: float | None) -> Ranking:
        """Return the hits that score at least `min_score`; all of them if it is None."""
        return self if min_score is None else self.head(int((self.scores >= np.float32(min_score)).sum()))

    def where(self, is_kept: Sequence[bool]) -> Ranking:
        """Return the hits for which `is_kept`, n booleans, is true."""
        return Ranking(list(compress(self.keys, is_kept)), self.scores[np.array(is_kept, dtype=bool)])


def rank(keys: list[Key], scores: NDArray[np.floating[Any]]) -> Ranking:
    """Order hits by score, highest first; ties break on (`_index`, `_id`).

    Args:
        keys: n distinct keys, in any order.
        scores: their n scores.
    """
    if (scores[1:] < scores[:-1]).all():
        return Ranking(keys, scores.astype(np.float32, copy=False))
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    in_order = list(map(keys.__getitem__, order.tolist()))
    starts_tie = ordered[1:] == ordered[:-1]
    if starts_tie.any():
        padded = np.zeros(len(starts_tie) + 2, dtype=bool)
        padded[1:-1] = starts_tie
        edges = np.flatnonzero(padded[1:] != padded[:-1]).tolist()
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            if end - start > 1:
                in_order[start : end + 1] = sorted(in_order[start : end + 1])
            elif in_order[end] < in_order[start]:
                in_order[start], in_order[end] = in_order[end], in_order[start]
    return Ranking(in_order, ordered.astype(np.float32, copy=False))


def leveled(scores: NDArray[np.float32], ulps: int) -> NDArray[np.float32]:
    """Raise each score to the one before it if they differ only by noise.

    Args:
        scores: (n,), highest first.
        ulps: the greatest difference that is noise, in units in the last place; 0 changes nothing.
    """
    if len(scores) < 2 or ulps == 0:
        return scores
    is_lower = scores[:-1] - scores[1:] > ulps * np.spacing(np.abs(scores[:-1]))
    firsts = np.maximum.accumulate(np.where(np.concatenate([[True], is_lower]), np.arange(len(scores)), 0))
    level: NDArray[np.float32] = scores[firsts]
    return level
