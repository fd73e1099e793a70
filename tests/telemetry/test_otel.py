"""A search is a span with its stages inside, also in asyncio; a text of a user is in none."""

import asyncio

import pytest
from elasticsearch import ApiError
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from connector import AsyncHybridElasticsearch, HybridElasticsearch
from connector.embedded import Engine, node_classes
from connector.telemetry import trace_searches
from tests.telemetry.conftest import tree


@pytest.fixture
def spans() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace_searches(provider)
    return exporter


def names(spans: InMemorySpanExporter) -> list[str]:
    return [span.name for span in spans.get_finished_spans()]


def test_stages_are_inside_the_search(client: HybridElasticsearch, spans: InMemorySpanExporter) -> None:
    client.search(index="whales", retriever=tree())
    found = {span.name: span for span in spans.get_finished_spans() if span.name.startswith("connector.")}
    assert {"connector.search", "connector.embed", "connector.retrieve", "connector.rerank"} <= set(found)
    whole = found.pop("connector.search")
    assert whole.context is not None
    assert all(span.parent is not None and span.parent.span_id == whole.context.span_id for span in found.values())
    assert whole.attributes is not None
    assert whole.attributes["connector.rerank.read"] == 3


def test_a_degraded_search_says_so(client: HybridElasticsearch, spans: InMemorySpanExporter) -> None:
    client.search(index="whales", retriever=tree("boom"))
    (whole,) = (span for span in spans.get_finished_spans() if span.name == "connector.search")
    assert whole.attributes is not None
    assert whole.attributes["connector.degraded"] == ("reranker_error",)
    assert "boom" not in whole.to_json()


def test_a_failed_search_names_the_type_of_its_error(client: HybridElasticsearch, spans: InMemorySpanExporter) -> None:
    with pytest.raises(ApiError):
        client.search(index="nowhere", retriever=tree())
    (whole,) = (span for span in spans.get_finished_spans() if span.name == "connector.search")
    assert whole.attributes is not None
    assert whole.attributes["error.type"] == "NotFoundError"


def test_searches_at_the_same_time_have_spans_of_their_own(spans: InMemorySpanExporter) -> None:
    sync_node, async_node = node_classes(Engine())
    with HybridElasticsearch("http://embedded:9200", node_class=sync_node) as client:
        client.index(index="whales", id="1", document={"t": "whale"}, refresh=True)

    async def search_twice() -> None:
        async with AsyncHybridElasticsearch(
            "http://embedded:9200", node_class=async_node, reranker=lambda query, passages: [1.0] * len(passages)
        ) as client:
            await asyncio.gather(*(client.search(index="whales", retriever=tree()) for _ in range(3)))

    asyncio.run(search_twice())
    wholes = {
        span.context.span_id for span in spans.get_finished_spans() if span.name == "connector.search" and span.context
    }
    parents = [
        span.parent.span_id for span in spans.get_finished_spans() if span.name == "connector.rerank" and span.parent
    ]
    assert len(wholes) == 3
    assert sorted(parents) == sorted(wholes)
