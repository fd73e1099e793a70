"""The passage of a document: the text that the encoder and the reranker read. Pure.

Both read the same text: the texts of all fields in the order in which the fields were named, lists and nested objects
in their own order, joined by a blank line. Values that are not text add nothing. A reranker may instead be given a
template such as "{title}. {body}".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from string import Formatter
from typing import Any

from connector.documents.paths import values_at

_SEPARATOR = "\n\n"
_CLOSING = ")]}>\"'"


def passage_of(source: Mapping[str, Any], fields: Sequence[str]) -> str:
    """Make the passage of a document.

    Args:
        source: a document's `_source`, or the `fields` of a hit.
        fields: dotted paths such as `title` or `author.name`; a path goes through lists and nested objects.

    Returns:
        The joined text, without leading or trailing blanks; "" if there is none.
    """
    parts = (text.strip() for field in fields for text in _texts(values_at(source, field)))
    return _SEPARATOR.join(part for part in parts if part)


def text_at(source: Mapping[str, Any], field: str) -> str:
    """Return a field's text: a single text unchanged, so that offsets into it hold, several as in `passage_of`."""
    texts = list(_texts(values_at(source, field)))
    return texts[0] if len(texts) == 1 else passage_of(source, [field])


def is_template(text: str) -> bool:
    """True if a text has braces: it is a template (or meant to be one) and not the name of a field."""
    return "{" in text or "}" in text


def template_parts(template: str) -> list[tuple[str, str]]:
    """Split a template into pairs of a literal and the field after it; the last literal may have "" as its field.

    Raises:
        ValueError: a brace is unmatched, braces hold anything but one field name, or no field is named.
    """
    parts = []
    for literal, field, form, conversion in Formatter().parse(template):
        if field is not None and (not field or form or conversion):
            raise ValueError(f'{{{field}}} must be a field alone, as "{{title}}"')
        parts.append((literal, field or ""))
    if not any(field for _, field in parts):
        raise ValueError('must name a field in braces, as "{title}. {body}"')
    return parts


def fill_template(template: str, source: Mapping[str, Any]) -> str:
    """Fill a template with the texts of a document.

    A field without text is left out, with the literal before it and the brackets that close after it.

    Args:
        template: such as "{title}. {body}"; a literal between two fields is kept only if both have text.
        source: as for `passage_of`.

    Returns:
        The text; "" if no field has any.
    """
    text, follows_gap = "", False
    for place, (literal, field) in enumerate(template_parts(template)):
        found = passage_of(source, [field]) if field else ""
        if found or (not field and text):
            before = literal.lstrip(_CLOSING) if follows_gap else literal
            text += (before if text or place == 0 else "") + found
        follows_gap = not found
    return text.strip()


def fields_named(parts: Sequence[str]) -> list[str]:
    """Return the fields that a list of fields and templates reads, each once."""
    named = ([field for _, field in template_parts(part) if field] if is_template(part) else [part] for part in parts)
    return list(dict.fromkeys(field for fields in named for field in fields))


def passage_by(parts: Sequence[str], source: Mapping[str, Any]) -> str:
    """Make the passage that a list of fields and templates describes."""
    if not any(map(is_template, parts)):
        return passage_of(source, parts)
    texts = (fill_template(part, source) if is_template(part) else passage_of(source, [part]) for part in parts)
    return _SEPARATOR.join(text for text in texts if text)


def _texts(values: Iterator[object]) -> Iterator[str]:
    pending = list(values)[::-1]
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            pending.extend(reversed(value))
        elif isinstance(value, Mapping):
            pending.extend(list(value.values())[::-1])
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield str(value)
