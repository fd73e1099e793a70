"""Pins and diversity in the merge tree, driven by hand."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import RequestError
from connector.needs import MultiSearch
from tests.flows import LEXICAL, Cluster, answer, ids


def pinned(retriever: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"pinned": {"retriever": retriever, **options}}


def test_pinned_documents_come_first_in_their_order_and_never_twice() -> None:
    cluster = Cluster([answer(("a", 1.0), ("c", 1.0)), answer(("b", 3.0), ("a", 2.0), ("d", 1.0))])
    response = cluster.search(pinned(LEXICAL, ids=["c", "gone", "a", "c"]))
    assert ids(response) == ["c", "a", "b", "d"]
    scores = [hit["_score"] for hit in response["hits"]["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert scores[1] > 1.7e38
    assert scores[2:] == [3.0, 1.0]
    assert response["hits"]["hits"][0]["_hybrid"]["legs"].keys() == {"pinned"}


def test_pins_by_index_ask_for_that_index() -> None:
    cluster = Cluster([answer(("a", 1.0)), answer(("b", 1.0))])
    cluster.search(pinned(LEXICAL, docs=[{"_id": "a", "_index": "articles"}, {"_id": "z"}]))
    (need,) = cluster.needs
    assert isinstance(need, MultiSearch)
    assert need.bodies[0]["query"]["constant_score"]["filter"]["bool"]["should"] == [
        {"ids": {"values": ["z"]}},
        {"bool": {"filter": [{"term": {"_index": "articles"}}, {"ids": {"values": ["a"]}}]}},
    ]


def test_a_filter_above_pins_is_for_them_too() -> None:
    cluster = Cluster([answer(), answer(("b", 1.0))])
    cluster.search({"rrf": {"retrievers": [pinned(LEXICAL, ids=["a"])], "filter": {"term": {"lang": "en"}}}})
    (need,) = cluster.needs
    assert isinstance(need, MultiSearch)
    assert need.bodies[0]["query"]["bool"]["filter"] == [{"term": {"lang": "en"}}]


def vectors_answer(**vectors: list[float]) -> dict[str, Any]:
    found = answer(*((identifier, 1.0) for identifier in vectors))
    for hit in found["hits"]["hits"]:
        hit["fields"] = {"vector": vectors[hit["_id"]]}
    return found


def diversified(retriever: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"diversify": {"type": "mmr", "field": "vector", "retriever": retriever, "lambda": 0.5, **options}}


def test_diversify_leaves_out_what_is_like_a_better_hit_and_keeps_the_order() -> None:
    found = answer(("a", 3.0), ("b", 2.9), ("c", 1.0))
    vectors = vectors_answer(a=[1.0, 0.0], b=[1.0, 0.1], c=[0.0, 1.0])
    response = Cluster([found], [vectors]).search(diversified(LEXICAL, size=2))
    assert ids(response) == ["a", "c"]
    alone = Cluster([found], [vectors]).search(diversified(LEXICAL, size=2, **{"lambda": 1.0}))
    assert ids(alone) == ["a", "b"]


def test_diversify_takes_relevance_from_the_query_vector() -> None:
    found = answer(("a", 3.0), ("b", 2.0), ("c", 1.0))
    vectors = vectors_answer(a=[1.0, 0.0], b=[0.9, 0.1], c=[0.0, 1.0])
    tree = diversified(LEXICAL, size=1, query_vector=[0.0, 1.0])
    assert ids(Cluster([found], [vectors]).search(tree)) == ["c"]
    wrong = diversified(LEXICAL, query_vector=[0.0, 1.0, 0.0])
    with pytest.raises(RequestError, match="must have 2, as the vectors of the hits"):
        Cluster([found], [vectors]).search(wrong)


def test_hits_without_vectors_stay_as_they_came() -> None:
    found = answer(("a", 3.0), ("b", 2.0))
    assert ids(Cluster([found], [answer()]).search(diversified(LEXICAL))) == ["a", "b"]
