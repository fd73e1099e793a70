"""What a cluster makes of a document's numbers where it parses `_source` and writes it again. Pure.

It does so for a partial update, and where it leaves vectors out of what it stores: every number goes through a Java
double. What was sent whole is kept byte for byte elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from math import isfinite
from typing import Any

from connector.exact_json import ExactNumber

_LEAST, _MOST = 1e-3, 1e7
"""Where Java writes a double without an exponent."""


def is_spelled_otherwise(source: Mapping[str, Any]) -> bool:
    """True if a number would come back in another spelling: more than its value is kept only by sending it whole."""
    return _any_float(source, _is_spelled_otherwise)


def loses_digits(source: Mapping[str, Any]) -> bool:
    """True if a number would come back as another number."""
    return _any_float(source, _loses_digits)


def _any_float(value: object, holds: Callable[[float], bool]) -> bool:
    if isinstance(value, Mapping):
        return any(_any_float(each, holds) for each in value.values())
    if isinstance(value, list):
        return any(_any_float(each, holds) for each in value)
    return isinstance(value, float) and holds(value)


def _is_spelled_otherwise(number: float) -> bool:
    if isinstance(number, ExactNumber):
        return number.text != _in_java(number)
    return number != 0 and not _LEAST <= abs(number) < _MOST


def _loses_digits(number: float) -> bool:
    if not isinstance(number, ExactNumber):
        return False
    return not isfinite(number) or Decimal(number.text) != Decimal(float.__repr__(number))


def _in_java(number: float) -> str:
    """Write a number as Java's `Double.toString` does."""
    text = float.__repr__(number)
    if number == 0 or _LEAST <= abs(number) < _MOST or not isfinite(number):
        return text
    sign, digits, exponent = Decimal(text).normalize().as_tuple()
    assert isinstance(exponent, int)
    first, *rest = map(str, digits)
    return f"{'-' * sign}{first}.{''.join(rest) or '0'}E{exponent + len(rest)}"
