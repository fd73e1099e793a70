"""The leaves of Elastic's retriever tree, `standard` and `knn`, and what all its models share. Pure.

Comes in from `retrievers`.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

MAX_WINDOW = 10_000
"""Elasticsearch's default `index.max_result_window`: no leg can return more hits."""

MAX_MODEL_TEXT = 32_768
"""The longest text in characters that a model is asked to read as a query: far more than any can."""

MAX_INNER_HITS = 100
"""Elasticsearch's default `index.max_inner_result_window`."""

Filter: TypeAlias = dict[str, Any] | list[dict[str, Any]] | None
ModelText: TypeAlias = Annotated[str, Field(min_length=1, max_length=MAX_MODEL_TEXT)]
Window: TypeAlias = Annotated[int, Field(ge=1, le=MAX_WINDOW)]


def _not_zero(vector: list[float]) -> list[float]:
    if not any(vector):
        raise ValueError("must have a magnitude: give at least one number that is not 0")
    return vector


Vector: TypeAlias = Annotated[
    list[Annotated[float, Field(allow_inf_nan=False)]], Field(min_length=1, max_length=4096), AfterValidator(_not_zero)
]


def _named_inner_hits(options: dict[str, Any]) -> dict[str, Any]:
    name, size, start = options.get("name", "_"), options.get("size", 3), options.get("from", 0)
    if not isinstance(name, str) or not name:
        raise ValueError(f"name must be a text, not {name!r}")
    for key, value in (("size", size), ("from", start)):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_INNER_HITS:
            raise ValueError(f"{key} must be a whole number from 0 to {MAX_INNER_HITS}, not {value!r}")
    return options


InnerHits: TypeAlias = Annotated[dict[str, Any], AfterValidator(_named_inner_hits)]


class Strict(BaseModel):
    """A model that takes what it names, as it is."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TextEmbedding(Strict):
    """The text of a kNN query, embedded by a model of ours when `model_id` is absent or registered with the client."""

    model_text: ModelText
    model_id: str | None = None


class QueryVectorBuilder(Strict):
    """How a query vector is made."""

    text_embedding: TextEmbedding


class Named(Strict):
    """What every retriever may have."""

    filter: Filter = None
    name: str | None = Field(None, alias="_name", min_length=1)
    min_score: float | None = Field(None, allow_inf_nan=False)

    @property
    def filters(self) -> list[dict[str, Any]]:
        """The filter as a list of queries, empty when there is none."""
        if self.filter is None:
            return []
        return [self.filter] if isinstance(self.filter, dict) else self.filter


class Standard(Named):
    """A lexical leg: any query of Elasticsearch's DSL."""

    query: dict[str, Any] | None = None
    sort: Any = None
    terminate_after: int | None = Field(None, ge=0)
    collapse: dict[str, Any] | None = None


class Knn(Named):
    """A vector leg: the `k` nearest of `num_candidates` on each shard.

    Beyond Elastic's: `inner_hits`, as the `knn` section of a search has them, where the field is in nested objects; a
    hit's score is its nearest object's.
    """

    field: Annotated[str, Field(min_length=1)]
    query_vector: Vector | None = None
    query_vector_builder: QueryVectorBuilder | None = None
    k: Window
    num_candidates: int | None = Field(None, ge=1, le=10_000)
    similarity: float | None = Field(None, allow_inf_nan=False)
    rescore_vector: dict[str, Any] | None = None
    visit_percentage: float | None = Field(None, ge=0, le=100)
    inner_hits: InnerHits | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Knn:
        if (self.query_vector is None) == (self.query_vector_builder is None):
            raise ValueError("give either query_vector or query_vector_builder")
        if self.num_candidates is not None and self.k > self.num_candidates:
            raise ValueError(f"k ({self.k}) must not be more than num_candidates ({self.num_candidates})")
        if self.inner_hits is not None and not self.nested_path:
            raise ValueError(f'inner_hits need a field in nested objects, as "passages.vector", not {self.field!r}')
        return self

    @property
    def nested_path(self) -> str:
        """The path of the objects that hold the vectors: the field's, less its last part."""
        return self.field.rpartition(".")[0]

    @property
    def candidates(self) -> int:
        """`num_candidates`, or Elasticsearch's default of 1.5 k, at most 10,000."""
        return self.num_candidates or max(self.k, min(math.ceil(1.5 * self.k), 10_000))
