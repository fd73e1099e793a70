"""Searches are counted by outcome and by what degraded them, and their stages and pairs are measured."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import ApiError
from prometheus_client import CollectorRegistry

from connector import HybridElasticsearch
from connector.embedded import Engine, node_classes
from connector.telemetry import count_searches
from tests.telemetry.conftest import tree

DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana.json"


@pytest.fixture
def registry() -> CollectorRegistry:
    found = CollectorRegistry()
    count_searches(found)
    return found


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


def test_searches_are_counted_by_their_outcome(client: HybridElasticsearch, registry: CollectorRegistry) -> None:
    client.search(index="whales", retriever=tree())
    client.search(index="whales", retriever=tree("boom"))
    with pytest.raises(ApiError):
        client.search(index="nowhere", retriever=tree())
    outcomes = {
        each: value(registry, "connector_searches_total", outcome=each) for each in ("done", "degraded", "failed")
    }
    assert outcomes == {"done": 1, "degraded": 1, "failed": 1}
    assert value(registry, "connector_degraded_total", code="reranker_error") == 1
    assert value(registry, "connector_degraded_total", code="deadline") == 0


def test_stages_and_pairs_are_measured(client: HybridElasticsearch, registry: CollectorRegistry) -> None:
    client.search(index="whales", retriever=tree())
    for stage in ("search", "retrieve", "rerank"):
        assert value(registry, "connector_search_seconds_count", stage=stage) == 1
    assert value(registry, "connector_rerank_pairs_sum", kind="wanted") == 3
    assert value(registry, "connector_rerank_pairs_sum", kind="read") == 3


def test_what_the_cluster_answers_itself_is_not_counted(
    client: HybridElasticsearch, registry: CollectorRegistry
) -> None:
    client.search(index="whales", query={"match_all": {}})
    assert value(registry, "connector_searches_total", outcome="done") is None


def test_every_metric_of_the_dashboard_exists(client: HybridElasticsearch, registry: CollectorRegistry) -> None:
    client.search(index="whales", retriever=tree("boom"))
    names = {sample.name for metric in registry.collect() for sample in metric.samples}
    panels: list[dict[str, Any]] = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    asked = " ".join(target["expr"] for panel in panels for target in panel["targets"])
    words = {
        word for word in asked.replace("(", " ").replace("[", " ").replace("{", " ").split() if "connector_" in word
    }
    assert words
    assert words <= names


def test_searches_being_reranked_and_open_circuits_are_shown(registry: CollectorRegistry) -> None:
    released, seen = threading.Event(), []

    def rerank(query: str, passages: list[str]) -> list[float]:
        seen.append(value(registry, "connector_rerank_searches"))
        if query == "late":
            released.wait(30)
        return [1.0] * len(passages)

    node = node_classes(Engine())[0]
    with HybridElasticsearch("http://embedded:9200", node_class=node, reranker=rerank) as client:
        client.index(index="whales", id="1", document={"t": "whale"}, refresh=True)
        client.search(index="whales", retriever=tree())
        assert seen == [1]
        assert value(registry, "connector_rerank_circuits_open") == 0
        late = tree("late")
        late["text_similarity_reranker"]["budget_ms"] = 200
        for _ in range(20):
            client.search(index="whales", retriever=late)
            if value(registry, "connector_rerank_circuits_open"):
                break
        assert value(registry, "connector_rerank_circuits_open") == 1
        released.set()
