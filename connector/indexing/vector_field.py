"""How vectors are stored in a document: from its texts that are encoded to what is written. Pure.

There is one class per layout: one vector for all the texts of a document, or passages with one vector each.
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
    """What one vector is made from.

    Attributes:
        text: what the encoder reads.
        stored_with: what is stored next to the vector; {} for a vector alone.
    """

    text: str
    stored_with: Mapping[str, Any] = field(default_factory=dict)


class VectorLayout(Protocol):
    """How vectors are stored in a document."""

    @property
    def vector(self) -> str:
        """The dotted path of the vectors."""

    @property
    def place(self) -> str:
        """The dotted path of what is written: of the vector, or of the objects that hold the vectors."""

    def parts(self, source: Mapping[str, Any]) -> list[Part]:
        """Return what is encoded, one part per vector; [] if the document has no text."""

    def value(self, parts: Sequence[Part], vectors: Sequence[Vector]) -> Any:
        """Return the value at `place`, for at least one part and as many vectors."""


@dataclass(frozen=True)
class OneVector:
    """One vector of all the text fields together: see `VectorLayout`."""

    text_fields: tuple[str, ...]
    vector: str

    @property
    def place(self) -> str:
        """See `VectorLayout`."""
        return self.vector

    def parts(self, source: Mapping[str, Any]) -> list[Part]:
        """See `VectorLayout`."""
        passage = passage_of(source, self.text_fields)
        return [Part(passage)] if passage else []

    def value(self, parts: Sequence[Part], vectors: Sequence[Vector]) -> Any:  # noqa: ARG002
        """See `VectorLayout`."""
        return vectors[0]


class PassageVectors:
    """Nested objects, each a passage with its vector: see `VectorLayout`.

    Args:
        passages: how long fields are split.
        text_fields: the document's.
        encoder: counts the tokens.

    Raises:
        RequestError: as for `PassageMaker`.
    """

    def __init__(self, passages: Passages, text_fields: Sequence[str], encoder: Encoder) -> None:
        self._maker = PassageMaker(passages, text_fields, encoder)
        self.vector = passages.vector_field
        self.place = passages.path

    def parts(self, source: Mapping[str, Any]) -> list[Part]:
        """See `VectorLayout`."""
        return [Part(passage.read, passage.to_source()) for passage in self._maker.split(source)]

    def value(self, parts: Sequence[Part], vectors: Sequence[Vector]) -> Any:
        """See `VectorLayout`."""
        return [{**part.stored_with, "vector": vector} for part, vector in zip(parts, vectors, strict=True)]


def vector_layout_of(
    text_fields: Sequence[str], vector: str, passages: Passages | None, encoder: Encoder
) -> VectorLayout:
    """Choose how vectors are stored.

    Raises:
        RequestError: as for `PassageMaker`.
    """
    return PassageVectors(passages, text_fields, encoder) if passages else OneVector(tuple(text_fields), vector)


def with_vectors(
    source: Mapping[str, Any], layout: VectorLayout, parts: Sequence[Part], vectors: Sequence[Vector]
) -> dict[str, Any]:
    """Return a document with its vectors, one per part; without parts, with older vectors removed.

    Raises:
        ValueError: something else is at their place.
    """
    check_place(source, layout.place)
    bare = without_value(source, layout.place)
    return with_value(bare, layout.place, layout.value(parts, vectors)) if parts else bare


def change(layout: VectorLayout, parts: Sequence[Part], vectors: Sequence[Vector]) -> dict[str, Any]:
    """Return the partial document that sets a document's vectors, or without parts removes them."""
    return with_value({}, layout.place, layout.value(parts, vectors) if parts else None)


def vectors_in(source: Mapping[str, Any], layout: VectorLayout) -> list[list[float]]:
    """Return the vectors that a document holds."""
    found: list[Any] = [value for value in values_at(source, layout.vector) if value is not None]
    return found


def is_current(
    source: Mapping[str, Any], layout: VectorLayout, parts: Sequence[Part], vectors: Sequence[Vector]
) -> bool:
    """True if a document already has these vectors, and what is stored next to them."""
    values = list(values_at(source, layout.place))
    return len(values) == 1 and _is_same(values[0], layout.value(parts, vectors))


def _is_same(found: object, wanted: object) -> bool:
    if isinstance(wanted, Mapping):
        return (
            isinstance(found, Mapping)
            and found.keys() == wanted.keys()
            and all(_is_same(found[name], value) for name, value in wanted.items())
        )
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(_is_same, found, wanted))
    return is_same_vector(found, wanted) if isinstance(wanted, np.ndarray) else found == wanted


def is_same_vector(found: object, wanted: NDArray[np.float32]) -> bool:
    """True if a vector from JSON equals another up to bfloat16 rounding and another processor's sums."""
    try:
        numbers = np.asarray(found, np.float32)
    except (TypeError, ValueError):
        return False
    return numbers.shape == wanted.shape and bool(np.allclose(numbers, wanted, rtol=_BFLOAT16, atol=_SUMS))
