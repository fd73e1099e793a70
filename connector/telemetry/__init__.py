"""Searches as Prometheus metrics and as OpenTelemetry spans; nothing is measured until one of these is called."""

from connector.telemetry.otel import trace_searches
from connector.telemetry.prometheus import count_searches

__all__ = ["count_searches", "trace_searches"]
