"""The one resolution of text-field names: what the cluster searches, and where `_source` holds the text. Pure.

A name may be that of a sub-field (`title.english`), of an alias field or of a `copy_to` target, none of which `_source`
has: its text is then that of the fields behind it. A boost (`title^3`) counts for the cluster's search alone.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connector.documents.paths import along
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
_NEAR, _TYPO = 0.6, 0.8
_SHOWN = 10


@dataclass(frozen=True)
class TextField:
    """A text field as a user names it: its path, and the boost behind it as it was written ("^3"), or ""."""

    name: str
    boost: str = ""


@dataclass(frozen=True)
class Resolved:
    """Where the text of a field is.

    Attributes:
        name: the field's path, as it was asked for.
        boost: as in `TextField`.
        is_mapped: whether a mapping has it; it counts as mapped where no mapping could be read.
        may_come: no mapping has it, and documents may hold it all the same.
        sources: the paths in `_source` that hold the text; the name itself where it is not mapped.
        copied: those of them that are copied to the field by the cluster (`copy_to`).
        fault: why its text can't be read from `_source`, or "".
    """

    name: str
    boost: str = ""
    is_mapped: bool = True
    may_come: bool = False
    sources: tuple[str, ...] = ()
    copied: tuple[str, ...] = ()
    fault: str = ""

    @property
    def shown(self) -> tuple[str, ...]:
        """The fields that a hit's `fields` hold the text under, each text once; a target also has its copies."""
        return (self.name,) if self.fault else self.copied or self.sources


def named(names: object, path: str = "text_fields") -> tuple[TextField, ...]:
    """Read the names of text fields as users give them.

    Raises:
        RequestError: it is no list of names, a boost is no number, or a name is a pattern.
    """
    if isinstance(names, str) or not isinstance(names, Sequence) or not names:
        shown = f'["{names}"]' if isinstance(names, str) and names else '["title", "body"]'
        raise RequestError(path, names, f"must be a list of field names, as {shown}")
    return tuple(dict.fromkeys(_field(name, path) for name in names))


def _field(name: object, path: str) -> TextField:
    if not isinstance(name, str) or not name:
        raise RequestError(path, name, 'must be a list of field names, as ["title", "body"]')
    field, mark, boost = name.partition("^")
    if "*" in field:
        raise RequestError(
            path, name, "is a pattern, and encoder and reranker read fields in a fixed order; name each field"
        )
    if mark and (not field or not _is_boost(boost)):
        raise RequestError(path, name, 'must be a field name, with a number behind ^ where it has a boost: "title^3"')
    return TextField(field, mark + boost)


def _is_boost(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and float(text) >= 0
    except ValueError:
        return False


def resolved(mappings: Mapping[str, Any], fields: Sequence[TextField]) -> list[Resolved]:
    """Find out where the texts of fields are.

    Args:
        mappings: Elasticsearch's `GET INDEX/_mapping`, by index; {} where it can't be read, and names are then taken
            as they are.
        fields: as `named` gives them.
    """
    return [_over_all(mappings, field) for field in fields]


def _over_all(mappings: Mapping[str, Any], field: TextField) -> Resolved:
    by_index = {index: resolved_in(body["mappings"], field) for index, body in mappings.items()}
    known = {index: each for index, each in by_index.items() if each.is_mapped}
    if not known:
        may_come = any(each.may_come for each in by_index.values())
        return Resolved(field.name, field.boost, not mappings, may_come, (field.name,))
    (first, one), *others = known.items()
    for index, other in others:
        if other != one:
            both = f"{first!r} ({_behind(one)}) and {index!r} ({_behind(other)})"
            return Resolved(field.name, field.boost, fault=f"is not the same in {both}; name fields that are")
    return one


def _behind(field: Resolved) -> str:
    return field.fault or f"text of {', '.join(field.sources)}"


def resolved_in(mapping: Mapping[str, Any], field: TextField) -> Resolved:
    """Find out where one mapping has the text of a field."""
    name, boost = field.name, field.boost
    way = along(mapping, name)
    leaf = next((found for found in way if not _is_object(found[1])), None)
    copies = _copies(mapping)
    if leaf is None:
        if way and way[-1][0] == name:
            return Resolved(name, boost, sources=(name,))
        if name in copies:  # a target that is mapped with the first document
            return Resolved(name, boost, sources=(*copies[name], name), copied=copies[name])
        found = _computed(mapping, name, boost) or _passed_through(mapping, field)
        return found or Resolved(name, boost, False, _is_open(mapping, way), (name,))
    path, definition = leaf
    kind = str(definition.get("type"))
    if kind == "alias":
        behind = resolved_in(mapping, TextField(str(definition.get("path"))))
        return Resolved(name, boost, sources=behind.sources, copied=behind.copied, fault=behind.fault)
    if kind in _KEYED:
        return Resolved(name, boost, sources=(name,))
    if way[-1][0] != name:  # below a field there is nothing but its sub-fields
        return _computed(mapping, name, boost) or Resolved(name, boost, False, False, (name,))
    if kind in _NO_TEXT:
        return Resolved(name, boost, fault=f"is a {kind} field, which holds no text; name a text field")
    copied = copies.get(path, ())
    return Resolved(name, boost, sources=(*copied, path), copied=copied)


def _is_object(definition: Mapping[str, Any]) -> bool:
    return definition.get("type") in _OBJECTS


def _copies(mapping: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the fields that are copied to each `copy_to` target, in the mapping's order."""
    found: dict[str, list[str]] = {}
    for path, definition in _leaves(mapping, ""):
        targets = definition.get("copy_to", ())
        for target in [targets] if isinstance(targets, str) else targets:
            found.setdefault(target, []).append(path)
    return {target: tuple(paths) for target, paths in found.items()}


def _computed(mapping: Mapping[str, Any], name: str, boost: str) -> Resolved | None:
    """Resolve a runtime field, which is read from `_source` where no script computes it; None: there is none."""
    runtime = mapping.get("runtime") or {}
    found = next((runtime[head] for head in _heads(name) if head in runtime), None)
    if found is None:
        return None
    if "script" in found or found.get("type") in ("composite", "lookup"):
        fault = "is a runtime field, which is computed and not in _source; name the fields that it is made of"
        return Resolved(name, boost, fault=fault)
    return Resolved(name, boost, sources=(name,))


def _passed_through(mapping: Mapping[str, Any], field: TextField) -> Resolved | None:
    """Resolve a field of a `passthrough` object, which is also called by its own name; None: there is none."""
    for above, definition in (mapping.get("properties") or {}).items():
        if definition.get("type") == "passthrough":
            below = resolved_in(definition, field)
            if below.is_mapped:
                sources, copied = (tuple(f"{above}.{path}" for path in each) for each in (below.sources, below.copied))
                return replace(below, sources=sources, copied=copied)
    return None


def _heads(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.rpartition(".")[0]


def _is_open(mapping: Mapping[str, Any], way: Sequence[tuple[str, Mapping[str, Any]]]) -> bool:
    """True if documents may hold an unmapped field there."""
    dynamic = mapping.get("dynamic", True)
    for _, definition in way:
        if str(definition.get("enabled", True)).lower() == "false":
            return True
        dynamic = definition.get("dynamic", dynamic)
    return str(dynamic).lower() != "strict"


def _leaves(mapping: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, definition in (mapping.get("properties") or {}).items():
        path = f"{prefix}{name}"
        if _is_object(definition):
            yield from _leaves(definition, f"{path}.")
        else:
            yield path, definition


def text_names(mappings: Mapping[str, Any]) -> list[str]:
    """Return the fields of mappings that are searched as text: aliases and sub-fields too."""
    names: dict[str, None] = {}
    for body in mappings.values():
        mapping = body["mappings"]
        for path, definition in _leaves(mapping, ""):
            if definition.get("type") in _TEXTS | {"alias"}:
                names[path] = None
            for name, below in (definition.get("fields") or {}).items():
                if below.get("type") in _TEXTS:
                    names[f"{path}.{name}"] = None
        names |= dict.fromkeys(_copies(mapping)) | dict.fromkeys(mapping.get("runtime") or {})
    return list(names)


def has_analysed_text(mappings: Mapping[str, Any]) -> bool:
    """True if a mapping has an analysed field, so that the names of such fields are known."""
    leaves = (definition for body in mappings.values() for _, definition in _leaves(body["mappings"], ""))
    return any(definition.get("type") in _ANALYSED for definition in leaves)


def nearest(name: str, there: Collection[str]) -> str:
    """Say which names could be meant, of those that there are."""
    by_lower = {each.lower(): each for each in there}
    near = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=_NEAR)
    if near:
        return f"the nearest are {', '.join(by_lower[each] for each in near)}"
    shown = sorted(there)
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return f"there are {', '.join(shown[:_SHOWN])}{more}" if shown else "there are no text fields"


def is_misspelt(name: str, there: Collection[str], others: Collection[str]) -> bool:
    """True if a name differs by little from one that there is and that is not asked for, too."""
    free = {each.lower() for each in set(there) - set(others)}
    return bool(difflib.get_close_matches(name.lower(), free, n=1, cutoff=_TYPO))


def source_paths(fields: Sequence[Resolved]) -> tuple[str, ...]:
    """Return the paths in `_source` that fields are read from, each once.

    Raises:
        RequestError: the text of one can't be read from there.
    """
    for field in fields:
        if field.fault:
            raise RequestError("text_fields", field.name, field.fault)
    return tuple(dict.fromkeys(path for field in fields for path in field.sources))
