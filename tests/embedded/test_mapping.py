"""Analyzers of a mapping: those that `analysis` has, and no other."""

from __future__ import annotations

import pytest
from elasticsearch import BadRequestError, Elasticsearch

from connector.embedded.analysis.analysis import ANALYZERS


@pytest.mark.parametrize("analyzer", ANALYZERS)
def test_every_analyzer_there_is_can_be_mapped_and_asked_for(client: Elasticsearch, analyzer: str) -> None:
    client.indices.create(index="t", mappings={"properties": {"text": {"type": "text", "analyzer": analyzer}}})
    client.index(index="t", id="1", document={"text": "fox"})

    for options in ({"query": "fox"}, {"query": "fox", "analyzer": analyzer}):
        assert client.search(index="t", query={"match": {"text": options}})["hits"]["total"]["value"] == 1


def test_the_stop_analyzer_leaves_stop_words_and_digits_out(client: Elasticsearch) -> None:
    client.indices.create(index="t", mappings={"properties": {"text": {"type": "text", "analyzer": "stop"}}})
    client.index(index="t", id="1", document={"text": "The 2nd FOX"})

    def is_found(text: str) -> bool:
        return bool(client.count(index="t", query={"term": {"text": text}})["count"])

    assert [is_found(term) for term in ("the", "2nd", "nd", "fox")] == [False, False, True, True]


@pytest.mark.parametrize("analyzer", ["german", ["english"]])
def test_an_analyzer_that_is_not_there_is_refused_with_those_that_are(client: Elasticsearch, analyzer: object) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.indices.create(index="t", mappings={"properties": {"text": {"type": "text", "analyzer": analyzer}}})

    assert str(list(ANALYZERS)) in caught.value.body["error"]["reason"]


def test_a_vector_with_a_number_that_no_double_holds_is_refused_as_infinite(client: Elasticsearch) -> None:
    client.indices.create(index="notes", mappings={"properties": {"v": {"type": "dense_vector", "dims": 2}}})
    with pytest.raises(BadRequestError, match="do not support NaN or infinite values"):
        client.index(index="notes", document={"v": [10**400, 1]})
