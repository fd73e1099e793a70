"""A connector as plain JSON and back, for frameworks that write their pipelines down. No credentials are in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from connector.async_client import AsyncHybridElasticsearch
from connector.client import HybridElasticsearch, connect
from connector.connector import Connector
from connector.errors import RequestError
from connector.indexing import Passages

if TYPE_CHECKING:
    from connector.opensearch_client import HybridOpenSearch

_EMBEDDED = "http://embedded:"


def settings_of(connector: Connector) -> dict[str, Any]:
    """Give what a connector is made of: the nodes' URLs, the index, its fields, the models' names.

    Raises: RequestError: a part of it is an object of this process: a model, a function, an embedded engine.
    """
    client = connector.client
    urls = [node.base_url for node in client.transport.node_pool.all()]
    if any(url.startswith(_EMBEDDED) for url in urls):
        raise RequestError("connector", "embedded:", "lives in this process; connect to a cluster to write it down")
    models = {"encoder": client._hybrid.encoder, "reranker": client._hybrid.reranker}
    for name, model in models.items():
        if not isinstance(model, str):
            raise RequestError(f"connector.{name}", model, "is an object; give a model's name or path to write it down")
    if client._hybrid.models:
        raise RequestError("connector.models", list(client._hybrid.models), "can't be written down; leave them out")
    if connector._rewrite:
        raise RequestError("connector.rewrite", list(connector._rewrite), "are functions; leave them out")
    passages = connector._passages
    return {
        "url": urls,
        "is_async": isinstance(client, AsyncHybridElasticsearch),
        "index": connector.index_name,
        "text_fields": list(connector.text_fields),
        "vector_field": connector._vector_field,
        "id_field": connector._id_field,
        "passages": None if passages is None else {**asdict(passages), "fields": list(passages.fields)},
        "provenance": client._hybrid.provenance,
        "execution": client._hybrid.execution,
        **models,
    }


def connector_of(settings: Mapping[str, Any], **client_options: Any) -> Connector:
    """Make the connector again, with a client of its own.

    Args:
        settings: what `settings_of` gave; `url` may be one URL or a list, and what has a default may be left out.
        **client_options: of the client: `api_key`, `ca_certs`, `request_timeout`, ...

    Raises: RequestError: a key is missing, unknown, or its value is wrong.
    """
    of_client, of_index = {"encoder", "reranker", "provenance", "execution"}, {"vector_field", "id_field"}
    required = {"url", "index", "text_fields"}
    for name in sorted(settings.keys() - of_client - of_index - required - {"is_async", "passages"}):
        raise RequestError(f"connector.{name}", settings[name], "is not known here; remove it")
    for name in sorted(required):
        if not settings.get(name):
            raise RequestError(f"connector.{name}", settings.get(name), "is required; add it")
    url = settings["url"]
    options = {**{name: settings[name] for name in of_client & settings.keys()}, **client_options}
    client: HybridElasticsearch | HybridOpenSearch | AsyncHybridElasticsearch
    if settings.get("is_async"):
        client = AsyncHybridElasticsearch(url, **options)
    else:
        client = connect(url, **options) if isinstance(url, str) else HybridElasticsearch(url, **options)
    own = {name: settings[name] for name in of_index & settings.keys()}
    passages = Passages(**settings["passages"]) if settings.get("passages") else False
    return Connector(client, settings["index"], text_fields=settings["text_fields"], passages=passages, **own)
