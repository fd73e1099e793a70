"""Lucene's StandardTokenizer: the words of a text by UAX#29 and UTS#51.

Every character is replaced by the letter of its class (`word_break.py`), so that the rules are regular expressions over
a few dozen letters, and a match has the same offsets in the text.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from connector.embedded.analysis.word_break import CLASSES

MAX_TOKEN_UNITS = 255
"""The most UTF-16 code units in a token; a longer word becomes several tokens. Source: StandardTokenizer's default."""


class _ClassOf(dict[int, str]):
    """A table for `str.translate` that fills itself: code point -> letter of its word break class, "." for none."""

    def __init__(self) -> None:
        super().__init__()
        ranges = []
        for letter, listed in CLASSES.items():
            for item in listed.split():
                first, _, last = item.partition("-")
                ranges.append((int(first, 16), int(last or first, 16), letter))
        ranges.sort()
        self._firsts = [first for first, _, _ in ranges]
        self._ranges = ranges

    def __missing__(self, code_point: int) -> str:
        at = bisect_right(self._firsts, code_point) - 1
        letter = "."
        if at >= 0:
            _, last, found = self._ranges[at]
            letter = found if code_point <= last else "."
        self[code_point] = letter
        return letter


def _words() -> re.Pattern[str]:
    """Return the grammar of StandardTokenizerImpl.jflex: at each offset the longest match of any rule.

    Alternatives are ordered, as are the choices in each, so that the first match is the longest. Rule numbers are
    those of UAX#29. Group 1 is the token; a match without it is a run without tokens, which is skipped so that such
    runs take linear time.
    """
    # WB4: what attaches to a character. A presentation selector ends an emoji, so only the others attach to emoji.
    x = "[XZMGYCVFR]*"
    emoji_x = "[XZMGYCV]*"

    letter = f"[AHQ]{x}"
    hebrew = f"H{x}"
    numeric = f"N{x}"
    connector = f"E{x}"
    hebrew_pair = f"{hebrew}(?:D{x}{hebrew}|S{x})"  # WB7a-7c
    letters = f"{letter}(?:[LUS]{x}{letter})*"  # WB5-7
    numbers = f"{numeric}(?:[BUS]{x}{numeric})*"  # WB8, 11, 12
    run = f"(?:(?:{hebrew_pair}|{letters}|{numbers})+|(?:K{x})+)"  # WB9, 10, 13
    word = f"(?:{connector})*{run}(?:(?:{connector})+{run})*(?:{connector})*"  # WB13a, 13b

    # UTS#51 emoji_sequence. The joiner may already be attached to the emoji before it.
    modifier = f"M{emoji_x}"
    joined = f"(?:(?<=Z)|F(?:Z+|Z{modifier}(?<=Z)))"
    more = f"(?:{joined}[PQ]{emoji_x})*(?:F(?:Z{modifier})?)?"
    emoji = f"(?:Z*P|Z+Q){emoji_x}(?:FG+Y|{more})"
    modifier_emoji = f"{modifier}(?:(?<=Z)[PQ]{emoji_x}{more})?"
    # A letter that is an emoji too starts a sequence only where the sequence reaches past the word.
    letter_emoji = f"Q{emoji_x}(?:{joined}Q{emoji_x})*{joined}P{emoji_x}{more}"
    keycap = f"O{emoji_x}FC{emoji_x}|O[XZMGYV]*C{emoji_x}"
    flag = f"J{x}J{x}"

    south_east_asian = "[TV][TVXZMGYCFR]*"
    token = f"{letter_emoji}|{word}|I{x}|{south_east_asian}|{emoji}|{modifier_emoji}|{keycap}|{flag}"
    in_vain = "E[EXGYCFR]*|Z+"  # if its first character does not start a token, no later one does
    return re.compile(f"({token})|{in_vain}")


_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_CLASS_OF = _ClassOf()
_WORDS = _words()


def words(text: str) -> list[str]:
    """Return the tokens of a text in order, as written, each of at most 255 UTF-16 code units.

    Source: Lucene's StandardTokenizer, equal in 9.12 and 10.5.
    """
    classes = text.translate(_CLASS_OF)
    found: list[str] = []
    at = 0
    while True:
        for match in _WORDS.finditer(classes, at):
            if not match.lastindex:
                continue
            start, end = match.span()
            if end - start > MAX_TOKEN_UNITS // 2 and end > _window_end(text, start):
                break
            found.append(text[start:end])
        else:
            return found
        # Lucene looks ahead 255 units at most: a longer word is cut there, or is no word without the rest.
        at = start
        while at < end:
            cut = _WORDS.match(classes, at, _window_end(text, at))
            if cut and cut.lastindex:
                found.append(text[at : cut.end()])
                at = cut.end()
            else:
                at += 1


def _window_end(text: str, start: int) -> int:
    """Return the offset at most 255 UTF-16 code units after `start` that does not cut a character in two."""
    window = text[start : start + MAX_TOKEN_UNITS]
    if not _ASTRAL.search(window):
        return start + len(window)
    units = 0
    for offset, character in enumerate(window):
        units += 2 if character > "\uffff" else 1
        if units > MAX_TOKEN_UNITS:
            return start + offset
    return start + len(window)
