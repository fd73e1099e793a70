"""JSON read and written without changing a digit: a number that a float would spell otherwise keeps its text. Pure.

`loads` returns plain ints and floats wherever writing them again gives the same text, and an `ExactNumber` elsewhere,
as for 0.12345678901234567890123, 1e400 or 1.10. The two halves of a surrogate pair are one character, however they are
spelled; a lone surrogate stays what it is, and is written as an escape.
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
"""Up to 15 digits come back from a float as they went in."""
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
Items = Iterable[tuple[str, Any]]


class ExactNumber(float):
    """A number and the JSON text that it was read from; to arithmetic it is the nearest float.

    Attributes:
        text: the JSON text.
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> ExactNumber:
        """Make the number that a JSON text is."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __getnewargs__(self) -> tuple[Any]:
        return (self.text,)


def loads(data: bytes | str) -> Any:
    """Read JSON.

    Raises:
        ValueError: it is none (NaN and Infinity are none), no UTF-8, or nested too deeply.
    """
    return _read(_DECODER, data)


def loads_strictly(data: bytes | str) -> Any:
    """Read JSON as `loads` does, but refuse an object that has a key twice, as Elasticsearch does.

    Raises:
        ValueError: as `loads`; a key is there twice.
    """
    return _read(_STRICT_DECODER, data)


def read_at(text: str, start: int) -> tuple[Any, int]:
    """Read the JSON value that begins at a place in a text; return it and where it ends. Raises: as `loads`."""
    try:
        return _DECODER.raw_decode(text, start)
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error


def decoded(data: bytes | str) -> str:
    """Return JSON's text, the halves of a surrogate pair joined; bytes are UTF-8, UTF-16 or UTF-32, as JSON tells.

    Raises:
        ValueError: they are none of these.
    """
    text = data.decode(json.detect_encoding(data), "surrogatepass") if isinstance(data, bytes) else data
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text


def dumps(value: object) -> bytes:
    """Write JSON, every number as it was read.

    Dates, decimals, UUIDs and numpy's values are written as elasticsearch-py writes them, decimals with all digits.

    Raises:
        TypeError: something in it is no JSON.
        ValueError: NaN or Infinity, or it is nested too deeply.
    """
    try:
        written = orjson.dumps(value, default=_as_fragment, option=_OPTIONS)
    except TypeError:  # a lone surrogate, a whole number beyond 64 bits, a key that is no string: all JSON
        return text_of(value).encode()
    if b"null" in written:  # which is how orjson writes a NaN
        text_of(value)
    return written


def text_of(value: object) -> str:
    """Write JSON as `dumps` does, in ASCII and spaced as `json.dumps` spaces it. Raises: as `dumps`."""
    return _text(value, lambda items: items)


def canonical(value: object) -> str:
    """Write JSON so that equal values give equal text: keys sorted, strings escaped in one way, numbers as they are.

    Raises: as `dumps`.
    """
    return _text(value, sorted)


def holds_exact_numbers(value: object) -> bool:
    """True if a number in it has more digits, or another spelling, than a float would be written with."""
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
    raise ValueError(f"{name} is no JSON number")


def _with_each_key_once(items: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(items)
    if len(found) != len(items):
        names = [name for name, _ in items]
        raise ValueError(f"field {next(name for name in names if names.count(name) > 1)!r} is there twice")
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
    """Return a value that is no JSON by itself as elasticsearch-py's serializer takes it."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no JSON")


def _decimal_text(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} is no JSON number")
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
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no JSON number")
    if value is None or isinstance(value, str | int | float):
        return json.dumps(value)
    return _write(_plain(value), order)


def _key(name: object) -> str:
    """Write a key; what is no string becomes one as `json.dumps` makes it."""
    if isinstance(name, str):
        return json.dumps(name)
    if name is None or isinstance(name, int | float):
        return json.dumps(json.dumps(name))
    raise TypeError(f"keys must be strings, not {type(name).__name__}")
