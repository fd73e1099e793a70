"""Room: models. Texts of mixed lengths in batches that waste little on padding, for encoder and reranker."""

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


def token_budget_batches(lengths: Sequence[int] | NDArray[np.integer], token_budget: int) -> list[NDArray[np.intp]]:
    """Split items into batches of similar length whose padded size stays within the budget.

    Items are sorted by length, longest first, so that memory runs out in the first batch or never; equal lengths keep
    their order. An item longer than the budget is a batch of its own.

    Args: lengths: tokens of each item. token_budget: most tokens in a batch, padding included.
    Returns: arrays of positions in `lengths`; each position is in exactly one of them.
    Raises: ValueError: the budget is less than 1.
    """
    if token_budget < 1:
        raise ValueError(f"token_budget is {token_budget}, must be at least 1")
    sizes = np.asarray(lengths, dtype=np.intp)
    order = np.argsort(-sizes, kind="stable")
    batches = []
    start = 0
    while start < len(order):
        longest = max(int(sizes[order[start]]), 1)
        end = start + max(token_budget // longest, 1)
        batches.append(order[start:end])
        start = end
    return batches


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
