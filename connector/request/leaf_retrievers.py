"""The leaves of Elastic's retriever tree, `standard` and `knn`, and what all its models share. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from connector.request.encoded_vectors import is_encoded
from connector.request.readings import MAX_INT, Listed, Number, Numbers, Whole, whole

MAX_WINDOW = 10_000
"""Elasticsearch's default `index.max_result_window`: no leg can return more hits."""

MAX_MODEL_TEXT = 32_768
"""The longest text in characters that a model is asked to read as a query: far more than any can."""

MAX_INNER_HITS = 100
"""Elasticsearch's default `index.max_inner_result_window`."""

Filter: TypeAlias = dict[str, Any] | list[dict[str, Any]] | None
QueryVector: TypeAlias = Sequence[float] | str
"""A vector's numbers, or its bytes as a text, which the cluster reads by the field's type."""
ModelText: TypeAlias = Annotated[str, Field(min_length=1, max_length=MAX_MODEL_TEXT)]
Window: TypeAlias = Annotated[Whole, Field(ge=1, le=MAX_WINDOW)]


def _encoded(text: str) -> str:
    if not is_encoded(text):
        raise ValueError("must be numbers, or their bytes as hex digits or in base64")
    return text


_Numbers: TypeAlias = Annotated[
    list[Annotated[float, Field(allow_inf_nan=False)]], Numbers, Listed, Field(min_length=1, max_length=4096)
]
Vector: TypeAlias = Annotated[
    Annotated[_Numbers, Tag("numbers")] | Annotated[str, AfterValidator(_encoded), Tag("text")],
    Discriminator(lambda value: "text" if isinstance(value, str) else "numbers"),
]
"""Zeros too: the cluster refuses them where the field's similarity does."""


def _named_inner_hits(options: dict[str, Any]) -> dict[str, Any]:
    sizes: dict[str, Any] = {key: whole(options[key]) for key in ("size", "from") if key in options}
    name = options.get("name", "_")
    if not isinstance(name, str) or not name:
        raise ValueError(f"name must be a text, not {name!r}")
    for key, value in sizes.items():
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_INNER_HITS:
            raise ValueError(f"{key} must be a whole number from 0 to {MAX_INNER_HITS}, not {value!r}")
    if not isinstance(options.get("fields"), list | None):
        raise ValueError(f"fields must be a list of fields, not {options['fields']!r}")
    return {**options, **sizes}


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
    min_score: Number | None = Field(None, allow_inf_nan=False)

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
    terminate_after: Whole | None = Field(None, ge=0, le=MAX_INT)
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
    num_candidates: Whole | None = Field(None, ge=1, le=10_000)
    similarity: Number | None = Field(None, allow_inf_nan=False)
    rescore_vector: dict[str, Any] | None = None
    visit_percentage: Number | None = Field(None, ge=0, le=100)
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
