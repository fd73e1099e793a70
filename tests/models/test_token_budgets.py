"""How a reranker's tokens are divided among fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.models.load import load_cascade, load_reranker
from connector.models.token_budgets import Shortener, divide_budget

LONG = "The quick brown fox jumps over the lazy dog. " * 60


@pytest.mark.parametrize(
    ("lengths", "shares", "expected"),
    [
        ({"title": 100, "body": 100}, {"title": 0.2, "body": 0.8}, {"title": 20, "body": 80}),
        ({"title": 5, "body": 200}, {"title": 0.2, "body": 0.8}, {"title": 5, "body": 95}),
        ({"title": 90, "body": 10}, {"title": 0.2, "body": 0.8}, {"title": 90, "body": 10}),
        ({"title": 100, "body": 100, "tags": 100}, {"title": 0.5}, {"title": 50, "body": 25, "tags": 25}),
        ({"title": 100, "body": 100}, {"title": 1.0}, {"title": 100, "body": 0}),
        ({"title": 3, "body": 4}, {"title": 0.1}, {"title": 3, "body": 4}),
    ],
)
def test_what_one_field_leaves_is_free_for_the_others(
    lengths: dict[str, int], shares: dict[str, float], expected: dict[str, int]
) -> None:
    assert divide_budget(lengths, shares, 100) == expected


@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 300), min_size=1),
    st.dictionaries(st.sampled_from("abcd"), st.floats(0.01, 0.25)),
    st.integers(0, 400),
)
def test_no_more_is_given_than_there_is(lengths: dict[str, int], shares: dict[str, float], room: int) -> None:
    given_tokens = divide_budget(lengths, shares, room)
    assert given_tokens.keys() == lengths.keys()
    assert sum(given_tokens.values()) <= room
    assert all(0 <= given_tokens[field] <= lengths[field] for field in lengths)


def test_texts_are_cut_at_the_ends_of_tokens_and_fit_the_model() -> None:
    reranker = load_reranker()
    assert isinstance(reranker, Shortener)
    sources = [{"title": [LONG], "body": [LONG]}, {"title": ["short"], "body": [LONG]}, {"body": ["alone"]}]
    cut = reranker.shorten("a fox", sources, ["title", "body"], {"title": 0.25, "body": 0.75})
    assert LONG.startswith(cut[0]["title"][0])
    assert 2 < len(cut[0]["body"][0]) / len(cut[0]["title"][0]) < 4
    assert cut[1]["title"] == ["short"]
    assert len(cut[1]["body"][0]) > len(cut[0]["body"][0])
    assert cut[2] == {"body": ["alone"]}


def test_a_cascade_shortens_to_what_its_expensive_reranker_reads() -> None:
    cascade, reranker = load_cascade(), load_reranker()
    assert isinstance(reranker, Shortener)
    asked = ("a fox", [{"title": [LONG], "body": [LONG]}], ["title", "body"], {"title": 0.25, "body": 0.75})
    assert cascade.shorten(*asked) == reranker.shorten(*asked)
