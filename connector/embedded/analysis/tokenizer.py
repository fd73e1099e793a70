"""Lucene's StandardTokenizer: the words of a text by UAX#29 and UTS#51, for the embedded engine's analyzers.

Every character is replaced by the letter of its class (`word_break.py`), so that the rules are regular expressions over
a couple of dozen letters and a match's place in them is its place in the text.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from connector.embedded.analysis.word_break import CLASSES

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
    those of UAX#29. Group 1 is the token; without it the match is a run that holds none, and is passed over so that
    such runs take linear time.
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
    word = f"(?:{connector})*{run}(?:(?:{connector})+{run})*(?:{connector})*"  # WB13a, 13b

    # UTS#51 emoji_sequence. A joiner may be one that the emoji before it has dragged along already.
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
    in_vain = "E[EXGYCFR]*|Z+"  # nothing in it starts a token if its first character does not
    return re.compile(f"({token})|{in_vain}")


_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
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
            if not match.lastindex:
                continue
            start, end = match.span()
            if end - start > MAX_TOKEN_UNITS // 2 and end > _window_end(text, start):
                break
            found.append(text[start:end])
        else:
            return found
        # Lucene looks at 255 units from where it is and no further: a word is cut there, or is none without the rest.
        at = start
        while at < end:
            cut = _WORDS.match(classes, at, _window_end(text, at))
            if cut and cut.lastindex:
                found.append(text[at : cut.end()])
                at = cut.end()
            else:
                at += 1


def _window_end(text: str, start: int) -> int:
    """Where 255 UTF-16 code units from `start` on end; a character that would be cut in two is left out."""
    window = text[start : start + MAX_TOKEN_UNITS]
    if not _ASTRAL.search(window):
        return start + len(window)
    units = 0
    for offset, character in enumerate(window):
        units += 2 if character > "\uffff" else 1
        if units > MAX_TOKEN_UNITS:
            return start + offset
    return start + len(window)
