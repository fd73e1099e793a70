"""A plan's merge tree, run: fusions, rescorers, pins, diversity, rerankers. No I/O here; comes in from `search`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connector.diversity import mmr
from connector.errors import RequestError
from connector.fetch import fetch
from connector.fusion import Key, Ranking, blend, linear, normalized, rank, rescored, rrf
from connector.models.texts import checked_scores
from connector.needs import Embed, Embedded, Flow, Score
from connector.plan import Fuse, Leaf, Merge, Pin, Plan, Rerank, RescoreBy, Thin, scores_body, vectors_body
from connector.request import SearchRequest
from connector.response import Provenance
from connector.retrievers import Linear

_ABOVE_ALL = 0x7F000000
"""The bits of the float32 that pinned documents score above, as Elasticsearch has it: half of the greatest."""
_STAGES: dict[type[Merge], str] = {Rerank: "rerank", RescoreBy: "rescore", Thin: "diversify", Pin: "pin"}


def merged(
    merge: Merge, plan: Plan, request: SearchRequest, hits: Mapping[Key, Mapping[str, Any]], provenance: Provenance
) -> Flow[Ranking]:
    """Make a node's ranking of its children's, and note it."""
    if isinstance(merge, Leaf):
        ranking = provenance.legs[plan.legs[merge.leg].name]
    elif isinstance(merge, Fuse):
        parts = []
        for leg in merge.parts:
            parts.append((yield from merged(leg, plan, request, hits, provenance)))
        with provenance.timed("fuse"):
            ranking = provenance.fused = _fused(merge, parts).above(merge.retriever.min_score)
    else:
        part = yield from merged(merge.part, plan, request, hits, provenance)
        part = part.head(merge.retriever.rank_window_size)
        with provenance.timed(_STAGES[type(merge)]):
            match merge:
                case Rerank():
                    ranking = yield from _reranked(merge, part, hits, provenance)
                case RescoreBy():
                    ranking = yield from _rescored(merge, part, request)
                case Thin():
                    ranking = yield from _diversified(merge, part, request)
                case Pin():
                    ranking = _pinned(merge, provenance.legs[plan.legs[merge.leg].name], part)
    provenance.merged[id(merge)] = ranking
    return ranking


def _rescored(merge: RescoreBy, ranking: Ranking, request: SearchRequest) -> Flow[Ranking]:
    """Ask for the other queries' scores, one after the other, since each orders what the next one sees."""
    for step in merge.retriever.rescore:
        body_of = partial(scores_body, query=step.query.rescore_query, request=request)
        found = yield from fetch(ranking.keys, request, body_of)
        ranking = rescored(ranking, {key: hit["_score"] or 0.0 for key, hit in found.items()}, step.query)
    return ranking.above(merge.retriever.min_score)


def _pinned(merge: Pin, found: Ranking, ranking: Ranking) -> Ranking:
    """Put the documents found by the pins' leg first, in the order of the pins, scored above all others."""
    pins = merge.retriever.pins
    order = {(pin.index, pin.id): place for place, pin in reversed(list(enumerate(pins)))}
    places = {key: min(order.get(name, len(pins)) for name in (key, (None, key[1]))) for key in found.keys}
    first = sorted(found.keys, key=lambda key: (places[key], key))
    others = [key not in places for key in ranking.keys]
    rest = ranking.where(others)
    top = np.arange(_ABOVE_ALL + len(first), _ABOVE_ALL, -1, dtype=np.int32).view(np.float32)
    whole = Ranking(first + rest.keys, np.concatenate([top, rest.scores]))
    return whole.above(merge.retriever.min_score).head(merge.retriever.rank_window_size)


def _diversified(merge: Thin, ranking: Ranking, request: SearchRequest) -> Flow[Ranking]:
    """Keep what is relevant and not like what is kept; the vectors are fetched, the order stays."""
    retriever = merge.retriever
    fetched = yield from fetch(ranking.keys, request, partial(vectors_body, field=retriever.field, request=request))
    rows = [fetched.get(key, {}).get("fields", {}).get(retriever.field) for key in ranking.keys]
    dims = max((len(row) for row in rows if row), default=0)
    vectors = np.array([row if row else [0.0] * dims for row in rows], dtype=np.float64).reshape(len(rows), dims)
    query = retriever.query_vector
    if (builder := retriever.query_vector_builder) is not None:
        embedded: Embedded = yield Embed(builder.text_embedding.model_text, builder.text_embedding.model_id)
        query = list(embedded.vector)
    if query is None:
        relevance = normalized(ranking.scores, "minmax")
    elif len(query) != dims and dims:
        raise RequestError(
            "retriever...diversify.query_vector",
            f"{len(query)} numbers",
            f"must have {dims}, as the vectors of the hits",
        )
    else:
        lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
        relevance = np.divide(vectors @ np.array(query), lengths, out=np.zeros(len(rows)), where=lengths > 0)
    chosen = mmr(relevance, vectors, retriever.lambda_, retriever.size)
    thinned = Ranking([ranking.keys[place] for place in chosen], ranking.scores[chosen])
    return thinned.above(retriever.min_score)


def _fused(merge: Fuse, parts: Sequence[Ranking]) -> Ranking:
    retriever = merge.retriever
    window = retriever.rank_window_size
    parts = [part.head(window) for part in parts]
    weights = [leg.weight for leg in retriever.legs]
    if isinstance(retriever, Linear):
        normalizers = [leg.normalizer or "none" for leg in retriever.legs]
        return linear(parts, weights=weights, normalizers=normalizers).head(window)
    return rrf(parts, rank_constant=retriever.rank_constant, weights=weights).head(window)


def _reranked(
    merge: Rerank, ranking: Ranking, hits: Mapping[Key, Mapping[str, Any]], provenance: Provenance
) -> Flow[Ranking]:
    """Put the hits into the reranker's order; those without text follow, in the order they came, with score 0.

    With `blend`, a hit without text has its fused rank's share alone. The one place where any failure is caught: a
    search never fails because of the reranker.
    """
    retriever = merge.retriever
    passages = [retriever.passage(hits[key].get("fields", {})) for key in ranking.keys]
    read = [place for place, passage in enumerate(passages) if passage]
    if not read:
        if len(ranking):
            provenance.degrade(f"not reranked: no hit has text in {', '.join(retriever.fields)}")
        return ranking
    try:
        model, raw = yield Score(retriever.inference_text, [passages[place] for place in read], retriever.inference_id)
        raw = checked_scores(raw, len(read), model)
    except Exception as error:
        if not retriever.allow_rerank_failures:
            raise
        provenance.degrade(f"not reranked: {type(error).__name__}: {error}")
        return ranking
    provenance.model = model
    provenance.depth += len(read)
    keys = [ranking.keys[place] for place in read]
    provenance.reranked = dict(zip(keys, raw.tolist(), strict=True))
    if retriever.blend is not None:
        scores = np.full(len(ranking), -np.inf, dtype=np.float32)
        scores[read] = raw
        return blend(ranking, scores, retriever.blend).above(retriever.min_score)
    scored = rank(keys, raw)  # by the raw scores: normalised ones run out of digits below -100
    unread = [key for key, passage in zip(ranking.keys, passages, strict=True) if not passage]
    final = np.concatenate([normalized_rerank_scores(scored.scores), np.zeros(len(unread), np.float32)])
    return Ranking(scored.keys + unread, final).above(retriever.min_score)


def normalized_rerank_scores(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    """Map raw scores to positive ones in the same order: max(s, 0) + min(e^s, 1).

    Source: Elasticsearch's text_similarity_reranker.
    """
    positive: NDArray[np.float32] = np.maximum(raw, 0) + np.minimum(np.exp(np.minimum(raw, 0)), 1)
    return positive.astype(np.float32)
