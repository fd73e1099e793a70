"""A body is read as the client's own serializer would write it."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from elasticsearch.serializer import JsonSerializer
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import RequestError
from connector.request.json_values import MAX_LEVELS, as_json

SERIALIZER = JsonSerializer()
NUMBERS = st.integers(-(10**12), 10**12) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = (
    st.none()
    | st.booleans()
    | NUMBERS
    | st.text()
    | st.dates()
    | st.datetimes()
    | st.uuids()
    | st.decimals(-1000, 1000, places=3)
    | st.integers(-100, 100).map(np.int8)
    | st.integers(0, 2**40).map(np.uint64)
    | st.floats(width=32, allow_nan=False, allow_infinity=False).map(np.float32)
    | st.booleans().map(np.bool_)
    | st.text().map(np.str_)
    | st.lists(NUMBERS, max_size=4).map(np.array)
)
BODIES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text() | st.integers() | st.booleans() | st.none(), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(BODIES)
def test_what_is_read_is_what_the_serializer_writes(body: Any) -> None:
    # A name that is a number or None, and the same as a text, are one name in JSON: the last stands.
    assert as_json(body, SERIALIZER.default) == json.loads(SERIALIZER.dumps([body]))[0]


WRONG = st.sampled_from([{1}, b"a", object(), iter([]), float("nan"), np.float32("inf"), Decimal("NaN"), 1j, range(3)])


@given(st.recursive(WRONG, lambda inner: st.lists(inner, min_size=1) | st.fixed_dictionaries({"a": inner})))
def test_what_is_no_json_is_one_documented_error(body: Any) -> None:
    with pytest.raises(RequestError):
        as_json(body, SERIALIZER.default, "body")


def test_nothing_is_nested_deeper_than_can_be_read() -> None:
    body: Any = 1
    for _ in range(MAX_LEVELS):
        body = [body]
    assert as_json(body, SERIALIZER.default) == body
    with pytest.raises(RequestError, match="nested deeper"):
        as_json([body], SERIALIZER.default, "body")


def test_the_path_of_what_is_wrong_is_named() -> None:
    body = {"query": {"bool": {"must": [{"terms": {"n": np.array([1, np.nan])}}]}}}
    with pytest.raises(RequestError) as caught:
        as_json(body, SERIALIZER.default)
    assert caught.value.path == "query.bool.must[0].terms.n[1]"


def test_dates_are_iso_and_missing_ones_are_refused() -> None:
    assert as_json([date(2024, 2, 1), datetime(2024, 2, 1, 3)], SERIALIZER.default) == [
        "2024-02-01",
        "2024-02-01T03:00:00",
    ]
    with pytest.raises(RequestError, match="can't be written as JSON"):
        as_json({"day": np.datetime64("NaT")}, SERIALIZER.default)
