"""Long documents split into passages for an encoder."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import RequestError
from connector.indexing.splitting import PassageMaker, Passages
from connector.models.load import as_encoder, load_encoder
from tests.models_by_hand import count_words

BODY = "The car is small. It is fast on the road. " * 30
DOCUMENT: dict[str, Any] = {"title": "All about cars", "body": BODY}


def maker(*text_fields: str, **options: Any) -> PassageMaker:
    return PassageMaker(Passages(**options), text_fields or ("title", "body"), as_encoder(count_words))


def test_a_passage_is_a_part_of_its_field_and_is_read_behind_the_title() -> None:
    passages = maker(max_tokens=40, overlap=8).split(DOCUMENT)
    assert len(passages) > 5
    for passage in passages:
        assert passage.field == "body"
        assert BODY[passage.chunk.start : passage.chunk.end] == passage.chunk.text
        assert passage.read == f"All about cars\n\n{passage.chunk.text}"
    assert passages[0].to_source() == {
        "field": "body",
        "start": 0,
        "end": passages[0].chunk.end,
        "text": passages[0].chunk.text,
    }


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """Return the encoder's tokenizer as sentence-transformers has it."""
    return load_encoder(backend="torch", device="cpu").model.tokenizer  # type: ignore[attr-defined]


def test_a_long_title_leaves_room_for_the_passage(tokenizer: Any) -> None:
    encoder = load_encoder()
    made = PassageMaker(Passages(max_tokens=100), ("title", "body"), encoder).split({**DOCUMENT, "title": BODY})
    tokens = [len(tokenizer(passage.read)["input_ids"]) for passage in made]
    assert 100 < max(tokens) <= 100 + 25 + 2 + 1
    assert all(passage.chunk.text in passage.read for passage in made)


def test_tokens_are_the_encoders_own(tokenizer: Any) -> None:
    encoder = load_encoder()
    word = "Donaudampfschifffahrtsgesellschaft "
    made = PassageMaker(Passages(max_tokens=32, overlap=0), ("body",), encoder).split({"body": word * 40})
    tokens = [len(tokenizer(passage.read)["input_ids"]) for passage in made]
    assert max(tokens) <= 32 + 2
    assert len(made) > 40 * 8 // 32


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ({"title": "Only a title", "body": ""}, ["title"]),
        ({"title": "Only a title"}, ["title"]),
        ({"body": "Only a body"}, ["body"]),
        ({"body": ["first text", "second text"]}, ["body"]),
        ({"title": " ", "body": None}, []),
        ({}, []),
    ],
)
def test_no_text_is_lost_where_a_field_is_missing(document: dict[str, Any], fields: list[str]) -> None:
    passages = maker().split(document)
    assert [passage.field for passage in passages] == fields


def test_several_texts_of_a_field_are_split_as_one() -> None:
    (passage,) = maker("body").split({"body": ["first text", "second text"]})
    assert passage.chunk.text == "first text\n\nsecond text"


def test_several_long_fields_are_each_split() -> None:
    passages = maker("title", "body", "notes", fields=("body", "notes"), max_tokens=40).split(
        {**DOCUMENT, "notes": "A note. " * 40}
    )
    assert {passage.field for passage in passages} == {"body", "notes"}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"max_tokens": 7}, "passages.max_tokens: 7"),
        ({"max_tokens": True}, "passages.max_tokens: True"),
        ({"max_tokens": 20, "overlap": 11}, "passages.overlap: 11"),
        ({"overlap": -1}, "passages.overlap: -1"),
        ({"path": ""}, "passages.path"),
        ({"fields": "body"}, "passages.fields"),
        ({"fields": ("summary",)}, "passages.fields"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(RequestError, match=reason):
        maker(**options)


def test_a_passage_that_the_encoder_would_cut_is_refused() -> None:
    with pytest.raises(RequestError, match=r"passages.max_tokens: 250: must be at most 20\d: encoder"):
        PassageMaker(Passages(max_tokens=250), ("title", "body"), load_encoder())
    PassageMaker(Passages(max_tokens=250), ("body",), load_encoder())
