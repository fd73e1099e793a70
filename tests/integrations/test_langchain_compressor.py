"""LangChain's compressor: the reranker over documents of any retriever."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from pydantic import ValidationError

from connector import Connector, connect
from connector.integrations.langchain import ConnectorReranker, ConnectorRetriever
from tests.integrations.test_langchain import ids
from tests.models_by_hand import count_words, first_words

pytestmark = pytest.mark.filterwarnings("ignore:index .* does not say which encoder:UserWarning")


def test_the_compressor_works_with_contextual_compression(articles: Connector) -> None:
    fused = ConnectorRetriever(connector=articles, depth=0)
    two_stage = ContextualCompressionRetriever(
        base_retriever=fused, base_compressor=ConnectorReranker(reranker=first_words, top_n=2)
    )
    found = two_stage.invoke("small car slow", filter={"year": {"lt": 2022}})
    # "slow" is word 7 of a's passage "A the car is small and slow" and word 9 of b's "B the car ... never slow".
    assert [(each.id, each.metadata["_rerank_score"]) for each in found] == [("a", -6.0), ("b", -9.0)]
    assert found[0].metadata["_score"] == pytest.approx(np.exp(-6.0))
    assert "_hybrid" in found[0].metadata


async def test_the_compressor_works_in_async_code(async_articles: Connector) -> None:
    two_stage = ContextualCompressionRetriever(
        base_retriever=ConnectorRetriever(connector=async_articles, depth=0),
        base_compressor=ConnectorReranker(reranker=first_words),
    )
    assert ids(await two_stage.ainvoke("small car slow"))[:2] == ["a", "b"]


def test_documents_given_to_the_compressor_stay_as_they_are() -> None:
    documents = [Document(page_content="a slow car", metadata={"n": 1}), Document(page_content="slow")]
    found = ConnectorReranker(reranker=first_words).compress_documents(documents, "slow")
    assert [document.page_content for document in found] == ["slow", "a slow car"]
    assert documents[0].metadata == {"n": 1}
    assert found[1].metadata["n"] == 1


def test_documents_without_text_stand_last_in_their_order() -> None:
    documents = [Document(page_content=text) for text in (" ", "a slow car", "", "slow")]
    for blend in (None, 0.9):
        reranker = ConnectorReranker(reranker=first_words, blend=blend)
        found = reranker.compress_documents(documents, "slow")
        assert [document.page_content for document in found] == ["slow", "a slow car", " ", ""]
        assert [document.metadata["_rerank_score"] for document in found] == [0.0, -1.0, None, None]
        assert found[-1].metadata["_score"] == 0.0


def test_equal_scores_keep_the_order_that_documents_came_in() -> None:
    documents = [Document(page_content=f"slow {number}") for number in range(12)]
    assert ConnectorReranker(reranker=first_words).compress_documents(documents, "slow") == [
        document.model_copy(update={"metadata": {"_score": 1.0, "_rerank_score": 0.0}}) for document in documents
    ]


def test_no_documents_need_no_reranker() -> None:
    def never(query: str, passages: list[str]) -> Any:
        raise AssertionError("asked")

    assert ConnectorReranker(reranker=never).compress_documents([], "slow") == []


def test_the_bundled_reranker_is_blended_with_the_rank_as_a_search_does_it() -> None:
    texts = ["Wash the kettle.", "Bread rests overnight.", "Vinegar removes limescale from a kettle.", "A kettle."]
    with connect("embedded:", encoder=count_words) as client:
        articles = Connector(client, "articles", text_fields=["body"])
        articles.create()
        articles.index({"_id": str(number), "body": text} for number, text in enumerate(texts))
        query = "remove limescale from a kettle"
        searched = ConnectorRetriever(connector=articles).invoke(query)
        fused = ConnectorRetriever(connector=articles, depth=0).invoke(query)
        reranked = ConnectorReranker().compress_documents(fused, query)
    assert ids(list(reranked)) == ids(searched)
    scores = [document.metadata["_score"] for document in searched]
    assert [document.metadata["_score"] for document in reranked] == pytest.approx(scores)


@pytest.mark.parametrize("arguments", [{"blend": 1.5}, {"top_n": -1}, {"top_n": 1.5}, {"reranker": 3}, {"size": 3}])
def test_a_wrong_argument_of_the_compressor_is_named(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(arguments))):
        ConnectorReranker(**arguments)
