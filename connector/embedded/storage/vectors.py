"""Vectors of float, byte and bit fields: read from arrays and strings, checked, and scored by Lucene's formulas.

A `bit` field packs 8 dims into a byte, so its vectors have an eighth as many numbers as dims.

float: cosine (1 + cos) / 2; dot_product (1 + dot) / 2; l2_norm 1 / (1 + d^2); max_inner_product 1 + dot, or 1 / (1 -
    dot) where dot is below 0
byte: the same, except dot_product 1 / 2 + dot / (dims * 2^15)
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


def bytes_only(field: Field) -> bool:
    """Return whether the elements of a field's vectors are bytes: `byte` and `bit`."""
    return field.element_type != "float"


def length_of(field: Field) -> int | None:
    """Return how many numbers a vector of this field has; None if its dims are not known yet."""
    dims = field.parameters.get("dims")
    return None if dims is None else int(dims) // 8 if field.element_type == "bit" else int(dims)


def dims_of(field: Field, numbers: Sized) -> int:
    """Return the dims of a vector in this field."""
    return len(numbers) * 8 if field.element_type == "bit" else len(numbers)


def numbers_in(text: str, field: Field, *, hex_floats: bool) -> list[float] | None:
    """Return the numbers in a string of hex or base64 bytes, or of big-endian floats in base64; None for any other.

    With `hex_floats`, hex digits are the bytes of a float field's vector, as in a query.
    """
    length = length_of(field)
    is_hex = _HEX.fullmatch(text) is not None and (bytes_only(field) or hex_floats)
    if is_hex and length in (None, len(text) // 2):
        return _signed(bytes.fromhex(text))
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if bytes_only(field) and content and length in (None, len(content)):
        return _signed(content)
    if not bytes_only(field) and content and len(content) % 4 == 0 and length in (None, len(content) // 4):
        return [float(number) for number in np.frombuffer(content, dtype=">f4")]
    return _signed(bytes.fromhex(text)) if is_hex else None


def _signed(content: bytes) -> list[float]:
    return [float(number) for number in np.frombuffer(content, dtype=np.int8)]


def as_array(numbers: Sequence[float]) -> Floats:
    """Return a vector's numbers as float32; those out of range are infinite."""
    with np.errstate(over="ignore"):
        try:
            return np.array(numbers, dtype=np.float64).astype(np.float32)
        except OverflowError:  # a whole number that no double holds
            return np.array(list(map(as_double, numbers)), dtype=np.float64).astype(np.float32)


def fault(numbers: Sequence[float], vector: Floats, field: Field) -> str | None:
    """Return why a vector can't be used in its field, or None; `numbers` are the original numbers of `vector`."""
    if bytes_only(field) and (reason := _byte_fault(numbers, field.element_type)) is not None:
        return reason
    preview = f"Preview of invalid vector: {_shown(vector[:_PREVIEW], field)}"
    if not np.isfinite(vector).all():
        return f"element_type [float] vectors do not support NaN or infinite values. {preview}"
    similarity = field.parameters.get("similarity") if field.is_indexed else None
    squared = float(np.dot(vector, vector))
    if similarity == "cosine" and squared == 0:
        return f"The [cosine] similarity does not support vectors with zero magnitude. {preview}"
    if similarity == "dot_product" and not bytes_only(field) and abs(squared - 1) > _UNIT_TOLERANCE:
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


def _shown(vector: Floats, field: Field) -> list[float]:
    return [int(number) if bytes_only(field) else float(number) for number in vector]


def values_of(vector: Floats, field: Field) -> list[float]:
    """Return a vector's numbers as `fields` shows them: the shortest decimals of floats, integers for bytes."""
    return [int(number) if bytes_only(field) else float(str(number)) for number in vector]


@dataclass(frozen=True)
class Metric:
    """The similarity that scores the vectors of a field."""

    similarity: str
    element_type: str
    dims: int

    @classmethod
    def of(cls, field: Field, query: Floats) -> Metric:
        """Return the metric of a field for a query vector."""
        return cls(str(field.parameters["similarity"]), field.element_type, dims_of(field, query))

    def scores(self, vectors: Floats, query: Floats) -> Floats:
        """Return the scores (n,) of vectors (n, numbers)."""
        if self.element_type == "bit":
            packed = vectors.astype(np.int8).view(np.uint8) ^ query.astype(np.int8).view(np.uint8)
            return self.as_score(np.unpackbits(packed, axis=1).sum(axis=1, dtype=np.float32))
        if self.similarity == "l2_norm":
            difference = vectors - query
            return self.as_score(np.sqrt(np.einsum("ij,ij->i", difference, difference)))
        if self.element_type == "byte" and self.similarity != "cosine":  # Lucene sums products of bytes as integers
            return self.as_score((vectors.astype(np.float64) @ query.astype(np.float64)).astype(np.float32))
        return self.as_score(vectors @ query)

    def as_score(self, value: Floats) -> Floats:
        """Convert a similarity (for l2_norm a distance, for bits a number of bits) to a score, in float32."""
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
