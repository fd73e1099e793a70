"""The async twins of the functions for jobs: they run in a thread, and stop when their task is cancelled.

An async client stays on its event loop: the thread hands each call over to it, and waits.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from connector.clients.elasticsearch_api import AnyClient, threaded_elasticsearch
from connector.reindexing.jobs import reindex, resume
from connector.reindexing.opening import JobOptions
from connector.reindexing.reports import ReindexReport, RollbackReport
from connector.reindexing.request import Source
from connector.reindexing.undoing import rollback
from connector.threads import MODELS, Threads

Report = TypeVar("Report")


async def areindex(client: AnyClient, source: Source, **arguments: Any) -> ReindexReport:
    """Run `reindex` off the event loop; cancelling the task stops the job with a clean checkpoint.

    Args:
        client: as for `reindex`, or an async client.
        arguments: as for `reindex`.

    Examples:
        >>> import asyncio
        >>> from connector import areindex, connect
        >>> books = [{"_id": "1", "title": "Emma"}]
        >>> job = areindex(connect("embedded:"), books, text_fields=["title"], alias="books")
        >>> asyncio.run(job).written
        1
    """
    return await _run_in_thread(reindex, client, source, await _with_own_encoder(client, arguments))


async def aresume(client: AnyClient, job: str, **arguments: Any) -> ReindexReport:
    """Run `resume` off the event loop: see `areindex`.

    Examples:
        >>> import asyncio, threading
        >>> from connector import areindex, connect
        >>> from connector.errors import JobStoppedError
        >>> from connector.reindexing import JobOptions, aresume
        >>> es, books, stop = connect("embedded:"), [{"_id": "1", "title": "Emma"}], threading.Event()
        >>> stop.set()
        >>> stopped = JobOptions(stop=stop)
        >>> try:
        ...     asyncio.run(areindex(es, books, text_fields=["title"], alias="books", job="novels", options=stopped))
        ... except JobStoppedError:
        ...     print(asyncio.run(aresume(es, "novels", documents=books)).written)
        1
    """
    return await _run_in_thread(resume, client, job, await _with_own_encoder(client, arguments))


async def arollback(client: AnyClient, job: str, **arguments: Any) -> RollbackReport:
    """Run `rollback` off the event loop: see `areindex`.

    Examples:
        >>> import asyncio
        >>> from connector import connect, reindex
        >>> from connector.reindexing import arollback
        >>> es, books = connect("http://localhost:9200"), [{"_id": "1", "title": "Emma"}]
        >>> first = reindex(es, books, text_fields=["title"], alias="example-books", job="first")
        >>> second = reindex(es, books, text_fields=["title"], alias="example-books", job="second")
        >>> asyncio.run(arollback(es, "second")).previous == first.target
        True
    """
    return await _run_in_thread(rollback, client, job, arguments)


async def _with_own_encoder(client: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """Add the client's own encoder if none is named; the sync client made for the thread would not have it."""
    hybrid = getattr(client, "hybrid", None)
    if hybrid is None or arguments.get("encoder") is not None:
        return arguments
    return {**arguments, "encoder": await MODELS.run(hybrid.models.own_encoder)}


async def _run_in_thread(
    function: Callable[..., Report], client: AnyClient, subject: Any, arguments: dict[str, Any]
) -> Report:
    options = arguments.get("options") or JobOptions()
    stop = options.stop or threading.Event()
    hybrid, sync = getattr(client, "hybrid", None), await threaded_elasticsearch(client) or client
    requested = {**arguments, "options": replace(options, stop=stop)}
    running = asyncio.ensure_future(Threads("connector-reindex").run(function, sync, subject, **requested))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([running])
        raise
    finally:
        if hybrid is not None:
            hybrid.cluster.forget_mappings()
