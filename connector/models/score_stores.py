"""Where scores are kept: in this process, on disk, or in a server of the Redis protocol that processes share."""

from __future__ import annotations

import logging
import struct
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from time import monotonic
from typing import Any, Protocol, runtime_checkable

from cachetools import LRUCache

from connector.errors import MissingExtraError, RequestError
from connector.models.cache import SharedCache

SCORE_CACHE_BYTES = 32 * 2**20
_ENTRY_BYTES = 200
"""A key, a score and their places in memory."""
_SCORE = struct.Struct("<f")
_LOG = logging.getLogger(__name__)
_REST_S = 30.0


@runtime_checkable
class ScoreStore(Protocol):
    """Keeps scores under keys of 16 bytes; safe from many threads."""

    def get(self, keys: Sequence[bytes]) -> Sequence[float | None]:
        """Return the score of each key; None for those that it does not have."""

    def put(self, scores: Mapping[bytes, float]) -> None:
        """Keep scores."""


class MemoryScores:
    """Scores in this process; those used last stay: see `ScoreStore`.

    Args:
        most_bytes: how much memory they take.
    """

    def __init__(self, most_bytes: int = SCORE_CACHE_BYTES) -> None:
        self._scores: SharedCache[bytes, float] = SharedCache(lambda: LRUCache(most_bytes, lambda _: _ENTRY_BYTES))

    def get(self, keys: Sequence[bytes]) -> list[float | None]:
        """See `ScoreStore`."""
        return [self._scores.get(key) for key in keys]

    def put(self, scores: Mapping[bytes, float]) -> None:
        """See `ScoreStore`."""
        for key, score in scores.items():
            self._scores.put(key, score)


class DiskScores:
    """Scores in a folder, which processes on a machine may share (extra `diskcache`): see `ScoreStore`.

    Args:
        folder: made if need be.
        most_bytes: how large it grows; the scores stored first make room.

    Raises:
        MissingExtraError: diskcache is not installed.
    """

    def __init__(self, folder: str | Path, most_bytes: int = 2**30) -> None:
        try:
            library: Any = import_module("diskcache")
        except ImportError as error:
            raise MissingExtraError("diskcache", "diskcache") from error
        self._cache = library.Cache(str(folder), size_limit=most_bytes, timeout=0.05)

    def get(self, keys: Sequence[bytes]) -> list[float | None]:
        """See `ScoreStore`."""
        with self._cache.transact():
            return [self._cache.get(key) for key in keys]

    def put(self, scores: Mapping[bytes, float]) -> None:
        """See `ScoreStore`."""
        with self._cache.transact():
            for key, score in scores.items():
                self._cache.set(key, score)

    def close(self) -> None:
        """Close the folder's files."""
        self._cache.close()


class RedisScores:
    """Scores in a server of the Redis protocol (extra `redis`): see `ScoreStore`.

    Args:
        url: the server's, as `redis://host:6379/0`.
        kept_s: how many seconds a score is kept.
        timeout_s: how long the server may take; a slow one is no help.
        client: a client of redis-py to use instead of the URL.

    Raises:
        MissingExtraError: redis is not installed.
        RequestError: the URL is none.
    """

    def __init__(
        self, url: str = "", *, kept_s: int = 7 * 24 * 3600, timeout_s: float = 0.05, client: Any = None
    ) -> None:
        try:
            library: Any = import_module("redis")
        except ImportError as error:
            raise MissingExtraError("redis", "redis") from error
        self._kept_s = kept_s
        if client is None:
            try:
                options = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
                client = library.Redis.from_url(url, **options)
            except ValueError as error:
                raise RequestError("url", url.partition(":")[0], "must be redis://, rediss:// or unix://") from error
        self._client = client

    def get(self, keys: Sequence[bytes]) -> list[float | None]:
        """See `ScoreStore`."""
        found = self._client.mget([_named(key) for key in keys]) if keys else []
        return [_SCORE.unpack(value)[0] if value and len(value) == _SCORE.size else None for value in found]

    def put(self, scores: Mapping[bytes, float]) -> None:
        """See `ScoreStore`."""
        pipe = self._client.pipeline(transaction=False)
        for key, score in scores.items():
            pipe.set(_named(key), _SCORE.pack(score), ex=self._kept_s)
        pipe.execute()


class CarefulStore:
    """A store whose failures cost nothing: after one it is left alone for half a minute: see `ScoreStore`.

    Args:
        store: the store.
        clock: returns seconds, which never decrease.
    """

    def __init__(self, store: ScoreStore, clock: Any = monotonic) -> None:
        self._store = store
        self._clock = clock
        self._resting_until_s = -_REST_S

    def get(self, keys: Sequence[bytes]) -> Sequence[float | None]:
        """See `ScoreStore`; nothing is known while the store fails."""
        found = self._careful(lambda: self._store.get(keys))
        return found if found is not None and len(found) == len(keys) else [None] * len(keys)

    def put(self, scores: Mapping[bytes, float]) -> None:
        """See `ScoreStore`."""
        if scores:
            self._careful(lambda: self._store.put(scores))

    def _careful(self, call: Any) -> Any:
        if self._clock() < self._resting_until_s:
            return None
        try:
            return call()
        except Exception as error:  # whatever a library or a server does
            self._resting_until_s = self._clock() + _REST_S
            _LOG.warning("the score cache is not used for %.0f s: %s", _REST_S, type(error).__name__)
            return None


def _named(key: bytes) -> bytes:
    return b"connector:score:" + key
