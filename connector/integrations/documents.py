"""Turns hits into what every framework calls a document: an id, a text, metadata and a score. No I/O."""

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
    """A hit: its `_id`, its text, its final score, and its metadata, which also contains the id and the score."""

    id: str
    content: str
    score: float
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Reading:
    """Which parts of a hit's `_source` are the text and the metadata.

    Args:
        text_fields: the searched fields, whose joined texts are the default content.
        content: a field, or a template such as "{title}. {body}".
        metadata_field: the object whose fields are the metadata; None takes the whole source.

    Raises:
        RequestError: `content` or `metadata_field` is wrong.
    """

    text_fields: tuple[str, ...]
    content: str | None = None
    metadata_field: str | None = None

    def __post_init__(self) -> None:
        for name in ("content", "metadata_field"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value):
                raise RequestError(name, value, "must be the name of a field, or None")
        if self._is_template:
            try:
                template_parts(str(self.content))
            except ValueError as error:
                raise RequestError("content", self.content, str(error)) from error

    @property
    def fields(self) -> list[str]:
        """The fields of the content."""
        if self._is_template:
            return [field for _, field in template_parts(str(self.content)) if field]
        return list(self.text_fields) if self.content is None else [self.content]

    def source(self, requested: bool | Sequence[str] | None) -> bool | Sequence[str] | None:
        """Return the `_source` fields to fetch: those that the user requested, the content's and the metadata's."""
        if requested is None or requested is True:
            return requested
        named = [requested] if isinstance(requested, str) else requested or ()
        whole = self.fields + ([] if self.metadata_field is None else [self.metadata_field])
        return list(dict.fromkeys([*named, *whole]))

    def documents(self, response: Mapping[str, Any]) -> list[FoundDocument]:
        """Return a document for each hit of `Connector.search`; if no hit has any text, warn once."""
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
                f"no hit has text in {', '.join(self.fields)}; the hits have {', '.join(names) or 'no _source'}: "
                "name one of these fields as content",
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
    """Return a number of documents.

    Raises:
        RequestError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise RequestError(name, value, "must be a whole number of at least 0")
    return value


def _in_source(source: Mapping[str, Any], field: str) -> str:
    """Return the path of a field in a source: the text of a multi-field is under its parent."""
    parent = field.rpartition(".")[0]
    if not parent or next(values_at(source, field), None) is not None:
        return field
    values = [item for value in values_at(source, parent) for item in (value if isinstance(value, list) else [value])]
    return field if any(isinstance(value, Mapping) for value in values) else parent
