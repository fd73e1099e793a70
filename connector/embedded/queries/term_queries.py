"""Queries on whole values: `term`, `terms`, `range`, `exists` and `ids`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from connector.embedded.analysis.postings import Mask, TermColumn
from connector.embedded.failures import ShardError
from connector.embedded.queries.queries import Scored, as_boost, constant, nothing, searchable
from connector.embedded.scalars import as_double
from connector.embedded.storage.columns import NumberColumn
from connector.embedded.storage.index import Index
from connector.embedded.storage.mapping import Field
from connector.embedded.storage.values import FLOATS, NUMBERS, FieldValueError, boolean_of, date_of, number_of, text_of


@dataclass(frozen=True)
class Term:
    """Documents whose field has exactly this value; the score is BM25 on text, keyword and boolean, else the boost."""

    path: str
    value: Any
    boost: float = 1.0

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        boost *= self.boost
        if self.path in ("_id", "_index"):
            return constant(_metadata(index, self.path, [self.value]), boost)
        field = searchable(index, self.path, "term")
        if field is None:
            return nothing(index)
        column = index.column(self.path)
        if isinstance(column, TermColumn) and field.is_indexed:
            return _term(index, column, _as_term(field, self.value), boost)
        return constant(_equal(index, field, [self.value]), boost)


@dataclass(frozen=True)
class Terms:
    """Documents whose field has one of the values; the score is the boost."""

    path: str
    values: list[Any]
    boost: float = 1.0

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        if self.path in ("_id", "_index"):
            return constant(_metadata(index, self.path, self.values), self.boost * boost)
        field = searchable(index, self.path, "term")
        return nothing(index) if field is None else constant(_equal(index, field, self.values), self.boost * boost)


@dataclass(frozen=True)
class Range:
    """Documents with a value within the bounds (gt, gte, lt, lte); the score is the boost."""

    path: str
    bounds: dict[str, Any]
    boost: float = 1.0

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        field = searchable(index, self.path, "range")
        if field is None:
            return nothing(index)
        bounds = {name: _as_bound(field, name, bound) for name, bound in self.bounds.items()}
        column = index.column(self.path)
        mask = np.zeros(len(index.ids), dtype=np.bool_)
        if isinstance(column, NumberColumn):
            mask = column.between(bounds, len(index.ids))
        elif isinstance(column, TermColumn):
            for term in column.terms():
                if all(_within(name, term, bound) for name, bound in bounds.items()):
                    mask[column.postings(term)[0]] = True
        return constant(mask, self.boost * boost)


@dataclass(frozen=True)
class Exists:
    """Documents with any value in a field, or in any field of an object."""

    path: str
    boost: float = 1.0

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        mask = np.full(len(index.ids), self.path in ("_id", "_index", "_source"))
        paths = [self.path]
        if self.path in index.mapping.objects:
            paths = [path for path in index.mapping.fields if path.startswith(f"{self.path}.")]
        for path in paths:
            column = None if index.mapping.nested_above(path) else index.column(path)
            if column is not None and (
                index.mapping.fields[path].type != "text" or index.mapping.fields[path].is_indexed
            ):
                mask |= column.present(len(index.ids))
        return constant(mask, self.boost * boost)


@dataclass(frozen=True)
class Ids:
    """Documents with one of the ids."""

    ids: list[str]
    boost: float = 1.0

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        return constant(_metadata(index, "_id", self.ids), self.boost * boost)


def _term(index: Index, column: TermColumn, term: str, boost: float) -> Scored:
    mask, scores = nothing(index)
    slots, found = column.score(term, as_boost(boost), index.live(), index.generation)
    mask[slots] = True
    scores[slots] = found
    return mask, scores


def _metadata(index: Index, path: str, values: list[Any]) -> Mask:
    if path == "_index":
        return np.full(len(index.ids), index.name in values)
    mask = np.zeros(len(index.ids), dtype=np.bool_)
    mask[[index.slots[str(value)] for value in values if str(value) in index.slots]] = True
    return mask


def _equal(index: Index, field: Field, values: list[Any]) -> Mask:
    column = index.column(field.path)
    mask = np.zeros(len(index.ids), dtype=np.bool_)
    if field.type in ("text", "keyword", "boolean"):
        terms = {_as_term(field, value) for value in values}
        if isinstance(column, TermColumn):
            for term in terms:
                mask[column.postings(term)[0]] = True
        return mask
    numbers = [number for value in values for number in _as_numbers(field, value)]
    return column.equal(numbers, len(index.ids)) if isinstance(column, NumberColumn) else mask


def _as_term(field: Field, value: Any) -> str:
    if field.type != "boolean":
        return text_of(value)
    if value == "":
        raise ShardError("Can't parse boolean value [], expected [true] or [false]")
    try:
        return boolean_of(value)
    except FieldValueError as fault:
        raise ShardError(f"Can't parse boolean value [{value}], expected [true] or [false]") from fault


def _as_numbers(field: Field, value: Any) -> list[int | float]:
    """Return the values as the column stores them; none if an integer field can't hold the value."""
    if field.type == "date":
        return [_as_date(field, value)]
    if isinstance(value, (int, float)) and not np.isfinite(as_double(value)):
        return []
    if field.type in FLOATS:
        return [_as_number(field.type, value)]
    number = _as_number("double", value)
    if number != int(number):
        return []
    try:
        return [_as_number(field.type, value)]
    except ShardError:
        return []


def _as_number(kind: str, value: Any) -> int | float:
    try:
        return number_of(kind, value)
    except FieldValueError as fault:
        raise ShardError(fault.reason, "number_format_exception") from fault


def _as_date(field: Field, value: Any, *, round_up: bool = False) -> int:
    try:
        return date_of(field.date_format, value, round_up=round_up)
    except FieldValueError as fault:
        raise ShardError(
            f"{fault.reason}; the embedded engine does not support date math", "parse_exception"
        ) from fault


def _as_bound(field: Field, name: str, bound: Any) -> Any:
    if field.type == "date":
        return _as_date(field, bound, round_up=name in ("gt", "lte"))
    if isinstance(bound, bool) and field.type in NUMBERS:
        raise ShardError(f'For input string: "{str(bound).lower()}"', "number_format_exception")
    if field.type in NUMBERS and isinstance(bound, (int, float)) and not np.isfinite(as_double(bound)):
        return as_double(bound)
    if field.type in NUMBERS:
        is_whole = isinstance(bound, int) or (isinstance(bound, str) and bound.strip().lstrip("+-").isdigit())
        return (
            int(bound)
            if is_whole and field.type not in FLOATS
            else _as_number(field.type if field.type in FLOATS else "double", bound)
        )
    return _as_term(field, bound)


def _within(name: str, term: str, bound: str) -> bool:
    compared = {"gt": term > bound, "gte": term >= bound, "lt": term < bound, "lte": term <= bound}
    return compared[name]
