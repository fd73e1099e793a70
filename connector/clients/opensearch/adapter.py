"""OpenSearch's clients, called as elasticsearch-py's are: what `Connector` speaks to, whichever engine it is.

It takes elasticsearch-py's keywords, answers as it does and raises its errors, the client's own as their cause. Comes
in from `connector`; it needs the extra `opensearch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

from elastic_transport import ObjectApiResponse

from connector.clients.opensearch.translation import (
    OpenSearch,
    SerializationError,
    TransportError,
    as_api_error,
    response,
)
from connector.engines.answers import object_in, point_in_time_in

_RENAMED = {"from_": "from", "source": "_source"}
_OF_THE_URL = frozenset(
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


class _Manner:
    """What both adapters share; whatever they do not name is the client's own."""

    def __init__(self, client: Any, ignored: Any = ()) -> None:
        self.own = client
        self._ignored = ignored
        self._hybrid = client._hybrid

    def __getattr__(self, name: str) -> Any:
        if name == "own":  # not there yet, as while being copied
            raise AttributeError(name)
        return getattr(self.own, name)

    def options(self, *, ignore_status: Any = ()) -> Any:
        """Return the same client, which gives an error of these statuses as an answer."""
        statuses = [ignore_status] if isinstance(ignore_status, int) else ignore_status
        return type(self)(self.own, statuses)

    def _search(self, request: Mapping[str, Any]) -> dict[str, Any]:
        params = {name: request[name] for name in request if name in _OF_THE_URL}
        body = {_RENAMED.get(name, name): value for name, value in request.items() if name not in _OF_THE_URL}
        index = body.pop("index", None)
        return {"index": index, "body": body, "params": {"ignore": self._ignored}, **params}


class LikeElasticsearch(_Manner):
    """A `HybridOpenSearch` that is called as an elasticsearch-py client is."""

    @property
    def indices(self) -> Any:
        """The client's `indices`, with elasticsearch-py's errors."""
        return _Told(self.own.indices)

    def __enter__(self) -> LikeElasticsearch:
        return self

    def __exit__(self, *_: object) -> None:
        self.own.close()

    def search(self, **request: Any) -> ObjectApiResponse[Any]:
        """Search, as `elasticsearch.Elasticsearch.search`."""
        with told():
            return response(self.own.search(**self._search(request)))

    def open_point_in_time(self, *, index: str, keep_alive: str) -> ObjectApiResponse[Any]:
        """Open a point in time, as `elasticsearch.Elasticsearch.open_point_in_time`."""
        with told():
            return _opened(self.own.create_pit(index=index, keep_alive=keep_alive))

    def close_point_in_time(self, *, id: str) -> ObjectApiResponse[Any]:
        """Close a point in time, as `elasticsearch.Elasticsearch.close_point_in_time`."""
        with told():
            return response(self.own.delete_pit(body={"pit_id": [id]}, params={"ignore": self._ignored}))

    def _read_mappings(self, index: str | None) -> Mapping[str, Any]:
        with told():
            found: Mapping[str, Any] = self.own._read_mappings(index)
            return found

    def _streaming_bulk(self, actions: Iterable[dict[str, Any]], **options: Any) -> Iterator[tuple[bool, Any]]:
        with told():
            yield from self.own._streaming_bulk(actions, **options)


class AsyncLikeElasticsearch(_Manner):
    """The async twin of `LikeElasticsearch`."""

    async def __aenter__(self) -> AsyncLikeElasticsearch:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.own.close()

    async def search(self, **request: Any) -> ObjectApiResponse[Any]:
        """Search, as `elasticsearch.AsyncElasticsearch.search`."""
        with told():
            return response(await self.own.search(**self._search(request)))

    async def open_point_in_time(self, *, index: str, keep_alive: str) -> ObjectApiResponse[Any]:
        """Open a point in time, as `elasticsearch.AsyncElasticsearch.open_point_in_time`."""
        with told():
            return _opened(await self.own.create_pit(index=index, keep_alive=keep_alive))

    async def close_point_in_time(self, *, id: str) -> ObjectApiResponse[Any]:
        """Close a point in time, as `elasticsearch.AsyncElasticsearch.close_point_in_time`."""
        with told():
            return response(await self.own.delete_pit(body={"pit_id": [id]}, params={"ignore": self._ignored}))

    async def _read_mappings(self, index: str | None) -> Mapping[str, Any]:
        with told():
            found: Mapping[str, Any] = await self.own._read_mappings(index)
            return found


@contextmanager
def told() -> Iterator[None]:
    """Tell opensearch-py's errors as elasticsearch-py's."""
    try:
        yield
    except (TransportError, SerializationError) as error:
        raise as_api_error(error) from error


class _Told:
    """A namespace of a sync client's, with elasticsearch-py's errors."""

    def __init__(self, namespace: Any) -> None:
        self._namespace = namespace

    def __getattr__(self, name: str) -> Any:
        method: Callable[..., Any] = getattr(self._namespace, name)

        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            with told():
                return method(*args, **kwargs)

        return call


def _opened(body: Any) -> ObjectApiResponse[Any]:
    return response({**object_in("open_point_in_time", body), "id": point_in_time_in(body, "pit_id")})


def adapted(client: Any, with_models: Callable[[Any], Any]) -> LikeElasticsearch | AsyncLikeElasticsearch:
    """Return an opensearch-py client, made one of ours by `with_models(class)`, so that it is called as the other's."""
    if isinstance(client, OpenSearch):
        from connector.clients.opensearch.client import HybridOpenSearch

        return LikeElasticsearch(with_models(HybridOpenSearch))
    from connector.clients.opensearch.async_client import AsyncHybridOpenSearch

    return AsyncLikeElasticsearch(with_models(AsyncHybridOpenSearch))
