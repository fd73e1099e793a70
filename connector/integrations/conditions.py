"""Turns other frameworks' filters, with their operators and conditions, into queries of Elasticsearch's DSL. No I/O.

Each comparison is checked against the mapping by `filters.query_on`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.errors import RequestError
from connector.facade.filters import query_on

_BOUNDS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_OPERATORS = ("==", "!=", *_BOUNDS, "in", "not in", "all", "match")


def comparison(field: str, operator: str, value: Any, mappings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the query of a comparison.

    Args:
        field: the field's path in the source.
        operator: ==, !=, >, >=, <, <=, in, not in, all (the field has every value) or match (full text).
        value: the value to compare with. With ==, the field must have every value of a list. None stands for a field
            without a value, which is neither greater nor less than anything. An empty list matches nothing under `in`.
        mappings: as for `filters.as_queries`.

    Raises:
        RequestError: the operator is unknown, or the field or value does not suit it.
    """
    path = f"filter.{field}"
    if operator == "!=":
        return none_of([comparison(field, "==", value, mappings)])
    if operator == "not in":
        return none_of([comparison(field, "in", value, mappings)])
    if operator in ("in", "all") and not isinstance(value, list | tuple | set | frozenset):
        raise RequestError(path, value, f"must be a list under the operator {operator!r}")
    if operator == "in":
        return _in(field, list(value), mappings)
    if operator in _BOUNDS and value is None:
        return _in(field, [], mappings)
    if operator in _BOUNDS:
        return query_on(field, {_BOUNDS[operator]: value}, mappings)
    if operator == "all" or (operator == "==" and isinstance(value, list | tuple | set | frozenset)):
        return all_of([query_on(field, each, mappings) for each in value]) if value else query_on(field, None, mappings)
    if operator == "==":
        if isinstance(value, Mapping):
            raise RequestError(path, value, "must be a value, not an object")
        return query_on(field, value, mappings)
    if operator == "match":
        return {"match": {field: {"query": value, "operator": "and"}}}
    raise RequestError(f"{path}.operator", operator, f"must be one of {', '.join(_OPERATORS)}")


def _in(field: str, values: list[Any], mappings: Mapping[str, Any]) -> dict[str, Any]:
    """Match a field that has one of the values; None stands for a field without a value."""
    missing = query_on(field, None, mappings)  # even if it is not used: it checks the field
    present = [value for value in values if value is not None]
    parts = [query_on(field, present, mappings)] if present else []
    return any_of([*parts, missing]) if len(present) < len(values) else any_of(parts)


def all_of(queries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Match what every query matches."""
    return {"bool": {"filter": list(queries)}}


def any_of(queries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Match what any query matches; without queries, match nothing."""
    return {"bool": {"should": list(queries), "minimum_should_match": 1}} if queries else {"match_none": {}}


def none_of(queries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Match what no query matches."""
    return {"bool": {"must_not": list(queries)}}
