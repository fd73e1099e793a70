"""The bundled reranker's two halves: each text read apart, once; then pairs of what was read.

A passage's states don't depend on the query, so they are kept by its tokens, and a query's are computed once a search.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connector.models.batching import padded_rows
from connector.models.lanes import Batcher
from connector.models.loading import ForkSafeLock
from connector.models.session import APART, JOINT, Arrays, Session
from connector.models.tokenizing import TextTokenizer, TokenRow

STATE_CACHE_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Side:
    """One text as the lower layers read it: `ids` (tokens,), special ones at both ends; `states` (tokens, width)."""

    ids: NDArray[np.int64]
    states: NDArray[np.float32]


Pair = tuple[Side, Side]


class StateCache:
    """What was read last, up to a number of bytes; safe from many threads. 0 keeps nothing."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._held: OrderedDict[bytes, Side] = OrderedDict()
        self._lock = ForkSafeLock()

    def get(self, key: bytes) -> Side | None:
        """Return what is kept, and keep it longer."""
        with self._lock:
            side = self._held.get(key)
            if side is not None:
                self._held.move_to_end(key)
            return side

    def put(self, key: bytes, side: Side) -> None:
        """Keep a text's states; those not asked for the longest go."""
        size = side.states.nbytes + side.ids.nbytes
        if size > self._most_bytes:
            return
        with self._lock:
            if key not in self._held:
                self._held[key] = side
                self._bytes += size
            while self._bytes > self._most_bytes:
                _, old = self._held.popitem(last=False)
                self._bytes -= old.states.nbytes + old.ids.nbytes

    def clear(self) -> None:
        """Keep nothing of what was read so far."""
        with self._lock:
            self._held.clear()
            self._bytes = 0


class TwoHalves:
    """The network in two sessions, and what it has read.

    Args:
        sessions: `apart` and `joint`.
        cache_bytes: how much of passages' states is kept.
    """

    def __init__(
        self,
        tokenizer: TextTokenizer,
        sessions: Mapping[str, Session],
        cache_bytes: int = STATE_CACHE_BYTES,
    ) -> None:
        self._tokenizer = tokenizer
        self._kept = StateCache(cache_bytes)
        self._apart: Batcher[TokenRow] = Batcher(sessions[APART], _tokens, self._collate_texts, _split_states)
        self._joint: Batcher[Pair] = Batcher(sessions[JOINT], _pair_tokens, _collate_pairs, _each)

    def read(self, query: str, passages: Sequence[str], name: str) -> tuple[Side, list[Side]]:
        """Read a query and its passages apart. Raises: RequestError: the query is too long."""
        asked, rows = self._tokenizer.sides(query, passages, name)
        keys = [_key(row) for row in [asked, *rows]]
        known = {key: side for key in keys if (side := self._kept.get(key)) is not None}
        unknown = {key: row for key, row in zip(keys, [asked, *rows], strict=True) if key not in known}
        for key, states in zip(unknown, self._apart.run(list(unknown.values())), strict=True):
            known[key] = Side(np.array(unknown[key]["input_ids"], dtype=np.int64), states)
            self._kept.put(key, known[key])
        return known[keys[0]], [known[key] for key in keys[1:]]

    def join(self, query: Side, passages: Sequence[Side]) -> NDArray[np.float32]:
        """Return the raw logits of a query and its passages, (n,)."""
        return np.array(self._joint.run([(query, passage) for passage in passages]), dtype=np.float32)

    def forget(self) -> None:
        """Forget what was read."""
        self._kept.clear()

    def _collate_texts(self, rows: Sequence[TokenRow]) -> Arrays:
        return padded_rows(rows, self._tokenizer.pads)


def _key(row: TokenRow) -> bytes:
    return hashlib.blake2b(np.array(row["input_ids"], dtype=np.int32).tobytes(), digest_size=16).digest()


def _tokens(row: TokenRow) -> int:
    return len(row["input_ids"])


def _pair_tokens(pair: Pair) -> int:
    return len(pair[0].ids) + len(pair[1].ids)


def _split_states(output: NDArray[np.float32], rows: Sequence[TokenRow]) -> list[NDArray[np.float32]]:
    return [states[: _tokens(row)].copy() for states, row in zip(output, rows, strict=True)]


def _each(output: NDArray[np.float32], rows: Sequence[Pair]) -> list[float]:
    return [float(output[place]) for place in range(len(rows))]


def _collate_pairs(pairs: Sequence[Pair]) -> Arrays:
    lengths = np.array([_pair_tokens(pair) for pair in pairs], dtype=np.int64)
    width = pairs[0][0].states.shape[1]
    ids = np.zeros((len(pairs), int(lengths.max())), dtype=np.int64)
    states = np.zeros((*ids.shape, width), dtype=np.float32)
    for row, sides in enumerate(pairs):
        start = 0
        for side in sides:
            end = start + len(side.ids)
            ids[row, start:end] = side.ids
            states[row, start:end] = side.states
            start = end
    query_length = np.array([len(query.ids) for query, _ in pairs], dtype=np.int64)
    return {"states": states, "input_ids": ids, "query_length": query_length, "length": lengths}
