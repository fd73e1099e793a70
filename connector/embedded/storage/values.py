"""Convert one value of a field from JSON to the form that a column stores, with a real node's errors."""

from __future__ import annotations

import calendar
import re
from typing import Any

import numpy as np

INTEGER_RANGES = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
FLOATS = ("float", "double")
NUMBERS = (*INTEGER_RANGES, *FLOATS)
TERMS = ("text", "keyword", "boolean")

_ISO = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})"
    r"(?:T(?:(\d{2})(?::(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?)?)?",
    re.ASCII,
)
_SLASHED = re.compile(r"(\d{4})/(\d{2})/(\d{2})(?: (\d{2}):(\d{2}):(\d{2}))?()()", re.ASCII)
_SPACED = re.compile(rf"(?:(?!.* )|(?=\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d$)){_ISO.pattern.replace('T', '[T ]')}", re.ASCII)
_MILLIS = re.compile(r"(-?\d{1,19})(?:\.\d{1,9})?", re.ASCII)
_MAX_OFFSET_MINUTES = 18 * 60
DEFAULT_DATE_FORMAT = "strict_date_optional_time||epoch_millis"
SLASHED_DATE_FORMAT = "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"
SPACED_DATE_FORMAT = "yyyy-MM-dd HH:mm:ss||strict_date_optional_time||epoch_millis"
_DYNAMIC_DATES = {DEFAULT_DATE_FORMAT: _ISO, SLASHED_DATE_FORMAT: _SLASHED}
_DATE_PATTERNS = {**_DYNAMIC_DATES, SPACED_DATE_FORMAT: _SPACED}
DATE_FORMATS = tuple(_DATE_PATTERNS)


class FieldValueError(ValueError):
    """A value that its field does not accept, with the type and reason of the underlying Java exception."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


def text_of(value: Any) -> str:
    """Return a scalar as text and keyword fields read it: `true`, `5`, `1.5`."""
    if isinstance(value, (dict, list)):
        raise FieldValueError("illegal_argument_exception", "Expected text but found START_OBJECT")
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def number_of(kind: str, value: Any) -> int | float:
    """Return a number, or the number in a string; integers are truncated towards zero and must be in range."""
    if isinstance(value, (dict, list)):
        raise FieldValueError("illegal_argument_exception", "Cannot parse object as number")
    if isinstance(value, bool):
        raise FieldValueError("x_content_parse_exception", f"Current token (VALUE_BOOLEAN) not numeric for [{kind}]")
    number: int | float
    try:
        number = value if isinstance(value, (int, float)) else _number_in(value if kind == "long" else value.strip())
        if kind in FLOATS:
            number = float(number)
        elif isinstance(number, float):
            number = int(number)
    except (ValueError, OverflowError) as error:
        cause = "illegal_argument_exception" if kind == "long" else "number_format_exception"
        raise FieldValueError(cause, f'For input string: "{value}"') from error
    if kind in FLOATS:
        if kind == "float":
            with np.errstate(over="ignore"):
                number = float(np.float32(number))
        if not np.isfinite(number):
            raise FieldValueError(
                "illegal_argument_exception", f"[{kind}] supports only finite values, but got [Infinity]"
            )
    else:
        low, high = INTEGER_RANGES[kind]
        if not low <= number <= high:
            raise FieldValueError(
                "x_content_parse_exception", f"Numeric value ({value}) out of range of {kind} ({low} - {high})"
            )
    return number


def _number_in(text: str) -> int | float:
    if re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        return int(text)
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
        raise ValueError(text)
    return float(text)


def boolean_of(value: Any) -> str:
    """Return `T` or `F`, Lucene's terms, for true, false, "true", "false" or "" (false)."""
    if value is True or value == "true":
        return "T"
    if value is False or value in ("false", ""):
        return "F"
    raise FieldValueError(
        "illegal_argument_exception", f"Failed to parse value [{value}] as only [true] or [false] are allowed."
    )


def date_of(date_format: str, value: Any, *, round_up: bool = False) -> int:
    """Return the milliseconds since 1970 of a date in the field's format.

    A missing month or day is the first; a missing time is the start of the day, or with `round_up` its end.
    """
    fault = FieldValueError(
        "illegal_argument_exception", f"failed to parse date field [{value}] with format [{date_format}]"
    )
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise fault
    text = value if isinstance(value, str) else repr(value) if abs(value) < 2**63 else ""
    match = _DATE_PATTERNS[date_format].fullmatch(text)
    if match is None:
        millis = _MILLIS.fullmatch(text)
        if millis is None or not -(2**63) <= int(millis[1]) < 2**63:
            raise fault
        return int(millis[1])
    year, month, day = (int(part or 1) for part in match.groups()[:3])
    tops = (23, 59, 59)
    hour, minute, second = (
        int(part or (top if round_up else 0)) for part, top in zip(match.groups()[3:6], tops, strict=True)
    )
    fraction, zone = match.groups()[6:]
    offset = _offset_minutes(zone)
    is_time = hour <= 23 and minute <= 59 and second <= 59 and abs(offset) <= _MAX_OFFSET_MINUTES
    if not (is_time and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(2000 + year % 400, month)[1]):
        raise fault
    seconds = (_days_since_1970(year, month, day) * 24 + hour) * 3600 + (minute - offset) * 60 + second
    return seconds * 1000 + int((fraction or ("999" if round_up else "0")).ljust(3, "0")[:3])


def _offset_minutes(zone: str | None) -> int:
    if not zone or zone == "Z":
        return 0
    minutes = int(zone[3:].strip(":") or 0)
    total = 60 * int(zone[1:3]) + (minutes if minutes <= 59 else _MAX_OFFSET_MINUTES + 1)
    return total if zone[0] == "+" else -total


def _days_since_1970(year: int, month: int, day: int) -> int:
    """Return days in the proleptic Gregorian calendar, which has a year 0. Source: Howard Hinnant's days_from_civil."""
    year -= month <= 2
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    of_era = year % 400 * 365 + year % 400 // 4 - year % 400 // 100 + of_year
    return year // 400 * 146_097 + of_era - 719_468


def dynamic_definition(value: Any) -> dict[str, Any]:
    """Return the mapping that Elasticsearch gives a new field with this scalar."""
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int):
        return {"type": "long"}
    if isinstance(value, float):
        return {"type": "float"}
    for date_format, pattern in _DYNAMIC_DATES.items():
        if re.search("[-:/]", value) and pattern.fullmatch(value):
            named = {} if date_format == DEFAULT_DATE_FORMAT else {"format": date_format}
            return {"type": "date", **named}
    return {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}
