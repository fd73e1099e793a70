"""Text fields become the passage that the encoder and the reranker read. Pure; comes in from `search` and `indexing`.

One rule for both sides, so that the reranker reads what the encoder read: the texts of all fields in the order the
fields were named, lists and nested objects in their own order, joined by a blank line; what is not text adds nothing.
A reranker may be given a template instead, as "{title}. {body}".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from string import Formatter
from typing import Any

_SEPARATOR = "\n\n"
_CLOSING = ")]}>\"'"


def passage_of(source: Mapping[str, Any], fields: Sequence[str]) -> str:
    """Make the passage of a document.

    Args:
        source: a document's `_source`, or the `fields` of a hit.
        fields: dotted paths, as `title` or `author.name`; a path goes through lists and nested objects.

    Returns:
        The joined text, without leading or trailing blanks; "" when there is none.
    """
    parts = (text.strip() for field in fields for text in _texts(values_at(source, field)))
    return _SEPARATOR.join(part for part in parts if part)


def text_at(source: Mapping[str, Any], field: str) -> str:
    """Return a field's text: a single text as it stands, so that offsets into it hold, several as `passage_of` does."""
    texts = list(_texts(values_at(source, field)))
    return texts[0] if len(texts) == 1 else passage_of(source, [field])


def first_at(source: Mapping[str, Any], field: str) -> Any:
    """Return the first value at a dotted path, which goes through lists and objects; None without any."""
    found = next(values_at(source, field), None)
    while isinstance(found, list):
        found = found[0] if found else None
    return found


def template_parts(template: str) -> list[tuple[str, str]]:
    """Take a template apart: the literal before each field and the field, and last a literal with "" for a field.

    Raises:
        ValueError: a brace stands alone, a field has no name or more than a name, or there is none.
    """
    parts = []
    for literal, field, form, conversion in Formatter().parse(template):
        if field is not None and (not field or form or conversion):
            raise ValueError(f'{{{field}}} must be a field alone, as "{{title}}"')
        parts.append((literal, field or ""))
    if not any(field for _, field in parts):
        raise ValueError('must name a field in braces, as "{title}. {body}"')
    return parts


def filled(template: str, source: Mapping[str, Any]) -> str:
    """Fill a template with the texts of a document.

    What stands before a field without text is left out with it, and so are the brackets that close after it.

    Args:
        template: as "{title}. {body}"; what stands between two fields needs text on both sides.
        source: as for `passage_of`.

    Returns:
        The text; "" when no field has any.
    """
    text, is_gap = "", False
    for place, (literal, field) in enumerate(template_parts(template)):
        found = passage_of(source, [field]) if field else ""
        if found or (not field and text):
            before = literal.lstrip(_CLOSING) if is_gap else literal
            text += (before if text or place == 0 else "") + found
        is_gap = not found
    return text.strip()


def values_at(value: object, path: str) -> Iterator[object]:
    """Return what stands at a dotted path, through lists and nested objects; a list at its end is one value."""
    waiting = [(value, path)] if path else []  # what comes next is last: no nesting is too deep
    while waiting:
        value, path = waiting.pop()
        if not path:
            yield value
        elif isinstance(value, list):
            waiting.extend((item, path) for item in reversed(value))
        elif isinstance(value, Mapping):
            # A dot may stand in a key itself ({"author.name": ...}), so every split of the path is tried.
            heads = [path[:end] for end in range(1, len(path) + 1) if end == len(path) or path[end] == "."]
            waiting.extend((value[head], path[len(head) + 1 :]) for head in heads if head in value)


def _texts(values: Iterator[object]) -> Iterator[str]:
    waiting = list(values)[::-1]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            waiting.extend(reversed(value))
        elif isinstance(value, Mapping):
            waiting.extend(list(value.values())[::-1])
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield str(value)
