"""Searches as Prometheus metrics (the extra `metrics`)."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any

from connector.clients.readers import READERS
from connector.errors import MissingExtraError
from connector.search.degradations import DegradationCode
from connector.search.observers import OBSERVERS, SEARCH, Searched

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 10.0)
_PAIRS = (0, 1, 5, 10, 20, 30, 50, 75, 100, 200, 500)


def count_searches(registry: Any = None) -> None:
    """Count the searches of this process from now on.

    Args:
        registry: of prometheus_client; None: its default one, which its servers show.

    Raises:
        MissingExtraError: prometheus-client is not installed.
        ValueError: the registry has these metrics already.
    """
    try:
        library: Any = import_module("prometheus_client")
    except ImportError as error:
        raise MissingExtraError("prometheus-client", "metrics") from error
    OBSERVERS.append(_Counts(library, library.REGISTRY if registry is None else registry))


class _Counts:
    """See `Observer`."""

    def __init__(self, library: Any, registry: Any) -> None:
        self._searches = library.Counter("connector_searches", "Searches run here", ["outcome"], registry=registry)
        self._seconds = library.Histogram(
            "connector_search_seconds", "Seconds by stage", ["stage"], buckets=_SECONDS, registry=registry
        )
        self._pairs = library.Histogram(
            "connector_rerank_pairs", "Pairs by search", ["kind"], buckets=_PAIRS, registry=registry
        )
        self._cached = library.Counter("connector_rerank_cached", "Scores known already", registry=registry)
        self._degraded = library.Counter("connector_degraded", "Degraded searches", ["code"], registry=registry)
        reading = library.Gauge("connector_rerank_searches", "Searches being reranked", registry=registry)
        reading.set_function(lambda: sum(reader.searches for reader in list(READERS)))
        opened = library.Gauge("connector_rerank_circuits_open", "Rerankers that are not called", registry=registry)
        opened.set_function(lambda: sum(reader.is_circuit_open for reader in list(READERS)))
        for code in DegradationCode:
            self._degraded.labels(code.value)

    def stage(self, name: str) -> AbstractContextManager[object]:  # noqa: ARG002
        return nullcontext()

    def done(self, searched: Searched) -> None:
        self._searches.labels("degraded" if searched.degraded else "done").inc()
        for stage, seconds in searched.took_s.items():
            self._seconds.labels(stage).observe(seconds)
        if SEARCH in searched.took_s and searched.wanted:
            self._pairs.labels("wanted").observe(searched.wanted)
            self._pairs.labels("read").observe(searched.read)
        self._cached.inc(searched.cache_hits)
        for code in searched.degraded:
            self._degraded.labels(code).inc()

    def failed(self, error: BaseException) -> None:  # noqa: ARG002
        self._searches.labels("failed").inc()
