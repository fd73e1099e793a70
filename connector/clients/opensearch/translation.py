"""What opensearch-py does otherwise than elasticsearch-py, told in the other's words. No I/O here.

The flows of this package speak of calls, answers and errors as elasticsearch-py has them; opensearch-py has a transport
that sees paths, query strings and serialised bodies, answers with bare bodies and raises errors of its own. Comes in
from `opensearch_client` and `async_opensearch_client`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig, ObjectApiResponse
from elastic_transport import SerializationError as UnreadableError
from elasticsearch import ApiError

from connector.clients.core import Call, api_error
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
_RETRY_ON_STATUS, _TURNED_AWAY = (502, 503, 504), 429
_META = ApiResponseMeta(200, "1.1", HttpHeaders(), 0.0, NodeConfig("http", "opensearch", 9200))


@dataclass(frozen=True)
class Request:
    """One request as it comes to opensearch-py's transport, with what it says of itself read from its parameters.

    Attributes:
        method, url: as they came.
        given: the query string's parameters, without what opensearch-py keeps to itself.
        params: the same; what belongs into the search body is read, the rest is text.
        body: as it came.
        timeout, ignore, headers: how opensearch-py is to send it, wherever that was said.
    """

    method: str
    url: str
    given: Mapping[str, Any]
    params: Mapping[str, Any]
    body: Any
    timeout: float | None = None
    ignore: Collection[int] = ()
    headers: Mapping[str, str] | None = None

    @classmethod
    def of(cls, method: str, url: str, params: Any, body: Any, timeout: Any, ignore: Any, headers: Any) -> Request:
        """Read a request; nothing that came is changed."""
        given = dict(params or {})
        said = [given.pop("request_timeout", None), given.pop("timeout", None)]
        ignored = ignore or given.pop("ignore", ())
        timeouts = [timeout, *(each for each in said if not isinstance(each, str))]
        read = {name: _read(name, value) for name, value in given.items()}
        if isinstance(said[1], str):  # not how long we wait, but how long the cluster searches
            read["timeout"] = said[1]
        return cls(
            method,
            url,
            given,
            read,
            body,
            next(filter(None, timeouts), None),
            [ignored] if isinstance(ignored, int) else ignored,
            headers,
        )

    @property
    def parts(self) -> list[str]:
        """The path's parts, as they were before they were quoted."""
        return [unquote(part) for part in self.url.partition("?")[0].strip("/").split("/")]

    @property
    def endpoint(self) -> str | None:
        """What elasticsearch-py calls the endpoint, of those that hold searches; None for any other."""
        names = self.parts if self.index is None else self.parts[1:]
        return _ENDPOINTS.get(tuple(names)) if self.method in ("GET", "POST") else None

    @property
    def index(self) -> str | None:
        """The path's index expression; None where it names none."""
        first = self.parts[0]
        return None if first.startswith("_") and first != "_all" else first

    @property
    def changes_mappings(self) -> bool:
        """True if what is known of mappings may not be true after it."""
        parts = self.parts
        return self.method not in ("GET", "HEAD") and (len(parts) == 1 or not _CHANGES_MAPPINGS.isdisjoint(parts))

    @property
    def has_lines(self) -> bool:
        """True if the body is lines of JSON."""
        return self.endpoint in ("msearch", "msearch_template")

    @property
    def searches(self) -> Any:
        """The body, taken apart where it may hold a retriever: of `_msearch`, a list of headers and searches."""
        body = self.body
        if isinstance(body, bytes):
            body = body.decode("utf-8", "surrogatepass")
        if not isinstance(body, str):
            return body
        is_template = self.endpoint == "msearch_template"
        if not is_template and '"retriever"' not in body and '"rank"' not in body:
            return None
        try:
            if is_template or self.endpoint == "msearch":
                return [json.loads(line) for line in body.splitlines() if line.strip()]
            return json.loads(body)
        except ValueError:  # the cluster says what is wrong with it
            return None


def _read(name: str, value: Any) -> Any:
    """Read a value of the query string that belongs into the search body; opensearch-py has made text of it."""
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    if not isinstance(value, str) or name not in _OF_THE_BODY:
        return value
    if value in ("true", "false"):
        return value == "true"
    if name in _LISTS:
        return value.split(",")
    return int(value) if value.lstrip("-").isdigit() else value


READ = Request("GET", "/", {}, {}, None)
"""A request of the client's own, with its credentials and its timeout."""


def call_of(transport: Any) -> Call:
    """Read what a transport says of retries.

    Where it says nothing of its own, a search that is turned away (429) is tried again too, as elasticsearch-py does.
    """
    statuses = tuple(transport.retry_on_status)
    turned_away = (_TURNED_AWAY,) if statuses == _RETRY_ON_STATUS else ()
    return Call((*statuses, *turned_away), transport.max_retries, tried_again=turned_away)


def ndjson(transport: Any, body: Iterable[str | Mapping[str, Any]]) -> str:
    """Serialise the lines of an `_msearch`, each as the transport would, which leaves those that are written."""
    return "".join(f"{transport.serializer.dumps(line)}\n" for line in body)


def response(body: Any) -> ObjectApiResponse[Any]:
    """Dress a body as the flows know it; an error, come here because its status is ignored, keeps its status."""
    is_error = isinstance(body, Mapping) and "error" in body and isinstance(body.get("status"), int)
    return ObjectApiResponse(body=body, meta=replace(_META, status=body["status"]) if is_error else _META)


def as_api_error(error: TransportError | SerializationError) -> Exception:
    """Tell an error that the cluster answered with as elasticsearch-py does; any other is itself."""
    if isinstance(error, SerializationError):
        return UnreadableError(str(error.args[0]), errors=(error,)) if isinstance(error.args[0], str) else error
    status, body = error.status_code, error.info
    if not isinstance(status, int):
        return error
    told = api_error(body if isinstance(body, Mapping) else {"error": error.error}, _META, status)
    told.__cause__ = error
    return told


def as_transport_error(error: ApiError | UnreadableError) -> Exception:
    """Tell an error of a flow's as opensearch-py does: the very one that it raised, or one made in its manner."""
    if isinstance(error.__cause__, OpenSearchException):
        return error.__cause__
    if isinstance(error, UnreadableError):
        return error
    return HTTP_EXCEPTIONS.get(error.meta.status, TransportError)(error.meta.status, error.message, error.body)
