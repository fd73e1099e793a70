"""Read the numbers, flags and strings of a request as Elasticsearch's parsers do, with their errors.

Elasticsearch has two kinds of parsers: token parsers, and object parsers, which have one error for any invalid value of
a field. `Scalars` is the first, `Fields` the second.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from connector.embedded.failures import EngineError, illegal, parsing, x_content

MAX_INT = 2**31 - 1
ErrorMaker = Callable[[str], EngineError]
_T = TypeVar("_T", int, float)

_JAVA_NUMBER = re.compile(r"\s*[+-]?(?:NaN|Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*", re.ASCII)


class Scalars:
    """Reads values as a token parser.

    Args:
        name: the name of the query or section, for errors.
        make_error: the error for null, an array or an object where a scalar is expected.
    """

    def __init__(self, name: str, make_error: ErrorMaker = parsing) -> None:
        self._name = name
        self._make_shape_error = make_error

    def integer(self, body: dict[str, Any], key: str, default: int) -> int:
        """Return a 32-bit integer; fractions are truncated, and the number may be a string.

        Raises:
            EngineError: 400 parsing_exception, number_format_exception or x_content_parse_exception.
        """
        if key not in body:
            return default
        value = self._scalar(body, key)
        number = _number(value)
        if not -MAX_INT - 1 <= number <= MAX_INT:
            raise x_content(f"Numeric value ({value}) out of range of int ({-MAX_INT - 1} - {MAX_INT})")
        return int(number)

    def number(self, body: dict[str, Any], key: str, default: float) -> float:
        """Return a 32-bit float, infinite if the number is out of range.

        Raises:
            EngineError: 400 parsing_exception, number_format_exception or x_content_parse_exception.
        """
        return _single(_number(self._scalar(body, key))) if key in body else default

    def boost(self, body: dict[str, Any]) -> float:
        """Return a query's `boost`, by default 1; one that is not finite is rejected when the query runs.

        Raises:
            EngineError: 400 illegal_argument_exception if it is negative; otherwise as `number`.
        """
        boost = self.number(body, "boost", 1.0)
        if boost < 0:
            raise illegal(f"negative [boost] are not allowed in [{boost}], use a value between 0 and 1 to deboost")
        return boost

    def flag(self, body: dict[str, Any], key: str, *, default: bool = False) -> bool:
        """Return a boolean, which may be a string.

        Raises:
            EngineError: 400 parsing_exception, x_content_parse_exception or illegal_argument_exception.
        """
        return _flag(self._scalar(body, key)) if key in body else default

    def text(self, body: dict[str, Any], key: str, default: str) -> str:
        """Return a scalar as a string.

        Raises:
            EngineError: 400 parsing_exception.
        """
        return shown(self._scalar(body, key)) if key in body else default

    def _scalar(self, body: dict[str, Any], key: str) -> Any:
        if body[key] is None or isinstance(body[key], (dict, list)):
            raise self._make_shape_error(f"[{self._name}] unknown token [{token_of(body[key])}] after [{key}]")
        return body[key]


class Fields(Scalars):
    """Reads values as an object parser: every fault becomes the error that `make_error` makes."""

    def __init__(self, name: str, make_error: ErrorMaker = x_content) -> None:
        super().__init__(name)
        self._make_error = make_error

    def boost(self, body: dict[str, Any]) -> float:
        """See `Scalars`."""
        try:
            return super().boost(body)
        except EngineError as fault:
            raise fault if fault.caused_by else self._error(body, "boost", fault) from fault

    def integer(self, body: dict[str, Any], key: str, default: int) -> int:
        """See `Scalars`."""
        return self._read(super().integer, body, key, default)

    def number(self, body: dict[str, Any], key: str, default: float) -> float:
        """See `Scalars`."""
        return self._read(super().number, body, key, default)

    def flag(self, body: dict[str, Any], key: str, *, default: bool = False) -> bool:
        """See `Scalars`."""
        try:
            return super().flag(body, key, default=default)
        except EngineError as fault:
            raise self._error(body, key, fault) from fault

    def text(self, body: dict[str, Any], key: str, default: str) -> str:
        """Return a string; see `Scalars`."""
        if not isinstance(body.get(key, ""), str):
            raise self._error(body, key)
        return str(body.get(key, default))

    def _read(self, read: Callable[[dict[str, Any], str, _T], _T], body: dict[str, Any], key: str, default: _T) -> _T:
        try:
            return read(body, key, default)
        except EngineError as fault:
            raise self._error(body, key, fault) from fault

    def _error(self, body: dict[str, Any], key: str, fault: EngineError | None = None) -> EngineError:
        if fault is None or fault.kind == "parsing_exception" or isinstance(body[key], bool):
            reason = f"[{self._name}] {key} doesn't support values of type: {token_of(body[key])}"
            return self._make_error(reason)
        error = self._make_error(f"[{self._name}] failed to parse field [{key}]: {fault.reason}")
        error.caused_by = fault.cause()
        return error


def token_of(value: Any) -> str:
    """Return the name of the token that a JSON value begins with."""
    if value is None:
        return "VALUE_NULL"
    if isinstance(value, bool):
        return "VALUE_TRUE" if value else "VALUE_FALSE"
    if isinstance(value, (dict, list)):
        return "START_OBJECT" if isinstance(value, dict) else "START_ARRAY"
    return "VALUE_STRING" if isinstance(value, str) else "VALUE_NUMBER"


def shown(value: Any) -> str:
    """Return a scalar as Elasticsearch writes it: `true`, `5`, `1.5`, `x`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_double(value: int | float) -> float:
    """Return a JSON number as a double, infinite if it is out of range."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def as_number(text: str) -> float:
    """Return the number in a string, as Java reads it.

    Raises:
        EngineError: 400 number_format_exception.
    """
    try:
        if not _JAVA_NUMBER.fullmatch(text):
            raise ValueError
        return float(text)
    except ValueError as error:
        raise EngineError(400, "number_format_exception", f'For input string: "{text}"') from error


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise x_content(f"Current token ({token_of(value)}) not numeric, can not use numeric value accessors")
    return as_number(value) if isinstance(value, str) else as_double(value)


def _single(number: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.float32(number))


def _flag(value: Any) -> bool:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise x_content(f"Current token ({token_of(value)}) not of boolean type")
    if value not in (True, False, "true", "false", ""):
        raise illegal(f"Failed to parse value [{value}] as only [true] or [false] are allowed.")
    return value in (True, "true")
