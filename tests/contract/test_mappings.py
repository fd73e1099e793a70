"""Fields that real nodes know and the embedded engine does not: filters find by them, vectors of bytes are compared."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from connector.facade.filters import as_queries
from tests.contract.conftest import Pair
from tests.contract.test_hybrid import diversified, hybrid, rrf

KEYWORD = {"type": "keyword"}
PLACES: dict[str, Any] = {
    "dynamic": False,
    "runtime": {"season": KEYWORD, "stars": {"type": "long"}},
    "properties": {
        "body": {"type": "text"},
        "stars": KEYWORD,
        "attributes": {
            "type": "passthrough",
            "priority": 10,
            "properties": {"city": KEYWORD, "geo": {"properties": {"country": KEYWORD}}},
        },
        "resource": {
            "properties": {"attributes": {"type": "passthrough", "priority": 20, "properties": {"city": KEYWORD}}}
        },
        "where": {"type": "alias", "path": "attributes.city"},
        "labels": {"type": "flattened"},
        "ages": {"type": "integer_range"},
        "open": {"type": "date_range", "format": "yyyy/MM/dd"},
        "day": {"type": "date", "format": "yyyy/MM/dd"},
        "at": {"type": "date", "format": "epoch_second"},
        "books": {
            "type": "nested",
            "properties": {"pages": {"type": "nested", "properties": {"no": {"type": "long"}}}},
        },
        "bytes": {"type": "dense_vector", "dims": 2, "element_type": "byte", "index": True, "similarity": "cosine"},
    },
}
HARBOUR: dict[str, Any] = {
    "body": "harbour",
    "season": "winter",
    "stars": "5",
    "attributes": {"city": "Porto", "geo": {"country": "pt"}},
    "resource": {"attributes": {"city": "Lisboa"}},
    "labels": {"year": "2020"},
    "ages": {"gte": 1, "lte": 5},
    "open": {"gte": "2020/01/01", "lte": "2020/12/31"},
    "day": "2020/03/04",
    "at": 1583298000,  # 2020-03-04T05:00:00Z
    "books": [{"pages": [{"no": 3}]}],
    "bytes": "0100",
}
FOUND: list[dict[str, Any]] = [
    {"season": "winter"},
    {"stars": {"gte": 5}},
    {"attributes.city": "Porto"},
    {"city": "Lisboa"},
    {"geo.country": ["pt", "es"]},
    {"where": "Porto"},
    {"labels": "2020"},
    {"labels.year": 2020},
    {"ages": 3},
    {"ages": {"gt": 4}},
    {"open": date(2020, 6, 1)},
    {"day": date(2020, 3, 4)},
    {"day": [date(2020, 3, 4), "2019/01/01"]},
    {"day": "2020/03/04"},
    {"at": {"gte": datetime(2020, 3, 4), "lt": datetime(2020, 3, 4, 6)}},
    {"at": {"gte": date(2020, 3, 4), "lt": 1583300000}},
    {"books.pages.no": 3},
]
MISSED: list[dict[str, Any]] = [
    {"city": "Porto"},
    {"stars": 4},
    {"ages": 6},
    {"open": date(2021, 6, 1)},
    {"day": date(2020, 3, 5)},
    {"at": {"gt": datetime(2020, 3, 4, 5)}},
    {"books.pages.no": None},
    {"attributes": None},
]


@pytest.fixture
def places(pair: Pair) -> tuple[Any, str]:
    """The real node's client, and an index of one place with everything, and two with little."""
    client, index = pair.real.client, f"{pair.real.prefix}-places"
    if index not in pair.real.made:
        pair.real.made.add(index)
        client.indices.create(index=index, mappings=PLACES)
        client.index(index=index, id="1", document=HARBOUR)
        client.index(index=index, id="2", document={"body": "harbour harbour", "bytes": [100, 1]})
        client.index(index=index, id="3", document={"body": "a harbour by the sea", "bytes": [0, 1]}, refresh=True)
    return client, index


@pytest.mark.parametrize(("filters", "expected"), [(FOUND, True), (MISSED, False)], ids=["found", "missed"])
def test_a_typed_filter_finds_by_any_field_that_the_cluster_knows(
    places: tuple[Any, str], filters: list[dict[str, Any]], expected: bool
) -> None:
    client, index = places
    mappings = client.indices.get_mapping(index=index).body
    for filter in filters:
        queries = [{"ids": {"values": ["1"]}}, *as_queries(filter, mappings)]
        found = client.search(index=index, query={"bool": {"filter": queries}})["hits"]["hits"]
        assert bool(found) is expected, filter


def test_vectors_of_bytes_are_diversified_however_they_were_written(places: tuple[Any, str]) -> None:
    client, index = places
    tree = diversified(rrf({"standard": {"query": {"match": {"body": "harbour"}}}}), field="bytes", size=2)
    found = hybrid(client).search(index=index, retriever=tree)["hits"]["hits"]
    assert [hit["_id"] for hit in found] == ["2", "3"]  # of 1 and 2, which point the same way, 2 scores higher
