"""What differs by engine in a reindex job: one class per engine, and a function that chooses among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from elasticsearch import BadRequestError, Elasticsearch

from connector.engines import Dialect, ElasticsearchDialect, OpenSearchDialect
from connector.engines.answers import point_in_time_in
from connector.engines.capabilities import Capabilities
from connector.errors import IndexMismatchError

_JSON = {"accept": "application/json", "content-type": "application/json"}
_KEEP_ALIVE = "5m"
_EXCLUDE_VECTORS = "mapping.exclude_source_vectors"
_DROPS_VECTORS_SINCE = (9, 2)
# A delete has a version too, even a delete of a missing document; the shard remembers it for `index.gc_deletes`.
_FIRST_WRITE: tuple[str, dict[str, Any]] = ("index", {"version": 1, "version_type": "external"})


class ReindexEngine(Protocol):
    """What a job needs to know about an engine."""

    is_cluster: bool
    """The engine has aliases, points in time, ingest pipelines, changeable settings and shards to name."""
    dialect: Dialect

    def settings_that_keep_source(self) -> dict[str, str]:
        """Return the settings that a new index needs to store `_source` exactly as it is sent."""

    def drops_vectors(self, settings: Mapping[str, Any]) -> bool:
        """True if an index with these flat settings stores `_source` without its vectors."""

    def check_takes_vectors(self, index: str, settings: Mapping[str, Any]) -> None:
        """Refuse a live index, by its flat settings, that can't be given vectors.

        Raises:
            IndexMismatchError: the index was created without something that vectors need.
        """

    def open_point_in_time(self, client: Elasticsearch, index: str) -> str:
        """Open a point in time over an index and return its id."""

    def close_point_in_time(self, client: Elasticsearch, point_in_time: str) -> None:
        """Close a point in time."""

    def tiebreak(self) -> dict[str, str]:
        """Return the sort order in which a slice of a point in time is read."""

    def only_the_routing(self) -> dict[str, Any]:
        """Return the `_mget` options that fetch a document's version and routing without its source."""

    def first_write(self) -> tuple[str, dict[str, Any]]:
        """Return the bulk action and header that conflict with any earlier write or delete of the same id."""


class ElasticsearchEngine:
    """Elasticsearch 8.x and 9.x: see `ReindexEngine`.

    Args:
        version: of the server; None if it is unknown.
    """

    is_cluster = True
    dialect: Dialect = ElasticsearchDialect()

    def __init__(self, version: tuple[int, ...] | None = None) -> None:
        self._version = version

    def settings_that_keep_source(self) -> dict[str, str]:
        """See `ReindexEngine`; older versions do not know the setting, and never drop vectors."""
        drops_by_default = self._version is not None and self._version >= _DROPS_VECTORS_SINCE
        return {_EXCLUDE_VECTORS: "false"} if drops_by_default else {}

    def drops_vectors(self, settings: Mapping[str, Any]) -> bool:
        """See `ReindexEngine`."""
        return settings.get(f"index.{_EXCLUDE_VECTORS}") == "true"

    def check_takes_vectors(self, index: str, settings: Mapping[str, Any]) -> None:
        """See `ReindexEngine`; every index takes vectors."""

    def open_point_in_time(self, client: Elasticsearch, index: str) -> str:
        """See `ReindexEngine`."""
        return point_in_time_in(client.open_point_in_time(index=index, keep_alive=_KEEP_ALIVE).body)

    def close_point_in_time(self, client: Elasticsearch, point_in_time: str) -> None:
        """See `ReindexEngine`."""
        client.close_point_in_time(id=point_in_time)

    def tiebreak(self) -> dict[str, str]:
        """See `ReindexEngine`."""
        return {"_shard_doc": "asc"}

    def only_the_routing(self) -> dict[str, Any]:
        """See `ReindexEngine`; without the source, the routing is returned only on request."""
        return {"_source": False, "stored_fields": ["_routing"]}

    def first_write(self) -> tuple[str, dict[str, Any]]:
        """See `ReindexEngine`."""
        return _FIRST_WRITE


class OpenSearchEngine:
    """OpenSearch 2.x and 3.x: see `ReindexEngine`.

    `_shard_doc` exists only since 3.3; `_doc` is the same order.
    """

    is_cluster = True
    dialect: Dialect = OpenSearchDialect()

    def settings_that_keep_source(self) -> dict[str, str]:
        """See `ReindexEngine`; none is needed."""
        return {}

    def drops_vectors(self, settings: Mapping[str, Any]) -> bool:
        """See `ReindexEngine`."""
        return settings.get("index.knn.derived_source.enabled") == "true"

    def check_takes_vectors(self, index: str, settings: Mapping[str, Any]) -> None:
        """See `ReindexEngine`; `index.knn` can be set only when an index is created."""
        if str(settings.get("knn", "false")).lower() != "true":
            raise IndexMismatchError(
                f"index {index!r} was created without the setting index.knn, so its vectors could not be searched; "
                "leave out --in-place to write them into a new index"
            )

    def open_point_in_time(self, client: Elasticsearch, index: str) -> str:
        """See `ReindexEngine`."""
        path = f"/{index}/_search/point_in_time"
        answer: Any = client.perform_request("POST", path, params={"keep_alive": _KEEP_ALIVE}, headers=_JSON)
        return point_in_time_in(answer.body, "pit_id")

    def close_point_in_time(self, client: Elasticsearch, point_in_time: str) -> None:
        """See `ReindexEngine`."""
        client.perform_request("DELETE", "/_search/point_in_time", headers=_JSON, body={"pit_id": [point_in_time]})

    def tiebreak(self) -> dict[str, str]:
        """See `ReindexEngine`."""
        return {"_doc": "asc"}

    def only_the_routing(self) -> dict[str, Any]:
        """See `ReindexEngine`; without the source, the routing is returned only on request."""
        return {"_source": False, "stored_fields": ["_routing"]}

    def first_write(self) -> tuple[str, dict[str, Any]]:
        """See `ReindexEngine`."""
        return _FIRST_WRITE


class EmbeddedEngine(ElasticsearchEngine):
    """The engine in this process, with one shard and no aliases: see `ReindexEngine`."""

    is_cluster = False

    def settings_that_keep_source(self) -> dict[str, str]:
        """See `ReindexEngine`; none is needed."""
        return {}

    def only_the_routing(self) -> dict[str, Any]:
        """See `ReindexEngine`; there is no routing."""
        return {"_source": False}

    def first_write(self) -> tuple[str, dict[str, Any]]:
        """See `ReindexEngine`; a delete leaves no trace here."""
        return "create", {}


def engine_of(capabilities: Capabilities) -> ReindexEngine:
    """Choose the engine of a cluster; an unknown one is treated as Elasticsearch."""
    if capabilities.is_opensearch:
        return OpenSearchEngine()
    if capabilities.is_embedded:
        return EmbeddedEngine()
    return ElasticsearchEngine(capabilities.version)


def hides_vectors(client: Elasticsearch, index: str) -> bool:
    """True if the server can leave vectors out of `_source`, as Elasticsearch does by default since 9.2.

    Such a server knows the option that includes them again; any other rejects it.
    """
    try:
        answer: Any = client.perform_request(
            "POST", f"/{index}/_mget", params={"_source_exclude_vectors": "false"}, headers=_JSON, body={"ids": ["-"]}
        )
    except BadRequestError:
        return False
    return isinstance(answer.body, Mapping)
