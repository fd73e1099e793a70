"""The types and limits that the models of a retriever tree share. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag

from connector.documents.passages import is_template, template_parts
from connector.documents.text_fields import is_boost
from connector.request.encoded_vectors import is_encoded
from connector.request.lenient_values import Listed, Number, Numbers, Text, Whole, is_count, read_whole

MAX_WINDOW = 10_000
"""Elasticsearch's default `index.max_result_window`: no leg can return more hits."""

MAX_MODEL_TEXT = 32_768
"""The longest query text for a model, in characters: far more than any model reads."""

MAX_INNER_HITS = 100
"""Elasticsearch's default `index.max_inner_result_window`."""

QueryVector: TypeAlias = Sequence[float] | str
"""A vector's numbers, or its encoded bytes, which the cluster reads by the field's type."""
ModelText: TypeAlias = Annotated[str, Field(min_length=1, max_length=MAX_MODEL_TEXT)]
WindowSize: TypeAlias = Annotated[Whole, Field(ge=1, le=MAX_WINDOW)]


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
"""All zeros are allowed: the cluster refuses them if the field's similarity does."""


def _parsed_inner_hits(options: dict[str, Any]) -> dict[str, Any]:
    sizes: dict[str, Any] = {key: read_whole(options[key]) for key in ("size", "from") if key in options}
    name = options.get("name", "_")
    if not isinstance(name, str) or not name:
        raise ValueError(f"name must be a text, not {name!r}")
    for key, value in sizes.items():
        if not is_count(value) or value > MAX_INNER_HITS:
            raise ValueError(f"{key} must be a whole number from 0 to {MAX_INNER_HITS}, not {value!r}")
    if not isinstance(options.get("fields"), list | None):
        raise ValueError(f"fields must be a list of fields, not {options['fields']!r}")
    return {**options, **sizes}


InnerHits: TypeAlias = Annotated[dict[str, Any], AfterValidator(_parsed_inner_hits)]


def _checked_template(field: str) -> str:
    if is_template(field):
        template_parts(field)
    return field


FieldOrTemplate: TypeAlias = Annotated[str, Field(min_length=1), AfterValidator(_checked_template)]


def _boosted(field: str) -> str:
    name, hat, boost = field.partition("^")
    if not name or (hat and not is_boost(boost)):
        raise ValueError('must be a field, with or without a boost of at least 0: "title" or "title^2"')
    return field


BoostedField: TypeAlias = Annotated[Text, Field(min_length=1), AfterValidator(_boosted)]


class Strict(BaseModel):
    """A model that accepts only the options it names, without conversion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TextEmbedding(Strict):
    """The text of a kNN query; the client embeds it if `model_id` is absent or registered with the client."""

    model_text: ModelText
    model_id: str | None = None


class QueryVectorBuilder(Strict):
    """How a query vector is made."""

    text_embedding: TextEmbedding


class Named(Strict):
    """The options that every retriever has."""

    filter: dict[str, Any] | list[dict[str, Any]] | None = None
    name: str | None = Field(None, alias="_name", min_length=1)
    min_score: Number | None = Field(None, allow_inf_nan=False)

    @property
    def filters(self) -> list[dict[str, Any]]:
        """The filter as a list of queries; [] if there is none."""
        if self.filter is None:
            return []
        return [self.filter] if isinstance(self.filter, dict) else self.filter
