"""LlamaIndex's own package, over indices of any shape, on every engine."""

from __future__ import annotations

from typing import Any

import pytest
from elasticsearch import Elasticsearch
from llama_index.core import get_response_synthesizer
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, TextNode
from llama_index.core.vector_stores import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters
from pydantic import ValidationError

from connector import Connector
from connector.errors import RequestError
from connector.integrations.llama_index import ConnectorReranker, ConnectorRetriever
from tests.integrations.conftest import SOURCES
from tests.models_by_hand import first_words

pytestmark = pytest.mark.filterwarnings("ignore:index .* does not say which encoder:UserWarning")


def ids(nodes: list[NodeWithScore]) -> list[str]:
    return [node.node_id for node in nodes]


def on(key: str, value: Any, operator: FilterOperator = FilterOperator.EQ) -> MetadataFilter:
    return MetadataFilter(key=key, value=value, operator=operator)


def test_a_node_has_text_metadata_score_and_provenance(articles: Connector) -> None:
    (found,) = ConnectorRetriever(articles, similarity_top_k=1).retrieve("small car slow")
    response = articles.search("small car slow", size=1)
    (hit,) = response["hits"]["hits"]
    assert (found.node_id, found.text, found.score) == ("a", "A\n\nthe car is small and slow", hit["_score"])
    assert {name: found.metadata[name] for name in SOURCES["a"]} == SOURCES["a"]
    assert found.metadata["_hybrid"] == {**hit["_hybrid"], "model": response["_hybrid"]["model"], "degraded": None}


async def test_aretrieve_gives_what_retrieve_gives(articles: Connector, async_articles: Connector) -> None:
    expected = [node.to_dict() for node in ConnectorRetriever(articles).retrieve("small car slow")]
    for connector in (articles, async_articles):
        found = await ConnectorRetriever(connector).aretrieve("small car slow")
        assert [node.to_dict() for node in found] == expected


def test_what_a_prompt_has_already_is_kept_from_it(articles: Connector) -> None:
    (found,) = ConnectorRetriever(articles, similarity_top_k=1, content="body.text").retrieve("small car slow")
    metadata, text = found.node.get_content(metadata_mode=MetadataMode.LLM).split("\n\n")
    assert sorted(metadata.splitlines()) == ["tags: ['old']", "title: A", "year: 2019"]
    assert text == "the car is small and slow"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (MetadataFilters(filters=[on("year", 2022, FilterOperator.GTE)]), "cd"),
        (MetadataFilters(filters=[on("year", 2019), on("year", 2021)], condition=FilterCondition.OR), "ab"),
        (MetadataFilters(filters=[on("year", 2019), on("year", 2021)], condition=FilterCondition.NOT), "cd"),
        (MetadataFilters(filters=[on("year", [2019, 2021], FilterOperator.IN)]), "ab"),
        (MetadataFilters(filters=[on("year", [2019, 2021], FilterOperator.NIN)]), "cd"),
        (MetadataFilters(filters=[on("tags", "old", FilterOperator.CONTAINS)]), "a"),
        (MetadataFilters(filters=[on("tags", ["old", "new"], FilterOperator.ALL)]), ""),
        (MetadataFilters(filters=[on("tags", ["old", "new"], FilterOperator.ANY)]), "a"),
        (MetadataFilters(filters=[on("tags", None, FilterOperator.IS_EMPTY)]), "bcd"),
        (MetadataFilters(filters=[on("body.text", "Small Fast", FilterOperator.TEXT_MATCH)]), "b"),
        (MetadataFilters(filters=[MetadataFilters(filters=[on("year", 2020, FilterOperator.LT)])]), "a"),
        (MetadataFilters(filters=[]), "abcd"),
        ({"year": {"gte": 2022}}, "cd"),
        ([{"term": {"tags": "old"}}], "a"),
    ],
)
def test_filters_are_llama_indexs_or_a_searchs_own(articles: Connector, filters: Any, expected: str) -> None:
    assert "".join(sorted(ids(ConnectorRetriever(articles, filters=filters).retrieve("small car climate")))) == expected


def test_a_wrong_filter_is_named(articles: Connector) -> None:
    for key, said in {"yeer": "is not mapped; there are year", "title": "is analysed text"}.items():
        with pytest.raises(RequestError, match=said):
            ConnectorRetriever(articles, filters=MetadataFilters(filters=[on(key, "A")])).retrieve("car")


def test_keys_stand_under_the_metadata_field(es: Elasticsearch, fresh_index: str) -> None:
    about = {"properties": {"lang": {"type": "keyword"}}}
    es.indices.create(index=fresh_index, mappings={"properties": {"content": {"type": "text"}, "metadata": about}})
    for key, lang in {"1": "en", "2": "de"}.items():
        document = {"content": "a car", "metadata": {"lang": lang, "_node_type": "TextNode"}}
        es.index(index=fresh_index, id=key, document=document, refresh=True)
    nodes = Connector(es, fresh_index, text_fields=["content"], reranker=first_words)
    filters = MetadataFilters(filters=[on("lang", "de")])
    with pytest.warns(UserWarning, match="searches are lexical"):
        (found,) = ConnectorRetriever(nodes, filters=filters, metadata_field="metadata").retrieve("car")
    assert (found.node_id, found.metadata["lang"]) == ("2", "de")
    assert found.node.get_content(metadata_mode=MetadataMode.LLM) == "lang: de\n\na car"


def test_two_indices_of_an_alias_may_have_the_same_id(es: Elasticsearch, fresh_index: str) -> None:
    names = [f"{fresh_index}-{number}" for number in (1, 2)]
    try:
        for name in names:
            es.indices.create(index=name, mappings={"properties": {"text": {"type": "text"}}})
            es.index(index=name, id="1", document={"text": "a car"}, refresh=True)
        both = Connector(es, ",".join(names), text_fields=["text"], reranker=first_words)
        with pytest.warns(UserWarning, match="searches are lexical"):
            assert ids(ConnectorRetriever(both).retrieve("car")) == ["1", f"{names[1]}/1"]
    finally:
        for name in names:
            es.indices.delete(index=name)


def test_it_stands_in_a_query_engine_with_the_reranker(articles: Connector) -> None:
    engine = RetrieverQueryEngine(
        retriever=ConnectorRetriever(articles, depth=0),
        node_postprocessors=[ConnectorReranker(reranker=first_words, top_n=2)],
        response_synthesizer=get_response_synthesizer(llm=MockLLM()),
    )
    nodes = engine.query("small car slow").source_nodes
    # "slow" is at place 6 of "A the car is small and slow", at place 9 of "B the car is small and fast , never slow".
    assert [(node.node_id, node.metadata["_rerank_score"]) for node in nodes] == [("a", -6.0), ("b", -9.0)]
    assert "_rerank_score" not in nodes[0].node.get_content(metadata_mode=MetadataMode.LLM)


def test_it_is_fused_with_other_retrievers(articles: Connector) -> None:
    fused = QueryFusionRetriever(
        [ConnectorRetriever(articles), ConnectorRetriever(articles, depth=0)],
        llm=MockLLM(),
        num_queries=1,
        similarity_top_k=2,
        use_async=False,
    )
    assert ids(fused.retrieve("small car slow")) == ["a", "b"]


# The postprocessor


async def test_nodes_come_back_as_copies_and_those_without_text_last() -> None:
    nodes = [
        NodeWithScore(node=TextNode(id_=key, text=text, metadata={"n": 1}), score=3.0)
        for key, text in {"1": "", "2": "a slow car", "3": "slow"}.items()
    ]
    reranker = ConnectorReranker(reranker=first_words)
    for found in (
        reranker.postprocess_nodes(nodes, query_str="slow"),
        await reranker.apostprocess_nodes(nodes, QueryBundle("slow")),
    ):
        assert ids(found) == ["3", "2", "1"]
        assert [node.metadata["_rerank_score"] for node in found] == [0.0, -1.0, None]
        assert [node.score for node in found] == [1.0, pytest.approx(0.36788, abs=1e-5), 0.0]  # e^0, e^-1
    assert [(node.metadata, node.score) for node in nodes] == [({"n": 1}, 3.0)] * 3
    with_metadata = ConnectorReranker(reranker=first_words, metadata_mode=MetadataMode.EMBED)
    assert ids(with_metadata.postprocess_nodes(nodes, query_str="n:")) == ["1", "2", "3"]


def test_a_reranker_needs_a_query() -> None:
    with pytest.raises(RequestError, match="query_bundle"):
        ConnectorReranker(reranker=first_words).postprocess_nodes([NodeWithScore(node=TextNode(text="a"))])


@pytest.mark.parametrize("arguments", [{"blend": 2}, {"top_n": -1}, {"reranker": 3}])
def test_a_wrong_argument_is_named(articles: Connector, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(arguments))):
        ConnectorReranker(**arguments)
    with pytest.raises(RequestError, match="similarity_top_k"):
        ConnectorRetriever(articles, similarity_top_k=-1)
