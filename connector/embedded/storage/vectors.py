"""Vectors of float, byte and bit fields: read from arrays and texts, checked, and scored by Lucene's formulas.

A `bit` field packs 8 dims into a byte, so that its vectors have as many numbers as a `byte` field's of an eighth.

float: cosine (1 + cos) / 2; dot_product (1 + dot) / 2; l2_norm 1 / (1 + d^2); max_inner_product 1 + dot, or 1 / (1 -
    dot) where dot is below 0
byte: the same, but for dot_product 1 / 2 + dot / (dims * 2^15)
bit: (dims - hamming) / dims
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence, Sized
from dataclasses import dataclass

import numpy as np

from connector.embedded.analysis.postings import Floats
from connector.embedded.scalars import as_double
from connector.embedded.storage.mapping import Field

_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")
_UNIT_TOLERANCE = 1e-4
_PREVIEW = 5


def bytes_only(held: Field) -> bool:
    """True if a field's vectors are made of bytes: `byte` and `bit`."""
    return held.element_type != "float"


def length_of(held: Field) -> int | None:
    """How many numbers a vector of this field has; None while its dims are not known."""
    dims = held.parameters.get("dims")
    return None if dims is None else int(dims) // 8 if held.element_type == "bit" else int(dims)


def dims_of(held: Field, numbers: Sized) -> int:
    """The dims that so many numbers are in this field."""
    return len(numbers) * 8 if held.element_type == "bit" else len(numbers)


def numbers_in(text: str, held: Field, *, hex_floats: bool) -> list[float] | None:
    """The numbers that a text holds as hex or base64 bytes, or as big-endian floats in base64; None: it holds none.

    `hex_floats` reads hex digits as the small whole numbers of a float field's vector, as in a query.
    """
    length = length_of(held)
    is_hex = _HEX.fullmatch(text) is not None and (bytes_only(held) or hex_floats)
    if is_hex and length in (None, len(text) // 2):
        return _signed(bytes.fromhex(text))
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if bytes_only(held) and content and length in (None, len(content)):
        return _signed(content)
    if not bytes_only(held) and content and len(content) % 4 == 0 and length in (None, len(content) // 4):
        return [float(number) for number in np.frombuffer(content, dtype=">f4")]
    return _signed(bytes.fromhex(text)) if is_hex else None


def _signed(content: bytes) -> list[float]:
    return [float(number) for number in np.frombuffer(content, dtype=np.int8)]


def as_array(numbers: Sequence[float]) -> Floats:
    """A vector's numbers as float32; what is too large is infinite."""
    with np.errstate(over="ignore"):
        try:
            return np.array(numbers, dtype=np.float64).astype(np.float32)
        except OverflowError:  # a whole number that no double holds
            return np.array(list(map(as_double, numbers)), dtype=np.float64).astype(np.float32)


def fault(numbers: Sequence[float], vector: Floats, held: Field) -> str | None:
    """Why a vector can't be used in its field, or None; `numbers` are those of `vector` as they came."""
    if bytes_only(held) and (reason := _byte_fault(numbers, held.element_type)) is not None:
        return reason
    preview = f"Preview of invalid vector: {_shown(vector[:_PREVIEW], held)}"
    if not np.isfinite(vector).all():
        return f"element_type [float] vectors do not support NaN or infinite values. {preview}"
    similarity = held.parameters.get("similarity") if held.is_indexed else None
    squared = float(np.dot(vector, vector))
    if similarity == "cosine" and squared == 0:
        return f"The [cosine] similarity does not support vectors with zero magnitude. {preview}"
    if similarity == "dot_product" and not bytes_only(held) and abs(squared - 1) > _UNIT_TOLERANCE:
        return f"The [dot_product] similarity can only be used with unit-length vectors. {preview}"
    return None


def _byte_fault(numbers: Sequence[float], kind: str) -> str | None:
    for place, number in enumerate(numbers):
        if number % 1:
            return (
                f"element_type [{kind}] vectors only support non-decimal values but found decimal value [{number}] "
                f"at dim [{place}];"
            )
        if not -128 <= number <= 127:
            return (
                f"element_type [{kind}] vectors only support integers between [-128, 127] but found [{number}] "
                f"at dim [{place}];"
            )
    return None


def _shown(vector: Floats, held: Field) -> list[float]:
    return [int(number) if bytes_only(held) else float(number) for number in vector]


def values_of(vector: Floats, held: Field) -> list[float]:
    """A vector's numbers as `fields` shows them: the shortest decimals of floats, whole numbers for bytes."""
    return [int(number) if bytes_only(held) else float(str(number)) for number in vector]


@dataclass(frozen=True)
class Metric:
    """How the vectors of a field are scored."""

    similarity: str
    element_type: str
    dims: int

    @classmethod
    def of(cls, held: Field, query: Floats) -> Metric:
        """The metric of a field that a query vector is compared in."""
        return cls(str(held.parameters["similarity"]), held.element_type, dims_of(held, query))

    def scores(self, vectors: Floats, query: Floats) -> Floats:
        """Scores (n,) of vectors (n, numbers)."""
        if self.element_type == "bit":
            packed = vectors.astype(np.int8).view(np.uint8) ^ query.astype(np.int8).view(np.uint8)
            return self.as_score(np.unpackbits(packed, axis=1).sum(axis=1, dtype=np.float32))
        if self.similarity == "l2_norm":
            difference = vectors - query
            return self.as_score(np.sqrt(np.einsum("ij,ij->i", difference, difference)))
        if self.element_type == "byte" and self.similarity != "cosine":  # products of bytes are summed as integers
            return self.as_score((vectors.astype(np.float64) @ query.astype(np.float64)).astype(np.float32))
        return self.as_score(vectors @ query)

    def as_score(self, value: Floats) -> Floats:
        """A similarity (for l2_norm a distance, for bits a number of bits) as a score; float32 in and out."""
        one = np.float32(1)
        if self.element_type == "bit":
            return np.asarray((self.dims - value) / np.float32(self.dims), dtype=np.float32)
        if self.similarity == "l2_norm":
            return np.asarray(one / (one + value * value), dtype=np.float32)
        if self.similarity == "max_inner_product":
            inverse = one / (one - np.minimum(value, 0))
            return np.asarray(np.where(value < 0, inverse, one + value), dtype=np.float32)
        if self.similarity == "dot_product" and self.element_type == "byte":
            return np.asarray(np.float32(0.5) + value / np.float32(self.dims * 2**15), dtype=np.float32)
        return np.asarray(np.maximum((one + value) / np.float32(2), np.float32(0)), dtype=np.float32)
