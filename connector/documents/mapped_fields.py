"""The names that a mapping's fields are searched by: their own, aliases, short names, computed fields. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connector.documents.paths import along


@dataclass(frozen=True)
class MappedField:
    """What a name stands for.

    Attributes:
        path: where the field is mapped, which an alias and a passthrough object's short name lead to.
        definition: what the mapping says of it; a computed field's type alone.
    """

    path: str
    definition: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Its type; "object" where the mapping names none."""
        return str(self.definition.get("type", "object"))


def mapped_fields(mapping: Mapping[str, Any]) -> dict[str, MappedField]:
    """Return each name that a field of a mapping has in a search, objects among them.

    A computed field hides a stored one of its name. A field has its own name before a passthrough object gives it to
    another; of two such objects the one of the higher `priority` does.
    """
    own = dict(_below(mapping.get("properties", {}), ""))
    short = sorted(_short_names(own), key=lambda each: -each[0])
    names = {name: MappedField(path, own[path]) for _, name, path in reversed(short)}
    names |= {path: MappedField(path, definition) for path, definition in own.items()}
    for name, definition in own.items():
        target = own.get(str(definition.get("path")))
        if definition.get("type") == "alias" and target is not None:
            names[name] = MappedField(str(definition["path"]), target)
    return names | {name: MappedField(name, definition) for name, definition in _computed(mapping)}


def nested_around(mapping: Mapping[str, Any], path: str) -> str | None:
    """Return the path of the innermost nested objects that contain a field, or that it is: what a query on it names."""
    around = [reached for reached, definition in along(mapping, path) if definition.get("type") == "nested"]
    return around[-1] if around else None


def _below(properties: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, definition in properties.items():
        yield f"{prefix}{name}", definition
        inner = {**definition.get("properties", {}), **definition.get("fields", {})}
        yield from _below(inner, f"{prefix}{name}.")


def _short_names(own: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[int, str, str]]:
    """Return priority, short name and path of each field in a passthrough object."""
    for above, holder in own.items():
        if holder.get("type") != "passthrough":
            continue
        for name, definition in _inner(holder, ""):
            if definition.get("type", "object") not in ("object", "passthrough"):
                yield int(holder.get("priority", 0)), name, f"{above}.{name}"


def _inner(holder: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return the fields of an object and of those in it, without their sub-fields, which get no short names."""
    for name, definition in holder.get("properties", {}).items():
        yield f"{prefix}{name}", definition
        yield from _inner(definition, f"{prefix}{name}.")


def _computed(mapping: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return the fields that are computed in a search: Elasticsearch calls them `runtime`, OpenSearch `derived`."""
    for section in ("runtime", "derived"):
        for name, definition in (mapping.get(section) or {}).items():
            parts = definition.get("fields") if definition.get("type") == "composite" else None
            if parts is None:
                yield name, definition
            else:
                yield from ((f"{name}.{part}", inner) for part, inner in parts.items())
