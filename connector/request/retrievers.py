"""Elastic's retriever tree as pydantic models; names, defaults and limits are Elastic's. Pure.

The models refer to each other, so they share one module. Only trees that this package runs are parsed into them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import BeforeValidator, Field, model_validator

from connector.documents.passages import fields_named, passage_by
from connector.request.base_types import (
    BoostedField,
    FieldOrTemplate,
    ModelText,
    Named,
    QueryVectorBuilder,
    Strict,
    Vector,
    WindowSize,
)
from connector.request.chunking_settings import ChunkRescorer
from connector.request.leaf_retrievers import Knn, Standard
from connector.request.lenient_values import MAX_INT, Flag, Listed, Lowered, Number, Whole
from connector.request.pinned_docs import PinCount, PinnedDoc, PinnedId, pins_query
from connector.request.rescoring import Rescore

MAX_DEPTH = 20
"""How deep retrievers may be nested in one another."""

Normalizer: TypeAlias = Literal["none", "minmax", "l2_norm", "zscore", "dbsf"]


class Weighted(Strict):
    """A leg of a fusion and its weight."""

    retriever: Node
    weight: Number = Field(1.0, ge=0, allow_inf_nan=False)


def _as_weighted(value: object) -> object:
    return {"retriever": value} if isinstance(value, dict) and "retriever" not in value else value


class LinearLeg(Weighted):
    """A leg of a weighted sum: its weight, and how its scores are normalized."""

    normalizer: Annotated[Normalizer | None, Lowered] = None


class _Fusion(Named):
    """The options of all fusions: either `retrievers`, or `query` with `fields` for one lexical leg over the fields."""

    query: Annotated[str, Field(min_length=1)] | None = None
    fields: Annotated[list[BoostedField], Listed, Field(min_length=1)] | None = None
    rank_window_size: WindowSize = 10

    def lexical_leg(self) -> Node:
        """Return the leg that `query` and `fields` stand for."""
        match = {"query": self.query, "type": "most_fields"}
        fields = {} if self.fields is None else {"fields": self.fields}
        return Node.model_validate({"standard": {"query": {"multi_match": match | fields}}})


def _check_form(retrievers: object, query: str | None, fields: object) -> None:
    if (retrievers is None) == (query is None):
        raise ValueError("give either retrievers or query")
    if fields is not None and query is None:
        raise ValueError("fields needs query: give both, or retrievers")


def _check_weights(legs: Sequence[Weighted]) -> None:
    if not any(leg.weight for leg in legs):
        raise ValueError("at least one leg needs a weight above 0")


class Rrf(_Fusion):
    """Reciprocal Rank Fusion of its legs."""

    retrievers: (
        Annotated[list[Annotated[Weighted, BeforeValidator(_as_weighted)]], Listed, Field(min_length=1)] | None
    ) = None
    rank_constant: Whole = Field(60, ge=1, le=MAX_INT)

    @model_validator(mode="after")
    def _check(self) -> Rrf:
        _check_form(self.retrievers, self.query, self.fields)
        _check_weights(self.legs)
        return self

    @cached_property
    def legs(self) -> list[Weighted]:
        """The legs, also if they were given as `query` and `fields`."""
        if self.retrievers is None:
            return [Weighted.model_validate({"retriever": self.lexical_leg()})]
        return self.retrievers


class Linear(_Fusion):
    """A weighted sum of its legs' scores, each normalized by the leg's `normalizer`, or else by this one's."""

    retrievers: Annotated[list[LinearLeg], Listed, Field(min_length=1)] | None = None
    normalizer: Annotated[Normalizer | None, Lowered] = None

    @model_validator(mode="after")
    def _check(self) -> Linear:
        _check_form(self.retrievers, self.query, self.fields)
        if self.query is not None and self.normalizer is None:
            raise ValueError(f"query needs normalizer: one of {', '.join(get_args(Normalizer))}")
        _check_weights(self.legs)
        return self

    @cached_property
    def legs(self) -> list[LinearLeg]:
        """The legs, each with its normalizer, also if they were given as `query` and `fields`."""
        if self.retrievers is None:
            return [LinearLeg.model_validate({"retriever": self.lexical_leg(), "normalizer": self.normalizer})]
        default = self.normalizer or "none"
        return [leg if leg.normalizer else leg.model_copy(update={"normalizer": default}) for leg in self.retrievers]


class Rescorer(Named):
    """Another query's scores for the first hits of its retriever; the least `window_size` is how many it returns."""

    retriever: Node
    rescore: Annotated[list[Rescore], Listed, Field(min_length=1)]

    @property
    def rank_window_size(self) -> int:
        """The least window of its steps."""
        return min(step.window_size for step in self.rescore)


class Pinned(Named):
    """Chosen documents first, in the order given, then the hits of the retriever without them.

    Chosen documents that do not exist, or that a filter here or above excludes, are left out.
    """

    retriever: Node
    ids: Annotated[list[PinnedId], Listed, PinCount] | None = None
    docs: Annotated[list[PinnedDoc], Listed, PinCount] | None = None
    rank_window_size: WindowSize = 10

    @model_validator(mode="after")
    def _check(self) -> Pinned:
        if (self.ids is None) == (self.docs is None):
            raise ValueError("give either ids or docs")
        return self

    @cached_property
    def pins(self) -> list[PinnedDoc]:
        """The documents, also if they were given as `ids`."""
        return self.docs or [PinnedDoc.model_validate({"_id": each}) for each in self.ids or ()]

    @cached_property
    def leg(self) -> Standard:
        """The search that finds them."""
        name = {} if self.name is None else {"_name": self.name}
        return Standard.model_validate({"query": pins_query(self.pins), **name})


class Diversify(Named):
    """The most relevant of the first `rank_window_size` hits that are unlike one another, in their original order.

    Relevance is the similarity to the query vector, or without one the hit's score; see `diversity.mmr`.
    """

    type: Annotated[Literal["mmr"], Lowered]
    field: Annotated[str, Field(min_length=1)]
    retriever: Node
    lambda_: Annotated[Number, Field(ge=0, le=1, alias="lambda")]
    query_vector: Vector | None = None
    query_vector_builder: QueryVectorBuilder | None = None
    rank_window_size: WindowSize = 10
    size: WindowSize = 10

    @model_validator(mode="after")
    def _check(self) -> Diversify:
        if self.query_vector is not None and self.query_vector_builder is not None:
            raise ValueError("give query_vector or query_vector_builder, not both")
        return self


class TextSimilarityReranker(Named):
    """A cross-encoder over the first `rank_window_size` hits of its retriever.

    Extensions of Elastic's syntax:

    - `field` may name several fields, whose texts are joined, or be a template such as "{title}. {body}". A field in
      nested objects is read from the `inner_hits` of a `knn` leg below, if one has them; each object is then a passage.
    - `inference_id` may be left out for the client's own reranker.
    - `allow_rerank_failures` defaults to true.
    - `blend` mixes the rerank score with the fused rank: 0 keeps the rank, 1 takes the score. Without it the score
      replaces the rank, as in Elastic's.
    - `budget_ms` is how many milliseconds the whole search may take; hits that are not read in time keep their fused
      order below those that are.
    - `field_shares` limits the part of the tokens read that a field may take, 1 in total; unused shares are free for
      the other fields.
    """

    retriever: Node
    field: Annotated[list[FieldOrTemplate], Listed, Field(min_length=1)]
    inference_text: ModelText
    inference_id: str | None = None
    rank_window_size: WindowSize = 10
    allow_rerank_failures: Flag = True
    blend: Number | None = Field(None, ge=0, le=1)
    budget_ms: Annotated[Number, Field(gt=0, allow_inf_nan=False)] | None = None
    chunk_rescorer: ChunkRescorer | None = None
    field_shares: dict[str, Annotated[Number, Field(gt=0, le=1)]] | None = None

    @model_validator(mode="after")
    def _check(self) -> TextSimilarityReranker:
        if self.field_shares is not None and self.chunk_rescorer is not None:
            raise ValueError("field_shares apply to whole texts and can't be combined with chunk_rescorer")
        shares = self.field_shares or {}
        for field in shares:
            if field not in self.fields:
                raise ValueError(f"field_shares names {field!r}, which field does not; it has {', '.join(self.fields)}")
        if sum(shares.values()) > 1 + 1e-9:
            raise ValueError(f"field_shares must be at most 1 together, not {sum(shares.values())}")
        return self

    @cached_property
    def fields(self) -> list[str]:
        """The fields that are read, including those that a template names."""
        return fields_named(self.field)

    def passage(self, hit: Mapping[str, Any]) -> str:
        """Make the passage of a hit from its `fields`."""
        return passage_by(self.field, hit)


Retriever: TypeAlias = Standard | Knn | Rrf | Linear | Rescorer | Pinned | Diversify | TextSimilarityReranker
Over: TypeAlias = Rescorer | Pinned | Diversify | TextSimilarityReranker
"""The retrievers that have exactly one retriever below them."""
Compound: TypeAlias = Rrf | Linear | Over
LICENSED = frozenset({"rrf", "linear", "pinned", "diversify", "text_similarity_reranker"})
"""The retrievers that need a license or a newer version."""


class Node(Strict):
    """A retriever under its name: `{"knn": {...}}`."""

    standard: Standard | None = None
    knn: Knn | None = None
    rrf: Rrf | None = None
    linear: Linear | None = None
    rescorer: Rescorer | None = None
    pinned: Pinned | None = None
    diversify: Diversify | None = None
    text_similarity_reranker: TextSimilarityReranker | None = None

    @model_validator(mode="after")
    def _check(self) -> Node:
        if len(self.model_fields_set) != 1 or getattr(self, self.kind) is None:
            names = ", ".join(Node.model_fields)
            raise ValueError(f"must be one retriever: {{name: {{...}}}} with a name of {names}")
        return self

    @cached_property
    def kind(self) -> str:
        """The retriever's name, such as `knn`."""
        return next(iter(self.model_fields_set))

    @cached_property
    def retriever(self) -> Retriever:
        """The one retriever of this node."""
        found: Retriever = getattr(self, self.kind)
        return found

    @property
    def children(self) -> list[Node]:
        """The retrievers directly below this one."""
        match self.retriever:
            case Rrf() | Linear() as fusion:
                return [leg.retriever for leg in fusion.legs]
            case Rescorer() | Pinned() | Diversify() | TextSimilarityReranker() as over:
                return [over.retriever]
        return []

    def walk(self) -> Iterator[Node]:
        """Return this node and all below it, outer before inner, in the request's order."""
        yield self
        for child in self.children:
            yield from child.walk()


for _model in (Weighted, LinearLeg, Rrf, Linear, Rescorer, Pinned, Diversify, TextSimilarityReranker, Node):
    _model.model_rebuild()
