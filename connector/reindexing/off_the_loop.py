"""The async twins of the jobs' calls: they run in a thread, and stop when their task is cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from connector.indexing.reindex.reports import ReindexReport
from connector.reindexing.asking import Source
from connector.reindexing.jobs import reindex, resume
from connector.reindexing.opening import AnyClient, JobOptions


async def areindex(client: AnyClient, source: Source, **arguments: Any) -> ReindexReport:
    """Run `reindex` off the event loop; cancelling the task stops the job with a clean checkpoint.

    Args: client: a sync client, as for `reindex`. arguments: as for `reindex`.
    """
    return await _off_the_loop(reindex, client, source, arguments)


async def aresume(client: AnyClient, job: str, **arguments: Any) -> ReindexReport:
    """Run `resume` off the event loop: see `areindex`."""
    return await _off_the_loop(resume, client, job, arguments)


async def _off_the_loop(
    function: Callable[..., ReindexReport], client: AnyClient, what: Any, arguments: dict[str, Any]
) -> ReindexReport:
    given = arguments.get("options") or JobOptions()
    stop = given.stop or threading.Event()
    arguments["options"] = replace(given, stop=stop)
    running = asyncio.ensure_future(asyncio.to_thread(function, client, what, **arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([running])
        raise
