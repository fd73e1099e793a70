"""A plan's searches written as search bodies: its legs, their union, and what is fetched by ids later. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from connector.engines import Dialect
from connector.request.leaf_retrievers import Knn, QueryVector, Standard
from connector.request.search_request import SearchRequest
from connector.search.plan import Leg, Plan

_OF_EVERY_SEARCH = ("runtime_mappings", "pit", "search_pipeline")


@dataclass(frozen=True)
class Which:
    """Chosen documents: a query that only they match, and how many they are."""

    query: dict[str, Any]
    count: int


def leg_bodies(
    plan: Plan,
    request: SearchRequest,
    dialect: Dialect,
    vectors: Mapping[int, QueryVector],
    mappings: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Write the search body of every leg.

    Args:
        plan: the legs.
        request: what every leg and every hit carries beside.
        dialect: the cluster's.
        vectors: the query vector of each leg whose text was embedded, by the leg's place.
        mappings: what is known of the searched indices' mappings, by index.
    """
    hit_options: dict[str, Any] = _hit_options(plan, request) if plan.carries_page else {"_source": False}
    if plan.rerank_fields:
        hit_options["fields"] = [*hit_options.get("fields", ()), *plan.rerank_fields]
    if request.collapse is not None and carries_groups(plan, request):  # as the cluster itself reads and shows it
        hit_options["docvalue_fields"] = [*hit_options.get("docvalue_fields", ()), request.collapse.field]
    counted = {"track_total_hits": False} if "track_total_hits" in request.union_options else {}
    return [
        {
            **search,
            "size": _size(leg, request, dialect),
            **_rescored(leg),
            **counted,
            **request.leg_options,
            **hit_options,
        }
        for leg, search in zip(plan.legs, searches(plan, dialect, vectors, mappings), strict=True)
    ]


def union_query(
    plan: Plan,
    dialect: Dialect,
    vectors: Mapping[int, QueryVector],
    mappings: Mapping[str, Any],
    found: Mapping[int, dict[str, Any]],
) -> dict[str, Any]:
    """Write one search over all that the legs match.

    `found` are searches for what a leg has found, by the leg's place, where the leg's own would find more.
    """
    own = searches(plan, dialect, vectors, mappings)
    return dialect.union_body([found.get(place, search) for place, search in enumerate(own)])


def union_body(query: Mapping[str, Any], request: SearchRequest) -> dict[str, Any]:
    """Write the search that counts and aggregates over all that the legs match."""
    after = {} if request.post_filter is None else {"post_filter": request.post_filter}
    return {**query, "size": 0, **after, **request.leg_options, **request.union_options}


def searches(
    plan: Plan, dialect: Dialect, vectors: Mapping[int, QueryVector], mappings: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Write the search of every leg, without what is asked beside."""

    def search(place: int, leg: Leg) -> dict[str, Any]:
        if isinstance(leg.retriever, Standard):
            return dialect.lexical_body(leg.retriever, leg.filters)
        vector = vectors.get(place, leg.retriever.query_vector)
        return dialect.vector_body(_with_inner_hits(leg), vector, leg.filters, mappings)

    return [search(place, leg) for place, leg in enumerate(plan.legs)]


def _with_inner_hits(leg: Leg) -> Knn:
    """Return the leg's retriever with all that its inner hits hold: a name, no vectors, the reranker's fields."""
    retriever = leg.retriever
    assert isinstance(retriever, Knn)
    asked = retriever.inner_hits
    if asked is None:
        return retriever
    whole = {"name": leg.inner_name, "_source": {"excludes": [retriever.field]}, **asked}
    if leg.passage_fields:
        whole["fields"] = [*(asked.get("fields") or ()), *leg.passage_fields]
    highlight, text = asked.get("highlight"), _embedded_text(leg)
    if isinstance(highlight, Mapping) and "highlight_query" not in highlight and text is not None:
        query = {"multi_match": {"query": text, "fields": _names(highlight.get("fields")), "lenient": True}}
        whole["highlight"] = {**highlight, "highlight_query": query}
    return retriever.model_copy(update={"inner_hits": whole})


def _names(fields: Any) -> list[str]:
    """Return the names in a `highlight.fields`: an object, or a list of objects of one field each."""
    parts = fields if isinstance(fields, list) else [fields or {}]
    return [name for part in parts if isinstance(part, Mapping) for name in part]


def passages_body(
    leg: Leg,
    vector: QueryVector | None,
    which: Which,
    request: SearchRequest,
    dialect: Dialect,
    mappings: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the search for the leg's inner hits of these documents, however far they are."""
    every = max(which.count, 1)
    near = {"k": every, "num_candidates": every, "similarity": None, "min_score": None}
    retriever = _with_inner_hits(leg).model_copy(update=near)
    body = dialect.vector_body(retriever, vector, [which.query], mappings)
    return {**body, **_bare(which, request)}


def _size(leg: Leg, request: SearchRequest, dialect: Dialect) -> int:
    """Say how many hits a leg is asked for: where they are cut here, all of them if the union stands on them."""
    if leg.neighbours is None or dialect.counts_k_globally:
        return leg.window
    return leg.neighbours if request.needs_union else min(leg.window, leg.neighbours)


def _rescored(leg: Leg) -> dict[str, Any]:
    return {"rescore": [step.model_dump() for step in leg.rescore]} if leg.rescore else {}


def scores_body(which: Which, query: Mapping[str, Any], request: SearchRequest) -> dict[str, Any]:
    """Write the search that scores these documents by a query; those that don't match are not found."""
    return {
        "query": {"bool": {"must": [query], "filter": [which.query]}},
        **_bare(which, request),
    }


def page_body(which: Which, plan: Plan, request: SearchRequest) -> dict[str, Any]:
    """Write the search that fetches what the page needs of these documents."""
    asked = {"should": plan.inner_queries} if plan.inner_queries else {}
    return {
        "query": {"bool": {"filter": [which.query], **asked}},
        "size": which.count,
        "track_total_hits": False,
        **bare_options(request),
        **_hit_options(plan, request),
    }


def carries_groups(plan: Plan, request: SearchRequest) -> bool:
    """True if the legs' hits can hold these values: nothing else is asked for under the field's name."""
    assert request.collapse is not None
    options, field = request.hit_options, request.collapse.field
    asked = [*plan.rerank_fields, *_patterns(options.get("fields")), *(options.get("script_fields") or ())]
    stored = options.get("stored_fields") or ()
    asked += [stored] if isinstance(stored, str) else stored
    formatted = [
        each for each in options.get("docvalue_fields") or () if isinstance(each, Mapping) and "format" in each
    ]
    return not any(fnmatchcase(field, pattern) for pattern in [*asked, *_patterns(formatted)])


def _patterns(asked: Any) -> list[str]:
    return [str(each.get("field")) if isinstance(each, Mapping) else str(each) for each in asked or ()]


def collapse_check(request: SearchRequest) -> dict[str, Any]:
    """Write a search that collapses and returns nothing: the cluster refuses what it can't collapse by."""
    return collapse_body(Which({"match_all": {}}, 0), request)


def collapse_body(which: Which, request: SearchRequest) -> dict[str, Any]:
    """Write the search that collapses these documents."""
    assert request.collapse is not None
    return {"query": which.query, "collapse": {"field": request.collapse.field}, **_bare(which, request)}


def doc_values_body(which: Which, field: str, request: SearchRequest) -> dict[str, Any]:
    """Write the search that fetches the values by which these documents are collapsed."""
    return {"query": {"bool": {"filter": [which.query]}}, "docvalue_fields": [field], **_bare(which, request)}


def vectors_body(which: Which, field: str, request: SearchRequest, *, with_source: bool) -> dict[str, Any]:
    """Write the search that fetches a vector field of these documents, also as they were given where asked for."""
    body = {"query": {"bool": {"filter": [which.query]}}, "fields": [field], **_bare(which, request)}
    return {**body, "_source": [field]} if with_source else body


def filter_body(which: Which, request: SearchRequest) -> dict[str, Any]:
    """Write the search that says which of these documents pass the `post_filter`."""
    return {
        "query": {"bool": {"filter": [which.query, request.post_filter]}},
        **_bare(which, request),
    }


def _bare(which: Which, request: SearchRequest) -> dict[str, Any]:
    """Say of a search by ids that it returns which are found, and no more."""
    return {
        "size": which.count,
        "track_total_hits": False,
        "_source": False,
        **bare_options(request),
    }


def bare_options(request: SearchRequest) -> dict[str, Any]:
    """Return the options that every search of a request has, whatever it is for."""
    return {name: value for name, value in request.leg_options.items() if name in _OF_EVERY_SEARCH}


def _hit_options(plan: Plan, request: SearchRequest) -> dict[str, Any]:
    """Say what a hit holds; highlights are of the legs' queries, so that a hit of vectors alone has them too."""
    options = dict(request.hit_options)
    highlight = options.get("highlight")
    if isinstance(highlight, Mapping) and "highlight_query" not in highlight:
        queries = [
            leg.retriever.query
            for leg in plan.legs
            if isinstance(leg.retriever, Standard) and leg.retriever.query is not None
        ]
        fields = _names(highlight.get("fields"))
        texts = [text for leg in plan.legs if (text := _embedded_text(leg)) is not None]
        queries += [{"multi_match": {"query": text, "fields": fields}} for text in texts if not queries]
        if queries:
            options["highlight"] = {**highlight, "highlight_query": {"bool": {"should": queries}}}
    return options


def _embedded_text(leg: Leg) -> str | None:
    builder = leg.retriever.query_vector_builder if isinstance(leg.retriever, Knn) else None
    return None if builder is None else builder.text_embedding.model_text
