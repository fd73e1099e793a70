"""Hits become what every framework calls a document: an id, a text, metadata and a score. Pure."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.documents.passages import fill_template, passage_of, template_parts
from connector.documents.paths import values_at
from connector.errors import RequestError


@dataclass(frozen=True)
class FoundDocument:
    """A hit: its `_id`, its text, its final score, and its metadata, which holds all of these but the text."""

    id: str
    content: str
    score: float
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Reading:
    """What of a hit's `_source` is the text, and what the metadata.

    Args:
        text_fields: the fields that are searched; their joined texts are the content where none is named.
        content: a field, or a template as "{title}. {body}".
        metadata_field: the object whose fields are the metadata; None: all of the source.

    Raises:
        RequestError: `content` or `metadata_field` is none of these.
    """

    text_fields: tuple[str, ...]
    content: str | None = None
    metadata_field: str | None = None

    def __post_init__(self) -> None:
        for name in ("content", "metadata_field"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value):
                raise RequestError(name, value, "must be the name of a field, or be left out")
        if self._is_template:
            try:
                template_parts(str(self.content))
            except ValueError as error:
                raise RequestError("content", self.content, str(error)) from error

    @property
    def fields(self) -> list[str]:
        """The fields that the content is made of."""
        if self._is_template:
            return [field for _, field in template_parts(str(self.content)) if field]
        return list(self.text_fields) if self.content is None else [self.content]

    def source(self, asked: bool | Sequence[str] | None) -> bool | Sequence[str] | None:
        """Return what a search must bring of each `_source`, where the user asked for these fields."""
        if asked is None or asked is True:
            return asked
        named = [asked] if isinstance(asked, str) else asked or ()
        whole = self.fields + ([] if self.metadata_field is None else [self.metadata_field])
        return list(dict.fromkeys([*named, *whole]))

    def documents(self, response: Mapping[str, Any]) -> list[FoundDocument]:
        """Make a document of each hit of a response of `Connector.search`; one warning where none has any text."""
        of_search = response.get("_hybrid")
        found = []
        for hit in response["hits"]["hits"]:
            source = hit.get("_source") or {}
            metadata = {**self._metadata(source), "_index": hit["_index"], "_id": hit["_id"], "_score": hit["_score"]}
            if of_search is not None:
                whole = {name: of_search[name] for name in ("model", "degraded")}
                metadata["_hybrid"] = {**hit["_hybrid"], **whole}
            found.append(FoundDocument(hit["_id"], self._content(source), hit["_score"], metadata))
        if found and not any(document.content for document in found):
            names = sorted({name for hit in response["hits"]["hits"] for name in hit.get("_source") or {}})
            warnings.warn(
                f"no hit has text in {', '.join(self.fields)}; they have {', '.join(names) or 'no _source'}: "
                "name one as content",
                stacklevel=4,
            )
        return found

    @property
    def _is_template(self) -> bool:
        return self.content is not None and "{" in self.content

    def _content(self, source: Mapping[str, Any]) -> str:
        if self._is_template:
            return fill_template(str(self.content), source)
        return passage_of(source, list(dict.fromkeys(_in_source(source, field) for field in self.fields)))

    def _metadata(self, source: Mapping[str, Any]) -> dict[str, Any]:
        if self.metadata_field is None:
            return dict(source)
        objects = [value for value in values_at(source, self.metadata_field) if isinstance(value, Mapping)]
        return dict(objects[0]) if objects else {}


def checked_count(name: str, value: Any) -> int:
    """Return a number of documents. Raises: RequestError: it is none."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise RequestError(name, value, "must be a whole number of at least 0")
    return value


def _in_source(source: Mapping[str, Any], field: str) -> str:
    """Return the path under which a source holds a field: a multi-field's text stands under its parent."""
    parent = field.rpartition(".")[0]
    if not parent or next(values_at(source, field), None) is not None:
        return field
    values = [item for value in values_at(source, parent) for item in (value if isinstance(value, list) else [value])]
    return field if any(isinstance(value, Mapping) for value in values) else parent
