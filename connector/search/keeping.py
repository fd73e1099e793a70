"""What was read a short while ago, by who may read it and for how long it holds; the oldest gives way to the newest."""

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

_OF_NO_CALLER = frozenset(
    {"accept", "content-type", "user-agent", "x-elastic-client-meta", "x-opaque-id", "traceparent", "tracestate"}
)
_SALT = secrets.token_bytes(16)


def caller_of(headers: Mapping[str, str] | None) -> str:
    """Return who sends requests with these headers: the same text for the same credentials, from which none is read.

    Any header that is not known to say nothing of it may say who asks, as a proxy's own or `es-security-runas-user`.
    """
    lowered = ((name.lower(), str(value)) for name, value in (headers or {}).items())
    telling = sorted(pair for pair in lowered if pair[0] not in _OF_NO_CALLER)
    return hashlib.blake2b(repr(telling).encode("utf-8", "surrogatepass"), key=_SALT, digest_size=16).hexdigest()


class Kept(Generic[K, V]):
    """Values by key, each for as long as it holds; safe from many threads and in a forked child.

    Args:
        most: how many values are kept.
        most_weight: how much they may weigh together; the newest is kept whatever it weighs.
    """

    def __init__(self, most: int, most_weight: int | None = None) -> None:
        self._most = most
        self._most_weight = most_weight
        self._held: OrderedDict[K, tuple[float, int, V]] = OrderedDict()
        self._weight = 0
        self._lock = ForkSafeLock()

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: K) -> V | None:
        """Return what is kept under a key; None where nothing is, or it holds no longer."""
        with self._lock:
            held = self._held.get(key)
            if held is None or held[0] <= monotonic():
                return None
            self._held.move_to_end(key)
            return held[2]

    def keep(self, key: K, value: V, kept_s: float, weight: int = 1) -> V:
        """Keep a value for some seconds, and return it."""
        with self._lock:
            now = monotonic()
            for old in [old for old, (until, _, _) in self._held.items() if until <= now or old == key]:
                self._drop(old)
            self._held[key] = now + kept_s, weight, value
            self._weight += weight
            while len(self._held) > 1 and self._is_too_much():
                self._drop(next(iter(self._held)))
        return value

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._held.clear()
            self._weight = 0

    def _is_too_much(self) -> bool:
        is_too_heavy = self._most_weight is not None and self._weight > self._most_weight
        return is_too_heavy or len(self._held) > self._most

    def _drop(self, key: K) -> None:
        self._weight -= self._held.pop(key)[1]
