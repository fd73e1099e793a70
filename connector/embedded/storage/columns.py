"""Numbers and vectors as numpy arrays, one column per field; terms are in `postings`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from connector.embedded.analysis.postings import Floats, Ints, Mask


class NumberColumn:
    """The values of a numeric or date field; a document may have any number of them."""

    def __init__(self, dtype: type[np.int64] | type[np.float64]) -> None:
        self._dtype = dtype
        self._pending: list[tuple[int, list[Any]]] = []
        self._slots: Ints = np.zeros(0, dtype=np.int64)
        self._values: npt.NDArray[Any] = np.zeros(0, dtype=dtype)

    def add(self, slot: int, values: list[Any]) -> None:
        """Add a document's values."""
        self._pending.append((slot, values))

    def freeze(self, _: int) -> None:
        """Bring the arrays up to date."""
        if self._pending:
            owners = [slot for slot, values in self._pending for _ in values]
            numbers = [value for _, values in self._pending for value in values]
            self._slots = np.concatenate([self._slots, np.array(owners, dtype=np.int64)])
            self._values = np.concatenate([self._values, np.array(numbers, dtype=self._dtype)])
            self._pending = []

    def present(self, slots: int) -> Mask:
        """Return which documents have a value."""
        return self._where(np.ones(len(self._slots), dtype=np.bool_), slots)

    def values_of(self, mask: Mask) -> tuple[Ints, npt.NDArray[Any]]:
        """Return the values of some documents, and the document of each value."""
        kept = mask[self._slots]
        return self._slots[kept], self._values[kept]

    def equal(self, values: list[Any], slots: int) -> Mask:
        """Return which documents have one of the values, bit for bit: -0.0 is not 0.0, as in Lucene."""
        wanted = np.array(values, dtype=self._dtype)
        return self._where(np.isin(self._values.view(np.int64), wanted.view(np.int64)), slots)

    def between(self, bounds: dict[str, Any], slots: int) -> Mask:
        """Return which documents have a value within the bounds (gt, gte, lt, lte)."""
        compare = {"gt": np.greater, "gte": np.greater_equal, "lt": np.less, "lte": np.less_equal}
        hits = np.ones(len(self._slots), dtype=np.bool_)
        for name, bound in bounds.items():
            hits &= compare[name](self._values, bound)
        return self._where(hits, slots)

    def _where(self, hits: Mask, slots: int) -> Mask:
        mask = np.zeros(slots, dtype=np.bool_)
        mask[self._slots[hits]] = True
        return mask


class VectorColumn:
    """The vectors of a dense_vector field: float32, one per document; of unit length if `normalized` (cosine).

    In nested objects a document has one vector per object; `offsets` tells which object.
    """

    def __init__(self, *, normalized: bool) -> None:
        self._normalized = normalized
        self._pending: list[tuple[int, int, Floats]] = []
        self._slots: Ints = np.zeros(0, dtype=np.int64)
        self._offsets: Ints = np.zeros(0, dtype=np.int64)
        self._matrix: Floats = np.zeros((0, 0), dtype=np.float32)

    def add(self, slot: int, values: list[Any]) -> None:
        """Add a document's vector, or those of its nested objects, with None for an object without one."""
        self._pending += [(slot, offset, vector) for offset, vector in enumerate(values) if vector is not None]

    def freeze(self, _: int) -> None:
        """Bring the matrix up to date; its capacity doubles, so that the cost of a write is proportional to it."""
        if not self._pending:
            return
        added = np.stack([vector for *_, vector in self._pending])
        if self._normalized:
            added = normalize(added)
        used = len(self._slots)
        if used + len(added) > len(self._matrix):
            room = np.zeros((max(2 * used, used + len(added)), added.shape[1]), dtype=np.float32)
            room[:used] = self._matrix[:used] if used else 0
            self._matrix = room
        self._matrix[used : used + len(added)] = added
        slots, offsets = np.array([(slot, offset) for slot, offset, _ in self._pending], dtype=np.int64).T
        self._slots = np.concatenate([self._slots, slots])
        self._offsets = np.concatenate([self._offsets, offsets])
        self._pending = []

    def present(self, slots: int) -> Mask:
        """Return which documents have a vector."""
        mask = np.zeros(slots, dtype=np.bool_)
        mask[self._slots] = True
        return mask

    def vectors(self) -> tuple[Ints, Floats]:
        """Return slots (n,) and vectors (n, dims) in the order of insertion, including those of dead documents."""
        return self._slots, self._matrix[: len(self._slots)]

    def offsets(self) -> Ints:
        """Return the position of each vector's object among its document's nested objects, (n,)."""
        return self._offsets


def normalize(vectors: Floats) -> Floats:
    """Scale rows to unit length, in float32."""
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    return np.asarray(vectors / lengths[:, None], dtype=np.float32)
