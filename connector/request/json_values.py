"""A body as the JSON that the client's own serializer would make of it. Pure.

An array, a numpy number, a tuple, a date, a UUID or a Decimal thus becomes what the cluster would have read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any, TypeAlias

from elasticsearch.serializer import JsonSerializer

from connector.errors import RequestError

MAX_LEVELS = 200
"""How deep a body may be nested; Elasticsearch refuses such deep queries."""

Default: TypeAlias = Callable[[Any], Any]
"""A serializer's `default`: turns a value of another type into one that JSON has, or raises a TypeError."""

_AS_THEY_ARE = frozenset({str, int, bool, type(None)})
_NUMBERS = {int, float}
_REFUSED = (TypeError, ValueError, AttributeError, OverflowError)


json_default: Default = JsonSerializer().default
"""The `default` of elasticsearch-py."""


def default_of(serializer: Any) -> Default:
    """Return the `default` of a client's serializer."""
    default: Default = getattr(serializer, "default", json_default)
    return default


def as_json(value: Any, default: Default, path: str = "") -> Any:
    """Read a value as JSON: dicts with text keys, lists, texts, ints, finite floats, bools and None.

    Args:
        value: what a client was given.
        default: turns values of other types into JSON, as the client's serializer does.
        path: where the value is, for errors.

    Raises:
        RequestError: a part of it, such as a generator, a set or NaN, can't be written as JSON; names its path.
    """
    return _read(value, default, path, MAX_LEVELS)


def _read(value: Any, default: Default, path: str, levels_left: int) -> Any:
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _finite(float(value), path)
    if levels_left == 0:
        raise RequestError(path, "...", f"is nested deeper than {MAX_LEVELS} levels; flatten it")
    if isinstance(value, dict | Mapping):  # a dict is told from others much faster than a Mapping
        return {
            (name := _name(key, path)): _read(inner, default, f"{path}.{name}" if path else name, levels_left - 1)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        if set(map(type, value)) <= _NUMBERS:  # a vector: saves a call per number
            if not _are_finite(value):
                return [_finite(each, f"{path}[{place}]") for place, each in enumerate(value)]
            return list(value)
        return [_read(each, default, f"{path}[{place}]", levels_left - 1) for place, each in enumerate(value)]
    try:
        written = default(value)
    except _REFUSED as error:
        remedy = f"a {type(value).__name__} can't be written as JSON; give a list, dict, text, number, bool or None"
        raise RequestError(path, value, remedy) from error
    return _read(written, default, path, levels_left - 1)


def _are_finite(numbers: Sequence[float]) -> bool:
    try:
        return isfinite(sum(numbers))  # sums of NaN and infinity are not; those of large numbers need not be
    except OverflowError:
        return False


def _finite(number: float, path: str) -> float:
    if isinstance(number, float) and not isfinite(number):
        raise RequestError(path, number, "is not a JSON number; give a finite number")
    return number


def _name(key: Any, path: str) -> str:
    """Return the key as the standard library's `json` writes it."""
    if isinstance(key, str):
        return str.__str__(key)
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    if isinstance(key, int | float):
        return repr(key)
    raise RequestError(path, key, "can't be a name in a JSON object; names must be texts")
