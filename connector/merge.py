"""A plan's merge tree, run: fusions, rescorers, pins, diversity, rerankers. No I/O here; comes in from `search`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from connector.bodies import scores_body, vectors_body
from connector.diversity import mmr
from connector.encoded_vectors import decoded
from connector.errors import RequestError
from connector.fetch import fetch
from connector.fusion import Key, Ranking, linear, normalized, rescored, rrf
from connector.needs import Embed, Embedded, Flow
from connector.plan import Fuse, Leaf, Merge, Pin, Plan, Rerank, RescoreBy, Thin
from connector.request import SearchRequest
from connector.rerank import reranked
from connector.response import Provenance
from connector.retrievers import Linear

_ABOVE_ALL = 0x7F000000
"""The bits of the float32 that pinned documents score above, as Elasticsearch has it: half of the greatest."""
_STAGES: dict[type[Merge], str] = {Rerank: "rerank", RescoreBy: "rescore", Thin: "diversify", Pin: "pin"}


AddPassages: TypeAlias = Callable[[int, Sequence[Key]], Flow[None]]
"""Gives hits the `inner_hits` of a leg, by its place, which they may not have been found by."""


def merged(
    merge: Merge,
    plan: Plan,
    request: SearchRequest,
    hits: Mapping[Key, Mapping[str, Any]],
    provenance: Provenance,
    add_passages: AddPassages,
) -> Flow[Ranking]:
    """Make a node's ranking of its children's, and note it."""
    if isinstance(merge, Leaf):
        ranking = provenance.legs[plan.legs[merge.leg].name]
    elif isinstance(merge, Fuse):
        parts = []
        for leg in merge.parts:
            parts.append((yield from merged(leg, plan, request, hits, provenance, add_passages)))
        with provenance.timed("fuse"):
            ranking = provenance.fused = _fused(merge, parts).above(merge.retriever.min_score)
    else:
        part = yield from merged(merge.part, plan, request, hits, provenance, add_passages)
        part = part.head(merge.retriever.rank_window_size)
        with provenance.timed(_STAGES[type(merge)]):
            match merge:
                case Rerank():
                    if merge.passages is not None:
                        yield from add_passages(merge.passages, part.keys)
                    passages = None if merge.passages is None else plan.legs[merge.passages]
                    ranking = yield from reranked(merge.retriever, passages, part, hits, provenance)
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
    if any(row and len(row) != dims for row in rows):
        raise RequestError(
            "diversify.field",
            retriever.field,
            "has vectors of different lengths in the indices that are searched, which can't be compared; search them "
            "apart",
        )
    vectors = np.array([row if row else [0.0] * dims for row in rows], dtype=np.float64).reshape(len(rows), dims)
    query = retriever.query_vector
    if isinstance(query, str):
        query = _numbers(query, dims)
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


def _numbers(text: str, dims: int) -> list[float]:
    """Return the numbers of a query vector that is a text; none are needed where no hit has a vector."""
    numbers = decoded(text, dims) if dims else [0.0]
    if numbers is None:
        raise RequestError(
            "retriever...diversify.query_vector", text, f"must hold {dims} numbers, as the hits' vectors"
        )
    return numbers


def _fused(merge: Fuse, parts: Sequence[Ranking]) -> Ranking:
    retriever = merge.retriever
    window = retriever.rank_window_size
    parts = [part.head(window) for part in parts]
    weights = [leg.weight for leg in retriever.legs]
    if isinstance(retriever, Linear):
        normalizers = [leg.normalizer or "none" for leg in retriever.legs]
        return linear(parts, weights=weights, normalizers=normalizers).head(window)
    return rrf(parts, rank_constant=retriever.rank_constant, weights=weights).head(window)
