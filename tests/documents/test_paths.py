"""Fields looked up in a mapping by their paths; values set in a document, and removed from it."""

from __future__ import annotations

from typing import Any

import pytest

from connector.documents.paths import definition_at, definitions_along, outermost_nested, with_value, without_value

KEYWORD: dict[str, Any] = {"type": "keyword"}
MAPPING: dict[str, Any] = {
    "properties": {
        "title": {"type": "text", "fields": {"raw": KEYWORD}},
        "author": {"properties": {"name": KEYWORD}},
        "parts": {"type": "nested", "properties": {"of": {"type": "nested", "properties": {"name": KEYWORD}}}},
        "metrics": {"subobjects": False, "properties": {"time": {"type": "long"}, "time.max": KEYWORD}},
    }
}


def test_a_field_is_found_by_its_path() -> None:
    assert definition_at(MAPPING, "title") == MAPPING["properties"]["title"]
    assert definition_at(MAPPING, "title.raw") is KEYWORD
    assert definition_at(MAPPING, "author.name") is KEYWORD
    assert definition_at(MAPPING, "parts.of.name") is KEYWORD


def test_a_dot_may_stand_in_a_name() -> None:
    assert definition_at(MAPPING, "metrics.time.max") is KEYWORD
    assert definition_at(MAPPING, "metrics.time") == {"type": "long"}


def test_what_is_not_mapped_has_no_definition_but_a_way_as_far_as_there_is_one() -> None:
    assert definition_at(MAPPING, "author.age") is None
    assert definition_at({}, "title") is None
    assert [reached for reached, _ in definitions_along(MAPPING, "parts.of.age")] == ["parts", "parts.of"]


def test_the_outermost_nested_objects_hold_a_field() -> None:
    assert outermost_nested(MAPPING, "parts.of.name") == "parts"
    assert outermost_nested(MAPPING, "parts.age") == "parts"
    assert outermost_nested(MAPPING, "author.name") is None


def test_a_value_is_set_without_changing_the_document() -> None:
    document = {"meta": {"title": "a"}}
    assert with_value(document, "meta.vector", [1.0]) == {"meta": {"title": "a", "vector": [1.0]}}
    assert document == {"meta": {"title": "a"}}


@pytest.mark.parametrize(
    ("source", "path", "left"),
    [
        ({"a": 1, "v": 2}, "v", {"a": 1}),
        ({"a": {"v": 1, "w": 2}}, "a.v", {"a": {"w": 2}}),
        ({"a": {"v": 1}}, "a.v", {}),
        ({"a": [1]}, "a.v", {"a": [1]}),
        ({"a.v": 1, "b": 2}, "a.v", {"b": 2}),
    ],
)
def test_a_field_is_taken_out_of_a_source(source: dict[str, Any], path: str, left: dict[str, Any]) -> None:
    before = repr(source)
    assert without_value(source, path) == left
    assert repr(source) == before
