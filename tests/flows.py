"""A cluster and a reranker that answer a search flow with literals."""

from __future__ import annotations

from typing import Any

import numpy as np

from connector.engines import ElasticsearchDialect
from connector.request.search_request import parse_request
from connector.search.flow import search_flow
from connector.search.needs import Compute, MultiSearch, Need, ReadMappings, Score, Shorten, run

SHARDS = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}
LEXICAL: dict[str, Any] = {"standard": {"query": {"match": {"body": "car"}}}}
VECTOR: dict[str, Any] = {"knn": {"field": "vector", "query_vector": [1.0, 2.0], "k": 3}}
RRF: dict[str, Any] = {"rrf": {"retrievers": [LEXICAL, VECTOR]}}


def rerank(retriever: dict[str, Any], **options: Any) -> dict[str, Any]:
    body = {"retriever": retriever, "field": "body", "inference_text": "car", **options}
    return {"text_similarity_reranker": body}


def answer(*hits: tuple[str, float], **extra: Any) -> dict[str, Any]:
    drawn = [
        {"_index": "articles", "_id": identifier, "_score": score, "fields": {"body": [f"text of {identifier}"]}}
        for identifier, score in hits
    ]
    total = {"value": len(hits), "relation": "eq"}
    return {"took": 1, "timed_out": False, "_shards": SHARDS, "hits": {"total": total, "hits": drawn}, **extra}


class Cluster:
    """Answers a flow's needs with literals, and remembers them."""

    def __init__(self, *answers: list[dict[str, Any]], scores: Any = None) -> None:
        self.answers = list(answers)
        self.scores = scores
        self.needs: list[Need] = []
        self.mappings: dict[str, Any] = {}
        self.shortened: list[dict[str, Any]] = []

    def perform(self, need: Need) -> Any:
        if isinstance(need, ReadMappings):
            return self.mappings
        if isinstance(need, Compute):
            return need.work()
        self.needs.append(need)
        if isinstance(need, MultiSearch):
            return self.answers.pop(0)
        if isinstance(need, Shorten):
            return self.shortened
        assert isinstance(need, Score)
        if isinstance(self.scores, Exception):
            raise self.scores
        return "by hand", np.array(self.scores, dtype=np.float32)

    def search(self, tree: dict[str, Any], **beside: Any) -> dict[str, Any]:
        request = parse_request({"retriever": tree, **beside}, {}, "articles", ())
        return run(search_flow(request, ElasticsearchDialect()), self.perform)


def ids(response: dict[str, Any]) -> list[str]:
    return [hit["_id"] for hit in response["hits"]["hits"]]
