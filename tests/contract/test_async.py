"""The async client gives what the sync one gives, on every engine."""

from __future__ import annotations

from elasticsearch import Elasticsearch

from connector.clients.async_elasticsearch import AsyncHybridElasticsearch
from connector.clients.elasticsearch import HybridElasticsearch
from tests.conftest import EngineUnderTest
from tests.contract.corpora import ARTICLES
from tests.contract.harness import comparable, differences, load
from tests.contract.test_hybrid import FOX, NEAR, directions, reranked, rrf, shared_words


async def test_the_async_client_gives_what_the_sync_one_gives(
    engine: EngineUnderTest, es: Elasticsearch, fresh_index: str
) -> None:
    load(es, fresh_index, ARTICLES)
    tree = reranked(rrf(FOX, NEAR))
    with engine.client(HybridElasticsearch, encoder=directions, reranker=shared_words) as client:
        expected = client.search(index=fresh_index, retriever=tree)
    async with engine.async_client(AsyncHybridElasticsearch, encoder=directions, reranker=shared_words) as client:
        found = await client.search(index=fresh_index, retriever=tree)
    assert len(expected["hits"]["hits"]) > 3
    answers = [comparable(response.meta.status, response.body, fresh_index) for response in (expected, found)]
    assert differences(*answers) == []
