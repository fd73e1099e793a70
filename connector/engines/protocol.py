"""What an engine's dialect has to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from connector.request.base_types import QueryVector
from connector.request.leaf_retrievers import Knn, Standard
from connector.request.retrievers import Linear, Rrf


@dataclass(frozen=True)
class NativeFusion:
    """A fusion in the cluster's own words.

    Attributes:
        kind: what the cluster has to know for it, as "rrf with weights".
        body: the search body, without size and page options.
        window: how many hits of it count.
        scale: what the cluster's scores are to be multiplied by.
    """

    kind: str
    body: Mapping[str, Any]
    window: int
    scale: float = 1.0


class Dialect(Protocol):
    """How one engine writes the searches and mappings that all engines understand.

    Attributes:
        name: the engine, and the folder of its `mappings/`.
        has_retrievers: the cluster knows `retriever`, so that a search which needs nothing of ours is passed on.
        counts_k_globally: a vector leg's body counts `k` over all shards. Where it does not, the leg is cut here; what
            stands on its hits (a rescorer, the union of the legs) is then asked for by their ids.
        needs_mappings: a vector leg's body depends on its field's mapping.
        keeps_lengths: vectors are divided by their lengths while they are searched, not before they are stored, so that
            the scores of vectors of one direction differ in their last places.
        dims_option: what a vector field's mapping calls its dimensions.
        search_options: what every search body has beside.
    """

    name: str
    has_retrievers: bool
    counts_k_globally: bool
    needs_mappings: bool
    keeps_lengths: bool
    dims_option: str
    search_options: Mapping[str, Any]

    def lexical_body(self, leg: Standard, filters: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Write a lexical leg as a search body, without size and page options."""

    def vector_body(
        self,
        leg: Knn,
        vector: QueryVector | None,
        filters: Sequence[dict[str, Any]],
        mappings: Mapping[str, Any],
        /,
    ) -> dict[str, Any]:
        """Write a vector leg as a search body, without size and page options.

        `vector` None leaves the embedding to the cluster, as the leg's query_vector_builder says. `mappings` are those
        of the searched indices by index, as far as they are known.
        """

    def union_body(self, legs: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Write a search body that matches what any of the legs' bodies matches, to count and to aggregate over."""

    def native_fusion(self, fusion: Rrf | Linear, legs: Sequence[Mapping[str, Any]], /) -> NativeFusion | None:
        """Write a fusion of the legs' searches for the cluster to compute; None where it has no words for it."""

    def vector_length(self, mapping: Mapping[str, Any]) -> int | None:
        """Return how many numbers a query vector for a field has, by its mapping; None where that is not known."""

    def vector_dims(self, mapping: dict[str, Any]) -> int | None:
        """Return the dimensions of a field from its mapping; None when it is no vector field (0: not known yet)."""

    def why_unsearchable(self, mapping: Mapping[str, Any]) -> str | None:
        """Say why an encoder's vector, which is of floats, can't search a vector field; None where it can."""
