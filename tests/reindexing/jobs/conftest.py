"""Reindex jobs from Python, on the embedded engine and on real nodes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch, helpers

from connector import (
    HybridElasticsearch,
    connect,
)
from connector.reindexing import (
    JobOptions,
)
from connector.reindexing.opening import elastic
from tests.conftest import ENGINES, embedded_engine

DOCUMENTS = [
    {"_id": "1", "title": "small fast car", "year": 2001},
    {"_id": "2", "title": "climate warming", "year": 2002},
    {"_id": "3", "year": 2003},
]


IS_OPENSEARCH = "opensearch"
JOB_ENGINES = [*ENGINES, pytest.param(IS_OPENSEARCH, marks=pytest.mark.node)]


@pytest.fixture(params=JOB_ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    """Every engine that jobs run on."""
    return str(request.param)


@pytest.fixture
def client(request: pytest.FixtureRequest, engine_name: str) -> Iterator[Any]:
    """The client of ours that people open: elasticsearch-py's kind, or opensearch-py's."""
    if engine_name == "embedded":
        with embedded_engine().client(HybridElasticsearch) as embedded:
            yield embedded
        return
    fixture = "opensearch_url" if engine_name == IS_OPENSEARCH else f"elasticsearch{engine_name[2:]}_url"
    with connect(request.getfixturevalue(fixture)) as real:
        yield real


@pytest.fixture
def es(client: Any) -> Elasticsearch:
    """The same engine by elasticsearch-py's calls, to look at what became of it."""
    return elastic(client).options(request_timeout=120)


@pytest.fixture
def options(tmp_path: Path) -> JobOptions:
    return JobOptions(state=tmp_path / "state", retry_for_s=20)


@pytest.fixture
def name(es: Elasticsearch) -> Iterator[str]:
    """A name; what begins with it is gone after the test."""
    name = f"jobs-{uuid.uuid4().hex[:10]}"
    yield name
    for index in es.indices.get(index=f"{name}*").body:
        es.indices.delete(index=index)


def filled(es: Elasticsearch, index: str, documents: list[dict[str, Any]], **body: Any) -> None:
    if es.info()["version"].get("distribution") == "opensearch":
        body["settings"] = {"index.knn": True, **body.get("settings", {})}
    es.indices.create(index=index, **body)
    helpers.bulk(es, ({"_index": index, **document} for document in documents), refresh=True)


def is_embedded(es: Elasticsearch) -> bool:
    return bool(es.info()["version"].get("build_flavor") == "embedded")


def sources(es: Elasticsearch, index: str) -> dict[str, dict[str, Any]]:
    es.indices.refresh(index=index)
    body = {"size": 1_000, "_source": {"excludes": ["vector"]}}
    return {hit["_id"]: hit["_source"] for hit in es.search(index=index, body=body)["hits"]["hits"]}
