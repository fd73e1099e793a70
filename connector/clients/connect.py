"""`connect`: a client of whichever engine is at a URL; the one module here that knows the embedded engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elastic_transport import SerializationError
from elasticsearch import ApiError, TransportError, UnsupportedProductError

from connector.clients.elasticsearch import HybridElasticsearch
from connector.clients.hosts import scheme_of
from connector.clients.sending import ACCEPT_JSON
from connector.engines.capabilities import read_capabilities
from connector.errors import MalformedAnswerError, RequestError

if TYPE_CHECKING:
    from connector.clients.opensearch.client import HybridOpenSearch

_INFO_TIMEOUT_S = 5
_FORBIDDEN = 403
ANSWERED_BY_PROXIES = frozenset({401, 429, 502, 503, 504})
"""Statuses that a proxy in front of a cluster answers with, in words of its own."""
_NO_CLUSTER = "the server is not Elasticsearch or OpenSearch"


def connect(url: str, **options: Any) -> HybridElasticsearch | HybridOpenSearch:
    """Open a client of the engine at a URL, as `GET /` reports it; Elasticsearch if it reports nothing.

    Args:
        url: `http(s)://...` for a cluster; `embedded:` for an engine in memory; `embedded:DIR` for one that keeps its
            documents in a directory, which closing the client releases.
        **options: as for `HybridElasticsearch`; on OpenSearch those that `HybridOpenSearch` also has, with `basic_auth`
            and `request_timeout` under these names.

    Raises:
        RequestError: the URL is of another kind or can't be read, or OpenSearch's client has no such option.
        MissingExtraError: the server is OpenSearch, and opensearch-py is not installed.
        EmbeddedStoreError: the directory can't be opened.

    Examples:
        >>> from connector import connect
        >>> with connect("embedded:") as es:
        ...     written = es.index(index="books", document={"title": "Emma"}, refresh=True)
        ...     es.count(index="books")["count"]
        1
    """
    return _open(url, options, _info_of)


def connect_checked(url: str, **options: Any) -> HybridElasticsearch | HybridOpenSearch:
    """Open a client as `connect` does, of a cluster that has answered.

    Args:
        url: as for `connect`.
        **options: as for `connect`.

    Raises:
        RequestError, MissingExtraError, EmbeddedStoreError: as for `connect`.
        elastic_transport.TransportError: nothing answers.
        elasticsearch.ApiError: the server rejects the credentials, or fails.
        MalformedAnswerError: the server is not Elasticsearch or OpenSearch.
    """
    return _open(url, options, _checked_info_of)


def is_in_memory(url: str) -> bool:
    """True for the URL of an engine in memory, whose documents are gone when its client is closed."""
    scheme, _, rest = url.strip().partition(":")
    return scheme == "embedded" and not rest


def _open(
    url: str, options: Mapping[str, Any], info_of: Callable[[HybridElasticsearch], Any]
) -> HybridElasticsearch | HybridOpenSearch:
    if not isinstance(url, str):
        raise RequestError("url", url, "must be a string, as http://localhost:9200 or embedded:")
    scheme, _, rest = url.partition(":")
    if scheme in ("http", "https"):
        client = HybridElasticsearch(url, **options)
        try:
            is_opensearch = read_capabilities(info_of(client), None).is_opensearch
        except BaseException:
            client.close()
            raise
        if not is_opensearch:
            return client
        client.close()
        from connector.clients.opensearch.client import HybridOpenSearch
        from connector.clients.opensearch.options import own_options

        return HybridOpenSearch(url, **own_options(options))
    if scheme == "embedded":
        from connector.embedded import Engine, owning_node_class

        engine = Engine(Path(rest) if rest else None)
        try:
            return HybridElasticsearch("http://embedded:9200", node_class=owning_node_class(engine), **options)
        except BaseException:  # nobody else could close the engine, and its directory would stay locked
            engine.close()
            raise
    raise RequestError(
        "url", scheme_of(url), "must begin with http://, https:// or embedded: (embedded:DIR keeps data)"
    )


def _info_of(client: HybridElasticsearch) -> Any:
    """Return a server's answer to `GET /`; None if it gives none, which the first call will report."""
    try:
        return _ask_info(client)
    except UnsupportedProductError as error:
        return error.body
    except (ApiError, TransportError, RecursionError):
        return None


def _checked_info_of(client: HybridElasticsearch) -> Any:
    """Return a server's answer to `GET /`; None if this user may not ask, who may still search."""
    try:
        info = _ask_info(client)
    except UnsupportedProductError as error:
        if not isinstance(error.body, dict) or "version" not in error.body:
            raise MalformedAnswerError("GET /", _NO_CLUSTER, error.body) from error
        if not read_capabilities(error.body, None).is_opensearch:
            raise
        return error.body
    except ApiError as error:
        if not isinstance(error.body, dict) and error.meta.status not in ANSWERED_BY_PROXIES:
            raise MalformedAnswerError("GET /", f"{_NO_CLUSTER} ({error.meta.status})", error.body) from error
        if error.meta.status != _FORBIDDEN:
            raise
        return None
    except (SerializationError, RecursionError) as error:
        raise MalformedAnswerError("GET /", _NO_CLUSTER, "") from error
    return info


def _ask_info(client: HybridElasticsearch) -> Any:
    impatient = client.options(max_retries=0, request_timeout=_INFO_TIMEOUT_S)
    return impatient.perform_request("GET", "/", headers=ACCEPT_JSON).body
