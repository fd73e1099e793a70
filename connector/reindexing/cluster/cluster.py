"""The calls that a job makes to a cluster, each retried while it may still succeed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from elasticsearch import ApiError, Elasticsearch, NotFoundError

from connector.clients.exact_reading import reading_exactly
from connector.engines.answers import mappings_in, object_in, part_of, search_in
from connector.engines.capabilities import read_capabilities
from connector.engines.jobs import engine_of, hides_vectors
from connector.errors import SourceError
from connector.reindexing.cluster.cluster_answers import (
    aliases_in,
    checkpoints_in,
    documents_in,
    indices_in,
    shard_counts_in,
)
from connector.reindexing.cluster.retrying import NotYetError, Patience, complete
from connector.reindexing.items import NO_SEQ_NO, Item, Key

Result = TypeVar("Result")
Hit = Mapping[str, Any]
_OF_HITS: dict[str, type[Any]] = {"_routing": str, "_seq_no": int, "_primary_term": int, "_source": dict}
_JSON = {"accept": "application/json", "content-type": "application/json"}


class Cluster:
    """A cluster as a reindex job sees it.

    Args:
        client: a sync client; calls are retried here rather than by its transport.
        patience: how long calls are retried.
    """

    def __init__(self, client: Elasticsearch, patience: Patience) -> None:
        self.client = client.options(max_retries=0, retry_on_status=(), retry_on_timeout=False, request_timeout=120)
        self._documents = reading_exactly(self.client)
        self.patience = patience
        info = self.call(lambda es: es.info().body)
        self.engine = engine_of(read_capabilities(info, None))
        self._hides_vectors: bool | None = None

    def call(self, function: Callable[[Elasticsearch], Result]) -> Result:
        """Return the result of a call to the client: see `Patience.call`."""
        return self.patience.call(lambda: function(self.client))

    def search(self, body: dict[str, Any], index: str | None = None, **url: str) -> list[Hit]:
        """Return the hits of a search that no shard is missing from, with vectors in their sources."""
        hits: list[Hit] = self.search_answer(body, index, **url)["hits"]["hits"]
        return hits

    def search_answer(self, body: dict[str, Any], index: str | None = None, **url: str) -> Mapping[str, Any]:
        """Return the answer to a search that no shard is missing from."""
        path = f"/{index}/_search" if index else "/_search"
        params = {"allow_partial_search_results": "false", **url}
        if not self.engine.is_cluster:
            del params["allow_partial_search_results"]

        def send() -> Mapping[str, Any]:
            answer: Any = self._documents.perform_request("POST", path, params=params, headers=_JSON, body=body)
            return search_in(complete(object_in("_search", answer.body)), is_sorted="sort" in body)

        return self.patience.call(send)

    def source_option(self, index: str) -> Any:
        """Return the `_source` option of a search body that fetches whole documents."""
        return {"exclude_vectors": False} if self.hides_vectors(index) else True

    def hides_vectors(self, index: str) -> bool:
        """True if vectors must be requested explicitly; checked once per job."""
        if self._hides_vectors is None:
            self._hides_vectors = self.call(lambda es: hides_vectors(es, index))
        return self._hides_vectors

    def fetch(self, wanted: Sequence[tuple[str, Key]], *, with_source: bool) -> dict[Key, Hit | None]:
        """Read documents as they are now, refreshed or not.

        Args:
            wanted: the index and the key of each document.
            with_source: fetch the whole document.

        Returns:
            the hit of each key; None if there is no such document, or only one with another routing.
        """
        if not wanted:
            return {}
        params: dict[str, str] = {}
        if with_source and self.hides_vectors(wanted[0][0]):
            params["_source_exclude_vectors"] = "false"
        more = {} if with_source else self.engine.only_the_routing()
        docs = [_mget_line(index, key) | more for index, key in wanted]

        def send() -> list[Hit]:
            answer: Any = self._documents.perform_request(
                "POST", "/_mget", params=params, headers=_JSON, body={"docs": docs}
            )
            found: list[Hit] = [*documents_in(answer.body, len(docs))]
            if broken := next((hit for hit in found if "error" in hit), None):
                raise NotYetError(f"document {broken['_id']!r} can't be read: {broken['error']}")
            return found

        hits = self.patience.call(send)
        return {
            key: hit if hit.get("found") and hit.get("_routing", "") == key.routing else None
            for (_, key), hit in zip(wanted, hits, strict=True)
        }

    def count(self, index: str) -> int:
        """Count the documents that are visible to searches."""

        def send(es: Elasticsearch) -> int:
            return part_of("_count", complete(object_in("_count", es.count(index=index).body)), ["count"], int)

        return self.call(send)

    def refresh(self, index: str) -> None:
        """Make every acknowledged write visible on every copy of every shard."""
        self.call(lambda es: complete(object_in("_refresh", es.indices.refresh(index=index).body)))

    def checkpoints(self, index: str) -> dict[int, int]:
        """Return the global checkpoint of each shard: every copy has all writes up to this `_seq_no` (-1: none yet).

        Raises:
            elasticsearch.ApiError: the client lacks the privilege, or the service has no such call.
        """

        def send(es: Elasticsearch) -> dict[int, int]:
            described = es.indices.get_settings(index=index, flat_settings=True).body
            ((name, shard_count),) = shard_counts_in(described).items()
            found = checkpoints_in(es.indices.stats(index=name, level="shards", metric="docs").body, name)
            missing = shard_count - len(found)
            if missing:
                raise NotYetError(f"{missing} primary shards of {name!r} are missing")
            return found

        return self.call(send)

    def store_bytes(self, index: str) -> int:
        """Return the size of an index on disk without its replicas; 0 if unknown."""
        if not self.engine.is_cluster:
            return 0
        try:
            answer = self.call(lambda es: es.indices.stats(index=index, metric="store").body)
        except ApiError:  # the client lacks the privilege
            return 0
        store = part_of("_stats", answer, ["_all", "primaries"], dict).get("store", {})
        return part_of("_stats", {"store": store}, ["store", "size_in_bytes"], int) if store else 0

    def describe(self, name: str) -> dict[str, dict[str, Any]]:
        """Return the settings, mappings and aliases of the indices behind a name.

        Raises:
            SourceError: there is no such index.
        """

        def send(es: Elasticsearch) -> dict[str, dict[str, Any]]:
            return indices_in(es.indices.get(index=name).body)

        try:
            found = self.call(send)
        except NotFoundError as error:
            raise SourceError(f"there is no index, alias or data stream {name!r}; check the name") from error
        if not found:
            raise SourceError(f"{name!r} has no index; check the name")
        return found

    def rewrites(self, index: str) -> bool:
        """True if an index does not store `_source` as it is sent: it drops vectors, or has a final pipeline."""
        if not self.engine.is_cluster:
            return False

        def send(es: Elasticsearch) -> bool:
            (body,) = es.indices.get_settings(index=index, flat_settings=True, include_defaults=True).body.values()
            settings = {**body.get("defaults", {}), **body["settings"]}
            has_pipeline = settings.get("index.final_pipeline", "_none") != "_none"
            return has_pipeline or self.engine.drops_vectors(settings)

        return self.call(send)

    def mappings(self, index: str) -> dict[str, Any]:
        """Return the answer to `GET INDEX/_mapping`."""
        return self.call(lambda es: mappings_in(es.indices.get_mapping(index=index).body))

    def aliases(self, alias: str) -> dict[str, dict[str, Any]]:
        """Return the properties of an alias on each index that it points to; {} if there is no such alias."""
        if not self.engine.is_cluster:
            return {}
        try:
            found = self.call(lambda es: aliases_in(es.indices.get_alias(name=alias).body))
        except NotFoundError:
            return {}
        return {index: aliases[alias] for index, aliases in found.items() if alias in aliases}

    def is_data_stream(self, name: str) -> bool:
        """True if a name is that of a data stream; False if the engine has none."""
        try:
            answer: Any = self.call(lambda es: es.perform_request("GET", f"/_data_stream/{name}", headers=_JSON))
        except ApiError:
            return False
        return bool(object_in("_data_stream", answer.body).get("data_streams"))


def item_of(hit: Hit, place: int) -> Item:
    """Make an item from a hit of a search or a fetched document."""
    known = {name: part_of("_search", hit, [name], kind) for name, kind in _OF_HITS.items() if name in hit}
    key = Key(place, hit["_id"], known.get("_routing", ""))
    seq_no, term = known.get("_seq_no", NO_SEQ_NO), known.get("_primary_term", 0)
    return Item(key, hit["_index"], max(seq_no, NO_SEQ_NO), term, dict(known.get("_source", {})))


def items_of(hits: Iterable[Hit], place: int) -> list[Item]:
    """Make items from hits."""
    return [item_of(hit, place) for hit in hits]


def _mget_line(index: str, key: Key) -> dict[str, Any]:
    line: dict[str, Any] = {"_index": index, "_id": key.id}
    if key.routing:
        line["routing"] = key.routing
    return line
