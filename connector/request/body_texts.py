"""Bodies that clients take as texts too: a search as JSON, an `_msearch` as lines or as an iterator of them. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from connector.errors import RequestError
from connector.request.json_values import Default, as_json

_MAY_BE_OURS = ('"retriever"', '"rank"')


def read_body(endpoint_id: str | None, body: Any, is_ours: Callable[[object], bool], default: Default) -> Any:
    """Read a call's body as far as it is needed to see whether it holds searches of ours; any other stays as it is.

    Args:
        endpoint_id: elasticsearch-py's name of the endpoint.
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
    """Return a search whose retriever is a mapping where the client's serializer makes one of it."""
    tree = search.get("retriever") if isinstance(search, Mapping) else None
    if tree is None or isinstance(tree, Mapping | str | list | tuple):
        return search
    try:
        return {**search, "retriever": as_json(tree, default, "retriever")}
    except RequestError:  # the client's serializer says what is wrong with it
        return search


def read_search(body: Any) -> Any:
    """Return a search, read where it is a text that may hold a retriever; what is no JSON object stays as it is."""
    content = _text(body)
    return read_object(body) if content is not None and any(name in content for name in _MAY_BE_OURS) else body


def read_object(body: Any) -> Any:
    """Return a JSON object that is a text as a dict; anything else as it is."""
    content = _text(body)
    try:
        read = None if content is None else json.loads(content)
    except (ValueError, RecursionError):  # the cluster says what is wrong with it
        return body
    return read if isinstance(read, dict) else body


def read_lines(body: Any, is_ours: Callable[[object], bool]) -> Any:
    """Return the lines of an `_msearch`, a header and a search in turn, read where the search is ours."""
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
