"""A ranking put into a cross-encoder's order, by one passage a hit or by its best. No I/O here; `merge` comes in."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connector.errors import ModelError, ModelOutputError, RequestError, error_text
from connector.models.texts import checked_scores, each_once
from connector.request.retrievers import TextSimilarityReranker
from connector.search.best_passages import Candidate, candidates
from connector.search.fusion import Key, Ranking, blend, rank
from connector.search.needs import Compute, Flow, Score, Shorten
from connector.search.plan import Leg
from connector.search.response import Provenance

_LOG = logging.getLogger("connector.rerank")


def reranked(
    retriever: TextSimilarityReranker,
    passages: Leg | None,
    ranking: Ranking,
    hits: Mapping[Key, Mapping[str, Any]],
    provenance: Provenance,
) -> Flow[Ranking]:
    """Put the hits into the reranker's order; those without text follow, in the order they came, with score 0.

    With `blend`, a hit without text has its fused rank's share alone. The one place where any failure is caught: a
    search never fails because of the reranker.

    Args:
        retriever: what reads which text.
        passages: the leg whose inner hits are the passages; None when the texts of the hits are.
        ranking: the hits to order.
        hits: what was said of each.
        provenance: told the scores, and which passage gave them.
    """
    try:
        found = yield Compute(lambda: [candidates(retriever, hits[key], passages) for key in ranking.keys])
        pairs = [(place, each) for place, of_hit in enumerate(found) for each in of_hit]
        if not pairs:
            if len(ranking):
                provenance.degrade(f"not reranked: no hit has text in {', '.join(retriever.fields)}")
            return ranking
        texts = yield from _texts(retriever, [candidate for _, candidate in pairs])
        once, places = each_once(texts)
        model, raw = yield Score(retriever.inference_text, once, retriever.inference_id)
        raw = checked_scores(raw, len(once), model)[places]
    except Exception as error:
        if not retriever.allow_rerank_failures:
            raise
        provenance.degrade(f"not reranked: {_reason(error)}")
        _LOG.warning("not reranked: %s", error_text(error))
        _LOG.debug("not reranked", exc_info=error)
        return ranking
    provenance.model = model
    provenance.depth += len(pairs)
    read, scores, best = _by_hit(pairs, raw, retriever)
    keys = [ranking.keys[place] for place in read]
    provenance.reranked = dict(zip(keys, scores.tolist(), strict=True))
    provenance.passages = {key: said for key, said in zip(keys, best, strict=True) if said}
    if retriever.blend is not None:
        all_scores = np.full(len(ranking), -np.inf, dtype=np.float32)
        all_scores[read] = scores
        return blend(ranking, all_scores, retriever.blend).above(retriever.min_score)
    scored = rank(keys, scores)  # by the raw scores: normalised ones run out of digits below -100
    unread = [key for key, of_hit in zip(ranking.keys, found, strict=True) if not of_hit]
    final = np.concatenate([normalized_rerank_scores(scored.scores), np.zeros(len(unread), np.float32)])
    return Ranking(scored.keys + unread, final).above(retriever.min_score)


def _reason(error: Exception) -> str:
    """Return why a reranker failed in words that are this package's own, or the name of the error's type.

    The words of another's error may hold secrets, as a URL with its key; they go to the log.
    """
    if isinstance(error, ModelOutputError | RequestError):
        return error_text(error)
    cause = error.__cause__ if type(error) is ModelError else None
    return f"{type(error if cause is None else cause).__name__} (see the log of {_LOG.name})"


def _texts(retriever: TextSimilarityReranker, read: Sequence[Candidate]) -> Flow[list[str]]:
    """Return the texts to read, fields cut to their shares of the model's tokens where shares were given."""
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
    """Return the places of the hits that were read, a raw score for each, and what is said of its best passage."""
    adds = retriever.chunk_rescorer is not None and retriever.chunk_rescorer.score_mode == "sum"
    read, scores, best = [], [], []
    for place, group in groupby(range(len(pairs)), key=lambda at: pairs[at][0]):
        rows = list(group)
        first = max(rows, key=lambda at: (raw[at], -at))
        said = pairs[first][1].said
        read.append(place)
        scores.append(summed(raw[rows]) if adds else float(raw[first]))
        best.append({**said, "rerank_score": float(raw[first])} if said else {})
    return read, np.array(scores, dtype=np.float32), best


def summed(raw: NDArray[np.float32]) -> float:
    """Return the raw score whose normalised score is the sum of these raw scores' normalised ones."""
    total = float(normalized_rerank_scores(raw).sum(dtype=np.float64))
    if total >= 1:
        return total - 1
    return float(np.logaddexp.reduce(raw.astype(np.float64)))  # log of the sum, also where e^s runs out of digits


def normalized_rerank_scores(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    """Map raw scores to positive ones in the same order: max(s, 0) + min(e^s, 1).

    Source: Elasticsearch's text_similarity_reranker.
    """
    positive: NDArray[np.float32] = np.maximum(raw, 0) + np.minimum(np.exp(np.minimum(raw, 0)), 1)
    return positive.astype(np.float32)
