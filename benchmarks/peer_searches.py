"""Each way of doing hybrid search as its user would write it; `benchmarks.peers` measures them.

Each function builds a search of an index of `content`, `embedding` and `metadata`.
It takes the URL, the index and how many hits are fused and reranked (0: no rerank), and returns a function from a
question to the ids of PAGE hits, whose texts have been fetched.
The lines of its body, imports included, are the lines of user code in the table; handing the same models to every
framework is not counted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.peer_models import (
    haystack_embedder,
    haystack_ranker,
    langchain_cross_encoder,
    langchain_embeddings,
    llama_embeddings,
    llama_reranker,
)
from connector import load_encoder, load_reranker

PAGE = 10
Search = Callable[[str], list[str]] | Callable[[str], Awaitable[list[str]]]


def connector_sync(url: str, index: str, depth: int) -> Search:
    from connector import Connector, connect

    articles = Connector(connect(url), index, text_fields=["content"])

    def search(question: str) -> list[str]:
        return [hit["_id"] for hit in articles.search(question, depth=depth)["hits"]["hits"]]

    return search


def connector_async(url: str, index: str, depth: int) -> Search:
    from connector import AsyncHybridElasticsearch, Connector

    articles = Connector(AsyncHybridElasticsearch(url), index, text_fields=["content"])

    async def search(question: str) -> list[str]:
        return [hit["_id"] for hit in (await articles.asearch(question, depth=depth))["hits"]["hits"]]

    return search


def connector_langchain(url: str, index: str, depth: int) -> Search:
    from connector import Connector, connect
    from connector.integrations.langchain import ConnectorRetriever

    retriever = ConnectorRetriever(connector=Connector(connect(url), index, text_fields=["content"]), depth=depth)

    def search(question: str) -> list[str]:
        return [document.metadata["_id"] for document in retriever.invoke(question)]

    return search


def by_hand(url: str, index: str, depth: int) -> Search:
    from elasticsearch import Elasticsearch

    es = Elasticsearch(url)
    encoder, reranker = load_encoder(), load_reranker()
    window = max(depth, PAGE)

    def search(question: str) -> list[str]:
        vector = encoder.encode_queries([question])[0].tolist()
        knn = {"field": "embedding", "query_vector": vector, "k": window, "num_candidates": max(100, 2 * window)}
        source = ["content"]
        response = es.msearch(
            index=index,
            searches=[
                {},
                {"query": {"match": {"content": question}}, "size": window, "_source": source},
                {},
                {"knn": knn, "size": window, "_source": source},
            ],
        )
        scores: dict[str, float] = {}
        texts: dict[str, str] = {}
        for leg in response["responses"]:
            if "error" in leg:
                raise RuntimeError(leg["error"])
            for rank, hit in enumerate(leg["hits"]["hits"], start=1):
                scores[hit["_id"]] = scores.get(hit["_id"], 0.0) + 1 / (60 + rank)
                texts[hit["_id"]] = hit["_source"]["content"]
        fused = sorted(scores, key=lambda key: (-scores[key], key))[:window]
        if depth:
            logits = reranker.score(question, [texts[key] for key in fused])
            fused = [key for _, key in sorted(zip(-logits, fused, strict=True))]
        return fused[:PAGE]

    return search


def langchain_store(url: str, index: str, depth: int, *, rrf: bool = False) -> Search:
    from elasticsearch import Elasticsearch
    from langchain_classic.retrievers import ContextualCompressionRetriever
    from langchain_classic.retrievers.document_compressors import CrossEncoderReranker
    from langchain_core.documents import Document
    from langchain_elasticsearch import DenseVectorStrategy, ElasticsearchStore

    store = ElasticsearchStore(
        index,
        client=Elasticsearch(url),
        embedding=langchain_embeddings(),
        query_field="content",
        vector_query_field="embedding",
        strategy=DenseVectorStrategy(hybrid=True, rrf=rrf, text_field="content"),
    )

    def document(hit: dict[str, Any]) -> Document:
        return Document(page_content=hit["_source"]["content"], metadata={"_id": hit["_id"]})

    retriever: Any = store.as_retriever(
        search_kwargs={"k": depth or PAGE, "fetch_k": max(100, 2 * depth), "doc_builder": document}
    )
    if depth:
        compressor = CrossEncoderReranker(model=langchain_cross_encoder(), top_n=PAGE)
        retriever = ContextualCompressionRetriever(base_retriever=retriever, base_compressor=compressor)

    def search(question: str) -> list[str]:
        return [document.metadata["_id"] for document in retriever.invoke(question)]

    return search


def langchain_store_rrf(url: str, index: str, depth: int) -> Search:
    return langchain_store(url, index, depth, rrf=True)


def langchain_retriever(url: str, index: str, depth: int) -> Search:
    from elasticsearch import Elasticsearch
    from langchain_classic.retrievers import ContextualCompressionRetriever
    from langchain_classic.retrievers.document_compressors import CrossEncoderReranker
    from langchain_elasticsearch import ElasticsearchRetriever

    embeddings, window = langchain_embeddings(), depth or PAGE

    def body(question: str) -> dict[str, Any]:
        vector = embeddings.embed_query(question)
        knn = {"field": "embedding", "query_vector": vector, "k": window, "num_candidates": max(100, 2 * window)}
        return {"query": {"match": {"content": question}}, "knn": knn, "size": window, "_source": ["content"]}

    retriever: Any = ElasticsearchRetriever(index, body, content_field="content", client=Elasticsearch(url))
    if depth:
        compressor = CrossEncoderReranker(model=langchain_cross_encoder(), top_n=PAGE)
        retriever = ContextualCompressionRetriever(base_retriever=retriever, base_compressor=compressor)

    def search(question: str) -> list[str]:
        return [document.metadata["_id"] for document in retriever.invoke(question)]

    return search


def haystack_hybrid(url: str, index: str, depth: int) -> Search:
    from haystack import Pipeline
    from haystack_integrations.components.retrievers.elasticsearch import ElasticsearchHybridRetriever
    from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore

    retriever = ElasticsearchHybridRetriever(
        document_store=ElasticsearchDocumentStore(hosts=url, index=index),
        embedder=haystack_embedder(),
        top_k_bm25=depth or PAGE,
        top_k_embedding=depth or PAGE,
        top_k=depth or PAGE,
    )
    pipeline = Pipeline()
    pipeline.add_component("retriever", retriever)
    last = "retriever"
    if depth:
        last = "ranker"
        pipeline.add_component("ranker", haystack_ranker(top_k=PAGE))
        pipeline.connect("retriever.documents", "ranker.documents")

    def search(question: str) -> list[str]:
        found = pipeline.run({name: {"query": question} for name in {"retriever", last}})
        return [document.id for document in found[last]["documents"]]

    return search


def llama_store(url: str, index: str, depth: int, *, rrf: bool = False) -> Search:
    from llama_index.core import VectorStoreIndex
    from llama_index.vector_stores.elasticsearch import AsyncDenseVectorStrategy, ElasticsearchStore

    store = ElasticsearchStore(
        index_name=index,
        es_url=url,
        text_field="content",
        vector_field="embedding",
        retrieval_strategy=AsyncDenseVectorStrategy(hybrid=True, rrf=rrf, text_field="content"),
    )
    store_index = VectorStoreIndex.from_vector_store(store, embed_model=llama_embeddings())
    retriever = store_index.as_retriever(vector_store_query_mode="hybrid", similarity_top_k=depth or PAGE)
    reranker = llama_reranker(top_n=PAGE) if depth else None

    def search(question: str) -> list[str]:
        nodes = retriever.retrieve(question)
        if reranker is not None:
            nodes = reranker.postprocess_nodes(nodes, query_str=question)
        return [node.node_id for node in nodes]

    return search


def llama_store_rrf(url: str, index: str, depth: int) -> Search:
    return llama_store(url, index, depth, rrf=True)
