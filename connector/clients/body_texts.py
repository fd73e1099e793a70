"""Bodies that clients also take as text: a search as JSON, an `_msearch` as lines or as an iterator of them. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from connector.errors import RequestError
from connector.request.json_values import Default, as_json

_KEYS = frozenset({"retriever", "rank"})
"""A search with none of these does not run here."""
_MARKS = tuple(f'"{key}"' for key in _KEYS)
"""A text without these holds no search that runs here."""


def may_run_here(body: Any) -> bool:
    """True if a search, also one that is a text, has to be read to know whether it runs here."""
    content = _text(body)
    if content is not None:
        return any(mark in content for mark in _MARKS)
    return isinstance(body, Mapping) and not _KEYS.isdisjoint(body)


def read_search(body: Any, default: Default) -> Any:
    """Return a search, read if it is a text that may hold a retriever; what is no JSON object stays as it is.

    A retriever that the client's serializer makes a mapping of, by `default`, becomes one.
    """
    search = _read_if_marked(body)
    tree = search.get("retriever") if isinstance(search, Mapping) else None
    if tree is None or isinstance(tree, Mapping | str | list | tuple):
        return search
    try:
        return {**search, "retriever": as_json(tree, default, "retriever")}
    except RequestError:  # the client's serializer reports what is wrong with it
        return search


def read_object(body: Any) -> Any:
    """Return a JSON object that is a text as a dict; anything else as it is."""
    content = _text(body)
    try:
        read = None if content is None else json.loads(content)
    except (ValueError, RecursionError):  # the cluster reports what is wrong with it
        return body
    return read if isinstance(read, dict) else body


def read_lines(body: Any, runs_here: Callable[[object], bool]) -> tuple[Any, list[int]]:
    """Read the searches of an `_msearch` that run here, each with its header; other lines stay as they are.

    Returns:
        The lines, a header and a search in turn, and which pairs of them run here; what is no lines as it is.
    """
    content = _text(body)
    if isinstance(body, Mapping) or not isinstance(body, Iterable):
        return body, []
    lines = [line for line in content.splitlines() if line.strip()] if content is not None else list(body)
    own = []
    for place in range(0, len(lines) - 1, 2):
        search = _read_if_marked(lines[place + 1])
        header = read_object(lines[place]) if runs_here(search) else None
        if isinstance(header, Mapping):  # the cluster reports any other header
            lines[place : place + 2] = [header, search]
            own.append(place // 2)
    return lines, own


def _read_if_marked(body: Any) -> Any:
    return read_object(body) if isinstance(body, bytes | str) and may_run_here(body) else body


def _text(body: Any) -> str | None:
    if isinstance(body, bytes):
        return body.decode("utf-8", "replace")
    return body if isinstance(body, str) else None
