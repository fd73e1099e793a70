"""The protocol of all query nodes: evaluated on an index, a node returns a mask and float32 scores over its slots.

The nodes are in `term_queries`, `match_queries`, `compound_queries` and `knn`; `query_parser` makes them from JSON. A
score outside the mask is 0. Boosts multiply down to the leaves, as in Lucene's BoostQuery.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from connector.embedded.analysis.postings import Floats, Mask
from connector.embedded.failures import ShardError
from connector.embedded.storage.index import Index
from connector.embedded.storage.mapping import Field

Scored = tuple[Mask, Floats]


class Query(Protocol):
    """A query node."""

    def evaluate(self, index: Index, boost: float, /) -> Scored:
        """Return which slots match, and their scores."""
        ...  # pragma: no cover


def nothing(index: Index) -> Scored:
    """Return a mask that matches no document, and its scores."""
    return np.zeros(len(index.ids), dtype=np.bool_), np.zeros(len(index.ids), dtype=np.float32)


def constant(mask: Mask, boost: float) -> Scored:
    """Return the mask, with the boost as the score of each document in it.

    Raises:
        ShardError: see `as_boost`.
    """
    return mask, mask.astype(np.float32) * as_boost(boost)


@dataclass(frozen=True)
class MatchAll:
    """Matches every document; the score is the boost."""

    boost: float = 1.0

    def evaluate(self, index: Index, boost: float) -> Scored:
        """See `Query`."""
        return constant(np.ones(len(index.ids), dtype=np.bool_), self.boost * boost)


@dataclass(frozen=True)
class MatchNone:
    """Matches no document."""

    def evaluate(self, index: Index, _: float) -> Scored:
        """See `Query`."""
        return nothing(index)


@dataclass(frozen=True)
class Unusable:
    """A query that parses, but that no index can run."""

    reason: str

    def evaluate(self, _: Index, __: float) -> Scored:
        """See `Query`."""
        raise ShardError(self.reason)


def as_boost(boost: float) -> np.float32:
    """Return a product of boosts as a factor of scores.

    Raises:
        ShardError: it is out of float32's range.
    """
    if not boost <= float(np.finfo(np.float32).max):
        raise ShardError("boost must be a positive float, got Infinity")
    factor: np.float32 = np.float32(boost)
    return factor


def searchable(index: Index, path: str, kind: str) -> Field | None:
    """Return the field that a query of this kind searches; None if the mapping has no such field.

    Raises:
        ShardError: the field exists but can't be searched in this way.
    """
    field = index.mapping.fields.get(path)
    if field is None:
        return None
    if field.type == "dense_vector":
        raise ShardError(f"Field [{path}] of type [dense_vector] does not support {kind} queries")
    if field.type == "text" and not field.is_indexed:
        raise ShardError(f"Cannot search on field [{path}] since it is not indexed nor has doc values.")
    return field
