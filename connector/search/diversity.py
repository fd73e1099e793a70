"""Maximal Marginal Relevance: hits that are relevant and unlike one another. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TIE = 1e-9
"""Gains that differ by less are equal: equal cosines differ by rounding."""


def mmr(relevance: NDArray[np.floating], vectors: NDArray[np.floating], weight: float, count: int) -> NDArray[np.intp]:
    """Choose hits by Maximal Marginal Relevance.

    Each step chooses the hit d with the greatest weight x relevance(d) - (1 - weight) x (its greatest cosine with a
    hit already chosen); of equal hits, the first.

    Args:
        relevance: (n,), higher is better, on the scale of cosines.
        vectors: (n, dims); a row of zeros is like no other.
        weight: Elastic's `lambda`: 1 counts only relevance, 0 only dissimilarity.
        count: how many hits to choose.

    Returns:
        The places of the chosen hits, ascending.

    Source: Carbonell and Goldstein, SIGIR 1998.
    """
    left = np.ones(len(relevance), dtype=bool)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, lengths, out=np.zeros_like(vectors, dtype=np.float64), where=lengths > 0)
    similarity = np.full(len(relevance), -np.inf)
    for _ in range(min(count, len(relevance))):
        penalty = np.where(np.isinf(similarity), 0.0, similarity)
        gain = np.where(left, weight * relevance - (1 - weight) * penalty, -np.inf)
        chosen = int((gain >= gain.max() - _TIE).argmax())
        left[chosen] = False
        similarity = np.maximum(similarity, unit @ unit[chosen])
    return np.flatnonzero(~left)
