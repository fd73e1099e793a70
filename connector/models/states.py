"""The bundled reranker's two halves: each text is read on its own, once; then pairs of read texts are scored.

A passage's states don't depend on the query, so they are cached by its tokens; a query's are computed once per search.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from connector.models.batching import padded_rows
from connector.models.cache import SharedCache
from connector.models.compute_pool import Batcher
from connector.models.session import APART, JOINT, Arrays, Session
from connector.models.stopping import Stop
from connector.models.tokenizing import TextTokenizer, TokenRow, row_length

STATE_CACHE_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Side:
    """One text as the lower layers read it: `ids` (tokens,), special ones at both ends; `states` (tokens, width)."""

    ids: NDArray[np.int64]
    states: NDArray[np.float32]


Pair = tuple[Side, Side]


class TwoHalves:
    """The network in two sessions, with a cache of the texts it has read.

    Args:
        sessions: `apart` and `joint`.
        cache_bytes: how large the cache of states is; 0 stores nothing.
    """

    def __init__(
        self,
        tokenizer: TextTokenizer,
        sessions: Mapping[str, Session],
        cache_bytes: int = STATE_CACHE_BYTES,
    ) -> None:
        self._tokenizer = tokenizer
        self._sides: SharedCache[bytes, Side] = SharedCache(lambda: LRUCache(cache_bytes, _stored_bytes))
        self._apart: Batcher[TokenRow] = Batcher(sessions[APART], row_length, self._collate_texts, _split_states)
        self._joint: Batcher[Pair] = Batcher(sessions[JOINT], _pair_length, _collate_pairs)

    def read(
        self, query: str, passages: Sequence[str], name: str, stop: Stop | None = None
    ) -> tuple[Side | None, list[Side | None]]:
        """Read a query and its passages, each on its own; None for those that were not read before `stop`.

        Raises:
            RequestError: the query is too long.
        """
        query_row, passage_rows = self._tokenizer.sides(query, passages, name)
        rows = [query_row, *passage_rows]
        keys = [_key(row) for row in rows]
        known = {key: side for key in keys if (side := self._sides.get(key)) is not None}
        unknown = {key: row for key, row in zip(keys, rows, strict=True) if key not in known}
        for key, states in zip(unknown, self._apart.run(list(unknown.values()), stop), strict=True):
            if states is not None:
                known[key] = Side(np.array(unknown[key]["input_ids"], dtype=np.int64), states)
                self._sides.put(key, known[key])
        return known.get(keys[0]), [known.get(key) for key in keys[1:]]

    def join(
        self, query: Side | None, passages: Sequence[Side | None], stop: Stop | None = None
    ) -> NDArray[np.float32]:
        """Return the raw logits of a query and its passages, (n,); NaN for those that are None or come after `stop`."""
        logits = np.full(len(passages), np.nan, dtype=np.float32)
        pairs = {at: (query, side) for at, side in enumerate(passages) if query is not None and side is not None}
        for at, logit in zip(pairs, self._joint.run(list(pairs.values()), stop), strict=True):
            logits[at] = np.nan if logit is None else logit
        return logits

    def forget(self) -> None:
        """Empty the cache of states."""
        self._sides.clear()

    def _collate_texts(self, rows: Sequence[TokenRow]) -> Arrays:
        return padded_rows(rows, self._tokenizer.pads)


def _stored_bytes(side: Side) -> int:
    return side.states.nbytes + side.ids.nbytes


def _key(row: TokenRow) -> bytes:
    return hashlib.blake2b(np.array(row["input_ids"], dtype=np.int32).tobytes(), digest_size=16).digest()


def _pair_length(pair: Pair) -> int:
    return len(pair[0].ids) + len(pair[1].ids)


def _split_states(output: NDArray[np.float32], rows: Sequence[TokenRow]) -> list[NDArray[np.float32]]:
    return [states[: row_length(row)].copy() for states, row in zip(output, rows, strict=True)]


def _collate_pairs(pairs: Sequence[Pair]) -> Arrays:
    lengths = np.array([_pair_length(pair) for pair in pairs], dtype=np.int64)
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
