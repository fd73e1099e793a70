"""A plan's searches written as search bodies: the legs, their union, and the page fetched by ids. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from connector.request.leaf_retrievers import Knn, Standard
from connector.request.search_request import SearchRequest
from connector.search.by_id import Selection, shared_options
from connector.search.context import SearchContext
from connector.search.plan import Leg, Plan


def leg_bodies(context: SearchContext) -> list[dict[str, Any]]:
    """Write the search body of every leg, with what its hits hold and what every leg has in common."""
    plan, request = context.plan, context.request
    hit_options: dict[str, Any] = _hit_options(plan, request) if plan.carries_page else {"_source": False}
    if plan.rerank_fields:
        hit_options["fields"] = [*hit_options.get("fields", ()), *plan.rerank_fields]
    if request.collapse is not None and carries_groups(plan, request):  # doc values: as the cluster collapses by them
        hit_options["docvalue_fields"] = [*hit_options.get("docvalue_fields", ()), request.collapse.field]
    uncounted = {"track_total_hits": False} if "track_total_hits" in request.union_options else {}
    return [
        {
            **search,
            "size": _size(leg, context),
            **({"rescore": [step.model_dump() for step in leg.rescore]} if leg.rescore else {}),
            **uncounted,
            **request.leg_options,
            **hit_options,
        }
        for leg, search in zip(plan.legs, leg_searches(context), strict=True)
    ]


def leg_searches(context: SearchContext) -> list[dict[str, Any]]:
    """Write the search of every leg, without the options around it."""

    def search(place: int, leg: Leg) -> dict[str, Any]:
        if isinstance(leg.retriever, Standard):
            return context.dialect.lexical_body(leg.retriever, leg.filters)
        vector = context.vector_of(place)
        return context.dialect.vector_body(_with_inner_hits(leg), vector, leg.filters, context.mappings)

    return [search(place, leg) for place, leg in enumerate(context.plan.legs)]


def union_search(context: SearchContext, found: Mapping[int, dict[str, Any]]) -> dict[str, Any]:
    """Write one search over everything that the legs match.

    Args:
        context: the search.
        found: by the leg's place, searches for what a leg has found, if its own search would find more.
    """
    searches = enumerate(leg_searches(context))
    return context.dialect.union_body([found.get(place, search) for place, search in searches])


def union_body(search: Mapping[str, Any], request: SearchRequest) -> dict[str, Any]:
    """Write the search body that counts and aggregates over everything that the legs match."""
    after = {} if request.post_filter is None else {"post_filter": request.post_filter}
    return {**search, "size": 0, **after, **request.leg_options, **request.union_options}


def _with_inner_hits(leg: Leg) -> Knn:
    """Return the leg's retriever with complete inner hits: a name, no vectors, the reranker's fields."""
    retriever = leg.retriever
    assert isinstance(retriever, Knn)
    requested = retriever.inner_hits
    if requested is None:
        return retriever
    inner_hits = {"name": leg.inner_name, "_source": {"excludes": [retriever.field]}, **requested}
    if leg.passage_fields:
        inner_hits["fields"] = [*(requested.get("fields") or ()), *leg.passage_fields]
    highlight, text = requested.get("highlight"), _embedded_text(leg)
    if isinstance(highlight, Mapping) and "highlight_query" not in highlight and text is not None:
        query = {"multi_match": {"query": text, "fields": _names(highlight.get("fields")), "lenient": True}}
        inner_hits["highlight"] = {**highlight, "highlight_query": query}
    return retriever.model_copy(update={"inner_hits": inner_hits})


def _names(fields: Any) -> list[str]:
    """Return the names in a `highlight.fields`: an object, or a list of objects with one field each."""
    parts = fields if isinstance(fields, list) else [fields or {}]
    return [name for part in parts if isinstance(part, Mapping) for name in part]


def passages_body(context: SearchContext, place: int, selection: Selection) -> dict[str, Any]:
    """Write the search for a leg's inner hits of these documents, however far away they are."""
    every = max(selection.count, 1)
    limits = {"k": every, "num_candidates": every, "similarity": None, "min_score": None}
    retriever = _with_inner_hits(context.plan.legs[place]).model_copy(update=limits)
    vector = context.vector_of(place)
    search = context.dialect.vector_body(retriever, vector, [selection.query], context.mappings)
    return {**search, **selection.bare_options(context.request)}


def _size(leg: Leg, context: SearchContext) -> int:
    """Return how many hits a leg is to find: all `k` if they are cut here and the union needs them."""
    if leg.neighbours is None or context.dialect.counts_k_globally:
        return leg.window
    return leg.neighbours if context.request.needs_union else min(leg.window, leg.neighbours)


def page_body(context: SearchContext, selection: Selection) -> dict[str, Any]:
    """Write the search that fetches what the page shows of these documents."""
    plan, request = context.plan, context.request
    inner = {"should": plan.inner_queries} if plan.inner_queries else {}
    return {
        "query": {"bool": {"filter": [selection.query], **inner}},
        "size": selection.count,
        "track_total_hits": False,
        **shared_options(request),
        **_hit_options(plan, request),
    }


def carries_groups(plan: Plan, request: SearchRequest) -> bool:
    """True if the legs' hits can hold the values to collapse by: nothing else is requested under the field's name."""
    assert request.collapse is not None
    options, field = request.hit_options, request.collapse.field
    patterns = [*plan.rerank_fields, *_patterns(options.get("fields")), *(options.get("script_fields") or ())]
    stored = options.get("stored_fields") or ()
    patterns += [stored] if isinstance(stored, str) else stored
    formatted = [
        each for each in options.get("docvalue_fields") or () if isinstance(each, Mapping) and "format" in each
    ]
    return not any(fnmatchcase(field, pattern) for pattern in [*patterns, *_patterns(formatted)])


def _patterns(fields: Any) -> list[str]:
    return [str(each.get("field")) if isinstance(each, Mapping) else str(each) for each in fields or ()]


def _hit_options(plan: Plan, request: SearchRequest) -> dict[str, Any]:
    """Return the options about what a hit holds.

    Highlights are of all legs' queries, so that a hit that only a vector leg found has them too.
    """
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
