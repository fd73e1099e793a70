"""Scores against Lucene's formula, calculated here by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from elasticsearch import Elasticsearch, helpers

from connector.embedded.analysis.postings import byte4


def index_texts(client: Elasticsearch, texts: list[str]) -> None:
    helpers.bulk(client, [{"_index": "t", "_id": str(number), "text": text} for number, text in enumerate(texts)])


def test_a_match_scores_by_lucenes_bm25(client: Elasticsearch) -> None:
    index_texts(client, ["fox", "fox fox dog", "dog dog dog dog dog"])

    hits = client.search(index="t", query={"match": {"text": "fox"}})["hits"]["hits"]

    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))  # 3 documents, 2 with "fox"
    average = (1 + 3 + 5) / 3

    def score(frequency: int, length: int) -> float:
        return 2.2 * idf * frequency / (frequency + 1.2 * (0.25 + 0.75 * length / average))

    assert {hit["_id"]: hit["_score"] for hit in hits} == {
        "0": pytest.approx(score(1, 1), rel=1e-6),
        "1": pytest.approx(score(2, 3), rel=1e-6),
    }


def test_deleted_documents_do_not_count(client: Elasticsearch) -> None:
    index_texts(client, ["fox", "dog", "fox dog"])
    client.delete(index="t", id="2")

    hits = client.search(index="t", query={"match": {"text": "fox"}})["hits"]["hits"]

    idf = math.log(1 + (2 - 1 + 0.5) / (1 + 0.5))  # 2 live documents of length 1, 1 with "fox"
    assert hits[0]["_score"] == pytest.approx(idf, rel=1e-6)  # tf 1 at average length: 2.2 / (1 + 1.2) = 1


def test_lengths_are_rounded_as_in_lucenes_one_byte_norms() -> None:
    # below 24 exact; from there 24 + the four highest bits of what is above
    lengths = np.array([0, 23, 24, 39, 40, 41, 42, 55, 56, 59, 60, 1000])
    assert byte4(lengths).tolist() == [0, 23, 24, 39, 40, 40, 42, 54, 56, 56, 60, 984]


def test_equal_scores_come_in_the_order_of_insertion(client: Elasticsearch) -> None:
    for doc_id in ("b", "c", "a", "b"):  # "b" is written again and so comes last
        client.index(index="t", id=doc_id, document={"text": "same"})

    hits = client.search(index="t", query={"match": {"text": "same"}})["hits"]["hits"]

    assert [hit["_id"] for hit in hits] == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("similarity", "vectors", "expected"),
    [
        ("cosine", [[3, 4], [4, -3]], [1.0, 0.5]),  # (1 + cos) / 2
        ("dot_product", [[0.6, 0.8], [-0.6, -0.8]], [1.0, 0.0]),  # (1 + dot) / 2
        ("l2_norm", [[0.6, 0.8], [0.6, 2.8]], [1.0, 0.2]),  # 1 / (1 + d^2)
        ("max_inner_product", [[6, 8], [-0.6, -0.8]], [11.0, 0.5]),  # 1 + dot, 1 / (1 - dot)
    ],
)
def test_a_similarity_becomes_a_score(
    client: Elasticsearch, similarity: str, vectors: list[list[float]], expected: list[float]
) -> None:
    vector = {"type": "dense_vector", "dims": 2, "similarity": similarity}
    client.indices.create(index="t", mappings={"properties": {"v": vector}})
    helpers.bulk(client, [{"_index": "t", "v": value} for value in vectors])

    hits = client.search(index="t", knn={"field": "v", "query_vector": [0.6, 0.8], "k": 2, "num_candidates": 2})[
        "hits"
    ]["hits"]

    assert [hit["_score"] for hit in hits] == pytest.approx(expected, abs=1e-6)


def test_knn_takes_its_k_from_what_the_filter_leaves(client: Elasticsearch) -> None:
    client.indices.create(index="t", mappings={"properties": {"v": {"type": "dense_vector", "dims": 2}}})
    helpers.bulk(client, [{"_index": "t", "_id": str(n), "v": [1, n], "is_even": n % 2 == 0} for n in range(6)])

    knn = {"field": "v", "query_vector": [1, 0], "k": 2, "num_candidates": 2, "filter": {"term": {"is_even": False}}}
    hits = client.search(index="t", knn=knn)["hits"]["hits"]

    assert [hit["_id"] for hit in hits] == ["1", "3"]


def test_knn_beside_a_query_adds_its_score(client: Elasticsearch) -> None:
    client.indices.create(index="t", mappings={"properties": {"v": {"type": "dense_vector", "dims": 2}}})
    helpers.bulk(client, [{"_index": "t", "_id": str(n), "v": [1, n], "text": "fox"} for n in range(2)])
    knn = {"field": "v", "query_vector": [1, 0], "k": 1, "num_candidates": 1}

    hits = client.search(index="t", query={"constant_score": {"filter": {"match_all": {}}, "boost": 3}}, knn=knn)[
        "hits"
    ]

    assert [(hit["_id"], hit["_score"]) for hit in hits["hits"]] == [("0", 4.0), ("1", 3.0)]
