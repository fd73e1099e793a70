"""How the tokens that a reranker reads of a passage are shared among fields."""

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
        """Cut fields' texts to their shares of the tokens that the query leaves: see `shortened`."""


def divided(lengths: Mapping[str, int], shares: Mapping[str, float], room: int) -> dict[str, int]:
    """Divide a room among fields by their shares; what one does not need is divided among the others likewise.

    Args:
        lengths: the tokens that each field has.
        shares: each field's share of 1; fields that are not named have what is left, in equal parts.
        room: tokens in all.

    Returns:
        The tokens of each field, at most `room` together and none more than it has.
    """
    unnamed = [field for field in lengths if field not in shares]
    rest = max(1 - sum(shares.values()), 0.0) / max(len(unnamed), 1)
    wanting = {field: shares.get(field, rest) for field in lengths}
    given: dict[str, int] = {}
    while wanting:
        left, whole = room - sum(given.values()), sum(wanting.values())
        allowed = {
            field: int(left * (share / whole if whole else 1 / len(wanting))) for field, share in wanting.items()
        }
        short = [field for field in wanting if lengths[field] <= allowed[field]]
        if not short:
            return given | allowed
        for field in short:
            given[field] = lengths[field]
            del wanting[field]
    return given


def shortened(
    tokenizer: Any, room: int, sources: Sequence[Mapping[str, Any]], fields: Sequence[str], shares: Mapping[str, float]
) -> list[dict[str, list[str]]]:
    """Cut the fields' texts to their shares of the room, at the ends of tokens.

    Args:
        tokenizer: one of the `tokenizers` library, without truncation.
        room: tokens for all fields of a source together.
        sources: what the texts are read from, as `passages.passage_of`.
        fields: dotted paths.
        shares: as for `divided`.
    """
    cut = []
    for source in sources:
        texts = {field: text for field in fields if (text := text_at(source, field))}
        ends = {field: _token_ends(tokenizer, text[: most_characters(room)]) for field, text in texts.items()}
        tokens = divided({field: len(found) for field, found in ends.items()}, shares, room)
        cut.append({field: [text[: _end(ends[field], tokens[field])]] for field, text in texts.items()})
    return cut


def _token_ends(tokenizer: Any, text: str) -> list[int]:
    return [end for _, end in tokenizer.encode(text, add_special_tokens=False).offsets]


def _end(ends: Sequence[int], tokens: int) -> int:
    return ends[tokens - 1] if tokens else 0
