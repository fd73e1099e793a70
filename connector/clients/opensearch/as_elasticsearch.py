"""An elasticsearch-py client over opensearch-py's connections: calls, answers and errors are elasticsearch-py's.

It is for requests that both engines understand, such as a reindex job's. Nothing is retried here; the caller knows what
may be.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from elastic_transport import (
    ConnectionError,
    ConnectionTimeout,
    HttpHeaders,
    SerializerCollection,
    TransportApiResponse,
)
from elastic_transport.client_utils import DEFAULT
from elasticsearch import Elasticsearch
from elasticsearch.serializer import DEFAULT_SERIALIZERS

from connector.clients.opensearch.translation import (
    META,
    Deserializer,
    JSONSerializer,
    OpenSearch,
    SerializationError,
    TransportError,
)

if TYPE_CHECKING:
    from opensearchpy import AsyncOpenSearch

_META = replace(META, headers=HttpHeaders({"x-elastic-product": "Elasticsearch"}))
_ELASTIC_ONLY = re.compile(r"vnd\.elasticsearch\+|\s*;\s*compatible-with=\d+")
"""The parts of a media type that only Elasticsearch understands."""


def as_elasticsearch(
    client: OpenSearch | AsyncOpenSearch, loop: asyncio.AbstractEventLoop | None = None
) -> Elasticsearch:
    """Return an elasticsearch-py client that sends through an opensearch-py client, which still has to be closed.

    Args:
        client: an opensearch-py client.
        loop: the event loop of an async client whose connections are open; only other threads may use the result.
    """
    transport: Any = OpenSearchTransport(client.transport, loop)
    return Elasticsearch(_transport=transport)


class OpenSearchTransport:
    """A transport for elasticsearch-py that sends through opensearch-py's."""

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._own = _changed(transport, max_retries=0)
        self._loop = loop
        self.serializers = SerializerCollection(DEFAULT_SERIALIZERS)

    def perform_request(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str],
        body: Any = None,
        request_timeout: Any = DEFAULT,
        **_: Any,
    ) -> TransportApiResponse:
        """Send a request once, and return the answer whatever its status.

        Raises:
            elastic_transport.TransportError: there was no answer.
        """
        plain = {name.lower(): _ELASTIC_ONLY.sub("", value) for name, value in headers.items()}
        content = None if body is None else self.serializers.dumps(body, plain.get("content-type"))
        timeout = None if request_timeout is DEFAULT else request_timeout
        try:
            answer = self._own.perform_request(method, target, body=content, timeout=timeout, headers=plain)
            if self._loop is not None:
                answer = asyncio.run_coroutine_threadsafe(answer, self._loop).result()
        except TransportError as error:
            return _answer_in(error)
        if method == "HEAD":
            return TransportApiResponse(replace(_META, status=200 if answer else 404), None)
        return TransportApiResponse(_META, answer)

    def reading(self, loads: Callable[[str], Any]) -> OpenSearchTransport:
        """Return a transport over the same connections that reads JSON answers with `loads`."""
        same = copy(self)
        reader = _Reader(loads)
        readers = {**self._own.deserializer.serializers, reader.mimetype: reader}
        same._own = _changed(self._own, deserializer=Deserializer(readers))
        return same

    def close(self) -> None:
        """Leave the connections to the client that owns them."""


def _answer_in(error: TransportError) -> TransportApiResponse:
    """Return the answer that opensearch-py raised as an error."""
    status, body = error.status_code, error.info
    if isinstance(status, int):
        content = body if isinstance(body, Mapping | str) else {"error": error.error, "status": status}
        return TransportApiResponse(replace(_META, status=status), content)
    kind = ConnectionTimeout if status == "TIMEOUT" else ConnectionError
    raise kind(str(error), errors=(error,)) from error


class _Reader(JSONSerializer):
    def __init__(self, read: Callable[[str], Any]) -> None:
        self._read = read

    def loads(self, s: str) -> Any:
        try:
            return self._read(s)
        except ValueError as error:
            raise SerializationError(s, error) from error


def _changed(transport: Any, **attributes: Any) -> Any:
    """Return a transport over the same connections with other attributes."""
    same = copy(transport)
    if "inner" in vars(same):  # this package's, around opensearch-py's
        same.inner = _changed(same.inner, **attributes)
    else:
        vars(same).update(attributes)
    return same
