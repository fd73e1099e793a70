"""Where engines differ in what a reindex job asks of them: one class an engine, one function that tells which it is."""

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
# A delete has a version, too, also one of what was not there; the shard knows it for `index.gc_deletes`.
_FIRST_WRITE: tuple[str, dict[str, Any]] = ("index", {"version": 1, "version_type": "external"})


class ReindexEngine(Protocol):
    """What a job must know of an engine."""

    has_points_in_time: bool
    """Also aliases, settings that change, and shards that can be told apart."""
    dialect: Dialect

    def check_takes_vectors(self, index: str, settings: Mapping[str, Any]) -> None:
        """Refuse a live index, its settings flat, that can't be given vectors. Raises: IndexMismatchError."""

    def open_point_in_time(self, client: Elasticsearch, index: str) -> str:
        """Open a point in time over an index and give its id."""

    def close_point_in_time(self, client: Elasticsearch, point_in_time: str) -> None:
        """Close a point in time."""

    def tiebreak(self) -> dict[str, str]:
        """Return the sort that a walk through a slice of a point in time follows."""

    def only_the_routing(self) -> dict[str, Any]:
        """Return what asks for a document's version and routing, and not for its source."""

    def first_write(self) -> tuple[str, dict[str, Any]]:
        """Return the action, and its header, that is in conflict with whatever was done under an id before."""


class ElasticsearchEngine:
    """Elasticsearch 8.x and 9.x: see `ReindexEngine`."""

    has_points_in_time = True
    dialect: Dialect = ElasticsearchDialect()

    def check_takes_vectors(self, index: str, settings: Mapping[str, Any]) -> None:
        """See `ReindexEngine`; every index does."""

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
        """See `ReindexEngine`; the routing is left out with the source unless it is asked for."""
        return {"_source": False, "stored_fields": ["_routing"]}

    def first_write(self) -> tuple[str, dict[str, Any]]:
        """See `ReindexEngine`."""
        return _FIRST_WRITE


class OpenSearchEngine:
    """OpenSearch 2.x and 3.x: see `ReindexEngine`. `_shard_doc` came with 3.3 only; `_doc` is the same order."""

    has_points_in_time = True
    dialect: Dialect = OpenSearchDialect()

    def check_takes_vectors(self, index: str, settings: Mapping[str, Any]) -> None:
        """See `ReindexEngine`; what an index was made without, `index.knn`, can't be set later."""
        if str(settings.get("knn", "false")).lower() != "true":
            raise IndexMismatchError(
                f"index {index!r} was made without the setting index.knn, so OpenSearch keeps no vectors in it that "
                "could be searched; leave out --in-place, and a new index gets them"
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
        """See `ReindexEngine`; the routing is left out with the source unless it is asked for."""
        return {"_source": False, "stored_fields": ["_routing"]}

    def first_write(self) -> tuple[str, dict[str, Any]]:
        """See `ReindexEngine`."""
        return _FIRST_WRITE


class EmbeddedReindexEngine(ElasticsearchEngine):
    """The engine in this process: one shard, no aliases, no points in time."""

    has_points_in_time = False

    def only_the_routing(self) -> dict[str, Any]:
        """See `ReindexEngine`; there is no routing."""
        return {"_source": False}

    def first_write(self) -> tuple[str, dict[str, Any]]:
        """See `ReindexEngine`; what was deleted leaves no trace here."""
        return "create", {}


def engine_of(capabilities: Capabilities) -> ReindexEngine:
    """Tell the engine; what is not told is taken for Elasticsearch."""
    if capabilities.flavour == "opensearch":
        return OpenSearchEngine()
    return EmbeddedReindexEngine() if capabilities.flavour == "embedded" else ElasticsearchEngine()


def hides_vectors(client: Elasticsearch, index: str) -> bool:
    """True if the server can leave vectors out of `_source`, as it does by default from 9.2 on.

    Such a server knows the option that brings them back, and any other refuses it.
    """
    try:
        answer: Any = client.perform_request(
            "POST", f"/{index}/_mget", params={"_source_exclude_vectors": "false"}, headers=_JSON, body={"ids": ["-"]}
        )
    except BadRequestError:
        return False
    return isinstance(answer.body, Mapping)
