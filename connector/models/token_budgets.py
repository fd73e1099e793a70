"""Divides the tokens that a reranker reads of a passage among its fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from connector.documents.passages import text_at
from connector.documents.stretches import most_characters


@runtime_checkable
class Shortener(Protocol):
    """A reranker that knows how many tokens of a passage it reads."""

    def shorten(
        self, query: str, sources: Sequence[Mapping[str, Any]], fields: Sequence[str], shares: Mapping[str, float]
    ) -> Sequence[Mapping[str, Any]]:
        """Cut fields' texts to their shares of the tokens that the query leaves: see `shorten_fields`."""


def divide_budget(lengths: Mapping[str, int], shares: Mapping[str, float], room: int) -> dict[str, int]:
    """Divide a number of tokens among fields by their shares; what a field does not need goes to the others.

    Args:
        lengths: how many tokens each field has.
        shares: each field's share of 1; fields without one divide what is left equally.
        room: how many tokens there are in all.

    Returns:
        How many tokens each field gets: at most `room` together, and no field more than it has.
    """
    unnamed = [field for field in lengths if field not in shares]
    rest = max(1 - sum(shares.values()), 0.0) / max(len(unnamed), 1)
    waiting = {field: shares.get(field, rest) for field in lengths}
    granted: dict[str, int] = {}
    while waiting:
        left, whole = room - sum(granted.values()), sum(waiting.values())
        allowed = {
            field: int(left * (share / whole if whole else 1 / len(waiting))) for field, share in waiting.items()
        }
        short = [field for field in waiting if lengths[field] <= allowed[field]]
        if not short:
            return granted | allowed
        for field in short:
            granted[field] = lengths[field]
            del waiting[field]
    return granted


def shorten_fields(
    tokenizer: Any, room: int, sources: Sequence[Mapping[str, Any]], fields: Sequence[str], shares: Mapping[str, float]
) -> list[dict[str, list[str]]]:
    """Cut the fields' texts to their shares of the tokens, at the ends of tokens.

    Args:
        tokenizer: from the `tokenizers` library, without truncation.
        room: how many tokens all fields of a source have together.
        sources: the documents' sources.
        fields: the fields' dotted paths.
        shares: as for `divide_budget`.
    """
    cut = []
    for source in sources:
        texts = {field: text for field in fields if (text := text_at(source, field))}
        ends = {field: _token_ends(tokenizer, text[: most_characters(room)]) for field, text in texts.items()}
        tokens = divide_budget({field: len(each) for field, each in ends.items()}, shares, room)
        cut.append({field: [text[: _end(ends[field], tokens[field])]] for field, text in texts.items()})
    return cut


def _token_ends(tokenizer: Any, text: str) -> list[int]:
    return [end for _, end in tokenizer.encode(text, add_special_tokens=False).offsets]


def _end(ends: Sequence[int], tokens: int) -> int:
    return ends[tokens - 1] if tokens else 0
