"""Query nodes: each answers an index with (mask, float32 scores) over its slots; `query_parser` makes them from JSON.

A score outside the mask is 0. Boosts multiply down to the leaves, as Lucene's BoostQuery does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from connector.embedded.analysis import analyze
from connector.embedded.columns import NumberColumn
from connector.embedded.failures import ShardError
from connector.embedded.index import Index
from connector.embedded.mapping import ANALYZERS, Field
from connector.embedded.minimum import minimum_should_match
from connector.embedded.postings import Floats, Mask, TermColumn
from connector.embedded.values import FLOATS, NUMBERS, FieldValueError, boolean_of, date_of, number_of, text_of

Scored = tuple[Mask, Floats]


class Query(Protocol):
    """What every node is."""

    def evaluate(self, index: Index, boost: float, /) -> Scored:
        """Which slots match, and how well."""
        ...  # pragma: no cover


def nothing(index: Index) -> Scored:
    """No document matches."""
    return np.zeros(len(index.ids), dtype=np.bool_), np.zeros(len(index.ids), dtype=np.float32)


def constant(mask: Mask, boost: float) -> Scored:
    """Every document of the mask scores the boost."""
    return mask, mask.astype(np.float32) * np.float32(boost)


@dataclass(frozen=True)
class MatchAll:
    """Every document, scoring its boost."""

    boost: float = 1.0

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        return constant(np.ones(len(index.ids), dtype=np.bool_), self.boost * boost)


@dataclass(frozen=True)
class MatchNone:
    """No document."""

    def evaluate(self, index: Index, _: float) -> Scored:
        """See `Query`."""
        return nothing(index)


@dataclass(frozen=True)
class Term:
    """Documents whose field holds exactly this value; BM25 on text, keyword and boolean, else the boost."""

    path: str
    value: Any
    boost: float = 1.0

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        boost *= self.boost
        if self.path in ("_id", "_index"):
            return constant(_metadata(index, self.path, [self.value]), boost)
        held = _searchable(index, self.path, "term")
        if held is None:
            return nothing(index)
        column = index.column(self.path)
        if isinstance(column, TermColumn) and held.is_indexed:
            return _term(index, column, _as_term(held, self.value), boost)
        return constant(_equal(index, held, [self.value]), boost)


@dataclass(frozen=True)
class Terms:
    """Documents whose field holds one of the values; all score the boost."""

    path: str
    values: list[Any]
    boost: float = 1.0

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        if self.path in ("_id", "_index"):
            return constant(_metadata(index, self.path, self.values), self.boost * boost)
        held = _searchable(index, self.path, "term")
        return nothing(index) if held is None else constant(_equal(index, held, self.values), self.boost * boost)


@dataclass(frozen=True)
class Range:
    """Documents with a value within the bounds (gt, gte, lt, lte); all score the boost."""

    path: str
    bounds: dict[str, Any]
    boost: float = 1.0

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        held = _searchable(index, self.path, "range")
        if held is None:
            return nothing(index)
        bounds = {name: _as_bound(held, name, bound) for name, bound in self.bounds.items()}
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
    """Documents with any value in a field, or in a field of an object."""

    path: str
    boost: float = 1.0

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        mask = np.full(len(index.ids), self.path in ("_id", "_index", "_source"))
        paths = [self.path]
        if self.path in index.mapping.objects:
            paths = [path for path in index.mapping.fields if path.startswith(f"{self.path}.")]
        for path in paths:
            column = index.column(path)
            if column is not None and (
                index.mapping.fields[path].type != "text" or index.mapping.fields[path].is_indexed
            ):
                mask |= column.present(len(index.ids))
        return constant(mask, self.boost * boost)


@dataclass(frozen=True)
class Ids:
    """Documents by id."""

    ids: list[str]
    boost: float = 1.0

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        return constant(_metadata(index, "_id", self.ids), self.boost * boost)


@dataclass(frozen=True)
class Match:
    """A field's analysed text: one clause a token, joined by `operator`."""

    path: str
    text: Any
    operator: str = "or"
    minimum: str | None = None
    boost: float = 1.0
    zero_terms: str = "none"
    analyzer: str | None = None
    lenient: bool = False

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        boost *= self.boost
        held = _searchable(index, self.path, "match")
        if held is None:
            return nothing(index)
        if held.type not in ("text", "keyword"):
            try:
                return Term(self.path, self.text).evaluate(index, boost)
            except ShardError:
                if self.lenient:
                    return nothing(index)
                raise
        if self.analyzer not in (None, *ANALYZERS):
            raise ShardError(f"[match] analyzer [{self.analyzer}] not found")
        own = held.search_analyzer if held.type == "text" else "keyword"
        tokens = [token.term for token in analyze(self.analyzer or own, text_of(self.text))]
        if not tokens:
            return MatchAll().evaluate(index, boost) if self.zero_terms == "all" else nothing(index)
        clauses: list[Query] = [Term(self.path, token) for token in tokens]
        if len(clauses) == 1:
            return clauses[0].evaluate(index, boost)
        if self.operator == "and":
            return Bool(must=clauses).evaluate(index, boost)
        return Bool(should=clauses, minimum=self.minimum).evaluate(index, boost)


@dataclass(frozen=True)
class DisMax:
    """The best clause's score plus `tie_breaker` times the others'."""

    queries: list[Query]
    tie_breaker: float = 0.0
    boost: float = 1.0

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        mask, best = nothing(index)
        total = np.zeros(len(mask), dtype=np.float64)
        for query in self.queries:
            matches, scores = query.evaluate(index, boost * self.boost)
            mask = mask | matches
            best = np.maximum(best, scores)
            total += scores
        return mask, (best + (total - best) * self.tie_breaker).astype(np.float32)


@dataclass(frozen=True)
class ConstantScore:
    """Documents of a filter, scoring the boost."""

    filter: Query
    boost: float = 1.0

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        return constant(self.filter.evaluate(index, 1.0)[0], self.boost * boost)


@dataclass(frozen=True)
class Bool:
    """Clauses that must, should, must not match; scores of must and should are summed in float64."""

    must: list[Query] = field(default_factory=list)
    should: list[Query] = field(default_factory=list)
    filter: list[Query] = field(default_factory=list)
    must_not: list[Query] = field(default_factory=list)
    minimum: str | None = None
    boost: float = 1.0

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        boost *= self.boost
        if not (self.must or self.should or self.filter or self.must_not):
            return MatchAll().evaluate(index, boost)
        mask = np.ones(len(index.ids), dtype=np.bool_)
        total = np.zeros(len(index.ids), dtype=np.float64)
        for query in self.must:
            matches, scores = query.evaluate(index, boost)
            mask &= matches
            total += scores
        for query in self.filter:
            mask &= query.evaluate(index, boost)[0]
        for query in self.must_not:
            mask &= ~query.evaluate(index, boost)[0]
        if self.should:
            counts = np.zeros(len(index.ids), dtype=np.int32)
            for query in self.should:
                matches, scores = query.evaluate(index, boost)
                counts += matches
                total += scores
            mask &= counts >= self._needed()
        elif self.minimum is not None and minimum_should_match(0, self.minimum) > 0:
            mask[:] = False
        return mask, np.where(mask, total, 0).astype(np.float32)

    def _needed(self) -> int:
        least = 0 if self.must or self.filter else 1
        return least if self.minimum is None else max(least, minimum_should_match(len(self.should), self.minimum))


def _term(index: Index, column: TermColumn, term: str, boost: float) -> Scored:
    mask, scores = nothing(index)
    slots, found = column.score(term, boost, index.live(), index.generation)
    mask[slots] = True
    scores[slots] = found
    return mask, scores


def _metadata(index: Index, path: str, values: list[Any]) -> Mask:
    if path == "_index":
        return np.full(len(index.ids), index.name in values)
    mask = np.zeros(len(index.ids), dtype=np.bool_)
    mask[[index.slots[str(value)] for value in values if str(value) in index.slots]] = True
    return mask


def _searchable(index: Index, path: str, kind: str) -> Field | None:
    held = index.mapping.fields.get(path)
    if held is None:
        return None
    if held.type == "dense_vector":
        raise ShardError(f"Field [{path}] of type [dense_vector] does not support {kind} queries")
    if held.type == "text" and not held.is_indexed:
        raise ShardError(f"Cannot search on field [{path}] since it is not indexed nor has doc values.")
    return held


def _equal(index: Index, held: Field, values: list[Any]) -> Mask:
    column = index.column(held.path)
    mask = np.zeros(len(index.ids), dtype=np.bool_)
    if held.type in ("text", "keyword", "boolean"):
        terms = {_as_term(held, value) for value in values}
        if isinstance(column, TermColumn):
            for term in terms:
                mask[column.postings(term)[0]] = True
        return mask
    numbers = [number for value in values for number in _as_numbers(held, value)]
    return column.equal(numbers, len(index.ids)) if isinstance(column, NumberColumn) else mask


def _as_term(held: Field, value: Any) -> str:
    if held.type != "boolean":
        return text_of(value)
    try:
        return boolean_of(value)
    except FieldValueError as fault:
        raise ShardError(f"Can't parse boolean value [{value}], expected [true] or [false]") from fault


def _as_numbers(held: Field, value: Any) -> list[int | float]:
    """The value as the column holds it; nothing when an integer field can't hold it."""
    if held.type == "date":
        return [_as_date(held, value)]
    if held.type in FLOATS:
        return [_as_number(held.type, value)]
    number = _as_number("double", value)
    if number != int(number):
        return []
    try:
        return [_as_number(held.type, value)]
    except ShardError:
        return []


def _as_number(kind: str, value: Any) -> int | float:
    try:
        return number_of(kind, value)
    except FieldValueError as fault:
        raise ShardError(fault.reason, "number_format_exception") from fault


def _as_date(held: Field, value: Any, *, round_up: bool = False) -> int:
    try:
        return date_of(held.date_format, value, round_up=round_up)
    except FieldValueError as fault:
        raise ShardError(
            f"{fault.reason}; the embedded engine does not support date math", "parse_exception"
        ) from fault


def _as_bound(held: Field, name: str, bound: Any) -> Any:
    if held.type == "date":
        return _as_date(held, bound, round_up=name in ("gt", "lte"))
    if held.type in NUMBERS:
        is_whole = isinstance(bound, int) or (isinstance(bound, str) and bound.strip().lstrip("+-").isdigit())
        return (
            int(bound)
            if is_whole and held.type not in FLOATS
            else _as_number(held.type if held.type in FLOATS else "double", bound)
        )
    return _as_term(held, bound)


def _within(name: str, term: str, bound: str) -> bool:
    compared = {"gt": term > bound, "gte": term >= bound, "lt": term < bound, "lte": term <= bound}
    return compared[name]
