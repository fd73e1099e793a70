"""Filters in the typed form: what they mean in Elasticsearch's DSL, and what is refused."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from connector import connect
from connector.connector import Connector
from connector.errors import RequestError
from connector.filters import as_queries
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
