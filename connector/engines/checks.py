"""What `connector doctor` checks of an engine: its version, its kNN search and its own fusion. No I/O.

The checks are flows: each yields a `ServerRequest` and receives the `ServerResponse`.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from connector.engines import Dialect, ElasticsearchDialect, OpenSearchDialect
from connector.engines.capabilities import Capabilities
from connector.installing import extra_command

Outcome: TypeAlias = Literal["works", "unknown", "fails"]

_OLDEST_OPENSEARCH, _OLDEST_ELASTICSEARCH = (2, 16), (8, 0)
_ELASTICSEARCH_BUILDS = ("default", "oss")
_NO_INDEX = "/hybrid-connector-doctor-*/_search"
_HYBRID_QUERY = {
    "size": 0,
    "query": {"hybrid": {"queries": [{"match_all": {}}]}},
    "search_pipeline": {
        "phase_results_processors": [{"score-ranker-processor": {"combination": {"technique": "rrf"}}}]
    },
}


@dataclass(frozen=True)
class ServerRequest:
    """One request to the server; the response is a `ServerResponse`, never an error."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None


SEARCH_NOTHING = ServerRequest("GET", f"{_NO_INDEX}?size=0")
"""A search that anybody may run who may search anything."""


@dataclass(frozen=True)
class ServerResponse:
    """The server's response; without one, `status` is None and `body` is the reason.

    Attributes:
        status: the HTTP status.
        body: the body, parsed if it is JSON.
        remedy: what to do if there is no response.
    """

    status: int | None
    body: Any
    remedy: str | None = None

    @property
    def is_ok(self) -> bool:
        """True if the request succeeded."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_forbidden(self) -> bool:
        """True if the client lacks the privilege for the request."""
        return self.status in (401, 403)


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes:
        name: what was checked.
        outcome: whether it works.
        said: the finding, in words.
        remedy: what to do about it, if anything.
    """

    name: str
    outcome: Outcome
    said: str
    remedy: str | None = None


Flow: TypeAlias = Generator[ServerRequest, ServerResponse, list[Check]]


def engine_name(capabilities: Capabilities) -> str | None:
    """Return "elasticsearch", "opensearch" or "embedded"; None if the server does not report what it is."""
    known = {"opensearch": "opensearch", "embedded": "embedded", None: None}
    return known.get(capabilities.flavour, "elasticsearch")


def dialect_of(capabilities: Capabilities) -> Dialect:
    """Return the dialect of a server."""
    return OpenSearchDialect() if capabilities.flavour == "opensearch" else ElasticsearchDialect()


def check_version(capabilities: Capabilities, clients: Mapping[str, str | None]) -> Check:
    """Check that the server is recent enough and that the installed client library works with it.

    Args:
        capabilities: what the server reports; its engine is known.
        clients: the installed version of each client library, by package name; None if it is missing.
    """
    engine, version = engine_name(capabilities), capabilities.version
    number = None if version is None else ".".join(map(str, version))
    said = " ".join(filter(None, (engine, number, capabilities.flavour)))
    oldest = _oldest(capabilities)
    if oldest and version and version < oldest:
        needed = ".".join(map(str, oldest))
        return Check("server", "fails", said, f"searches need {needed} or later; upgrade the cluster")
    client = clients["elasticsearch"] or ""
    if engine == "elasticsearch" and version and client.split(".")[0] == "9" > str(version[0]):
        remedy = "pip install 'elasticsearch<9'"
        return Check("server", "fails", f"{said}, which rejects elasticsearch-py {client}", remedy)
    if engine == "opensearch" and clients["opensearch-py"] is None:
        problem = f"{said}, but opensearch-py is not installed (extra 'opensearch')"
        return Check("server", "fails", problem, extra_command("opensearch"))
    return Check("server", "works", said)


def check_search(capabilities: Capabilities) -> Flow:
    """Check kNN search and the cluster's own fusion."""
    if capabilities.flavour == "opensearch":
        vectors = _check_knn_plugin((yield ServerRequest("GET", "/_plugins/_knn/stats")))
        return [vectors, _check_hybrid_query((yield ServerRequest("POST", _NO_INDEX, _HYBRID_QUERY)))]
    vectors = Check("vectors", "works", "kNN search is part of the engine")
    return [vectors, _check_licence(capabilities)]


def _oldest(capabilities: Capabilities) -> tuple[int, int] | None:
    if capabilities.flavour == "opensearch":
        return _OLDEST_OPENSEARCH
    return _OLDEST_ELASTICSEARCH if capabilities.flavour in _ELASTICSEARCH_BUILDS else None


def _check_knn_plugin(response: ServerResponse) -> Check:
    if response.is_ok:
        return Check("vectors", "works", "the k-NN plugin answers")
    if response.is_forbidden:
        return Check("vectors", "unknown", "the client lacks the privilege to read the k-NN plugin's statistics")
    remedy = "install the plugin opensearch-knn on every node; without it, searches are lexical, then reranked"
    return Check("vectors", "fails", "the k-NN plugin is not installed", remedy)


def _check_hybrid_query(response: ServerResponse) -> Check:
    if response.is_ok:
        said = 'with execution="native" the cluster runs each fusion that its hybrid query can express, on single-shard'
        return Check("native fusion", "works", f"{said} indices")
    if response.is_forbidden:
        said = "the client lacks the privilege to try a hybrid query; the connector runs fusions itself"
        return Check("native fusion", "unknown", said)
    return Check("native fusion", "works", "the cluster has no hybrid query; the connector runs fusions itself")


def _check_licence(capabilities: Capabilities) -> Check:
    if capabilities.runs_licensed_retrievers:
        held = capabilities.licence or capabilities.flavour
        return Check("native fusion", "works", f'{held} runs fusions itself: execution="native" passes them on')
    said = f"the licence is {capabilities.licence or 'unknown'}; the connector runs fusions itself"
    return Check("native fusion", "works", said)
