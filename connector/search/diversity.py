"""Hits that are not like one another. Pure; comes in from `search`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TIE = 1e-9
"""Gains closer than this are equal: what two equal cosines differ by is rounding."""


def mmr(relevance: NDArray[np.floating], vectors: NDArray[np.floating], weight: float, count: int) -> NDArray[np.intp]:
    """Choose hits by Maximal Marginal Relevance: each time the hit d of the greatest
    weight x relevance(d) - (1 - weight) x its greatest cosine to a hit that is chosen.

    Args:
        relevance: (n,), higher is better, on the cosine's scale.
        vectors: (n, dims); a row of zeros is like no other.
        weight: Elastic's `lambda`: 1 is relevance alone, 0 likeness alone.
        count: how many to choose.

    Returns:
        Their places, ascending: the order that the hits came in. Of equal hits the earlier one is chosen.

    Source: Carbonell and Goldstein, SIGIR 1998.
    """
    left = np.ones(len(relevance), dtype=bool)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, lengths, out=np.zeros_like(vectors, dtype=np.float64), where=lengths > 0)
    likeness = np.full(len(relevance), -np.inf)
    for _ in range(min(count, len(relevance))):
        penalty = np.where(np.isinf(likeness), 0.0, likeness)
        gain = np.where(left, weight * relevance - (1 - weight) * penalty, -np.inf)
        chosen = int((gain >= gain.max() - _TIE).argmax())
        left[chosen] = False
        likeness = np.maximum(likeness, unit @ unit[chosen])
    return np.flatnonzero(~left)
