"""A cache of what was read a short time ago, by caller; entries expire, the least recently used goes first."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from time import monotonic
from typing import Generic, TypeVar

from connector.models.once import ForkSafeLock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_SAME_FOR_ALL_CALLERS = frozenset(
    {"accept", "content-type", "user-agent", "x-elastic-client-meta", "x-opaque-id", "traceparent", "tracestate"}
)
_SALT = secrets.token_bytes(16)


def caller_of(headers: Mapping[str, str] | None) -> str:
    """Return a name for whoever sends requests with these headers: the same name for the same credentials.

    The credentials can't be read from the name. Every header counts, as a proxy's own or `es-security-runas-user`,
    except those that are known not to identify a caller.
    """
    named = ((name.lower(), str(value)) for name, value in (headers or {}).items())
    identifying = sorted(pair for pair in named if pair[0] not in _SAME_FOR_ALL_CALLERS)
    return hashlib.blake2b(repr(identifying).encode("utf-8", "surrogatepass"), key=_SALT, digest_size=16).hexdigest()


class Kept(Generic[K, V]):
    """Values by key, each kept for some time; safe to use from many threads and in a forked child.

    Args:
        most: how many values are kept.
        most_weight: how much they may weigh together; the newest is kept however heavy it is.
    """

    def __init__(self, most: int, most_weight: int | None = None) -> None:
        self._most = most
        self._most_weight = most_weight
        self._entries: OrderedDict[K, tuple[float, int, V]] = OrderedDict()
        self._weight = 0
        self._lock = ForkSafeLock()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """Return what is kept under a key; None if nothing is, or if it has expired."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry[0] <= monotonic():
                return None
            self._entries.move_to_end(key)
            return entry[2]

    def keep(self, key: K, value: V, kept_s: float, weight: int = 1) -> V:
        """Keep a value for some seconds, and return it."""
        with self._lock:
            now = monotonic()
            for old in [old for old, (until, _, _) in self._entries.items() if until <= now or old == key]:
                self._drop(old)
            self._entries[key] = now + kept_s, weight, value
            self._weight += weight
            while len(self._entries) > 1 and self._is_too_much():
                self._drop(next(iter(self._entries)))
        return value

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._weight = 0

    def _is_too_much(self) -> bool:
        is_too_heavy = self._most_weight is not None and self._weight > self._most_weight
        return is_too_heavy or len(self._entries) > self._most

    def _drop(self, key: K) -> None:
        self._weight -= self._entries.pop(key)[1]
