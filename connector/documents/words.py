"""The words of a text, without a tokenizer or an analyzer. Pure."""

from __future__ import annotations

import re

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
WORD = re.compile(rf"[{_IDEOGRAPHS}]|[^\W{_IDEOGRAPHS}]+")
"""A word; in scripts that put no blanks between words, a character."""


def count_words(text: str) -> int:
    """Count the words of a text."""
    return len(WORD.findall(text))
