"""What this package reads of elasticsearch-py's clients, sync and async, and hands from one to another. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from elastic_transport.client_utils import DEFAULT
from elasticsearch import AsyncElasticsearch, Elasticsearch

from connector.clients.body_texts import may_run_here
from connector.clients.retries import Retries
from connector.clients.sending import Call, Send, index_of
from connector.request.json_values import Default, default_of

_OPTIONS = (
    "_headers",
    "_request_timeout",
    "_ignore_status",
    "_max_retries",
    "_retry_on_timeout",
    "_retry_on_status",
    "_client_meta",
    "_verified_elasticsearch",
)


_HOLD_SEARCHES = frozenset({"search_template", "msearch", "msearch_template"})


class RequestOptions(TypedDict, total=False):
    """The keywords of elasticsearch-py's `perform_request`."""

    params: Mapping[str, Any] | None
    headers: Mapping[str, str] | None
    body: Any | None
    endpoint_id: str | None
    path_parts: Mapping[str, Any] | None


def is_passed_on(request: RequestOptions) -> bool:
    """True if a request is for the cluster as it is, as a glance shows; `Hybrid.route` decides about any other."""
    endpoint = request.get("endpoint_id") or ""
    if endpoint == "search":
        return not may_run_here(request.get("body"))
    return endpoint not in _HOLD_SEARCHES and not _changes_mappings(endpoint)


def _changes_mappings(endpoint: str) -> bool:
    return endpoint.startswith("indices.")


def options_of(request: Send) -> RequestOptions:
    """Return the keywords by which elasticsearch-py sends a request."""
    return {
        "params": request.params,
        "headers": request.headers,
        "body": request.body,
        "endpoint_id": request.endpoint_id,
        "path_parts": request.path_parts,
    }


def call_of(client: Elasticsearch | AsyncElasticsearch, request: Send) -> Call:
    """Return a client's call, with the client's options."""
    return Call(
        request,
        params=request.params or {},
        index=index_of(request.path_parts),
        retries=retries_of(client),
        sent_headers=client._headers,
        ignored=client._ignore_status,
        changes_mappings=_changes_mappings(request.endpoint_id or ""),
    )


def retries_of(client: Elasticsearch | AsyncElasticsearch) -> Retries:
    """Return what a client's options, or else its transport's defaults, say about retries."""
    transport, statuses, most = client.transport, client._retry_on_status, client._max_retries
    return Retries(
        transport.retry_on_status if statuses is DEFAULT else statuses,
        transport.max_retries if most is DEFAULT else most,
    )


def default_in(client: Elasticsearch | AsyncElasticsearch) -> Default:
    """Return what a client's serializer makes of values that JSON does not have."""
    return default_of(client.transport.serializers.get_serializer("application/json"))


def copy_options(source: Elasticsearch | AsyncElasticsearch, target: Elasticsearch | AsyncElasticsearch) -> None:
    """Give a client another's credentials, headers and options."""
    for name in _OPTIONS:
        setattr(target, name, getattr(source, name))
    target._headers = source._headers.copy()
