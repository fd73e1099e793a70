"""Values read as leniently as Elasticsearch's parsers read them, for the models of requests. Pure.

A number may be a text ("20", "0.7"); a whole number drops its fraction (2.0 and "2.5" are 2); a bool may be "true",
"false" or "" (false); an array with one element may be given without brackets; names of options may be in any case.
Whatever can't be read is returned unchanged, for the field's type to refuse.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Annotated, TypeAlias, TypeGuard

from pydantic import BeforeValidator

MAX_INT = 2**31 - 1

_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[fFdD]?")
_BOOLS = {"true": True, "false": False, "": False}


def read_number(value: object) -> object:
    """Read a number, which may be a text."""
    if isinstance(value, str) and (match := _NUMBER.fullmatch(value.strip())) is not None:
        return float(match[1])
    return value


def read_whole(value: object) -> object:
    """Read a whole number, which may be a text; fractions are cut towards zero as Elasticsearch does."""
    number = read_number(value)
    return int(number) if isinstance(number, float) and isfinite(number) else number


def read_flag(value: object) -> object:
    """Read a bool, which may be a text."""
    return _BOOLS.get(value, value) if isinstance(value, str) else value


def read_text(value: object) -> object:
    """Read an element of an array of texts, which may be a number or a bool."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def read_list(value: object) -> object:
    """Read an array, whose only element may be given without brackets."""
    return [value] if isinstance(value, dict | str | int | float) else value


def _numbers(value: object) -> object:
    """Read an array of numbers, each of which may be a text; the usual array costs no call per number."""
    return [read_number(each) for each in value] if isinstance(value, list) and str in set(map(type, value)) else value


def _lowered(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def is_count(value: object) -> TypeGuard[int]:
    """True if a value is a whole number of at least 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


Whole: TypeAlias = Annotated[int, BeforeValidator(read_whole)]
Number: TypeAlias = Annotated[float, BeforeValidator(read_number)]
Flag: TypeAlias = Annotated[bool, BeforeValidator(read_flag)]
Text: TypeAlias = Annotated[str, BeforeValidator(read_text)]
Listed = BeforeValidator(read_list)
Numbers = BeforeValidator(_numbers)
Lowered = BeforeValidator(_lowered)
