"""Queries that contain queries: `bool`, `dis_max` and `constant_score`."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from connector.embedded.failures import ShardError
from connector.embedded.queries.minimum import minimum_should_match
from connector.embedded.queries.queries import MatchAll, Query, Scored, constant, nothing
from connector.embedded.storage.index import Index

MAX_CLAUSES = 16_384
"""The limit of a node with a heap of 512 MiB on two cores."""


def _check_count(clauses: int) -> None:
    if clauses > MAX_CLAUSES:
        raise ShardError(f"Query contains too many nested clauses; maxClauseCount is set to {MAX_CLAUSES}")


@dataclass(frozen=True)
class DisMax:
    """Scores the best clause's score plus `tie_breaker` times the others'."""

    queries: list[Query]
    tie_breaker: float = 0.0
    boost: float = 1.0

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        _check_count(len(self.queries))
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
    """Matches what a filter matches; the score is the boost."""

    filter: Query
    boost: float = 1.0

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        return constant(self.filter.evaluate(index, 1.0)[0], self.boost * boost)


@dataclass(frozen=True)
class Bool:
    """Clauses that must, should or must not match; the scores of must and should are summed in float64."""

    must: list[Query] = field(default_factory=list)
    should: list[Query] = field(default_factory=list)
    filter: list[Query] = field(default_factory=list)
    must_not: list[Query] = field(default_factory=list)
    minimum: str | None = None
    boost: float = 1.0

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        boost *= self.boost
        _check_count(len(self.must) + len(self.should) + len(self.filter) + len(self.must_not))
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
