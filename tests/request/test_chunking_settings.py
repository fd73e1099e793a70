"""Long texts cut into chunks, with their offsets."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connector.documents.lexical_scores import lexical_scores
from connector.request.chunking_settings import ChunkingSettings

SENTENCES = "The car is small. It is fast. Delivery is slow! Is the battery good? " * 20


@pytest.mark.parametrize("strategy", ["sentence", "recursive", "word", "none"])
@given(text=st.text(st.characters(codec=None, exclude_categories=[]), max_size=400))
def test_a_part_is_what_its_offsets_say(strategy: str, text: str) -> None:
    settings = ChunkingSettings.model_validate({"strategy": strategy, "max_chunk_size": 20})
    for chunk in settings.split(text):
        assert text[chunk.start : chunk.end] == chunk.text
        assert chunk.text == chunk.text.strip() != ""


@pytest.mark.parametrize("strategy", ["sentence", "recursive", "word"])
def test_no_word_is_lost_and_no_part_is_longer_than_asked(strategy: str) -> None:
    settings = ChunkingSettings.model_validate({"strategy": strategy, "max_chunk_size": 25})
    chunks = settings.split(SENTENCES)
    assert max(len(chunk.text.split()) for chunk in chunks) <= 25
    covered = {place for chunk in chunks for place in range(chunk.start, chunk.end)}
    assert {place for place, letter in enumerate(SENTENCES) if letter.strip()} <= covered


def test_sentences_stay_whole_and_overlap_unless_told_not_to() -> None:
    overlapping = ChunkingSettings(max_chunk_size=25).split(SENTENCES)
    assert all(chunk.text[-1] in ".!?" for chunk in overlapping)
    assert any(late.start < early.end for early, late in itertools.pairwise(overlapping))
    apart = ChunkingSettings(max_chunk_size=25, sentence_overlap=0).split(SENTENCES)
    assert all(early.end <= late.start for early, late in itertools.pairwise(apart))


def test_words_are_repeated_as_often_as_asked() -> None:
    text = " ".join(map(str, range(30)))
    chunks = ChunkingSettings(strategy="word", max_chunk_size=12, overlap=2).split(text)
    assert [chunk.text.split()[0] for chunk in chunks] == ["0", "10", "20"]
    assert chunks[-1].text.split()[-1] == "29"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"max_chunk_size": 15}, "at least 20 for sentences"),
        ({"strategy": "word", "max_chunk_size": 20, "overlap": 11}, "at most half of max_chunk_size"),
        ({"strategy": "word", "sentence_overlap": 1}, 'sentence_overlap is for strategy "sentence"'),
        ({"overlap": 1}, 'overlap is for strategy "word"'),
        ({"strategy": "paragraph"}, "'sentence', 'recursive', 'word' or 'none'"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        ChunkingSettings.model_validate(settings)


def test_scripts_without_blanks_are_cut_by_characters() -> None:
    text = "\u6c7d\u8f66\u5f88\u5c0f\u3002" * 60
    chunks = ChunkingSettings(max_chunk_size=40).split(text)
    assert max(len(chunk.text) for chunk in chunks) <= 50
    assert lexical_scores("\u5c0f", [text, "nothing"])[0] > 0


def test_a_text_without_any_end_is_cut_too() -> None:
    text = "word " * 30_000
    chunks = ChunkingSettings(max_chunk_size=100, sentence_overlap=0).split(text)
    assert sum(len(chunk.text.split()) for chunk in chunks) == 30_000
