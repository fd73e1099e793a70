"""Parses the options that all kinds of queries have in common."""

from __future__ import annotations

from typing import Any

from connector.embedded.failures import parsing
from connector.embedded.scalars import Scalars


def check_known(name: str, body: dict[str, Any], known: set[str]) -> None:
    """Reject an option that the engine doesn't know.

    Raises:
        EngineError: 400 parsing_exception.
    """
    for key in body:
        if key not in known:
            raise parsing(f"[{name}] query does not support [{key}]; the embedded engine knows {sorted(known)}")


def parse_minimum(body: dict[str, Any], scalars: Scalars) -> str | None:
    """Return a query's `minimum_should_match`, to be resolved when the number of clauses is known.

    Raises:
        EngineError: 400, as `Scalars.text`.
    """
    return scalars.text(body, "minimum_should_match", "") if "minimum_should_match" in body else None
