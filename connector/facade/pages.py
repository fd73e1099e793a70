"""A cursor over fused and reranked hits, which stay the same while documents are written and deleted.

The hits are ordered once, over a point in time; each page is then fetched by ids within that point in time. From an
engine without points in time the whole window is fetched at once and kept here.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from elastic_transport import ObjectApiResponse
from elasticsearch import ApiError, AsyncElasticsearch, Elasticsearch, NotFoundError

from connector.engines.answers import point_in_time_in, readable, search_in
from connector.errors import PagesClosedError, RequestError
from connector.facade.page_order import Order, page_arguments, with_sources
from connector.search.needs import arun, run

DEFAULT_KEEP_ALIVE = "5m"


@dataclass(frozen=True)
class ClientCall:
    """A method of the client, by name. The answer: its response."""

    method: str
    arguments: Mapping[str, Any]


Response: TypeAlias = ObjectApiResponse[Any]
PagesFlow: TypeAlias = Generator[ClientCall, Any, Response]


def check_keep_alive(value: object) -> None:
    """Check how long a point in time is kept.

    Raises:
        RequestError: it is no time as Elasticsearch writes it.
    """
    if not isinstance(value, str) or not re.fullmatch(r"[1-9]\d*(nanos|micros|ms|s|m|h|d)", value):
        raise RequestError("keep_alive", value, 'must be a time as Elasticsearch writes it, as "30s" or "5m"')


class _Cursor:
    """What both cursors share: the order of the hits, the point in time, and the next page's number."""

    def __init__(
        self, index: str, body: Mapping[str, Any], size: int, keep_alive: str, note: Callable[[Response], Response]
    ) -> None:
        self._note = note
        self._index = index
        self._body = dict(body)
        self._size = size
        self._keep_alive = keep_alive
        self._pit: str | None = None
        self._order: Order | None = None
        self._meta: Any = None
        self._next = 1
        self._closed = False
        self._ended = False

    def _point_in_time(self) -> dict[str, Any]:
        return {"id": self._pit, "keep_alive": self._keep_alive}

    def _order_flow(self) -> Generator[ClientCall, Any, Order]:
        """Return the order of the hits; the first call searches for it."""
        if self._closed:
            raise PagesClosedError("these pages are closed: search again with pages(...)")
        if self._order is None:
            try:
                with readable("open_point_in_time"):
                    opened = yield ClientCall(
                        "open_point_in_time", {"index": self._index, "keep_alive": self._keep_alive}
                    )
                self._pit = point_in_time_in(opened.body)
            except ApiError as error:
                if not _lacks_points_in_time(error):
                    raise
            where = {"index": self._index} if self._pit is None else {"pit": self._point_in_time(), "source": False}
            try:
                with readable("_search"):
                    found = self._note((yield ClientCall("search", {**self._body, **where})))
            except Exception:
                yield from self._close_flow()
                raise
            self._pit = found.body.get("pit_id", self._pit)
            self._order, self._meta = Order(found.body, self._size, self._body["size"]), found.meta
        return self._order

    def _page_flow(self, number: int) -> PagesFlow:
        order = yield from self._order_flow()
        hits = order.page(number)
        if self._pit is None or not hits:
            return ObjectApiResponse(body=order.as_response(number, hits, order.response), meta=self._meta)
        try:
            with readable("_search"):
                answer = yield ClientCall(
                    "search", page_arguments(hits, self._point_in_time(), self._body.get("source"))
                )
        except NotFoundError as error:
            self._closed = True
            raise PagesClosedError(
                f"the point in time behind these pages has expired after {self._keep_alive} without a page, or its "
                f"shards are gone: search again, with a longer keep_alive ({error})"
            ) from error
        found = search_in(answer.body)
        self._pit = found.get("pit_id", self._pit)
        fetched = found["hits"]["hits"]
        page = order.as_response(number, with_sources(hits, fetched), found, len(hits) - len(fetched))
        return ObjectApiResponse(body=page, meta=answer.meta)

    def _next_flow(self) -> Generator[ClientCall, Any, Response | None]:
        """Return the next page; None after the last one, when the cursor closes."""
        if self._ended or self._next > (yield from self._order_flow()).count:
            self._ended = True
            yield from self._close_flow()
            return None
        page = yield from self._page_flow(self._next)
        self._next += 1
        return page

    def _close_flow(self) -> Generator[ClientCall, Any, None]:
        pit, self._pit, self._closed = self._pit, None, True
        if pit is not None:
            yield ClientCall("close_point_in_time", {"id": pit})


def _lacks_points_in_time(error: ApiError) -> bool:
    """True if an engine refused because it has no points in time at all."""
    return error.meta.status == 405 or (error.meta.status == 400 and "no handler found" in str(error.body))


class Pages(_Cursor):
    """Pages of one search: iterate over them, or get one by `page(number)`; close them, or use them in a `with`.

    Each page is Elasticsearch's response with `_hybrid.page`: its number, how many pages there are, the window, and
    whether there are, or may be, hits past the window.
    """

    def __init__(self, client: Elasticsearch, *cursor: Any) -> None:
        super().__init__(*cursor)
        self._client = client
        self._lock = threading.Lock()  # one search orders the hits, however many threads want a page

    def __enter__(self) -> Pages:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Response]:
        return self

    def __next__(self) -> Response:
        with self._lock:
            page = run(self._next_flow(), self._perform)
        if page is None:
            raise StopIteration
        return page

    def page(self, number: int) -> Response:
        """Return a page, 1 for the first; one after the last hit within the window is empty.

        Raises:
            RequestError: the page begins past the window.
            PagesClosedError: the cursor was closed, or its point in time has expired.
        """
        with self._lock:
            return run(self._page_flow(number), self._perform)

    def close(self) -> None:
        """Close the point in time; closing twice does nothing."""
        run(self._close_flow(), self._perform)

    def _perform(self, call: ClientCall) -> Any:
        client = self._client.options(ignore_status=404) if call.method == "close_point_in_time" else self._client
        return getattr(client, call.method)(**call.arguments)


class AsyncPages(_Cursor):
    """Pages of one search without blocking the event loop: see `Pages`."""

    def __init__(self, client: AsyncElasticsearch, *cursor: Any) -> None:
        super().__init__(*cursor)
        self._client = client
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> AsyncPages:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[Response]:
        return self

    async def __anext__(self) -> Response:
        async with self._lock:
            page = await arun(self._next_flow(), self._perform)
        if page is None:
            raise StopAsyncIteration
        return page

    async def page(self, number: int) -> Response:
        """Return a page: see `Pages.page`."""
        async with self._lock:
            return await arun(self._page_flow(number), self._perform)

    async def close(self) -> None:
        """Close the point in time; closing twice does nothing."""
        await arun(self._close_flow(), self._perform)

    async def _perform(self, call: ClientCall) -> Any:
        client = self._client.options(ignore_status=404) if call.method == "close_point_in_time" else self._client
        return await getattr(client, call.method)(**call.arguments)
