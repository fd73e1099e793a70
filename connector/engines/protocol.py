"""What every engine's dialect must provide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from connector.request.base_types import QueryVector
from connector.request.leaf_retrievers import Knn, Standard
from connector.request.retrievers import Linear, Rrf


@dataclass(frozen=True)
class NativeFusion:
    """A fusion that the cluster computes itself.

    Attributes:
        kind: what the cluster must support, such as "rrf with weights".
        body: the search body, without size and page options.
        window: how many of its hits count.
        scale: multiplies the cluster's scores.
    """

    kind: str
    body: Mapping[str, Any]
    window: int
    scale: float = 1.0


class Dialect(Protocol):
    """How one engine writes the searches and mappings that all engines understand.

    Attributes:
        name: the engine's name, and its folder in `mappings/`.
        has_retrievers: the cluster knows `retriever`, so a search that needs nothing from the connector is passed on.
        counts_k_globally: a vector leg's body counts `k` over all shards. If not, the connector cuts the leg, and
            what depends on its hits (a rescorer, the union of the legs) is requested by their ids.
        needs_mappings: the body of a vector leg depends on the mapping of its field.
        keeps_lengths: vectors are normalised when they are searched, not before they are stored, so the scores of
            vectors in the same direction differ in their last digits.
        dims_option: what a vector field's mapping calls its dimensions.
        search_options: what is added to every search body.
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

        Args:
            leg: the leg.
            vector: the query vector; None leaves the embedding to the cluster, by the leg's query_vector_builder.
            filters: the filters that apply to the leg.
            mappings: of the searched indices, by index, as far as they are known.
        """

    def union_body(self, legs: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Write a search body that matches whatever any leg matches, for counts and aggregations."""

    def native_fusion(self, fusion: Rrf | Linear, legs: Sequence[Mapping[str, Any]], /) -> NativeFusion | None:
        """Write a fusion of the legs' searches for the cluster to compute; None if it can't express it."""

    def vector_length(self, mapping: Mapping[str, Any]) -> int | None:
        """Return how many numbers a query vector for a field has, from its mapping; None if that is unknown."""

    def vector_dims(self, mapping: dict[str, Any]) -> int | None:
        """Return the dimensions of a field from its mapping; None if it is not a vector field (0: not known yet)."""

    def why_unsearchable(self, mapping: Mapping[str, Any]) -> str | None:
        """Return why an encoder's vector, which holds floats, can't search a vector field; None if it can."""
