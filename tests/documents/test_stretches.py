from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.documents.stretches import PIECE, best_stretch, most_characters, pieces, stretches

FILLER = "rain falls on the sea "
LONG = FILLER * 3_000 + "a dog barks " + FILLER * 3_000


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_text_of_common_length_is_read_whole(query: str, text: str) -> None:
    assert stretches(query, text, 200, 50) == [(0, text)]
    assert best_stretch(query, text, 200) == text


@given(st.text(max_size=20), st.text(alphabet="ab c\u0301日", min_size=31, max_size=300), st.integers(1, 3))
def test_parts_of_a_long_text_stand_in_it_in_their_order_and_never_exceed_the_most(
    query: str, text: str, count: int
) -> None:
    parts = stretches(query, text, 10 * count, 10)
    assert all(text[start : start + len(part)] == part for start, part in parts)
    assert [start for start, _ in parts] == sorted(start for start, _ in parts)
    assert 0 < sum(len(part) for _, part in parts) <= 10 * count


@given(st.text(alphabet="ab c\u0301日", max_size=300), st.integers(2, 50))
def test_pieces_together_are_the_text(text: str, size: int) -> None:
    cut = list(pieces(text, size))
    assert "".join(piece for _, piece in cut) == text
    assert all(len(piece) <= size for _, piece in cut)


def test_of_a_long_text_the_part_with_the_querys_words_is_read() -> None:
    assert "a dog barks" in best_stretch("Dog barks", LONG, PIECE)


def test_of_a_text_without_blanks_the_part_with_the_querys_characters_is_read() -> None:
    text = "日本語の文" * 100_000
    buried = text + "猫" + text
    assert "猫" in best_stretch("猫はどこ", buried, PIECE)


def test_a_rare_word_weighs_more_than_common_ones() -> None:
    assert "a dog barks" in best_stretch("rain falls on the dog", LONG, PIECE)


@pytest.mark.parametrize("query", ["", "   ", "absent"])
def test_without_a_match_the_beginning_is_read(query: str) -> None:
    assert LONG.startswith(best_stretch(query, LONG, PIECE))


def test_parts_that_meet_are_one() -> None:
    (part,) = stretches("", "a" * 50, 20, 10)
    assert part == (0, "a" * 20)


def test_far_more_characters_are_tokenised_than_a_model_reads_tokens() -> None:
    assert most_characters(256) == 20_000
    assert most_characters(8_192) == 8_192 * 64
