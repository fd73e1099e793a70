"""A cursor over fused and reranked hits, which stay as they were while documents are written and deleted.

The order is made once, over a point in time; each page is then fetched by ids within that point in time. An engine
without points in time gives the whole window at once, which is kept here.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from elastic_transport import ObjectApiResponse
from elasticsearch import ApiError, AsyncElasticsearch, Elasticsearch, NotFoundError

from connector.engines.answers import point_in_time_in, readable, search_in
from connector.errors import PagesClosedError, RequestError
from connector.search.by_id import queries_for
from connector.search.needs import arun, run

DEFAULT_KEEP_ALIVE = "5m"


@dataclass(frozen=True)
class Ask:
    """A call of the client's, by the method's name. The answer: its response."""

    method: str
    arguments: Mapping[str, Any]


Response: TypeAlias = ObjectApiResponse[Any]
PagesFlow: TypeAlias = Generator[Ask, Any, Response]


@dataclass(frozen=True)
class Order:
    """The hits of the whole window, in their order, and what the pages show of them beside.

    Attributes:
        response: the search's own response, without `_source` where pages are fetched.
        size: hits on a page.
        window: how many hits the search could give at most.
    """

    response: Mapping[str, Any]
    size: int
    window: int

    @property
    def hits(self) -> list[dict[str, Any]]:
        """All hits, best first."""
        found: list[dict[str, Any]] = self.response["hits"]["hits"]
        return found

    @property
    def count(self) -> int:
        """How many pages there are; the last may be shorter."""
        return -(-len(self.hits) // self.size)

    @property
    def is_cut(self) -> bool:
        """True if there are, or may be, hits past the window."""
        total = self.response["hits"].get("total", {"value": 0, "relation": "gte"})
        return len(self.hits) >= self.window and (total["relation"] == "gte" or total["value"] > self.window)

    def page(self, number: int) -> list[dict[str, Any]]:
        """Return the hits of a page. Raises: RequestError: there is no such page, and why."""
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise RequestError("page", number, "must be a whole number of at least 1")
        first = (number - 1) * self.size
        if first >= self.window:
            raise RequestError(
                "page", number, f"begins at hit {first}, past the window of {self.window}; raise window to page deeper"
            )
        return self.hits[first : first + self.size]

    def drawn(
        self, number: int, hits: Sequence[Mapping[str, Any]], answer: Mapping[str, Any], missing: int = 0
    ) -> dict[str, Any]:
        """Draw a page as a response; `answer` fetched it, `missing` are the hits that it lacked."""
        found = {name: value for name, value in self.response["hits"].items() if name != "hits"}
        said = {"number": number, "of": self.count, "window": self.window, "past_window": self.is_cut}
        meta = {**self.response.get("_hybrid", {}), "page": said}
        if missing:
            lost = f"{missing} hits of the page could not be fetched, and have no _source"
            meta["degraded"] = "; ".join(each for each in (meta.get("degraded"), lost) if each)
        rest = {name: value for name, value in self.response.items() if name not in ("hits", "pit_id")}
        of_page = {name: answer[name] for name in ("took", "timed_out", "_shards")}
        return {**rest, **of_page, "hits": {**found, "hits": list(hits)}, "_hybrid": meta}


def page_arguments(hits: Sequence[Mapping[str, Any]], pit: Mapping[str, Any], source: Any) -> dict[str, Any]:
    """Write the search that fetches these hits."""
    chosen = queries_for([(hit["_index"], hit["_id"]) for hit in hits])
    shown = {} if source is None else {"source": source}
    query = {"bool": {"should": chosen}}
    return {"query": query, "size": len(hits), "pit": pit, "track_total_hits": False, **shown}


def checked_keep_alive(value: object) -> str:
    """Return how long a point in time is kept. Raises: RequestError: it is no time as Elasticsearch writes it."""
    if not isinstance(value, str) or not re.fullmatch(r"[1-9]\d*(nanos|micros|ms|s|m|h|d)", value):
        raise RequestError("keep_alive", value, 'must be a time as Elasticsearch writes it, as "30s" or "5m"')
    return value


def filled(hits: Sequence[Mapping[str, Any]], fetched: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the ordered hits the `_source` that was fetched of them."""
    sources = {(hit["_index"], hit["_id"]): hit["_source"] for hit in fetched if "_source" in hit}
    keys = [(hit["_index"], hit["_id"]) for hit in hits]
    return [
        {**hit, "_source": sources[key]} if key in sources else dict(hit) for key, hit in zip(keys, hits, strict=True)
    ]


class _Cursor:
    """What both cursors share: the order once it is made, the point in time, and the next page's number."""

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

    def _point(self) -> dict[str, Any]:
        return {"id": self._pit, "keep_alive": self._keep_alive}

    def _order_flow(self) -> Generator[Ask, Any, Order]:
        """Make the order on the first call."""
        if self._closed:
            raise PagesClosedError("these pages are closed: search again with pages(...)")
        if self._order is None:
            try:
                with readable("open_point_in_time"):
                    opened = yield Ask("open_point_in_time", {"index": self._index, "keep_alive": self._keep_alive})
                self._pit = point_in_time_in(opened.body)
            except ApiError as error:
                if not _lacks_points_in_time(error):
                    raise
            where = {"index": self._index} if self._pit is None else {"pit": self._point(), "source": False}
            try:
                with readable("_search"):
                    found = self._note((yield Ask("search", {**self._body, **where})))
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
            return ObjectApiResponse(body=order.drawn(number, hits, order.response), meta=self._meta)
        try:
            with readable("_search"):
                answer = yield Ask("search", page_arguments(hits, self._point(), self._body.get("source")))
        except NotFoundError as error:
            self._closed = True
            raise PagesClosedError(
                f"the point in time behind these pages has lapsed after {self._keep_alive} without a page, or its "
                f"shards are gone: search again, with a longer keep_alive ({error})"
            ) from error
        found = search_in(answer.body)
        self._pit = found.get("pit_id", self._pit)
        fetched = found["hits"]["hits"]
        drawn = order.drawn(number, filled(hits, fetched), found, len(hits) - len(fetched))
        return ObjectApiResponse(body=drawn, meta=answer.meta)

    def _next_flow(self) -> Generator[Ask, Any, Response | None]:
        """Return the next page; None after the last, and then the cursor is closed."""
        if self._ended or self._next > (yield from self._order_flow()).count:
            self._ended = True
            yield from self._close_flow()
            return None
        page = yield from self._page_flow(self._next)
        self._next += 1
        return page

    def _close_flow(self) -> Generator[Ask, Any, None]:
        pit, self._pit, self._closed = self._pit, None, True
        if pit is not None:
            yield Ask("close_point_in_time", {"id": pit})


def _lacks_points_in_time(error: ApiError) -> bool:
    """True if an engine refused because it does not know points in time at all."""
    return error.meta.status == 405 or (error.meta.status == 400 and "no handler found" in str(error.body))


class Pages(_Cursor):
    """Pages of one search: iterate over them, or ask for one by `page(number)`; close, or use in a `with`.

    Each page is Elasticsearch's response with `_hybrid.page`: number, of, window, and whether there are, or may be,
    hits past the window.
    """

    def __init__(self, client: Elasticsearch, *cursor: Any) -> None:
        super().__init__(*cursor)
        self._client = client
        self._lock = threading.Lock()  # the order is made once, however many ask for a page

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
            PagesClosedError: the cursor was closed, or its point in time has lapsed.
        """
        with self._lock:
            return run(self._page_flow(number), self._perform)

    def close(self) -> None:
        """Let the point in time go; closing twice does nothing."""
        run(self._close_flow(), self._perform)

    def _perform(self, ask: Ask) -> Any:
        client = self._client.options(ignore_status=404) if ask.method == "close_point_in_time" else self._client
        return getattr(client, ask.method)(**ask.arguments)


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
        """Let the point in time go; closing twice does nothing."""
        await arun(self._close_flow(), self._perform)

    async def _perform(self, ask: Ask) -> Any:
        client = self._client.options(ignore_status=404) if ask.method == "close_point_in_time" else self._client
        return await getattr(client, ask.method)(**ask.arguments)
