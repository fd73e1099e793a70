from __future__ import annotations

import numpy as np

from connector.models.batching import padded
from connector.models.network.device import token_budget


def test_rows_are_padded_on_the_right_to_the_longest() -> None:
    rows = padded([[1, 2, 3], [4], [5, 6]], np.array([2, 1]), 9)
    assert rows.tolist() == [[5, 6], [4, 9]]


def test_a_cpu_gets_smaller_batches_than_an_accelerator() -> None:
    assert token_budget("cpu") == 2_048
    assert token_budget("cuda:0") > token_budget("cpu")
