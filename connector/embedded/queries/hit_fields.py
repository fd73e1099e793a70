"""The `fields` and `docvalue_fields` of a search body: the values of mapped fields, as lists under dotted paths."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate
from functools import lru_cache
from typing import Any

from connector.embedded.failures import ShardError, parsing, unsupported
from connector.embedded.scalars import token_of
from connector.embedded.storage.documents import reparse_document
from connector.embedded.storage.index import Index
from connector.embedded.storage.mapping import Mapping
from connector.embedded.storage.source_filter import SourceFilter
from connector.embedded.storage.sources import Sources
from connector.embedded.storage.vectors import values_of

_AS_THEY_ARE = frozenset({"text", "keyword", "long", "integer", "float", "double"})


def parse_fields(value: Any) -> tuple[str, ...]:
    """Return the patterns of `fields`: names, with wildcards, or objects with only a `field`.

    Raises:
        EngineError: 400; formats are not supported.
    """
    if not isinstance(value, list):
        raise parsing(f"Unknown key for a {token_of(value)} in [fields].")
    patterns = []
    for entry in value:
        pattern = entry.get("field") if isinstance(entry, dict) else entry
        if not isinstance(pattern, str):
            raise parsing(f"[fields] must hold names of fields, found [{entry}]")
        if isinstance(entry, dict) and entry.keys() != {"field"}:
            raise unsupported(f"[fields] with {sorted(entry.keys() - {'field'})}")
        patterns.append(pattern)
    return tuple(patterns)


def fields_of(index: Index, slot: int, sources: Sources, patterns: tuple[str, ...]) -> dict[str, list[Any]]:
    """Return the values of each mapped field that matches a pattern and is in the document's source.

    Raises:
        EngineError: 400; fields of types whose values are formatted are not supported.
    """
    is_requested = _matcher(patterns)
    mapping = index.mapping
    if any(is_requested(path) for path in mapping.vector_paths):
        source = sources.read(index, slot, SourceFilter(exclude_vectors=False))
    else:
        source = sources.read_for_fields(index, slot)
    parsed = reparse_document(mapping, source, index.ids[slot])
    apart = {path: values for path, values in parsed.values.items() if not mapping.nested_above(path)}
    found = _shown(mapping, apart, is_requested)
    for path, objects in parsed.nested.items():
        shown = [_below(path, _shown(mapping, values, is_requested)) for values in objects]
        if any(shown):
            found[path] = [each for each in shown if each]
    return found


def doc_values_of(index: Index, slot: int, sources: Sources, patterns: tuple[str, ...]) -> dict[str, list[Any]]:
    """Return a document's values as `docvalue_fields` does: sorted, each term once.

    Raises:
        EngineError: 400; as `fields_of`.
    """
    found = fields_of(index, slot, sources, patterns)
    kinds = {path: index.mapping.fields[path].type for path in found if path in index.mapping.fields}
    return {
        path: [elements]
        if kinds.get(path) == "dense_vector"
        else sorted(set(elements) if kinds.get(path) == "keyword" else elements)
        for path, elements in found.items()
        if path in kinds
    }


def check_doc_values(index: Index, patterns: tuple[str, ...]) -> None:
    """Reject fields without doc values.

    Raises:
        ShardError: a field is text.
    """
    for path in patterns:
        field = index.mapping.fields.get(path)
        if field is not None and field.type == "text":
            reason = (
                f"Fielddata is disabled on [{path}] in [{index.name}]. Text fields are not optimised for operations "
                "that require per-document field data like aggregations and sorting: use a keyword field"
            )
            raise ShardError(reason, is_query_fault=False)


def nested_fields(
    index: Index, slot: int, sources: Sources, patterns: tuple[str, ...], path: str, offset: int
) -> dict[str, list[Any]]:
    """Return the values of a nested object's fields that match a pattern, as `fields_of` does."""
    source = sources.read(index, slot, SourceFilter(exclude_vectors=False))
    objects = reparse_document(index.mapping, source, index.ids[slot]).nested[path]
    shown = _below(path, _shown(index.mapping, objects[offset], _matcher(patterns)))
    return {path: [shown]} if shown else {}


def _shown(
    mapping: Mapping, values: dict[str, list[Any]], is_requested: Callable[[str], object]
) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for path, elements in values.items():
        if elements and is_requested(path):
            kind = mapping.fields[path].type
            if kind == "dense_vector":
                found[path] = values_of(elements[0], mapping.fields[path])
            elif kind in _AS_THEY_ARE:
                found[path] = list(elements)
            else:
                raise unsupported(f"[fields] of type [{kind}]: [{path}]")
    return found


def _below(path: str, values: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name.removeprefix(f"{path}."): elements for name, elements in values.items()}


@lru_cache(maxsize=256)
def _matcher(patterns: tuple[str, ...]) -> Callable[[str], object]:
    return re.compile("|".join(translate(pattern) for pattern in patterns)).match
