"""Each value of a field once, by its best hit, and the searches among the hits of a value. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from connector.request.search_request import SearchRequest
from connector.search.by_id import key_of, queries_for, shared_options
from connector.search.ranking import Key, Ranking

_DEFAULT_SIZE = 3


Groups: TypeAlias = Mapping[Key, Sequence[Any]]
"""The value that each hit is collapsed by; [] for a hit without one."""


def collapsed(ranking: Ranking, groups: Groups) -> Ranking:
    """Keep the first hit of each value; hits without a value are one group, as in Elasticsearch."""
    firsts: dict[str, int] = {}
    for place, key in enumerate(ranking.keys):
        firsts.setdefault(repr(groups[key]), place)
    places = list(firsts.values())
    return Ranking([ranking.keys[place] for place in places], ranking.scores[places])


@dataclass(frozen=True)
class InnerSearch:
    """A search among the hits of one value.

    With a `sort` there is one body. Otherwise there are two: the first fetches those hits of the fused window that are
    shown, whose scores are known; the second finds hits beyond the window, which follow with score 0, as in
    Elasticsearch.

    Attributes:
        owner: the hit that shows the value.
        name: the name of the inner hits.
        bodies: the search bodies.
        members: the window's hits that have the value.
        shown: those of the members that are shown.
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
    """Write the searches among the hits of the values that a page shows.

    Args:
        page: the hits shown.
        ranking: all hits, before collapsing.
        request: the search.
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
            others = {option: each for option, each in options.items() if option not in ("from", "size")}
            common = {**union, **shared_options(request), **others, "track_total_hits": True}
            if "sort" in options:
                body = {**common, "post_filter": {"bool": {"filter": within}}, "from": start, "size": end - start}
                yield InnerSearch(owner, name, (body,), (), ())
                continue
            shown, count = members[start:end], len(members)
            beyond = {
                **common,
                "post_filter": {"bool": {"filter": within, "must_not": queries_for(members)}},
                "sort": ["_doc"],
                "from": max(start - count, 0),
                "size": max(end - max(start, count), 0),
            }
            best = {
                **shared_options(request),
                **others,
                "query": {"bool": {"should": queries_for(shown)}},
                "size": len(shown),
            }
            yield InnerSearch(owner, name, (best, beyond), members, shown)


def inner_hits(search: InnerSearch, answers: Sequence[Mapping[str, Any]], ranking: Ranking) -> dict[str, Any]:
    """Return the `inner_hits` that the answers of a search add up to."""
    if len(answers) == 1:
        return {"hits": answers[0]["hits"]}
    best, beyond = (answer["hits"] for answer in answers)
    scores = dict(zip(ranking.keys, ranking.scores.tolist(), strict=True))
    found = {key_of(hit): hit for hit in best["hits"]}
    shown = [{**found[key], "_score": scores[key]} for key in search.shown if key in found]
    for hit in beyond["hits"]:
        shown.append({name: value for name, value in hit.items() if name != "sort"} | {"_score": 0.0})
    total = {**beyond["total"], "value": beyond["total"]["value"] + len(search.members)}
    most = scores[search.members[0]] if search.members else 0.0
    return {"hits": {"total": total, "max_score": most, "hits": shown}}


def _within(field: str, values: Sequence[Any]) -> dict[str, Any]:
    if not values:
        return {"bool": {"must_not": [{"exists": {"field": field}}]}}
    return {"term": {field: values[0]}}
