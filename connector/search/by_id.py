"""Documents by their ids: the query that matches them, and one round trip that fetches them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from connector.request.search_request import SearchRequest
from connector.search.needs import Flow, MultiSearch
from connector.search.ranking import Key

_OPTIONS_OF_EVERY_SEARCH = frozenset({"runtime_mappings", "pit", "search_pipeline"})


@dataclass(frozen=True)
class Selection:
    """Chosen documents: a query that matches only them, and their number."""

    query: dict[str, Any]
    count: int

    @classmethod
    def of(cls, keys: Sequence[Key]) -> Selection:
        """Select documents of any index."""
        return cls({"bool": {"should": queries_for(keys)}}, len(keys))

    def body(self, request: SearchRequest, **options: Any) -> dict[str, Any]:
        """Write a search for these documents, which returns only which of them match unless `options` ask for more."""
        return {"query": {"bool": {"filter": [self.query]}}, **self.bare_options(request), **options}

    def bare_options(self, request: SearchRequest) -> dict[str, Any]:
        """Return the options with which a search for these documents returns their ids and nothing else."""
        return {"size": self.count, "track_total_hits": False, "_source": False, **shared_options(request)}


def fetch(
    keys: Sequence[Key], request: SearchRequest, body_of: Callable[[Selection], dict[str, Any]]
) -> Flow[dict[Key, Mapping[str, Any]]]:
    """Search for documents by their ids, with one search per index in one round trip; return those that match."""
    by_index = ids_by_index(keys)
    if not by_index:
        return {}
    if request.has_pit:  # it determines the indices, so one search covers all of them
        headers, bodies = [request.header], [body_of(Selection.of(keys))]
    else:
        headers = [{**request.header, "index": index} for index in by_index]
        bodies = [body_of(Selection({"ids": {"values": ids}}, len(ids))) for ids in by_index.values()]
    answers = yield MultiSearch(headers, bodies, request.url_options)
    return {key_of(hit): hit for answer in answers for hit in answer["hits"]["hits"]}


key_of: Callable[[Mapping[str, Any]], Key] = itemgetter("_index", "_id")
"""Returns the identity of a hit."""


def queries_for(keys: Sequence[Key]) -> list[dict[str, Any]]:
    """Write one query per index, which together match these documents."""
    return [
        {"bool": {"filter": [{"term": {"_index": index}}, {"ids": {"values": ids}}]}}
        for index, ids in ids_by_index(keys).items()
    ]


def ids_by_index(keys: Sequence[Key]) -> dict[str, list[str]]:
    """Group ids by their index, in the order of the keys."""
    by_index: dict[str, list[str]] = {}
    for index, identifier in keys:
        by_index.setdefault(index, []).append(identifier)
    return by_index


def shared_options(request: SearchRequest) -> dict[str, Any]:
    """Return the options that every search of a request has, whatever it is for."""
    return {name: value for name, value in request.leg_options.items() if name in _OPTIONS_OF_EVERY_SEARCH}
