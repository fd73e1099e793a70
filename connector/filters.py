"""Filters in a small typed form, checked against the mapping and written in Elasticsearch's DSL. Pure.

{"year": {"gte": 2020}, "lang": ["en", "de"], "draft": False, "retired": None} is: from 2020 on, English or German, no
draft, and without a value in `retired`. Comes in from `connector`.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeAlias

from connector.errors import RequestError
from connector.field_paths import nested_above

Filter: TypeAlias = (
    Mapping[str, Any] | Sequence[Mapping[str, Any]] | Callable[[Mapping[str, Any]], Sequence[dict[str, Any]]]
)

_BOUNDS = frozenset({"gt", "gte", "lt", "lte"})
_QUERIES = frozenset(
    {
        "bool", "boosting", "combined_fields", "constant_score", "dis_max", "distance_feature", "exists",
        "function_score", "fuzzy", "geo_bounding_box", "geo_distance", "geo_grid", "geo_polygon", "geo_shape",
        "has_child", "has_parent", "ids", "intervals", "knn", "match", "match_all", "match_bool_prefix",
        "match_none", "match_phrase", "match_phrase_prefix", "more_like_this", "multi_match", "nested", "parent_id",
        "percolate", "pinned", "prefix", "query_string", "range", "rank_feature", "regexp", "rule", "script",
        "script_score", "semantic", "shape", "simple_query_string", "span_containing", "span_first", "span_multi",
        "span_near", "span_not", "span_or", "span_term", "span_within", "sparse_vector", "term", "terms",
        "terms_set", "text_expansion", "weighted_tokens", "wildcard", "wrapper",
    }
)  # fmt: skip
_NUMBERS = frozenset(
    {"long", "integer", "short", "byte", "double", "float", "half_float", "scaled_float", "unsigned_long"}
)
_EXACT = _NUMBERS | {"keyword", "constant_keyword", "wildcard", "boolean", "date", "date_nanos", "ip", "version"}
_METADATA = frozenset({"_id", "_index"})
_ORDERED = _EXACT - {"boolean", "wildcard"}


def as_queries(filter: Filter | None, mappings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Write a filter as queries that every hit must match.

    Args:
        filter: queries of Elasticsearch's DSL, which stay as they are, or the typed form. A mapping with one key that
            is a query's name is a query. Or a function from the mappings to queries.
        mappings: Elasticsearch's `GET INDEX/_mapping`, by index; {} where it can't be read: fields are not checked.

    Raises:
        RequestError: a field is not mapped or is analysed text, or a value does not fit; it says what to use.
    """
    if filter is None:
        return []
    if callable(filter):
        return list(filter(mappings))
    parts = [filter] if isinstance(filter, Mapping) else filter
    if isinstance(parts, str) or not isinstance(parts, Sequence):
        raise RequestError("filter", filter, "must be a query, {field: value}, or a list of them")
    queries: list[dict[str, Any]] = []
    for part in parts:
        if not isinstance(part, Mapping) or not all(isinstance(name, str) for name in part):
            raise RequestError("filter", part, "must be a query, as {'term': {'lang': 'en'}}, or {field: value}")
        if len(part) == 1 and next(iter(part)) in _QUERIES:
            queries.append(dict(part))
        else:
            queries += [query_on(field, value, mappings) for field, value in part.items()]
    return queries


def query_on(field: str, value: Any, mappings: Mapping[str, Any]) -> dict[str, Any]:
    """Write the query of one field: a value, a list of values, bounds, or None. Raises: RequestError: see above."""
    paths = (nested_above(body["mappings"], field) for body in mappings.values())
    nested = next((path for path in paths if path is not None), None)
    asked = {"exists": {"field": field}} if value is None else _asked(field, value, _kinds(field, mappings))
    if value is None:
        _known(field, mappings)
    within = asked if nested is None else {"nested": {"path": nested, "query": asked}}
    return {"bool": {"must_not": [within]}} if value is None else within


def _asked(field: str, value: Any, kinds: set[str]) -> dict[str, Any]:
    path = f"filter.{field}"
    if isinstance(value, Mapping):
        if not value or value.keys() - _BOUNDS:
            raise RequestError(path, value, f"must have bounds of {', '.join(sorted(_BOUNDS))}, as {{'gte': 2020}}")
        _check_kinds(path, field, kinds, _ORDERED, "has no order; give a value or a list of values")
        return {"range": {field: {name: _checked(f"{path}.{name}", bound, kinds) for name, bound in value.items()}}}
    _check_kinds(path, field, kinds, _EXACT, "can't be matched exactly; write a query of Elasticsearch's DSL")
    if isinstance(value, list | tuple | set | frozenset):
        if not value:
            raise RequestError(path, value, "must have at least one value; leave the field out to let all through")
        return {"terms": {field: [_checked(path, each, kinds) for each in value]}}
    return {"term": {field: _checked(path, value, kinds)}}


def _known(field: str, mappings: Mapping[str, Any]) -> dict[str, set[str]]:
    """Give all fields' types over the indices, by path. Raises: RequestError: no index has this one."""
    fields: dict[str, set[str]] = {name: {"keyword"} for name in _METADATA}
    aliases: dict[str, str] = {}
    for body in mappings.values():
        for name, definition in _fields(body["mappings"].get("properties", {}), ""):
            fields.setdefault(name, set()).add(str(definition.get("type", "object")))
            if definition.get("type") == "alias":
                aliases[name] = definition["path"]
    for name, target in aliases.items():
        fields[name] = (fields[name] - {"alias"}) | fields.get(target, set())
    above = [field[:place] for place, letter in enumerate(field) if letter == "."]
    if field not in fields and any("flattened" in fields.get(each, ()) for each in above):
        fields[field] = {"keyword"}
    if mappings and field not in fields:
        near = difflib.get_close_matches(field, sorted(fields), n=3) or sorted(fields.keys() - _METADATA)
        raise RequestError(f"filter.{field}", field, f"is not mapped; there are {', '.join(near[:10])}")
    return fields


def _kinds(field: str, mappings: Mapping[str, Any]) -> set[str]:
    """Give the field's types over the indices. Raises: RequestError: no index has it, or it is text."""
    if not mappings:
        return set()
    path, fields = f"filter.{field}", _known(field, mappings)
    if "text" in fields[field] or "semantic_text" in fields[field]:
        exact = sorted(name for name, kinds in fields.items() if name.startswith(f"{field}.") and kinds & _EXACT)
        remedy = f"use {' or '.join(exact)}" if exact else "add a keyword sub-field to the mapping"
        raise RequestError(path, field, f"is analysed text, whose words are not its values; {remedy}")
    return fields[field]


def _fields(properties: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, field in properties.items():
        inner = {**field.get("properties", {}), **field.get("fields", {})}
        if "type" in field or not inner:
            yield f"{prefix}{name}", field
        yield from _fields(inner, f"{prefix}{name}.")


def _check_kinds(path: str, field: str, kinds: set[str], allowed: frozenset[str], remedy: str) -> None:
    if wrong := kinds - allowed:
        raise RequestError(path, field, f"is of type {', '.join(sorted(wrong))}, which {remedy}")


def _checked(path: str, value: Any, kinds: set[str]) -> Any:
    """Give a value as JSON has it, where it fits the field."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
        raise RequestError(path, value, "must be a text, a finite number, a boolean or a date")
    if kinds and kinds <= _NUMBERS and (isinstance(value, bool) or (isinstance(value, str) and not _is_number(value))):
        raise RequestError(path, value, f"must be a number: the field is of type {', '.join(sorted(kinds))}")
    if kinds == {"boolean"} and value not in (True, False, "true", "false"):
        raise RequestError(path, value, "must be true or false: the field is of type boolean")
    return value


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
