"""Names of text fields, and where `_source` holds their text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.documents.suggestions import is_misspelt, suggest_fields
from connector.documents.text_fields import (
    ResolvedField,
    TextField,
    parse_text_fields,
    resolve_field,
    resolve_fields,
    source_paths,
    text_names,
)
from connector.errors import RequestError

MAPPING: dict[str, Any] = {
    "properties": {
        "title": {
            "type": "text",
            "copy_to": ["all", "later"],
            "fields": {"english": {"type": "text"}, "raw": {"type": "keyword"}},
        },
        "body": {"type": "text", "copy_to": "all"},
        "all": {"type": "text", "fields": {"english": {"type": "text"}}},
        "heading": {"type": "alias", "path": "title"},
        "stem": {"type": "alias", "path": "title.english"},
        "whole": {"type": "alias", "path": "all"},
        "author": {"properties": {"name": {"type": "text", "copy_to": "people"}, "id": {"type": "integer"}}},
        "people": {"type": "text"},
        "reviews": {"type": "nested", "properties": {"text": {"type": "text"}}},
        "labels": {"type": "flattened"},
        "attributes": {"type": "passthrough", "properties": {"colour": {"type": "keyword"}}},
        "closed": {"dynamic": "strict", "properties": {"a": {"type": "text"}}},
        "opaque": {"type": "object", "enabled": False},
        "dotted.name": {"type": "text"},
        "vector": {"type": "dense_vector", "dims": 2},
        "place": {"type": "geo_point"},
    },
    "runtime": {"upper": {"type": "keyword", "script": {"source": "emit('x')"}}, "from_source": {"type": "keyword"}},
}


@pytest.mark.parametrize(
    ("name", "sources"),
    [
        ("title", ("title",)),
        ("title.english", ("title",)),
        ("title.raw", ("title",)),
        ("heading", ("title",)),
        ("stem", ("title",)),
        ("all", ("title", "body", "all")),
        ("all.english", ("title", "body", "all")),
        ("whole", ("title", "body", "all")),
        ("later", ("title", "later")),
        ("people", ("author.name", "people")),
        ("author.name", ("author.name",)),
        ("author", ("author",)),
        ("reviews.text", ("reviews.text",)),
        ("labels", ("labels",)),
        ("labels.colour", ("labels.colour",)),
        ("colour", ("attributes.colour",)),
        ("attributes.colour", ("attributes.colour",)),
        ("dotted.name", ("dotted.name",)),
        ("from_source", ("from_source",)),
    ],
)
def test_a_name_leads_to_where_the_source_has_the_text(name: str, sources: tuple[str, ...]) -> None:
    found = resolve_field(MAPPING, TextField(name))
    assert (found.sources, found.is_mapped, found.fault) == (sources, True, "")


@pytest.mark.parametrize(
    ("name", "reason"),
    [("upper", "runtime field"), ("vector", "dense_vector"), ("place", "geo_point")],
)
def test_what_the_source_has_no_text_of_is_refused_by_name(name: str, reason: str) -> None:
    with pytest.raises(RequestError, match=rf"text_fields: '{name}'.*{reason}"):
        source_paths(resolve_fields({"i": {"mappings": MAPPING}}, [TextField(name)]))


@pytest.mark.parametrize(
    ("mapping", "name", "may_exist"),
    [
        (MAPPING, "titel", True),
        (MAPPING, "title.french", False),  # below a text field there are only its sub-fields
        (MAPPING, "author.age", True),
        (MAPPING, "closed.b", False),
        (MAPPING, "opaque.b", True),
        ({}, "title", True),
        ({"dynamic": "strict"}, "title", False),
        ({"dynamic": False}, "title", True),
        ({"dynamic": "strict", "properties": {"open": {"dynamic": True}}}, "open.title", True),
    ],
)
def test_an_unmapped_name_may_come_where_the_mapping_lets_it(
    mapping: dict[str, Any], name: str, may_exist: bool
) -> None:
    found = resolve_field(mapping, TextField(name))
    assert (found.is_mapped, found.may_exist) == (False, may_exist)


def test_of_several_indices_one_that_has_the_field_is_enough() -> None:
    there = {"properties": {"title": {"type": "text", "fields": {"english": {"type": "text"}}}}}
    mappings = {"old": {"mappings": {}}, "new": {"mappings": there}}
    assert source_paths(resolve_fields(mappings, [TextField("title.english")])) == ("title",)


def test_a_name_that_leads_elsewhere_in_each_index_is_refused_by_both() -> None:
    alias = {"properties": {"heading": {"type": "alias", "path": "title"}, "title": {"type": "text"}}}
    mappings = {"a": {"mappings": alias}, "b": {"mappings": {"properties": {"heading": {"type": "text"}}}}}
    with pytest.raises(RequestError, match=r"'a' \(text of title\) and 'b' \(text of heading\)"):
        source_paths(resolve_fields(mappings, [TextField("heading")]))


def test_names_are_taken_as_they_are_where_no_mapping_can_be_read() -> None:
    assert resolve_fields({}, [TextField("title.english", "^2")]) == [
        ResolvedField("title.english", "^2", sources=("title.english",))
    ]


def test_a_text_that_two_names_lead_to_is_read_once() -> None:
    fields = resolve_fields(
        {"i": {"mappings": MAPPING}}, parse_text_fields(["title^3", "title.english", "heading", "all"])
    )
    assert source_paths(fields) == ("title", "body", "all")


@pytest.mark.parametrize(("written", "field"), [("title^3", ("title", "^3")), ("a.b^0.5", ("a.b", "^0.5"))])
def test_a_boost_is_no_part_of_the_name(written: str, field: tuple[str, str]) -> None:
    assert parse_text_fields([written]) == (TextField(*field),)


@pytest.mark.parametrize(
    ("names", "remedy"),
    [
        ("title", r'as \["title"\]'),
        ([], "must be a list"),
        (None, "must be a list"),
        ([""], "must be a list"),
        ([1], "must be a list"),
        (["tit*"], "is a pattern"),
        (["*"], "is a pattern"),
        (["title^"], "must be a number of"),
        (["title^high"], "must be a number of"),
        (["title^-1"], "must be a number of"),
        (["title^nan"], "must be a number of"),
        (["^2"], "must be a number of"),
    ],
)
def test_what_names_no_single_field_is_refused(names: Any, remedy: str) -> None:
    with pytest.raises(RequestError, match=remedy):
        parse_text_fields(names)


def test_the_nearest_names_are_told_or_all_that_there_are() -> None:
    there = text_names({"i": {"mappings": MAPPING}})
    assert suggest_fields("Titel", there).startswith("the nearest are title")
    assert "heading" in suggest_fields("xyz", there)
    assert suggest_fields("xyz", []) == "there are no text fields"


@pytest.mark.parametrize(
    ("name", "others", "is_one"),
    [("titel", [], True), ("Title", [], True), ("titles", ["title"], False), ("summary", [], False)],
)
def test_a_name_is_misspelt_when_it_is_like_one_that_nobody_asks_for(
    name: str, others: list[str], is_one: bool
) -> None:
    assert is_misspelt(name, ["title", "body"], others) is is_one


_NAMES = st.sampled_from(["title", "body", "a.b", "x"])
_TYPES = st.sampled_from(["text", "keyword", "integer", "dense_vector", "alias", "flattened", "nested", "new_type"])
_DEFINITIONS = st.fixed_dictionaries(
    {},
    optional={
        "type": _TYPES,
        "path": _NAMES,
        "copy_to": st.one_of(_NAMES, st.lists(_NAMES, max_size=2)),
        "fields": st.dictionaries(_NAMES, st.fixed_dictionaries({"type": _TYPES}), max_size=2),
        "properties": st.dictionaries(_NAMES, st.fixed_dictionaries({"type": st.just("text")}), max_size=2),
    },
)
_MAPPINGS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"properties": st.dictionaries(_NAMES, _DEFINITIONS, max_size=4)},
    optional={"dynamic": st.sampled_from([True, False, "strict", "runtime"])},
)


def has_sound_aliases(mapping: dict[str, Any]) -> bool:
    """True if every alias refers to a field that is not an alias: a cluster refuses anything else."""
    aliases = {name: each for name, each in mapping["properties"].items() if each.get("type") == "alias"}
    return all("path" in each and each["path"] not in aliases for each in aliases.values())


@given(_MAPPINGS.filter(has_sound_aliases), st.lists(_NAMES, min_size=1, max_size=3))
def test_any_mapping_gives_paths_or_a_documented_refusal(mapping: dict[str, Any], names: list[str]) -> None:
    fields = resolve_fields({"i": {"mappings": mapping}}, parse_text_fields(names))
    try:
        paths = source_paths(fields)
    except RequestError:
        assert any(field.fault for field in fields)
    else:
        assert paths
        assert len(set(paths)) == len(paths)
