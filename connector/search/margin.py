"""How long before its deadline a search stops reranking, so that the response is written in time."""

from __future__ import annotations

from connector.models.once import ForkSafeLock

_LEAST_MS = 2.0
_DECAY = 0.98
_MOST_OF_A_BUDGET = 0.25


class Margin:
    """Milliseconds that are kept back: what recent searches needed at most, forgotten slowly.

    A busy machine wakes a thread late and writes a response slowly, so the margin grows with the load.
    """

    def __init__(self) -> None:
        self._lock = ForkSafeLock()
        self._needed_ms = _LEAST_MS

    def of(self, budget_ms: float) -> float:
        """Return the margin of a search with this budget."""
        with self._lock:
            return min(self._needed_ms, _MOST_OF_A_BUDGET * budget_ms)

    def learn(self, needed_ms: float) -> None:
        """Note how long a search took from the end of its reranking, less its round trips, to its response."""
        with self._lock:
            self._needed_ms = max(_DECAY * self._needed_ms, needed_ms, _LEAST_MS)


MARGIN = Margin()
"""That of this process."""
