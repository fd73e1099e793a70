"""A plan: a retriever tree split into leaf searches (the legs) and a merge tree over their rankings. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

from connector.engines import Dialect
from connector.errors import RequestError
from connector.request.leaf_retrievers import Knn, Standard
from connector.request.rescoring import Rescore
from connector.request.retrievers import Diversify, Linear, Node, Pinned, Rescorer, Rrf, TextSimilarityReranker
from connector.request.search_request import SearchRequest

MAX_WINDOW_WITH_PAGE = 100
"""Up to this window every leg carries what the page needs; beyond it the page is fetched by ids in a second trip."""

MAX_PINNED_HITS = 100
"""The greatest number of hits for pinned ids; an id may exist in several indices."""


@dataclass(frozen=True)
class Leg:
    """One leaf search.

    Attributes:
        name: its name in the provenance.
        retriever: the search.
        filters: those of the retriever and of all nodes above it.
        window: how many hits it returns.
        rescore: the steps of a `rescorer` directly above it, which the cluster runs.
        passage_fields: the fields of its inner hits that a reranker above it reads.
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
        """The name of its inner hits; "" if it has none."""
        inner_hits = self.retriever.inner_hits if isinstance(self.retriever, Knn) else None
        return "" if inner_hits is None else inner_hits.get("name", self.inner_path)

    @property
    def asks_for_inner_fields(self) -> bool:
        """True if the request itself asks for `fields` of the inner hits."""
        return isinstance(self.retriever, Knn) and bool((self.retriever.inner_hits or {}).get("fields"))

    @property
    def is_sorted(self) -> bool:
        """True if the leg has a `sort`, whose order is then its ranking."""
        return isinstance(self.retriever, Standard) and self.retriever.sort is not None and not self.rescore

    @property
    def neighbours(self) -> int | None:
        """The greatest number of hits of the leg over all shards; None if it is not limited."""
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
    """Scores of other queries for the part's first hits."""

    part: Merge
    retriever: Rescorer


@dataclass(frozen=True)
class Pin:
    """Chosen documents, found by the leg at that place, before the part's hits."""

    leg: int
    part: Merge
    retriever: Pinned


@dataclass(frozen=True)
class DiversifyBy:
    """Those of the part's first hits that are unlike one another."""

    part: Merge
    retriever: Diversify


@dataclass(frozen=True)
class Rerank:
    """A cross-encoder's order of the part's first hits.

    `passages` is the place of the leg whose inner hits it reads; None if it reads the hits themselves.
    """

    part: Merge
    retriever: TextSimilarityReranker
    passages: int | None = None


Merge: TypeAlias = Leaf | Fuse | RescoreBy | Pin | DiversifyBy | Rerank


@dataclass(frozen=True)
class Plan:
    """The searches (legs), how their answers are combined (merge tree), and the fields that rerankers read."""

    legs: tuple[Leg, ...]
    merge: Merge
    rerank_fields: tuple[str, ...]

    @property
    def steps(self) -> list[Rescore]:
        """The steps of all rescorers, whether the cluster or this package runs them."""
        return [*(step for leg in self.legs for step in leg.rescore), *_steps(self.merge)]

    @property
    def carries_page(self) -> bool:
        """True if the legs' answers hold everything that the page needs."""
        return all(leg.window <= MAX_WINDOW_WITH_PAGE for leg in self.legs) and not self.inner_queries

    @cached_property
    def inner_queries(self) -> list[dict[str, Any]]:
        """The legs' queries with `inner_hits`, which every hit of the page gets, whichever leg found it."""
        queries = (leg.retriever.query for leg in self.legs if isinstance(leg.retriever, Standard))
        return [query for query in queries if query is not None and _asks_for_inner_hits(query)]


def _steps(merge: Merge) -> Iterator[Rescore]:
    if isinstance(merge, RescoreBy):
        yield from merge.retriever.rescore
    if not isinstance(merge, Leaf):
        for part in merge.parts if isinstance(merge, Fuse) else (merge.part,):
            yield from _steps(part)


def _asks_for_inner_hits(query: object) -> bool:
    if isinstance(query, Mapping):
        return "inner_hits" in query or any(map(_asks_for_inner_hits, query.values()))
    return isinstance(query, list) and any(map(_asks_for_inner_hits, query))


def make_plan(request: SearchRequest, dialect: Dialect) -> Plan:
    """Plan the legs and the merge tree of a request for a cluster of this dialect.

    Raises:
        RequestError: two legs use the same name for their inner hits.
    """
    legs: list[Leg] = []
    fields: dict[str, None] = {}
    page = request.offset + request.size

    def add(node: Node, filters: tuple[dict[str, Any], ...], window: int, rescore: tuple[Rescore, ...] = ()) -> Merge:
        retriever = node.retriever
        filters = (*filters, *retriever.filters)
        if isinstance(retriever, Standard | Knn):
            legs.append(Leg(retriever.name or node.kind, retriever, filters, window, rescore))
            return Leaf(len(legs) - 1)
        below = retriever.rank_window_size
        match retriever:
            case Rescorer(retriever=child) if retriever.min_score is None and _cluster_rescores(child, dialect):
                return add(child, filters, below, tuple(retriever.rescore))
            case Rescorer():
                return RescoreBy(add(retriever.retriever, filters, below), retriever)
            case Pinned():
                legs.append(Leg(retriever.leg.name or node.kind, retriever.leg, filters, MAX_PINNED_HITS))
                return Pin(len(legs) - 1, add(retriever.retriever, filters, below), retriever)
            case Diversify():
                return DiversifyBy(add(retriever.retriever, filters, below), retriever)
            case TextSimilarityReranker():
                first = len(legs)
                part = add(retriever.retriever, filters, below)
                place = _passage_leg(retriever, legs, first)
                inner = "" if place is None else f"{legs[place].inner_path}."
                fields.update(
                    dict.fromkeys(each for each in retriever.fields if not (inner and each.startswith(inner)))
                )
                return Rerank(part, retriever, place)
            case Rrf() | Linear():
                return Fuse(tuple(add(leg.retriever, filters, below) for leg in retriever.legs), retriever)

    merge = add(request.tree, (), page)
    _check_inner_names(legs)
    return Plan(tuple(_with_unique_names(legs)), merge, tuple(fields))


def _check_inner_names(legs: Sequence[Leg]) -> None:
    """Refuse inner hits of a vector leg whose name is taken, as the cluster does within one search."""
    taken = [name for leg in legs if isinstance(leg.retriever, Standard) for name in _inner_names(leg.retriever.query)]
    names = [leg.inner_name for leg in legs if leg.inner_name]
    for name in names:
        if names.count(name) > 1 or name in taken:
            raise RequestError(
                "retriever...knn.inner_hits.name",
                name,
                "[inner_hits] already contains an entry for this key; names must be unique",
            )


def _inner_names(query: object) -> Iterator[str]:
    """Return the names of the inner hits of the `nested` and `knn` queries within a query."""
    if isinstance(query, list):
        for part in query:
            yield from _inner_names(part)
    elif isinstance(query, Mapping):
        for kind, part in query.items():
            inner_hits = part.get("inner_hits") if kind in ("nested", "knn") and isinstance(part, Mapping) else None
            if isinstance(inner_hits, Mapping):
                yield str(inner_hits.get("name") or part.get("path") or str(part.get("field")).rpartition(".")[0])
            yield from _inner_names(part)


def _passage_leg(retriever: TextSimilarityReranker, legs: list[Leg], first: int) -> int | None:
    """Return the place of the first leg whose inner hits hold fields that a reranker reads, and have it fetch these."""
    for place, leg in enumerate(legs[first:], first):
        within = [field for field in retriever.fields if leg.inner_name and field.startswith(f"{leg.inner_path}.")]
        if within:
            named = [f"{leg.inner_path}.{name}" for name in ("field", "start", "end")]
            legs[place] = replace(leg, passage_fields=tuple(dict.fromkeys([*leg.passage_fields, *within, *named])))
            return place
    return None


def _cluster_rescores(node: Node, dialect: Dialect) -> bool:
    """True if a rescorer's retriever is a leg whose hits the cluster can rescore in the same search."""
    return isinstance(node.retriever, Standard) or (isinstance(node.retriever, Knn) and dialect.counts_k_globally)


def _with_unique_names(legs: Sequence[Leg]) -> list[Leg]:
    """Number legs with the same name, in the request's order: `knn`, `knn_2`."""
    named: dict[str, Leg] = {}
    for leg in sorted(legs, key=lambda leg: leg.retriever.name is None):
        name, number = leg.name, 1
        while name in named:
            number += 1
            name = f"{leg.name}_{number}"
        named[name] = replace(leg, name=name)
    by_retriever = {id(leg.retriever): leg for leg in named.values()}
    return [by_retriever[id(leg.retriever)] for leg in legs]


def with_queries(plan: Plan, change: Callable[[Any], Any]) -> Plan:
    """Return the plan with `change` applied to each query of Elasticsearch's DSL, including filters and rescorers."""

    def rescored(step: Rescore) -> Rescore:
        query = step.query.model_copy(update={"rescore_query": change(step.query.rescore_query)})
        return step.model_copy(update={"query": query})

    def changed(leg: Leg) -> Leg:
        retriever = leg.retriever
        if isinstance(retriever, Standard):
            retriever = retriever.model_copy(update={"query": change(retriever.query)})
        filters = tuple(change(each) for each in leg.filters)
        return replace(leg, retriever=retriever, filters=filters, rescore=tuple(map(rescored, leg.rescore)))

    def merged(merge: Merge) -> Merge:
        match merge:
            case Leaf():
                return merge
            case Fuse(parts=parts):
                return replace(merge, parts=tuple(map(merged, parts)))
            case RescoreBy(retriever=retriever):
                steps = list(map(rescored, retriever.rescore))
                return replace(
                    merge, part=merged(merge.part), retriever=retriever.model_copy(update={"rescore": steps})
                )
            case _:
                return replace(merge, part=merged(merge.part))

    return replace(plan, legs=tuple(map(changed, plan.legs)), merge=merged(plan.merge))
