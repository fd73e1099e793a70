"""Aggregations over text, keywords, numbers, dates and booleans; all are POST /{index}/_search."""

from __future__ import annotations

from typing import Any

from tests.contract.search_cases import DOG, STORY, Body


def aggs(query: Body, **asked: Body) -> Body:
    return {"query": query, "size": 0, "aggs": asked}


def terms(field: str, **options: Any) -> Body:
    return {"terms": {"field": field, **options}}


ALL: Body = {"match_all": {}}
AGGREGATIONS: dict[str, Body] = {
    "terms of a keyword": aggs(ALL, kinds=terms("kind")),
    "terms of several values": aggs(ALL, tags=terms("tags")),
    "terms of an integer": aggs(ALL, years=terms("year")),
    "terms of a double": aggs(ALL, prices=terms("price")),
    "terms of a long": aggs(ALL, views=terms("views")),
    "terms of a float": aggs(ALL, ratings=terms("rating")),
    "stats of a float": aggs(ALL, ratings={"stats": {"field": "rating"}}),
    "terms of a boolean": aggs(ALL, open=terms("open")),
    "terms of no field": aggs(ALL, none=terms("nowhere")),
    "terms, the first two": aggs(ALL, tags=terms("tags", size=2)),
    "terms by key": aggs(ALL, tags=terms("tags", order={"_key": "asc"})),
    "terms by key, down": aggs(ALL, years=terms("year", order=[{"_key": "desc"}])),
    "terms by count, up": aggs(ALL, kinds=terms("kind", order={"_count": "asc"})),
    "terms of two documents at least": aggs(ALL, tags=terms("tags", min_doc_count=2)),
    "terms under a query": aggs(DOG, kinds=terms("kind")),
    "terms with numbers inside": aggs(
        ALL,
        kinds={**terms("kind"), "aggs": {"years": {"stats": {"field": "year"}}, "tags": terms("tags", size=1)}},
    ),
    "min": aggs(ALL, year={"min": {"field": "year"}}),
    "max": aggs(ALL, year={"max": {"field": "year"}}),
    "avg": aggs(ALL, rating={"avg": {"field": "rating"}}),
    "sum": aggs(ALL, year={"sum": {"field": "year"}}),
    "value_count": aggs(ALL, year={"value_count": {"field": "year"}}, tags={"value_count": {"field": "tags"}}),
    "stats": aggs(ALL, price={"stats": {"field": "price"}}),
    "numbers of no field": aggs(ALL, none={"stats": {"field": "nowhere"}}, least={"min": {"field": "nowhere"}}),
    "numbers of nothing": aggs({"match_none": {}}, year={"stats": {"field": "year"}}, kinds=terms("kind")),
    "under the name aggregations": {"query": ALL, "size": 0, "aggregations": {"kinds": terms("kind")}},
    "none": {"query": ALL, "size": 0, "aggs": {}},
    "not of the post_filter": {**aggs(DOG, kinds=terms("kind")), "post_filter": STORY, "size": 5},
    "of what scores enough": {**aggs(DOG, kinds=terms("kind")), "min_score": 1.0},
}
