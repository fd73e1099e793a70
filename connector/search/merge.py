"""The merge tree of a plan, run: fusions, rescorers, pins, diversification, rerankers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from connector.request.retrievers import Linear
from connector.request.search_request import SearchRequest
from connector.search.best_passages import add_passages
from connector.search.by_id import Selection, fetch
from connector.search.context import SearchContext
from connector.search.diversifying import diversified
from connector.search.fusion import linear, rescored, rrf
from connector.search.needs import Flow
from connector.search.plan import DiversifyBy, Fuse, Leaf, Merge, Pin, Rerank, RescoreBy
from connector.search.ranking import Ranking
from connector.search.rerank import reranked

_ABOVE_ALL = 0x7F000000
"""The bits of the float32 above which pinned documents score, as in Elasticsearch: half of the greatest float32."""
_STAGES: dict[type[Merge], str] = {Rerank: "rerank", RescoreBy: "rescore", DiversifyBy: "diversify", Pin: "pin"}


def merged(merge: Merge, context: SearchContext) -> Flow[Ranking]:
    """Make a node's ranking from those of its children, and note it in the provenance."""
    legs, provenance = context.plan.legs, context.provenance
    if isinstance(merge, Leaf):
        ranking = provenance.legs[legs[merge.leg].name]
    elif isinstance(merge, Fuse):
        parts = []
        for part in merge.parts:
            parts.append((yield from merged(part, context)))
        with provenance.timed("fuse"):
            ranking = provenance.fused = _fused(merge, parts).above(merge.retriever.min_score)
    else:
        below = yield from merged(merge.part, context)
        below = below.head(merge.retriever.rank_window_size)
        with provenance.timed(_STAGES[type(merge)]):
            match merge:
                case Rerank():
                    if merge.passages is not None:
                        yield from add_passages(context, merge.passages, below.keys)
                    passages = None if merge.passages is None else legs[merge.passages]
                    ranking = yield from reranked(merge.retriever, passages, below, context)
                case RescoreBy():
                    ranking = yield from _rescored(merge, below, context.request)
                case DiversifyBy():
                    ranking = yield from diversified(merge.retriever, below, context)
                case Pin():
                    ranking = _pinned(merge, provenance.legs[legs[merge.leg].name], below)
    provenance.merged[id(merge)] = ranking
    return ranking


def _rescored(merge: RescoreBy, ranking: Ranking, request: SearchRequest) -> Flow[Ranking]:
    """Fetch and combine the scores of each query in turn, since each changes the order that the next one sees."""
    for step in merge.retriever.rescore:
        query = step.query.rescore_query
        found = yield from fetch(ranking.keys, request, partial(_scores_body, query=query, request=request))
        ranking = rescored(ranking, {key: hit["_score"] or 0.0 for key, hit in found.items()}, step.query)
    return ranking.above(merge.retriever.min_score)


def _scores_body(selection: Selection, query: Mapping[str, Any], request: SearchRequest) -> dict[str, Any]:
    """Write the search that scores these documents by a query; those that don't match are not found."""
    return selection.body(request, query={"bool": {"must": [query], "filter": [selection.query]}})


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
