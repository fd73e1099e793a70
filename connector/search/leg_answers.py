"""What the legs answered: cut at `k`, ranked, and collected hit by hit. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from connector.indexing.encoder_meta import fingerprint_in
from connector.request.leaf_retrievers import Knn
from connector.search.by_id import key_of, queries_for
from connector.search.context import SearchContext
from connector.search.plan import Leg, Plan
from connector.search.ranking import Ranking, leveled, rank

_OF_ALL_LEGS = frozenset({"inner_hits", "matched_queries"})
_NOISE_ULPS = 2
"""The greatest difference seen between float32 cosines of one direction, plus one."""


def cut_at_k(leg: Leg, answer: dict[str, Any]) -> dict[str, Any]:
    """Cut a vector leg's answer at its `k`, which some engines count per shard."""
    hits = answer["hits"]
    if leg.neighbours is None:
        return answer
    cut = {**hits, "hits": hits["hits"][: leg.neighbours]}
    if "total" in hits:
        cut["total"] = {**hits["total"], "value": min(hits["total"]["value"], leg.neighbours)}
    return {**answer, "hits": cut}


def searches_for_found(plan: Plan, answers: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
    """Write searches by ids for what each vector leg has found, by the leg's place."""
    by_place: dict[int, dict[str, Any]] = {}
    for place, (leg, answer) in enumerate(zip(plan.legs, answers, strict=False)):
        if leg.neighbours is not None:
            queries = queries_for([key_of(hit) for hit in answer["hits"]["hits"]])
            by_place[place] = {"query": {"bool": {"should": queries}} if queries else {"match_none": {}}}
    return by_place


def collect_hits(context: SearchContext, leg: Leg, answer: Mapping[str, Any]) -> None:
    """Rank a leg's hits, ties by (`_index`, `_id`), and add them to the search's hits and provenance.

    Of a hit that several legs found, the first leg's answer counts, except for `matched_queries` and `inner_hits`,
    which are merged.
    """
    found = answer["hits"]["hits"][: leg.window]
    keys = list(map(key_of, found))
    for key, hit in zip(keys, found, strict=True):
        known = context.hits.setdefault(key, hit)
        if known is not hit and not _OF_ALL_LEGS.isdisjoint(hit):
            context.hits[key] = _merged(known, hit)
    scores = np.array([hit["_score"] or 0.0 for hit in found], dtype=np.float32)
    ranking = Ranking(keys, scores) if leg.is_sorted else rank(keys, leveled(scores, _noise_ulps(leg, context)))
    context.provenance.legs[leg.name] = ranking
    if context.request.explain:
        explanations = (hit.get("_explanation", {}) for hit in found)
        context.provenance.explanations[leg.name] = dict(zip(keys, explanations, strict=True))


def _merged(known: Mapping[str, Any], hit: Mapping[str, Any]) -> Mapping[str, Any]:
    merged: dict[str, Any] = {}
    if "matched_queries" in hit:
        merged["matched_queries"] = _merged_names(known.get("matched_queries"), hit["matched_queries"])
    if "inner_hits" in hit:
        merged["inner_hits"] = {**hit["inner_hits"], **known.get("inner_hits", {})}
    return {**known, **merged}


def _merged_names(first: Any, other: Any) -> Any:
    """Merge a hit's matched queries of two legs: names, or with `include_named_queries_score` scores by name."""
    if isinstance(other, Mapping):
        return {**other, **(first or {})}
    return list(dict.fromkeys([*(first or ()), *other]))


def _noise_ulps(leg: Leg, context: SearchContext) -> int:
    """Return by how many units in the last place scores of a leg may differ that should be equal."""
    if not context.dialect.keeps_lengths or not isinstance(leg.retriever, Knn):
        return 0
    mappings = context.mappings.values()
    encoders = [fingerprint_in(body["mappings"], leg.retriever.field) for body in mappings]
    return 0 if encoders and all(each is not None and each.normalized for each in encoders) else _NOISE_ULPS
