"""Elastic's retriever tree as pydantic models: names, defaults and limits are Elastic's. Pure; comes in from `plan`.

Only trees that this package runs are parsed here. Whatever is wrong gives one `RequestError` naming path, value and
what is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

MAX_DEPTH = 20
"""How deep retrievers may be nested in one another."""

MAX_WINDOW = 10_000
"""Elasticsearch's default `index.max_result_window`: no leg can return more hits."""

MAX_MODEL_TEXT = 32_768
"""The longest text in characters that a model is asked to read as a query: far more than any can."""

Filter: TypeAlias = dict[str, Any] | list[dict[str, Any]] | None
ModelText: TypeAlias = Annotated[str, Field(min_length=1, max_length=MAX_MODEL_TEXT)]
Normalizer: TypeAlias = Literal["none", "minmax", "l2_norm", "zscore", "dbsf"]
ScoreMode: TypeAlias = Literal["total", "multiply", "avg", "max", "min"]
Window: TypeAlias = Annotated[int, Field(ge=1, le=MAX_WINDOW)]


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _not_zero(vector: list[float]) -> list[float]:
    if not any(vector):
        raise ValueError("must have a magnitude: give at least one number that is not 0")
    return vector


Vector: TypeAlias = Annotated[
    list[Annotated[float, Field(allow_inf_nan=False)]], Field(min_length=1, max_length=4096), AfterValidator(_not_zero)
]


def _boosted(field: str) -> str:
    name, hat, boost = field.partition("^")
    try:
        is_boost = not hat or 0 <= float(boost) < math.inf
    except ValueError:
        is_boost = False
    if not name or not is_boost:
        raise ValueError('must be a field, with a boost of at least 0 or without: "title" or "title^2"')
    return field


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TextEmbedding(_Model):
    """The text of a kNN query, embedded by a model of ours when `model_id` is absent or registered with the client."""

    model_text: ModelText
    model_id: str | None = None


class QueryVectorBuilder(_Model):
    """How a query vector is made."""

    text_embedding: TextEmbedding


class _Named(_Model):
    filter: Filter = None
    name: str | None = Field(None, alias="_name", min_length=1)
    min_score: float | None = Field(None, allow_inf_nan=False)

    @property
    def filters(self) -> list[dict[str, Any]]:
        """The filter as a list of queries, empty when there is none."""
        if self.filter is None:
            return []
        return [self.filter] if isinstance(self.filter, dict) else self.filter


class Standard(_Named):
    """A lexical leg: any query of Elasticsearch's DSL."""

    query: dict[str, Any] | None = None
    sort: Any = None
    terminate_after: int | None = Field(None, ge=0)
    collapse: dict[str, Any] | None = None


class Knn(_Named):
    """A vector leg: the `k` nearest of `num_candidates` on each shard."""

    field: Annotated[str, Field(min_length=1)]
    query_vector: Vector | None = None
    query_vector_builder: QueryVectorBuilder | None = None
    k: Window
    num_candidates: int | None = Field(None, ge=1, le=10_000)
    similarity: float | None = Field(None, allow_inf_nan=False)
    rescore_vector: dict[str, Any] | None = None
    visit_percentage: float | None = Field(None, ge=0, le=100)

    @model_validator(mode="after")
    def _is_whole(self) -> Knn:
        if (self.query_vector is None) == (self.query_vector_builder is None):
            raise ValueError("give either query_vector or query_vector_builder")
        if self.num_candidates is not None and self.k > self.num_candidates:
            raise ValueError(f"k ({self.k}) must not be more than num_candidates ({self.num_candidates})")
        return self

    @property
    def candidates(self) -> int:
        """`num_candidates`, or Elasticsearch's default of 1.5 k, at most 10,000."""
        return self.num_candidates or max(self.k, min(math.ceil(1.5 * self.k), 10_000))


class Weighted(_Model):
    """A leg of a fusion and its weight."""

    retriever: Node
    weight: float = Field(1.0, ge=0, allow_inf_nan=False)


def _as_weighted(value: object) -> object:
    return {"retriever": value} if isinstance(value, dict) and "retriever" not in value else value


class LinearLeg(Weighted):
    """A leg of a weighted sum: its weight, and how its scores are normalized."""

    normalizer: Normalizer | None = None


class _Fusion(_Named):
    """What fusions share: either `retrievers`, or `query` with `fields` for one lexical leg over several fields."""

    query: Annotated[str, Field(min_length=1)] | None = None
    fields: (
        Annotated[list[Annotated[str, Field(min_length=1), AfterValidator(_boosted)]], Field(min_length=1)] | None
    ) = None
    rank_window_size: Window = 10

    def lexical_leg(self) -> Node:
        """The leg of the multi-field form."""
        match = {"query": self.query, "type": "most_fields"}
        fields = {} if self.fields is None else {"fields": self.fields}
        return Node.model_validate({"standard": {"query": {"multi_match": match | fields}}})


def _check_form(retrievers: object, query: str | None, fields: object) -> None:
    if (retrievers is None) == (query is None):
        raise ValueError("give either retrievers or query")
    if fields is not None and query is None:
        raise ValueError("fields needs query: give both, or retrievers")


class Rrf(_Fusion):
    """Reciprocal Rank Fusion of its legs."""

    retrievers: Annotated[list[Annotated[Weighted, BeforeValidator(_as_weighted)]], Field(min_length=1)] | None = None
    rank_constant: int = Field(60, ge=1)

    @model_validator(mode="after")
    def _is_whole(self) -> Rrf:
        _check_form(self.retrievers, self.query, self.fields)
        _check_weights(self.legs)
        return self

    @cached_property
    def legs(self) -> list[Weighted]:
        """The legs, also where they were given as `query` and `fields`."""
        if self.retrievers is None:
            return [Weighted.model_validate({"retriever": self.lexical_leg()})]
        return self.retrievers


class Linear(_Fusion):
    """A weighted sum of its legs' scores, each normalized by its own `normalizer`, or else by this one's."""

    retrievers: Annotated[list[LinearLeg], Field(min_length=1)] | None = None
    normalizer: Normalizer | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Linear:
        _check_form(self.retrievers, self.query, self.fields)
        if self.query is not None and self.normalizer is None:
            raise ValueError(f"query needs normalizer: one of {', '.join(get_args(Normalizer))}")
        _check_weights(self.legs)
        return self

    @cached_property
    def legs(self) -> list[LinearLeg]:
        """The legs, each with its normalizer, also where they were given as `query` and `fields`."""
        if self.retrievers is None:
            return [LinearLeg.model_validate({"retriever": self.lexical_leg(), "normalizer": self.normalizer})]
        default = self.normalizer or "none"
        return [leg if leg.normalizer else leg.model_copy(update={"normalizer": default}) for leg in self.retrievers]


def _check_weights(legs: Sequence[Weighted]) -> None:
    if not any(leg.weight for leg in legs):
        raise ValueError("at least one leg needs a weight above 0")


class RescoreQuery(_Model):
    """A query whose score is combined with the hit's own: `score_mode` of each times its weight."""

    rescore_query: dict[str, Any]
    query_weight: float = Field(1.0, allow_inf_nan=False)
    rescore_query_weight: float = Field(1.0, allow_inf_nan=False)
    score_mode: ScoreMode = "total"


class Rescore(_Model):
    """One step of a `rescorer`; on a leaf, `window_size` counts hits of each shard."""

    window_size: Window = 10
    query: RescoreQuery


def _as_steps(value: object) -> object:
    return [value] if isinstance(value, dict) else value


class Rescorer(_Named):
    """Another query's scores for the first hits of its retriever; the least `window_size` is how many it returns."""

    retriever: Node
    rescore: Annotated[list[Rescore], BeforeValidator(_as_steps), Field(min_length=1)]

    @property
    def rank_window_size(self) -> int:
        """The least window of its steps."""
        return min(step.window_size for step in self.rescore)


class TextSimilarityReranker(_Named):
    """A cross-encoder over the first `rank_window_size` hits of its retriever.

    Beyond Elastic's: `field` may name several fields, whose texts are joined; `inference_id` may be left out for the
    client's own reranker; `allow_rerank_failures` is true unless said otherwise; `blend` mixes the rerank score with
    the fused rank (0 keeps the rank, 1 takes the score; left out, the score replaces the rank as Elastic's does).
    """

    retriever: Node
    field: Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_as_list), Field(min_length=1)]
    inference_text: ModelText
    inference_id: str | None = None
    rank_window_size: Window = 10
    allow_rerank_failures: bool = True
    blend: float | None = Field(None, ge=0, le=1)


Retriever: TypeAlias = Standard | Knn | Rrf | Linear | Rescorer | TextSimilarityReranker
Compound: TypeAlias = Rrf | Linear | Rescorer | TextSimilarityReranker
LICENSED = frozenset({"rrf", "linear", "text_similarity_reranker"})
"""The retrievers that the free licence does not run."""


class Node(_Model):
    """A retriever under its name: `{"knn": {...}}`."""

    standard: Standard | None = None
    knn: Knn | None = None
    rrf: Rrf | None = None
    linear: Linear | None = None
    rescorer: Rescorer | None = None
    text_similarity_reranker: TextSimilarityReranker | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Node:
        if len(self.model_fields_set) != 1 or getattr(self, self.kind) is None:
            raise ValueError(f"must be one retriever: {{name: {{...}}}} with a name of {', '.join(_KINDS)}")
        return self

    @cached_property
    def kind(self) -> str:
        """The retriever's name, as `knn`."""
        return next(iter(self.model_fields_set))

    @cached_property
    def retriever(self) -> Retriever:
        """The one retriever of this node."""
        found: Retriever = getattr(self, self.kind)
        return found

    @property
    def children(self) -> list[Node]:
        """The retrievers right below this one."""
        match self.retriever:
            case Rrf() | Linear() as fusion:
                return [leg.retriever for leg in fusion.legs]
            case TextSimilarityReranker(retriever=child) | Rescorer(retriever=child):
                return [child]
        return []

    def walk(self) -> Iterator[Node]:
        """Give this node and all below it, outer before inner, in the request's order."""
        yield self
        for child in self.children:
            yield from child.walk()


_KINDS = tuple(Node.model_fields)
for _model in (Weighted, LinearLeg, Rrf, Linear, Rescorer, TextSimilarityReranker, Node):
    _model.model_rebuild()
