"""Sequences of calls that exceed a limit of a real node, or make no sense."""

from __future__ import annotations

from typing import Any

from tests.contract.corpora import KEYWORD, TEXT
from tests.contract.document_plays import CREATE, REFRESH_INDEX, SETTINGS, bulk, put, search
from tests.contract.harness import Call


def create(properties: dict[str, Any], **settings: Any) -> Call:
    return Call("PUT", "/{index}", {"mappings": {"properties": properties}, "settings": {**SETTINGS, **settings}})


def many(count: int) -> dict[str, Any]:
    return {f"f{number}": KEYWORD for number in range(count)}


def deep(levels: int, leaf: Any) -> Any:
    for _ in range(levels):
        leaf = {"a": leaf}
    return leaf


def any_of(count: int) -> Call:
    return search({"bool": {"should": [{"term": {"kind": str(number)}} for number in range(count)]}})


def nested_bools(levels: int) -> Call:
    query: dict[str, Any] = {"match_all": {}}
    for _ in range(levels):
        query = {"bool": {"must": [query]}}
    return search(query)


LIMITS: dict[str, list[Call]] = {
    "1,000 fields": [
        create(many(1000)),
        put("1", {"new": 1}),
        Call("PUT", "/{index}/_mapping", {"properties": {"new": KEYWORD}}),
        put("1", {"f7": "x"}),
    ],
    "1,001 fields": [create(many(1001))],
    "multi-fields are fields": [create({f"f{number}": {**TEXT, "fields": {"k": KEYWORD}} for number in range(501)})],
    "objects are fields": [create({f"o{number}": {"properties": {"k": KEYWORD}} for number in range(501)})],
    "a text and its keyword are two": [create(many(999)), put("1", {"new": "x"}), put("2", {"new": 1})],
    "a limit of its own": [create(many(5), **{"index.mapping.total_fields.limit": 5}), put("1", {"new": 1})],
    "one document of a bulk goes beyond": [
        create({}),
        bulk({"index": {"_id": "1"}}, dict.fromkeys(many(1001), 1), {"index": {"_id": "2"}}, {"a": 1}),
    ],
    "20 levels": [put("1", deep(20, 1)), put("2", deep(21, 1))],
    "51 nested fields": [create({f"n{number}": {"type": "nested"} for number in range(101)})],
    "10,001 nested objects": [
        create({"n": {"type": "nested", "properties": {"k": KEYWORD}}}),
        put("1", {"n": [{"k": "a"}] * 10_001}),
        put("2", {"n": [{"k": "a"}] * 10_000}),
    ],
    "a term of 32,766 bytes": [
        create({"k": KEYWORD}),
        put("1", {"k": "x" * 32_766}),
        put("2", {"k": "x" * 32_767}),
        put("3", {"k": "é" * 16_384}),
    ],
    "16,384 clauses": [CREATE, any_of(16_000), any_of(17_000)],
    "29 levels of bool": [CREATE, nested_bools(29), nested_bools(30), nested_bools(31)],
    "65,536 terms": [CREATE, search({"terms": {"kind": ["a"] * 65_536}}), search({"terms": {"kind": ["a"] * 65_537}})],
    "a rescore window of 10,000": [
        CREATE,
        Call(
            "POST",
            "/{index}/_search",
            {"rescore": {"window_size": 10_001, "query": {"rescore_query": {"match_all": {}}}}},
        ),
    ],
    "a window of its own": [create({}, max_result_window=5), Call("POST", "/{index}/_search", {"size": 6})],
}

SETTINGS_THAT_FAIL: list[Any] = [
    5,
    [],
    {"number_of_shards": "x"},
    {"number_of_shards": 0},
    {"number_of_shards": [1]},
    {"max_result_window": "²"},
    {"max_result_window": 0},
    {"max_result_window": 99_999_999_999},
    {"refresh_interval": "x"},
    {"index": {"x": 1}},
    {"number_of_replicas": "x"},
]
MAPPINGS_THAT_FAIL: list[Any] = [
    5,
    [],
    {"properties": 5},
    {"properties": {"a": 5}},
    {"properties": {"a": {"type": ["text"]}}},
    {"properties": {"a": {**TEXT, "index": "x"}}},
    {"properties": {"a": {**KEYWORD, "ignore_above": "x"}}},
    {"properties": {"a": {**KEYWORD, "ignore_above": -1}}},
    {"properties": {"a": {**TEXT, "fields": {"k": 5}}}},
    {"properties": {"v": {"type": "dense_vector", "dims": "x"}}},
    {"properties": {"v": {"type": "dense_vector", "dims": 2, "similarity": ["x"]}}},
]
SENSELESS: dict[str, list[Call]] = {
    "settings": [Call("PUT", "/{index}", {"settings": settings}) for settings in SETTINGS_THAT_FAIL],
    "mappings": [Call("PUT", "/{index}", {"mappings": mappings}) for mappings in MAPPINGS_THAT_FAIL],
    "numbers": [
        create({"l": {"type": "long"}, "d": {"type": "double"}, "i": {"type": "integer"}, "f": {"type": "float"}}),
        *(
            put("1", f'{{"{field}": {value}}}')
            for field in "ldif"
            for value in ("1e400", '"1e400"', '""', "true", "{}", '"x"', "9223372036854775808", "1" * 400)
        ),
    ],
    "dates": [
        create({"date": {"type": "date"}}),
        put("1", {"date": "2020-01-01"}),
        *(
            put("1", f'{{"date": {value}}}')
            for value in (
                '"0000-01-01"',
                '"0001-01-01T00:00:00+18:00"',
                '"9999-12-31T23:59:59-18:00"',
                '"2020-02-30"',
                '"9999-12-31T23:59:59-19:00"',
                "1.5",
                "1500.0",
                "99999999999999999999",
                '"99999999999999999999"',
                '"２０２０-01-01"',
                '"10000-01-01"',
                '"2020-01-01T24:00"',
                "true",
                '""',
                "{}",
            )
        ),
        REFRESH_INDEX,
        Call("POST", "/{index}/_search", {"query": {"range": {"date": {"gte": 0}}}, "_source": False}),
    ],
    "names": [
        put("1", source)
        for source in ({"": 1}, {" ": 1}, {"a..b": 1}, {".a": 1}, {"a. .b": 1}, {"_id": 1}, {"_source": 1}, {".": 1})
    ],
    "a name twice": [put("1", '{"a": 1, "a": 2}'), Call("POST", "/{index}/_search", '{"size": 1, "size": 2}')],
    "mget": [
        CREATE,
        *(
            Call("POST", "/{index}/_mget", body)
            for body in (
                {"ids": "x"},
                {"ids": 5},
                {"ids": None},
                {"ids": [None]},
                {"ids": [{"a": 1}]},
                {"docs": 5},
                {"docs": ["x"]},
                {"docs": [{"_id": {"a": 1}}]},
            )
        ),
    ],
    "updates": [
        CREATE,
        put("1", {"kind": "a"}),
        *(
            Call("POST", "/{index}/_update/1", body)
            for body in (
                {"doc": None},
                {"doc": 5},
                {"upsert": 5},
                {"doc": {}, "doc_as_upsert": "x"},
                {"doc": {}, "detect_noop": 5},
                '{"doc": {"kind": "\\ud800"}}',
                "[]",
                '{"doc"',
            )
        ),
        Call("POST", "/{index}/_update/" + "x" * 513, {"doc": {}}),
    ],
    "an empty id in a bulk": [CREATE, bulk({"index": {"_id": "1"}}, {}, {"index": {"_id": ""}}, {}, refresh="true")],
    "an index that can't be, in a bulk": [
        CREATE,
        bulk({"index": {"_index": "BAD", "_id": "1"}}, {}, {"index": {"_index": "", "_id": "2"}}, {}),
        bulk({"index": {"_index": ["a"], "_id": "1"}}, {}),
    ],
    "a negative sequence number": [CREATE, bulk({"index": {"_id": "1", "if_seq_no": -5, "if_primary_term": 1}}, {})],
}
