"""A bounded cache: the values used last, up to a total weight."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

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
        self._most_weight = most_weight
        self._weigh = weigh
        self._weight = 0
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = ForkSafeLock()

    def get(self, key: K) -> V | None:
        """Return the value stored under a key, and mark it as just used; None if there is none."""
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: K, value: V) -> None:
        """Store a value unless its key has one; the least recently used values make room for it."""
        weight = self._weigh(value)
        if weight > self._most_weight:
            return
        with self._lock:
            if key not in self._values:
                self._values[key] = value
                self._weight += weight
            while self._weight > self._most_weight:
                self._weight -= self._weigh(self._values.popitem(last=False)[1])

    def clear(self) -> None:
        """Remove all values."""
        with self._lock:
            self._values.clear()
            self._weight = 0
