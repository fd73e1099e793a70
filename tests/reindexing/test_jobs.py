"""Reindex jobs from Python, as people call them, on the embedded engine and on real nodes."""

from __future__ import annotations

import asyncio
import threading
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import AsyncElasticsearch, Elasticsearch, helpers
from opensearchpy import AsyncOpenSearch

from connector import (
    AsyncHybridElasticsearch,
    AsyncHybridOpenSearch,
    Connector,
    HybridElasticsearch,
    Passages,
    areindex,
    connect,
    reindex,
)
from connector.errors import EncoderMismatchError, IndexMismatchError, JobStoppedError, RequestError, SourceError
from connector.reindexing import (
    JobOptions,
    Progress,
    aresume,
    cancel,
    estimate,
    resume,
    retry_dead_letters,
    rollback,
    status,
)
from connector.reindexing.metrics import serve_metrics
from connector.reindexing.opening import elastic
from tests.conftest import ENGINES, EngineUnderTest, embedded_engine
from tests.faults.reindex.accounts import everything, faults_in_books, hashed
from tests.models_by_hand import count_words, first_words

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
def test_another_encoders_vectors_are_not_mixed_with_ours(
    client: Any, es: Elasticsearch, name: str, options: JobOptions
) -> None:
    filled(es, name, DOCUMENTS)
    reindex(client, name, text_fields=["title"], in_place=True, encoder=count_words, options=options)
    with pytest.raises(IndexMismatchError, match="9 dims, the encoder 16"):
        reindex(client, name, text_fields=["title"], in_place=True, encoder=hashed, options=options)

    def other(texts: list[str]) -> Any:
        return count_words(texts)

    with pytest.raises(EncoderMismatchError, match="count_words"):
        reindex(client, name, text_fields=["title"], in_place=True, encoder=other, options=options)
    with pytest.raises(IndexMismatchError, match="is no vector field"):
        reindex(
            client,
            name,
            text_fields=["title"],
            vector_field="year",
            in_place=True,
            encoder=count_words,
            options=options,
        )


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


def test_what_can_not_be_done_is_refused_before_anything_is(
    client: Any, es: Elasticsearch, name: str, options: JobOptions, tmp_path: Path
) -> None:
    def refused(source: Any, **asked: Any) -> None:
        reindex(client, source, text_fields=["title"], encoder=count_words, options=options, **asked)

    filled(es, name, DOCUMENTS)
    with pytest.raises(SourceError, match="there is no index"):
        refused(f"{name}-nothing", alias="x")
    with pytest.raises(RequestError, match="alias"):
        refused(name, alias=name)
    with pytest.raises(RequestError, match="alias"):
        refused(name)
    with pytest.raises(RequestError, match="must name the alias"):
        refused(DOCUMENTS)
    with pytest.raises(RequestError, match="text_fields"):
        reindex(client, name, text_fields="title", in_place=True, encoder=count_words, options=options)
    with pytest.raises(RequestError, match="is no job"):
        resume(client, "nothing", encoder=count_words, options=options)
    assert list(es.indices.get(index=f"{name}*").body) == [name]


def test_a_pruned_source_is_refused(client: Any, es: Elasticsearch, name: str, options: JobOptions) -> None:
    filled(es, name, DOCUMENTS, mappings={"_source": {"excludes": ["year"]}})
    with pytest.raises(SourceError, match="leaves fields out of _source"):
        reindex(client, name, text_fields=["title"], in_place=True, encoder=count_words, options=options)


def test_an_estimate_changes_nothing(client: Any, es: Elasticsearch, name: str, options: JobOptions) -> None:
    filled(es, name, DOCUMENTS)
    found = estimate(client, name, text_fields=["title"], in_place=True, encoder=count_words, options=options)
    assert (found.documents, found.sampled) == (3, 3)
    assert ("reading every document again" if is_embedded(es) else "_seq_no") in found.changes
    assert found.docs_per_s > 0
    assert found.vector_memory_bytes == 2 * (9 * 4 + 128)
    assert "vector" not in es.indices.get_mapping(index=name)[name]["mappings"]["properties"]
    assert status(state=options.state) == []


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
    with pytest.raises(IndexMismatchError, match="'passages' is there and holds no nested objects"):
        reindex(client, name, text_fields=["body"], passages=True, in_place=True, encoder=count_words, options=options)
    with pytest.raises(RequestError, match="vector_field"):
        reindex(client, name, text_fields=["body"], passages=True, vector_field="v", options=options)


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


async def test_the_async_twin_runs_off_the_loop_and_stops_when_it_is_cancelled(options: JobOptions) -> None:
    began, may_go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def encode(texts: list[str]) -> Any:
        if len(texts) > 1:
            loop.call_soon_threadsafe(began.set)
            may_go_on.wait(30)
        return count_words(texts)

    with connect("embedded:") as client:
        documents = [{"_id": str(number), "title": f"car {number}"} for number in range(2_000)]
        asked: dict[str, Any] = {"text_fields": ["title"], "alias": "cars", "encoder": encode, "job": "job"}
        task = asyncio.create_task(areindex(client, documents, **asked, options=options))
        await began.wait()
        task.cancel()
        loop.call_later(0, may_go_on.set)
        with pytest.raises(asyncio.CancelledError):
            await task
        (told,) = status("job", state=options.state)
        assert told.state == "loading"
        report = await areindex(client, documents, **asked, options=options)
        assert report.written == 2_000


def async_client(request: pytest.FixtureRequest, engine_name: str, **models: Any) -> Any:
    """An async client: one of ours where it is given models."""
    if engine_name == IS_OPENSEARCH:
        kind: Any = AsyncHybridOpenSearch if models else AsyncOpenSearch
        return kind(request.getfixturevalue("opensearch_url"), **models)
    engine = embedded_engine()
    if engine_name != "embedded":
        engine = EngineUnderTest(engine_name, request.getfixturevalue(f"elasticsearch{engine_name[2:]}_url"))
    return engine.async_client(AsyncHybridElasticsearch if models else AsyncElasticsearch, **models)


@pytest.mark.parametrize("models", [{"encoder": count_words}, {}])
async def test_a_job_is_run_through_an_async_client(
    models: dict[str, Any], engine_name: str, request: pytest.FixtureRequest, options: JobOptions
) -> None:
    name = f"jobs-{uuid.uuid4().hex[:10]}"
    asked: dict[str, Any] = {"text_fields": ["title"], "alias": name, "job": name, "options": options}
    asked |= {} if models else {"encoder": count_words}
    async with async_client(request, engine_name, **models) as client:
        with pytest.raises(RequestError, match="must be a sync client"):
            reindex(client, DOCUMENTS, **asked)
        report = await areindex(client, DOCUMENTS, **asked)
        assert (report.written, report.without_text) == (2, 1)
        response = await Connector(client, name, text_fields=["title"], encoder=count_words).asearch("car", depth=0)
        assert response["hits"]["hits"][0]["_id"] == "1"
        assert "knn" in response["_hybrid"]["legs"]
        with pytest.raises(RequestError, match="nothing to go on with"):
            await aresume(client, name, options=options)
        for index in await client.indices.get(index=f"{name}*"):
            await client.indices.delete(index=index)


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


def test_an_embedded_index_that_one_search_can_not_bring_is_refused(options: JobOptions) -> None:
    with connect("embedded:") as client:
        filled(client, "small", [{"_id": str(n)} for n in range(30)], settings={"index.max_result_window": 20})
        with pytest.raises(SourceError, match="more than one search brings"):
            reindex(client, "small", text_fields=["title"], in_place=True, encoder=count_words, options=options)


def test_metrics_are_served_while_a_job_runs(options: JobOptions) -> None:
    with connect("embedded:") as client, serve_metrics(0, "127.0.0.1") as metrics:
        watched = JobOptions(state=options.state, on_progress=metrics.show)
        reindex(client, DOCUMENTS, text_fields=["title"], alias="cars", encoder=count_words, job="j", options=watched)
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics.port}/metrics") as answer:
            told = answer.read().decode()
    assert 'connector_reindex_written{job="j"} 2.0' in told
    assert 'connector_reindex_phase{job="j",phase="done"} 1.0' in told
