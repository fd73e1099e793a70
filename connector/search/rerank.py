"""A ranking put into a cross-encoder's order, by one passage per hit or by its best one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connector.errors import DeadlineError
from connector.models.stopping import Stop
from connector.models.texts import checked_scores, each_once
from connector.request.retrievers import TextSimilarityReranker
from connector.search.best_passages import Candidate, candidates
from connector.search.context import SearchContext
from connector.search.degradations import Degradation, DegradationCode, rerank_code
from connector.search.fusion import blend
from connector.search.needs import Compute, Flow, Score, Scored, Shorten
from connector.search.plan import Leg
from connector.search.provenance import Reranked
from connector.search.ranking import Ranking, rank

_LOGGER = "connector.rerank"


def reranked(
    retriever: TextSimilarityReranker, passages: Leg | None, ranking: Ranking, context: SearchContext
) -> Flow[Ranking]:
    """Put the hits into the reranker's order; those without text follow in their original order, with score 0.

    Hits that the budget leaves no time for follow in their fused order too. With `blend`, such hits are scored by their
    fused rank only. This is the one place that catches any failure: a search never fails because of the reranker.

    Args:
        retriever: which reranker reads which text.
        passages: the leg whose inner hits are the passages; None if the reranker reads the hits themselves.
        ranking: the hits to order.
        context: the search; its provenance gets the scores, and which passages they are from.
    """
    provenance, stop, budget_ms = context.provenance, context.stop_of(retriever), context.budget_of(retriever)
    pairs: list[tuple[int, Candidate]] = []
    try:
        found = yield Compute(lambda: [candidates(retriever, context.hits[key], passages) for key in ranking.keys])
        pairs = [(place, each) for place, of_hit in enumerate(found) for each in of_hit]
        if not pairs:
            if len(ranking):
                what = f"not reranked: no hit has text in {', '.join(retriever.fields)}"
                provenance.degrade(Degradation(DegradationCode.NO_TEXT, what, _LOGGER))
            return ranking
        texts = yield from _texts(retriever, [candidate for _, candidate in pairs], stop)
        scored, places = yield from _scored(retriever, texts, stop)
    except Exception as error:
        if not retriever.allow_rerank_failures:
            raise
        code = rerank_code(error)
        provenance.degrade(Degradation(code, "not reranked", _LOGGER, error))
        provenance.rerank = Reranked(len(pairs), 0, budget_ms, stopped_by=code.value)
        return ranking
    is_read = np.ones(len(places), dtype=bool) if scored.read is None else scored.read[places]
    provenance.note_rerank(scored, Reranked(len(pairs), int(is_read.sum()), budget_ms), stop)
    read_pairs = [pair for pair, was_read in zip(pairs, is_read, strict=True) if was_read]
    if not read_pairs:
        provenance.degrade(Degradation(DegradationCode.DEADLINE, "not reranked: the budget was spent before", _LOGGER))
        return ranking
    read, scores, best = _by_hit(read_pairs, scored.scores[places][is_read], retriever)
    keys = [ranking.keys[place] for place in read]
    provenance.reranked = dict(zip(keys, scores.tolist(), strict=True))
    provenance.passages = {key: passage for key, passage in zip(keys, best, strict=True) if passage}
    if retriever.blend is not None:
        all_scores = np.full(len(ranking), -np.inf, dtype=np.float32)
        all_scores[read] = scores
        return blend(ranking, all_scores, retriever.blend).above(retriever.min_score)
    ranked = rank(keys, scores)  # by the raw scores: normalized ones underflow below -100
    were_read = set(read)
    unread = [key for place, key in enumerate(ranking.keys) if place not in were_read]
    final = np.concatenate([normalized_rerank_scores(ranked.scores), np.zeros(len(unread), np.float32)])
    return Ranking(ranked.keys + unread, final).above(retriever.min_score)


def _scored(
    retriever: TextSimilarityReranker, texts: Sequence[str], stop: Stop
) -> Flow[tuple[Scored, NDArray[np.intp]]]:
    """Return the scores of the different texts, and each text's place among them.

    Raises:
        ModelOutputError: a score is not a finite number.
        DeadlineError: there is no time left to read anything.
    """
    if stop.is_over:
        raise DeadlineError("the budget was spent before reranking")
    once, places = each_once(texts)
    scored = Scored(*(yield Score(retriever.inference_text, once, retriever.inference_id, stop)))
    read = np.ones(len(once), dtype=bool) if scored.read is None else scored.read
    scores = np.asarray(scored.scores)
    if scores.shape != read.shape:
        checked_scores(scores, len(once), scored.model)
    finite = np.zeros(len(once), dtype=np.float32)
    finite[read] = checked_scores(scores[read], int(read.sum()), scored.model)
    return scored._replace(scores=finite), places


def _texts(retriever: TextSimilarityReranker, read: Sequence[Candidate], stop: Stop) -> Flow[list[str]]:
    """Return the texts to read, with fields cut to their shares of the model's tokens if there are shares."""
    if retriever.field_shares is None:
        return [candidate.text for candidate in read]
    shortened: Sequence[Mapping[str, Any]] = yield Shorten(
        retriever.inference_text,
        [candidate.source for candidate in read],
        retriever.fields,
        retriever.field_shares,
        retriever.inference_id,
        stop,
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
