"""One search in progress: what all of its stages read and fill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from time import monotonic
from typing import Any

from connector.engines import Dialect
from connector.errors import RequestError
from connector.models.stopping import Stop
from connector.request.base_types import QueryVector
from connector.request.leaf_retrievers import Knn
from connector.request.retrievers import TextSimilarityReranker
from connector.request.search_request import SearchRequest
from connector.search.margin import MARGIN
from connector.search.plan import Plan
from connector.search.provenance import Provenance
from connector.search.ranking import Key, Ranking


def check_budget(budget_ms: object) -> None:
    """Refuse a budget that is not a positive number of milliseconds.

    Raises:
        RequestError: it is none.
    """
    is_number = isinstance(budget_ms, int | float) and not isinstance(budget_ms, bool)
    if budget_ms is not None and not (is_number and 0 < budget_ms < inf):  # type: ignore[operator]
        raise RequestError("budget_ms", budget_ms, "must be a number of milliseconds above 0, or None for no limit")


@dataclass(frozen=True)
class Started:
    """When a search began, in seconds of `time.monotonic`, and how many milliseconds it may take by default."""

    at_s: float = field(default_factory=monotonic)
    budget_ms: float | None = None


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
        started: when the search began, and its budget.
        hits: what the cluster returned of each hit; filled by the legs, completed by later stages.
    """

    request: SearchRequest
    plan: Plan
    dialect: Dialect
    vectors: Mapping[int, QueryVector]
    mappings: Mapping[str, Any]
    provenance: Provenance
    started: Started
    hits: dict[Key, Mapping[str, Any]] = field(default_factory=dict)

    def budget_of(self, retriever: TextSimilarityReranker) -> float | None:
        """Return the milliseconds that the search may take; None if it may take any time."""
        return retriever.budget_ms or self.started.budget_ms

    def stop_of(self, retriever: TextSimilarityReranker) -> Stop:
        """Return when a reranker must stop, so that the search is done within its budget."""
        budget_ms = self.budget_of(retriever)
        if budget_ms is None:
            return Stop()
        rest_ms = self.round_trips_ms + MARGIN.of(budget_ms)
        return Stop(self.started.at_s + (budget_ms - rest_ms) / 1000)

    @property
    def round_trips_ms(self) -> float:
        """How many milliseconds the round trips after the reranker will take, if each takes as long as retrieval."""
        follow = (not self.plan.carries_page) + (self.request.post_filter is not None)
        return follow * self.provenance.took_ms.get("retrieve", 0.0)

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
