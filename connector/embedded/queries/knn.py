"""Exact nearest neighbours, with a mask as the filter and Elasticsearch's scores."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from connector.embedded.analysis.postings import Floats, Ints
from connector.embedded.failures import ShardError
from connector.embedded.queries.inner_hits import InnerHits
from connector.embedded.queries.queries import Query, Scored, as_boost, nothing
from connector.embedded.storage.columns import VectorColumn, normalize
from connector.embedded.storage.index import Index
from connector.embedded.storage.mapping import Field
from connector.embedded.storage.vectors import Metric, as_array, dims_of, fault, numbers_in

_WHOLE_ABOVE = 4


@dataclass(frozen=True)
class Knn:
    """The `k` documents nearest to a vector among those that match the filters.

    A query takes the k best of each index; the top-level `knn` takes the k best of all, from `neighbours`. How a
    `vector` in a string is read depends on the field's type. `similarity` is the least similarity (for l2_norm the
    greatest distance), not a score. A document counts with its nearest nested object.
    """

    path: str
    vector: list[float] | str
    k: int
    filters: list[Query] = field(default_factory=list)
    similarity: float | None = None
    boost: float = 1.0
    inner_hits: InnerHits | None = None

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        mask, scores = nothing(index)
        slots, found = self.neighbours(index, boost)
        mask[slots] = True
        scores[slots] = found
        return mask, scores

    def neighbours(self, index: Index, boost: float = 1.0) -> tuple[Ints, Floats]:
        """Return the slots and scores of the k nearest, best first; equal scores in the order of insertion."""
        empty = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        mapped = index.mapping.fields.get(self.path)
        if mapped is None:
            return empty
        if self.k < 1:
            raise ShardError(f"k must be at least 1, got: {self.k}")
        query = self._query_vector(mapped)
        column = index.column(self.path)
        if not isinstance(column, VectorColumn):
            return empty
        slots, matrix = column.vectors()
        allowed = index.live()
        for query_filter in self.filters:
            allowed = allowed & query_filter.evaluate(index, 1.0)[0]
        rows = np.flatnonzero(allowed[slots])
        metric = Metric.of(mapped, query)
        scores = _scores(metric, matrix, rows, query)
        if self.similarity is not None:
            threshold = metric.as_score(np.array(self.similarity, dtype=np.float32))
            near = scores >= threshold
            rows, scores = rows[near], scores[near]
        owners = slots[rows]
        if index.mapping.nested_above(self.path):
            owners, scores = _nearest_of_each(owners, scores)
        best = best_first(scores, self.k)
        return owners[best], scores[best] * as_boost(boost * self.boost)

    def objects(self, index: Index, slot: int) -> list[tuple[int, np.float32]]:
        """Return the offsets and scores of a document's nested objects that have a vector, nearest first."""
        mapped, column = index.mapping.fields.get(self.path), index.column(self.path)
        if mapped is None or not isinstance(column, VectorColumn):
            return []
        slots, matrix = column.vectors()
        rows = np.flatnonzero(slots == slot)
        query = self._query_vector(mapped)
        scores = _scores(Metric.of(mapped, query), matrix, rows, query)
        scores = scores * as_boost(self.boost)
        return [(int(column.offsets()[rows[at]]), scores[at]) for at in best_first(scores, len(scores))]

    def _query_vector(self, mapped: Field) -> Floats:
        if mapped.type != "dense_vector":
            raise ShardError("[knn] queries are only supported on [dense_vector] fields")
        if not mapped.is_indexed:
            raise ShardError(
                f"to perform knn search on field [{self.path}], its mapping must have [index] set to [true]"
            )
        numbers = numbers_in(self.vector, mapped, hex_floats=True) if isinstance(self.vector, str) else self.vector
        if numbers is None:
            raise ShardError("failed to parse field [query_vector]: it must be a valid base64 or hex string")
        given = dims_of(mapped, numbers)
        dims = mapped.parameters.get("dims", given)
        if given != dims:
            raise ShardError(
                f"The query vector has a different number of dimensions [{given}] than the document vectors [{dims}]."
            )
        vector = as_array(numbers)
        reason = fault(numbers, vector, mapped)
        if reason is not None:
            raise ShardError(reason)
        return normalize(vector[None])[0] if mapped.parameters["similarity"] == "cosine" else vector


def _nearest_of_each(owners: Ints, scores: Floats) -> tuple[Ints, Floats]:
    """Return each owner once, in order, with its best score."""
    found, place = np.unique(owners, return_inverse=True)
    best = np.full(len(found), -np.inf, dtype=np.float32)
    np.maximum.at(best, place, scores)
    return found, best


def best_first(scores: Floats, count: int) -> Ints:
    """Return the positions of the `count` highest scores, best first; equal scores by position."""
    if count <= 0:
        return np.zeros(0, dtype=np.int64)
    if count < len(scores):
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        candidates = np.flatnonzero(scores >= least)
    else:
        candidates = np.arange(len(scores))
    return candidates[np.argsort(-scores[candidates], kind="stable")][:count]


def _scores(metric: Metric, matrix: Floats, rows: Ints, query: Floats) -> Floats:
    """Return the scores of some rows; gathering rows is slower than the product, so for most rows it computes all."""
    if _WHOLE_ABOVE * len(rows) > len(matrix) > len(rows):
        return metric.scores(matrix, query)[rows]
    return metric.scores(matrix if len(rows) == len(matrix) else matrix[rows], query)
