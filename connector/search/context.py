"""One search in progress: what all of its stages read and fill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.engines import Dialect
from connector.request.base_types import QueryVector
from connector.request.leaf_retrievers import Knn
from connector.request.search_request import SearchRequest
from connector.search.plan import Plan
from connector.search.provenance import Provenance
from connector.search.ranking import Key, Ranking


@dataclass(frozen=True)
class SearchContext:
    """One search in progress.

    Attributes:
        request: the search.
        plan: its legs and merge tree.
        dialect: the cluster's.
        vectors: the query vector of each leg whose text was embedded, by the leg's place.
        mappings: the mappings of the searched indices by index, as far as they are known.
        provenance: filled by every stage.
        hits: what the cluster returned of each hit; filled by the legs, completed by later stages.
    """

    request: SearchRequest
    plan: Plan
    dialect: Dialect
    vectors: Mapping[int, QueryVector]
    mappings: Mapping[str, Any]
    provenance: Provenance
    hits: dict[Key, Mapping[str, Any]] = field(default_factory=dict)

    def vector_of(self, place: int) -> QueryVector | None:
        """Return the query vector of a vector leg; None leaves the embedding to the cluster."""
        retriever = self.plan.legs[place].retriever
        return self.vectors.get(place, retriever.query_vector if isinstance(retriever, Knn) else None)

    def page(self, ranking: Ranking) -> list[Key]:
        """Return the hits of a ranking that the response shows."""
        return ranking.keys[self.request.offset : self.request.offset + self.request.size]

    def add_inner_hits(self, key: Key, name: str, inner_hits: Any) -> None:
        """Add inner hits to a hit under a name."""
        known = self.hits[key]
        self.hits[key] = {**known, "inner_hits": {**known.get("inner_hits", {}), name: inner_hits}}
