from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.stem.porter import PorterStemmer

from connector.embedded.analysis.porter import stem

ENDINGS = (
    "", "s", "sses", "ies", "eed", "ed", "ing", "y", "e", "ll", "ational", "tional", "enci", "izer", "bli", "alli",
    "entli", "eli", "ousli", "ization", "ator", "alism", "iveness", "aliti", "biliti", "logi", "icate", "ative",
    "iciti", "ical", "ful", "ness", "ement", "ment", "ent", "ion", "sion", "ou", "ive", "ize",
)  # fmt: skip
REFERENCE = PorterStemmer(mode=PorterStemmer.MARTIN_EXTENSIONS)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("caresses", "caress"), ("ponies", "poni"), ("agreed", "agre"), ("feed", "feed"), ("plastered", "plaster"),
        ("motoring", "motor"), ("sing", "sing"), ("conflated", "conflat"), ("hopping", "hop"), ("falling", "fall"),
        ("filing", "file"), ("happy", "happi"), ("sky", "sky"), ("relational", "relat"), ("conformabli", "conform"),
        ("triplicate", "triplic"), ("adjustment", "adjust"), ("adoption", "adopt"), ("probate", "probat"),
        ("controlling", "control"), ("apologies", "apolog"), ("geology", "geologi"), ("as", "as"), ("", ""),
    ],
)  # fmt: skip
def test_the_examples_of_the_paper_and_of_its_author_s_changes(word: str, expected: str) -> None:
    assert stem(word) == expected


@given(st.text("aeioubcdlstwxyzngr'5", max_size=6), st.lists(st.sampled_from(ENDINGS), max_size=2))
def test_a_stem_is_nltks(start: str, endings: list[str]) -> None:
    word = start + "".join(endings)
    assert stem(word) == REFERENCE.stem(word, to_lowercase=False)
