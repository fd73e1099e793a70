"""Queries on analysed text: `match`, and `multi_match` (best_fields or most_fields) as a dis_max of `match` queries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from connector.embedded.analysis.analysis import ANALYZERS, analyze
from connector.embedded.failures import ShardError
from connector.embedded.queries.compound_queries import Bool, DisMax
from connector.embedded.queries.queries import MatchAll, Query, Scored, nothing, searchable
from connector.embedded.queries.term_queries import Term
from connector.embedded.storage.index import Index
from connector.embedded.storage.values import text_of


@dataclass(frozen=True)
class Match:
    """Analysed text in a field: one clause per token, joined by `operator`."""

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
        field = searchable(index, self.path, "match")
        if field is None:
            return nothing(index)
        if field.type not in ("text", "keyword"):
            try:
                return Term(self.path, self.text).evaluate(index, boost)
            except ShardError:
                if self.lenient:
                    return nothing(index)
                raise
        if self.analyzer not in (None, *ANALYZERS):
            raise ShardError(f"[match] analyzer [{self.analyzer}] not found")
        own = field.search_analyzer if field.type == "text" else "keyword"
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
class MultiMatch:
    """A `match` query on several fields; `fields` maps each path, or pattern with *, to its boost."""

    fields: dict[str, float]
    match: Match
    tie_breaker: float
    boost: float = 1.0

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        boosts: dict[str, float] = {}
        for pattern, field_boost in self.fields.items():
            for path in self._paths(index, pattern):
                boosts[path] = boosts.get(path, 1.0) * field_boost
        queries: list[Query] = [replace(self.match, path=path, boost=one) for path, one in boosts.items()]
        return DisMax(queries, self.tie_breaker).evaluate(index, self.boost * boost) if queries else nothing(index)

    @staticmethod
    def _paths(index: Index, pattern: str) -> list[str]:
        if "*" not in pattern:
            return [pattern] if pattern in index.mapping.fields else []
        literal = pattern.replace("[", "[[]").replace("?", "[?]")
        return [
            path
            for path, field in index.mapping.fields.items()
            if field.type != "dense_vector" and fnmatchcase(path, literal)
        ]
