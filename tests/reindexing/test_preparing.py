from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from connector.errors import ReindexError
from connector.indexing.vector_field import OneVector, Part, with_vectors
from connector.models.encoder import CallableEncoder
from connector.reindexing.items import NO_SEQ_NO, Counters, Item, Key
from connector.reindexing.writing.preparing import Preparer
from connector.reindexing.writing.vector_cache import VectorCache


def lengths(texts: list[str]) -> NDArray[np.float32]:
    return np.array([[len(text), 1.0] for text in texts], np.float32)


CACHES: list[VectorCache] = []


@pytest.fixture(autouse=True)
def _closes() -> Iterator[None]:
    yield
    while CACHES:
        CACHES.pop().close()


def preparer(function: Any, file: Path | None = None) -> tuple[Preparer, Counters]:
    encoder, counters = CallableEncoder(function), Counters()
    cache = VectorCache(file, encoder.fingerprint)
    CACHES.append(cache)
    return Preparer(encoder, OneVector(("title",), "vector"), cache, counters), counters


def items(*titles: Any) -> list[Item]:
    return [Item(Key(0, str(n), ""), "", NO_SEQ_NO, 0, {"title": title}) for n, title in enumerate(titles)]


def test_a_text_is_encoded_once_also_by_the_next_job(tmp_path: Path) -> None:
    asked: list[str] = []

    def encode(texts: list[str]) -> NDArray[np.float32]:
        asked.extend(text for text in texts if text != "a")
        return lengths(texts)

    first, _ = preparer(encode, tmp_path / "vectors.sqlite3")
    prepared, dead = first.prepare(items("one", "one", "three", None))
    assert [len(each.vectors) for each in prepared] == [1, 1, 1, 0]
    assert (sorted(asked), dead) == (["one", "three"], [])
    second, counters = preparer(encode, tmp_path / "vectors.sqlite3")
    again, _ = second.prepare(items("three", "four"))
    assert sorted(asked) == ["four", "one", "three"]
    assert (counters.encoded, counters.cached) == (1, 1)
    assert again[0].vectors[0].tolist() == prepared[2].vectors[0].tolist()


def test_long_texts_go_first() -> None:
    asked: list[list[str]] = []

    def encode(texts: list[str]) -> NDArray[np.float32]:
        asked.append(texts)
        return lengths(texts)

    made, _ = preparer(encode)
    made.prepare(items("bb", "dddd", "ccc"))
    assert asked[-1] == ["dddd", "ccc", "bb"]


@pytest.mark.parametrize("fault", [float("nan"), float("inf"), 0.0])
def test_a_text_whose_vector_is_no_vector_takes_none_other_with_it(fault: float) -> None:
    def encode(texts: list[str]) -> NDArray[np.float32]:
        vectors = lengths(texts)
        vectors[[text == "bad" for text in texts]] = fault
        return vectors

    made, counters = preparer(encode)
    prepared, dead = made.prepare(items(*(f"good {n}" for n in range(9)), "bad"))
    assert [each.item.key.id for each in prepared] == [str(n) for n in range(9)]
    assert [(each.key.id, each.stage) for each in dead] == [("9", "encode")]
    assert "must be finite and not 0" in dead[0].reason
    assert counters.encoded == 9


def test_an_encoder_that_raises_for_one_text_does_so_for_that_one_only() -> None:
    def encode(texts: list[str]) -> NDArray[np.float32]:
        if "bad" in texts:
            raise OverflowError("too bad")
        return lengths(texts)

    made, _ = preparer(encode)
    prepared, dead = made.prepare(items("good", "bad", "fine"))
    assert len(prepared) == 2
    assert dead[0].reason.endswith("raised OverflowError: too bad")


def test_an_encoder_that_works_for_nothing_stops_the_job() -> None:
    is_broken = False

    def encode(texts: list[str]) -> NDArray[np.float32]:
        if is_broken:
            raise RuntimeError("no device")
        return lengths(texts)

    made, _ = preparer(encode)
    is_broken = True
    with pytest.raises(ReindexError, match="fails on every text"):
        made.prepare(items("one", "two"))


def test_vectors_are_not_put_where_they_would_replace_something_else() -> None:
    field = OneVector(("title",), "meta.vector")
    assert with_vectors({"title": "x"}, field, [Part("x")], [[1.0]]) == {"title": "x", "meta": {"vector": [1.0]}}
    with pytest.raises(ValueError, match="'meta' is not an object"):
        with_vectors({"title": "x", "meta": ["a"]}, field, [Part("x")], [[1.0]])
