"""By which value each hit is collapsed, and what the cluster itself refuses to collapse by. No I/O here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from connector.request.search_request import SearchRequest
from connector.search.bodies import Which, carries_groups, collapse_body, doc_values_body
from connector.search.by_id import fetch
from connector.search.collapse import these
from connector.search.fusion import Key, Ranking
from connector.search.needs import Flow, MultiSearch
from connector.search.plan import Plan


def groupable(ranking: Ranking, checked: Iterable[Mapping[str, Any]]) -> Ranking:
    """Leave out the hits of indices that can't be collapsed by the field, as the cluster does where others can.

    Args:
        ranking: all hits.
        checked: the cluster's answers to a search that collapses and returns nothing.
    """
    failures = [failure for answer in checked for failure in answer["_shards"].get("failures", ())]
    refused = {
        failure.get("index")
        for failure in failures
        if (failure.get("reason") or {}).get("type") == "illegal_argument_exception"
    }
    return ranking.where([index not in refused for index, _ in ranking.keys]) if refused else ranking


def grouped(
    ranking: Ranking, plan: Plan, request: SearchRequest, hits: Mapping[Key, Mapping[str, Any]]
) -> Flow[dict[Key, Sequence[Any]]]:
    """Return the value that each hit is collapsed by, [] where it has none.

    Raises: the cluster's own error where a hit has several values.
    """
    assert request.collapse is not None
    field = request.collapse.field
    if not carries_groups(plan, request):
        hits = yield from fetch(ranking.keys, request, partial(doc_values_body, field=field, request=request))
    values = {key: hits.get(key, {}).get("fields", {}).get(field) or [] for key in ranking.keys}
    if several := [key for key in ranking.keys if len(values[key]) > 1]:
        header = {**request.header, "allow_partial_search_results": False}
        which = Which({"bool": {"should": these(several)}}, len(several))
        yield MultiSearch([header], [collapse_body(which, request)], request.url_options)
    return values
