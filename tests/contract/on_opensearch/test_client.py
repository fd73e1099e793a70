"""opensearch-py's own calls, options and errors with retrievers in them."""

from __future__ import annotations

from typing import Any

import pytest
from opensearchpy import AsyncOpenSearch, NotFoundError, OpenSearch, RequestError, Search

import connector
from connector.clients.opensearch.async_client import AsyncHybridOpenSearch
from connector.search.keeping import caller_of
from tests.contract import opensearch
from tests.contract.corpora import ARTICLES
from tests.contract.on_opensearch.conftest import TILTED, Body, ids, knn, ours, searched
from tests.contract.test_hybrid import DOG, FOX, directions, reranked, rrf, shared_words

pytestmark = pytest.mark.node


def test_an_indexs_default_pipeline_is_kept_from_the_legs(client: OpenSearch, index: str) -> None:
    opensearch.load(client, index, ARTICLES)
    client.indices.put_settings(index=index, body={"index.search.default_pipeline": "one-that-is-missing"})
    with pytest.raises(RequestError, match="illegal_argument_exception"):
        client.search(index=index, body={"query": {"match_all": {}}})
    assert ids(searched(client, index, rrf(FOX, knn(TILTED, 3)), post_filter={"exists": {"field": "title"}}))


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
