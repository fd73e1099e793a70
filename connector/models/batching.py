"""Texts of mixed lengths in batches that waste little on padding, for encoder and reranker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

CPU_TOKEN_BUDGET = 2_048
ACCELERATOR_TOKEN_BUDGET = 16_384


def token_budget(device: str) -> int:
    """Return how many tokens, padding included, one batch holds on a device ("cpu", "cuda:0", "mps", ...).

    A CPU gains nothing from more than 2,048 (measured); a GPU needs more to be busy.
    """
    return CPU_TOKEN_BUDGET if device.startswith("cpu") else ACCELERATOR_TOKEN_BUDGET


def padded(sequences: Sequence[Sequence[int]], positions: NDArray[np.intp], pad: int) -> NDArray[np.int64]:
    """Return the sequences at `positions` as rows of one int64 array, filled up on the right with `pad`."""
    rows = [sequences[position] for position in positions]
    batch = np.full((len(rows), max(map(len, rows), default=0)), pad, dtype=np.int64)
    for row, sequence in zip(batch, rows, strict=True):
        row[: len(sequence)] = sequence
    return batch


def padded_rows(rows: Sequence[Mapping[str, Sequence[int]]], pads: Mapping[str, int]) -> dict[str, NDArray[np.int64]]:
    """Return rows of tokens as one array for each name, as `padded`, each filled up with its own pad."""
    every = np.arange(len(rows))
    return {name: padded([row[name] for row in rows], every, pad) for name, pad in pads.items()}
