"""Filters in a small typed form, checked against the mapping and written in Elasticsearch's DSL. Pure.

{"year": {"gte": 2020}, "lang": ["en", "de"], "draft": False, "retired": None} means: from 2020 on, in English or
German, not a draft, and without a value in `retired`.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

import numpy as np

from connector.documents.mapped_fields import MappedField, mapped_fields
from connector.documents.paths import innermost_nested
from connector.errors import RequestError

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
_DATES = frozenset({"date", "date_nanos", "date_range"})
_RANGES = frozenset({"integer_range", "long_range", "float_range", "double_range", "date_range", "ip_range"})
_NUMERIC = _NUMBERS | (_RANGES - {"date_range", "ip_range"})
_FLATTENED = frozenset({"flattened", "flat_object"})
_TEXTS = frozenset({"text", "semantic_text", "match_only_text", "search_as_you_type", "annotated_text"})
_EXACT = (
    _NUMBERS
    | _RANGES
    | _FLATTENED
    | {"keyword", "constant_keyword", "wildcard", "boolean", "date", "date_nanos", "ip", "version"}
)
_METADATA = frozenset({"_id", "_index"})
_ORDERED = _EXACT - {"boolean", "wildcard"}
_ISO_8601 = "strict_date_optional_time"
_DATE_FORMAT = f"{_ISO_8601}||epoch_millis"
"""Elasticsearch's default, for mappings that name none."""


def as_queries(filter: Filter | None, mappings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Write a filter as queries that every hit must match.

    Args:
        filter: queries of Elasticsearch's DSL, which stay as they are; or the typed form; or a function from the
            mappings to queries. A mapping whose only key is a query's name is a query.
        mappings: Elasticsearch's `GET INDEX/_mapping`, by index; {} if it can't be read: fields are not checked.

    Raises:
        RequestError: a field is not mapped or is analysed text, or a value does not fit; the error names what to use.
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
    """Write the query of one field: a value, a list of values, bounds, or None.

    Raises:
        RequestError: as for `as_queries`.
    """
    found = _found(field, mappings)
    query = {"exists": {"field": field}} if value is None else _value_query(field, value, found, mappings)
    paths = (
        innermost_nested(body["mappings"], each.path)
        for body, each in zip(mappings.values(), found, strict=True)
        if each
    )
    nested = next((path for path in paths if path is not None), None)
    within = query if nested is None else {"nested": {"path": nested, "query": query}}
    return {"bool": {"must_not": [within]}} if value is None else within


def _found(field: str, mappings: Mapping[str, Any]) -> list[MappedField | None]:
    """Return the field in each index, None for an index without it.

    Raises:
        RequestError: no index has it.
    """
    if field in _METADATA:
        return [MappedField(field, {"type": "keyword"})] * len(mappings)
    known = [mapped_fields(body["mappings"]) for body in mappings.values()]
    found = [names.get(field) or _flattened(field, names) for names in known]
    if mappings and not any(found):
        every = {name for names in known for name in names}
        near = difflib.get_close_matches(field, sorted(every | _METADATA), n=3) or sorted(every)
        raise RequestError(f"filter.{field}", field, f"is not mapped; there are {', '.join(near[:10])}")
    return found


def _flattened(field: str, names: Mapping[str, MappedField]) -> MappedField | None:
    """Return a key of an object that is mapped as one field, whose values are all keywords."""
    above = (field[:place] for place, letter in enumerate(field) if letter == ".")
    holder = next((names[each] for each in above if each in names and names[each].kind in _FLATTENED), None)
    return None if holder is None else MappedField(holder.path, {"type": "keyword"})


def _value_query(
    field: str, value: Any, found: Sequence[MappedField | None], mappings: Mapping[str, Any]
) -> dict[str, Any]:
    path, kinds = f"filter.{field}", {each.kind for each in found if each is not None}
    _check_not_text(field, kinds, found, mappings)
    formats = _formats(found) if kinds and kinds <= _DATES else None
    if isinstance(value, Mapping):
        if not value or value.keys() - _BOUNDS:
            raise RequestError(path, value, f"must have bounds of {', '.join(sorted(_BOUNDS))}, as {{'gte': 2020}}")
        _check_kinds(path, field, kinds, _ORDERED, "has no order; give a value or a list of values")
        bounds = {name: _checked(f"{path}.{name}", bound, kinds) for name, bound in value.items()}
        return _range(field, bounds, formats if any(map(_is_date, value.values())) else None)
    _check_kinds(path, field, kinds, _EXACT, "can't be matched exactly; write a query of Elasticsearch's DSL")
    if isinstance(value, list | tuple | set | frozenset):
        if not value:
            raise RequestError(path, value, "must have at least one value; leave the field out to match everything")
        values = [_checked(path, each, kinds) for each in value]
        if formats is not None and any(map(_is_date, value)):
            return {"bool": {"should": [_range(field, {"gte": each, "lte": each}, formats) for each in values]}}
        return {"terms": {field: values}}
    checked = _checked(path, value, kinds)
    if formats is not None and _is_date(value):
        return _range(field, {"gte": checked, "lte": checked}, formats)
    return {"term": {field: checked}}


def _range(field: str, bounds: Mapping[str, Any], formats: str | None) -> dict[str, Any]:
    return {"range": {field: {**bounds, **({} if formats is None else {"format": formats})}}}


def _formats(found: Sequence[MappedField | None]) -> str | None:
    """Return the formats by which fields read bounds, with that of a Python date last; None if all have it already."""
    own = [str(each.definition.get("format", _DATE_FORMAT)).split("||") for each in found if each is not None]
    if all(_ISO_8601 in formats for formats in own):
        return None
    return "||".join(dict.fromkeys([each for formats in own for each in formats] + [_ISO_8601]))


def _is_date(value: Any) -> bool:
    return isinstance(value, date)


def _check_not_text(
    field: str, kinds: set[str], found: Sequence[MappedField | None], mappings: Mapping[str, Any]
) -> None:
    """Reject text, whose words are not its values, and name the sub-fields that are exact.

    Raises:
        RequestError: the field is analysed text.
    """
    if not kinds & _TEXTS:
        return
    exact = sorted(
        {
            name
            for body, each in zip(mappings.values(), found, strict=True)
            for name, other in mapped_fields(body["mappings"]).items()
            if each is not None and name.startswith(f"{each.path}.") and other.kind in _EXACT
        }
    )
    remedy = f"use {' or '.join(exact)}" if exact else "add a keyword sub-field to the mapping"
    raise RequestError(f"filter.{field}", field, f"is analysed text, whose words are not its values; {remedy}")


def _check_kinds(path: str, field: str, kinds: set[str], allowed: frozenset[str], remedy: str) -> None:
    if wrong := kinds - allowed:
        raise RequestError(path, field, f"is of type {', '.join(sorted(wrong))}, which {remedy}")


def _checked(path: str, value: Any, kinds: set[str]) -> Any:
    """Return a value as JSON has it, after checking that it fits the field."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
        raise RequestError(path, value, "must be a text, a finite number, a boolean or a date")
    if kinds and kinds <= _NUMERIC and (isinstance(value, bool) or (isinstance(value, str) and not _is_number(value))):
        raise RequestError(path, value, f"must be a number: the field is of type {', '.join(sorted(kinds))}")
    if kinds == {"boolean"} and not isinstance(value, bool) and value not in ("true", "false"):
        raise RequestError(path, value, "must be true or false: the field is of type boolean")
    return value


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
