from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connector.errors import RequestError
from connector.models.folders import bundled_encoder
from connector.models.token_budgets import shorten_fields
from connector.models.tokenizing import TextTokenizer, best_windows, text_tokenizer

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


@pytest.fixture(scope="module")
def transformers_own() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(bundled_encoder().folder), local_files_only=True)


@pytest.fixture(scope="module")
def tokenizer(transformers_own: Any) -> TextTokenizer:
    return text_tokenizer(transformers_own, INPUTS, 24, 0)


def test_a_pair_is_what_transformers_makes_of_it(tokenizer: TextTokenizer, transformers_own: Any) -> None:
    query, passage = "Which animal barks?", "The dog, unlike cats."
    (row,) = tokenizer.pairs(query, [passage], "m")
    assert dict(row) == dict(transformers_own(query, passage))


def test_a_text_that_is_too_long_alone_loses_its_end(tokenizer: TextTokenizer, transformers_own: Any) -> None:
    text = "one two three four five " * 20
    (row,) = tokenizer.rows([text])
    assert row["input_ids"] == transformers_own(text, truncation=True, max_length=24)["input_ids"]


def test_a_long_passage_is_read_at_the_window_with_the_querys_terms(tokenizer: TextTokenizer) -> None:
    passage = "rain falls on the sea " * 12 + "a dog barks " + "rain falls on the sea " * 12
    (row,) = tokenizer.pairs("dog barks", [passage], "m")
    assert len(row["input_ids"]) == 24
    assert "dog barks" in tokenizer.tokenizer.decode(row["input_ids"][5:])


def test_without_a_match_the_first_window_is_read(tokenizer: TextTokenizer) -> None:
    passage = " ".join(["first", *["rain"] * 60])
    (row,) = tokenizer.pairs("dog", [passage], "m")
    assert tokenizer.tokenizer.decode(row["input_ids"]).startswith("dog first")


def test_a_rare_term_weighs_more_than_a_common_one(tokenizer: TextTokenizer) -> None:
    # "the" is in every passage: idf log(1 + 4/4) x 3/4 at most; "dog" in one: log(1 + 4/1) x 1/2.
    texts = ["the " * 30 + "sea " * 30 + "dog", "the sea", "the rain", "the sun"]
    encodings = tokenizer.tokenizer.encode_batch(texts, add_special_tokens=False)
    asked = tokenizer.tokenizer.encode("the dog", add_special_tokens=False)
    assert "dog" in best_windows(asked.ids, encodings, 20)[0].tokens


def test_short_passages_are_left_as_they_are(tokenizer: TextTokenizer) -> None:
    encodings = tokenizer.tokenizer.encode_batch(["the dog", ""], add_special_tokens=False)
    assert [each.tokens for each in best_windows([1], encodings, 20)] == [["the", "dog"], []]


def test_a_tokenizer_file_s_own_padding_and_truncation_are_put_aside(tokenizer: TextTokenizer) -> None:
    held = Path(bundled_encoder().folder, "tokenizer.json").read_text(encoding="utf-8")
    assert '"padding"' in held
    assert tokenizer.tokenizer.truncation is None
    assert tokenizer.tokenizer.padding is None


class Counting:
    """A tokenizer that records how many characters it gets."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.characters = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def encode(self, text: str, **options: Any) -> Any:
        self.characters += len(text)
        return self._tokenizer.encode(text, **options)

    def encode_batch(self, texts: list[str], **options: Any) -> Any:
        self.characters += sum(map(len, texts))
        return self._tokenizer.encode_batch(texts, **options)


HUGE = {
    "words": "rain falls on the sea " * 100_000,
    "ideographs": "日本語の文" * 400_000,
    "no blanks": "x" * 2_000_000,
    "blanks alone": " " * 2_000_000,
    "combining characters": "e" + "\u0301" * 2_000_000,
    "lines": "a\n" * 1_000_000,
}


@pytest.mark.parametrize("kind", HUGE)
def test_of_a_huge_text_a_bounded_part_is_tokenised(kind: str, tokenizer: TextTokenizer) -> None:
    counting = Counting(tokenizer.tokenizer)
    bounded = TextTokenizer(counting, INPUTS, tokenizer.pads, tokenizer.max_tokens)  # type: ignore[arg-type]
    bounded.rows([HUGE[kind]])
    bounded.pairs("dog barks", [HUGE[kind], "a dog"], "m")
    bounded.sides("dog barks", [HUGE[kind]], "m")
    shorten_fields(counting, 20, [{"body": HUGE[kind], "title": "a"}], ["title", "body"], {"title": 0.2})
    assert counting.characters < 4 * 20_000 + 100


def test_a_huge_query_is_refused_without_being_tokenised(tokenizer: TextTokenizer) -> None:
    counting = Counting(tokenizer.tokenizer)
    bounded = TextTokenizer(counting, INPUTS, tokenizer.pads, tokenizer.max_tokens)  # type: ignore[arg-type]
    for kind in HUGE.values():
        with pytest.raises(RequestError, match="has more than"):
            bounded.pairs(kind, ["a dog"], "m")
    assert counting.characters <= len(HUGE) * 20_000


@pytest.mark.parametrize("length", [100, 19_000, 60_000])
def test_what_is_read_of_a_text_is_what_its_uncut_tokens_begin_with(length: int, tokenizer: TextTokenizer) -> None:
    for text in ("the rain falls on the sea, " * 3_000, "日本語の文、" * 20_000, "ab12" * 20_000, "a\tb\n\n" * 20_000):
        whole = tokenizer.tokenizer.encode(text[:length], add_special_tokens=False).ids
        (row,) = tokenizer.rows([text[:length]])
        assert list(row["input_ids"])[1:-1] == whole[:22]


def test_a_match_far_down_a_huge_passage_is_still_found(tokenizer: TextTokenizer) -> None:
    passage = HUGE["words"] + "a dog barks " + HUGE["words"]
    (row,) = tokenizer.pairs("dog barks", [passage], "m")
    assert "dog barks" in tokenizer.tokenizer.decode(row["input_ids"][5:])
