"""What happens to a document's numbers when a cluster rewrites `_source`. Pure.

For a partial update, and if it drops vectors from what it stores, a cluster parses every number into a Java double.
Any other document is stored byte for byte as it was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from math import isfinite
from typing import Any

from connector.exact_json import ExactNumber

_LEAST, _MOST = 1e-3, 1e7
"""The range in which Java writes a double without an exponent."""


def is_spelled_otherwise(source: Mapping[str, Any]) -> bool:
    """True if a number would come back in another spelling, which only sending the whole document prevents."""
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
