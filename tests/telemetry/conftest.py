from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connector import HybridElasticsearch
from connector.embedded import Engine, node_classes
from connector.search.observers import OBSERVERS

TREE: dict[str, Any] = {
    "text_similarity_reranker": {
        "field": "t",
        "inference_text": "whale",
        "retriever": {"standard": {"query": {"match": {"t": "whale"}}}},
    }
}


@pytest.fixture(autouse=True)
def no_observers() -> Iterator[None]:
    before = list(OBSERVERS)
    yield
    OBSERVERS[:] = before


@pytest.fixture
def client() -> Iterator[HybridElasticsearch]:
    def rerank(query: str, passages: list[str]) -> list[float]:
        if "boom" in query:
            raise RuntimeError("boom")
        return [float(len(passage)) for passage in passages]

    with HybridElasticsearch("http://embedded:9200", node_class=node_classes(Engine())[0], reranker=rerank) as found:
        for number in range(3):
            found.index(index="whales", id=str(number), document={"t": f"whale {number}"}, refresh=True)
        yield found


def tree(text: str = "whale") -> dict[str, Any]:
    return {"text_similarity_reranker": {**TREE["text_similarity_reranker"], "inference_text": text}}
