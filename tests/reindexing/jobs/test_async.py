"""`areindex`, over sync and async clients."""

from __future__ import annotations

import asyncio
import threading
import uuid
from typing import Any

import pytest
from elasticsearch import AsyncElasticsearch
from opensearchpy import AsyncOpenSearch

from connector import (
    AsyncHybridElasticsearch,
    AsyncHybridOpenSearch,
    Connector,
    areindex,
    connect,
    reindex,
)
from connector.errors import RequestError
from connector.reindexing import (
    JobOptions,
    aresume,
    status,
)
from tests.conftest import EngineUnderTest, embedded_engine
from tests.models_by_hand import count_words
from tests.reindexing.jobs.conftest import DOCUMENTS, IS_OPENSEARCH


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
        with pytest.raises(RequestError, match="nothing to resume"):
            await aresume(client, name, options=options)
        for index in await client.indices.get(index=f"{name}*"):
            await client.indices.delete(index=index)
