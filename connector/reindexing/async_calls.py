"""The async twins of the jobs' calls: they run in a thread, and stop when their task is cancelled.

An async client stays on its event loop: the thread hands each of its calls over to it, and waits.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from elastic_transport import AsyncTransport, TransportApiResponse
from elasticsearch import AsyncElasticsearch, Elasticsearch

from connector.clients.core import is_opensearchs, share
from connector.reindexing.asking import Source
from connector.reindexing.cluster.exact_reading import transport_reading
from connector.reindexing.jobs import reindex, resume, rollback
from connector.reindexing.opening import AnyClient, JobOptions
from connector.reindexing.reports import ReindexReport, RollbackReport
from connector.threads import MODELS, Threads

if TYPE_CHECKING:
    from opensearchpy import AsyncOpenSearch

SyncOrAsync: TypeAlias = "AnyClient | AsyncElasticsearch | AsyncOpenSearch"
Report = TypeVar("Report")


async def areindex(client: SyncOrAsync, source: Source, **arguments: Any) -> ReindexReport:
    """Run `reindex` off the event loop; cancelling the task stops the job with a clean checkpoint.

    Args:
        client: as for `reindex`, or an async one, of ours or not.
        arguments: as for `reindex`.
    """
    return await _off_the_loop(reindex, client, source, await _with_own_encoder(client, arguments))


async def aresume(client: SyncOrAsync, job: str, **arguments: Any) -> ReindexReport:
    """Run `resume` off the event loop: see `areindex`."""
    return await _off_the_loop(resume, client, job, await _with_own_encoder(client, arguments))


async def arollback(client: SyncOrAsync, job: str, **arguments: Any) -> RollbackReport:
    """Run `rollback` off the event loop: see `areindex`."""
    return await _off_the_loop(rollback, client, job, arguments)


async def _with_own_encoder(client: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """Name the encoder of an async client of ours where none is named, which the sync one made of it would not have."""
    hybrid = getattr(client, "_hybrid", None)
    if hybrid is None or arguments.get("encoder") is not None:
        return arguments
    return {**arguments, "encoder": await MODELS.run(hybrid.own_encoder)}


async def _off_the_loop(
    function: Callable[..., Report], client: SyncOrAsync, what: Any, arguments: dict[str, Any]
) -> Report:
    given = arguments.get("options") or JobOptions()
    stop = given.stop or threading.Event()
    hybrid, sync = getattr(client, "_hybrid", None), await _as_sync(client)
    asked = {**arguments, "options": replace(given, stop=stop)}
    running = asyncio.ensure_future(Threads("connector-reindex").run(function, sync, what, **asked))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([running])
        raise
    finally:
        if hybrid is not None:
            hybrid.forget_mappings()


async def _as_sync(client: Any) -> Any:
    """Return a client that another thread can call; a sync one as it is, and what is no client, too."""
    loop = asyncio.get_running_loop()
    own = getattr(client, "own", client)  # what Connector.client is on OpenSearch
    if isinstance(own, AsyncElasticsearch):
        transport: Any = LoopTransport(own.transport, loop)
        made = Elasticsearch(_transport=transport)
        share(own, made)
        return made
    if is_opensearchs(own) and asyncio.iscoroutinefunction(own.transport.perform_request):
        from connector.clients.opensearch.as_elasticsearch import as_elasticsearch

        await own.ping()  # which opens its connections, for the copy of its transport to share
        return as_elasticsearch(own, loop)
    return client


class LoopTransport:
    """An elasticsearch-py transport for another thread than that of the event loop, which sends by the loop's own."""

    def __init__(self, transport: AsyncTransport, loop: asyncio.AbstractEventLoop) -> None:
        self.serializers = transport.serializers
        self._own = transport
        self._loop = loop

    def perform_request(self, method: str, target: str, **options: Any) -> TransportApiResponse:
        """Send a request on the loop: see `elastic_transport.AsyncTransport.perform_request`."""
        sending = self._own.perform_request(method, target, **options)
        return asyncio.run_coroutine_threadsafe(sending, self._loop).result()

    def reading(self, loads: Callable[[bytes], Any]) -> LoopTransport:
        """Return a transport over the same connections that reads JSON answers with `loads`."""
        return LoopTransport(transport_reading(self._own, loads), self._loop)

    def close(self) -> None:
        """Leave the connections to the client that they belong to."""
