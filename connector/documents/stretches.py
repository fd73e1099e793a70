"""Which part of a very long text is read at all: a model reads some hundred tokens of it, whatever its length. Pure.

A tokenizer takes about 4 microseconds and 800 bytes a character, a splitter as long: a hit of some megabytes would
cost seconds and gigabytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
TERM = re.compile(rf"[{IDEOGRAPHS}]|[^\W{IDEOGRAPHS}]+")
"""A word; scripts that put no blanks between words have one for each character."""
PIECE = 20_000
_CHARACTERS_A_TOKEN = 64
_MOST_TERMS = 64


def most_characters(tokens: int) -> int:
    """Return how many characters of a text are tokenised for a model that reads so many tokens of it.

    Far more than these tokens have in any language, so what is cut would not be read.
    """
    return max(tokens * _CHARACTERS_A_TOKEN, PIECE)


def pieces(text: str, size: int = PIECE) -> Iterator[tuple[int, str]]:
    """Cut a text into pieces of at most `size` characters, after blanks where there are any; with their offsets."""
    start = 0
    while len(text) - start > size:
        blank = text.rfind(" ", start + size // 2, start + size)
        end = start + size if blank < 0 else blank + 1
        yield start, text[start:end]
        start = end
    yield start, text[start:]


def stretches(query: str, text: str, most: int, size: int) -> list[tuple[int, str]]:
    """Return the parts of a text that match a query's words best, in their order, with their offsets.

    A piece's score is the sum over the query's words of idf x tf / (tf + 1), with the idf over the pieces; of equal
    ones the first are taken. Words are looked for as they are, also inside others, which needs no tokens.

    Args:
        query: what is searched.
        text: a text of any length; one of at most `most` characters is returned whole.
        most: how many characters all parts have at most.
        size: how many characters a piece has at most; pieces that meet are one part.
    """
    if len(text) <= most:
        return [(0, text)]
    cut = list(pieces(text, size))
    scores = _scores(query, [piece.casefold() for _, piece in cut])
    best = sorted(range(len(cut)), key=lambda place: (-scores[place], place))[: max(most // size, 1)]
    parts: list[tuple[int, str]] = []
    for place in sorted(best):
        start, piece = cut[place]
        if parts and parts[-1][0] + len(parts[-1][1]) == start:
            start, piece = parts[-1][0], parts.pop()[1] + piece
        parts.append((start, piece))
    return parts


def best_stretch(query: str, text: str, most: int) -> str:
    """Return the one part of at most `most` characters that matches a query's words best: see `stretches`."""
    return stretches(query, text, most, most)[0][1]


def _scores(query: str, folded: list[str]) -> list[float]:
    scores = [0.0] * len(folded)
    terms = dict.fromkeys(match[0] for match in TERM.finditer(query[:PIECE].casefold()))
    for term in list(terms)[:_MOST_TERMS]:
        counts = [piece.count(term) for piece in folded]
        idf = math.log1p(len(folded) / max(sum(map(bool, counts)), 1))
        for place, count in enumerate(counts):
            scores[place] += idf * count / (count + 1)
    return scores
