"""Searches as OpenTelemetry spans (the extra `otel`); those of elastic-transport are nested in them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

from connector.errors import MissingExtraError
from connector.search.observers import OBSERVERS, Searched


def trace_searches(provider: Any = None) -> None:
    """Make a span of each search of this process from now on, and of each of its stages.

    Args:
        provider: OpenTelemetry's tracer provider; None: the process's own.

    Raises:
        MissingExtraError: opentelemetry-api is not installed.
    """
    try:
        library: Any = import_module("opentelemetry.trace")
    except ImportError as error:
        raise MissingExtraError("opentelemetry-api", "otel") from error
    OBSERVERS.append(_Spans(library, library.get_tracer("connector", tracer_provider=provider)))


class _Spans:
    """See `Observer`."""

    def __init__(self, library: Any, tracer: Any) -> None:
        self._library = library
        self._tracer = tracer

    def stage(self, name: str) -> AbstractContextManager[object]:
        span: AbstractContextManager[object] = self._tracer.start_as_current_span(
            f"connector.{name}", record_exception=False
        )
        return span

    def done(self, searched: Searched) -> None:
        span = self._library.get_current_span()
        span.set_attribute("connector.degraded", list(searched.degraded))
        if searched.wanted:
            span.set_attribute("connector.rerank.wanted", searched.wanted)
            span.set_attribute("connector.rerank.read", searched.read)
            span.set_attribute("connector.rerank.cache_hits", searched.cache_hits)

    def failed(self, error: BaseException) -> None:
        span = self._library.get_current_span()
        span.set_attribute("error.type", type(error).__name__)
