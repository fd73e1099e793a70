"""`Connector.search` keeps a budget, which includes what it does before the request is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import sleep
from typing import Any

import numpy as np
import pytest

from connector import AsyncHybridElasticsearch, Connector, HybridElasticsearch
from connector.embedded import Engine, node_classes
from connector.errors import RequestError
from connector.models.readings import Reading
from connector.models.stopping import Stop
from tests.models_by_hand import count_words

TEXTS = {"1": "a whale", "2": "a whale and a whale", "3": "a whale and a small boat"}


class One:
    """Reads one passage."""

    name, source = "one", ""

    def score(self, query: str, passages: Sequence[str]) -> Any:
        raise AssertionError("it is asked to stop")

    def read_until(self, query: str, passages: Sequence[str], stop: Stop) -> Reading:
        scores = np.full(len(passages), np.nan, dtype=np.float32)
        scores[:1] = 1.0
        return Reading(scores)


@pytest.fixture
def nodes() -> tuple[Any, Any]:
    found = node_classes(Engine())
    with HybridElasticsearch("http://embedded:9200", node_class=found[0], encoder=count_words) as client:
        whales = Connector(client, "whales", text_fields=["t"])
        whales.create()
        whales.index([{"_id": key, "t": text} for key, text in TEXTS.items()])
    return found


def connector(nodes: tuple[Any, Any], **more: Any) -> Connector:
    client = HybridElasticsearch("http://embedded:9200", node_class=nodes[0], encoder=count_words, reranker=One())
    return Connector(client, "whales", text_fields=["t"], **more)


def test_a_search_reads_what_its_budget_allows(nodes: tuple[Any, Any]) -> None:
    response = connector(nodes).search("whale", budget_ms=60_000)
    told = response["_hybrid"]["rerank"]
    assert (told["wanted"], told["read"], told["stopped_by"]) == (3, 1, "deadline")
    assert 59_000 < told["budget_ms"] <= 60_000
    assert len(response["hits"]["hits"]) == 3


def test_what_comes_before_the_request_is_a_part_of_the_budget(nodes: tuple[Any, Any]) -> None:
    def slow(text: str) -> str:
        sleep(0.1)
        return f"{text} boat"

    response = connector(nodes, rewrite={"more": slow}).search("whale", budget_ms=60_000)
    assert response["_hybrid"]["rerank"]["budget_ms"] <= 59_900


def test_an_async_client_keeps_it_too(nodes: tuple[Any, Any]) -> None:
    async def search() -> Any:
        async with AsyncHybridElasticsearch(
            "http://embedded:9200", node_class=nodes[1], encoder=count_words, reranker=One()
        ) as client:
            return await Connector(client, "whales", text_fields=["t"]).asearch("whale", budget_ms=60_000)

    assert asyncio.run(search())["_hybrid"]["rerank"]["read"] == 1


def test_pages_keep_it_too(nodes: tuple[Any, Any]) -> None:
    with connector(nodes).pages("whale", size=2, window=3, budget_ms=60_000) as pages:
        first = next(iter(pages))
    assert first["_hybrid"]["rerank"]["read"] == 1


@pytest.mark.parametrize("wrong", [0, -5, "soon", True])
def test_a_wrong_budget_is_refused_before_anything_is_sent(nodes: tuple[Any, Any], wrong: Any) -> None:
    with pytest.raises(RequestError, match="budget_ms"):
        connector(nodes).search("whale", budget_ms=wrong)
