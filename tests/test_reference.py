"""Random trees give the same ids and scores, and so the same order, as a slow, obvious interpreter."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connector import HybridElasticsearch, connect
from tests.models_by_hand import WORDS, count_words, first_words
from tests.reference import run_tree

INDEX = "cars"


@pytest.fixture(scope="module")
def client() -> Iterator[HybridElasticsearch]:
    chance = random.Random(3)
    vector = {"type": "dense_vector", "dims": 3, "similarity": "cosine", "index_options": {"type": "hnsw"}}
    properties = {"body": {"type": "text"}, "kind": {"type": "keyword"}, "vector": vector}
    with connect("embedded:", encoder=count_words, reranker=first_words) as made:
        assert isinstance(made, HybridElasticsearch)
        made.indices.create(index=INDEX, mappings={"properties": properties})
        for number in range(30):
            document: dict[str, Any] = {
                "kind": chance.choice("abc"),
                "vector": [chance.random() + 0.1 for _ in range(3)],
            }
            if number % 7:
                document["body"] = " ".join(chance.choices(WORDS, k=chance.randint(1, 8)))
            made.index(index=INDEX, id=f"{number:02}", document=document)
        made.indices.refresh(index=INDEX)
        yield made


def nearest(vector: list[float], k: int, extra: dict[str, Any]) -> dict[str, Any]:
    return {"knn": {"field": "vector", "query_vector": vector, "k": k, "num_candidates": 30, **extra}}


texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
filters = st.sampled_from([{"term": {"kind": "a"}}, {"terms": {"kind": ["a", "b"]}}, {"exists": {"field": "body"}}])
maybe_filter: st.SearchStrategy[Any] = st.one_of(st.just({}), filters.map(lambda each: {"filter": each}))
standard = st.builds(
    lambda text, extra: {"standard": {"query": {"match": {"body": text}}, **extra}}, texts, maybe_filter
)
vectors = st.lists(st.sampled_from([0.1, 0.5, 1.0]), min_size=3, max_size=3)
knn = st.builds(nearest, vectors, st.integers(1, 12), maybe_filter)
weights = st.sampled_from([0.5, 1.0, 2.0])


def fusions(legs: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    weighted = st.builds(lambda leg, weight: {"retriever": leg, "weight": weight}, legs, weights)
    normalized = st.builds(
        lambda leg, how: {**leg, "normalizer": how}, weighted, st.sampled_from(["none", "minmax", "l2_norm"])
    )
    rrf = st.builds(
        lambda parts, constant, extra: {"rrf": {"retrievers": parts, "rank_constant": constant, **extra}},
        st.lists(st.one_of(legs, weighted), min_size=1, max_size=3),
        st.sampled_from([1, 60]),
        maybe_filter,
    )
    linear = st.builds(
        lambda parts, extra: {"linear": {"retrievers": parts, **extra}},
        st.lists(normalized, min_size=1, max_size=3),
        maybe_filter,
    )
    reranker = st.builds(
        lambda leg, text: {"text_similarity_reranker": {"retriever": leg, "field": "body", "inference_text": text}},
        legs,
        texts,
    )
    step = st.builds(
        lambda text, mode, weight: {
            "window_size": 10,
            "query": {
                "rescore_query": {"match": {"body": text}},
                "score_mode": mode,
                "query_weight": weight,
                "rescore_query_weight": 1.5,
            },
        },
        texts,
        st.sampled_from(["total", "multiply", "avg", "max", "min"]),
        weights,
    )
    rescorer = st.builds(
        lambda leg, steps, extra: {"rescorer": {"retriever": leg, "rescore": steps, **extra}},
        legs,
        st.lists(step, min_size=1, max_size=2),
        maybe_filter,
    )
    pinned = st.builds(
        lambda leg, pins, extra: {"pinned": {"retriever": leg, "ids": pins, **extra}},
        legs,
        st.lists(st.sampled_from(["00", "07", "11", "29", "none"]), min_size=1, max_size=4),
        maybe_filter,
    )
    return st.one_of(rrf, linear, reranker, rescorer, pinned)


trees = st.recursive(st.one_of(standard, knn), fusions, max_leaves=6).filter(
    lambda tree: tree.keys() & {"rrf", "linear", "pinned", "text_similarity_reranker"}
)


NEAR_TIE = {
    "linear": {
        "retrievers": [
            {"retriever": {"standard": {"query": {"match": {"body": "fast"}}}}, "weight": 0.5},
            {"retriever": nearest([0.1, 0.1, 0.5], 1, {}), "weight": 0.5},
            {"retriever": nearest([1.0, 0.5, 1.0], 4, {}), "weight": 0.5, "normalizer": "l2_norm"},
        ]
    }
}
"""Two of the last leg's hits, of which one is within the window, differ in the fifth digit."""
TINIEST_NORM = {
    "linear": {
        "retrievers": [
            {"retriever": {"standard": {"query": {"match": {"body": "car"}}}}, "weight": 0.5},
            {
                "retriever": {
                    "text_similarity_reranker": {
                        "retriever": nearest([0.1, 0.1, 0.1], 1, {}),
                        "field": "body",
                        "inference_text": "car",
                    }
                },
                "weight": 0.5,
                "normalizer": "l2_norm",
            },
        ]
    }
}
"""The reranked hit's score is e^-100: too small a norm to divide by."""


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=trees)
@example(tree=NEAR_TIE)
@example(tree=TINIEST_NORM)
def test_a_tree_is_what_its_definition_says(client: HybridElasticsearch, tree: dict[str, Any]) -> None:
    expected = run_tree(client, INDEX, tree)
    hits = client.search(index=INDEX, retriever=tree, source=False)["hits"]["hits"]
    found = {hit["_id"]: hit["_score"] for hit in hits}
    assert len(found) == len(hits)
    scores = sorted((score for _, score in expected), reverse=True)
    assert [hit["_score"] for hit in hits] == pytest.approx(scores, rel=1e-4, abs=1e-6)
    for identifier, score in found.items():
        reference = dict(expected).get(identifier)
        assert reference is not None
        assert score == pytest.approx(reference, rel=1e-4, abs=1e-6)
