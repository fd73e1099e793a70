"""The retrievers of every framework hand a budget on to the search."""

from __future__ import annotations

from typing import Any

import pytest
from elastic_transport import ObjectApiResponse

from connector import Connector, connect
from connector.integrations import haystack, langchain, llama_index
from tests.models_by_hand import count_words, first_words


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    budgets: list[Any] = []

    def search(self: Connector, text: str, **options: Any) -> ObjectApiResponse[Any]:
        budgets.append(options.get("budget_ms"))
        return ObjectApiResponse(body={"hits": {"hits": []}, "_hybrid": {"degraded": None}}, meta=None)

    monkeypatch.setattr(Connector, "search", search)
    return budgets


@pytest.fixture
def notes() -> Connector:
    return Connector(connect("embedded:", encoder=count_words, reranker=first_words), "notes", text_fields=["t"])


def test_langchains_retriever(notes: Connector, asked: list[Any]) -> None:
    langchain.ConnectorRetriever(connector=notes, budget_ms=200).invoke("whale")
    langchain.ConnectorRetriever(connector=notes).invoke("whale", budget_ms=300)
    assert asked == [200, 300]


def test_haystacks_retriever(notes: Connector, asked: list[Any]) -> None:
    retriever = haystack.ConnectorRetriever(notes, budget_ms=200)
    retriever.run("whale")
    assert asked == [200]


def test_llama_indexs_retriever(notes: Connector, asked: list[Any]) -> None:
    llama_index.ConnectorRetriever(notes, budget_ms=200).retrieve("whale")
    assert asked == [200]
