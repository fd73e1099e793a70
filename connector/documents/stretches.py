"""The parts of a very long text that are read at all: a model reads some hundred tokens of it, whatever its length.

A tokenizer needs about 4 microseconds and 800 bytes per character, and so does a splitter: a hit of several megabytes
would cost seconds and gigabytes. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from connector.documents.lexical_scores import best_first
from connector.documents.words import WORD

PIECE = 20_000
"""The size of a piece of a long text, in characters."""
_CHARACTERS_PER_TOKEN = 64
_MAX_TERMS = 64


def most_characters(tokens: int) -> int:
    """Return how many characters of a text are tokenised for a model that reads at most `tokens` of them.

    No language has that many characters in so few tokens, so nothing is cut that the model would read.
    """
    return max(tokens * _CHARACTERS_PER_TOKEN, PIECE)


def pieces(text: str, size: int = PIECE) -> Iterator[tuple[int, str]]:
    """Cut a text into pieces of at most `size` characters, after a blank if possible, and return offset and text."""
    start = 0
    while len(text) - start > size:
        blank = text.rfind(" ", start + size // 2, start + size)
        end = start + size if blank < 0 else blank + 1
        yield start, text[start:end]
        start = end
    yield start, text[start:]


def stretches(query: str, text: str, most: int, size: int) -> list[tuple[int, str]]:
    """Return the parts of a text that match a query's words best, in the text's order, with their offsets.

    The score of a piece is the sum of idf x tf / (tf + 1) over the query's words, with the idf over the pieces; of
    equal pieces the earlier ones are taken. Words also match inside other words, so the text is not tokenised.

    Args:
        query: the text of the search.
        text: a text of any length; if it has at most `most` characters, all of it is returned.
        most: the greatest number of characters of all parts together.
        size: the greatest number of characters of a piece; adjacent pieces become one part.
    """
    if len(text) <= most:
        return [(0, text)]
    cut = list(pieces(text, size))
    scores = _scores(query, [piece.casefold() for _, piece in cut])
    parts: list[tuple[int, str]] = []
    for place in sorted(best_first(scores, max(most // size, 1))):
        start, piece = cut[place]
        if parts and parts[-1][0] + len(parts[-1][1]) == start:
            start, piece = parts[-1][0], parts.pop()[1] + piece
        parts.append((start, piece))
    return parts


def best_stretch(query: str, text: str, most: int) -> str:
    """Return the one part of at most `most` characters that matches a query's words best; see `stretches`."""
    return stretches(query, text, most, most)[0][1]


def _scores(query: str, folded: list[str]) -> list[float]:
    scores = [0.0] * len(folded)
    terms = dict.fromkeys(match[0] for match in WORD.finditer(query[:PIECE].casefold()))
    for term in list(terms)[:_MAX_TERMS]:
        counts = [piece.count(term) for piece in folded]
        idf = math.log1p(len(folded) / max(sum(map(bool, counts)), 1))
        for place, count in enumerate(counts):
            scores[place] += idf * count / (count + 1)
    return scores
