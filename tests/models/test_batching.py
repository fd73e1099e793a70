from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.models.batching import padded, token_budget, token_budget_batches

LENGTHS = st.lists(st.integers(min_value=0, max_value=300), max_size=60)


def test_batches_hold_items_of_similar_length_longest_first() -> None:
    batches = token_budget_batches([3, 10, 4, 9], 20)
    assert [batch.tolist() for batch in batches] == [[1, 3], [2, 0]]


def test_an_item_longer_than_the_budget_is_alone() -> None:
    assert [batch.tolist() for batch in token_budget_batches([50, 2, 2], 10)] == [[0], [1, 2]]


def test_no_items_give_no_batches() -> None:
    assert token_budget_batches([], 10) == []


def test_a_budget_below_one_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        token_budget_batches([1], 0)


@given(LENGTHS, st.integers(min_value=1, max_value=2_048))
def test_every_item_is_in_exactly_one_batch(lengths: list[int], budget: int) -> None:
    positions = [position for batch in token_budget_batches(lengths, budget) for position in batch]
    assert sorted(positions) == list(range(len(lengths)))


@given(LENGTHS, st.integers(min_value=1, max_value=2_048))
def test_a_batch_of_several_stays_within_the_budget(lengths: list[int], budget: int) -> None:
    for batch in token_budget_batches(lengths, budget):
        assert len(batch) == 1 or len(batch) * max(lengths[position] for position in batch) <= budget


def test_rows_are_padded_on_the_right_to_the_longest() -> None:
    rows = padded([[1, 2, 3], [4], [5, 6]], np.array([2, 1]), 9)
    assert rows.tolist() == [[5, 6], [4, 9]]


def test_a_cpu_gets_smaller_batches_than_an_accelerator() -> None:
    assert token_budget("cpu") == 2_048
    assert token_budget("cuda:0") > token_budget("cpu")
