"""Elasticsearch 8.x and 9.x."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.engines.protocol import NativeFusion
from connector.request.base_types import QueryVector
from connector.request.leaf_retrievers import Knn, Standard
from connector.request.retrievers import Linear, Rrf

NOT_INDEXED = "is not indexed (index: false)"


class ElasticsearchDialect:
    """The dialect of Elasticsearch 8.x and 9.x: see `Dialect`."""

    name = "elasticsearch"
    has_retrievers = True
    counts_k_globally = True
    needs_mappings = False
    keeps_lengths = False
    dims_option = "dims"
    search_options: Mapping[str, Any] = {}

    def lexical_body(self, leg: Standard, filters: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Write a lexical leg as a search body; without a query it matches whatever passes the filters."""
        body: dict[str, Any] = {}
        if filters:
            scored = {"must": [leg.query]} if leg.query is not None else {}
            body["query"] = {"bool": {**scored, "filter": list(filters)}}
        elif leg.query is not None:
            body["query"] = leg.query
        options = {
            "min_score": leg.min_score,
            "sort": leg.sort,
            "terminate_after": leg.terminate_after,
            "collapse": leg.collapse,
        }
        return body | {name: value for name, value in options.items() if value is not None}

    def vector_body(
        self,
        leg: Knn,
        vector: QueryVector | None,
        filters: Sequence[dict[str, Any]],
        _mappings: Mapping[str, Any],
        /,
    ) -> dict[str, Any]:
        """Write a vector leg as a top-level `knn` search, which counts `k` over all shards."""
        knn: dict[str, Any] = {
            "field": leg.field,
            **_query(leg, vector),
            "k": leg.k,
            "num_candidates": leg.candidates,
        }
        if filters:
            knn["filter"] = list(filters)
        for name in ("similarity", "rescore_vector", "visit_percentage", "inner_hits"):
            if (value := getattr(leg, name)) is not None:
                knn[name] = value
        return {"knn": knn} if leg.min_score is None else {"knn": knn, "min_score": leg.min_score}

    def union_body(self, legs: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Write one search over the legs: a `bool` query, and `knn` at the top level, where it counts `k` globally."""
        vectors = [{**leg["knn"]} for leg in legs if "knn" in leg]
        for vector in vectors:  # one search can't have two of the same name
            vector.pop("inner_hits", None)
        queries = [_with_min_score(leg) for leg in legs if "knn" not in leg]
        body: dict[str, Any] = {"knn": vectors[0] if len(vectors) == 1 else vectors} if vectors else {}
        if queries:
            body["query"] = {"bool": {"should": queries, "minimum_should_match": 1}}
        return body

    def native_fusion(self, _fusion: Rrf | Linear, _legs: Sequence[Mapping[str, Any]], /) -> NativeFusion | None:
        """Return None: a licensed cluster runs the whole retriever tree as it is."""
        return None

    def vector_length(self, mapping: Mapping[str, Any]) -> int | None:
        """Return how many numbers a query vector has: the dims, of which a `bit` field packs 8 into one."""
        dims = self.vector_dims(dict(mapping))
        return dims // 8 if dims and mapping.get("element_type") == "bit" else dims or None

    def vector_dims(self, mapping: dict[str, Any]) -> int | None:
        """Return a `dense_vector` field's dims; None for any other field."""
        return int(mapping.get("dims", 0)) if mapping.get("type") == "dense_vector" else None

    def why_unsearchable(self, mapping: Mapping[str, Any]) -> str | None:
        """Return why floats can't search a `dense_vector` field: it is not indexed, or holds bytes or bits."""
        if is_not_indexed(mapping):
            return NOT_INDEXED
        kind = mapping.get("element_type")
        return f"holds no floats (element_type: {kind})" if kind in ("byte", "bit") else None


def is_not_indexed(mapping: Mapping[str, Any]) -> bool:
    """True if a field's mapping says `index: false`."""
    return str(mapping.get("index", True)).lower() == "false"


def _query(leg: Knn, vector: QueryVector | None) -> dict[str, Any]:
    if vector is None and leg.query_vector_builder is not None:
        return {"query_vector_builder": leg.query_vector_builder.model_dump()}
    return {"query_vector": vector}


def _with_min_score(leg: dict[str, Any]) -> dict[str, Any]:
    query: dict[str, Any] = leg.get("query", {"match_all": {}})
    return {"function_score": {"query": query, "min_score": leg["min_score"]}} if "min_score" in leg else query
