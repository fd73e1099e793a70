"""Fusion of rankings, and of a ranking with other scores. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from connector.request.rescoring import RescoreQuery, ScoreMode
from connector.request.retrievers import Normalizer
from connector.search.ranking import Key, Ranking, rank

_EQUAL = 1e-6
_LARGEST = float(np.finfo(np.float32).max)
_COMBINED: dict[ScoreMode, Callable[[Any, Any], Any]] = {
    "total": np.add,
    "multiply": np.multiply,
    "avg": lambda own, other: (own + other) / 2,
    "max": np.maximum,
    "min": np.minimum,
}
_UNREAD = -1e6


def rrf(rankings: Sequence[Ranking], *, rank_constant: int = 60, weights: Sequence[float] | None = None) -> Ranking:
    """Fuse rankings by Reciprocal Rank Fusion: score(d) = sum of w_i / (rank_constant + rank_i(d)), ranks from 1.

    Ties are broken by (index, id), so that the result never depends on the order of the legs.

    Args:
        rankings: one per leg; an empty one adds nothing.
        rank_constant: dampens the advantage of the first ranks; at least 1.
        weights: one per ranking, not normalized; by default 1.0 each.

    Returns:
        Every hit of any leg, with its float32 score.

    Raises:
        ValueError: rank_constant is below 1, or the number of weights is not that of rankings.

    Source: Cormack, Clarke and Buettcher, SIGIR 2009.
    """
    if rank_constant < 1:
        raise ValueError(f"rank_constant: {rank_constant}: must be at least 1")
    weights = [1.0] * len(rankings) if weights is None else weights
    if len(weights) != len(rankings):
        raise ValueError(f"weights: {len(weights)} of them for {len(rankings)} rankings: give one for each")
    values = [
        weight / (rank_constant + np.arange(1, len(ranking) + 1))
        for ranking, weight in zip(rankings, weights, strict=True)
    ]
    return _summed(rankings, values, [0.0] * len(rankings))


def linear(
    rankings: Sequence[Ranking],
    *,
    weights: Sequence[float] | None = None,
    normalizers: Sequence[Normalizer] | None = None,
) -> Ranking:
    """Fuse rankings by a weighted sum of their scores: score(d) = sum of w_i x normalized_i(d).

    Args:
        rankings: one per leg; an empty one adds nothing.
        weights: one per ranking; by default 1.0 each.
        normalizers: one per ranking, see `normalized`; by default "none" each.

    Returns:
        Every hit of any leg, with its float32 score; a leg without the hit adds 0 (with zscore, its lowest score).

    Raises:
        ValueError: the number of weights or normalizers is not that of rankings, or a normalizer is unknown.

    Source: Elasticsearch's `linear` retriever.
    """
    weights = [1.0] * len(rankings) if weights is None else weights
    normalizers = ["none"] * len(rankings) if normalizers is None else normalizers
    if not len(weights) == len(normalizers) == len(rankings):
        raise ValueError(
            f"{len(weights)} weights and {len(normalizers)} normalizers for {len(rankings)} rankings: give one for each"
        )
    scores = [normalized(ranking.scores, how) for ranking, how in zip(rankings, normalizers, strict=True)]
    values = [weight * each for weight, each in zip(weights, scores, strict=True)]
    missing = [
        float(value.min()) if how == "zscore" and len(value) else 0.0
        for value, how in zip(values, normalizers, strict=True)
    ]
    return _summed(rankings, values, missing)


def normalized(scores: NDArray[np.float32], how: Normalizer) -> NDArray[np.float64]:
    """Map the scores of one ranking to a scale that can be added to another's.

    - `none`: unchanged.
    - `minmax`: (s - min) / (max - min); unchanged if all are equal, for example a single hit (as in Elastic's).
    - `l2_norm`: s / the square root of the sum of all s squared; zeros stay zeros.
    - `zscore`: (s - mean) / standard deviation; 0 if all are equal.
    - `dbsf`: (s - (mean - 3 sd)) / (6 sd), clipped to 0 and 1; 0.5 if all are equal.

    Args:
        scores: (n,).
        how: the normalizer's name.

    Raises:
        ValueError: the name is unknown.

    Source: Elasticsearch's score normalizers for the first three; Mazzeschi, 2023 (distribution-based score fusion).
    """
    values = scores.astype(np.float64)
    if not len(values) or how == "none":
        return values
    if how == "minmax":
        spread = values.max() - values.min()
        return values if spread < _EQUAL else (values - values.min()) / spread
    if how == "l2_norm":
        length = float(np.sqrt((values**2).sum()))
        return values if length < _EQUAL else values / length
    deviation = float(values.std())
    if how == "zscore":
        return np.zeros_like(values) if deviation < _EQUAL else (values - values.mean()) / deviation
    if how == "dbsf":
        if deviation < _EQUAL:
            return np.full_like(values, 0.5)
        lowest = values.mean() - 3 * deviation
        shares: NDArray[np.float64] = np.clip((values - lowest) / (6 * deviation), 0, 1)
        return shares
    raise ValueError(f"normalizer: {how!r}: must be one of {', '.join(get_args(Normalizer))}")


def _summed(rankings: Sequence[Ranking], values: Sequence[NDArray[np.float64]], missing: Sequence[float]) -> Ranking:
    """Add up the value of each hit in each ranking, `missing` for hits that a ranking lacks, and order by the sum.

    Values are added in sorted order, so that the sum does not depend on the order of the rankings.
    """
    total = sum(len(ranking) for ranking in rankings)
    first_seen: dict[Key, int] = {}
    keys = chain.from_iterable(ranking.keys for ranking in rankings)
    place = np.fromiter(map(first_seen.setdefault, keys, range(total)), np.intp, total)
    parts = np.zeros((len(rankings), total))
    start = 0
    for part, value, absent in zip(parts, values, missing, strict=True):
        if absent:
            part[:] = absent
        part[place[start : start + len(value)]] = value
        start += len(value)
    if len(rankings) > 2:
        parts.sort(axis=0)
    sums = parts.sum(axis=0)[np.fromiter(first_seen.values(), np.intp, len(first_seen))]
    return rank(list(first_seen), _as_scores(sums))


def _as_scores(values: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Round to float32; scores out of its range, such as a weighted pin's, become its greatest or least number."""
    scores: NDArray[np.float32] = values.clip(-_LARGEST, _LARGEST).astype(np.float32)
    return scores


def rescored(ranking: Ranking, found: Mapping[Key, float], how: RescoreQuery) -> Ranking:
    """Combine each hit's score with that of another query, and order by the result; ties break on (index, id).

    Args:
        ranking: the hits.
        found: the other query's scores; the score of a hit that it does not match is query_weight x its own.
        how: the weights and the score mode.

    Source: Elasticsearch's query rescorer.
    """
    own = _weighted(ranking.scores, how.query_weight)
    matched = np.array([key in found for key in ranking.keys], dtype=bool)
    other = np.array([found.get(key, 0.0) for key in ranking.keys], dtype=np.float32)
    combined = _COMBINED[how.score_mode](own, _weighted(other, how.rescore_query_weight))
    return rank(ranking.keys, _as_scores(np.where(matched, combined, own)))


def _weighted(scores: NDArray[np.float32], weight: float) -> NDArray[np.float64]:
    """Multiply in float32, and return float64 so that the next addition can't overflow."""
    return _as_scores(scores.astype(np.float64) * np.float64(np.float32(weight))).astype(np.float64)


def probabilities(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Map a calibrated reranker's logits to probabilities of relevance: 1 / (1 + e^-logit)."""
    return 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -700, 700)))


def blend(ranking: Ranking, logits: NDArray[np.float32], weight: float) -> Ranking:
    """Order a ranking by blended(d) = weight x logit(d) - (1 - weight) x 2 ln rank(d), ranks from 1.

    The rank is one more piece of evidence, in log-odds like the reranker's. Equal hits stay in the ranking's order.

    Args:
        ranking: the fused hits, in their order.
        logits: the reranker's raw score of each hit; -inf for a hit that it has not read.
        weight: 0 keeps the fused order, 1 is the reranker's.

    Returns:
        The same hits; their scores are the probabilities of the blended log-odds.

    Raises:
        ValueError: the weight is not between 0 and 1.
    """
    if not 0 <= weight <= 1:
        raise ValueError(f"weight: {weight}: must be between 0 and 1")
    read = np.maximum(logits.astype(np.float64), _UNREAD)
    blended = weight * read - (1 - weight) * 2 * np.log(np.arange(1, len(ranking) + 1))
    order = np.argsort(-blended, kind="stable")
    keys = list(map(ranking.keys.__getitem__, order.tolist()))
    return Ranking(keys, probabilities(blended[order]).astype(np.float32))
