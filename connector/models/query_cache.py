"""Query vectors that were computed a short while ago: people ask the same things, page by page."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from connector.models.loading import ForkSafeLock

_MOST_QUERIES = 1_024
_LONGEST_CHARACTERS = 2_000


class QueryCache:
    """The vectors of the queries asked last; safe from many threads. A very long query is not kept.

    Args:
        most: how many queries are kept.
    """

    def __init__(self, most: int = _MOST_QUERIES) -> None:
        self._most = most
        self._held: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = ForkSafeLock()

    def vectors(self, texts: Sequence[str], encode: Callable[[list[str]], NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the vectors of the texts, (n, dims), encoding only those not kept, each once."""
        with self._lock:
            known = {text: self._held[text] for text in texts if text in self._held}
            for text in known:
                self._held.move_to_end(text)
        unknown = [text for text in dict.fromkeys(texts) if text not in known]
        if not texts or unknown:
            fresh = encode(unknown)
            if not texts:
                return fresh
            known.update(zip(unknown, fresh, strict=True))
            with self._lock:
                for text in unknown:
                    if len(text) <= _LONGEST_CHARACTERS:
                        self._held[text] = known[text].copy()
                while len(self._held) > self._most:
                    self._held.popitem(last=False)
        return np.stack([known[text] for text in texts])
