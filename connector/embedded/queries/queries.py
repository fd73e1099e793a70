"""What every query node is: it answers an index with (mask, float32 scores) over its slots.

The nodes are in `term_queries`, `match_queries`, `compound_queries` and `knn`; `query_parser` makes them from JSON. A
score outside the mask is 0. Boosts multiply down to the leaves, as Lucene's BoostQuery does.
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
    """What every node is."""

    def evaluate(self, index: Index, boost: float, /) -> Scored:
        """Which slots match, and how well."""
        ...  # pragma: no cover


def nothing(index: Index) -> Scored:
    """No document matches."""
    return np.zeros(len(index.ids), dtype=np.bool_), np.zeros(len(index.ids), dtype=np.float32)


def constant(mask: Mask, boost: float) -> Scored:
    """Every document of the mask scores the boost.

    Raises:
        ShardError: see `as_boost`.
    """
    return mask, mask.astype(np.float32) * as_boost(boost)


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
class Unusable:
    """A query that parses, and that no index can run."""

    reason: str

    def evaluate(self, _: Index, __: float) -> Scored:
        """See `Query`."""
        raise ShardError(self.reason)


def as_boost(boost: float) -> np.float32:
    """A product of boosts as a score's factor.

    Raises:
        ShardError: it is beyond float32's range.
    """
    if not boost <= float(np.finfo(np.float32).max):
        raise ShardError("boost must be a positive float, got Infinity")
    factor: np.float32 = np.float32(boost)
    return factor


def searchable(index: Index, path: str, kind: str) -> Field | None:
    """The field that a query of this kind looks in; None when the mapping has no such field.

    Raises:
        ShardError: the field is there but can't be searched so.
    """
    held = index.mapping.fields.get(path)
    if held is None:
        return None
    if held.type == "dense_vector":
        raise ShardError(f"Field [{path}] of type [dense_vector] does not support {kind} queries")
    if held.type == "text" and not held.is_indexed:
        raise ShardError(f"Cannot search on field [{path}] since it is not indexed nor has doc values.")
    return held
