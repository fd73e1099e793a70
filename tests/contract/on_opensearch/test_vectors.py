"""Vector searches that OpenSearch runs differently from Elasticsearch."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest
from opensearchpy import OpenSearch

import connector
from connector.clients.opensearch.client import HybridOpenSearch
from tests.contract import opensearch
from tests.contract.corpora import ARTICLES
from tests.contract.on_opensearch.conftest import ON_THREE_SHARDS, TILTED, Body, ids, knn, searched
from tests.contract.test_hybrid import rrf
from tests.contract.vector_corpora import VECTORS

pytestmark = pytest.mark.node


@pytest.mark.parametrize("wide", [{}, {"num_candidates": 20}], ids=["k candidates", "20 candidates"])
def test_a_vector_leg_has_k_hits_over_all_shards(client: OpenSearch, index: str, wide: Body) -> None:
    opensearch.load(client, index, ON_THREE_SHARDS, shards=3)
    near = knn([1.0, 0.0], 4, **wide)
    alone = searched(client, index, near, size=10)
    assert ids(alone) == ["01", "02", "03", "04"]
    assert alone["hits"]["total"] == {"value": 4, "relation": "eq"}
    assert ids(searched(client, index, rrf(near))) == ["01", "02", "03", "04"]


@pytest.mark.parametrize("window", [3, 10])
def test_counts_and_aggregations_are_over_the_k_hits_of_all_shards(client: OpenSearch, index: str, window: int) -> None:
    opensearch.load(client, index, ON_THREE_SHARDS, shards=3)
    last = {"standard": {"query": {"ids": {"values": ["29", "30"]}}}}
    tree = rrf(knn([1.0, 0.0], 4, num_candidates=20), last, rank_window_size=window)
    aggs = {"kinds": {"terms": {"field": "kind", "order": {"_key": "asc"}}}}
    found = searched(client, index, tree, aggs=aggs, track_total_hits=True)
    assert found["hits"]["total"] == {"value": 6, "relation": "eq"}
    counts = {bucket["key"]: bucket["doc_count"] for bucket in found["aggregations"]["kinds"]["buckets"]}
    assert counts == {"k0": 2, "k1": 2, "k2": 2}  # 03 30, 01 04, 02 29
    assert len(found["hits"]["hits"]) == min(window, 6)


def test_counts_of_legs_that_find_nothing_are_zero(client: OpenSearch, index: str) -> None:
    opensearch.load(client, index, ON_THREE_SHARDS, shards=3)
    nothing = knn([1.0, 0.0], 4, filter={"term": {"kind": "none"}})
    assert searched(client, index, rrf(nothing), track_total_hits=True)["hits"]["total"]["value"] == 0


def test_inner_hits_of_a_collapse_are_among_the_k_hits_of_all_shards(client: OpenSearch, index: str) -> None:
    opensearch.load(client, index, ON_THREE_SHARDS, shards=3)
    collapse = {"field": "kind", "inner_hits": {"name": "all", "size": 10, "_source": False}}
    found = searched(client, index, rrf(knn([1.0, 0.0], 5, num_candidates=30)), collapse=collapse)
    inner = {hit["_id"]: ids(hit["inner_hits"]["all"]) for hit in found["hits"]["hits"]}
    assert inner == {"01": ["01", "04"], "02": ["02", "05"], "03": ["03"]}


def test_a_rescorer_over_a_vector_leg_sees_its_k_hits_alone(client: OpenSearch, index: str) -> None:
    opensearch.load(client, index, ON_THREE_SHARDS, shards=3)
    step = {"window_size": 10, "query": {"rescore_query": {"term": {"kind": "k0"}}, "rescore_query_weight": 10.0}}
    tree = {"rescorer": {"retriever": knn([1.0, 0.0], 4, num_candidates=30), "rescore": step}}
    assert ids(searched(client, index, tree)) == ["03", "01", "02", "04"]


def test_a_filter_works_within_the_search_for_neighbours(client: OpenSearch, index: str) -> None:
    opensearch.load(client, index, ON_THREE_SHARDS, shards=3)
    kind = {"term": {"kind": "k1"}}
    assert ids(searched(client, index, knn([1.0, 0.0], 3, filter=kind))) == ["01", "04", "07"]
    both = [kind, {"bool": {"must_not": {"ids": {"values": ["04"]}}}}]
    assert ids(searched(client, index, rrf(knn([1.0, 0.0], 3, filter=both)))) == ["01", "07", "10"]


def test_vectors_of_one_direction_tie_whatever_their_lengths(client: OpenSearch, index: str) -> None:
    opensearch.load(client, index, ARTICLES)
    found = searched(client, index, knn(TILTED, 8))
    assert ids(found)[4:7] == ["11", "12", "3"]  # [0, 2, 0, 0], [0, 3, 0, 0], [0, 1, 0, 0]


@pytest.mark.parametrize(
    ("field", "similarity", "expected"),
    [("flat", 0.9, ["v3", "v0"]), ("l2", 3.0, ["v3", "v1", "v0"]), ("product", 5.0, ["v0", "v3"])],
)
def test_a_least_similarity_is_told_as_a_score_of_the_fields_space(
    client: OpenSearch, index: str, field: str, similarity: float, expected: list[str]
) -> None:
    """To (1, 1, 1): cosines .93 -.12 .58 1 -.93; distances 2.24 2.19 3.32 1.73 5.39; products 6 -.25 4 6 -6."""
    opensearch.load(client, index, VECTORS)
    everything = searched(client, index, knn([1.0, 1.0, 1.0], 5, field))
    assert len(ids(everything)) == 5
    found = searched(client, index, knn([1.0, 1.0, 1.0], 5, field, similarity=similarity))
    assert ids(found) == expected


def test_a_least_similarity_that_has_no_score_is_refused(client: OpenSearch, index: str) -> None:
    opensearch.load(client, index, VECTORS)
    with pytest.raises(connector.ConnectorError, match="can't be converted to a score"):
        searched(client, index, knn([1.0, 1.0, 1.0], 5, "elsewhere", similarity=0.5))


@pytest.fixture
def nested(client: OpenSearch, index: str) -> str:
    vector = {"type": "knn_vector", "dimension": 2, "method": {"name": "hnsw", "engine": "lucene", "space_type": "l2"}}
    parts = {"type": "nested", "properties": {"vector": vector}}
    mappings = {"properties": {"topic": {"type": "keyword"}, "parts": parts}}
    client.indices.create(index=index, body={"settings": {"index.knn": True}, "mappings": mappings})
    documents = {"1": ("a", [[0, 0], [1, 0]]), "2": ("b", [[1, 1]]), "3": ("a", [[5, 5], [0, 9]])}
    for identifier, (topic, vectors) in documents.items():
        document = {"topic": topic, "parts": [{"vector": each} for each in vectors]}
        client.index(index=index, id=identifier, body=document, refresh=True)
    return index


def test_vectors_of_passages_are_found_by_their_field_alone(client: OpenSearch, nested: str) -> None:
    near = knn([1.0, 0.9], 3, "parts.vector")
    assert ids(searched(client, nested, rrf(near))) == ["2", "1", "3"]
    filtered = knn([1.0, 0.9], 3, "parts.vector", filter={"term": {"topic": "a"}})
    assert ids(searched(client, nested, rrf(filtered))) == ["1", "3"]


def test_bytes_as_hex_or_base64_are_read_here(client: OpenSearch) -> None:
    name = f"contract-{uuid.uuid4().hex[:8]}"
    ours = HybridOpenSearch.wrap(client)
    method = {"name": "hnsw", "engine": "lucene", "space_type": "l2"}
    field = {"type": "knn_vector", "dimension": 3, "data_type": "byte", "method": method}
    client.indices.create(
        index=name, body={"settings": {"index": {"knn": True}}, "mappings": {"properties": {"v": field}}}
    )
    try:
        for key, vector in {"1": [64, 10, -30], "2": [-10, 5, 99]}.items():
            client.index(index=name, id=key, body={"v": vector}, params={"refresh": "true"})
        forms: list[Any] = [[-10, 5, 99], np.array([-10, 5, 99], np.int8), "F60563", "9gVj"]
        for form in forms:
            knn = {"knn": {"field": "v", "query_vector": form, "k": 2}}
            found = ours.search(index=name, body={"retriever": {"rrf": {"retrievers": [knn]}}})
            assert [hit["_id"] for hit in found["hits"]["hits"]] == ["2", "1"]
        with pytest.raises(connector.errors.RequestError, match="as many numbers"):
            ours.search(index=name, body={"retriever": {"knn": {"field": "v", "query_vector": "f6", "k": 2}}})
    finally:
        client.indices.delete(index=name)
