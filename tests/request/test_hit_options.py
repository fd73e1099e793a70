"""Options about hits have Elasticsearch's form, or are refused by name before anything is sent."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import RequestError
from connector.request.search_request import parse_request
from connector.search.needs import MultiSearch
from tests.flows import LEXICAL, Cluster, answer

TREE: dict[str, Any] = {"rrf": {"retrievers": [LEXICAL]}}
LISTS = ("fields", "docvalue_fields", "stored_fields", "script_fields")
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1.5,
        "",
        "k",
        "2",
        [],
        ["k"],
        [None],
        [{}],
        [["k"]],
        {},
        {"field": "k"},
        {"field": 1},
        {"k": {}},
    ]
)
COLLAPSE = st.fixed_dictionaries(
    {"field": st.just("k")},
    optional={"inner_hits": VALUES | st.fixed_dictionaries({"name": st.just("x"), "size": VALUES, "from": VALUES})},
)


@given(st.dictionaries(st.sampled_from([*LISTS, "track_total_hits"]), VALUES, max_size=3), st.none() | COLLAPSE)
def test_whatever_is_asked_of_hits_a_search_runs_or_is_refused(
    beside: dict[str, Any], collapse: dict[str, Any] | None
) -> None:
    found = answer(("a", 2.0), ("b", 1.0))
    cluster = Cluster(*([found] * 8 for _ in range(8)))
    with suppress(RequestError):
        cluster.search(TREE, collapse=collapse, **beside)


@pytest.mark.parametrize(
    ("beside", "path"),
    [
        ({"fields": "title"}, "fields"),
        ({"fields": [{"format": "yyyy"}]}, "fields"),
        ({"docvalue_fields": None}, "docvalue_fields"),
        ({"stored_fields": [1]}, "stored_fields"),
        ({"script_fields": ["one"]}, "script_fields"),
        ({"track_total_hits": None}, "track_total_hits"),
        ({"collapse": {"field": "k", "inner_hits": {"name": "x", "size": "many"}}}, "collapse.inner_hits.size"),
        ({"collapse": {"field": "k", "inner_hits": {"name": "x", "from": -1}}}, "collapse.inner_hits.from"),
    ],
)
def test_another_form_is_refused(beside: dict[str, Any], path: str) -> None:
    with pytest.raises(RequestError) as refused:
        Cluster().search(TREE, **beside)
    assert refused.value.path == path


def test_the_urls_list_of_fields_is_one_in_the_body() -> None:
    request = parse_request({"retriever": TREE}, {"docvalue_fields": "year,kind"}, "articles", ())
    assert request.hit_options["docvalue_fields"] == ["year", "kind"]


def test_numbers_of_inner_hits_may_be_texts() -> None:
    cluster = Cluster([answer(), answer(("a", 1.0))], [answer(), answer()])
    cluster.search(TREE, collapse={"field": "k", "inner_hits": {"name": "x", "size": "2", "from": 1.0}})
    asked = cluster.needs[-1]
    assert isinstance(asked, MultiSearch)
    assert asked.bodies[-1]["size"] == 2
