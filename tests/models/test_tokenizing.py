from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connector.models.folders import bundled_encoder
from connector.models.tokenizing import TextTokenizer, best_windows, text_tokenizer

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


@pytest.fixture(scope="module")
def transformers_own() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(bundled_encoder().folder), local_files_only=True)


@pytest.fixture(scope="module")
def tokenizer(transformers_own: Any) -> TextTokenizer:
    return text_tokenizer(transformers_own, INPUTS, 24)


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
