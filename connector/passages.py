"""Text fields become the passage that the encoder and the reranker read. Pure; comes in from `search` and `indexing`.

One rule for both sides, so that the reranker reads what the encoder read: the texts of all fields in the order the
fields were named, lists and nested objects in their own order, joined by a blank line; what is not text adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_SEPARATOR = "\n\n"


def passage_of(source: Mapping[str, Any], fields: Sequence[str]) -> str:
    """Make the passage of a document.

    Args:
        source: a document's `_source`, or the `fields` of a hit.
        fields: dotted paths, as `title` or `author.name`; a path goes through lists and nested objects.

    Returns:
        The joined text, without leading or trailing blanks; "" when there is none.
    """
    parts = (text.strip() for field in fields for text in _texts(_values(source, field)))
    return _SEPARATOR.join(part for part in parts if part)


def _values(value: object, path: str) -> Iterator[object]:
    if isinstance(value, list):
        for item in value:
            yield from _values(item, path)
    elif isinstance(value, Mapping):
        # A dot may stand in a key itself ({"author.name": ...}), so every split of the path is tried.
        head = path
        while head:
            if head in value:
                rest = path[len(head) + 1 :]
                yield from _values(value[head], rest) if rest else (value[head],)
            head = head.rpartition(".")[0]


def _texts(values: Iterator[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from _texts(iter(value))
        elif isinstance(value, Mapping):
            yield from _texts(iter(value.values()))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield str(value)
