"""Filters in the typed form: what they mean in Elasticsearch's DSL, and what is refused."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import pytest

from connector import connect
from connector.errors import RequestError
from connector.facade.connector import Connector
from connector.facade.filters import as_queries
from tests.models_by_hand import count_words, first_words

TEXT: dict[str, Any] = {"type": "text", "fields": {"exact": {"type": "keyword"}}}
PROPERTIES: dict[str, Any] = {
    "title": TEXT,
    "body": {"type": "text"},
    "lang": {"type": "keyword"},
    "year": {"type": "integer"},
    "draft": {"type": "boolean"},
    "published": {"type": "date"},
    "author": {"properties": {"name": {"type": "keyword"}}},
    "vector": {"type": "dense_vector", "dims": 3},
}
MAPPINGS: dict[str, Any] = {"articles": {"mappings": {"properties": PROPERTIES}}}


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        (None, []),
        ({"lang": "en"}, [{"term": {"lang": "en"}}]),
        ({"lang": ["en", "de"]}, [{"terms": {"lang": ["en", "de"]}}]),
        ({"year": {"gte": 2020, "lt": 2025}}, [{"range": {"year": {"gte": 2020, "lt": 2025}}}]),
        ({"year": "2020"}, [{"term": {"year": "2020"}}]),
        ({"draft": False}, [{"term": {"draft": False}}]),
        ({"published": {"gt": date(2024, 5, 1)}}, [{"range": {"published": {"gt": "2024-05-01"}}}]),
        ({"title.exact": "The whale"}, [{"term": {"title.exact": "The whale"}}]),
        ({"author.name": "Ann"}, [{"term": {"author.name": "Ann"}}]),
        ({"lang": None}, [{"bool": {"must_not": [{"exists": {"field": "lang"}}]}}]),
        (
            {"year": {"gte": 2020}, "lang": "en"},
            [{"range": {"year": {"gte": 2020}}}, {"term": {"lang": "en"}}],
        ),
        ([{"lang": "en"}, {"exists": {"field": "year"}}], [{"term": {"lang": "en"}}, {"exists": {"field": "year"}}]),
        ({"range": {"year": {"gte": 2020}}}, [{"range": {"year": {"gte": 2020}}}]),
        ({"term": {"anything": "goes"}}, [{"term": {"anything": "goes"}}]),
    ],
)
def test_a_filter_is_written_in_the_dsl(filter: Any, expected: list[dict[str, Any]]) -> None:
    assert as_queries(filter, MAPPINGS) == expected


def test_fields_that_can_not_be_known_are_not_checked() -> None:
    assert as_queries({"anything": "goes"}, {}) == [{"term": {"anything": "goes"}}]


@pytest.mark.parametrize(
    ("filter", "message"),
    [
        ({"langs": "en"}, r"filter\.langs: .*is not mapped; there are lang"),
        ({"title": "whale"}, r"filter\.title: .*is analysed text.*use title\.exact"),
        ({"body": "whale"}, r"filter\.body: .*add a keyword sub-field"),
        ({"vector": 1.0}, r"filter\.vector: .*of type dense_vector, which can't be matched exactly"),
        ({"draft": {"gte": 1}}, r"filter\.draft: .*of type boolean, which has no order"),
        ({"draft": 1}, r"filter\.draft: .*must be true or false"),
        ({"draft": "perhaps"}, r"filter\.draft: .*must be true or false"),
        ({"year": "soon"}, r"filter\.year: .*must be a number: the field is of type integer"),
        ({"year": {"gte": float("nan")}}, r"filter\.year\.gte: .*finite number"),
        ({"year": {"from": 2020}}, r"filter\.year: .*must have bounds of gt, gte, lt, lte"),
        ({"year": {}}, r"filter\.year: .*must have bounds"),
        ({"lang": []}, r"filter\.lang: .*at least one value"),
        ({"lang": [["en"]]}, r"filter\.lang: .*must be a text"),
        ("lang:en", "filter: .*must be a query"),
        (["lang:en"], "filter: .*must be a query"),
        ({1: 2}, "filter: .*must be a query"),
    ],
)
def test_what_does_not_fit_the_mapping_is_refused_with_what_to_use(filter: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        as_queries(filter, MAPPINGS)


def test_a_search_takes_the_typed_form() -> None:
    with connect("embedded:", encoder=count_words, reranker=first_words) as client:
        client.indices.create(index="cars", mappings={"properties": {"year": {"type": "integer"}, "body": TEXT}})
        for number in range(4):
            client.index(index="cars", id=str(number), document={"body": "small car", "year": 2020 + number})
        client.indices.refresh(index="cars")
        cars = Connector(client, "cars", text_fields=["body"])
        with pytest.warns(UserWarning, match="searches are lexical"):
            found = cars.search("car", filter={"year": {"gte": 2022}})
        assert sorted(hit["_id"] for hit in found["hits"]["hits"]) == ["2", "3"]
        with pytest.raises(RequestError, match=r"filter\.years: .*there are year"):
            cars.search("car", filter={"years": 2022})


def test_a_field_in_nested_objects_is_asked_for_within_them() -> None:
    name = {"type": "keyword"}
    mappings = {"books": {"mappings": {"properties": {"authors": {"type": "nested", "properties": {"name": name}}}}}}
    asked = {"nested": {"path": "authors", "query": {"term": {"authors.name": "Ada"}}}}
    assert as_queries({"authors.name": "Ada"}, mappings) == [asked]
    none = {"nested": {"path": "authors", "query": {"exists": {"field": "authors.name"}}}}
    assert as_queries({"authors.name": None}, mappings) == [{"bool": {"must_not": [none]}}]


def test_what_elasticsearch_matches_is_not_refused() -> None:
    properties = {
        "labels": {"type": "flattened"},
        "tag": {"type": "alias", "path": "lang"},
        "lang": {"type": "keyword"},
    }
    mappings = {"books": {"mappings": {"properties": {**properties, "body": {"type": "text"}}}}}
    for field in ("labels.color", "tag", "_id", "_index"):
        assert as_queries({field: "x"}, mappings) == [{"term": {field: "x"}}]
    assert as_queries({"body": None}, mappings) == [{"bool": {"must_not": [{"exists": {"field": "body"}}]}}]


KEYWORD = {"type": "keyword"}
READ_IN_FULL: dict[str, Any] = {
    "runtime": {
        "season": KEYWORD,
        "size": {"type": "long"},
        "parts": {"type": "composite", "fields": {"host": KEYWORD}},
    },
    "properties": {
        "size": KEYWORD,
        "attributes": {
            "type": "passthrough",
            "priority": 10,
            "properties": {
                "city": {"type": "keyword", "fields": {"text": {"type": "text"}}},
                "note": {"type": "text", "fields": {"raw": KEYWORD}},
                "geo": {"properties": {"country": KEYWORD}},
                "size": {"type": "integer"},
            },
        },
        "resource": {
            "properties": {
                "attributes": {"type": "passthrough", "priority": 20, "properties": {"city": {"type": "integer"}}}
            }
        },
        "labels": {"type": "flattened"},
        "where": {"type": "alias", "path": "attributes.city"},
        "words": {"type": "alias", "path": "attributes.note"},
        "price": {"type": "scaled_float", "scaling_factor": 100},
        "views": {"type": "unsigned_long"},
        "release": {"type": "version"},
        "client": {"type": "ip"},
        "tenant": {"type": "constant_keyword", "value": "a"},
        "ages": {"type": "integer_range"},
        "open": {"type": "date_range", "format": "yyyy/MM/dd"},
        "day": {"type": "date", "format": "yyyy/MM/dd"},
        "at": {"type": "date", "format": "epoch_second"},
        "then": {"type": "date"},
        "books": {
            "type": "nested",
            "properties": {"pages": {"type": "nested", "properties": {"no": {"type": "long"}}}},
        },
    },
}
ANY_FORMAT = {"day": "yyyy/MM/dd||strict_date_optional_time", "at": "epoch_second||strict_date_optional_time"}


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({"season": "winter"}, {"term": {"season": "winter"}}),
        ({"parts.host": "h"}, {"term": {"parts.host": "h"}}),
        ({"size": {"gt": 5}}, {"range": {"size": {"gt": 5}}}),
        ({"attributes.city": "Porto"}, {"term": {"attributes.city": "Porto"}}),
        ({"city": 7}, {"term": {"city": 7}}),  # of the passthrough object with the higher priority
        ({"geo.country": "pt"}, {"term": {"geo.country": "pt"}}),
        ({"where": "Porto"}, {"term": {"where": "Porto"}}),
        ({"labels": "q"}, {"term": {"labels": "q"}}),
        ({"labels.year": [2020]}, {"terms": {"labels.year": [2020]}}),
        ({"price": {"lte": 1.25}}, {"range": {"price": {"lte": 1.25}}}),
        ({"views": 2**64 - 1}, {"term": {"views": 2**64 - 1}}),
        ({"release": {"gte": "1.2.0"}}, {"range": {"release": {"gte": "1.2.0"}}}),
        ({"client": "10.0.0.0/8"}, {"term": {"client": "10.0.0.0/8"}}),
        ({"tenant": "a"}, {"term": {"tenant": "a"}}),
        ({"ages": 3}, {"term": {"ages": 3}}),
        ({"ages": {"gte": np.int64(3)}}, {"range": {"ages": {"gte": 3}}}),
        ({"attributes": None}, {"bool": {"must_not": [{"exists": {"field": "attributes"}}]}}),
        (
            {"day": date(2020, 3, 4)},
            {"range": {"day": {"gte": "2020-03-04", "lte": "2020-03-04", "format": ANY_FORMAT["day"]}}},
        ),
        (
            {"at": {"gte": datetime(2020, 3, 4, 5), "lt": 1583300000}},
            {"range": {"at": {"gte": "2020-03-04T05:00:00", "lt": 1583300000, "format": ANY_FORMAT["at"]}}},
        ),
        (
            {"open": [date(2020, 3, 4)]},
            {
                "bool": {
                    "should": [
                        {"range": {"open": {"gte": "2020-03-04", "lte": "2020-03-04", "format": ANY_FORMAT["day"]}}}
                    ]
                }
            },
        ),
        ({"day": "2020/03/04"}, {"term": {"day": "2020/03/04"}}),
        ({"then": date(2020, 3, 4)}, {"term": {"then": "2020-03-04"}}),
        ({"books.pages.no": 3}, {"nested": {"path": "books.pages", "query": {"term": {"books.pages.no": 3}}}}),
    ],
)
def test_every_field_that_a_search_knows_is_a_field_of_the_filter(filter: Any, expected: dict[str, Any]) -> None:
    assert as_queries(filter, {"things": {"mappings": READ_IN_FULL}}) == [expected]


@pytest.mark.parametrize(
    ("filter", "message"),
    [
        ({"size": "big"}, "must be a number: the field is of type long"),
        ({"city": "Porto"}, "must be a number: the field is of type integer"),
        ({"city.text": "Porto"}, "is not mapped; there are"),
        ({"ages": "old"}, "must be a number: the field is of type integer_range"),
        ({"words": "a"}, r"is analysed text.*use attributes\.note\.raw"),
        ({"attributes": "a"}, "of type passthrough, which can't be matched exactly"),
        ({"seasons": "winter"}, "is not mapped; there are season"),
    ],
)
def test_what_does_not_fit_such_a_field_is_refused(filter: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        as_queries(filter, {"things": {"mappings": READ_IN_FULL}})
