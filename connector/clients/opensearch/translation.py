"""How opensearch-py differs from elasticsearch-py, in both directions. No I/O here.

The flows of this package use elasticsearch-py's calls, answers and errors. opensearch-py's transport sees paths, query
strings and serialised bodies, answers with bare bodies and raises errors of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig, ObjectApiResponse
from elastic_transport import SerializationError as UnreadableError
from elasticsearch import ApiError

from connector.clients.api_errors import api_error
from connector.clients.body_texts import may_run_here
from connector.clients.retries import Retries
from connector.clients.sending import Call, Send
from connector.errors import MissingExtraError

try:
    from opensearchpy import OpenSearch, Transport, helpers
    from opensearchpy.exceptions import HTTP_EXCEPTIONS, OpenSearchException, SerializationError, TransportError
    from opensearchpy.serializer import Deserializer, JSONSerializer
except ImportError as error:
    raise MissingExtraError("opensearchpy", "opensearch") from error

__all__ = [
    "Deserializer",
    "JSONSerializer",
    "OpenSearch",
    "SerializationError",
    "Transport",
    "TransportError",
    "UnreadableError",
    "helpers",
]

_ENDPOINTS = {
    ("_search",): "search",
    ("_msearch",): "msearch",
    ("_search", "template"): "search_template",
    ("_msearch", "template"): "msearch_template",
}
_LISTS = frozenset({"_source", "docvalue_fields", "stored_fields"})
_OF_THE_BODY = _LISTS | {"explain", "from", "seq_no_primary_term", "size", "track_total_hits", "version"}
_CHANGES_MAPPINGS = frozenset({"_mapping", "_mappings", "_alias", "_aliases", "_bulk", "_reindex", "_rollover"})
_DEFAULT_RETRY_ON_STATUS, _TOO_MANY_REQUESTS = (502, 503, 504), 429
META = ApiResponseMeta(200, "1.1", HttpHeaders(), 0.0, NodeConfig("http", "opensearch", 9200))


def is_passed_on(method: str, url: str, body: Any) -> bool:
    """True if a request is for the cluster as it is, as a glance shows; `Hybrid.route` decides about any other."""
    path = url.partition("?")[0]
    if path.endswith("/_search"):
        return not may_run_here(body)
    return method in ("GET", "HEAD") and "search" not in path


@dataclass(frozen=True)
class Request:
    """One request as it comes to opensearch-py's transport, with what its parameters say about it.

    Attributes:
        method, url, body: as they came.
        url_params: the query string's parameters, without those that opensearch-py reads itself.
        params: the same; those that belong in the search body are values, the rest is text.
        timeout, ignore, headers: how opensearch-py sends it, wherever the caller put that.
    """

    method: str
    url: str
    url_params: Mapping[str, Any]
    params: Mapping[str, Any]
    body: Any
    timeout: float | None = None
    ignore: Collection[int] = ()
    headers: Mapping[str, str] | None = None

    @classmethod
    def of(cls, method: str, url: str, params: Any, body: Any, timeout: Any, ignore: Any, headers: Any) -> Request:
        """Read a request; its arguments stay as they are."""
        url_params = dict(params or {})
        request_timeout, search_timeout = url_params.pop("request_timeout", None), url_params.pop("timeout", None)
        ignored = ignore or url_params.pop("ignore", ())
        read = {name: _read(name, value) for name, value in url_params.items()}
        timeouts = [timeout, *(each for each in (request_timeout, search_timeout) if not isinstance(each, str))]
        if isinstance(search_timeout, str):  # not how long the client waits, but how long the cluster searches
            read["timeout"] = search_timeout
        return cls(
            method,
            url,
            url_params,
            read,
            body,
            next(filter(None, timeouts), None),
            [ignored] if isinstance(ignored, int) else ignored,
            headers,
        )

    @cached_property
    def parts(self) -> list[str]:
        """The path's parts, unquoted."""
        return [unquote(part) for part in self.url.partition("?")[0].strip("/").split("/")]

    @property
    def endpoint(self) -> str | None:
        """elasticsearch-py's name of the endpoint, if it is one that holds searches; None for any other."""
        names = self.parts if self.index is None else self.parts[1:]
        return _ENDPOINTS.get(tuple(names)) if self.method in ("GET", "POST") else None

    @property
    def index(self) -> str | None:
        """The path's index expression; None if it names none."""
        first = self.parts[0]
        return None if first.startswith("_") and first != "_all" else first

    @property
    def changes_mappings(self) -> bool:
        """True if mappings read earlier may be wrong after it."""
        parts = self.parts
        return self.method not in ("GET", "HEAD") and (len(parts) == 1 or not _CHANGES_MAPPINGS.isdisjoint(parts))

    def call(self, transport: Any) -> Call:
        """Return the call that the flows answer, with the transport's rules of retrying."""
        body = (
            self.body.decode("utf-8", "surrogatepass") if isinstance(self.body, bytes) and self.endpoint else self.body
        )
        return Call(
            Send(self.method, self.url, self.url_params, None, body, self.endpoint, ignored=self.ignore),
            params=self.params,
            index=self.index,
            retries=retries_of(transport),
            sent_headers=self.headers,
            ignored=self.ignore,
            changes_mappings=self.changes_mappings,
        )

    def options_for(self, need: Send, transport: Any) -> dict[str, Any]:
        """Return the keywords by which the transport sends what this request needs."""
        body = need.body
        if isinstance(body, list):  # lines, each as the transport serialises it, which leaves text as it is
            body = "".join(f"{transport.serializer.dumps(line)}\n" for line in body)
        params = dict(need.params or {})
        own = {"timeout": self.timeout, "headers": self.headers}
        return {"params": params, "body": body, "ignore": need.ignored, **own}


def _read(name: str, value: Any) -> Any:
    """Read a query-string value that belongs in the search body; opensearch-py has turned it into text."""
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    if not isinstance(value, str) or name not in _OF_THE_BODY:
        return value
    if value in ("true", "false"):
        return value == "true"
    if name in _LISTS:
        return value.split(",")
    return int(value) if value.lstrip("-").isdigit() else value


OWN_REQUEST = Request("GET", "/", {}, {}, None)
"""A request with the client's own credentials and timeout."""


def retries_of(transport: Any) -> Retries:
    """Return a transport's rules of retrying.

    If it has the defaults, a search that is rejected (429) is sent again too, as elasticsearch-py does.
    """
    statuses = tuple(transport.retry_on_status)
    rejected = (_TOO_MANY_REQUESTS,) if statuses == _DEFAULT_RETRY_ON_STATUS else ()
    return Retries((*statuses, *rejected), transport.max_retries, rejected)


def response(body: Any) -> ObjectApiResponse[Any]:
    """Wrap a body as elasticsearch-py does; an error body, returned because its status is ignored, keeps its status."""
    is_error = isinstance(body, Mapping) and "error" in body and isinstance(body.get("status"), int)
    return ObjectApiResponse(body=body, meta=replace(META, status=body["status"]) if is_error else META)


@contextmanager
def elasticsearch_errors() -> Iterator[None]:
    """Raise opensearch-py's errors as elasticsearch-py's."""
    try:
        yield
    except (TransportError, SerializationError) as error:
        raise as_api_error(error) from error


@contextmanager
def opensearch_errors() -> Iterator[None]:
    """Raise a flow's errors as opensearch-py's."""
    try:
        yield
    except (ApiError, UnreadableError) as error:
        raise as_transport_error(error) from error.__cause__


def as_api_error(error: TransportError | SerializationError) -> Exception:
    """Return elasticsearch-py's error for an answer of the cluster's; any other error is itself."""
    if isinstance(error, SerializationError):
        return UnreadableError(str(error.args[0]), errors=(error,)) if isinstance(error.args[0], str) else error
    status, body = error.status_code, error.info
    if not isinstance(status, int):
        return error
    translated = api_error(body if isinstance(body, Mapping) else {"error": error.error}, META, status)
    translated.__cause__ = error
    return translated


def as_transport_error(error: ApiError | UnreadableError) -> Exception:
    """Return opensearch-py's error for a flow's: the very one that it raised, or a new one of the same kind."""
    if isinstance(error.__cause__, OpenSearchException):
        return error.__cause__
    if isinstance(error, UnreadableError):
        return error
    return HTTP_EXCEPTIONS.get(error.meta.status, TransportError)(error.meta.status, error.message, error.body)
