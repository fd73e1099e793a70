"""Hits fetched by their ids, a search for each index, all in one round trip. No I/O here; comes in from `merge`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connector.request.search_request import SearchRequest
from connector.search.bodies import Which
from connector.search.collapse import ids_by_index, these
from connector.search.fusion import Key
from connector.search.needs import Flow, MultiSearch


def fetch(
    keys: Sequence[Key], request: SearchRequest, body_of: Callable[[Which], dict[str, Any]]
) -> Flow[dict[Key, Mapping[str, Any]]]:
    """Search for hits by their ids, a search for each index, all in one round trip; give those that were found."""
    by_index = ids_by_index(keys)
    if not by_index:
        return {}
    if request.has_pit:  # it names its indices itself, so that all are searched at once
        wanted = Which({"bool": {"should": these(keys)}}, len(keys))
        headers, bodies = [request.header], [body_of(wanted)]
    else:
        headers = [{**request.header, "index": index} for index in by_index]
        bodies = [body_of(Which({"ids": {"values": ids}}, len(ids))) for ids in by_index.values()]
    answers = yield MultiSearch(headers, bodies, request.url_options)
    return {(hit["_index"], hit["_id"]): hit for answer in answers for hit in answer["hits"]["hits"]}
