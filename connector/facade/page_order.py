"""The hits of a whole search in order, of which each page shows a part. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.errors import RequestError
from connector.search.by_id import queries_for
from connector.search.degradations import DEGRADATIONS, Degradation, DegradationCode, degraded_section


@dataclass(frozen=True)
class Order:
    """The hits of the whole window, in order, with the rest of the response that pages repeat.

    Attributes:
        response: the search's own response, without `_source` if pages are fetched one by one.
        size: hits on a page.
        window: how many hits the search could return at most.
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
        """Return the hits of a page.

        Raises:
            RequestError: there is no such page.
        """
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise RequestError("page", number, "must be a whole number of at least 1")
        first = (number - 1) * self.size
        if first >= self.window:
            raise RequestError(
                "page", number, f"begins at hit {first}, past the window of {self.window}; raise window to page deeper"
            )
        return self.hits[first : first + self.size]

    def as_response(
        self, number: int, hits: Sequence[Mapping[str, Any]], answer: Mapping[str, Any], missing: int = 0
    ) -> dict[str, Any]:
        """Return a page as a response.

        Args:
            number: the page's number.
            hits: the page's hits.
            answer: the response that fetched them.
            missing: how many hits it lacked.
        """
        found = {name: value for name, value in self.response["hits"].items() if name != "hits"}
        place = {"number": number, "of": self.count, "window": self.window, "past_window": self.is_cut}
        meta = {**self.response.get("_hybrid", {}), "page": place}
        if missing:
            what = f"{missing} hits of the page could not be fetched, and have no _source"
            lost = Degradation(DegradationCode.HITS_MISSING, what)
            DEGRADATIONS.record(lost)
            meta |= degraded_section([lost], meta)
        rest = {name: value for name, value in self.response.items() if name not in ("hits", "pit_id")}
        of_page = {name: answer[name] for name in ("took", "timed_out", "_shards")}
        return {**rest, **of_page, "hits": {**found, "hits": list(hits)}, "_hybrid": meta}


def page_arguments(hits: Sequence[Mapping[str, Any]], pit: Mapping[str, Any], source: Any) -> dict[str, Any]:
    """Write the search that fetches these hits."""
    chosen = queries_for([(hit["_index"], hit["_id"]) for hit in hits])
    fields = {} if source is None else {"source": source}
    query = {"bool": {"should": chosen}}
    return {"query": query, "size": len(hits), "pit": pit, "track_total_hits": False, **fields}


def with_sources(hits: Sequence[Mapping[str, Any]], fetched: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the ordered hits with the `_source` of each that was fetched."""
    sources = {(hit["_index"], hit["_id"]): hit["_source"] for hit in fetched if "_source" in hit}
    keys = [(hit["_index"], hit["_id"]) for hit in hits]
    return [
        {**hit, "_source": sources[key]} if key in sources else dict(hit) for key, hit in zip(keys, hits, strict=True)
    ]
