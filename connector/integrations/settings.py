"""Convert a connector to JSON values and back, for frameworks that save their pipelines. Credentials are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from connector.clients.async_elasticsearch import AsyncHybridElasticsearch
from connector.clients.connect import connect
from connector.clients.elasticsearch import HybridElasticsearch
from connector.engines import OpenSearchDialect
from connector.errors import RequestError
from connector.facade.connector import Connector
from connector.indexing import Passages

if TYPE_CHECKING:
    from connector.clients.elasticsearch_api import AnyClient

_EMBEDDED = "http://embedded:"


def settings_of(connector: Connector) -> dict[str, Any]:
    """Return a connector's settings as JSON values: the nodes' URLs, the index, its fields, and the models' names.

    Raises:
        RequestError: the connector holds an object of this process: a model, a function or an embedded engine.
    """
    client, own = connector.client, connector.settings
    urls = _urls(client)
    if any(url.startswith(_EMBEDDED) for url in urls):
        raise RequestError("connector", "embedded:", "exists in this process only; connect to a cluster to save it")
    models = {"encoder": client.hybrid.models.encoder, "reranker": client.hybrid.models.reranker}
    for name, model in models.items():
        if not isinstance(model, str):
            raise RequestError(f"connector.{name}", model, "is an object; pass a model's name or path to save it")
    if client.hybrid.models.registered:
        raise RequestError("connector.models", list(client.hybrid.models.registered), "can't be saved; leave them out")
    own = connector.settings
    if own.rewrite:
        raise RequestError("connector.rewrite", list(own.rewrite), "are functions, which can't be saved; remove them")
    passages = own.passages
    return {
        "url": urls,
        "engine": client.hybrid.dialect.name,
        "is_async": iscoroutinefunction(client.read_mappings),
        "index": connector.index_name,
        "text_fields": [field.name + field.boost for field in own.text_fields],
        "vector_field": own.vector_field,
        "id_field": own.id_field,
        "passages": None if passages is None else {**asdict(passages), "fields": list(passages.fields)},
        "provenance": client.hybrid.provenance,
        "execution": client.hybrid.execution,
        **models,
    }


def connector_of(settings: Mapping[str, Any], **client_options: Any) -> Connector:
    """Build a connector from its settings, with a new client.

    Args:
        settings: the result of `settings_of`; `url` may also be a single URL, and keys with a default are optional.
        **client_options: options of the client: `api_key`, `ca_certs`, `request_timeout`, ...

    Raises:
        RequestError: a key is missing or unknown, or its value is wrong.
    """
    of_client, of_index = {"encoder", "reranker", "provenance", "execution"}, {"vector_field", "id_field"}
    required = {"url", "index", "text_fields"}
    for name in sorted(settings.keys() - of_client - of_index - required - {"engine", "is_async", "passages"}):
        raise RequestError(f"connector.{name}", settings[name], "is not a known setting; remove it")
    for name in sorted(required):
        if not settings.get(name):
            raise RequestError(f"connector.{name}", settings.get(name), "is required; add it")
    options = {**{name: settings[name] for name in of_client & settings.keys()}, **client_options}
    client = _open(settings["url"], settings.get("engine"), bool(settings.get("is_async")), options)
    own = {name: settings[name] for name in of_index & settings.keys()}
    passages = Passages(**settings["passages"]) if settings.get("passages") else False
    return Connector(client, settings["index"], text_fields=settings["text_fields"], passages=passages, **own)


def has_credentials(connector: Connector) -> bool:
    """True if the client has credentials, which `settings_of` leaves out."""
    client: Any = connector.client
    if not _is_opensearch(client):
        return bool(client._headers.get("authorization"))
    return any(each.get("http_auth") for each in (client.transport.kwargs, *client.transport.hosts))


def _is_opensearch(client: Any) -> bool:
    return bool(client.hybrid.dialect.name == OpenSearchDialect.name)


def _urls(client: Any) -> list[str]:
    if not _is_opensearch(client):
        return [node.base_url for node in client.transport.node_pool.all()]
    return [_url({**client.transport.kwargs, **host}) for host in client.transport.hosts]


def _url(host: Mapping[str, Any]) -> str:
    scheme = "https" if host.get("use_ssl") else host.get("scheme", "http")
    prefix = str(host.get("url_prefix") or "").strip("/")
    return f"{scheme}://{host.get('host', 'localhost')}:{host.get('port', 9200)}{prefix and '/'}{prefix}"


def _open(url: str | list[str], engine: str | None, is_async: bool, options: dict[str, Any]) -> AnyClient:
    """Open a client; without an engine, a sync client of a single URL asks the server which one it is."""
    if engine == OpenSearchDialect.name:
        from connector.clients.opensearch.async_client import AsyncHybridOpenSearch
        from connector.clients.opensearch.client import HybridOpenSearch
        from connector.clients.opensearch.options import own_options

        return (AsyncHybridOpenSearch if is_async else HybridOpenSearch)(url, **own_options(options))
    if is_async:
        return AsyncHybridElasticsearch(url, **options)
    return connect(url, **options) if isinstance(url, str) else HybridElasticsearch(url, **options)
