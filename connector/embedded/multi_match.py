"""`multi_match` over best_fields or most_fields: a dis_max of one `match` a field."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from connector.embedded.index import Index
from connector.embedded.queries import DisMax, Match, Query, Scored, nothing


@dataclass(frozen=True)
class MultiMatch:
    """`match` is the query for every field; `fields` gives each path (or pattern with *) its boost."""

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
            for path, held in index.mapping.fields.items()
            if held.type != "dense_vector" and fnmatchcase(path, literal)
        ]
