"""Elastic's retriever tree as pydantic models: names, defaults and limits are Elastic's. Pure; comes in from `plan`.

Only trees that this package runs are parsed here. Whatever is wrong gives one `RequestError` naming path, value and
what is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from connector.documents.passages import filled, passage_of, template_parts
from connector.request.chunking import ChunkingSettings
from connector.request.leaf_retrievers import (
    Knn,
    ModelText,
    Named,
    QueryVectorBuilder,
    Standard,
    Strict,
    Vector,
    Window,
)
from connector.request.readings import MAX_INT, Flag, Listed, Lowered, Number, Text, Whole

MAX_DEPTH = 20
"""How deep retrievers may be nested in one another."""

MAX_PINNED = 100
"""Elasticsearch's limit of pinned documents."""

MAX_CHUNKS = 100
"""How many parts of one hit a reranker may be asked to read."""

Normalizer: TypeAlias = Literal["none", "minmax", "l2_norm", "zscore", "dbsf"]
ScoreMode: TypeAlias = Literal["total", "multiply", "avg", "max", "min"]


def _field_or_template(field: str) -> str:
    if "{" in field or "}" in field:
        template_parts(field)
    return field


def _boosted(field: str) -> str:
    name, hat, boost = field.partition("^")
    try:
        is_boost = not hat or 0 <= float(boost) < math.inf
    except ValueError:
        is_boost = False
    if not name or not is_boost:
        raise ValueError('must be a field, with a boost of at least 0 or without: "title" or "title^2"')
    return field


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
    """What fusions share: either `retrievers`, or `query` with `fields` for one lexical leg over several fields."""

    query: Annotated[str, Field(min_length=1)] | None = None
    fields: (
        Annotated[list[Annotated[Text, Field(min_length=1), AfterValidator(_boosted)]], Listed, Field(min_length=1)]
        | None
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

    retrievers: (
        Annotated[list[Annotated[Weighted, BeforeValidator(_as_weighted)]], Listed, Field(min_length=1)] | None
    ) = None
    rank_constant: Whole = Field(60, ge=1, le=MAX_INT)

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

    retrievers: Annotated[list[LinearLeg], Listed, Field(min_length=1)] | None = None
    normalizer: Annotated[Normalizer | None, Lowered] = None

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


class RescoreQuery(Strict):
    """A query whose score is combined with the hit's own: `score_mode` of each times its weight."""

    rescore_query: dict[str, Any]
    query_weight: Number = Field(1.0, allow_inf_nan=False)
    rescore_query_weight: Number = Field(1.0, allow_inf_nan=False)
    score_mode: Annotated[ScoreMode, Lowered] = "total"


class Rescore(Strict):
    """One step of a `rescorer`; on a leaf, `window_size` counts hits of each shard."""

    window_size: Window = 10
    query: RescoreQuery


class Rescorer(Named):
    """Another query's scores for the first hits of its retriever; the least `window_size` is how many it returns."""

    retriever: Node
    rescore: Annotated[list[Rescore], Listed, Field(min_length=1)]

    @property
    def rank_window_size(self) -> int:
        """The least window of its steps."""
        return min(step.window_size for step in self.rescore)


class PinnedDoc(Strict):
    """A document by its id, and by its index where several are searched."""

    id: Annotated[str, Field(min_length=1, alias="_id")]
    index: Annotated[str | None, Field(min_length=1, alias="_index")] = None


class Pinned(Named):
    """Chosen documents first, in the order given, then what the retriever finds; none of them twice.

    Those that are not there, or that a filter here or above does not let through, are left out.
    """

    retriever: Node
    ids: (
        Annotated[list[Annotated[Text, Field(min_length=1)]], Listed, Field(min_length=1, max_length=MAX_PINNED)] | None
    ) = None
    docs: Annotated[list[PinnedDoc], Listed, Field(min_length=1, max_length=MAX_PINNED)] | None = None
    rank_window_size: Window = 10

    @model_validator(mode="after")
    def _is_whole(self) -> Pinned:
        if (self.ids is None) == (self.docs is None):
            raise ValueError("give either ids or docs")
        return self

    @cached_property
    def pins(self) -> list[PinnedDoc]:
        """The documents, also where they were given as `ids`."""
        return (
            self.docs if self.docs is not None else [PinnedDoc.model_validate({"_id": each}) for each in self.ids or ()]
        )

    @cached_property
    def leg(self) -> Standard:
        """The search that finds them."""
        anywhere = [pin.id for pin in self.pins if pin.index is None]
        asked: list[dict[str, Any]] = [{"ids": {"values": anywhere}}] if anywhere else []
        for index in dict.fromkeys(pin.index for pin in self.pins if pin.index is not None):
            ids = [pin.id for pin in self.pins if pin.index == index]
            asked.append({"bool": {"filter": [{"term": {"_index": index}}, {"ids": {"values": ids}}]}})
        query = {"constant_score": {"filter": {"bool": {"should": asked}}}}
        name = {} if self.name is None else {"_name": self.name}
        return Standard.model_validate({"query": query, **name})


class Diversify(Named):
    """The most relevant hits of the first `rank_window_size` that are not like one another, in the order they came.

    Relevance is the likeness to the query vector, or without one the hit's score; see `diversity.mmr`.
    """

    type: Annotated[Literal["mmr"], Lowered]
    field: Annotated[str, Field(min_length=1)]
    retriever: Node
    lambda_: Annotated[Number, Field(ge=0, le=1, alias="lambda")]
    query_vector: Vector | None = None
    query_vector_builder: QueryVectorBuilder | None = None
    rank_window_size: Window = 10
    size: Window = 10

    @model_validator(mode="after")
    def _is_whole(self) -> Diversify:
        if self.query_vector is not None and self.query_vector_builder is not None:
            raise ValueError("give query_vector or query_vector_builder, not both")
        return self


class ChunkRescorer(Strict):
    """Which parts of a long text the reranker reads: the `size` that match its query best.

    Beyond Elastic's: `score_mode` "sum" adds up the scores of all that were read, where "max" takes the best.
    """

    size: Annotated[Whole, Field(ge=1, le=MAX_CHUNKS)] = 1
    chunking_settings: ChunkingSettings = ChunkingSettings()
    score_mode: Annotated[Literal["max", "sum"], Lowered] = "max"


class TextSimilarityReranker(Named):
    """A cross-encoder over the first `rank_window_size` hits of its retriever.

    Beyond Elastic's: `field` may name several fields, whose texts are joined, or be a template, as "{title}. {body}";
    `inference_id` may be left out for the client's own reranker; `allow_rerank_failures` is true unless said otherwise;
    `blend` mixes the rerank score with the fused rank (0 keeps the rank, 1 takes the score; left out, the score
    replaces the rank as Elastic's does); `field_shares` says how much of the tokens that the model reads a field may
    take, of 1 in all: what one leaves is free for the others. A field in nested objects of which a `knn` leg below
    gives `inner_hits` is read from these, each object a passage of its own.
    """

    retriever: Node
    field: Annotated[
        list[Annotated[str, Field(min_length=1), AfterValidator(_field_or_template)]],
        Listed,
        Field(min_length=1),
    ]
    inference_text: ModelText
    inference_id: str | None = None
    rank_window_size: Window = 10
    allow_rerank_failures: Flag = True
    blend: Number | None = Field(None, ge=0, le=1)
    chunk_rescorer: ChunkRescorer | None = None
    field_shares: dict[str, Annotated[Number, Field(gt=0, le=1)]] | None = None

    @model_validator(mode="after")
    def _shares_fit(self) -> TextSimilarityReranker:
        if self.field_shares is not None and self.chunk_rescorer is not None:
            raise ValueError("field_shares are of whole texts: leave them out beside chunk_rescorer")
        for field in self.field_shares or ():
            if field not in self.fields:
                raise ValueError(f"field_shares names {field!r}, which field does not; it has {', '.join(self.fields)}")
        if sum((self.field_shares or {}).values()) > 1 + 1e-9:
            raise ValueError(f"field_shares must be at most 1 together, not {sum((self.field_shares or {}).values())}")
        return self

    @cached_property
    def fields(self) -> list[str]:
        """The fields that are read, also where a template names them."""
        named = ([name for _, name in template_parts(each) if name] if "{" in each else [each] for each in self.field)
        return list(dict.fromkeys(chain.from_iterable(named)))

    def passage(self, hit: Mapping[str, Any]) -> str:
        """Make the passage of a hit from its `fields`."""
        if not any("{" in each for each in self.field):
            return passage_of(hit, self.field)
        texts = (filled(each, hit) if "{" in each else passage_of(hit, [each]) for each in self.field)
        return "\n\n".join(text for text in texts if text)


Retriever: TypeAlias = Standard | Knn | Rrf | Linear | Rescorer | Pinned | Diversify | TextSimilarityReranker
Over: TypeAlias = Rescorer | Pinned | Diversify | TextSimilarityReranker
"""What stands over one retriever."""
Compound: TypeAlias = Rrf | Linear | Over
LICENSED = frozenset({"rrf", "linear", "pinned", "diversify", "text_similarity_reranker"})
"""The retrievers that the free licence, or a version, does not run."""


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
            case Rescorer() | Pinned() | Diversify() | TextSimilarityReranker() as over:
                return [over.retriever]
        return []

    def walk(self) -> Iterator[Node]:
        """Return this node and all below it, outer before inner, in the request's order."""
        yield self
        for child in self.children:
            yield from child.walk()


_KINDS = tuple(Node.model_fields)
for _model in (Weighted, LinearLeg, Rrf, Linear, Rescorer, Pinned, Diversify, TextSimilarityReranker, Node):
    _model.model_rebuild()
