"""Jobs that run to the end: new indices and vectors in place."""

from __future__ import annotations

import urllib.request
import uuid
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from connector import (
    Connector,
    connect,
    reindex,
)
from connector.errors import IndexMismatchError
from connector.reindexing import (
    JobOptions,
    estimate,
    status,
)
from connector.reindexing.metrics import serve_metrics
from connector.reindexing.opening import elastic
from tests.faults.reindex.accounts import everything, faults_in_books, hashed
from tests.models_by_hand import count_words
from tests.reindexing.jobs.conftest import DOCUMENTS, IS_OPENSEARCH, filled, is_embedded, sources


@pytest.mark.filterwarnings("ignore:Received 'size':DeprecationWarning", "ignore:Passing:DeprecationWarning")
def test_an_iterable_becomes_an_index_that_can_be_searched(
    client: Any, es: Elasticsearch, name: str, options: JobOptions
) -> None:
    report = reindex(client, DOCUMENTS, text_fields=["title"], alias=name, encoder=count_words, options=options)
    assert (report.written, report.without_text, report.dead_letters) == (2, 1, 0)
    assert report.estimate is not None
    assert report.estimate["changes"] == "nothing that changes after it was read"
    cars = Connector(client, name, text_fields=["title"], encoder=count_words)
    response = cars.search("fast car", depth=0)
    assert response["hits"]["hits"][0]["_id"] == "1"
    assert "knn" in response["_hybrid"]["legs"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_index_becomes_another_with_vectors(client: Any, es: Elasticsearch, name: str, options: JobOptions) -> None:
    filled(es, f"{name}-old", DOCUMENTS)
    report = reindex(client, f"{name}-old", text_fields=["title"], alias=name, encoder=count_words, options=options)
    assert (report.written, report.without_text) == (2, 1)
    assert sources(es, name) == sources(es, f"{name}-old")
    assert report.verification is not None
    assert report.verification.recall == 1.0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_index_gets_vectors_in_place_and_only_what_changed_the_next_time(
    client: Any, es: Elasticsearch, name: str, options: JobOptions
) -> None:
    filled(es, name, DOCUMENTS)
    first = reindex(client, name, text_fields=["title"], in_place=True, encoder=count_words, options=options)
    assert (first.written, first.without_text) == (2, 1)
    assert es.count(index=name, query={"exists": {"field": "vector"}})["count"] == 2
    es.index(index=name, id="1", document={"title": "slow car"}, refresh=True)
    es.update(index=name, id="2", doc={"title": None}, refresh=True)
    second = reindex(client, name, text_fields=["title"], in_place=True, encoder=count_words, options=options)
    assert second.counters.encoded == 1
    assert es.count(index=name, query={"exists": {"field": "vector"}})["count"] == 1
    assert sources(es, name)["3"] == {"year": 2003}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_new_index_takes_the_vectors_of_another_encoder(
    client: Any, es: Elasticsearch, name: str, options: JobOptions
) -> None:
    filled(es, f"{name}-old", DOCUMENTS)
    reindex(client, f"{name}-old", text_fields=["title"], in_place=True, encoder=count_words, options=options)
    reindex(client, f"{name}-old", text_fields=["title"], alias=name, encoder=hashed, options=options)
    if is_embedded(es):
        hits = [{**hit, "fields": {}} for hit in es.search(index=name, body={"size": 9})["hits"]["hits"]]
    else:
        hits = everything(es, name)
    old = [{"_id": key, "_source": source} for key, source in sources(es, f"{name}-old").items()]
    assert faults_in_books(old, hits, []) == []


def test_an_estimate_changes_nothing(client: Any, es: Elasticsearch, name: str, options: JobOptions) -> None:
    filled(es, name, DOCUMENTS)
    found = estimate(client, name, text_fields=["title"], in_place=True, encoder=count_words, options=options)
    assert (found.documents, found.sampled) == (3, 3)
    assert ("reading every document again" if is_embedded(es) else "_seq_no") in found.changes
    assert found.docs_per_s > 0
    assert found.vector_memory_bytes == 2 * (9 * 4 + 128)
    assert "vector" not in es.indices.get_mapping(index=name)[name]["mappings"]["properties"]
    assert status(state=options.state) == []


@pytest.mark.node
def test_an_opensearch_index_that_can_hold_no_vectors_gets_them_in_a_new_one(
    opensearch_url: str, options: JobOptions
) -> None:
    name = f"jobs-{uuid.uuid4().hex[:10]}"
    with connect(opensearch_url) as client:
        es = elastic(client)
        es.indices.create(index=f"{name}-old")
        es.index(index=f"{name}-old", id="1", document={"title": "car"}, refresh=True)
        asked: dict[str, Any] = {"text_fields": ["title"], "encoder": count_words, "options": options}
        try:
            with pytest.raises(IndexMismatchError, match=r"without the setting index\.knn.*leave out --in-place"):
                reindex(client, f"{name}-old", in_place=True, **asked)
            assert reindex(client, f"{name}-old", alias=name, **asked).written == 1
        finally:
            for index in es.indices.get(index=f"{name}*").body:
                es.indices.delete(index=index)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_vectors_that_are_left_out_of_the_source_are_kept(
    engine_name: str, client: Any, es: Elasticsearch, name: str, options: JobOptions
) -> None:
    """Another vector field, which 9.2 and later leave out of `_source` unless they are asked."""
    vector: dict[str, Any] = {"type": "dense_vector", "dims": 2, "index": False}
    if engine_name == IS_OPENSEARCH:
        method = {"name": "hnsw", "engine": "lucene"}  # the default one needs libraries that a test node lacks
        vector = {"type": "knn_vector", "dimension": 2, "method": method}
    documents = [{**document, "other": [1.0, 2.0]} for document in DOCUMENTS]
    filled(es, f"{name}-old", documents, mappings={"properties": {"other": vector}})
    reindex(client, f"{name}-old", text_fields=["title"], alias=name, encoder=count_words, options=options)
    body = {"size": 9, "_source": {"exclude_vectors": False}} if engine_name == "es9" else {"size": 9}
    hits = es.search(index=name, body=body)["hits"]["hits"]
    assert [hit["_source"]["other"] for hit in hits] == [[1.0, 2.0]] * 3


def test_metrics_are_served_while_a_job_runs(options: JobOptions) -> None:
    with connect("embedded:") as client, serve_metrics(0, "127.0.0.1") as metrics:
        watched = JobOptions(state=options.state, on_progress=metrics.show)
        reindex(client, DOCUMENTS, text_fields=["title"], alias="cars", encoder=count_words, job="j", options=watched)
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics.port}/metrics") as answer:
            told = answer.read().decode()
    assert 'connector_reindex_written{job="j"} 2.0' in told
    assert 'connector_reindex_phase{job="j",phase="done"} 1.0' in told
