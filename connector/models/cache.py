"""The caches of cachetools, for many threads and forked children."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Generic, TypeVar

from cachetools import Cache

from connector.models.once import ForkSafe

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SharedCache(ForkSafe, Generic[K, V]):
    """A cache that many threads may use; a forked child starts with what its parent had stored.

    Args:
        make_empty: returns the cache of cachetools, which decides how much is stored, and for how long.
    """

    def __init__(self, make_empty: Callable[[], Cache[K, V]]) -> None:
        self._make_empty = make_empty
        self._values = make_empty()
        self._lock = threading.Lock()
        super().__init__()

    def __len__(self) -> int:
        with self._lock:
            return len(self._values)

    def get(self, key: K) -> V | None:
        """Return the value stored under a key, and mark it as just used; None if there is none."""
        with self._lock:
            return self._values.get(key)

    def put(self, key: K, value: V) -> V:
        """Store a value unless it weighs more than the whole cache may, and return it."""
        with self._lock, suppress(ValueError):
            self._values[key] = value
        return value

    def clear(self) -> None:
        """Remove all values."""
        with self._lock:
            self._values.clear()

    def after_fork_in_child(self) -> None:
        """Free the lock; what another thread of the parent was changing when it forked is dropped."""
        if self._lock.locked():
            self._values = self._make_empty()
        self._lock = threading.Lock()
