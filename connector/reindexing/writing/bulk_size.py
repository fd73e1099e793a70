"""How much goes into one bulk request: more while the cluster is fast, half when it answers 429. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_FEWEST, _MOST = 1, 5_000
_LEAST_BYTES, _MOST_BYTES = 64 * 1024, 16 * 1024 * 1024


@dataclass
class BulkSize:
    """The current limits of a bulk request, adjusted to what the cluster can take, as TCP adjusts its window.

    Attributes:
        count: most actions in a request.
        bytes: most bytes in a request; one action that is larger goes alone.
        wanted_ms: a request that takes longer makes the next smaller.
    """

    count: int = 500
    bytes: int = 4 * 1024 * 1024
    wanted_ms: float = 2_000.0

    def rejected(self) -> None:
        """Halve both limits: the cluster answered 429, or did not answer in time."""
        self._scale(0.5)

    def took(self, latency_ms: float, count: int, size_bytes: int) -> None:
        """Adjust the limits after a successful request: down after a slow one, up after a fast and full one."""
        if latency_ms > self.wanted_ms:
            self._scale(0.8)
        elif latency_ms < self.wanted_ms / 2 and (count >= 0.8 * self.count or size_bytes >= 0.8 * self.bytes):
            self._scale(1.25)

    def _scale(self, factor: float) -> None:
        step = 1 if factor > 1 else 0
        self.count = min(max(int(self.count * factor) + step, _FEWEST), _MOST)
        self.bytes = min(max(int(self.bytes * factor), _LEAST_BYTES), _MOST_BYTES)

    def first(self, sizes: Sequence[int]) -> int:
        """Return how many of these actions, in bytes each, go into the next request: at least one."""
        total = 0
        for number, size in enumerate(sizes):
            total += size
            if number and (number >= self.count or total > self.bytes):
                return number
        return len(sizes)


def halves(count: int) -> Iterator[slice]:
    """Yield the two halves of a request that was rejected as a whole."""
    middle = count // 2
    yield slice(0, middle)
    yield slice(middle, count)
