"""Fusions that the cluster computes itself, if its result is what the request asks for. No I/O here.

Whether it can is found out by trying: a cluster that does not know the query, or a parameter, refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cachetools import TTLCache
from elasticsearch import ApiError

from connector.engines import Dialect, NativeFusion
from connector.models.cache import SharedCache
from connector.request.leaf_retrievers import Knn
from connector.request.search_request import SearchRequest
from connector.search.needs import Flow, MultiSearch
from connector.search.plan import Fuse, Leaf, Leg, Plan

_HIT_OPTIONS = frozenset(
    {"_source", "docvalue_fields", "fields", "script_fields", "seq_no_primary_term", "stored_fields", "version"}
)
_UNION_OPTIONS = frozenset({"aggregations", "aggs", "track_total_hits"})
_LEG_OPTIONS = frozenset({"pit", "search_pipeline", "timeout"})
_SHARDS_KEPT_S = 60.0
_MOST_INDICES = 256


@dataclass
class Native:
    """What a client has found out about the fusions that its cluster runs.

    Attributes:
        refused: the kinds of fusion that the cluster has refused.
        spread: the index expressions that were seen to span several shards.
    """

    refused: set[str] = field(default_factory=set)
    spread: SharedCache[tuple[str, ...], bool] = field(
        default_factory=lambda: SharedCache(lambda: TTLCache(_MOST_INDICES, _SHARDS_KEPT_S))
    )

    def may_run(self, fusion: NativeFusion, index: tuple[str, ...]) -> bool:
        """True if nothing known rules it out."""
        return fusion.kind not in self.refused and not self.spread.get(index)


def natively_fused(
    request: SearchRequest,
    plan: Plan,
    searches: Sequence[Mapping[str, Any]],
    dialect: Dialect,
    native: Native,
) -> Flow[tuple[dict[str, Any] | None, str | None]]:
    """Have the cluster fuse the legs.

    The cluster fuses ranks and scores shard by shard, so only an index of one shard gives the requested result.

    Args:
        request: the request.
        plan: its plan, as it would run here.
        searches: the legs' own searches.
        dialect: the cluster's.
        native: what is known about the cluster.

    Returns:
        The cluster's response, None if the fusion has to be computed here; and the kind of fusion that the cluster
        refused, which is unknown to it if the legs themselves turn out to be valid.
    """
    fusion = _expressed(request, plan, searches, dialect)
    index = tuple(request.header.get("index", ()))
    if fusion is None or not native.may_run(fusion, index):
        return None, None
    options = {**request.leg_options, **request.hit_options, **request.union_options}
    body = {**options, **fusion.body, "size": request.size, "from": request.offset}
    try:
        (answer,) = yield MultiSearch([request.header], [body], request.url_options)
    except ApiError as error:
        if error.meta.status not in (400, 403):
            raise
        return None, fusion.kind
    if answer["_shards"]["total"] > 1:
        native.spread.put(index, True)
        return None, None
    return _scaled(answer, request, fusion), None


def _expressed(
    request: SearchRequest, plan: Plan, searches: Sequence[Mapping[str, Any]], dialect: Dialect
) -> NativeFusion | None:
    """Return the cluster's own fusion for the tree; None if it has no equivalent."""
    merge = plan.merge
    if not isinstance(merge, Fuse) or not all(isinstance(part, Leaf) for part in merge.parts):
        return None
    unsupported = (request.min_score, request.post_filter, request.collapse, merge.retriever.min_score)
    known = (
        request.hit_options.keys() <= _HIT_OPTIONS
        and request.union_options.keys() <= _UNION_OPTIONS
        and request.leg_options.keys() <= _LEG_OPTIONS
        and not request.response_options
    )
    if (
        any(each is not None for each in unsupported)
        or not known
        or any(leg.rescore or leg.inner_name for leg in plan.legs)
    ):
        return None
    if any(_overflows(leg, merge.retriever.rank_window_size, request) for leg in plan.legs):
        return None
    return dialect.native_fusion(merge.retriever, searches)


def _overflows(leg: Leg, window: int, request: SearchRequest) -> bool:
    """True if a vector leg would bring more than `k` hits to the window, or into counts and aggregations."""
    retriever = leg.retriever
    if not isinstance(retriever, Knn) or (retriever.num_candidates or 0) <= retriever.k:
        return False
    return retriever.k < window or request.asks_for_union


def _scaled(answer: dict[str, Any], request: SearchRequest, fusion: NativeFusion) -> dict[str, Any]:
    """Cut the page at the window, and scale the scores to those that the request asks for."""
    left = max(0, fusion.window - request.offset)
    hits = [{**hit, "_score": hit["_score"] * fusion.scale} for hit in answer["hits"]["hits"][:left]]
    most = answer["hits"].get("max_score")
    scaled = {**answer["hits"], "hits": hits, "max_score": None if most is None else most * fusion.scale}
    return {name: value for name, value in answer.items() if name != "status"} | {"hits": scaled}
