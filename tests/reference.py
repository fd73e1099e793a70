"""A retriever tree run the slow, obvious way: each leaf by a search of its own, each formula as the books write it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch

from tests.models_by_hand import first_words

Hit = tuple[str, float]
LARGEST = float(np.finfo(np.float32).max)
"""The greatest float32: a pinned hit's score, weighted, is cut to it."""


def run_tree(client: Elasticsearch, index: str, tree: dict[str, Any]) -> list[Hit]:
    """The ids and scores of a tree, best first, equal scores by id."""
    ((kind, retriever),) = tree.items()
    return _run(client, index, kind, retriever, [], retriever.get("rank_window_size", 10))


def _run(
    client: Elasticsearch, index: str, kind: str, retriever: dict[str, Any], above: list[Any], window: int
) -> list[Hit]:
    own = retriever.get("filter", [])
    filters = [*above, *(own if isinstance(own, list) else [own])]
    if kind == "standard":
        query = {"bool": {"must": [retriever["query"]], "filter": filters}}
        return _ordered(_search(client, index, window, query=query))
    if kind == "knn":
        knn = {name: retriever[name] for name in ("field", "query_vector", "k", "num_candidates")}
        return _ordered(_search(client, index, window, knn={**knn, "filter": filters}))
    if kind == "rescorer":
        return _rescored(client, index, retriever, filters)
    size = retriever.get("rank_window_size", 10)
    if kind == "pinned":
        return _pinned(client, index, retriever, filters, size)
    if kind == "text_similarity_reranker":
        ((below, inner),) = retriever["retriever"].items()
        found = _run(client, index, below, inner, filters, size)[:size]
        return _reranked(client, index, retriever, found)
    legs = []
    for leg in retriever["retrievers"]:
        given = leg if "retriever" in leg else {"retriever": leg}
        ((below, inner),) = given["retriever"].items()
        legs.append((given, _run(client, index, below, inner, filters, size)[:size]))
    sums: dict[str, float] = {}
    for leg, hits in legs:
        values = _reciprocal_ranks(hits, retriever) if kind == "rrf" else _normalized(hits, leg, retriever)
        for identifier, value in values.items():
            sums[identifier] = sums.get(identifier, 0.0) + leg.get("weight", 1.0) * value
    return _ordered(list(sums.items()))[:size]


def _rescored(client: Elasticsearch, index: str, retriever: dict[str, Any], filters: list[Any]) -> list[Hit]:
    steps = retriever["rescore"]
    ((below, inner),) = retriever["retriever"].items()
    size = min(step["window_size"] for step in steps)
    hits = _run(client, index, below, inner, filters, size)[:size]
    for step in steps:
        query = step["query"]
        other = dict(_search(client, index, 100, query=query["rescore_query"]))
        scored = []
        for identifier, score in hits:
            own = score * query["query_weight"]
            if identifier in other:
                second = other[identifier] * query["rescore_query_weight"]
                modes = {"total": own + second, "multiply": own * second, "avg": (own + second) / 2}
                own = {**modes, "max": max(own, second), "min": min(own, second)}[query["score_mode"]]
            scored.append((identifier, own))
        hits = _ordered(scored)
    return hits


def _pinned(client: Elasticsearch, index: str, retriever: dict[str, Any], filters: list[Any], size: int) -> list[Hit]:
    ((below, inner),) = retriever["retriever"].items()
    hits = _run(client, index, below, inner, filters, size)[:size]
    query = {"bool": {"must": [{"ids": {"values": retriever["ids"]}}], "filter": filters}}
    there = {identifier for identifier, _ in _search(client, index, 100, query=query)}
    first = [identifier for identifier in dict.fromkeys(retriever["ids"]) if identifier in there]
    most = 1.7014118346046923e38
    scored = [(identifier, most * (1 + (len(first) - place) * 2**-23)) for place, identifier in enumerate(first)]
    return [*scored, *(hit for hit in hits if hit[0] not in first)][:size]


def _search(client: Elasticsearch, index: str, window: int, **body: Any) -> list[Hit]:
    hits = client.search(index=index, size=window, source=False, **body)["hits"]["hits"]
    return [(hit["_id"], hit["_score"]) for hit in hits]


def _ordered(hits: list[Hit]) -> list[Hit]:
    """Best first; scores are float32, as the cluster's are, and equal ones stand by id."""
    single = [(identifier, float(np.float32(min(score, LARGEST)))) for identifier, score in hits]
    return sorted(single, key=lambda hit: (-hit[1], hit[0]))


def _reciprocal_ranks(hits: list[Hit], retriever: dict[str, Any]) -> dict[str, float]:
    constant = retriever.get("rank_constant", 60)
    return {identifier: 1 / (constant + rank) for rank, (identifier, _) in enumerate(hits, start=1)}


def _normalized(hits: list[Hit], leg: dict[str, Any], retriever: dict[str, Any]) -> dict[str, float]:
    how = leg.get("normalizer") or retriever.get("normalizer") or "none"
    scores = [score for _, score in hits]
    if how == "minmax" and max(scores, default=0) - min(scores, default=0) > 1e-6:
        scores = [(score - min(scores)) / (max(scores) - min(scores)) for score in scores]
    length = math.sqrt(sum(score**2 for score in scores))
    if how == "l2_norm" and length > 1e-6:
        scores = [score / length for score in scores]
    return {identifier: score for (identifier, _), score in zip(hits, scores, strict=True)}


def _reranked(client: Elasticsearch, index: str, retriever: dict[str, Any], hits: list[Hit]) -> list[Hit]:
    scored, unread = [], []
    for identifier, _ in hits:
        text = client.get(index=index, id=identifier)["_source"].get(retriever["field"], "")
        if text:
            raw = float(first_words(retriever["inference_text"], [text])[0])
            scored.append((identifier, max(raw, 0) + min(math.exp(raw), 1)))
        else:
            unread.append((identifier, 0.0))
    return _ordered(scored) + unread if scored else hits  # nothing to read: not reranked, and said to be degraded
