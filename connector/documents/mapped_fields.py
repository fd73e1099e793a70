"""The names under which a search finds a mapping's fields: paths, aliases, short names, computed fields. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connector.documents.paths import fields_of


@dataclass(frozen=True)
class MappedField:
    """The field that a name refers to.

    Attributes:
        path: where the field is mapped; an alias and a passthrough object's short name lead there.
        definition: the field's part of the mapping; for a computed field its type only.
    """

    path: str
    definition: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The field's type; "object" if the mapping names none."""
        return str(self.definition.get("type", "object"))


def mapped_fields(mapping: Mapping[str, Any]) -> dict[str, MappedField]:
    """Return every name by which a search can refer to a field of a mapping, objects included.

    A computed field hides a stored one of the same name. A path takes precedence over a short name from a passthrough
    object; of two passthrough objects the one of higher `priority` wins.
    """
    own = dict(_with_sub_fields(mapping))
    short = sorted(_short_names(own), key=lambda each: -each[0])
    names = {name: MappedField(path, own[path]) for _, name, path in reversed(short)}
    names |= {path: MappedField(path, definition) for path, definition in own.items()}
    for name, definition in own.items():
        target = own.get(str(definition.get("path")))
        if definition.get("type") == "alias" and target is not None:
            names[name] = MappedField(str(definition["path"]), target)
    return names | {name: MappedField(name, definition) for name, definition in _computed(mapping)}


def _with_sub_fields(mapping: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, definition in fields_of(mapping):
        yield path, definition
        yield from ((f"{path}.{name}", inner) for name, inner in definition.get("fields", {}).items())


def _short_names(own: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[int, str, str]]:
    """Return priority, short name and path of each field in a passthrough object; sub-fields have no short names."""
    for above, holder in own.items():
        if holder.get("type") != "passthrough":
            continue
        for name, definition in fields_of(holder):
            if definition.get("type", "object") not in ("object", "passthrough"):
                yield int(holder.get("priority", 0)), name, f"{above}.{name}"


def _computed(mapping: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return the fields that a search computes: Elasticsearch calls them `runtime`, OpenSearch `derived`."""
    for section in ("runtime", "derived"):
        for name, definition in (mapping.get(section) or {}).items():
            parts = definition.get("fields") if definition.get("type") == "composite" else None
            if parts is None:
                yield name, definition
            else:
                yield from ((f"{name}.{part}", inner) for part, inner in parts.items())
