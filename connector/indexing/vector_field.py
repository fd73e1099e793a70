"""From a document to the texts that are encoded, and from their vectors to what is written.

One class for each way in which vectors lie in a document: one vector of all its texts, or passages with one each. Pure;
`pipeline` and the stages of a reindex job come in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from connector.documents.passages import passage_of
from connector.documents.paths import check_place, values_at, with_value, without_value
from connector.indexing.splitting import PassageMaker, Passages
from connector.models.encoder import Encoder

Vector = Sequence[float] | NDArray[np.float32]
_BFLOAT16, _SUMS = 2.0**-8, 1e-4


@dataclass(frozen=True, slots=True)
class Part:
    """What one vector is made of.

    Attributes:
        text: what the encoder reads.
        beside: what stands beside the vector in the document; {} where it stands alone.
    """

    text: str
    beside: Mapping[str, Any] = field(default_factory=dict)


class VectorField(Protocol):
    """How vectors lie in a document."""

    @property
    def vector(self) -> str:
        """The dotted path of the vectors."""

    @property
    def place(self) -> str:
        """The dotted path of what is written: the vector, or the objects that hold the vectors."""

    def parts(self, source: Mapping[str, Any]) -> list[Part]:
        """Return what is encoded of a document, one part a vector; [] when it has no text."""

    def value(self, parts: Sequence[Part], vectors: Sequence[Vector]) -> Any:
        """Return what stands at `place`, of one part at least and as many vectors."""


@dataclass(frozen=True)
class OneVector:
    """One vector of all the text fields together: see `VectorField`."""

    text_fields: tuple[str, ...]
    vector: str

    @property
    def place(self) -> str:
        """See `VectorField`."""
        return self.vector

    def parts(self, source: Mapping[str, Any]) -> list[Part]:
        """See `VectorField`."""
        passage = passage_of(source, self.text_fields)
        return [Part(passage)] if passage else []

    def value(self, parts: Sequence[Part], vectors: Sequence[Vector]) -> Any:  # noqa: ARG002
        """See `VectorField`."""
        return vectors[0]


class PassageVectors:
    """Nested objects, each a passage with its vector: see `VectorField`.

    Args:
        passages: how long fields are split.
        text_fields: the document's.
        encoder: counts the tokens.

    Raises:
        RequestError: as `PassageMaker`.
    """

    def __init__(self, passages: Passages, text_fields: Sequence[str], encoder: Encoder) -> None:
        self._maker = PassageMaker(passages, text_fields, encoder)
        self.vector = passages.vector_field
        self.place = passages.path

    def parts(self, source: Mapping[str, Any]) -> list[Part]:
        """See `VectorField`."""
        return [Part(passage.read, passage.to_source()) for passage in self._maker.split(source)]

    def value(self, parts: Sequence[Part], vectors: Sequence[Vector]) -> Any:
        """See `VectorField`."""
        return [{**part.beside, "vector": vector} for part, vector in zip(parts, vectors, strict=True)]


def vector_field_of(
    text_fields: Sequence[str], vector: str, passages: Passages | None, encoder: Encoder
) -> VectorField:
    """Choose how vectors lie in documents. Raises: RequestError: as `PassageMaker`."""
    return PassageVectors(passages, text_fields, encoder) if passages else OneVector(tuple(text_fields), vector)


def filled(
    source: Mapping[str, Any], field: VectorField, parts: Sequence[Part], vectors: Sequence[Vector]
) -> dict[str, Any]:
    """Return a document with its vectors, one a part; with none, without what an earlier text left at their place.

    Raises:
        ValueError: something else stands where they must go.
    """
    check_place(source, field.place)
    bare = without_value(source, field.place)
    return with_value(bare, field.place, field.value(parts, vectors)) if parts else bare


def change(field: VectorField, parts: Sequence[Part], vectors: Sequence[Vector]) -> dict[str, Any]:
    """Return the partial document that sets a document's vectors; with none, that removes them."""
    return with_value({}, field.place, field.value(parts, vectors) if parts else None)


def vectors_in(source: Mapping[str, Any], field: VectorField) -> list[list[float]]:
    """Return the vectors that a document holds."""
    found: list[Any] = [value for value in values_at(source, field.vector) if value is not None]
    return found


def is_current(source: Mapping[str, Any], field: VectorField, parts: Sequence[Part], vectors: Sequence[Vector]) -> bool:
    """True if a document already has these vectors at their place, and in addition what belongs to them."""
    held = list(values_at(source, field.place))
    return len(held) == 1 and _is_same(held[0], field.value(parts, vectors))


def _is_same(held: object, wanted: object) -> bool:
    if isinstance(wanted, Mapping):
        return (
            isinstance(held, Mapping)
            and held.keys() == wanted.keys()
            and all(_is_same(held[name], value) for name, value in wanted.items())
        )
    if isinstance(wanted, list):
        return isinstance(held, list) and len(held) == len(wanted) and all(map(_is_same, held, wanted))
    return is_same_vector(held, wanted) if isinstance(wanted, np.ndarray) else held == wanted


def is_same_vector(held: object, wanted: NDArray[np.float32]) -> bool:
    """True if a vector, as JSON has it, is this one: as near as bfloat16, and another processor's sums, allow."""
    try:
        numbers = np.asarray(held, np.float32)
    except (TypeError, ValueError):
        return False
    return numbers.shape == wanted.shape and bool(np.allclose(numbers, wanted, rtol=_BFLOAT16, atol=_SUMS))
