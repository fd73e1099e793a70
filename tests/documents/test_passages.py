"""The text of a document that the encoder and the reranker read."""

from __future__ import annotations

from typing import Any

import pytest

from connector.documents.passages import fill_template, passage_of, template_parts


@pytest.mark.parametrize(
    ("source", "fields", "expected"),
    [
        ({"title": "Cars", "body": "small"}, ["title", "body"], "Cars\n\nsmall"),
        ({"title": "Cars", "body": "small"}, ["body", "title"], "small\n\nCars"),
        ({"body": ["one ", "", "two"]}, ["body"], "one\n\ntwo"),
        ({"author": {"name": "Ann"}}, ["author.name"], "Ann"),
        ({"author.name": ["Ann"]}, ["author.name"], "Ann"),
        ({"chapters": [{"text": ["a"]}, {"text": "b"}, {}]}, ["chapters.text"], "a\n\nb"),
        ({"a.b": {"c": "x"}, "a": {"b": {"c": "y"}}}, ["a.b.c"], "x\n\ny"),
        ({"year": 2020, "open": True, "none": None}, ["year", "open", "none"], "2020"),
        ({"body": {"first": "a", "second": ["b"]}}, ["body"], "a\n\nb"),
        ({"title": "  "}, ["title", "missing"], ""),
        ({}, ["title"], ""),
    ],
)
def test_a_passage_is_the_text_of_its_fields_in_their_order(source: Any, fields: list[str], expected: str) -> None:
    assert passage_of(source, fields) == expected


def nested(depth: int, value: Any, wrap: Any) -> Any:
    for _ in range(depth):
        value = wrap(value)
    return value


def test_no_nesting_is_too_deep_and_no_list_too_long() -> None:
    assert passage_of({"body": nested(50_000, "deep", lambda inner: [inner])}, ["body"]) == "deep"
    assert passage_of({"body": nested(50_000, "deep", lambda inner: {"in": inner})}, ["body"]) == "deep"
    assert passage_of({"author": nested(50_000, {"name": "deep"}, lambda inner: [inner])}, ["author.name"]) == "deep"
    assert passage_of({"body": ["", " ", None, []] * 50_000 + ["last"]}, ["body"]) == "last"


@pytest.mark.parametrize(
    ("template", "source", "expected"),
    [
        ("{title}. {body}", {"title": "Whales", "body": "They sing."}, "Whales. They sing."),
        ("{title}. {body}", {"body": "They sing."}, "They sing."),
        ("{title}. {body}", {"title": "Whales"}, "Whales"),
        ("{title} ({year}) by {author.name}", {"title": "Whales", "author": {"name": "Ann"}}, "Whales by Ann"),
        ("Title: {title}!", {"title": "Whales"}, "Title: Whales!"),
        ("Title: {title}!", {"title": ""}, ""),
        ("{tags}; {title}", {"tags": ["sea", "song"], "title": "Whales"}, "sea\n\nsong; Whales"),
    ],
)
def test_a_template_is_safe_where_a_field_is_missing(template: str, source: dict[str, Any], expected: str) -> None:
    assert fill_template(template, source) == expected


@pytest.mark.parametrize("template", ["{title", "title}", "{}", "{title!r}", "{title:>9}", "{{title}}"])
def test_a_template_that_is_none_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"\{|\}"):
        template_parts(template)
