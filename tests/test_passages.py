"""What the encoder and the reranker read of a document."""

from __future__ import annotations

from typing import Any

import pytest

from connector.passages import passage_of


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
