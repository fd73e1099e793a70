from __future__ import annotations

from typing import Any

import pytest

from connector.engines import ElasticsearchDialect
from connector.errors import RequestError, SourceError
from connector.indexing.encoder_meta import fingerprint_in
from connector.models.encoder import Fingerprint
from connector.reindexing.plan import JobPlan, allowed_dead
from connector.reindexing.planning import check_source, copied_body
from connector.reindexing.request import JobRequest

FINGERPRINT = Fingerprint("model", "1", 3, "mean", True, "", "")


@pytest.mark.parametrize(
    ("mapping", "settings", "reason"),
    [
        ({"_source": {"enabled": False}}, {}, "does not keep _source"),
        ({"_source": {"mode": "disabled"}}, {}, "does not keep _source"),
        ({"_source": {"mode": "synthetic"}}, {}, "synthetic"),
        ({}, {"mapping": {"source": {"mode": "synthetic"}}}, "synthetic"),
        ({}, {"mode": "logsdb"}, "synthetic"),
        ({"_source": {"excludes": ["vector"]}}, {}, "leaves fields out"),
        ({"_source": {"includes": ["title"]}}, {}, "leaves fields out"),
    ],
)
def test_a_source_that_would_lose_something_is_refused_with_the_reason(
    mapping: dict[str, Any], settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(SourceError, match=reason):
        check_source("articles", {"mappings": mapping, "settings": {"index": settings}})


def test_a_source_that_is_kept_whole_is_fine() -> None:
    check_source("articles", {"mappings": {}, "settings": {"index": {}}})
    check_source("logs", {"mappings": {}, "settings": {"index": {"mode": "logsdb", "mapping.source.mode": "stored"}}})


def test_the_new_index_has_the_old_ones_mapping_and_settings_and_the_vectors() -> None:
    described = {
        "mappings": {
            "dynamic": "strict",
            "_meta": {"owner": "us", "hybrid_connector": {"vectors": {"other": {"encoder": {}}}}},
            "properties": {"title": {"type": "text"}, "meta": {"properties": {"n": {"type": "integer"}}}},
        },
        "settings": {
            "index": {
                "uuid": "x",
                "creation_date": "1",
                "provided_name": "a",
                "version": {"created": "1"},
                "number_of_shards": "3",
                "number_of_replicas": "2",
                "blocks": {"write": "true"},
                "lifecycle": {"name": "policy"},
                "analysis": {"analyzer": {"own": {"type": "custom", "tokenizer": "standard"}}},
            }
        },
    }
    request = JobRequest("articles", "index", ("title",), vector_field="meta.vector")
    body = copied_body(described, request, FINGERPRINT, ElasticsearchDialect())
    assert body["settings"] == {
        "number_of_shards": "3",
        "analysis.analyzer.own.type": "custom",
        "analysis.analyzer.own.tokenizer": "standard",
    }
    properties = body["mappings"]["properties"]
    assert properties["meta"]["properties"]["vector"]["dims"] == 3
    assert properties["meta"]["properties"]["n"] == {"type": "integer"}
    assert body["mappings"]["dynamic"] == "strict"
    assert fingerprint_in(body["mappings"], "meta.vector") == FINGERPRINT
    assert body["mappings"]["_meta"]["owner"] == "us"
    assert "other" in body["mappings"]["_meta"]["hybrid_connector"]["vectors"]


@pytest.mark.parametrize(
    "asked",
    [
        {"text_fields": ()},
        {"vector_field": "title"},
        {"vector_field": ""},
        {"in_place": True, "alias": "a"},
        {"in_place": True, "kind": "file"},
        {"kind": "file"},
        {"max_dead_share": 1.5},
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_done(asked: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        JobRequest(**{"source": "articles", "kind": "index", "text_fields": ("title",), **asked})


def test_request_and_plan_come_back_as_they_were_kept() -> None:
    request = JobRequest("articles", "index", ("title", "body"), alias="live")
    assert JobRequest.from_json({**request.to_json(), "of a later version": 1}) == request
    plan = JobPlan(
        (("articles", "uuid"),), "live-1", "live", {"articles": {}}, {"a": "b"}, {"a": None}, {"settings": {}}
    )
    assert JobPlan.from_json(plan.to_json()) == plan


def test_a_job_is_named_after_what_it_does() -> None:
    request = JobRequest("articles", "index", ("title",), alias="live")
    assert request.job_name("cluster", FINGERPRINT) == request.job_name("cluster", FINGERPRINT)
    assert request.job_name("cluster", FINGERPRINT) != request.job_name("another", FINGERPRINT)
    assert request.job_name("cluster", FINGERPRINT).startswith("live-")


@pytest.mark.parametrize(
    ("share", "total", "allowed"),
    [
        (0.1, 50, 20),
        (0.1, 1_000, 100),
        (0.1, 14, 7),
        (0.1, 39, 19),
        (0.1, 1, 0),
        (0.1, 0, 0),
        (0.0, 1_000, 20),
        (1.0, 9, 9),
    ],
)
def test_a_few_dead_letters_are_allowed_but_never_most_of_the_documents(share: float, total: int, allowed: int) -> None:
    assert allowed_dead(share, total) == allowed
