"""What OpenSearch does otherwise, and what our client makes of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from opensearchpy import AsyncOpenSearch, NotFoundError, OpenSearch, RequestError, Search

import connector
from connector.clients.opensearch.async_client import AsyncHybridOpenSearch
from connector.clients.opensearch.client import HybridOpenSearch
from connector.search.keeping import caller_of
from tests.contract import opensearch
from tests.contract.corpora import ARTICLES, VECTORS
from tests.contract.harness import Corpus
from tests.contract.test_hybrid import DOG, FOX, directions, linear, reranked, rrf, shared_words

Body = dict[str, Any]
pytestmark = pytest.mark.node

TILTED = [0.7, 0.2, 0.1, 0.3]
ON_THREE_SHARDS = Corpus(
    "spread",
    {
        "properties": {
            "body": {"type": "text"},
            "kind": {"type": "keyword"},
            "vector": {"type": "dense_vector", "dims": 2, "similarity": "cosine"},
        }
    },
    [
        (f"{number:02}", {"body": "car", "kind": f"k{number % 3}", "vector": [1.0, number / 10]})
        for number in range(1, 31)
    ],
)


@pytest.fixture(scope="module")
def client(opensearch_url: str) -> Iterator[OpenSearch]:
    with OpenSearch(opensearch_url, timeout=60) as client:
        yield client


@pytest.fixture
def index(client: OpenSearch) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    client.indices.delete(index=name, ignore=404)


def ours(client: OpenSearch, **options: Any) -> HybridOpenSearch:
    return HybridOpenSearch.wrap(client, encoder=directions, reranker=shared_words, **options)


def knn(vector: list[float], k: int, field: str = "vector", **options: Any) -> Body:
    return {"knn": {"field": field, "query_vector": vector, "k": k, **options}}


def searched(client: OpenSearch, index: str, retriever: Body, **beside: Any) -> Body:
    found: Body = ours(client).search(index=index, body={"retriever": retriever, "_source": False, **beside})
    return found


def ids(response: Body) -> list[str]:
    return [hit["_id"] for hit in response["hits"]["hits"]]


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
    with pytest.raises(connector.ConnectorError, match="can't be told as a score"):
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


def test_an_indexs_default_pipeline_is_kept_from_the_legs(client: OpenSearch, index: str) -> None:
    opensearch.load(client, index, ARTICLES)
    client.indices.put_settings(index=index, body={"index.search.default_pipeline": "one-that-is-missing"})
    with pytest.raises(RequestError, match="illegal_argument_exception"):
        client.search(index=index, body={"query": {"match_all": {}}})
    assert ids(searched(client, index, rrf(FOX, knn(TILTED, 3)), post_filter={"exists": {"field": "title"}}))


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


def test_a_wrong_leg_is_the_legs_own_error_and_says_nothing_of_the_cluster(client: OpenSearch, index: str) -> None:
    opensearch.load(client, index, ARTICLES)
    native = ours(client, execution="native")
    wrong = {"standard": {"query": {"term": {"year": "x"}}}}
    with pytest.raises(RequestError, match="search_phase_execution_exception"):
        native.search(index=index, body={"retriever": rrf(FOX, wrong)})
    known = native.hybrid.cluster.native(caller_of(None))
    assert known is not None
    assert known.refused == set()


def test_options_come_as_keywords_as_parameters_or_in_the_body(client: OpenSearch, index: str) -> None:
    opensearch.load(client, index, ARTICLES)
    hybrid, tree = ours(client), {"retriever": rrf(FOX, knn(TILTED, 5))}
    whole = ids(hybrid.search(index=index, body=tree))
    for found in (
        hybrid.search(index=index, body=tree, size=2, from_=1),
        hybrid.search(index=index, body=tree, params={"size": 2, "from": 1}),
        hybrid.search(index=index, body={**tree, "size": 2, "from": 1}, request_timeout=30),
        hybrid.transport.perform_request("GET", f"/{index}/_search", params={"size": "2"}, body={**tree, "from": 1}),
    ):
        assert ids(found) == whole[1:3]
    anywhere = rrf(FOX, filter={"term": {"_index": index}})
    assert ids(hybrid.search(index="_all", body={"retriever": anywhere})) == ids(
        hybrid.search(index=[index], body={"retriever": rrf(FOX)})
    )
    found = hybrid.search(index=index, body=tree, _source=["title"], version=True, preference="true", typed_keys=True)
    assert found["hits"]["hits"][0].keys() >= {"_version", "_source"}
    assert found["hits"]["hits"][0]["_source"].keys() == {"title"}
    assert "_source" not in hybrid.search(index=index, body=tree, _source=False)["hits"]["hits"][0]
    with pytest.raises(connector.ConnectorError, match="is not supported alongside"):
        hybrid.search(index=index, body=tree, search_pipeline="mine")


def test_errors_are_opensearchs_own_and_can_be_ignored(client: OpenSearch, index: str) -> None:
    hybrid, tree = ours(client), {"retriever": rrf(FOX)}
    with pytest.raises(NotFoundError, match="index_not_found_exception") as caught:
        hybrid.search(index=index, body=tree)
    info: Any = caught.value.info
    assert info["error"]["root_cause"][0]["index"] == index
    assert hybrid.search(index=index, body=tree, ignore=404)["status"] == 404
    assert hybrid.search(index=index, body=tree, params={"ignore": [404]})["status"] == 404
    opensearch.load(client, index, ARTICLES)
    with pytest.raises(RequestError, match="parsing_exception"):
        hybrid.search(index=index, body={"retriever": rrf({"standard": {"query": {"macth": {}}}})})


def test_an_msearch_runs_its_lines_that_have_a_retriever(client: OpenSearch, index: str) -> None:
    opensearch.load(client, index, ARTICLES)
    hybrid = ours(client)
    lines: list[Body] = [
        {"index": index},
        {"query": {"match": {"body": "dog"}}, "size": 1},
        {},
        {"retriever": rrf(FOX, knn(TILTED, 5)), "size": 2},
        {"index": f"{index}-none"},
        {"retriever": rrf(FOX)},
    ]
    plain, fused, failed = hybrid.msearch(body=lines, index=index)["responses"]
    assert len(ids(plain)) == 1
    assert ids(fused) == ids(hybrid.search(index=index, body=lines[3]))
    assert failed["status"] == 404
    assert hybrid.msearch(body=lines[:2])["responses"][0]["hits"] == plain["hits"]


def test_opensearchs_own_dsl_takes_a_retriever(client: OpenSearch, index: str) -> None:
    opensearch.load(client, index, ARTICLES)
    search = Search(using=ours(client), index=index).extra(retriever=rrf(FOX, knn(TILTED, 5)), size=3)
    assert [hit.meta.id for hit in search.execute()] == ids(searched(client, index, rrf(FOX, knn(TILTED, 5)), size=3))


def test_what_has_no_retriever_goes_through_as_it_is(client: OpenSearch, index: str) -> None:
    opensearch.load(client, index, ARTICLES)
    body = {"query": {"match": {"body": "dog"}}}
    hybrid = ours(client)
    assert hybrid.search(index=index, body=body)["hits"] == client.search(index=index, body=body)["hits"]
    assert hybrid.count(index=index, body=body) == client.count(index=index, body=body)
    assert hybrid.indices.exists(index=index) is True
    assert hybrid.get(index=index, id="1") == client.get(index=index, id="1")


async def test_the_async_client_gives_what_the_sync_one_gives(
    client: OpenSearch, opensearch_url: str, index: str
) -> None:
    opensearch.load(client, index, ARTICLES)
    trees = [reranked(rrf(FOX, knn(TILTED, 5))), rrf(FOX, DOG), knn(TILTED, 3)]
    async with AsyncOpenSearch(opensearch_url) as plain:
        for execution in ("client", "native"):
            hybrid = AsyncHybridOpenSearch.wrap(plain, encoder=directions, reranker=shared_words, execution=execution)
            for tree in trees:
                body = {"retriever": tree, "size": 3}
                found = await hybrid.search(index=index, body=body)
                assert found["hits"] == ours(client, execution=execution).search(index=index, body=body)["hits"]
        with pytest.raises(NotFoundError):
            await hybrid.search(index=f"{index}-none", body={"retriever": rrf(FOX)})
