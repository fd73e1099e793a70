"""How fast a reranker reads: learned from what it has read, and shared by all who are reading."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from math import inf
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from connector.models.compute_pool import cores
from connector.models.cost import Cost
from connector.models.once import ForkSafeLock
from connector.models.stopping import Stop

_MEMORY = 0.9
"""The weight of an observation relative to the next one."""
_SHARE, _ALL_OF_IT = 0.75, 0.85
"""How much of the time left a chunk may take, and the last one: a wrong prediction then costs only a part of it."""
CHARACTERS_PER_TOKEN = 5
_TYPICAL_PAIRS, _TYPICAL_CHARACTERS = 16, 600
_PAIR_CHARACTERS = 150
"""What a pair costs in addition to its passage, in characters: the query and the special tokens."""


class Pace:
    """Seconds in proportion to the size of what is read, by what was read last.

    Readers share the machine, so each takes as many times longer as there are readers.

    Args:
        longest: how many characters of a passage cost time; a longer passage is read in part.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._lock = ForkSafeLock()
        self._size = self._seconds = 0.0
        self._readers = 0

    def size(self, texts: Sequence[str]) -> int:
        """Return the size of passages, in characters."""
        return sum(min(len(text), self._longest) + _PAIR_CHARACTERS for text in texts)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Count as a reader."""
        with self._lock:
            self._readers += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1

    def observe(self, size: int, seconds: float) -> None:
        """Learn how long something took."""
        with self._lock:
            self._size = self._size * _MEMORY + size
            self._seconds = self._seconds * _MEMORY + seconds / max(self._readers, 1)

    def expect(self, cost: Cost) -> None:
        """Start from a measured cost, until something is observed."""
        characters = _TYPICAL_PAIRS * (_TYPICAL_CHARACTERS + _PAIR_CHARACTERS)
        self.observe(characters, cost.predict_ms(_TYPICAL_PAIRS, characters / CHARACTERS_PER_TOKEN) / 1000)

    def refuse(self) -> None:
        """Expect to be a little faster next time: who never tries would never learn that it would have worked."""
        with self._lock:
            self._seconds *= _MEMORY

    def predict_s(self, size: int) -> float | None:
        """Return how many seconds something will take; None if nothing was observed."""
        with self._lock:
            if not self._size:
                return None
            return size * self._seconds / self._size * max(self._readers, 1)

    def read(
        self, texts: Sequence[str], stop: Stop, score: Callable[[Sequence[str]], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        """Score texts in their order, in chunks that fit the time left.

        Args:
            texts: the passages, best first.
            stop: when to stop.
            score: scores some of them, NaN for those that it could not score in time.

        Returns:
            float32 (n,), NaN for texts that were not read.
        """
        scores = np.full(len(texts), np.nan, dtype=np.float32)
        start = 0
        with self.reading():
            while start < len(texts) and not stop.is_over:
                chunk = texts[start : start + self._count(texts[start:], stop.left_s)]
                if not chunk:
                    self.refuse()
                    break
                began = perf_counter()
                found = score(chunk)
                unread = np.flatnonzero(np.isnan(found))
                read = int(unread[0]) if len(unread) else len(chunk)
                scores[start : start + read] = found[:read]
                self.observe(self.size(chunk[:read] or chunk), perf_counter() - began)
                start += read
                if read < len(chunk):  # what was read after a gap would go before better hits that were not
                    break
        return scores

    def fitting(self, texts: Sequence[str], left_s: float) -> int:
        """Return how many of these texts can be read in the time left, at once; all if nobody knows."""
        times_s = self._times_s(texts)
        return len(texts) if times_s is None else bisect_right(times_s, _ALL_OF_IT * left_s)

    def _times_s(self, texts: Sequence[str]) -> list[float] | None:
        """Return how long the first text takes, the first two, and so on; None if nobody knows."""
        if self.predict_s(1) is None:
            return None
        return [self.predict_s(size) or 0.0 for size in accumulate(self.size([text]) for text in texts)]

    def _count(self, texts: Sequence[str], left_s: float) -> int:
        """Return how many of these texts to read next; 0 if not even one can be read in time."""
        if left_s == inf:
            return len(texts)
        times_s = self._times_s(texts)
        if times_s is None:
            return min(len(texts), cores())
        if times_s[-1] <= _ALL_OF_IT * left_s:
            return len(texts)
        return bisect_right(times_s, _SHARE * left_s) or int(times_s[0] <= left_s)
