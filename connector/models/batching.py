"""Rows of tokens padded to batches, for encoders and rerankers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from connector.models.compute_pool import Batcher
from connector.models.session import Session
from connector.models.tokenizing import TextTokenizer, TokenRow, row_length


def padded(sequences: Sequence[Sequence[int]], positions: NDArray[np.intp], pad: int) -> NDArray[np.int64]:
    """Return the sequences at `positions` as rows of one int64 array, filled on the right with `pad`."""
    rows = [sequences[position] for position in positions]
    batch = np.full((len(rows), max(map(len, rows), default=0)), pad, dtype=np.int64)
    for row, sequence in zip(batch, rows, strict=True):
        row[: len(sequence)] = sequence
    return batch


def padded_rows(rows: Sequence[TokenRow], pads: Mapping[str, int]) -> dict[str, NDArray[np.int64]]:
    """Return rows of tokens as one padded array per input, each filled with its own pad."""
    every = np.arange(len(rows))
    return {name: padded([row[name] for row in rows], every, pad) for name, pad in pads.items()}


def token_batcher(session: Session, tokenizer: TextTokenizer) -> Batcher[TokenRow]:
    """Return a batcher of a tokenizer's rows; a result is a row of the session's output."""
    return Batcher(session, row_length, lambda rows: padded_rows(rows, tokenizer.pads))
