"""A bounded cache: the values used last, up to a total weight."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Generic, TypeVar

from cachetools import LRUCache

from connector.models.once import ForkSafeLock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class RecentValues(Generic[K, V]):
    """The most recently used values; safe from many threads and in a forked child.

    Args:
        most_weight: how much all values may weigh together; a value that weighs more is not stored.
        weigh: returns a value's weight; by default each weighs 1.
    """

    def __init__(self, most_weight: int, weigh: Callable[[V], int] = lambda _: 1) -> None:
        self._values: LRUCache[K, V] = LRUCache(most_weight, getsizeof=weigh)
        self._lock = ForkSafeLock()

    def get(self, key: K) -> V | None:
        """Return the value stored under a key, and mark it as just used; None if there is none."""
        with self._lock:
            return self._values.get(key)

    def put(self, key: K, value: V) -> None:
        """Store a value unless its key has one; the least recently used values make room for it."""
        with self._lock, suppress(ValueError):  # it weighs more than all may
            if key not in self._values:
                self._values[key] = value

    def clear(self) -> None:
        """Remove all values."""
        with self._lock:
            self._values.clear()
