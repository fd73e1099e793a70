"""A plan's merge tree, run: fusions, rescorers, pins, diversity, rerankers. No I/O here; comes in from `search`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from connector.engines import Dialect
from connector.request.retrievers import Linear
from connector.request.search_request import SearchRequest
from connector.search.bodies import scores_body
from connector.search.by_id import fetch
from connector.search.fusion import Key, Ranking, linear, rescored, rrf
from connector.search.needs import Flow
from connector.search.plan import Fuse, Leaf, Merge, Pin, Plan, Rerank, RescoreBy, Thin
from connector.search.rerank import reranked
from connector.search.response import Provenance
from connector.search.thinning import diversified

_ABOVE_ALL = 0x7F000000
"""The bits of the float32 that pinned documents score above, as Elasticsearch has it: half of the greatest."""
_STAGES: dict[type[Merge], str] = {Rerank: "rerank", RescoreBy: "rescore", Thin: "diversify", Pin: "pin"}


AddPassages: TypeAlias = Callable[[int, Sequence[Key]], Flow[None]]
"""Return hits the `inner_hits` of a leg, by its place, which they may not have been found by."""


def merged(
    merge: Merge,
    plan: Plan,
    request: SearchRequest,
    hits: Mapping[Key, Mapping[str, Any]],
    provenance: Provenance,
    add_passages: AddPassages,
    dialect: Dialect,
) -> Flow[Ranking]:
    """Make a node's ranking of its children's, and note it."""
    if isinstance(merge, Leaf):
        ranking = provenance.legs[plan.legs[merge.leg].name]
    elif isinstance(merge, Fuse):
        parts = []
        for leg in merge.parts:
            parts.append((yield from merged(leg, plan, request, hits, provenance, add_passages, dialect)))
        with provenance.timed("fuse"):
            ranking = provenance.fused = _fused(merge, parts).above(merge.retriever.min_score)
    else:
        part = yield from merged(merge.part, plan, request, hits, provenance, add_passages, dialect)
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
                    ranking = yield from diversified(merge.retriever, part, request, dialect)
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


def _fused(merge: Fuse, parts: Sequence[Ranking]) -> Ranking:
    retriever = merge.retriever
    window = retriever.rank_window_size
    parts = [part.head(window) for part in parts]
    weights = [leg.weight for leg in retriever.legs]
    if isinstance(retriever, Linear):
        normalizers = [leg.normalizer or "none" for leg in retriever.legs]
        return linear(parts, weights=weights, normalizers=normalizers).head(window)
    return rrf(parts, rank_constant=retriever.rank_constant, weights=weights).head(window)
