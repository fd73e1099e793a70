"""What an engine's dialect has to say. Comes in from `plan` and `indexing`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from connector.leaf_retrievers import Knn, Standard


class Dialect(Protocol):
    """How one engine writes the searches and mappings that all engines understand."""

    name: str

    def lexical_body(self, leg: Standard, filters: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Write a lexical leg as a search body, without size and page options."""

    def vector_body(
        self, leg: Knn, vector: Sequence[float] | None, filters: Sequence[dict[str, Any]]
    ) -> dict[str, Any]:
        """Write a vector leg as a search body that counts `k` over all shards, without size and page options.

        `vector` None leaves the embedding to the cluster, as the leg's query_vector_builder says.
        """

    def union_body(self, legs: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Write a search body that matches what any of the legs' bodies matches, to count and to aggregate over."""

    def vector_dims(self, mapping: dict[str, Any]) -> int | None:
        """Give the dimensions of a field from its mapping; None when it is no vector field (0: not known yet)."""
