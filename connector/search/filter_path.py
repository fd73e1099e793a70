"""Elasticsearch's `filter_path`: which parts of a response are shown. Pure.

Sent with the `_msearch`, it would filter the legs' answers instead of the response, so it is applied here.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str, ...]


def filtered(body: dict[str, Any], filter_path: str | Sequence[str]) -> dict[str, Any]:
    """Return the parts of a body that the patterns name.

    Args:
        body: a response.
        filter_path: dotted paths, as a list or separated by commas; `*` matches a name or a part of one, `**` any
            number of names; a path that begins with `-` is excluded, even if another path includes it.

    Source: Elasticsearch's reference, "common options: response filtering".
    """
    given = filter_path.split(",") if isinstance(filter_path, str) else filter_path
    patterns = [pattern.strip() for pattern in given if pattern.strip()]
    excluded = [_split(pattern[1:]) for pattern in patterns if pattern.startswith("-")]
    included = [_split(pattern) for pattern in patterns if not pattern.startswith("-")]
    shown: Any = _included(body, included) if included else body
    shown = _excluded(shown, excluded) if excluded and shown is not None else shown
    return shown if isinstance(shown, dict) else {}


def _split(pattern: str) -> Path:
    return tuple(pattern.split("."))


def _below(patterns: Sequence[Path], name: str) -> list[Path]:
    """Return the rest of each pattern that matches a name; an empty rest is a pattern that ends there."""
    left = []
    for head, *rest in patterns:
        if head == "**":
            left.append(("**", *rest))
            left += _below([tuple(rest)], name) if rest else [()]
        elif fnmatchcase(name, head):
            left.append(tuple(rest))
    return left


def _included(value: Any, patterns: Sequence[Path]) -> Any:
    """Keep the parts that a pattern names, with the objects around them; None if nothing is left."""
    if isinstance(value, list):
        kept = [part for each in value if (part := _included(each, patterns)) is not None]
        return kept or None
    if not isinstance(value, dict):
        return None
    found = {}
    for name, each in value.items():
        below = _below(patterns, name)
        part = each if () in below else _included(each, below) if below else None
        if () in below or part is not None:
            found[name] = part
    return found or None


def _excluded(value: Any, patterns: Sequence[Path]) -> Any:
    if isinstance(value, list):
        return [_excluded(each, patterns) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, each in value.items():
        below = _below(patterns, name)
        if () not in below:
            kept[name] = _excluded(each, below) if below else each
    return kept
