"""Fields looked up in a mapping."""

from __future__ import annotations

from typing import Any

from connector.documents.paths import along, definition_at, nested_above

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
    assert [reached for reached, _ in along(MAPPING, "parts.of.age")] == ["parts", "parts.of"]


def test_the_outermost_nested_objects_hold_a_field() -> None:
    assert nested_above(MAPPING, "parts.of.name") == "parts"
    assert nested_above(MAPPING, "parts.age") == "parts"
    assert nested_above(MAPPING, "author.name") is None
