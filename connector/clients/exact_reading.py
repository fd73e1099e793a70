"""A client that reads numbers without losing digits, over the connections of another client."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

from elastic_transport import SerializerCollection
from elasticsearch import Elasticsearch
from elasticsearch.serializer import JsonSerializer

from connector.exact_json import loads

_MEDIA_TYPES = ("application/json", "application/vnd.elasticsearch+json")


def reading_exactly(client: Elasticsearch) -> Elasticsearch:
    """Return a client with the options and connections of another that reads JSON with `exact_json.loads`."""
    same = client.options()
    same._transport = transport_reading(client.transport, loads)
    return same


def transport_reading(transport: Any, read: Callable[[Any], Any]) -> Any:
    """Return a transport over the same connections that reads JSON answers with `read`."""
    if hasattr(transport, "reading"):  # the connector's own, around that of another library or thread
        return transport.reading(read)
    same = copy(transport)
    readers = {media_type: _Reader(read) for media_type in _MEDIA_TYPES}
    same.serializers = SerializerCollection({**transport.serializers.serializers, **readers})
    return same


class _Reader(JsonSerializer):
    def __init__(self, read: Callable[[Any], Any]) -> None:
        self._read = read

    def json_loads(self, data: bytes) -> Any:
        return self._read(data)
