"""Porter's stemmer with its author's later changes, as Lucene has it.

It is written out because nltk, whose results it has, takes longer to import than a search takes.

Source: M. F. Porter, An algorithm for suffix stripping, Program 14(3), 1980; Lucene's PorterStemmer.
"""

from __future__ import annotations

from itertools import pairwise

_VOWELS = frozenset("aeiou")
# fmt: off
_STEP_2 = {
    "ational": "ate", "tional": "tion", "enci": "ence", "anci": "ance", "izer": "ize", "bli": "ble", "alli": "al",
    "entli": "ent", "eli": "e", "ousli": "ous", "ization": "ize", "ation": "ate", "ator": "ate", "alism": "al",
    "iveness": "ive", "fulness": "ful", "ousness": "ous", "aliti": "al", "iviti": "ive", "biliti": "ble", "logi": "log",
}
_STEP_3 = {"icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic", "ful": "", "ness": ""}
_STEP_4 = (
    "ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate", "iti", "ous", "ive", "ize", "ion",
    "al", "er", "ic", "ou",
)
# fmt: on
_LONGEST_SUFFIX, _SHORTEST_WORD = 7, 3


def stem(word: str) -> str:
    """Return the stem of a word in lower case; one of fewer than three characters is its own stem.

    Examples:
        >>> from connector.embedded.analysis.porter import stem
        >>> [stem(word) for word in ("relational", "hopping", "apologies")]
        ['relat', 'hop', 'apolog']
    """
    if len(word) < _SHORTEST_WORD:
        return word
    word = _without_ending(_without_plural(word))
    if word[-1:] == "y" and _has_vowel(word[:-1]):
        word = word[:-1] + "i"
    for replacements in (_STEP_2, _STEP_3):
        word = _replaced(word, replacements)
    return _tidied(_without_suffix(word))


def _without_plural(word: str) -> str:
    if word.endswith(("sses", "ies")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _without_ending(word: str) -> str:
    """Remove -ed and -ing, and restore the e or the single consonant before them."""
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    for suffix in ("ed", "ing"):
        base = word.removesuffix(suffix)
        if base != word:
            return _restored(base) if _has_vowel(base) else word
    return word


def _restored(base: str) -> str:
    if base.endswith(("at", "bl", "iz")):
        return base + "e"
    if _ends_in_double_consonant(base):
        return base if base[-1] in "lsz" else base[:-1]
    return base + "e" if _measure(base) == 1 and _ends_in_short_syllable(base) else base


def _replaced(word: str, replacements: dict[str, str]) -> str:
    """Replace the longest suffix that is listed, if what is before it has a vowel and then a consonant."""
    for length in range(min(_LONGEST_SUFFIX, len(word)), 1, -1):
        replacement = replacements.get(word[-length:])
        if replacement is not None:
            return word[:-length] + replacement if _measure(word[:-length]) > 0 else word
    return word


def _without_suffix(word: str) -> str:
    for suffix in _STEP_4:
        if word.endswith(suffix):
            base = word.removesuffix(suffix)
            if suffix == "ion" and not base.endswith(("s", "t")):
                return word
            return base if _measure(base) > 1 else word
    return word


def _tidied(word: str) -> str:
    """Remove a final e, and one of two final l."""
    if word.endswith("e"):
        base = word[:-1]
        measure = _measure(base)
        if measure > 1 or (measure == 1 and not _ends_in_short_syllable(base)):
            word = base
    return word[:-1] if word.endswith("ll") and _measure(word[:-1]) > 1 else word


def _consonants(word: str) -> list[bool]:
    """Tell of each character whether it is a consonant: a y is one at the start and after a vowel."""
    found: list[bool] = []
    for character in word:
        found.append(character not in _VOWELS and not (character == "y" and found and found[-1]))
    return found


def _measure(word: str) -> int:
    """Return how often a consonant follows a vowel."""
    found = _consonants(word)
    return sum(is_consonant and not before for before, is_consonant in pairwise(found))


def _has_vowel(word: str) -> bool:
    return not all(_consonants(word))


def _ends_in_double_consonant(word: str) -> bool:
    return len(word) > 1 and word[-1] == word[-2] and _consonants(word)[-1]


def _ends_in_short_syllable(word: str) -> bool:
    """True if a word ends in consonant, vowel, consonant, the last of them not w, x or y."""
    return _consonants(word)[-3:] == [True, False, True] and word[-1] not in "wxy"
