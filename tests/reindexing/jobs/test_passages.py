"""Jobs that write one vector per passage."""

from __future__ import annotations

from typing import Any

import pytest
from elasticsearch import Elasticsearch

from connector import (
    Connector,
    Passages,
    reindex,
)
from connector.errors import IndexMismatchError, RequestError
from connector.reindexing import (
    JobOptions,
    estimate,
)
from tests.models_by_hand import count_words, first_words
from tests.reindexing.jobs.conftest import filled

BODY = "small fast car\n\n" + "slow car " * 8 + "\n\nclimate warming " + "battery " * 8
LONG: list[dict[str, Any]] = [
    {"_id": "1", "title": "cars", "body": BODY},
    {"_id": "2", "title": "python", "body": "python"},
    {"_id": "3", "title": "no body"},
    {"_id": "4", "year": 2004},
]
SPLIT = Passages(max_tokens=16, overlap=0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("in_place", [False, True], ids=["new index", "in place"])
def test_long_documents_get_passages_that_a_search_finds(
    client: Any, es: Elasticsearch, name: str, options: JobOptions, in_place: bool
) -> None:
    filled(es, f"{name}-old", LONG)
    asked: dict[str, Any] = {"text_fields": ["title", "body"], "passages": SPLIT, "encoder": count_words}
    where = {"in_place": True} if in_place else {"alias": name}
    report = reindex(client, f"{name}-old", **asked, **where, options=options)
    assert (report.written, report.without_text, report.dead_letters) == (3, 1, 0)
    target = f"{name}-old" if in_place else name
    if not in_place:
        assert report.verification is not None
        assert (report.verification.sampled, report.verification.recall) == (4, 1.0)
    models: dict[str, Any] = {"encoder": count_words, "reranker": first_words}
    found = Connector(client, target, text_fields=["title", "body"], **models)
    (hit, *_) = found.search("climate warming battery")["hits"]["hits"]
    assert hit["_id"] == "1"
    passage = hit["_hybrid"]["passage"]
    assert passage["field"] == "body"
    assert BODY[passage["start"] : passage["end"]].startswith("climate warming")
    again = reindex(client, target, **asked, in_place=True, job="again", options=options)
    assert (again.written, again.counters.encoded) == (3, 0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_passages_follow_their_text_and_go_with_it(
    client: Any, es: Elasticsearch, name: str, options: JobOptions
) -> None:
    filled(es, name, LONG)
    asked: dict[str, Any] = {"text_fields": ["title", "body"], "passages": SPLIT, "encoder": count_words}
    reindex(client, name, **asked, in_place=True, options=options)
    es.update(index=name, id="1", doc={"body": "slow car"})
    es.update(index=name, id="2", doc={"title": None, "body": None}, refresh=True)
    report = reindex(client, name, **asked, in_place=True, options=options)
    assert report.counters.encoded == 1
    written = {hit["_id"]: hit["_source"] for hit in es.search(index=name, body={"size": 9})["hits"]["hits"]}
    assert [each["text"] for each in written["1"]["passages"]] == ["slow car"]
    assert not written["2"]["passages"]
    assert "passages" not in written["4"]


def test_an_estimate_counts_every_passage(client: Any, es: Elasticsearch, name: str, options: JobOptions) -> None:
    filled(es, name, LONG)
    asked: dict[str, Any] = {"text_fields": ["title", "body"], "in_place": True, "encoder": count_words}
    whole = estimate(client, name, **asked, options=options)
    split = estimate(client, name, **asked, passages=SPLIT, options=options)
    passages = 6  # four of the first document, one of each of the next two
    assert (whole.vector_memory_bytes, split.vector_memory_bytes) == (3 * (9 * 4 + 128), passages * (9 * 4 + 128))
    assert whole.index_bytes is not None
    assert split.index_bytes is not None
    assert split.index_bytes > whole.index_bytes


def test_passages_go_where_nothing_else_is(client: Any, es: Elasticsearch, name: str, options: JobOptions) -> None:
    filled(es, name, [{"_id": "1", "body": "car", "passages": {"a": 1}}])
    with pytest.raises(IndexMismatchError, match="'passages' exists and holds no nested objects"):
        reindex(client, name, text_fields=["body"], passages=True, in_place=True, encoder=count_words, options=options)
    with pytest.raises(RequestError, match="vector_field"):
        reindex(client, name, text_fields=["body"], passages=True, vector_field="v", options=options)
