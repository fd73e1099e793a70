from __future__ import annotations

import copy
import datetime
import json
import math
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.exact_json import ExactNumber, canonical, dumps, holds_exact_numbers, loads, loads_strictly, text_of

WHOLE = st.from_regex(r"-?(0|[1-9][0-9]{0,40})", fullmatch=True)
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
TEXTS = st.text(st.characters(codec=None))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=10,
)
SPELLINGS = [
    "0.12345678901234567890123", "1e400", "-1e400", "1e-400", "12345678901234567890123", "-0.0", "0.0", "-0", "0",
    "1.0", "1", "1E5", "1e5", "1e+5", "100000.0", "1.10", "100000000.0", "0.00001", "1e-5", "123456789012345680.0",
    "9007199254740993", "0.1", "0.30000000000000004", "5e-324", "1.7976931348623157e308", "1" * 5_000,
]  # fmt: skip


def as_text(data: bytes | str) -> Any:
    """JSON as the standard library reads it, its numbers left as texts."""
    return json.loads(data, parse_float=str, parse_int=str)


@pytest.mark.parametrize("number", SPELLINGS)
def test_a_number_is_written_as_it_was_read(number: str) -> None:
    source = f'{{"n": [{number}, {{"deep": {number}}}], "title": "one"}}'
    assert as_text(dumps(loads(source))) == as_text(source)
    assert text_of(loads(source)) == source


@given(st.lists(NUMBERS | WHOLE, max_size=20))
def test_every_number_is_written_as_it_was_read(numbers: list[str]) -> None:
    source = f"[{', '.join(numbers)}]"
    assert as_text(dumps(loads(source))) == numbers
    assert text_of(loads(source)) == source
    assert canonical(loads(source)) == source


@given(VALUES)
def test_what_is_written_is_read_as_it_was(value: Any) -> None:
    joined = json.loads(json.dumps(value))  # which joins the halves of surrogate pairs
    assert json.loads(dumps(value)) == joined
    assert json.loads(text_of(value)) == joined
    assert text_of(value).isascii()
    assert canonical(loads(dumps(value))) == canonical(loads(text_of(value))) == canonical(value)


@pytest.mark.parametrize("number", [1e-06, 1e16, 1.5e300, 5e-324, 0.1, -0.0])
def test_a_float_has_one_spelling_however_it_is_written(number: float) -> None:
    assert dumps(number).decode() == text_of(number) == canonical(number)
    assert dumps({"n": number, "half": "\ud800"}).decode() == text_of({"n": number, "half": "\ud800"})


def test_a_number_is_a_float_to_whatever_reckons_with_it() -> None:
    number = loads("1.10")
    assert isinstance(number, ExactNumber)
    assert (number + 1, str(number), copy.deepcopy(number).text) == (2.1, "1.1", "1.10")
    assert math.isinf(loads("1e400"))
    assert type(loads("0.25")) is float
    assert type(loads("25")) is int


SAME = [
    (b'"\\ud83d\\ude00"', "\N{GRINNING FACE}".encode().join([b'"', b'"'])),
    (b'"\\uD83D\\uDE00"', b'"\\ud83d\\ude00"'),
    (b'"\xed\xa0\xbd\xed\xb8\x80"', b'"\\ud83d\\ude00"'),
    (b'"\xed\xa0\xbd\\ude00"', b'"\\ud83d\\ude00"'),
    (b'"\\u0041\\/"', b'"A/"'),
    (b'{"a": 1, "b": {"d": 1, "c": 2}}', b'{"b":{"c":2,"d":1},"a":1}'),
    (b'"\\ud83d"', b'"\\uD83D"'),
    ('{"é": "x"}'.encode(), b'{"\\u00e9": "x"}'),
]
DIFFERENT = [
    ("1", "1.0"), ("1.0", "1.00"), ("1e5", "100000.0"), ("-0.0", "0.0"), ("1", '"1"'), ("true", "1"), ("null", "false"),
    ("0.12345678901234567890123", "0.12345678901234567890124"), ("1e400", "1e401"), ("[1, 2]", "[2, 1]"),
    ('"\\u00e9"', '"e\\u0301"'), ('"\\ud83d"', '"\\ud83e"'), ('"\\ud83d"', '"\\ufffd"'), ('{"a": null}', "{}"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_text_in_two_spellings_is_equal(one: bytes, other: bytes) -> None:
    assert canonical(loads(one)) == canonical(loads(other))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_digits_and_other_characters_are_not_equal(one: str, other: str) -> None:
    assert canonical(loads(one)) != canonical(loads(other))


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{", "", '{"a": 01}', "[" * 100_000 + "]" * 100_000])
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        loads(text)


def test_a_key_that_is_there_twice_is_refused_where_it_is_asked() -> None:
    assert loads('{"a": 1, "a": 2}') == {"a": 2}
    with pytest.raises(ValueError, match="duplicate field 'a'"):
        loads_strictly('[{"b": {"a": 1, "a": 1}}]')


@pytest.mark.parametrize("value", [math.nan, [None, -math.inf], {"a": {"b": np.float32("nan")}}, Decimal("NaN")])
def test_what_no_json_number_is_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="not a JSON number"):
        dumps(value)


def test_values_of_python_are_written_as_elasticsearch_py_writes_them_and_decimals_in_full() -> None:
    value = {
        "when": datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.timezone.utc),
        "day": datetime.date(2024, 5, 1),
        "id": UUID(int=1),
        "price": Decimal("1.500000000000000000000001"),
        "vector": np.array([0.5, 0.25], np.float32),
        "count": np.int64(3),
        "pair": (1, 2),
        7: "key",
    }
    expected = (
        '{"when": "2024-05-01T12:00:00+00:00", "day": "2024-05-01", "id": "00000000-0000-0000-0000-000000000001", '
        '"price": 1.500000000000000000000001, "vector": [0.5, 0.25], "count": 3, "pair": [1, 2], "7": "key"}'
    )
    assert text_of(value) == expected
    assert as_text(dumps(value)) == as_text(expected)
    with pytest.raises(TypeError, match="object can't be written as JSON"):
        dumps({"a": object()})


def test_numbers_that_a_float_would_not_spell_are_found_wherever_they_are() -> None:
    assert not holds_exact_numbers(loads('{"a": [1, 0.5, {"b": "1e400"}]}'))
    assert holds_exact_numbers(loads('{"a": [1, 0.5, {"b": 1e400}]}'))
