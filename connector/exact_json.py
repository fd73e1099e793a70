"""Reads and writes JSON without changing a digit: a number that a float would spell differently keeps its text.

`loads` returns plain ints and floats if writing them again yields the same text, and otherwise an `ExactNumber`, as for
0.12345678901234567890123, 1e400 or 1.10.
The two halves of a surrogate pair are one character, however they are spelled; a lone surrogate is kept, and written as
an escape.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any, NoReturn
from uuid import UUID

import numpy as np
import orjson

_MOST_DIGITS = 4_000
_SHORT = 17
"""A float keeps up to 15 digits; shorter texts therefore need no check."""
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
Items = Iterable[tuple[str, Any]]


class ExactNumber(float):
    """A number with the JSON text it was read from; arithmetic sees the nearest float.

    Attributes:
        text: the JSON text.
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> ExactNumber:
        """Make a number from its JSON text."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __getnewargs__(self) -> tuple[Any]:
        return (self.text,)


def loads(data: bytes | str) -> Any:
    """Read JSON.

    Raises:
        ValueError: it is not JSON (NaN and Infinity are not), not UTF-8, or nested too deeply.
    """
    return _read(_DECODER, data)


def loads_strictly(data: bytes | str) -> Any:
    """Read JSON as `loads` does, but reject an object with a duplicate key, as Elasticsearch does.

    Raises:
        ValueError: as `loads`, or an object has a duplicate key.
    """
    return _read(_STRICT_DECODER, data)


def read_at(text: str, start: int) -> tuple[Any, int]:
    """Read the JSON value that starts at a position in a text; return it and the position where it ends.

    Raises:
        ValueError: as `loads`.
    """
    try:
        return _DECODER.raw_decode(text, start)
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error


def decoded(data: bytes | str) -> str:
    """Return JSON as text, with the halves of surrogate pairs joined; bytes may be UTF-8, UTF-16 or UTF-32.

    Raises:
        ValueError: the bytes are none of these.
    """
    text = data.decode(json.detect_encoding(data), "surrogatepass") if isinstance(data, bytes) else data
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text


def dumps(value: object) -> bytes:
    """Write JSON, with every number as it was read.

    Dates, UUIDs and NumPy values are written as elasticsearch-py writes them, decimals with all their digits.

    Raises:
        TypeError: it contains something that JSON can't represent.
        ValueError: it contains NaN or Infinity, or is nested too deeply.
    """
    try:
        written = orjson.dumps(value, default=_as_fragment, option=_OPTIONS)
    except TypeError:  # orjson rejects lone surrogates, integers beyond 64 bits and keys that are not strings
        return text_of(value).encode()
    if b"null" in written:  # orjson writes NaN as null
        text_of(value)
    return written


def text_of(value: object) -> str:
    """Write JSON as `dumps` does, in ASCII and with the spaces of `json.dumps`; raises as `dumps`."""
    return _text(value, lambda items: items)


def canonical(value: object) -> str:
    """Write JSON so that equal values have equal texts: keys sorted, strings escaped one way, numbers as they are.

    Raises as `dumps`.
    """
    return _text(value, sorted)


def holds_exact_numbers(value: object) -> bool:
    """True if a number in it has more digits, or another spelling, than a float is written with."""
    if isinstance(value, Mapping):
        return any(map(holds_exact_numbers, value.values()))
    if isinstance(value, list | tuple):
        return any(map(holds_exact_numbers, value))
    return isinstance(value, ExactNumber | Decimal)


def _float(text: str) -> float:
    if len(text) < _SHORT and text[-1] != "0" and "e" not in text and "E" not in text and "0.0000" not in text:
        return float(text)
    value = float(text)
    return value if repr(value) == text and "e" not in text else ExactNumber(text)


def _int(text: str) -> float:
    return ExactNumber(text) if text == "-0" or len(text) > _MOST_DIGITS else int(text)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _with_each_key_once(items: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(items)
    if len(found) != len(items):
        names = [name for name, _ in items]
        raise ValueError(f"duplicate field {next(name for name in names if names.count(name) > 1)!r}")
    return found


_DECODER = json.JSONDecoder(parse_float=_float, parse_int=_int, parse_constant=_refuse_constant)
_STRICT_DECODER = json.JSONDecoder(
    parse_float=_float, parse_int=_int, parse_constant=_refuse_constant, object_pairs_hook=_with_each_key_once
)


def _read(decoder: json.JSONDecoder, data: bytes | str) -> Any:
    try:
        return decoder.decode(decoded(data))
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error


def _as_fragment(value: object) -> Any:
    if isinstance(value, ExactNumber):
        return orjson.Fragment(value.text)
    if isinstance(value, Decimal):
        return orjson.Fragment(_decimal_text(value))
    return _plain(value)


def _plain(value: object) -> Any:
    """Convert a value that JSON can't represent as elasticsearch-py's serializer does."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} can't be written as JSON")


def _decimal_text(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} is not a JSON number")
    return str(value)


def _text(value: object, order: Callable[[Items], Items]) -> str:
    try:
        return _write(value, order)
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error


def _write(value: object, order: Callable[[Items], Items]) -> str:
    if isinstance(value, Mapping):
        items = order((_key(name), each) for name, each in value.items())
        return "{" + ", ".join(f"{name}: {_write(each, order)}" for name, each in items) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_write(each, order) for each in value) + "]"
    if isinstance(value, ExactNumber):
        return value.text
    if isinstance(value, Decimal):
        return _decimal_text(value)
    if isinstance(value, float) and not isinstance(value, np.generic):
        if not math.isfinite(value):
            raise ValueError(f"{value} is not a JSON number")
        return orjson.dumps(float(value)).decode()  # 1e-6, as `dumps` spells it, where json would write 1e-06
    if value is None or isinstance(value, str | int):
        return json.dumps(value)
    return _write(_plain(value), order)


def _key(name: object) -> str:
    """Write a key; one that is not a string is converted as `json.dumps` does."""
    if isinstance(name, str):
        return json.dumps(name)
    if name is None or isinstance(name, int | float):
        return json.dumps(json.dumps(name))
    raise TypeError(f"keys must be strings, not {type(name).__name__}")
