"""One answer of a cluster while it is checked. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from connector.errors import MalformedAnswerError

T = TypeVar("T")
DEEPEST = 200
_KINDS: dict[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}
_MISSING: Any = object()


class Answer:
    """An answer while it is checked.

    Args:
        what: the call that it answers, such as `_msearch`.
        body: all of the answer, for the error.
    """

    def __init__(self, what: str, body: object) -> None:
        self.what = what
        self.body = body

    def fault(self, fault: str) -> MalformedAnswerError:
        """Return an error with what is wrong with the answer."""
        return MalformedAnswerError(self.what, fault, self.body)

    def checked(self, value: object, path: str, kind: type[T]) -> T:
        """Return a part of the answer if it is of this kind.

        Args:
            value: the part.
            path: where it is, for the error.
            kind: what it must be.

        Raises:
            MalformedAnswerError: it is of another kind.
        """
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.fault(f"{path or 'it'} is {described(value)}, must be {_KINDS[kind]}")
        return value

    def part(self, parent: Mapping[str, Any], path: str, kind: type[T]) -> T:
        """Return the part at a path's last name, which must exist."""
        value = parent.get(path.rpartition(".")[2], _MISSING)
        if value is _MISSING:
            raise self.fault(f"{path} is missing")
        return self.checked(value, path, kind)

    def optional(self, parent: Mapping[str, Any], path: str, kind: type[T]) -> T | None:
        """Return the part at a path's last name; None if it is missing."""
        return self.part(parent, path, kind) if path.rpartition(".")[2] in parent else None

    def not_too_deep(self, value: object, path: str) -> None:
        """Refuse a part that is nested too deeply for recursive functions."""
        level, depth = [value], 0
        while level:
            depth += 1
            if depth > DEEPEST:
                raise self.fault(f"{path} is nested more than {DEEPEST} levels deep")
            level = [inner for each in level for inner in _inside(each)]


def _inside(value: object) -> Sequence[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()


def described(value: object) -> str:
    """Return what kind of value something is, for people."""
    return "null" if value is None else _KINDS.get(type(value), type(value).__name__)
