"""Lucene's StandardTokenizer: the words of a text by UAX#29 and UTS#51, for the embedded engine's analyzers.

Every character is replaced by the letter of its class (`word_break.py`), so that the rules are regular expressions over
a couple of dozen letters and a match's place in them is its place in the text.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from connector.embedded.word_break import CLASSES

MAX_TOKEN_UNITS = 255
"""UTF-16 code units of a token; a longer word becomes several tokens. Source: StandardTokenizer's default."""


class _ClassOf(dict[int, str]):
    """Code point -> letter of its word break class, "." for none: a table for `str.translate` that fills itself."""

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
    """The grammar of StandardTokenizerImpl.jflex: at each place the longest match, whichever rule it is of.

    Alternatives are ordered, and each one's choices too, so that the first match is the longest. Rule numbers are
    those of UAX#29.
    """
    # WB4: what a character drags along. A presentation selector ends an emoji, so emoji drag the others only.
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
    word = f"(?:{connector}){{0,{MAX_TOKEN_UNITS}}}{run}(?:(?:{connector})+{run})*(?:{connector})*"  # WB13a, 13b

    # UTS#51 emoji_sequence. The joiner may be one that the element before it has dragged along already.
    joiner = f"(?:Z{{1,{MAX_TOKEN_UNITS}}}|(?<=Z))"
    modifier = f"M{emoji_x}"
    joined = f"(?:{joiner}[PQ]{emoji_x}F?|Z{modifier})*"
    emoji = f"(?:Z{{0,{MAX_TOKEN_UNITS}}}P{emoji_x}F?|Z{{1,{MAX_TOKEN_UNITS}}}Q{emoji_x}F?|{modifier})(?:G+Y|{joined})"
    # A letter that is an emoji too starts a sequence only where the sequence reaches past the word.
    letter_emoji = f"Q{emoji_x}F?(?:{joiner}Q{emoji_x}F?|Z{modifier})*{joiner}P{emoji_x}F?{joined}"
    flag = f"J{x}J{x}"
    keycap = f"O{emoji_x}FC{emoji_x}|O[XZMGYV]*C{emoji_x}"

    south_east_asian = "[TV][TVXZMGYCFR]*"
    return re.compile(f"{letter_emoji}|{word}|I{x}|{south_east_asian}|{emoji}|{flag}|{keycap}")


_CLASS_OF = _ClassOf()
_WORDS = _words()


def words(text: str) -> list[str]:
    """The tokens of a text in their order, as written, none longer than 255 UTF-16 code units.

    Source: Lucene's StandardTokenizer, equal in 9.12 and 10.5.
    """
    classes = text.translate(_CLASS_OF)
    found: list[str] = []
    at = 0
    while True:
        for match in _WORDS.finditer(classes, at):
            start, end = match.span()
            if end - start > MAX_TOKEN_UNITS // 2 and end > _window_end(text, start):
                break
            found.append(text[start:end])
        else:
            return found
        # Lucene looks at 255 units from here and no further: a word is cut there, or is none without what follows.
        cut = _WORDS.match(classes, start, _window_end(text, start))
        at = cut.end() if cut else start + 1
        if cut:
            found.append(text[start:at])


def _window_end(text: str, start: int) -> int:
    """Where 255 UTF-16 code units from `start` on end; a character that would be cut in two is left out."""
    window = text[start : start + MAX_TOKEN_UNITS]
    if window.isascii():
        return start + len(window)
    units = 0
    for offset, character in enumerate(window):
        units += 2 if character > "\uffff" else 1
        if units > MAX_TOKEN_UNITS:
            return start + offset
    return start + len(window)
