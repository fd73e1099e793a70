"""Parse JSON as Elasticsearch does: no NaN or Infinity, no duplicate names in an object, and bounded nesting."""

from __future__ import annotations

import json
from typing import Any

from connector.exact_json import decoded, loads_strictly

MAX_DEPTH = 200
"""The greatest depth of objects and arrays; a real node allows 1,000, which Python's stack does not."""


def parse_json(text: bytes) -> Any:
    """Parse JSON.

    Raises:
        ValueError: it isn't JSON (JSONDecodeError), has a duplicate name in an object, or is nested too deeply.
    """
    try:
        value = json.loads(decoded(text), parse_constant=_reject_constant, object_pairs_hook=_unique)
    except RecursionError as error:
        raise _too_deep() from error
    return _checked(value, text)


def parse_exactly(text: bytes) -> Any:
    """Parse JSON as `parse_json` does, but keep all digits of every number."""
    return _checked(loads_strictly(text), text)


def _checked(value: Any, text: bytes) -> Any:
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH:
        _check_depth(value)
    return value


def _reject_constant(name: str) -> Any:
    raise ValueError(f"Non-standard token '{name}'")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"Duplicate field '{next(name for name in names if names.count(name) > 1)}'")
    return found


def _check_depth(value: Any) -> None:
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> ValueError:
    return ValueError(f"Document nesting depth exceeds the maximum allowed ({MAX_DEPTH} in the embedded engine)")
