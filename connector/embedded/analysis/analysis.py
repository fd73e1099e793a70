"""Turn text into tokens, with the terms and positions of Lucene's analyzers.

Case is folded one character at a time, as Java does. Letters and case follow the Unicode version of the running Python;
word breaks are Lucene's own (`tokenizer.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from connector.embedded.analysis.porter import stem
from connector.embedded.analysis.tokenizer import MAX_TOKEN_UNITS, words

# fmt: off
STOP_WORDS = frozenset({
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no", "not",
    "of", "on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this", "to", "was",
    "will", "with",
})
# fmt: on
"""The words that `english` and `stop` remove. Source: Lucene's EnglishAnalyzer.ENGLISH_STOP_WORDS_SET."""

_POSSESSIVE = re.compile("['’＇][sS]$")
_NOT_WHITESPACE = re.compile(r"[^\t-\r\x1c- \u1680\u2000-\u2006\u2008-\u200a\u2028\u2029\u205f\u3000]+")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


class Token(NamedTuple):
    """A term and its position in the text, from 0; a removed stop word leaves a gap in the positions."""

    term: str
    position: int


class _LowerCaseLetters(dict[int, str]):
    """A table for `str.translate`: code point -> the letter in lower case, or a space for anything else."""

    def __missing__(self, code_point: int) -> str:
        character = chr(code_point)
        self[code_point] = _lower_case(character) if character.isalpha() else " "
        return self[code_point]


def analyze(analyzer: str, text: str) -> list[Token]:
    """Return the tokens of a text by one of Elasticsearch's analyzers.

    Args:
        analyzer: one of `ANALYZERS`: standard, english, simple, stop, whitespace, keyword.
        text: any string, lone surrogates included.

    Raises:
        KeyError: there is no such analyzer.

    Source: Lucene's analyzers of these names, as Elasticsearch 8.19 and 9.5 configure them.
    """
    return ANALYZERS[analyzer](text)


def _standard(text: str) -> list[Token]:
    return _in_sequence(map(_lower_case, words(text)))


def _english(text: str) -> list[Token]:
    return [Token(term, position) for position, term in enumerate(map(_english_term, words(text))) if term is not None]


def _simple(text: str) -> list[Token]:
    return _in_sequence(_letter_runs(text))


def _stop(text: str) -> list[Token]:
    return [Token(term, position) for position, term in enumerate(_letter_runs(text)) if term not in STOP_WORDS]


def _whitespace(text: str) -> list[Token]:
    return _in_sequence(piece for run in _NOT_WHITESPACE.findall(text) for piece in _pieces(run))


def _keyword(text: str) -> list[Token]:
    return [Token(text, 0)]


ANALYZERS: dict[str, Callable[[str], list[Token]]] = {
    "standard": _standard,
    "english": _english,
    "simple": _simple,
    "stop": _stop,
    "whitespace": _whitespace,
    "keyword": _keyword,
}
"""The analyzers, by their Elasticsearch names."""


def _in_sequence(terms: Iterable[str]) -> list[Token]:
    return [Token(term, position) for position, term in enumerate(terms)]


@lru_cache(maxsize=1 << 17)
def _english_term(word: str) -> str | None:
    """Return the stem of a word, or None for a stop word."""
    term = _lower_case(_POSSESSIVE.sub("", word))
    return None if term in STOP_WORDS else _stem(term)


def _lower_case(text: str) -> str:
    """Apply Java's Character.toLowerCase to each character: it ignores context and never changes the length."""
    return text.replace("İ", "i").replace("Σ", "σ").lower()


def _stem(term: str) -> str:
    """Return the Porter stem, over UTF-16 code units as Java counts them; a term of fewer than three is unchanged.

    Source: Lucene's PorterStemFilter.
    """
    if not _ASTRAL.search(term):
        return stem(term)
    units = term.encode("utf-16-be", "surrogatepass")
    stemmed = stem("".join(chr(high << 8 | low) for high, low in zip(units[::2], units[1::2], strict=True)))
    return stemmed.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")


_LETTERS = _LowerCaseLetters()


def _letter_runs(text: str) -> Iterator[str]:
    """Yield a text's runs of letters in lower case. Source: Lucene's LetterTokenizer and LowerCaseFilter."""
    for run in text.translate(_LETTERS).split():
        yield from _pieces(run)


def _pieces(run: str) -> Iterator[str]:
    """Cut a run where it reaches 255 UTF-16 code units, never inside a character. Source: Lucene's CharTokenizer."""
    if len(run) <= MAX_TOKEN_UNITS // 2:
        yield run
        return
    start = units = 0
    for at, character in enumerate(run):
        units += 2 if character > "\uffff" else 1
        if units >= MAX_TOKEN_UNITS:
            yield run[start : at + 1]
            start, units = at + 1, 0
    if start < len(run):
        yield run[start:]
