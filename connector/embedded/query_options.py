"""The options that queries of every kind have in common, read from JSON."""

from __future__ import annotations

import re
from typing import Any

from connector.embedded.failures import illegal, parsing

_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[fFdD]?")


def check_known(name: str, body: dict[str, Any], known: set[str]) -> None:
    """Refuse an option that the engine doesn't know.

    Raises: EngineError: 400 parsing_exception.
    """
    for key in body:
        if key not in known:
            raise parsing(f"[{name}] query does not support [{key}]; the embedded engine knows {sorted(known)}")


def read_number(value: Any) -> float | None:
    """A number, or a text of one; None: it is neither."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if not isinstance(value, str):
        return float(value)
    match = _NUMBER.fullmatch(value.strip())
    return None if match is None else float(match[1])


def read_whole(value: Any) -> int | None:
    """A number, or a text of one, cut towards zero as a real node does; None: it is neither, or too large."""
    number = value if isinstance(value, int) and not isinstance(value, bool) else read_number(value)
    return None if number is None or not abs(number) < 2**31 else int(number)


def parse_boost(body: dict[str, Any]) -> float:
    """A query's `boost`, 1 when it has none.

    Raises: EngineError: 400 illegal_argument_exception.
    """
    value = body.get("boost", 1.0)
    boost = read_number(value)
    if boost is None:
        raise illegal(f'For input string: "{value}"')
    if boost < 0:
        raise illegal(f"negative [boost] are not allowed in [{value}], use a value between 0 and 1 to deboost")
    return boost


def parse_minimum(body: dict[str, Any]) -> str | None:
    """A query's `minimum_should_match`, read when the number of clauses is known."""
    value = body.get("minimum_should_match")
    return None if value is None else str(value)
