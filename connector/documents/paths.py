"""A field looked up in a mapping by its dotted path, without a walk over all other fields. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def along(mapping: Mapping[str, Any], path: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return path and definition of each object on the way to a field, and last the field's, as far as it is mapped.

    A dot may stand in a name itself (`subobjects: false`), so every split of the path is tried.
    """
    properties, multi_fields = mapping.get("properties", {}), mapping.get("fields", {})
    known: list[tuple[str, Mapping[str, Any]]] = []
    head = path
    while head:
        found = properties.get(head, multi_fields.get(head))
        if found is not None:
            rest = path[len(head) + 1 :]
            below = [(f"{head}.{reached}", definition) for reached, definition in along(found, rest)] if rest else []
            way = [(head, found), *below]
            if way[-1][0] == path:
                return way
            known = known or way
        head = head.rpartition(".")[0]
    return known


def definition_at(mapping: Mapping[str, Any], path: str) -> Mapping[str, Any] | None:
    """Return what a mapping says of a field; None where it has no such field."""
    way = along(mapping, path)
    return way[-1][1] if way and way[-1][0] == path else None


def nested_above(mapping: Mapping[str, Any], path: str) -> str | None:
    """Return the path of the outermost nested objects that hold a field; None when it is in none."""
    return next((reached for reached, definition in along(mapping, path) if definition.get("type") == "nested"), None)
