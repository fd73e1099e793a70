"""Bodies that clients accept as texts: a search as JSON, an `_msearch` as lines or as an iterator of lines. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from connector.errors import RequestError
from connector.request.json_values import Default, as_json

_MAY_NEED_CONNECTOR = ('"retriever"', '"rank"')
"""Texts of which a search that needs this package has at least one."""


def read_body(endpoint_id: str | None, body: Any, is_ours: Callable[[object], bool], default: Default) -> Any:
    """Read a call's body as far as needed to see whether this package must run it; otherwise return it unchanged.

    Args:
        endpoint_id: elasticsearch-py's name of the endpoint.
        body: the body as the client was given it.
        is_ours: true for a search that this package runs.
        default: as for `as_json`.
    """
    if endpoint_id == "search":
        search = _with_mapping(read_search(body), default)
        return search if is_ours(search) else body
    if endpoint_id == "search_template":
        return read_object(body)
    if endpoint_id in ("msearch", "msearch_template"):
        return read_lines(body, is_ours)
    return body


def _with_mapping(search: Any, default: Default) -> Any:
    """Return a search with its retriever as a mapping, if the client's serializer can make one of it."""
    tree = search.get("retriever") if isinstance(search, Mapping) else None
    if tree is None or isinstance(tree, Mapping | str | list | tuple):
        return search
    try:
        return {**search, "retriever": as_json(tree, default, "retriever")}
    except RequestError:  # left to the client's serializer, which reports it
        return search


def read_search(body: Any) -> Any:
    """Parse a search that is a text and may hold a retriever; return anything else unchanged."""
    content = _text(body)
    return read_object(body) if content is not None and any(name in content for name in _MAY_NEED_CONNECTOR) else body


def read_object(body: Any) -> Any:
    """Parse a text that is a JSON object; return anything else unchanged."""
    content = _text(body)
    try:
        read = None if content is None else json.loads(content)
    except (ValueError, RecursionError):  # left to the cluster, which reports it
        return body
    return read if isinstance(read, dict) else body


def read_lines(body: Any, is_ours: Callable[[object], bool]) -> Any:
    """Return the lines of an `_msearch`, headers and searches in turn, parsed where this package runs the search."""
    content = _text(body)
    if isinstance(body, Mapping) or not isinstance(body, Iterable):
        return body
    lines = [line for line in content.splitlines() if line.strip()] if content is not None else list(body)
    for place in range(0, len(lines) - 1, 2):
        search = read_search(lines[place + 1])
        if is_ours(search):
            lines[place : place + 2] = [read_object(lines[place]), search]
    return lines


def _text(body: Any) -> str | None:
    if isinstance(body, bytes):
        return body.decode("utf-8", "replace")
    return body if isinstance(body, str) else None
