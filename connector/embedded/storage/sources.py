"""Reads stored sources: filtered for `_source`, and without unrequested vectors for `fields`."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from connector.embedded.storage.index import Index
from connector.embedded.storage.mapping import Mapping
from connector.embedded.storage.source_filter import SourceFilter
from connector.embedded.storage.store import Store
from connector.exact_json import decoded, loads

_PLAIN_NAME = re.compile(r"\w[\w-]*")


class Sources:
    """The sources of the documents in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, index: Index, slot: int, source_filter: SourceFilter) -> dict[str, Any]:
        """Return a document's source, without what the mapping or the filter excludes."""
        source = _own(index.mapping, loads(self._store.source(index.rows[slot])))
        hidden = source_filter.exclude_vectors
        if hidden is None:
            hidden = index.settings.get("mapping.exclude_source_vectors") == "true"
        if hidden:
            source = SourceFilter(excludes=index.mapping.vector_paths).apply(source)
        return source_filter.apply(source)

    def read_nested(
        self, index: Index, slot: int, path: str, offset: int, source_filter: SourceFilter
    ) -> dict[str, Any]:
        """Return one of a document's nested objects; the filter's patterns are full paths."""
        hidden = SourceFilter(exclude_vectors=source_filter.exclude_vectors)
        found: Any = self.read(index, slot, hidden)
        parts = path.split(".")
        objects = [found]
        for part in parts:
            objects = [inner for each in objects for inner in _listed(each.get(part)) if isinstance(inner, dict)]
        if offset >= len(objects):  # written with dotted keys, so there is no object to show
            return {}
        whole: Any = objects[offset]
        for part in reversed(parts):
            whole = {part: whole}
        kept: Any = source_filter.apply(whole)
        for part in parts:
            kept = kept.get(part, {})
        return dict(kept)

    def read_for_fields(self, index: Index, slot: int) -> dict[str, Any]:
        """Return a document's source by the mapping, with nearly all vectors null: they are slow to parse.

        Only mapped fields other than dense_vector may be read from it.
        """
        source = self._store.source(index.rows[slot])
        for name in index.mapping.vector_names:
            if _PLAIN_NAME.fullmatch(name):
                source = _with_null_arrays(source, _key(name))
        return _own(index.mapping, json.loads(decoded(source)))


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        return [] if value is None else [value]
    return [inner for each in value for inner in _listed(each)]


def _own(mapping: Mapping, source: dict[str, Any]) -> dict[str, Any]:
    if not mapping.source_excludes and not mapping.source_includes:
        return source
    return SourceFilter(True, tuple(mapping.source_includes), tuple(mapping.source_excludes)).apply(source)


@lru_cache(maxsize=256)
def _key(name: str) -> re.Pattern[bytes]:
    """Return a regular expression that matches `"name": [` outside of strings."""
    # A quoted name before a colon is a key, unless its first quote is escaped.
    quoted = re.escape(f'"{name}"'.encode())
    return re.compile(quoted + rb"(?<!\\" + quoted + rb")[ \t\r\n]*:[ \t\r\n]*\[")


def _with_null_arrays(source: bytes, key: re.Pattern[bytes]) -> bytes:
    """Return JSON with null for each array of numbers after the key."""
    pieces: list[bytes] = []
    end = 0
    while (match := key.search(source, end)) is not None:
        close = source.index(b"]", match.end())
        array = source[match.end() : close]
        if b'"' in array or b"[" in array:
            return source
        pieces += [source[end : match.end() - 1], b"null"]
        end = close + 1
    return b"".join([*pieces, source[end:]]) if pieces else source
