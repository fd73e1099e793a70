"""Collapsing of a ranking: each value of a field once, as the cluster reads and refuses values, with its inner hits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connector.request.search_request import SearchRequest
from connector.search.bodies import carries_groups, union_search
from connector.search.by_id import Selection, fetch
from connector.search.collapse import Groups, collapsed, inner_hits, inner_searches
from connector.search.context import SearchContext
from connector.search.needs import Flow, MultiSearch
from connector.search.ranking import Ranking


def collapse_check(request: SearchRequest) -> dict[str, Any]:
    """Write a search that collapses and returns nothing: the cluster refuses it if the field can't be collapsed by."""
    return _collapse_body(Selection({"match_all": {}}, 0), request)


def _collapse_body(selection: Selection, request: SearchRequest) -> dict[str, Any]:
    assert request.collapse is not None
    return selection.body(request, query=selection.query, collapse={"field": request.collapse.field})


def collapse_ranking(
    ranking: Ranking,
    checked: Iterable[Mapping[str, Any]],
    context: SearchContext,
    found: Mapping[int, dict[str, Any]],
) -> Flow[Ranking]:
    """Keep the best hit of each value, and search for the inner hits of the values on the page.

    Args:
        ranking: all hits.
        checked: the cluster's answers to `collapse_check`.
        context: the search; inner hits are added to its hits.
        found: as for `union_search`.

    Raises:
        ApiError: the cluster's own error if a hit has several values.
    """
    assert context.request.collapse is not None
    with context.provenance.timed("collapse"):
        whole = _collapsible(ranking, checked)
        groups = yield from _groups(whole, context)
        best = collapsed(whole, groups)
    if context.request.collapse.inner_hits:
        with context.provenance.timed("inner_hits"):
            yield from _search_within(best, whole, groups, context, union_search(context, found))
    return best


def _collapsible(ranking: Ranking, checked: Iterable[Mapping[str, Any]]) -> Ranking:
    """Leave out the hits of indices that can't be collapsed by the field, as the cluster does if others can."""
    failures = [failure for answer in checked for failure in answer["_shards"].get("failures", ())]
    refused = {
        failure.get("index")
        for failure in failures
        if (failure.get("reason") or {}).get("type") == "illegal_argument_exception"
    }
    return ranking.where([index not in refused for index, _ in ranking.keys]) if refused else ranking


def _groups(ranking: Ranking, context: SearchContext) -> Flow[Groups]:
    """Return the value that each hit is collapsed by; [] for a hit without one."""
    request = context.request
    assert request.collapse is not None
    field, hits = request.collapse.field, context.hits
    if not carries_groups(context.plan, request):
        hits = yield from fetch(
            ranking.keys, request, lambda selection: selection.body(request, docvalue_fields=[field])
        )
    values: dict[tuple[str, str], Sequence[Any]] = {
        key: hits.get(key, {}).get("fields", {}).get(field) or [] for key in ranking.keys
    }
    if several := [key for key in ranking.keys if len(values[key]) > 1]:  # the cluster refuses these
        header = {**request.header, "allow_partial_search_results": False}
        yield MultiSearch([header], [_collapse_body(Selection.of(several), request)], request.url_options)
    return values


def _search_within(
    best: Ranking, whole: Ranking, groups: Groups, context: SearchContext, union: Mapping[str, Any]
) -> Flow[None]:
    """Add to each hit of the page the `inner_hits` of its value, all in one round trip."""
    request = context.request
    searches = list(inner_searches(context.page(best), whole, request, union, groups))
    bodies = [body for search in searches for body in search.bodies]
    if not bodies:
        return
    answers = iter((yield MultiSearch([request.header] * len(bodies), bodies, request.url_options)))
    for search in searches:
        found = inner_hits(search, [next(answers) for _ in search.bodies], whole)
        context.add_inner_hits(search.owner, search.name, found)
