"""The options of opensearch-py's clients, which may also have elasticsearch-py's names. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.errors import RequestError

_RENAMED_OPTIONS = {"basic_auth": "http_auth", "request_timeout": "timeout"}
_OPTIONS = frozenset(
    {
        *("encoder", "reranker", "models", "provenance", "execution", "budget_ms", "rerank_limit", "score_cache"),
        *("http_auth", "timeout", "headers", "http_compress", "opaque_id", "transport_class", "connection_class"),
        *("max_retries", "retry_on_status", "retry_on_timeout", "pool_maxsize"),
        *("ca_certs", "client_cert", "client_key", "ssl_assert_fingerprint", "ssl_context", "ssl_show_warn"),
        *("ssl_assert_hostname", "ssl_version", "verify_certs"),
    }
)


def own_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options under opensearch-py's names, from those that may have elasticsearch-py's.

    Raises:
        RequestError: opensearch-py has no such option, and would silently ignore it.
    """
    if options.get("api_key"):
        remedy = "is no option: OpenSearch has no API keys; use basic_auth (--user), or a header of its own (--header)"
        raise RequestError("api_key", type(options["api_key"]).__name__, remedy)
    named = {_RENAMED_OPTIONS.get(name, name): value for name, value in options.items()}
    for name in named.keys() - _OPTIONS:
        raise RequestError(
            name,
            type(named[name]).__name__,
            f"is no option of OpenSearch's client; it has {', '.join(sorted(_OPTIONS))}",
        )
    return named
