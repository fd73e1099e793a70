"""From a document to the texts that are encoded, and from their vectors to what is written. Pure; the stages come in.

What holds one vector a document stands here; what splits a document into passages is another class of this shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from connector.indexing.pipeline import with_value, without
from connector.passages import passage_of


class VectorField(Protocol):
    """How vectors lie in a document."""

    @property
    def vector(self) -> str:
        """The dotted path that the job writes."""

    def texts(self, source: Mapping[str, Any]) -> list[str]:
        """Give the texts of a document that are encoded; [] when it has none."""

    def filled(self, source: Mapping[str, Any], vectors: Sequence[list[float]]) -> dict[str, Any]:
        """Give the document with its vectors, one a text; with none, without the field.

        Raises: ValueError: something else stands where the vectors must go.
        """

    def change(self, vectors: Sequence[list[float]]) -> dict[str, Any]:
        """Give the partial document that sets the vectors; with none, that removes them."""

    def vectors(self, source: Mapping[str, Any]) -> list[list[float]]:
        """Give the vectors that a document holds."""


@dataclass(frozen=True)
class OneVector:
    """One vector of all the text fields together: see `VectorField`."""

    text_fields: tuple[str, ...]
    vector: str

    def texts(self, source: Mapping[str, Any]) -> list[str]:
        """See `VectorField`."""
        passage = passage_of(source, self.text_fields)
        return [passage] if passage else []

    def filled(self, source: Mapping[str, Any], vectors: Sequence[list[float]]) -> dict[str, Any]:
        """See `VectorField`."""
        _check_place(source, self.vector)
        bare = without(source, self.vector)
        return with_value(bare, self.vector, vectors[0]) if vectors else bare

    def change(self, vectors: Sequence[list[float]]) -> dict[str, Any]:
        """See `VectorField`."""
        return with_value({}, self.vector, vectors[0] if vectors else None)

    def vectors(self, source: Mapping[str, Any]) -> list[list[float]]:
        """See `VectorField`."""
        value: Any = source
        for name in self.vector.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        return [] if value is None else [value]


def _check_place(source: Mapping[str, Any], path: str) -> None:
    head, _, rest = path.partition(".")
    inner = source.get(head)
    if rest and inner is not None and not isinstance(inner, Mapping):
        raise ValueError(f"field {head!r} is no object, so nothing can be put at {path!r} in it")
    if rest and inner is not None:
        _check_place(inner, rest)
