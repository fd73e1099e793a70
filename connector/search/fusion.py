"""Fusing rankings: numpy in, numpy out, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, compress
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from connector.request.retrievers import Normalizer, RescoreQuery, ScoreMode

Key = tuple[str, str]
"""A hit's identity: (`_index`, `_id`)."""

_EQUAL = 1e-6
_COMBINED: dict[ScoreMode, Callable[[Any, Any], Any]] = {
    "total": np.add,
    "multiply": np.multiply,
    "avg": lambda own, other: (own + other) / 2,
    "max": np.maximum,
    "min": np.minimum,
}
_UNREAD = -1e6


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
        """Return the hits before the first that scores less; all of them without a `min_score`."""
        return self if min_score is None else self.head(int((self.scores >= np.float32(min_score)).sum()))

    def where(self, is_kept: Sequence[bool]) -> Ranking:
        """Return the hits that are kept, n booleans."""
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
    """Return each score that is at most so many units in the last place below the one before it that one's score.

    Args:
        scores: (n,), highest first.
        ulps: how much is noise.
    """
    if len(scores) < 2 or ulps == 0:
        return scores
    is_lower = scores[:-1] - scores[1:] > ulps * np.spacing(np.abs(scores[:-1]))
    firsts = np.maximum.accumulate(np.where(np.concatenate([[True], is_lower]), np.arange(len(scores)), 0))
    level: NDArray[np.float32] = scores[firsts]
    return level


def rrf(rankings: Sequence[Ranking], *, rank_constant: int = 60, weights: Sequence[float] | None = None) -> Ranking:
    """Fuse rankings by Reciprocal Rank Fusion: score(d) = sum of w_i / (rank_constant + rank_i(d)), ranks from 1.

    Ties are broken by (index, id), so that the result never depends on the order of the legs.

    Args:
        rankings: one for each leg; an empty one adds nothing.
        rank_constant: how much the first ranks stand out; at least 1.
        weights: one for each ranking, not normalised; 1.0 each when left out.

    Returns:
        Every hit of any leg, with its float32 score.

    Raises:
        ValueError: rank_constant below 1, or another number of weights than of rankings.

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
        rankings: one for each leg; an empty one adds nothing.
        weights: one for each ranking; 1.0 each when left out.
        normalizers: one for each ranking, see `normalized`; "none" each when left out.

    Returns:
        Every hit of any leg, with its float32 score; a leg that lacks a hit adds 0 (zscore: its lowest).

    Raises:
        ValueError: another number of weights or normalizers than of rankings, or an unknown normalizer.

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

    - `none`: as they are.
    - `minmax`: (s - min) / (max - min); the raw scores where all are equal, as with one hit alone (as Elastic's).
    - `l2_norm`: s / the square root of the sum of all s squared; all zeros stay.
    - `zscore`: (s - mean) / standard deviation; all equal are 0.
    - `dbsf`: (s - (mean - 3 sd)) / (6 sd), cut to 0 and 1; all equal are 0.5.

    Args:
        scores: (n,).
        how: the name.

    Raises:
        ValueError: an unknown name.

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
    """Add up what each ranking gives each of its hits, `missing` for those it lacks, and order by the sum.

    The sum is taken in an order of its own, so that it does not depend on the order of the rankings.
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
    """Round to float32; what is out of its range, as a weighted pin's score may be, becomes its greatest or least."""
    most = np.finfo(np.float32).max
    scores: NDArray[np.float32] = np.clip(values, -most, most).astype(np.float32)
    return scores


def rescored(ranking: Ranking, found: Mapping[Key, float], how: RescoreQuery) -> Ranking:
    """Combine each hit's score with what another query gave it, and order by that; ties by (index, id).

    Args:
        ranking: the hits.
        found: the other query's scores; a hit that it does not match keeps query_weight x its own.
        how: the weights, and the way to combine.

    Source: Elasticsearch's query rescorer.
    """
    own = _weighted(ranking.scores, how.query_weight)
    matched = np.array([key in found for key in ranking.keys], dtype=bool)
    other = np.array([found.get(key, 0.0) for key in ranking.keys], dtype=np.float32)
    combined = _COMBINED[how.score_mode](own, _weighted(other, how.rescore_query_weight))
    return rank(ranking.keys, _as_scores(np.where(matched, combined, own)))


def _weighted(scores: NDArray[np.float32], weight: float) -> NDArray[np.float64]:
    """Multiply as float32 does, and keep room for what is added next."""
    return _as_scores(scores.astype(np.float64) * np.float64(np.float32(weight))).astype(np.float64)


def probabilities(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Map a calibrated reranker's logits to probabilities of relevance: 1 / (1 + e^-logit)."""
    return 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -700, 700)))


def blend(ranking: Ranking, logits: NDArray[np.float32], weight: float) -> Ranking:
    """Order a ranking by blended(d) = weight x logit(d) - (1 - weight) x 2 ln rank(d), ranks from 1.

    The rank is one more witness, heard in log-odds as the reranker is. Equal hits stay in the ranking's order.

    Args:
        ranking: the fused hits, in their order.
        logits: the reranker's raw score of each; -inf for one that it has not read.
        weight: 0 keeps the fused order, 1 is the reranker's.

    Returns:
        The same hits; their scores are the probabilities of the blended log-odds.

    Raises:
        ValueError: a weight outside 0 and 1.
    """
    if not 0 <= weight <= 1:
        raise ValueError(f"weight: {weight}: must be between 0 and 1")
    read = np.maximum(logits.astype(np.float64), _UNREAD)
    blended = weight * read - (1 - weight) * 2 * np.log(np.arange(1, len(ranking) + 1))
    order = np.argsort(-blended, kind="stable")
    keys = list(map(ranking.keys.__getitem__, order.tolist()))
    return Ranking(keys, probabilities(blended[order]).astype(np.float32))
