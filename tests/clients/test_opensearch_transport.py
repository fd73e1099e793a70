"""elasticsearch-py's calls over opensearch-py's connections: answers, errors, and no retries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import elastic_transport
import pytest
from elasticsearch import ApiError, Elasticsearch, NotFoundError
from opensearchpy import OpenSearch

from connector import HybridOpenSearch
from connector.clients.opensearch.as_elasticsearch import as_elasticsearch
from tests.scripted_server import Script, failed_leg, serving

Answer = Callable[[str, str], tuple[int, Any] | None]


@contextmanager
def asking(answer: Answer, kind: type[OpenSearch] = OpenSearch) -> Iterator[tuple[Elasticsearch, Script]]:
    with serving(Script(answer, product=None)) as script, kind(script.url, max_retries=3) as own:
        yield as_elasticsearch(own), script


@pytest.mark.parametrize("kind", [OpenSearch, HybridOpenSearch])
@pytest.mark.parametrize("status", [404, 429, 503])
def test_an_error_is_elasticsearchs_own_and_nothing_is_tried_again(kind: type[OpenSearch], status: int) -> None:
    error = failed_leg(status, "some_exception")
    with asking(lambda method, path: (status, error), kind) as (es, script), pytest.raises(ApiError) as caught:
        es.indices.get(index="cars")
    assert (caught.value.status_code, caught.value.error, caught.value.body) == (status, "some_exception", error)
    assert isinstance(caught.value, NotFoundError) == (status == 404)
    assert len(script.asked) == 1


def test_a_broken_connection_is_one() -> None:
    with asking(lambda method, path: None) as (es, script), pytest.raises(elastic_transport.ConnectionError):
        es.info()
    assert len(script.asked) == 1


def test_an_ignored_status_is_an_answer_and_the_client_keeps_its_own_retries() -> None:
    with serving(Script(lambda method, path: (503, {}))) as script, OpenSearch(script.url, max_retries=2) as own:
        assert as_elasticsearch(own).options(ignore_status=503).info().meta.status == 503
        assert len(script.asked) == 1
        assert own.transport.max_retries == 2
