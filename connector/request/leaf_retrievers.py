"""The leaves of Elastic's retriever tree: `standard` and `knn`. Pure."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field, model_validator

from connector.request.base_types import InnerHits, Named, QueryVectorBuilder, Vector, WindowSize
from connector.request.lenient_values import MAX_INT, Number, Whole


class Standard(Named):
    """A lexical leg: any query of Elasticsearch's DSL."""

    query: dict[str, Any] | None = None
    sort: Any = None
    terminate_after: Whole | None = Field(None, ge=0, le=MAX_INT)
    collapse: dict[str, Any] | None = None


class Knn(Named):
    """A vector leg: the `k` nearest of `num_candidates` per shard.

    Extension of Elastic's syntax: `inner_hits`, as in the `knn` section of a search, if the field is in nested objects;
    the score of a hit is that of its nearest object.
    """

    field: Annotated[str, Field(min_length=1)]
    query_vector: Vector | None = None
    query_vector_builder: QueryVectorBuilder | None = None
    k: WindowSize
    num_candidates: Whole | None = Field(None, ge=1, le=10_000)
    similarity: Number | None = Field(None, allow_inf_nan=False)
    rescore_vector: dict[str, Any] | None = None
    visit_percentage: Number | None = Field(None, ge=0, le=100)
    inner_hits: InnerHits | None = None

    @model_validator(mode="after")
    def _check(self) -> Knn:
        if (self.query_vector is None) == (self.query_vector_builder is None):
            raise ValueError("give either query_vector or query_vector_builder")
        if self.num_candidates is not None and self.k > self.num_candidates:
            raise ValueError(f"k ({self.k}) must not be more than num_candidates ({self.num_candidates})")
        if self.inner_hits is not None and not self.nested_path:
            raise ValueError(f'inner_hits need a field in nested objects, as "passages.vector", not {self.field!r}')
        return self

    @property
    def nested_path(self) -> str:
        """The path of the objects that hold the vectors: the field's without its last part."""
        return self.field.rpartition(".")[0]

    @property
    def candidates(self) -> int:
        """`num_candidates`, or Elasticsearch's default of 1.5 k, at most 10,000."""
        return self.num_candidates or max(self.k, min(math.ceil(1.5 * self.k), 10_000))
