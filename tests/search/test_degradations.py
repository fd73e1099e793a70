"""Degraded searches are counted, and warned of once per reason and minute, whether or not provenance is shown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from connector import AsyncHybridElasticsearch, Connector, HybridElasticsearch, connect, degradation_counts
from connector.clients.query_models import RerankerLike
from connector.errors import MissingExtraError, ModelError, ModelNotFoundError, ModelOutputError, RequestError
from connector.search.degradations import (
    DEGRADATIONS,
    Degradation,
    DegradationCode,
    DegradationLog,
    degraded_section,
    rerank_code,
)
from tests.conftest import embedded_engine
from tests.forking import holds_in_forked_child, needs_fork

SECRET = "sk-SECRET"
TREE: dict[str, Any] = {
    "text_similarity_reranker": {
        "field": "t",
        "inference_text": "whale",
        "retriever": {"standard": {"query": {"match": {"t": "whale"}}}},
    }
}


class Clock:
    """A clock that a test sets."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock) -> DegradationLog:
    return DegradationLog(clock)


def failed(error: Exception, **more: Any) -> Degradation:
    return Degradation(DegradationCode.RERANKER_ERROR, "not reranked", "connector.rerank", error, **more)


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_a_reason_is_warned_of_once_a_minute_whatever_its_text(
    log: DegradationLog, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(13):
        log.record(failed(RuntimeError(f"request {number}")))
    clock.now_s += 59.9
    log.record(failed(RuntimeError("the last of the minute")))
    assert warnings_in(caplog) == ["not reranked: RuntimeError: request 0"]
    clock.now_s += 0.1
    log.record(failed(RuntimeError("again")))
    assert warnings_in(caplog)[1:] == [
        "not reranked: RuntimeError: again (13 more in the minute after the last warning)"
    ]


def test_another_minute_without_suppressed_ones_says_nothing_of_them(
    log: DegradationLog, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        log.record(Degradation(DegradationCode.PARTIAL_RESULTS, "1 shards failed"))
        clock.now_s += 60
    assert warnings_in(caplog) == ["1 shards failed"] * 2


def test_other_kinds_and_subjects_are_other_reasons(log: DegradationLog, caplog: pytest.LogCaptureFixture) -> None:
    for each in (failed(OSError("a")), failed(ValueError("b")), failed(OSError("c"), subject="expansion")):
        log.record(each)
    assert len(warnings_in(caplog)) == 3


def test_every_degradation_is_counted_by_its_code(log: DegradationLog) -> None:
    for _ in range(3):
        log.record(failed(RuntimeError()))
    log.record(Degradation(DegradationCode.NO_TEXT, "not reranked: no hit has text in body"))
    assert log.counts() == {"reranker_error": 3, "no_text": 1}


def test_endless_new_reasons_become_one(log: DegradationLog, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(1000):
        log.record(failed(RuntimeError(), subject=str(number)))
    assert len(warnings_in(caplog)) == 257


def test_what_is_suppressed_is_in_the_log_at_debug(log: DegradationLog, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "connector.rerank"):
        for number in range(2):
            log.record(failed(RuntimeError(f"request {number}")))
    assert "RuntimeError: request 1" in caplog.text


@needs_fork
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Python 3.12 warns of threads
def test_a_process_forked_while_a_degradation_is_recorded_can_record_its_own() -> None:
    with DEGRADATIONS._lock:
        assert holds_in_forked_child(lambda: degradation_counts() == {})


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RuntimeError(), "reranker_error"),
        (ModelError(), "reranker_error"),
        (ModelNotFoundError(), "model_unavailable"),
        (ModelOutputError(), "invalid_scores"),
        (MissingExtraError("openvino", "openvino"), "missing_package"),
        (RequestError("field_shares", 0, "must be above 0"), "wrong_request"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_rerankers_errors_have_codes(error: Exception, code: str) -> None:
    assert rerank_code(error).value == code


def test_reasons_are_added_to_earlier_ones_and_codes_are_listed_once() -> None:
    first = degraded_section([Degradation(DegradationCode.PARTIAL_RESULTS, "1 shards failed")])
    more = [Degradation(DegradationCode.HITS_MISSING, f"{count} hits missing") for count in (2, 3)]
    assert degraded_section(more, first) == {
        "degraded": "1 shards failed; 2 hits missing; 3 hits missing",
        "degraded_codes": ["partial_results", "hits_missing"],
    }
    assert degraded_section([], first) == first
    assert degraded_section([]) == {"degraded": None}


def breaks(query: str, passages: list[str]) -> list[float]:
    raise RuntimeError(f"401 for https://api.example/v1?api_key={SECRET}")


def outputs(query: str, passages: list[str]) -> list[float]:
    return [float("nan")] * len(passages)


def sync_search(reranker: RerankerLike, provenance: bool) -> dict[str, Any]:
    engine = embedded_engine()
    with engine.client(HybridElasticsearch, reranker=reranker, provenance=provenance) as client:
        client.index(index="whales", id="1", document={"t": "whale"}, refresh=True)
        return dict(client.search(index="whales", retriever=TREE).body)


def async_search(reranker: RerankerLike, provenance: bool) -> dict[str, Any]:
    async def search() -> dict[str, Any]:
        engine = embedded_engine()
        async with engine.async_client(AsyncHybridElasticsearch, reranker=reranker, provenance=provenance) as client:
            await client.index(index="whales", id="1", document={"t": "whale"}, refresh=True)
            return dict((await client.search(index="whales", retriever=TREE)).body)

    return asyncio.run(search())


@pytest.mark.parametrize("search", [sync_search, async_search])
@pytest.mark.parametrize("provenance", [True, False])
@pytest.mark.parametrize(("reranker", "code"), [(breaks, "reranker_error"), (outputs, "invalid_scores")])
def test_a_degraded_search_warns_and_counts_without_provenance_too(
    search: Callable[[RerankerLike, bool], dict[str, Any]],
    provenance: bool,
    reranker: RerankerLike,
    code: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = search(reranker, provenance)
    assert ("_hybrid" in found) is provenance
    if provenance:
        assert found["_hybrid"]["degraded_codes"] == [code]
    assert [record.name for record in caplog.records if record.levelname == "WARNING"] == ["connector.rerank"]
    assert degradation_counts() == {code: 1}
    assert SECRET not in str(found)


def test_a_hook_that_fails_warns_and_counts(caplog: pytest.LogCaptureFixture) -> None:
    def expand(text: str) -> str:
        raise OSError(f"no route to https://api.example?key={SECRET}")

    client = connect("embedded:", encoder=lambda texts: [[1.0, 0.0]] * len(texts), reranker=lambda q, p: [1.0] * len(p))
    notes = Connector(client, "notes", text_fields=["body"], rewrite={"expansion": expand})
    notes.create()
    notes.index([{"_id": "1", "body": "Descale a kettle."}])
    hybrid = notes.search("kettle")["_hybrid"]
    assert hybrid["degraded"] == "rewrite 'expansion' failed: OSError (see the log of connector.rewriting)"
    assert hybrid["degraded_codes"] == ["rewrite_failed"]
    assert warnings_in(caplog) == [f"rewrite 'expansion' failed: OSError: no route to https://api.example?key={SECRET}"]
    assert degradation_counts() == {"rewrite_failed": 1}


def test_the_counts_of_the_process_are_those_of_its_log() -> None:
    DEGRADATIONS.record(Degradation(DegradationCode.NO_TEXT, "not reranked: no hit has text in body"))
    assert degradation_counts() == {"no_text": 1}
