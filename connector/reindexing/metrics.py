"""A job's progress as Prometheus metrics, served while it runs (the extra `metrics`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from importlib import import_module
from typing import Any

from connector.errors import MissingExtraError
from connector.reindexing.items import Counters
from connector.reindexing.reports import Progress

_PREFIX = "connector_reindex_"
_GAUGES = {
    "documents_done": "Documents acknowledged, in this process or before",
    "documents": "Documents of the source",
    "docs_per_s": "Documents read per second",
    "encoder_utilisation": "Share of the time in which the encoder is working",
    "eta_seconds": "Seconds until everything is read",
    "bulk_limit_documents": "Most documents in a bulk request",
    "bulk_limit_bytes": "Most bytes in a bulk request",
}


@contextmanager
def serve_metrics(port: int, address: str = "0.0.0.0") -> Iterator[Metrics]:
    """Serve metrics while the block runs; port 0 takes any free port.

    Raises:
        MissingExtraError: prometheus-client is not installed.
        OSError: the port is taken.
    """
    try:
        library: Any = import_module("prometheus_client")
    except ImportError as error:
        raise MissingExtraError("prometheus-client", "metrics") from error
    registry = library.CollectorRegistry()
    server, thread = library.start_http_server(port, addr=address, registry=registry)
    try:
        yield Metrics(library, registry, server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Metrics:
    """Progress as gauges; counts are gauges too, because they are set rather than incremented.

    Args:
        library: prometheus_client.
        registry: where the metrics are.
        port: where they are served.
    """

    def __init__(self, library: Any, registry: Any, port: int) -> None:
        self.port = port
        self._gauges = {
            name: library.Gauge(_PREFIX + name, text, ["job"], registry=registry) for name, text in _GAUGES.items()
        }
        self._counted = {
            each.name: library.Gauge(
                _PREFIX + each.name, f"{each.name} by this process".replace("_", " "), ["job"], registry=registry
            )
            for each in fields(Counters)
        }
        self._phase = library.Gauge(f"{_PREFIX}phase", "1 for the current phase", ["job", "phase"], registry=registry)

    def show(self, progress: Progress) -> None:
        """Set every metric."""
        values = {
            "documents_done": progress.done,
            "documents": progress.documents,
            "docs_per_s": progress.docs_per_s,
            "encoder_utilisation": progress.encoder_utilisation,
            "eta_seconds": progress.eta_s,
            "bulk_limit_documents": progress.bulk_count,
            "bulk_limit_bytes": progress.bulk_bytes,
        }
        for name, value in values.items():
            if value is not None:
                self._gauges[name].labels(progress.job).set(value)
        for name, gauge in self._counted.items():
            gauge.labels(progress.job).set(getattr(progress.counters, name))
        self._phase.clear()
        self._phase.labels(progress.job, progress.phase).set(1)
