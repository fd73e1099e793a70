"""Pins and diversification in the merge tree, driven with literals."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import RequestError
from connector.search.needs import MultiSearch
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
    with pytest.raises(RequestError, match="must have 2, like the vectors of the hits"):
        Cluster([found], [vectors]).search(wrong)


def test_hits_without_vectors_stay_as_they_came() -> None:
    found = answer(("a", 3.0), ("b", 2.0))
    assert ids(Cluster([found], [answer()]).search(diversified(LEXICAL))) == ["a", "b"]


def vectors_of(**values: Any) -> dict[str, Any]:
    found = answer(*((identifier, 1.0) for identifier in values))
    for hit in found["hits"]["hits"]:
        hit["fields"] = {} if values[hit["_id"]] is None else {"vector": values[hit["_id"]]}
    return found


def knows(definition: dict[str, Any], **others: dict[str, Any]) -> dict[str, Any]:
    return {"articles": {"mappings": {"properties": {"vector": definition, **others}}}}


FOUND = answer(("a", 4.0), ("b", 3.0), ("c", 2.0), ("d", 1.0))
FLOATS = {"type": "dense_vector", "dims": 2}


@pytest.mark.parametrize("query", [{}, {"query_vector": [1.0, 1.0]}])
@pytest.mark.parametrize(
    ("size", "expected"), [(1, ["b"]), (2, ["b", "d"]), (3, ["a", "b", "d"]), (4, ["a", "b", "c", "d"])]
)
def test_hits_without_a_vector_are_kept_after_those_with_one(
    query: dict[str, Any], size: int, expected: list[str]
) -> None:
    vectors = vectors_of(a=None, b=[1.0, 0.5], c=None, d=[0.0, 1.0])
    assert ids(Cluster([FOUND], [vectors]).search(diversified(LEXICAL, size=size, **query))) == expected


def test_nothing_found_is_nothing_to_diversify() -> None:
    cluster = Cluster([answer()])
    assert ids(cluster.search(diversified(LEXICAL, query_vector=[1.0, 0.0]))) == []
    assert len(cluster.needs) == 1


@pytest.mark.parametrize(
    ("mappings", "fields", "message"),
    [
        (knows({"type": "text"}), ["a text"], "holds 'a text'"),
        ({}, ["a text"], "holds 'a text'"),
        ({}, [True, {}], "holds .True, {}.*which is not a vector"),
        (knows({"type": "text"}), None, "is not a vector field"),
        ({"articles": {"mappings": {}}}, None, "is not a vector field"),
        (knows({"type": "object", "properties": {"x": FLOATS}}), None, "is not a vector field"),
    ],
)
@pytest.mark.parametrize("query", [{}, {"query_vector": [1.0, 1.0]}])
def test_a_field_without_vectors_is_refused_by_name(
    mappings: dict[str, Any], fields: Any, message: str, query: dict[str, Any]
) -> None:
    cluster = Cluster([FOUND], [vectors_of(a=fields, b=None)])
    cluster.mappings = mappings
    with pytest.raises(RequestError, match=rf"diversify\.field: 'vector': .*{message}"):
        cluster.search(diversified(LEXICAL, **query))


def test_a_vector_field_in_nested_objects_is_refused() -> None:
    cluster = Cluster([FOUND])
    cluster.mappings = {
        "articles": {"mappings": {"properties": {"parts": {"type": "nested", "properties": {"vector": FLOATS}}}}}
    }
    with pytest.raises(RequestError, match="is in nested objects 'parts'"):
        cluster.search(diversified(LEXICAL, field="parts.vector"))


def test_vectors_of_different_lengths_are_refused() -> None:
    with pytest.raises(RequestError, match="has vectors of different lengths"):
        Cluster([FOUND], [vectors_of(a=[1.0, 0.0], b=[1.0])]).search(diversified(LEXICAL))


@pytest.mark.parametrize(
    ("definition", "texts"),
    [
        ({"type": "dense_vector", "dims": 2, "element_type": "byte"}, ("0100", "7f01", "0001")),
        ({"type": "dense_vector", "dims": 16, "element_type": "bit"}, ("7f00", "7f01", "007f")),
    ],
)
@pytest.mark.parametrize("read", ["from the source", "in fields"])
def test_bytes_written_as_digits_are_vectors(definition: dict[str, Any], texts: tuple[str, ...], read: str) -> None:
    found = answer(("a", 3.0), ("b", 2.9), ("c", 1.0))
    vectors = answer(*((hit, 1.0) for hit in "abc"))
    for hit, text in zip(vectors["hits"]["hits"], texts, strict=True):
        hit |= {"fields": {"vector": [text]}} if read == "in fields" else {"fields": {}, "_source": {"vector": text}}
    cluster = Cluster([found], [vectors])
    cluster.mappings = knows(definition)
    assert ids(cluster.search(diversified(LEXICAL, size=2))) == ["a", "c"]
    assert cluster.needs[-1].bodies[0]["_source"] == ["vector"]  # type: ignore[union-attr]


def test_an_alias_leads_to_the_vectors() -> None:
    cluster = Cluster([FOUND], [vectors_of(a=[1.0, 0.0], b=[1.0, 0.1], c=[0.0, 1.0])])
    cluster.mappings = knows(FLOATS, meaning={"type": "alias", "path": "vector"})
    assert ids(cluster.search(diversified(LEXICAL, field="meaning", size=2))) == ["a", "c"]
