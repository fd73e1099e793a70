"""OpenSearch's own `hybrid` query: what it runs, and what is fused here instead."""

from __future__ import annotations

import pytest
from opensearchpy import OpenSearch

from connector.search.keeping import caller_of
from tests.contract import opensearch
from tests.contract.corpora import ARTICLES
from tests.contract.on_opensearch.conftest import ON_THREE_SHARDS, TILTED, Body, ids, knn, ours
from tests.contract.test_hybrid import DOG, FOX, linear, reranked, rrf

pytestmark = pytest.mark.node
NATIVE = {
    "a leaf": knn(TILTED, 5),
    "a fusion in a fusion": rrf(rrf(FOX, knn(TILTED, 5)), DOG),
    "six legs": rrf(FOX, DOG, FOX, DOG, FOX, DOG),
    "a reranker": reranked(rrf(FOX, DOG)),
    "raw scores added up": linear((FOX, 1.0, None), (DOG, 1.0, None)),
    "two normalizers": linear((FOX, 1.0, "minmax"), (DOG, 1.0, "l2_norm")),
    "a leg with a least score": rrf({"standard": {**DOG["standard"], "min_score": 0.5}}, FOX),
    "a sorted leg": rrf({"standard": {**DOG["standard"], "sort": ["year"]}}, FOX),
    "a least fused score": rrf(FOX, DOG, min_score=0.02),
    "weights of an RRF": rrf({"retriever": FOX, "weight": 2.0}, DOG),
}


@pytest.mark.parametrize("tree", NATIVE.values(), ids=NATIVE.keys())
def test_what_the_hybrid_query_can_not_express_is_fused_here(client: OpenSearch, index: str, tree: Body) -> None:
    opensearch.load(client, index, ARTICLES)
    found = [
        ours(client, execution=execution).search(index=index, body={"retriever": tree, "_source": False})
        for execution in ("native", "client")
    ]
    assert all("_hybrid" in each for each in found)
    assert found[0]["hits"] == found[1]["hits"]


BESIDE = {
    "post_filter": {"term": {"kind": "story"}},
    "collapse": {"field": "kind"},
    "min_score": 0.02,
    "explain": True,
    "highlight": {"fields": {"body": {}}},
}


@pytest.mark.parametrize("beside", BESIDE)
def test_what_the_hybrid_query_does_otherwise_is_done_here(client: OpenSearch, index: str, beside: str) -> None:
    opensearch.load(client, index, ARTICLES)
    body = {"retriever": rrf(FOX, DOG), "_source": False, beside: BESIDE[beside]}
    assert "_hybrid" in ours(client, execution="native").search(index=index, body=body)


def test_a_fusion_over_several_shards_is_made_here_as_each_shard_would_rank_by_itself(
    client: OpenSearch, index: str
) -> None:
    opensearch.load(client, index, ON_THREE_SHARDS, shards=3)
    native = ours(client, execution="native")
    tree = rrf(knn([1.0, 0.0], 6))
    for _ in range(2):
        found = native.search(index=index, body={"retriever": tree})
        assert ids(found) == ["01", "02", "03", "04", "05", "06"]
        assert "_hybrid" in found


def test_what_the_cluster_refuses_is_asked_for_once(client: OpenSearch, index: str) -> None:
    opensearch.load(client, index, ARTICLES)
    native = ours(client, execution="native")
    weighted = rrf({"retriever": FOX, "weight": 2.0}, DOG)
    for _ in range(2):
        assert "_hybrid" in native.search(index=index, body={"retriever": weighted})
    known = native.hybrid.cluster.native(caller_of(None))
    assert known is not None
    assert known.refused == {"rrf with weights"}
    assert "_hybrid" not in native.search(index=index, body={"retriever": rrf(FOX, DOG)})
