"""The engine: it answers HTTP requests, one at a time."""

from __future__ import annotations

import logging
import re
import threading
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

import numpy as np

from connector.embedded.failures import EngineError, illegal, invalid_index_name
from connector.embedded.rest.calls import Answer, Call, Handler, check_options
from connector.embedded.rest.document_calls import DocumentCalls
from connector.embedded.rest.index_calls import IndexCalls
from connector.embedded.rest.search_calls import SearchCalls
from connector.embedded.storage.catalog import Catalog
from connector.embedded.storage.database import StoreFaultError
from connector.exact_json import dumps

_log = logging.getLogger(__name__)
_MAX_BODY_BYTES = 100 * 1024 * 1024
_COMMON = {"pretty", "human", "error_trace"}
_INDEX = {"ignore_unavailable", "allow_no_indices", "expand_wildcards", "master_timeout", "timeout", "local"}
_SOURCE = {"_source", "_source_includes", "_source_excludes", "_source_exclude_vectors"}
_WRITE = {"refresh", "timeout", "wait_for_active_shards", "require_alias", "routing"}
_GUARD = {"if_seq_no", "if_primary_term"}
_READ = _SOURCE | {"preference", "realtime", "refresh", "routing"}
_RUN = {
    "preference",
    "routing",
    "search_type",
    "request_cache",
    "ccs_minimize_roundtrips",
    "max_concurrent_shard_requests",
}
_RUN |= {
    "pre_filter_shard_size",
    "batched_reduce_size",
    "typed_keys",
    "rest_total_hits_as_int",
    "allow_partial_search_results",
}
_BODY = {"size", "from", "track_total_hits", "version", "seq_no_primary_term"}
_HEALTH = {"wait_for_status", "wait_for_active_shards", "wait_for_no_relocating_shards", "level"}


class _Route(NamedTuple):
    pattern: re.Pattern[str]
    methods: tuple[str, ...]
    handler: Handler
    parameters: set[str]


class Engine:
    """An engine with its documents in `directory`, or in memory if that is None; it is thread-safe.

    A write is durable when `handle` returns, and is visible to every later search.

    Raises:
        EmbeddedStoreError: the directory is in use by another process, or can't be opened.
    """

    def __init__(self, directory: Path | str | None = None) -> None:
        self._lock = threading.RLock()
        self._catalog = Catalog(None if directory is None else Path(directory))
        self._routes = _routes(self._catalog)

    def close(self) -> None:
        """Release the directory; the engine can't be used afterwards."""
        with self._lock:
            self._catalog.store.close()

    def handle(self, method: str, target: str, body: bytes | None = None) -> Answer:
        """Answer one request; `target` is the path and query string, as sent over HTTP."""
        try:
            with (
                self._lock,
                np.errstate(over="ignore", invalid="ignore"),
            ):  # scores may overflow; they are clipped in the response
                self._catalog.store.check_open()
                return self._answer(method, target, body or b"")
        except EngineError as error:
            failure = error
        except StoreFaultError as fault:
            failure = EngineError(500, fault.kind, str(fault))
        except RecursionError:
            failure = illegal("the request is nested deeper than the embedded engine can read")
        except Exception as error:  # as on a real node, an internal error is an answer too
            _log.exception("%s %s failed in the embedded engine", method, target.partition("?")[0])
            failure = EngineError(500, "exception", f"{type(error).__name__} in the embedded engine: {error}")
        return Answer(failure.status, failure.body())

    def _answer(self, method: str, target: str, body: bytes) -> Answer:
        if len(body) > _MAX_BODY_BYTES:
            reason = f"the body has {len(body):,} bytes, and at most {_MAX_BODY_BYTES:,} are accepted: send it in parts"
            raise EngineError(413, "content_too_long_exception", reason)
        path, _, query = target.partition("?")
        parameters = _parameters(query)
        allowed: list[str] = []
        for route in self._routes:
            match = route.pattern.fullmatch(path)
            if match is None:
                continue
            if method in route.methods:
                parts = {name: unquote(part) for name, part in match.groupdict().items()}
                _check_parameters(path, parameters, route.parameters)
                return route.handler(Call(path, parts, parameters, body))
            allowed += route.methods
        if allowed:
            reason = f"Incorrect HTTP method for uri [{path}] and method [{method}], allowed: [{', '.join(allowed)}]"
            return Answer(405, {"error": reason, "status": 405})
        if method != "POST" and path.count("/") == 1:
            raise invalid_index_name(path[1:], "must not start with '_', '-', or '+'")
        raise illegal(f"no handler found for uri [{path}] and method [{method}] in the embedded engine")


def _parameters(query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query, keep_blank_values=True, errors="replace"))
    except ValueError as error:
        raise illegal(f"the query string can't be read: {error}") from error


def _check_parameters(path: str, parameters: dict[str, str], known: set[str]) -> None:
    for name in parameters:
        if name not in known and name not in _COMMON:
            allowed = sorted(known)
            raise illegal(
                f"request [{path}] contains unrecognized parameter: [{name}]; the embedded engine knows {allowed}"
            )
    if parameters.get("require_alias", "false") == "true":
        raise illegal("the embedded engine does not support [require_alias]")
    check_options(parameters)


def _routes(catalog: Catalog) -> list[_Route]:
    indices, documents, searches = IndexCalls(catalog), DocumentCalls(catalog), SearchCalls(catalog)
    get, post, put, delete = ("GET", "HEAD"), ("POST",), ("PUT",), ("DELETE",)
    read, write = ("GET", "POST"), ("PUT", "POST")
    table: list[tuple[str, tuple[str, ...], Handler, set[str]]] = [
        ("/", get, indices.info, set()),
        ("/_cluster/health", get, indices.health, _INDEX | _HEALTH),
        ("/_cluster/health/{index}", get, indices.health, _INDEX | _HEALTH),
        ("/_bulk", write, documents.bulk, _WRITE),
        ("/{index}/_bulk", write, documents.bulk, _WRITE),
        ("/_mget", read, documents.mget, _READ),
        ("/{index}/_mget", read, documents.mget, _READ),
        ("/_search", read, searches.search, _INDEX | _RUN | _BODY | _SOURCE),
        ("/{index}/_search", read, searches.search, _INDEX | _RUN | _BODY | _SOURCE),
        ("/_msearch", read, searches.msearch, _INDEX | _RUN | {"max_concurrent_searches"}),
        ("/{index}/_msearch", read, searches.msearch, _INDEX | _RUN | {"max_concurrent_searches"}),
        ("/_count", read, searches.count, _INDEX | {"preference", "routing"}),
        ("/{index}/_count", read, searches.count, _INDEX | {"preference", "routing"}),
        ("/_refresh", read, indices.refresh, _INDEX),
        ("/{index}/_refresh", read, indices.refresh, _INDEX),
        ("/_mapping", get, indices.get_mapping, _INDEX),
        ("/{index}/_mapping", get, indices.get_mapping, _INDEX),
        ("/{index}/_mapping", write, indices.put_mapping, _INDEX),
        ("/_settings", get, indices.get_settings, _INDEX),
        ("/{index}/_settings", get, indices.get_settings, _INDEX),
        ("/{index}/_doc", post, documents.index_document, _WRITE | _GUARD | {"op_type"}),
        ("/{index}/_doc/{id}", write, documents.index_document, _WRITE | _GUARD | {"op_type"}),
        ("/{index}/_create/{id}", write, documents.index_document, _WRITE),
        ("/{index}/_doc/{id}", get, documents.get_document, _READ),
        ("/{index}/_doc/{id}", delete, documents.delete_document, _WRITE | _GUARD),
        ("/{index}/_source/{id}", get, documents.get_source, _READ),
        ("/{index}/_update/{id}", post, documents.update_document, _WRITE | _GUARD | {"retry_on_conflict"}),
        ("/{index}", put, indices.create_index, _INDEX | {"wait_for_active_shards"}),
        ("/{index}", get, indices.get_index, _INDEX),
        ("/{index}", delete, indices.delete_index, _INDEX),
    ]
    return [_Route(_pattern(path), methods, handler, parameters) for path, methods, handler, parameters in table]


def _pattern(path: str) -> re.Pattern[str]:
    parts = path.replace("{index}", r"(?P<index>(?!_)[^/]+|_all)").replace("{id}", r"(?P<id>[^/]+)")
    return re.compile(parts)


def dump(body: Any) -> bytes:
    """Return an answer's body as bytes, with a document's numbers as they were sent."""
    return b"" if body is None else dumps(body)
