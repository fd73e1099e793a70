"""Terms and their documents as numpy arrays, scored by Lucene's BM25; one column per field.

float32 throughout, statistics over the live documents (Lucene counts deleted ones until a merge):

    idf    = log(1 + (N - df + 0.5) / (df + 0.5))        N: live documents with a term in the field
    weight = boost * 2.2 * idf
    norm   = 1 / (1.2 * (0.25 + 0.75 * byte4(length) / average))
    score  = weight - weight / (1 + tf * norm)

Source: Lucene's BM25Similarity and SmallFloat, Elasticsearch's LegacyBM25Similarity.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_K1_PLUS_1 = np.float32(2.2)


def byte4(lengths: Ints) -> Ints:
    """Round field lengths as Lucene's one-byte norms do: exact below 40, then length - 24 to four bits."""
    above = np.maximum(lengths - 24, 0)
    bits = np.frexp(above.astype(np.float64))[1]
    shift = np.maximum(bits - 4, 0)
    return np.where(lengths < 24, lengths, 24 + ((above >> shift) << shift)).astype(np.int64)


class Statistics(NamedTuple):
    """A field's statistics for BM25: the number of live documents with a term, and the norm of each document."""

    documents: int
    norms: Floats


@dataclass(frozen=True)
class _Segment:
    """Postings sorted by term, then slot."""

    terms: Ints
    starts: Ints
    slots: Ints
    frequencies: Ints

    def find(self, term: int) -> slice:
        row = int(np.searchsorted(self.terms, term))
        if row == len(self.terms) or self.terms[row] != term:
            return slice(0, 0)
        return slice(int(self.starts[row]), int(self.starts[row + 1]))


def _segment(terms: Ints, slots: Ints, frequencies: Ints) -> _Segment:
    order = np.argsort(terms, kind="stable")
    unique, first = np.unique(terms[order], return_index=True)
    starts = np.append(first, len(terms)).astype(np.int64)
    return _Segment(unique, starts, slots[order], frequencies[order])


def _merge(left: _Segment, right: _Segment) -> _Segment:
    terms = np.concatenate([np.repeat(part.terms, np.diff(part.starts)) for part in (left, right)])
    slots = np.concatenate([left.slots, right.slots])
    return _segment(terms, slots, np.concatenate([left.frequencies, right.frequencies]))


class TermColumn:
    """The terms of one field.

    New documents are analysed when a search needs them. They become a segment, and segments of similar size are merged,
    so that the cost of a write followed by a search is proportional to the write.

    Args:
        analyze: returns the terms of a value.
        with_norms: whether length counts (text). If not (keyword), tf is 1 and every document has the length 1.
    """

    def __init__(self, analyze: Callable[[str], list[str]], *, with_norms: bool) -> None:
        self._analyze = analyze
        self._with_norms = with_norms
        self._pending: list[tuple[int, list[str]]] = []
        self._vocabulary: dict[str, int] = {}
        self._segments: list[_Segment] = []
        self._lengths = np.zeros(0, dtype=np.int64)
        self._present = np.zeros(0, dtype=np.bool_)
        self._statistics: tuple[int, Statistics] | None = None

    def add(self, slot: int, values: list[Any]) -> None:
        """Add a document's values; slots must increase."""
        self._pending.append((slot, values))

    def freeze(self, slots: int) -> None:
        """Analyse the pending documents and size the arrays for `slots` documents."""
        grown = slots - len(self._lengths)
        if grown > 0:
            self._lengths = np.concatenate(
                [self._lengths, np.zeros(max(grown, len(self._lengths) // 2), dtype=np.int64)]
            )
            self._present = np.concatenate(
                [self._present, np.zeros(len(self._lengths) - len(self._present), dtype=np.bool_)]
            )
        if not self._pending:
            return
        terms: list[int] = []
        owners: list[int] = []
        frequencies: list[int] = []
        vocabulary = self._vocabulary
        for slot, values in self._pending:
            counts = Counter(term for value in values for term in self._analyze(value))
            terms += [vocabulary.setdefault(term, len(vocabulary)) for term in counts]
            owners += [slot] * len(counts)
            frequencies += counts.values() if self._with_norms else [1] * len(counts)
            self._lengths[slot] = counts.total() if self._with_norms else len(counts)
            self._present[slot] = bool(values)
        self._pending = []
        segment = _segment(*(np.array(part, dtype=np.int64) for part in (terms, owners, frequencies)))
        while self._segments and len(self._segments[-1].slots) < 2 * len(segment.slots):
            segment = _merge(self._segments.pop(), segment)
        self._segments.append(segment)

    def present(self, slots: int) -> Mask:
        """Return which documents have a value."""
        return np.array(self._present[:slots])

    def terms(self) -> list[str]:
        """Return every term, including those of deleted documents."""
        return list(self._vocabulary)

    def postings(self, term: str) -> tuple[Ints, Ints]:
        """Return the slots with a term, ascending, and the term's frequency in each."""
        number = self._vocabulary.get(term, -1)
        found = [(segment, segment.find(number)) for segment in self._segments]
        parts = [(segment.slots[span], segment.frequencies[span]) for segment, span in found]
        if not parts:
            empty = np.zeros(0, dtype=np.int64)
            return empty, empty
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def score(self, term: str, boost: np.float32, live: Mask, generation: int) -> tuple[Ints, Floats]:
        """Return the live slots with a term and their BM25 scores (float32)."""
        slots, frequencies = self.postings(term)
        alive = live[slots]
        slots, frequencies = slots[alive], frequencies[alive]
        if not len(slots):
            return slots, np.zeros(0, dtype=np.float32)
        statistics = self._statistics_of(live, generation)
        idf = np.float32(math.log(1 + (statistics.documents - len(slots) + 0.5) / (len(slots) + 0.5)))
        weight = boost * _K1_PLUS_1 * idf
        norms = statistics.norms[slots]
        return slots, weight - weight / (np.float32(1) + frequencies.astype(np.float32) * norms)

    def _statistics_of(self, live: Mask, generation: int) -> Statistics:
        if self._statistics is None or self._statistics[0] != generation:
            lengths = self._lengths[: len(live)]
            counted = live & (lengths > 0)
            count = int(counted.sum())
            average = np.float32(lengths[counted].sum() / max(count, 1))
            rounded = byte4(lengths).astype(np.float32) if self._with_norms else np.ones(len(live), dtype=np.float32)
            one, quarter, three_quarters, k1 = (np.float32(value) for value in (1, 0.25, 0.75, 1.2))
            norms = one / (k1 * (quarter + three_quarters * rounded / average))
            self._statistics = (generation, Statistics(count, norms))
        return self._statistics[1]
