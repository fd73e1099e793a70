"""Resolution of text-field names: what the cluster searches, and where `_source` holds the text. Pure.

A name may be that of a sub-field (`title.english`), an alias or a `copy_to` target. None of these is in `_source`, so
their text is read from the fields behind them. A boost (`title^3`) counts only in the cluster's search.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connector.documents.paths import definitions_along, fields_of
from connector.errors import RequestError

_ANALYSED = frozenset({
    "text", "match_only_text", "annotated_text", "search_as_you_type", "pattern_text", "semantic_text",
})  # fmt: skip
_TEXTS = _ANALYSED | {
    "keyword", "constant_keyword", "counted_keyword", "wildcard", "flat_object", "flattened", "completion",
}  # fmt: skip
_NO_TEXT = frozenset({
    "dense_vector", "knn_vector", "sparse_vector", "rank_vectors", "rank_feature", "rank_features", "binary",
    "geo_point", "geo_shape", "point", "shape", "xy_point", "xy_shape", "percolator", "join",
})  # fmt: skip
_OBJECTS = frozenset({None, "object", "nested", "passthrough"})
_KEYED = frozenset({"flattened", "flat_object"})


@dataclass(frozen=True)
class TextField:
    """A text field as a user names it: its path, and its boost as written ("^3") or ""."""

    name: str
    boost: str = ""


@dataclass(frozen=True)
class ResolvedField:
    """Where the text of a field is.

    Attributes:
        name: the field's path, as the user named it.
        boost: as in `TextField`.
        is_mapped: a mapping has the field; also true if no mapping could be read.
        may_exist: no mapping has the field, but documents may.
        sources: the paths in `_source` that hold the text; the name itself if it is not mapped.
        copied: those of the sources that the cluster copies to the field (`copy_to`).
        fault: why the text can't be read from `_source`, or "".
    """

    name: str
    boost: str = ""
    is_mapped: bool = True
    may_exist: bool = False
    sources: tuple[str, ...] = ()
    copied: tuple[str, ...] = ()
    fault: str = ""

    @property
    def shown(self) -> tuple[str, ...]:
        """The names under which a hit's `fields` hold the text, so that no text is read twice."""
        return (self.name,) if self.fault else self.copied or self.sources


def parse_text_fields(names: object, path: str = "text_fields") -> tuple[TextField, ...]:
    """Parse the names of text fields that a user gave.

    Args:
        names: a list of names, each with or without a boost.
        path: what the names are called in errors.

    Raises:
        RequestError: it is not a list of names, a boost is not a number, or a name is a pattern.
    """
    if isinstance(names, str) or not isinstance(names, Sequence) or not names:
        example = f'["{names}"]' if isinstance(names, str) and names else '["title", "body"]'
        raise RequestError(path, names, f"must be a list of field names, as {example}")
    return tuple(dict.fromkeys(_parsed(name, path) for name in names))


def _parsed(name: object, path: str) -> TextField:
    if not isinstance(name, str) or not name:
        raise RequestError(path, name, 'must be a list of field names, as ["title", "body"]')
    if any("\ud800" <= character <= "\udfff" for character in name):
        raise RequestError(path, name, "holds half of a surrogate pair, which is not text; remove it")
    field, mark, boost = name.partition("^")
    if "*" in field:
        raise RequestError(
            path, name, "is a pattern, and encoder and reranker read fields in a fixed order; name each field"
        )
    if mark and (not field or not is_boost(boost)):
        raise RequestError(
            path, name, 'must be a field name, and a boost after ^ must be a number of at least 0: "title^3"'
        )
    return TextField(field, mark + boost)


def is_boost(text: str) -> bool:
    """True if a text is a finite number of at least 0."""
    try:
        return 0 <= float(text) < math.inf
    except ValueError:
        return False


def resolve_fields(mappings: Mapping[str, Any], fields: Sequence[TextField]) -> list[ResolvedField]:
    """Find out where the texts of fields are.

    Args:
        mappings: Elasticsearch's `GET INDEX/_mapping`, by index; {} if they can't be read, in which case names are
            taken as they are.
        fields: as parsed by `parse_text_fields`.
    """
    return [_resolve_in_all(mappings, field) for field in fields]


def _resolve_in_all(mappings: Mapping[str, Any], field: TextField) -> ResolvedField:
    by_index = {index: resolve_field(body["mappings"], field) for index, body in mappings.items()}
    mapped = {index: each for index, each in by_index.items() if each.is_mapped}
    if not mapped:
        may_exist = any(each.may_exist for each in by_index.values())
        return ResolvedField(field.name, field.boost, not mappings, may_exist, (field.name,))
    (first, one), *others = mapped.items()
    for index, other in others:
        if other != one:
            both = f"{first!r} ({_described(one)}) and {index!r} ({_described(other)})"
            return ResolvedField(field.name, field.boost, fault=f"differs between {both}; name fields that do not")
    return one


def _described(field: ResolvedField) -> str:
    return field.fault or f"text of {', '.join(field.sources)}"


def resolve_field(mapping: Mapping[str, Any], field: TextField) -> ResolvedField:
    """Find out where the text of a field is, by one mapping."""
    name, boost = field.name, field.boost
    steps = definitions_along(mapping, name)
    leaf = next((step for step in steps if not _is_object(step[1])), None)
    copies = _copies(mapping)
    if leaf is None:
        if steps and steps[-1][0] == name:
            return ResolvedField(name, boost, sources=(name,))
        if name in copies:  # a target that is mapped with the first document
            return ResolvedField(name, boost, sources=(*copies[name], name), copied=copies[name])
        found = _computed(mapping, name, boost) or _passed_through(mapping, field)
        return found or ResolvedField(name, boost, False, _is_open(mapping, steps), (name,))
    path, definition = leaf
    kind = str(definition.get("type"))
    if kind == "alias":
        target = resolve_field(mapping, TextField(str(definition.get("path"))))
        return ResolvedField(name, boost, sources=target.sources, copied=target.copied, fault=target.fault)
    if kind in _KEYED:
        return ResolvedField(name, boost, sources=(name,))
    if steps[-1][0] != name:  # a field has nothing below it but its sub-fields
        return _computed(mapping, name, boost) or ResolvedField(name, boost, False, False, (name,))
    if kind in _NO_TEXT:
        return ResolvedField(name, boost, fault=f"is a {kind} field, which holds no text; name a text field")
    copied = copies.get(path, ())
    return ResolvedField(name, boost, sources=(*copied, path), copied=copied)


def _is_object(definition: Mapping[str, Any]) -> bool:
    return definition.get("type") in _OBJECTS


def _leaves(mapping: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((path, definition) for path, definition in fields_of(mapping) if not _is_object(definition))


def _copies(mapping: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the fields that are copied to each `copy_to` target, in the mapping's order."""
    found: dict[str, list[str]] = {}
    for path, definition in _leaves(mapping):
        targets = definition.get("copy_to", ())
        for target in [targets] if isinstance(targets, str) else targets:
            found.setdefault(target, []).append(path)
    return {target: tuple(paths) for target, paths in found.items()}


def _computed(mapping: Mapping[str, Any], name: str, boost: str) -> ResolvedField | None:
    """Resolve a runtime field, which is read from `_source` unless a script computes it; None if it is not one."""
    runtime = mapping.get("runtime") or {}
    found = next((runtime[head] for head in _heads(name) if head in runtime), None)
    if found is None:
        return None
    if "script" in found or found.get("type") in ("composite", "lookup"):
        fault = "is a runtime field, which is computed and not in _source; name the fields that it is made of"
        return ResolvedField(name, boost, fault=fault)
    return ResolvedField(name, boost, sources=(name,))


def _heads(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.rpartition(".")[0]


def _passed_through(mapping: Mapping[str, Any], field: TextField) -> ResolvedField | None:
    """Resolve a field of a `passthrough` object, which also has a short name; None if it is not one."""
    for above, definition in (mapping.get("properties") or {}).items():
        if definition.get("type") == "passthrough":
            below = resolve_field(definition, field)
            if below.is_mapped:
                sources, copied = (tuple(f"{above}.{path}" for path in each) for each in (below.sources, below.copied))
                return replace(below, sources=sources, copied=copied)
    return None


def _is_open(mapping: Mapping[str, Any], steps: Sequence[tuple[str, Mapping[str, Any]]]) -> bool:
    """True if documents may hold an unmapped field below these objects."""
    dynamic = mapping.get("dynamic", True)
    for _, definition in steps:
        if str(definition.get("enabled", True)).lower() == "false":
            return True
        dynamic = definition.get("dynamic", dynamic)
    return str(dynamic).lower() != "strict"


def text_names(mappings: Mapping[str, Any]) -> list[str]:
    """Return the fields of mappings that are searched as text, aliases and sub-fields included."""
    names: dict[str, None] = {}
    for body in mappings.values():
        mapping = body["mappings"]
        for path, definition in _leaves(mapping):
            if definition.get("type") in _TEXTS | {"alias"}:
                names[path] = None
            for name, sub_field in (definition.get("fields") or {}).items():
                if sub_field.get("type") in _TEXTS:
                    names[f"{path}.{name}"] = None
        names |= dict.fromkeys(_copies(mapping)) | dict.fromkeys(mapping.get("runtime") or {})
    return list(names)


def has_analysed_text(mappings: Mapping[str, Any]) -> bool:
    """True if a mapping has an analysed field, so that an unmapped name is likely to be a mistake."""
    leaves = (definition for body in mappings.values() for _, definition in _leaves(body["mappings"]))
    return any(definition.get("type") in _ANALYSED for definition in leaves)


def source_paths(fields: Sequence[ResolvedField]) -> tuple[str, ...]:
    """Return the paths in `_source` from which fields are read, each once.

    Raises:
        RequestError: the text of a field can't be read from there.
    """
    for field in fields:
        if field.fault:
            raise RequestError("text_fields", field.name, field.fault)
    return tuple(dict.fromkeys(path for field in fields for path in field.sources))
