"""One way of searching in its own process; `benchmarks.peers` starts it and exchanges lines of JSON with it."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from elastic_transport import AiohttpHttpNode, Urllib3HttpNode

from benchmarks import peer_searches
from benchmarks.peer_searches import Search


@dataclass(frozen=True)
class Peer:
    """A way: its name, the function that builds its search, and what its answers lack."""

    title: str
    make: Callable[[str, str, int], Search]
    lacks: str
    needs_licence: bool = False

    @property
    def lines(self) -> int:
        """Return the lines of user code: the function's body without its last line, which returns the search."""
        source = inspect.getsource(self.make).splitlines()[1:-1]
        return sum(bool(line.strip()) for line in source)


_LICENCE = "RRF (a licence)"
PEERS = {
    "connector": Peer("this client, sync", peer_searches.connector_sync, "-"),
    "connector-async": Peer("this client, async", peer_searches.connector_async, "-"),
    "connector-langchain": Peer(
        "this client, LangChain retriever", peer_searches.connector_langchain, "aggregations, highlight"
    ),
    "by-hand": Peer("elasticsearch-py, by hand", peer_searches.by_hand, "provenance, degradation, filters checked"),
    "langchain-store": Peer(
        "langchain-elasticsearch, ElasticsearchStore",
        peer_searches.langchain_store,
        f"{_LICENCE}; scores, ids, aggregations, highlight, provenance",
    ),
    "langchain-store-rrf": Peer(
        "the same, `rrf=True`", peer_searches.langchain_store_rrf, "all of it without a licence", needs_licence=True
    ),
    "langchain-retriever": Peer(
        "langchain-elasticsearch, ElasticsearchRetriever",
        peer_searches.langchain_retriever,
        f"{_LICENCE}; aggregations, provenance",
    ),
    "haystack": Peer(
        "Haystack, ElasticsearchHybridRetriever",
        peer_searches.haystack_hybrid,
        "scores of the legs, aggregations, highlight, provenance",
    ),
    "llama-index": Peer(
        "LlamaIndex, ElasticsearchStore",
        peer_searches.llama_store,
        f"{_LICENCE}; aggregations, highlight, provenance",
    ),
    "llama-index-rrf": Peer(
        "the same, `rrf=True`", peer_searches.llama_store_rrf, "all of it without a licence", needs_licence=True
    ),
}


@dataclass
class Traffic:
    """The traffic since it was last cleared."""

    round_trips: int = 0
    sent: int = 0
    received: int = 0

    def count(self, body: bytes | None, raw_data: bytes) -> None:
        """Add one request and its answer."""
        self.round_trips += 1
        self.sent += len(body or b"")
        self.received += len(raw_data)

    def clear(self) -> None:
        """Reset the counts."""
        self.round_trips = self.sent = self.received = 0


def watch(traffic: Traffic) -> None:
    """Count the bodies that every client in this process sends and receives, at elastic-transport's nodes."""
    sync_send, async_send = Urllib3HttpNode.perform_request, AiohttpHttpNode.perform_request

    def counted(self: Any, method: str, target: str, body: bytes | None = None, *args: Any, **options: Any) -> Any:
        response = sync_send(self, method, target, body, *args, **options)
        traffic.count(body, response.body)
        return response

    async def counted_async(
        self: Any, method: str, target: str, body: bytes | None = None, *args: Any, **options: Any
    ) -> Any:
        response = await async_send(self, method, target, body, *args, **options)
        traffic.count(body, response.body)
        return response

    Urllib3HttpNode.perform_request = counted  # type: ignore[method-assign]
    AiohttpHttpNode.perform_request = counted_async  # type: ignore[method-assign]


def main() -> None:
    """Answer questions until there are no more."""
    name, url, index = sys.argv[1:]
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    warnings.simplefilter("ignore")
    traffic = Traffic()
    watch(traffic)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    with contextlib.redirect_stdout(sys.stderr):
        searches: dict[int, Any] = {}
        for line in sys.stdin:
            question, depth = json.loads(line)
            try:
                search = searches[depth] = searches.get(depth) or PEERS[name].make(url, index, depth)
                traffic.clear()
                start = time.perf_counter()
                found = search(question)
                if inspect.isawaitable(found):
                    found = loop.run_until_complete(found)
            except Exception as error:  # any answer is a result, errors too
                answer: dict[str, Any] = {"error": f"{type(error).__name__}: {error}"}
            else:
                taken = 1000 * (time.perf_counter() - start)
                peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                counts = {"round_trips": traffic.round_trips, "sent": traffic.sent, "received": traffic.received}
                answer = {"ids": found, "ms": taken, "peak_mib": peak_mib, **counts}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
