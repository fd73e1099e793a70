"""A retriever tree becomes leaf searches and a merge tree. Pure; comes in from `search`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

from connector.dialects import Dialect
from connector.leaf_retrievers import MAX_WINDOW, Knn, Standard
from connector.request import SearchRequest
from connector.retrievers import (
    Diversify,
    Linear,
    Node,
    Pinned,
    Rescore,
    Rescorer,
    Rrf,
    TextSimilarityReranker,
)

MAX_WINDOW_WITH_PAGE = 100
"""Up to this window every leg carries what the page needs; beyond it the page is fetched by ids in a second trip."""

MAX_PINNED_HITS = 100
"""How many hits of pinned ids are asked for: an id may stand in several indices."""

_OF_EVERY_SEARCH = ("runtime_mappings", "pit", "search_pipeline")


@dataclass(frozen=True)
class Leg:
    """One leaf search: its name in the provenance, the filters of all nodes above it, and how many hits it returns.

    `rescore` are the steps of a `rescorer` right above it, which the cluster runs; `passage_fields` are read of each
    of its inner hits, by a reranker above it.
    """

    name: str
    retriever: Standard | Knn
    filters: tuple[dict[str, Any], ...]
    window: int
    rescore: tuple[Rescore, ...] = ()
    passage_fields: tuple[str, ...] = ()

    @property
    def inner_path(self) -> str:
        """The path of the nested objects whose vectors it searches."""
        return self.retriever.nested_path if isinstance(self.retriever, Knn) else ""

    @property
    def inner_name(self) -> str:
        """What its inner hits are called; "" when it has none."""
        asked = self.retriever.inner_hits if isinstance(self.retriever, Knn) else None
        return "" if asked is None else asked.get("name", self.inner_path)

    @property
    def asks_for_inner_fields(self) -> bool:
        """Tell whether the request itself asks for `fields` of the inner hits."""
        return isinstance(self.retriever, Knn) and "fields" in (self.retriever.inner_hits or {})

    @property
    def is_sorted(self) -> bool:
        """Tell whether the leg has an order of its own, which is then its ranking."""
        return isinstance(self.retriever, Standard) and self.retriever.sort is not None and not self.rescore

    @property
    def neighbours(self) -> int | None:
        """How many hits the leg has at most, over all shards; None: as many as match."""
        return self.retriever.k if isinstance(self.retriever, Knn) else None


@dataclass(frozen=True)
class Leaf:
    """The ranking of one leg, by its place among the legs."""

    leg: int


@dataclass(frozen=True)
class Fuse:
    """A fusion of the parts."""

    parts: tuple[Merge, ...]
    retriever: Rrf | Linear


@dataclass(frozen=True)
class RescoreBy:
    """Other queries' scores for the part's first hits."""

    part: Merge
    retriever: Rescorer


@dataclass(frozen=True)
class Pin:
    """Chosen documents, found by the leg of that place, before the part's hits."""

    leg: int
    part: Merge
    retriever: Pinned


@dataclass(frozen=True)
class Thin:
    """Those of the part's first hits that are not like one another."""

    part: Merge
    retriever: Diversify


@dataclass(frozen=True)
class Rerank:
    """A cross-encoder's order of the part's first hits.

    `passages` is the place of the leg whose inner hits it reads; None when it reads the hits.
    """

    part: Merge
    retriever: TextSimilarityReranker
    passages: int | None = None


Merge: TypeAlias = Leaf | Fuse | RescoreBy | Pin | Thin | Rerank


@dataclass(frozen=True)
class Plan:
    """What a tree asks of the cluster (the legs) and what is made of the answers (the merge tree)."""

    legs: tuple[Leg, ...]
    merge: Merge
    rerank_fields: tuple[str, ...]

    @property
    def carries_page(self) -> bool:
        """Tell whether the legs' own answers hold all that the page needs."""
        return all(leg.window <= MAX_WINDOW_WITH_PAGE for leg in self.legs) and not self.inner_queries

    @cached_property
    def inner_queries(self) -> list[dict[str, Any]]:
        """The legs' queries that ask for `inner_hits`, which every hit of the page is to have."""
        queries = (leg.retriever.query for leg in self.legs if isinstance(leg.retriever, Standard))
        return [query for query in queries if query is not None and _asks_for_inner_hits(query)]


def _asks_for_inner_hits(query: object) -> bool:
    if isinstance(query, Mapping):
        return "inner_hits" in query or any(map(_asks_for_inner_hits, query.values()))
    return isinstance(query, list) and any(map(_asks_for_inner_hits, query))


def make_plan(request: SearchRequest, dialect: Dialect) -> Plan:
    """Plan the legs and the merge of a request for a cluster of this dialect."""
    legs: list[Leg] = []
    page = request.offset + request.size

    def add(node: Node, filters: tuple[dict[str, Any], ...], window: int, rescore: tuple[Rescore, ...] = ()) -> Merge:
        retriever = node.retriever
        filters = (*filters, *retriever.filters)
        if isinstance(retriever, Standard | Knn):
            legs.append(Leg(retriever.name or node.kind, retriever, filters, window, rescore))
            return Leaf(len(legs) - 1)
        below = retriever.rank_window_size
        match retriever:
            case Rescorer(retriever=child) if retriever.min_score is None and _rescored_there(child, dialect):
                return add(child, filters, below, tuple(retriever.rescore))
            case Rescorer():
                return RescoreBy(add(retriever.retriever, filters, below), retriever)
            case Pinned():
                legs.append(Leg(retriever.leg.name or node.kind, retriever.leg, filters, MAX_PINNED_HITS))
                return Pin(len(legs) - 1, add(retriever.retriever, filters, below), retriever)
            case Diversify():
                return Thin(add(retriever.retriever, filters, below), retriever)
            case TextSimilarityReranker():
                first = len(legs)
                part = add(retriever.retriever, filters, below)
                return Rerank(part, retriever, _read_of_legs(retriever, legs, first))
            case Rrf() | Linear():
                return Fuse(tuple(add(leg.retriever, filters, below) for leg in retriever.legs), retriever)

    merge = add(request.tree, (), page)
    read_of_legs = {field for leg in legs for field in leg.passage_fields}
    fields = dict.fromkeys(
        field
        for node in request.tree.walk()
        if isinstance(node.retriever, TextSimilarityReranker)
        for field in node.retriever.fields
        if field not in read_of_legs
    )
    return Plan(tuple(_with_own_names(legs)), merge, tuple(fields))


def _read_of_legs(retriever: TextSimilarityReranker, legs: list[Leg], first: int) -> int | None:
    """Find the leg below a reranker whose inner hits hold a field of its, and have that leg read it."""
    for place, leg in enumerate(legs[first:], first):
        within = [field for field in retriever.fields if leg.inner_name and field.startswith(f"{leg.inner_path}.")]
        if within:
            named = [f"{leg.inner_path}.{name}" for name in ("field", "start", "end")]
            legs[place] = replace(leg, passage_fields=tuple(dict.fromkeys([*leg.passage_fields, *within, *named])))
            return place
    return None


def _rescored_there(node: Node, dialect: Dialect) -> bool:
    """Tell whether a rescorer's retriever is a leg whose hits the cluster can rescore in the same search."""
    return isinstance(node.retriever, Standard) or (isinstance(node.retriever, Knn) and dialect.counts_k_globally)


def _with_own_names(legs: Sequence[Leg]) -> list[Leg]:
    """Number the legs that would share a name, in the request's order: `knn`, `knn_2`."""
    named: dict[str, Leg] = {}
    for leg in sorted(legs, key=lambda leg: leg.retriever.name is None):
        name, number = leg.name, 1
        while name in named:
            number += 1
            name = f"{leg.name}_{number}"
        named[name] = replace(leg, name=name)
    by_retriever = {id(leg.retriever): leg for leg in named.values()}
    return [by_retriever[id(leg.retriever)] for leg in legs]


def leg_bodies(
    plan: Plan,
    request: SearchRequest,
    dialect: Dialect,
    vectors: Mapping[int, Sequence[float]],
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
    own_fields = [*plan.rerank_fields, *([] if request.collapse is None else [request.collapse.field])]
    if own_fields:
        hit_options["fields"] = [*hit_options.get("fields", ()), *own_fields]
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
    vectors: Mapping[int, Sequence[float]],
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
    plan: Plan, dialect: Dialect, vectors: Mapping[int, Sequence[float]], mappings: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Write the search of every leg, without what is asked beside."""

    def search(place: int, leg: Leg) -> dict[str, Any]:
        if isinstance(leg.retriever, Standard):
            return dialect.lexical_body(leg.retriever, leg.filters)
        vector = vectors.get(place, leg.retriever.query_vector)
        return dialect.vector_body(_with_inner_hits(leg), vector, leg.filters, mappings)

    return [search(place, leg) for place, leg in enumerate(plan.legs)]


def _with_inner_hits(leg: Leg) -> Knn:
    """Give the leg's retriever with all that its inner hits hold: a name, no vectors, the reranker's fields."""
    retriever = leg.retriever
    assert isinstance(retriever, Knn)
    asked = retriever.inner_hits
    if asked is None:
        return retriever
    whole = {"name": leg.inner_name, "_source": {"excludes": [retriever.field]}, **asked}
    if leg.passage_fields:
        whole["fields"] = [*asked.get("fields", ()), *leg.passage_fields]
    highlight, text = asked.get("highlight"), _embedded_text(leg)
    if isinstance(highlight, Mapping) and "highlight_query" not in highlight and text is not None:
        query = {"multi_match": {"query": text, "fields": list(highlight.get("fields", ()))}}
        whole["highlight"] = {**highlight, "highlight_query": query}
    return retriever.model_copy(update={"inner_hits": whole})


def passages_body(
    leg: Leg,
    vector: Sequence[float] | None,
    ids: Sequence[str],
    request: SearchRequest,
    dialect: Dialect,
    mappings: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the search for the leg's inner hits of these documents of one index, however far they are."""
    every = min(2 * len(ids), MAX_WINDOW)
    near = {"k": every, "num_candidates": every, "similarity": None, "min_score": None}
    retriever = _with_inner_hits(leg).model_copy(update=near)
    body = dialect.vector_body(retriever, vector, [{"ids": {"values": list(ids)}}], mappings)
    return {**body, **_bare(ids, request)}


def _size(leg: Leg, request: SearchRequest, dialect: Dialect) -> int:
    """Say how many hits a leg is asked for: where they are cut here, all of them if the union stands on them."""
    if leg.neighbours is None or dialect.counts_k_globally:
        return leg.window
    return leg.neighbours if request.needs_union else min(leg.window, leg.neighbours)


def _rescored(leg: Leg) -> dict[str, Any]:
    return {"rescore": [step.model_dump() for step in leg.rescore]} if leg.rescore else {}


def scores_body(ids: Sequence[str], query: Mapping[str, Any], request: SearchRequest) -> dict[str, Any]:
    """Write the search that scores these documents of one index by a query; those that don't match are not found."""
    return {
        "query": {"bool": {"must": [query], "filter": [{"ids": {"values": list(ids)}}]}},
        **_bare(ids, request),
    }


def page_body(ids: Sequence[str], plan: Plan, request: SearchRequest) -> dict[str, Any]:
    """Write the search that fetches what the page needs of these documents of one index."""
    asked = {"should": plan.inner_queries} if plan.inner_queries else {}
    return {
        "query": {"bool": {"filter": [{"ids": {"values": list(ids)}}], **asked}},
        "size": len(ids),
        "track_total_hits": False,
        **bare_options(request),
        **_hit_options(plan, request),
    }


def vectors_body(ids: Sequence[str], field: str, request: SearchRequest) -> dict[str, Any]:
    """Write the search that fetches a vector field of these documents of one index."""
    return {
        "query": {"bool": {"filter": [{"ids": {"values": list(ids)}}]}},
        "fields": [field],
        **_bare(ids, request),
    }


def filter_body(ids: Sequence[str], request: SearchRequest) -> dict[str, Any]:
    """Write the search that says which of these documents of one index pass the `post_filter`."""
    return {
        "query": {"bool": {"filter": [{"ids": {"values": list(ids)}}, request.post_filter]}},
        **_bare(ids, request),
    }


def _bare(ids: Sequence[str], request: SearchRequest) -> dict[str, Any]:
    """Say of a search by ids that it returns which are found, and no more."""
    return {
        "size": len(ids),
        "track_total_hits": False,
        "_source": False,
        **bare_options(request),
    }


def bare_options(request: SearchRequest) -> dict[str, Any]:
    """Give the options that every search of a request has, whatever it is for."""
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
        fields = list(highlight.get("fields", ()))
        texts = [text for leg in plan.legs if (text := _embedded_text(leg)) is not None]
        queries += [{"multi_match": {"query": text, "fields": fields}} for text in texts if not queries]
        if queries:
            options["highlight"] = {**highlight, "highlight_query": {"bool": {"should": queries}}}
    return options


def _embedded_text(leg: Leg) -> str | None:
    builder = leg.retriever.query_vector_builder if isinstance(leg.retriever, Knn) else None
    return None if builder is None else builder.text_embedding.model_text
