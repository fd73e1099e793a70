"""Each value of a field once, by its best hit, and searches within a value. Pure; comes in from `search`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from connector.request.search_request import SearchRequest
from connector.search.bodies import bare_options
from connector.search.fusion import Key, Ranking

_DEFAULT_SIZE = 3


Groups: TypeAlias = Mapping[Key, Sequence[Any]]
"""The value that each hit is collapsed by, [] where it has none."""


def collapsed(ranking: Ranking, groups: Groups) -> Ranking:
    """Keep the first hit of each value; hits without one are one group, as Elasticsearch has it."""
    firsts: dict[str, int] = {}
    for place, key in enumerate(ranking.keys):
        firsts.setdefault(repr(groups[key]), place)
    places = list(firsts.values())
    return Ranking([ranking.keys[place] for place in places], ranking.scores[places])


@dataclass(frozen=True)
class InnerSearch:
    """One search within a value: the hit it belongs to, its name, its bodies, and the window's hits of the value.

    With an order of its own there is one body. Else the first has this part of the window's hits, whose scores are
    known, and the second what is found beyond the window, which comes after them with score 0, as Elasticsearch's does.
    """

    owner: Key
    name: str
    bodies: tuple[dict[str, Any], ...]
    members: Sequence[Key]
    shown: Sequence[Key]


def inner_searches(
    page: Sequence[Key],
    ranking: Ranking,
    request: SearchRequest,
    union: Mapping[str, Any],
    groups: Groups,
) -> Iterator[InnerSearch]:
    """Write the searches within the values that a page shows.

    Args:
        page: the hits shown.
        ranking: all hits, before collapsing.
        request: what was asked.
        union: the body of a search over all legs.
        groups: the value that each hit is collapsed by.
    """
    collapse = request.collapse
    if collapse is None:
        return
    for owner in page:
        value = groups[owner]
        within = [_within(collapse.field, value), *([] if request.post_filter is None else [request.post_filter])]
        members = [key for key in ranking.keys if groups[key] == value]
        for name, options in collapse.inner_hits.items():
            start, end = options.get("from", 0), options.get("from", 0) + options.get("size", _DEFAULT_SIZE)
            asked = {option: given for option, given in options.items() if option not in ("from", "size")}
            common = {**union, **bare_options(request), **asked, "track_total_hits": True}
            if "sort" in options:
                body = {**common, "post_filter": {"bool": {"filter": within}}, "from": start, "size": end - start}
                yield InnerSearch(owner, name, (body,), (), ())
                continue
            shown, count = members[start:end], len(members)
            beyond = {
                **common,
                "post_filter": {"bool": {"filter": within, "must_not": these(members)}},
                "sort": ["_doc"],
                "from": max(start - count, 0),
                "size": max(end - max(start, count), 0),
            }
            best = {**bare_options(request), **asked, "query": {"bool": {"should": these(shown)}}, "size": len(shown)}
            yield InnerSearch(owner, name, (best, beyond), members, shown)


def inner_hits(search: InnerSearch, answers: Sequence[Mapping[str, Any]], ranking: Ranking) -> dict[str, Any]:
    """Draw the answers of a search within a value."""
    if len(answers) == 1:
        return {"hits": answers[0]["hits"]}
    best, beyond = (answer["hits"] for answer in answers)
    scores = dict(zip(ranking.keys, ranking.scores.tolist(), strict=True))
    there = {(hit["_index"], hit["_id"]): hit for hit in best["hits"]}
    shown = [{**there[key], "_score": scores[key]} for key in search.shown if key in there]
    for hit in beyond["hits"]:
        shown.append({name: value for name, value in hit.items() if name != "sort"} | {"_score": 0.0})
    total = {**beyond["total"], "value": beyond["total"]["value"] + len(search.members)}
    most = scores[search.members[0]] if search.members else 0.0
    return {"hits": {"total": total, "max_score": most, "hits": shown}}


def _within(field: str, values: Sequence[Any]) -> dict[str, Any]:
    if not values:
        return {"bool": {"must_not": [{"exists": {"field": field}}]}}
    return {"term": {field: values[0]}}


def these(keys: Sequence[Key]) -> list[dict[str, Any]]:
    """Write a query for the hits of each index."""
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
