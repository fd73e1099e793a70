"""OpenSearch's clients behind elasticsearch-py's API, so that `Connector` uses one API for both engines.

An adapter takes elasticsearch-py's keywords, answers as it does and raises its errors, with the client's own errors as
their causes. It needs the extra `opensearch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial, wraps
from typing import Any

from elastic_transport import ObjectApiResponse

from connector.clients.opensearch.translation import OpenSearch, elasticsearch_errors, response
from connector.engines.answers import object_in, point_in_time_in

_RENAMED = {"from_": "from", "source": "_source"}
_URL_OPTIONS = frozenset(
    {
        "allow_no_indices",
        "allow_partial_search_results",
        "ccs_minimize_roundtrips",
        "expand_wildcards",
        "filter_path",
        "include_named_queries_score",
        "ignore_unavailable",
        "max_concurrent_shard_requests",
        "preference",
        "request_cache",
        "rest_total_hits_as_int",
        "routing",
        "search_type",
        "typed_keys",
    }
)


class _Adapter:
    """What both adapters share; every attribute not defined here is the client's own."""

    def __init__(self, client: Any, ignored: Any = ()) -> None:
        self.own = client
        self._ignored = ignored
        self.hybrid = client.hybrid

    def __getattr__(self, name: str) -> Any:
        if name == "own":  # not there yet, as while being copied
            raise AttributeError(name)
        return getattr(self.own, name)

    def options(self, *, ignore_status: Any = ()) -> Any:
        """Return an adapter of the same client that returns errors of these statuses instead of raising them."""
        statuses = [ignore_status] if isinstance(ignore_status, int) else ignore_status
        return type(self)(self.own, statuses)

    def search(self, **request: Any) -> Any:
        """Search, as `elasticsearch.Elasticsearch.search`."""
        return self._answer(partial(self.own.search, **self._search(request)), response)

    def open_point_in_time(self, *, index: str, keep_alive: str) -> Any:
        """Open a point in time, as `elasticsearch.Elasticsearch.open_point_in_time`."""
        return self._answer(partial(self.own.create_pit, index=index, keep_alive=keep_alive), _opened)

    def close_point_in_time(self, *, id: str) -> Any:
        """Close a point in time, as `elasticsearch.Elasticsearch.close_point_in_time`."""
        ids, params = {"pit_id": [id]}, {"ignore": self._ignored}
        return self._answer(partial(self.own.delete_pit, body=ids, params=params), response)

    def _search(self, request: Mapping[str, Any]) -> dict[str, Any]:
        params = {name: request[name] for name in request if name in _URL_OPTIONS}
        body = {_RENAMED.get(name, name): value for name, value in request.items() if name not in _URL_OPTIONS}
        index = body.pop("index", None)
        return {"index": index, "body": body, "params": {"ignore": self._ignored}, **params}

    def _answer(self, call: Callable[[], Any], read: Callable[[Any], Any]) -> Any:
        """Return a call's answer, or a coroutine that does, as elasticsearch-py has it."""
        raise NotImplementedError


class OpenSearchAdapter(_Adapter):
    """A `HybridOpenSearch` behind elasticsearch-py's API."""

    @property
    def indices(self) -> Any:
        """The client's `indices`, with elasticsearch-py's errors."""
        return _Translated(self.own.indices)

    def __enter__(self) -> OpenSearchAdapter:
        return self

    def __exit__(self, *_: object) -> None:
        self.own.close()

    def _answer(self, call: Callable[[], Any], read: Callable[[Any], Any]) -> Any:
        with elasticsearch_errors():
            return read(call())

    def read_mappings(self, index: str | None) -> Mapping[str, Any]:
        """Return an index's mappings: see `HybridElasticsearch.read_mappings`."""
        with elasticsearch_errors():
            found: Mapping[str, Any] = self.own.read_mappings(index)
            return found

    def streaming_bulk(self, actions: Iterable[dict[str, Any]], **options: Any) -> Iterator[tuple[bool, Any]]:
        """Run bulk actions in chunks: see `HybridElasticsearch.streaming_bulk`."""
        with elasticsearch_errors():
            yield from self.own.streaming_bulk(actions, **options)


class AsyncOpenSearchAdapter(_Adapter):
    """The async twin of `OpenSearchAdapter`."""

    async def __aenter__(self) -> AsyncOpenSearchAdapter:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.own.close()

    async def _answer(self, call: Callable[[], Any], read: Callable[[Any], Any]) -> Any:
        with elasticsearch_errors():
            return read(await call())

    async def read_mappings(self, index: str | None) -> Mapping[str, Any]:
        """Return an index's mappings: see `HybridElasticsearch.read_mappings`."""
        with elasticsearch_errors():
            found: Mapping[str, Any] = await self.own.read_mappings(index)
            return found


class _Translated:
    """A namespace of a sync client, such as `indices`, which raises elasticsearch-py's errors."""

    def __init__(self, namespace: Any) -> None:
        self._namespace = namespace

    def __getattr__(self, name: str) -> Any:
        method: Callable[..., Any] = getattr(self._namespace, name)

        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            with elasticsearch_errors():
                return method(*args, **kwargs)

        return call


def _opened(body: Any) -> ObjectApiResponse[Any]:
    return response({**object_in("open_point_in_time", body), "id": point_in_time_in(body, "pit_id")})


def adapt(client: Any, with_models: Callable[[Any], Any]) -> OpenSearchAdapter | AsyncOpenSearchAdapter:
    """Return an adapter of an opensearch-py client; `with_models(class)` returns the client as this package's class."""
    if isinstance(client, OpenSearch):
        from connector.clients.opensearch.client import HybridOpenSearch

        return OpenSearchAdapter(with_models(HybridOpenSearch))
    from connector.clients.opensearch.async_client import AsyncHybridOpenSearch

    return AsyncOpenSearchAdapter(with_models(AsyncHybridOpenSearch))
