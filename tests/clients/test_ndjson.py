from __future__ import annotations

import datetime
import json
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.clients.ndjson import quick_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_what_is_written_reads_as_it_was(value: Any) -> None:
    written = quick_json(value)
    assert written is None or json.loads(written) == value


def test_arrays_are_written_as_the_float32_numbers_they_hold() -> None:
    vector = np.array([0.1, -1 / 3, 1e-12], dtype=np.float32)
    written = quick_json({"vector": vector, "passages": [{"vector": vector[:2]}]})
    assert written is not None
    read = json.loads(written)
    np.testing.assert_array_equal(np.array(read["vector"], dtype=np.float32), vector)
    np.testing.assert_array_equal(np.array(read["passages"][0]["vector"], dtype=np.float32), vector[:2])


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        None,
        "\ud800",
        2**70,
        {1: "a key that is no string"},
        datetime.date(2026, 1, 1),
        datetime.datetime(2026, 1, 1),
        Decimal("1.5"),
        object(),
        np.array([math.nan], dtype=np.float32),
    ],
    ids=lambda value: "an object" if type(value) is object else repr(value),
)
def test_what_the_caller_s_own_serialiser_must_decide_is_left(value: object) -> None:
    assert quick_json({"field": value}) is None
