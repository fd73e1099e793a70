"""Values read as leniently as Elasticsearch's parsers read them, for the models of requests. Pure.

A number may be a text ("20", "0.7"); a whole number is what a number is before its point (2.0, "2.5" is 2); a bool may
be "true", "false" or "" (false); an array of one may be left out; names of options are in any case. What can't be read
is left as it is, and refused by the type behind.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator

MAX_INT = 2**31 - 1

_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[fFdD]?")
_BOOLS = {"true": True, "false": False, "": False}


def number(value: object) -> object:
    """Read a number that may be a text."""
    if isinstance(value, str) and (match := _NUMBER.fullmatch(value.strip())) is not None:
        return float(match[1])
    return value


def whole(value: object) -> object:
    """Read a whole number, cut towards zero as Elasticsearch does, that may be a text."""
    read = number(value)
    return int(read) if isinstance(read, float) and isfinite(read) else read


def flag(value: object) -> object:
    """Read a bool that may be a text."""
    return _BOOLS.get(value, value) if isinstance(value, str) else value


def text(value: object) -> object:
    """Read a text, in an array of texts, that may be a number or a bool."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def listed(value: object) -> object:
    """Read an array, whose only element may stand alone."""
    return [value] if isinstance(value, dict | str | int | float) else value


def _numbers(value: object) -> object:
    """Read an array of numbers, each of which may be a text; the usual one costs no call for each number."""
    return [number(each) for each in value] if isinstance(value, list) and str in set(map(type, value)) else value


def _lowered(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


Whole: TypeAlias = Annotated[int, BeforeValidator(whole)]
Number: TypeAlias = Annotated[float, BeforeValidator(number)]
Flag: TypeAlias = Annotated[bool, BeforeValidator(flag)]
Text: TypeAlias = Annotated[str, BeforeValidator(text)]
Listed = BeforeValidator(listed)
Numbers = BeforeValidator(_numbers)
Lowered = BeforeValidator(_lowered)
