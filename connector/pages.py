"""A cursor over fused and reranked hits, which stay as they were while documents are written and deleted.

The order is made once, over a point in time; each page is then fetched by ids within that point in time. An engine
without points in time gives the whole window at once, which is kept here. Comes in from `connector`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from elastic_transport import ObjectApiResponse
from elasticsearch import ApiError, AsyncElasticsearch, Elasticsearch, NotFoundError

from connector.errors import PagesClosedError, RequestError
from connector.needs import arun, run

DEFAULT_KEEP_ALIVE = "5m"
_NO_POINT_IN_TIME = (400, 405)


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
        """Tell whether there are, or may be, hits past the window."""
        total = self.response["hits"].get("total", {"value": 0, "relation": "gte"})
        return len(self.hits) >= self.window and (total["relation"] == "gte" or total["value"] > self.window)

    def page(self, number: int) -> list[dict[str, Any]]:
        """Give the hits of a page. Raises: RequestError: there is no such page, and why."""
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise RequestError("page", number, "must be a whole number of at least 1")
        first = (number - 1) * self.size
        if first >= self.window:
            raise RequestError(
                "page", number, f"begins at hit {first}, past the window of {self.window}; raise window to page deeper"
            )
        return self.hits[first : first + self.size]

    def drawn(self, number: int, hits: Sequence[Mapping[str, Any]], took: int) -> dict[str, Any]:
        """Draw a page as a response."""
        found = {name: value for name, value in self.response["hits"].items() if name != "hits"}
        said = {"number": number, "of": self.count, "window": self.window, "past_window": self.is_cut}
        meta = {**self.response.get("_hybrid", {}), "page": said}
        rest = {name: value for name, value in self.response.items() if name not in ("hits", "pit_id")}
        return {**rest, "took": took, "hits": {**found, "hits": list(hits)}, "_hybrid": meta}


def page_arguments(hits: Sequence[Mapping[str, Any]], pit: Mapping[str, Any], source: Any) -> dict[str, Any]:
    """Write the search that fetches these hits; an id may stand in several indices."""
    ids = list(dict.fromkeys(hit["_id"] for hit in hits))
    indices = {hit["_index"] for hit in hits}
    shown = {} if source is None else {"source": source}
    query = {"bool": {"filter": [{"ids": {"values": ids}}]}}
    return {"query": query, "size": len(ids) * len(indices), "pit": pit, "track_total_hits": False, **shown}


def filled(hits: Sequence[Mapping[str, Any]], fetched: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give the ordered hits the `_source` that was fetched of them."""
    sources = {(hit["_index"], hit["_id"]): hit["_source"] for hit in fetched if "_source" in hit}
    keys = [(hit["_index"], hit["_id"]) for hit in hits]
    return [
        {**hit, "_source": sources[key]} if key in sources else dict(hit) for key, hit in zip(keys, hits, strict=True)
    ]


class _Cursor:
    """What both cursors share: the order once it is made, the point in time, and the next page's number."""

    def __init__(self, index: str, body: Mapping[str, Any], size: int, keep_alive: str) -> None:
        self._index = index
        self._body = dict(body)
        self._size = size
        self._keep_alive = keep_alive
        self._pit: str | None = None
        self._order: Order | None = None
        self._meta: Any = None
        self._next = 1
        self._closed = False

    def _point(self) -> dict[str, Any]:
        return {"id": self._pit, "keep_alive": self._keep_alive}

    def _order_flow(self) -> Generator[Ask, Any, Order]:
        """Make the order on the first call."""
        if self._closed:
            raise PagesClosedError("these pages are closed: search again with pages(...)")
        if self._order is None:
            try:
                opened = yield Ask("open_point_in_time", {"index": self._index, "keep_alive": self._keep_alive})
                self._pit = opened["id"]
            except ApiError as error:
                if error.meta.status not in _NO_POINT_IN_TIME:
                    raise
            where = {"index": self._index} if self._pit is None else {"pit": self._point(), "source": False}
            try:
                found = yield Ask("search", {**self._body, **where})
            except BaseException:
                yield from self._close_flow()
                raise
            self._pit = found.body.get("pit_id", self._pit)
            self._order, self._meta = Order(found.body, self._size, self._body["size"]), found.meta
        return self._order

    def _page_flow(self, number: int) -> PagesFlow:
        order = yield from self._order_flow()
        hits = order.page(number)
        if self._pit is None or not hits:
            return ObjectApiResponse(body=order.drawn(number, hits, order.response["took"]), meta=self._meta)
        try:
            answer = yield Ask("search", page_arguments(hits, self._point(), self._body.get("source")))
        except NotFoundError as error:
            self._closed = True
            raise PagesClosedError(
                f"the point in time behind these pages has lapsed after {self._keep_alive} without a page, or its "
                f"shards are gone: search again, with a longer keep_alive ({error})"
            ) from error
        self._pit = answer.get("pit_id", self._pit)
        drawn = order.drawn(number, filled(hits, answer["hits"]["hits"]), answer["took"])
        return ObjectApiResponse(body=drawn, meta=answer.meta)

    def _next_flow(self) -> Generator[Ask, Any, Response | None]:
        """Give the next page; None after the last, and then the cursor is closed."""
        if self._closed or self._next > (yield from self._order_flow()).count:
            yield from self._close_flow()
            return None
        page = yield from self._page_flow(self._next)
        self._next += 1
        return page

    def _close_flow(self) -> Generator[Ask, Any, None]:
        pit, self._pit, self._closed = self._pit, None, True
        if pit is not None:
            yield Ask("close_point_in_time", {"id": pit})


class Pages(_Cursor):
    """Pages of one search: iterate over them, or ask for one by `page(number)`; close, or use in a `with`.

    Each page is Elasticsearch's response with `_hybrid.page`: number, of, window, and whether there are, or may be,
    hits past the window.
    """

    def __init__(self, client: Elasticsearch, index: str, body: Mapping[str, Any], size: int, keep_alive: str) -> None:
        super().__init__(index, body, size, keep_alive)
        self._client = client

    def __enter__(self) -> Pages:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Response]:
        return self

    def __next__(self) -> Response:
        page = run(self._next_flow(), self._perform)
        if page is None:
            raise StopIteration
        return page

    def page(self, number: int) -> Response:
        """Give a page, 1 for the first; one after the last hit within the window is empty.

        Raises:
            RequestError: the page begins past the window.
            PagesClosedError: the cursor was closed, or its point in time has lapsed.
        """
        return run(self._page_flow(number), self._perform)

    def close(self) -> None:
        """Let the point in time go; closing twice does nothing."""
        run(self._close_flow(), self._perform)

    def _perform(self, ask: Ask) -> Any:
        client = self._client.options(ignore_status=404) if ask.method == "close_point_in_time" else self._client
        return getattr(client, ask.method)(**ask.arguments)


class AsyncPages(_Cursor):
    """Pages of one search without blocking the event loop: see `Pages`."""

    def __init__(
        self, client: AsyncElasticsearch, index: str, body: Mapping[str, Any], size: int, keep_alive: str
    ) -> None:
        super().__init__(index, body, size, keep_alive)
        self._client = client

    async def __aenter__(self) -> AsyncPages:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[Response]:
        return self

    async def __anext__(self) -> Response:
        page = await arun(self._next_flow(), self._perform)
        if page is None:
            raise StopAsyncIteration
        return page

    async def page(self, number: int) -> Response:
        """Give a page: see `Pages.page`."""
        return await arun(self._page_flow(number), self._perform)

    async def close(self) -> None:
        """Let the point in time go; closing twice does nothing."""
        await arun(self._close_flow(), self._perform)

    async def _perform(self, ask: Ask) -> Any:
        client = self._client.options(ignore_status=404) if ask.method == "close_point_in_time" else self._client
        return await getattr(client, ask.method)(**ask.arguments)
