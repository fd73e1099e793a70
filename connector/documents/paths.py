"""Dotted paths: looked up in a mapping, read from a document and set in one. Pure.

A dot may also be part of a name: a key `{"author.name": ...}` in a document, or a field under `subobjects: false`.
Look-ups therefore try every split of a path.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def fields_of(mapping: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return path and definition of every field of a mapping, objects first, without sub-fields (`fields`)."""
    for name, definition in (mapping.get("properties") or {}).items():
        yield f"{prefix}{name}", definition
        yield from fields_of(definition, f"{prefix}{name}.")


def definitions_along(mapping: Mapping[str, Any], path: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return path and definition of each object that leads to a field, then the field's own, as far as it is mapped."""
    properties, multi_fields = mapping.get("properties", {}), mapping.get("fields", {})
    longest: list[tuple[str, Mapping[str, Any]]] = []
    head = path
    while head:
        definition = properties.get(head, multi_fields.get(head))
        if definition is not None:
            rest = path[len(head) + 1 :]
            below = definitions_along(definition, rest) if rest else []
            steps = [(head, definition), *((f"{head}.{inner}", each) for inner, each in below)]
            if steps[-1][0] == path:
                return steps
            longest = longest or steps
        head = head.rpartition(".")[0]
    return longest


def definition_at(mapping: Mapping[str, Any], path: str) -> Mapping[str, Any] | None:
    """Return a field's definition in a mapping; None if the mapping has no such field."""
    steps = definitions_along(mapping, path)
    return steps[-1][1] if steps and steps[-1][0] == path else None


def outermost_nested(mapping: Mapping[str, Any], path: str) -> str | None:
    """Return the path of the outermost nested objects around a field, or of the field if it is one; else None."""
    return next(_nested(mapping, path), None)


def innermost_nested(mapping: Mapping[str, Any], path: str) -> str | None:
    """Return the path that a `nested` query on a field names: the innermost nested objects; None if there are none."""
    return next(reversed(list(_nested(mapping, path))), None)


def _nested(mapping: Mapping[str, Any], path: str) -> Iterator[str]:
    return (at for at, definition in definitions_along(mapping, path) if definition.get("type") == "nested")


def values_at(value: object, path: str) -> Iterator[object]:
    """Return the values at a dotted path, through lists and objects; a list at the end of the path is one value."""
    pending = [(value, path)] if path else []  # a stack, so that no nesting is too deep
    while pending:
        value, path = pending.pop()
        if not path:
            yield value
        elif isinstance(value, list):
            pending.extend((item, path) for item in reversed(value))
        elif isinstance(value, Mapping):
            heads = [path[:end] for end in range(1, len(path) + 1) if end == len(path) or path[end] == "."]
            pending.extend((value[head], path[len(head) + 1 :]) for head in heads if head in value)


def first_at(source: Mapping[str, Any], path: str) -> Any:
    """Return the first value at a dotted path, through lists and objects; None if there is none."""
    found = next(values_at(source, path), None)
    while isinstance(found, list):
        found = found[0] if found else None
    return found


def with_value(source: Mapping[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return a copy of a source with one value set at a dotted path; the source itself is not changed."""
    head, _, rest = path.partition(".")
    if not rest:
        return {**source, head: value}
    inner = source.get(head)
    return {**source, head: with_value(inner if isinstance(inner, Mapping) else {}, rest, value)}


def without_value(source: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return a copy of a source without the value at a dotted path; the source itself is not changed."""
    rest = {name: value for name, value in source.items() if name != path}
    head, _, tail = path.partition(".")
    inner = rest.get(head)
    if not tail or not isinstance(inner, Mapping):
        return rest
    pruned = without_value(inner, tail)
    if pruned or not inner:
        return {**rest, head: pruned}
    return {name: value for name, value in rest.items() if name != head}


def check_place(source: Mapping[str, Any], path: str) -> None:
    """Refuse a document in which nothing can be set at a dotted path.

    Raises:
        ValueError: a part of the path is not an object; the text names it.
    """
    head, _, rest = path.partition(".")
    inner = source.get(head)
    if rest and inner is not None and not isinstance(inner, Mapping):
        raise ValueError(f"field {head!r} is not an object, so nothing can be set at {path!r} in it")
    if rest and inner is not None:
        check_place(inner, rest)
