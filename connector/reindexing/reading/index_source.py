"""An index as a source: read shard by shard in the order of `_seq_no`, or in slices of a point in time.

`ShardWalk` reads each shard up to its global checkpoint, which is taken before a refresh: below it no document is
missing, and none will appear.
A document written later gets a higher number, so continuing the walk is the pass over changes, and a position is one
number per shard that never expires.
The walk needs the privileges `monitor` and `maintenance`, and an engine that can search a named shard
(`preference=_shards:N`).

Otherwise `SliceScan` reads slices of a point in time.
Their order holds only within that point in time, so after it expires, and for the pass over changes, everything is read
again, and documents that are acknowledged at the same `_seq_no` are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from elasticsearch import ApiError, NotFoundError

from connector.engines.answers import part_of
from connector.errors import SourceError
from connector.reindexing.cluster.cluster import Cluster, Hit, items_of
from connector.reindexing.items import Page

_PAGE = 50
_SMALLEST_PAGE, _LARGEST_PAGE = 10, 2_000
_PAGE_BYTES = 4 * 1024 * 1024
_WIDEST = 1_000_000


class Reader(Protocol):
    """One way of reading the indices of a job."""

    sees: str
    """What a pass over changes can see, for people."""
    is_cheap_again: bool
    """A pass over changes costs little, because it reads only what changed or the source is small."""

    def partitions(self) -> list[str]:
        """Begin a pass, and return its partitions, which can be read in parallel.

        What is written later may be left to the next pass.
        """

    def pages(self, partition: str, position: Any) -> Iterator[Page]:
        """Yield the pages of a partition after a position; None is its beginning."""

    def is_behind(self, positions: Mapping[str, Any]) -> bool:
        """True if another pass from these positions could find something."""

    def close(self) -> None:
        """Close everything that is open on the cluster."""


class ShardWalk:
    """Reads shards by `_seq_no`: see the module.

    Args:
        cluster: the cluster.
        indices: the concrete indices, in the order of their places.
        reads_source: fetch whole documents rather than only their keys.
    """

    sees = "writes by _seq_no, deletes by comparing ids"
    is_cheap_again = True

    def __init__(self, cluster: Cluster, indices: list[str], *, reads_source: bool = True) -> None:
        self._cluster = cluster
        self._reads_source = reads_source
        self._indices = indices
        self._bounds: dict[str, int] = {}

    def partitions(self) -> list[str]:
        """See `Reader`: the shards, each bounded by its global checkpoint."""
        self._bounds = self._read_bounds()
        for index in self._indices:
            self._cluster.refresh(index)
        return list(self._bounds)

    def is_behind(self, positions: Mapping[str, Any]) -> bool:
        """See `Reader`."""
        return any(bound > (positions.get(name, -1)) for name, bound in self._read_bounds().items())

    def pages(self, partition: str, position: Any) -> Iterator[Page]:
        """See `Reader`: ranges of `_seq_no` as wide as a page needs, so a page costs no more than its documents."""
        place, shard = map(int, partition.split("/"))
        index, done, bound = self._indices[place], -1 if position is None else int(position), self._bounds[partition]
        size, width = _PAGE, _PAGE
        while done < bound:
            upper = min(done + width, bound)
            body = {
                "size": size,
                "query": {"range": {"_seq_no": {"gt": done, "lte": upper}}},
                "sort": [{"_seq_no": "asc"}],
                "seq_no_primary_term": True,
                "track_total_hits": False,
                "_source": self._reads_source and self._cluster.source_option(index),
            }
            hits = self._cluster.search(body, index, preference=f"_shards:{shard}")
            done = upper if len(hits) < size else part_of("_search", hits[-1], ["_seq_no"], int)
            width = min(width * 2, _WIDEST) if len(hits) < size // 2 else max(size, width)
            size = page_size(hits, size)
            yield Page(partition, done, items_of(hits, place))

    def close(self) -> None:
        """See `Reader`."""

    def _read_bounds(self) -> dict[str, int]:
        return {
            f"{place}/{shard}": bound
            for place, index in enumerate(self._indices)
            for shard, bound in sorted(self._cluster.checkpoints(index).items())
        }


class SliceScan:
    """Reads slices of one point in time per index: see the module.

    Args:
        cluster, indices, reads_source: as for `ShardWalk`.
        slices: how many slices per index.
    """

    sees = "writes and deletes by reading every document again and comparing"
    is_cheap_again = False

    def __init__(self, cluster: Cluster, indices: list[str], slices: int = 2, *, reads_source: bool = True) -> None:
        self._cluster = cluster
        self._reads_source = reads_source
        self._indices = indices
        self._slices = slices
        self._open: dict[int, str] = {}
        self._passes = 0
        self._has_expired = False

    def partitions(self) -> list[str]:
        """See `Reader`: the slices of new points in time; earlier ones are closed."""
        self.close()
        for place, index in enumerate(self._indices):
            self._cluster.refresh(index)
            self._open[place] = self._point_in_time(index)
        self._passes += 1
        self._has_expired = False
        return [f"{place}/{number}" for place in range(len(self._indices)) for number in range(self._slices)]

    def is_behind(self, positions: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """See `Reader`: only reading can tell, so there is one more pass, and another after a point in time expired.

        Slices differ between points in time, so only a pass within one point in time has seen everything.
        """
        return self._passes < 2 or self._has_expired

    def pages(self, partition: str, position: Any) -> Iterator[Page]:  # noqa: ARG002
        """See `Reader`; if the point in time expires, the slice is read again.

        Pages have no position, which would be useless to another pass.
        """
        place, number = map(int, partition.split("/"))
        after: list[Any] | None = None
        size = _PAGE
        while True:
            try:
                hits = self._page(place, number, after, size)
            except NotFoundError:
                self._has_expired = True
                self._open[place] = self._point_in_time(self._indices[place])
                after = None
                continue
            if not hits:
                return
            after = part_of("_search", hits[-1], ["sort"], list)
            size = page_size(hits, size)
            yield Page(partition, None, items_of(hits, place))

    def close(self) -> None:
        """See `Reader`."""
        for point_in_time in self._open.values():
            try:
                self._cluster.engine.close_point_in_time(self._cluster.client, point_in_time)
            except ApiError:  # it has expired, or will expire by itself
                continue
        self._open = {}

    def _point_in_time(self, index: str) -> str:
        return self._cluster.call(lambda es: self._cluster.engine.open_point_in_time(es, index))

    def _page(self, place: int, number: int, after: list[Any] | None, size: int) -> list[Hit]:
        body: dict[str, Any] = {
            "pit": {"id": self._open[place], "keep_alive": "5m"},
            "size": size,
            "sort": [self._cluster.engine.tiebreak()],
            "seq_no_primary_term": True,
            "track_total_hits": False,
            "_source": self._reads_source and self._cluster.source_option(self._indices[place]),
        }
        if self._slices > 1:
            body["slice"] = {"id": number, "max": self._slices}
        if after is not None:
            body["search_after"] = after
        return self._cluster.search(body)


class WholeRead:
    """Reads all documents by one search, for the embedded engine, which has neither slices nor points in time."""

    sees = "writes and deletes by reading every document again and comparing"
    is_cheap_again = True

    def __init__(self, cluster: Cluster, indices: list[str], *, reads_source: bool = True) -> None:
        self._cluster = cluster
        self._reads_source = reads_source
        self._indices = indices
        self._read: dict[int, dict[str, int]] = {}

    def partitions(self) -> list[str]:
        """See `Reader`."""
        return [f"{place}/0" for place in range(len(self._indices))]

    def is_behind(self, positions: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """See `Reader`: there are other documents, or other versions, than in the last pass."""
        return any(
            _versions(self._hits(place, with_source=False)) != self._read.get(place)
            for place in range(len(self._indices))
        )

    def pages(self, partition: str, position: Any) -> Iterator[Page]:  # noqa: ARG002
        """See `Reader`.

        Raises:
            SourceError: the index has more documents than one search may return.
        """
        place = int(partition.partition("/")[0])
        hits = self._hits(place, with_source=self._reads_source)
        self._read[place] = _versions(hits)
        for start in range(0, len(hits), _PAGE):
            yield Page(partition, None, items_of(hits[start : start + _PAGE], place))

    def close(self) -> None:
        """See `Reader`."""

    def _hits(self, place: int, *, with_source: bool) -> list[Hit]:
        index = self._indices[place]
        count = self._cluster.count(index)
        source = with_source and self._cluster.source_option(index)
        body = {"size": count, "seq_no_primary_term": True, "_source": source}
        try:
            return self._cluster.search(body, index) if count else []
        except ApiError as error:
            raise SourceError(
                f"index {index!r} of the embedded engine has {count:,} documents, more than one search brings there; "
                "create it with a larger index.max_result_window, or index the documents from a file"
            ) from error


def reader_of(cluster: Cluster, indices: list[str], *, reads_source: bool = True) -> Reader:
    """Choose how to read indices: by a shard walk if possible, else by points in time; on the embedded engine whole."""
    if not cluster.engine.is_cluster:
        return WholeRead(cluster, indices, reads_source=reads_source)
    try:
        walk = ShardWalk(cluster, indices, reads_source=reads_source)
        walk.partitions()
        body = {"size": 0, "query": {"range": {"_seq_no": {"gte": 0}}}, "sort": [{"_seq_no": "asc"}]}
        for index in indices:
            cluster.search(body, index, preference="_shards:0")
    except ApiError:  # the client lacks a privilege, or the service has no such call
        return SliceScan(cluster, indices, reads_source=reads_source)
    return walk


def page_size(hits: list[Hit], size: int) -> int:
    """Return how many documents to request next for a page of about 4 MiB, from the size of the last ones."""
    if not hits:
        return size
    sampled = hits[:: max(len(hits) // 10, 1)]
    mean = max(sum(len(str(hit.get("_source"))) for hit in sampled) / len(sampled), 1)
    return int(min(max(_PAGE_BYTES / mean, _SMALLEST_PAGE, size / 4), _LARGEST_PAGE, size * 2))


def _versions(hits: list[Hit]) -> dict[str, int]:
    return {hit["_id"]: hit["_seq_no"] for hit in hits}
