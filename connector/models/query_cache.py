"""Vectors of recent queries: the same query comes again for each of its pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from connector.models.cache import SharedCache

_MOST_QUERIES = 1_024
_LONGEST_CHARACTERS = 2_000


class QueryCache:
    """The vectors of the most recent queries; safe from many threads. A very long query is not stored.

    Args:
        most: how many queries are stored.
    """

    def __init__(self, most: int = _MOST_QUERIES) -> None:
        self._vectors: SharedCache[str, NDArray[np.float32]] = SharedCache(lambda: LRUCache(most))

    def vectors(self, texts: Sequence[str], encode: Callable[[list[str]], NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the texts' vectors, (n, dims); only texts that are not stored are encoded, each once."""
        if not texts:
            return encode([])
        known = {text: vector for text in texts if (vector := self._vectors.get(text)) is not None}
        unknown = [text for text in dict.fromkeys(texts) if text not in known]
        if unknown:
            known.update(zip(unknown, encode(unknown), strict=True))
            for text in unknown:
                if len(text) <= _LONGEST_CHARACTERS:
                    self._vectors.put(text, known[text].copy())
        return np.stack([known[text] for text in texts])
