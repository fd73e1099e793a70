"""Haystack's filters, and what they match in its own document store."""

from __future__ import annotations

from typing import Any

import pytest
from haystack import Document
from haystack.utils.filters import document_matches_filter

from connector import Connector
from connector.errors import RequestError
from connector.integrations.haystack import ConnectorRetriever
from tests.integrations.conftest import SOURCES
from tests.integrations.test_haystack import ids

pytestmark = pytest.mark.filterwarnings("ignore:index .* does not say which encoder:UserWarning")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"field": "meta.year", "operator": ">=", "value": 2022}, "cd"),
        ({"field": "year", "operator": ">", "value": 2022}, "d"),
        ({"field": "meta.year", "operator": "!=", "value": 2022}, "abd"),
        ({"field": "meta.year", "operator": "in", "value": [2019, 2021]}, "ab"),
        ({"field": "meta.year", "operator": "not in", "value": [2019, 2021]}, "cd"),
        ({"field": "meta.tags", "operator": "==", "value": None}, "bcd"),
        ({"field": "meta.tags", "operator": "!=", "value": None}, "a"),
        ({"field": "meta.tags", "operator": "==", "value": ["old", "new"]}, ""),
        ({"field": "meta.body.pages", "operator": "<=", "value": 3}, "a"),
        (
            {
                "operator": "OR",
                "conditions": [
                    {"field": "meta.tags", "operator": "==", "value": "old"},
                    {
                        "operator": "AND",
                        "conditions": [
                            {"field": "meta.year", "operator": ">", "value": 2019},
                            {"field": "meta.year", "operator": "<", "value": 2022},
                        ],
                    },
                ],
            },
            "ab",
        ),
        (
            {
                "operator": "NOT",
                "conditions": [
                    {"field": "meta.year", "operator": ">", "value": 2019},
                    {"field": "meta.year", "operator": "<", "value": 2022},
                ],
            },
            "acd",
        ),
        ({"year": {"gte": 2022}}, "cd"),
        ([{"term": {"tags": "old"}}], "a"),
        ({}, "abcd"),
    ],
)
def test_filters_are_haystacks_or_a_searchs_own(articles: Connector, filters: Any, expected: str) -> None:
    found = ConnectorRetriever(articles, filters={"year": 1900}).run("small car climate", filters=filters)
    assert "".join(sorted(ids(found))) == expected


VALUES: dict[str, list[Any]] = {
    **{key: [2021, 1900, None] for key in ("==", "!=")},
    **{key: [2021, 1900, None] for key in (">", ">=", "<", "<=")},
    **{key: [[], [2019], [2019, 1900], [None], [None, 3]] for key in ("in", "not in")},
}


def test_conditions_match_what_haystacks_own_document_store_matches(articles: Connector) -> None:
    documents = {key: Document(id=key, meta=source) for key, source in SOURCES.items()}
    conditions: list[dict[str, Any]] = [
        {"field": field, "operator": operator, "value": value}
        for field in ("meta.year", "meta.body.pages")
        for operator, values in VALUES.items()
        for value in values
    ]
    conditions += [
        {"operator": operator, "conditions": parts}
        for operator in ("AND", "OR", "NOT")
        for parts in ([], conditions[:2], [conditions[5], conditions[-1]])
    ]
    retriever = ConnectorRetriever(articles, depth=0)
    expected, found = {}, {}
    for condition in conditions:
        matching = [key for key, document in documents.items() if document_matches_filter(condition, document)]
        expected[str(condition)] = matching
        found[str(condition)] = sorted(ids(retriever.run("small car climate", filters=condition)))
    assert found == expected


async def test_async_searches_are_filtered_too(async_articles: Connector) -> None:
    conditions = {"field": "meta.year", "operator": ">", "value": 2022}
    assert ids(await ConnectorRetriever(async_articles, filters=conditions).run_async("small car")) == ["d"]


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"field": "meta.yeer", "operator": "==", "value": 1}, "is not mapped; there are year"),
        ({"field": "meta.title", "operator": "==", "value": "A"}, "is analysed text"),
        ({"field": "meta.year", "operator": "=", "value": 1}, "must be one of ==, !="),
        ({"field": "meta.year", "operator": "in", "value": 1}, "must be a list"),
        ({"field": "meta.year", "operator": "=="}, "must have a value"),
        ({"operator": "XOR", "conditions": []}, "must be AND, OR or NOT"),
        ({"operator": "AND", "conditions": [{"year": 1}]}, "must have an operator"),
        ({"operator": "AND"}, "must have a field and a value, or a list of conditions"),
        ({"field": "meta.yeer", "operator": "in", "value": []}, "is not mapped; there are year"),
        ({"field": "meta.yeer", "operator": ">", "value": None}, "is not mapped; there are year"),
    ],
)
def test_a_wrong_filter_is_named(articles: Connector, filters: Any, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        ConnectorRetriever(articles).run("small car", filters=filters)
