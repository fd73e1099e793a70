"""Reindex jobs over a data stream: on OpenSearch, as the assembled Elasticsearch nodes lack that module."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch, helpers

from connector import connect, reindex
from connector.errors import SourceError
from connector.reindexing import JobOptions
from connector.reindexing.opening import elastic
from tests.models_by_hand import count_words

pytestmark = pytest.mark.node
JSON = {"accept": "application/json", "content-type": "application/json"}


@pytest.fixture
def client(opensearch_url: str) -> Iterator[Any]:
    with connect(opensearch_url) as client:
        yield client


@pytest.fixture
def stream(client: Any) -> Iterator[str]:
    """A data stream of two backing indices: the first with three documents, the second with one."""
    es, name = elastic(client), f"stream-{uuid.uuid4().hex[:10]}"
    mappings = {"properties": {"@timestamp": {"type": "date"}, "title": {"type": "text"}}}
    template = {"settings": {"index.knn": True, "number_of_replicas": 0}, "mappings": mappings}
    body = {"index_patterns": [name], "data_stream": {}, "template": template}
    es.perform_request("PUT", f"/_index_template/{name}", headers=JSON, body=body)
    written(es, name, {"1": "small fast car", "2": "climate warming", "3": ""})
    es.perform_request("POST", f"/{name}/_rollover", headers=JSON)
    written(es, name, {"4": "a kettle"})
    yield name
    es.perform_request("DELETE", f"/_data_stream/{name}", headers=JSON)
    es.perform_request("DELETE", f"/_index_template/{name}", headers=JSON)


def written(es: Elasticsearch, name: str, titles: dict[str, str]) -> None:
    for number, title in titles.items():
        document = {"@timestamp": "2026-01-01T00:00:00Z", "title": title}
        es.perform_request("PUT", f"/{name}/_create/{number}", headers=JSON, body=document, params={"refresh": "true"})


def indices_of_vectors(es: Elasticsearch, name: str) -> dict[str, str]:
    es.indices.refresh(index=name)
    body = {"query": {"exists": {"field": "vector"}}}
    return {hit["_id"]: hit["_index"] for hit in helpers.scan(es, index=name, query=body)}


def test_a_data_stream_gets_vectors_in_its_backing_indices(client: Any, stream: str, tmp_path: Path) -> None:
    es, options = elastic(client), JobOptions(state=tmp_path / "state")
    report = reindex(client, stream, text_fields=["title"], in_place=True, encoder=count_words, options=options)
    assert (report.written, report.without_text, report.dead_letters, report.target) == (3, 1, 0, None)
    first, second = sorted(set(indices_of_vectors(es, stream).values()))
    assert indices_of_vectors(es, stream) == {"1": first, "2": first, "4": second}

    written(es, stream, {"5": "a slow car"})
    report = reindex(client, stream, text_fields=["title"], in_place=True, encoder=count_words, options=options)
    assert report.counters.encoded == 1
    assert indices_of_vectors(es, stream) == {"1": first, "2": first, "4": second, "5": second}


def test_a_data_stream_is_not_brought_into_one_index(client: Any, stream: str, tmp_path: Path) -> None:
    options = JobOptions(state=tmp_path / "state")
    with pytest.raises(SourceError, match=rf"{stream}.*data stream.*--in-place"):
        reindex(client, stream, text_fields=["title"], alias=f"{stream}-new", encoder=count_words, options=options)
