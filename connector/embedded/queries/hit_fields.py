"""The `fields` and `docvalue_fields` of a search body: values of mapped fields, as lists under dotted paths."""

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
    """The patterns of `fields`: names, with wildcards, or objects with only a `field`.

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
    """The values of every mapped field that a pattern matches and a document's source has.

    Raises:
        EngineError: 400; fields of types whose values are formatted are not supported.
    """
    is_asked = _matcher(patterns)
    mapping = index.mapping
    if any(is_asked(path) for path in mapping.vector_paths):
        source = sources.read(index, slot, SourceFilter(exclude_vectors=False))
    else:
        source = sources.read_for_fields(index, slot)
    parsed = reparse_document(mapping, source, index.ids[slot])
    apart = {path: values for path, values in parsed.values.items() if not mapping.nested_above(path)}
    found = _shown(mapping, apart, is_asked)
    for path, objects in parsed.nested.items():
        shown = [_below(path, _shown(mapping, values, is_asked)) for values in objects]
        if any(shown):
            found[path] = [each for each in shown if each]
    return found


def doc_values_of(index: Index, slot: int, sources: Sources, patterns: tuple[str, ...]) -> dict[str, list[Any]]:
    """The values of a document as `docvalue_fields` has them: in their own order, each term once.

    Raises:
        EngineError: 400; as `fields_of`.
    """
    found = fields_of(index, slot, sources, patterns)
    kinds = {path: index.mapping.fields[path].type for path in found if path in index.mapping.fields}
    return {
        path: [held]
        if kinds.get(path) == "dense_vector"
        else sorted(set(held) if kinds.get(path) == "keyword" else held)
        for path, held in found.items()
        if path in kinds
    }


def check_doc_values(index: Index, patterns: tuple[str, ...]) -> None:
    """Refuse fields that have no values apart from their index. Raises: ShardError: a field is text."""
    for path in patterns:
        held = index.mapping.fields.get(path)
        if held is not None and held.type == "text":
            reason = (
                f"Fielddata is disabled on [{path}] in [{index.name}]. Text fields are not optimised for operations "
                "that require per-document field data like aggregations and sorting: use a keyword field"
            )
            raise ShardError(reason, is_query_fault=False)


def nested_fields(
    index: Index, slot: int, sources: Sources, patterns: tuple[str, ...], path: str, offset: int
) -> dict[str, list[Any]]:
    """The values of one nested object's fields that a pattern matches, as `fields_of` has them."""
    source = sources.read(index, slot, SourceFilter(exclude_vectors=False))
    objects = reparse_document(index.mapping, source, index.ids[slot]).nested[path]
    shown = _below(path, _shown(index.mapping, objects[offset], _matcher(patterns)))
    return {path: [shown]} if shown else {}


def _shown(mapping: Mapping, values: dict[str, list[Any]], is_asked: Callable[[str], object]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for path, held in values.items():
        if held and is_asked(path):
            kind = mapping.fields[path].type
            if kind == "dense_vector":
                found[path] = values_of(held[0], mapping.fields[path])
            elif kind in _AS_THEY_ARE:
                found[path] = list(held)
            else:
                raise unsupported(f"[fields] of type [{kind}]: [{path}]")
    return found


def _below(path: str, values: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name.removeprefix(f"{path}."): held for name, held in values.items()}


@lru_cache(maxsize=256)
def _matcher(patterns: tuple[str, ...]) -> Callable[[str], object]:
    return re.compile("|".join(translate(pattern) for pattern in patterns)).match
