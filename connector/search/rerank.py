"""A ranking put into a cross-encoder's order, by one passage per hit or by its best one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connector.models.texts import checked_scores, each_once
from connector.request.retrievers import TextSimilarityReranker
from connector.search.best_passages import Candidate, candidates
from connector.search.context import SearchContext
from connector.search.degradations import Degradation, DegradationCode, rerank_code
from connector.search.fusion import blend
from connector.search.needs import Compute, Flow, Score, Shorten
from connector.search.plan import Leg
from connector.search.ranking import Ranking, rank

_LOGGER = "connector.rerank"


def reranked(
    retriever: TextSimilarityReranker, passages: Leg | None, ranking: Ranking, context: SearchContext
) -> Flow[Ranking]:
    """Put the hits into the reranker's order; those without text follow in their original order, with score 0.

    With `blend`, a hit without text is scored by its fused rank only. This is the one place that catches any failure:
    a search never fails because of the reranker.

    Args:
        retriever: which reranker reads which text.
        passages: the leg whose inner hits are the passages; None if the reranker reads the hits themselves.
        ranking: the hits to order.
        context: the search; its provenance gets the scores, and which passages they are from.
    """
    provenance = context.provenance
    try:
        found = yield Compute(lambda: [candidates(retriever, context.hits[key], passages) for key in ranking.keys])
        pairs = [(place, each) for place, of_hit in enumerate(found) for each in of_hit]
        if not pairs:
            if len(ranking):
                what = f"not reranked: no hit has text in {', '.join(retriever.fields)}"
                provenance.degrade(Degradation(DegradationCode.NO_TEXT, what, _LOGGER))
            return ranking
        texts = yield from _texts(retriever, [candidate for _, candidate in pairs])
        once, places = each_once(texts)
        model, raw = yield Score(retriever.inference_text, once, retriever.inference_id)
        raw = checked_scores(raw, len(once), model)[places]
    except Exception as error:
        if not retriever.allow_rerank_failures:
            raise
        provenance.degrade(Degradation(rerank_code(error), "not reranked", _LOGGER, error))
        return ranking
    provenance.model = model
    provenance.depth += len(pairs)
    read, scores, best = _by_hit(pairs, raw, retriever)
    keys = [ranking.keys[place] for place in read]
    provenance.reranked = dict(zip(keys, scores.tolist(), strict=True))
    provenance.passages = {key: passage for key, passage in zip(keys, best, strict=True) if passage}
    if retriever.blend is not None:
        all_scores = np.full(len(ranking), -np.inf, dtype=np.float32)
        all_scores[read] = scores
        return blend(ranking, all_scores, retriever.blend).above(retriever.min_score)
    scored = rank(keys, scores)  # by the raw scores: normalized ones underflow below -100
    unread = [key for key, of_hit in zip(ranking.keys, found, strict=True) if not of_hit]
    final = np.concatenate([normalized_rerank_scores(scored.scores), np.zeros(len(unread), np.float32)])
    return Ranking(scored.keys + unread, final).above(retriever.min_score)


def _texts(retriever: TextSimilarityReranker, read: Sequence[Candidate]) -> Flow[list[str]]:
    """Return the texts to read, with fields cut to their shares of the model's tokens if there are shares."""
    if retriever.field_shares is None:
        return [candidate.text for candidate in read]
    shortened: Sequence[Mapping[str, Any]] = yield Shorten(
        retriever.inference_text,
        [candidate.source for candidate in read],
        retriever.fields,
        retriever.field_shares,
        retriever.inference_id,
    )
    return [retriever.passage(source) for source in shortened]


def _by_hit(
    pairs: Sequence[tuple[int, Candidate]], raw: NDArray[np.float32], retriever: TextSimilarityReranker
) -> tuple[list[int], NDArray[np.float32], list[dict[str, Any]]]:
    """Return the places of the hits that were read, their raw scores, and the provenance of their best passages."""
    adds = retriever.chunk_rescorer is not None and retriever.chunk_rescorer.score_mode == "sum"
    read, scores, best = [], [], []
    for place, group in groupby(range(len(pairs)), key=lambda at: pairs[at][0]):
        rows = list(group)
        first = max(rows, key=lambda at: (raw[at], -at))
        passage = pairs[first][1].provenance
        read.append(place)
        scores.append(summed(raw[rows]) if adds else float(raw[first]))
        best.append({**passage, "rerank_score": float(raw[first])} if passage else {})
    return read, np.array(scores, dtype=np.float32), best


def summed(raw: NDArray[np.float32]) -> float:
    """Return the raw score whose normalized score is the sum of the normalized scores of these."""
    total = float(normalized_rerank_scores(raw).sum(dtype=np.float64))
    if total >= 1:
        return total - 1
    return float(np.logaddexp.reduce(raw.astype(np.float64)))  # log of the sum, also if e^s underflows


def normalized_rerank_scores(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    """Map raw scores to positive ones in the same order: max(s, 0) + min(e^s, 1).

    Source: Elasticsearch's text_similarity_reranker.
    """
    positive: NDArray[np.float32] = np.maximum(raw, 0) + np.minimum(np.exp(np.minimum(raw, 0)), 1)
    return positive.astype(np.float32)
