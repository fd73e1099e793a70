"""The options that queries of every kind have in common, read from JSON."""

from __future__ import annotations

from typing import Any

from connector.embedded.failures import illegal, parsing


def check_known(name: str, body: dict[str, Any], known: set[str]) -> None:
    """Refuse an option that the engine doesn't know.

    Raises: EngineError: 400 parsing_exception.
    """
    for key in body:
        if key not in known:
            raise parsing(f"[{name}] query does not support [{key}]; the embedded engine knows {sorted(known)}")


def parse_boost(body: dict[str, Any]) -> float:
    """A query's `boost`, 1 when it has none.

    Raises: EngineError: 400 illegal_argument_exception.
    """
    value = body.get("boost", 1.0)
    try:
        boost = float(value)
    except (TypeError, ValueError) as error:
        raise illegal(f'For input string: "{value}"') from error
    if boost < 0:
        raise illegal(f"negative [boost] are not allowed in [{value}], use a value between 0 and 1 to deboost")
    return boost


def parse_minimum(body: dict[str, Any]) -> str | None:
    """A query's `minimum_should_match`, read when the number of clauses is known."""
    value = body.get("minimum_should_match")
    return None if value is None else str(value)
