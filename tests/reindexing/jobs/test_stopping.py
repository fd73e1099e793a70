"""Jobs that are stopped, resumed, cancelled and rolled back."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from connector import (
    connect,
    reindex,
)
from connector.errors import EncoderMismatchError, JobStoppedError, RequestError
from connector.reindexing import (
    JobOptions,
    Progress,
    cancel,
    resume,
    retry_dead_letters,
    rollback,
    status,
)
from tests.models_by_hand import count_words
from tests.reindexing.jobs.conftest import DOCUMENTS, filled, is_embedded, sources


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_job_is_taken_back_given_up_and_its_dead_letters_tried_again(
    client: Any, es: Elasticsearch, name: str, options: JobOptions
) -> None:
    if is_embedded(es):
        pytest.skip("the embedded engine has no aliases")
    filled(es, f"{name}-old", DOCUMENTS)
    es.indices.put_alias(index=f"{name}-old", name=name)
    is_broken = True

    def encode(texts: list[str]) -> Any:
        vectors = count_words(texts)
        vectors[[is_broken and "climate" in text for text in texts]] = float("nan")
        return vectors

    asked: dict[str, Any] = {"text_fields": ["title"], "encoder": encode, "job": "job"}
    report = reindex(client, name, **asked, options=options)
    assert (report.written, report.dead_letters, report.previous) == (1, 1, f"{name}-old")
    is_broken = False
    tried = retry_dead_letters(client, "job", encoder=encode, options=options)
    assert (tried.written, tried.dead) == (1, 0)
    assert sources(es, name) == sources(es, f"{name}-old")
    rollback(client, "job", options=options)
    assert list(es.indices.get_alias(name=name).body) == [f"{name}-old"]
    stop = threading.Event()
    stop.set()
    with pytest.raises(JobStoppedError):
        reindex(client, name, **asked, options=JobOptions(state=options.state, stop=stop))
    cancel(client, "job", options=options)
    (told,) = status("job", state=options.state)
    assert told.state == "cancelled"
    assert sorted(es.indices.get(index=f"{name}*").body) == sorted([f"{name}-old", str(report.target)])


def test_a_stopped_job_is_resumed_with_the_encoder_that_it_began_with(options: JobOptions) -> None:
    stop = threading.Event()
    stopping = JobOptions(state=options.state, stop=stop)
    seen: list[Progress] = []

    def encode(texts: list[str]) -> Any:
        stop.set()
        return count_words(texts)

    with connect("embedded:") as client:
        documents = [{"_id": str(number), "title": f"car {number}"} for number in range(700)]
        asked: dict[str, Any] = {"text_fields": ["title"], "alias": "cars", "job": "job"}
        with pytest.raises(JobStoppedError):
            reindex(client, documents, **asked, encoder=encode, options=stopping)
        with pytest.raises(EncoderMismatchError, match="began with encoder"):
            resume(client, "job", encoder=count_words, documents=documents, options=options)
        with pytest.raises(RequestError, match=r"alias.*was 'cars' when job 'job' began"):
            reindex(client, documents, **{**asked, "alias": "other"}, encoder=encode, options=options)
        with pytest.raises(RequestError, match="must be the iterable again"):
            resume(client, "job", encoder=encode, options=options)
        watching = JobOptions(state=options.state, on_progress=seen.append)
        assert resume(client, "job", encoder=encode, documents=documents, options=watching).written == 700
    assert [progress.phase for progress in seen][-1] == "done"
    assert seen[-1].done >= 700
