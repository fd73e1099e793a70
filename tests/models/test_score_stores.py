"""Scores in memory, on disk and in Redis; whatever a store does, a search does not notice."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import fakeredis
import numpy as np
import pytest

from connector import HybridElasticsearch
from connector.errors import RequestError
from connector.models import load_reranker
from connector.models.readings import Reading
from connector.models.reranker import TokenizingReranker
from connector.models.score_cache import CachedReranker
from connector.models.score_stores import CarefulStore, DiskScores, MemoryScores, RedisScores, ScoreStore
from connector.models.stopping import Stop

A, B, C = (letter * 16 for letter in (b"a", b"b", b"c"))


@pytest.fixture(params=["memory", "disk", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "memory":
        yield MemoryScores()
    elif request.param == "redis":
        yield RedisScores(client=fakeredis.FakeRedis())
    else:
        found = DiskScores(tmp_path / "scores")
        yield found
        found.close()


def test_what_was_put_is_there_again(store: ScoreStore) -> None:
    assert list(store.get([A, B])) == [None, None]
    store.put({A: 1.5, C: -2.25})
    assert list(store.get([A, B, C])) == [1.5, None, -2.25]
    assert list(store.get([])) == []


def test_a_folder_is_shared_by_processes(tmp_path: Path) -> None:
    first, second = DiskScores(tmp_path), DiskScores(tmp_path)
    first.put({A: 1.5})
    assert second.get([A]) == [1.5]
    first.close()
    second.close()


def test_garbage_in_a_server_is_no_score() -> None:
    server = fakeredis.FakeRedis()
    server.set(b"connector:score:" + A, b"garbage")
    assert RedisScores(client=server).get([A]) == [None]


def test_a_wrong_url_is_refused_without_its_password() -> None:
    with pytest.raises(RequestError, match="must be redis://") as error:
        RedisScores("http://user:secret@host")
    assert "secret" not in str(error.value)


class Broken:
    def __init__(self) -> None:
        self.calls = 0

    def get(self, keys: Sequence[bytes]) -> Sequence[float | None]:
        self.calls += 1
        raise ConnectionError("down")

    def put(self, scores: Mapping[bytes, float]) -> None:
        self.calls += 1
        raise ConnectionError("down")


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_store_that_fails_knows_nothing_and_is_left_alone_for_a_while(caplog: pytest.LogCaptureFixture) -> None:
    clock, broken = Clock(), Broken()
    careful = CarefulStore(broken, clock)
    assert careful.get([A, B]) == [None, None]
    careful.put({A: 1.0})
    assert careful.get([A]) == [None]
    assert broken.calls == 1
    assert "the score cache is not used for 30 s: ConnectionError" in caplog.text
    clock.now_s = 31.0
    careful.put({A: 1.0})
    assert broken.calls == 2


class Short:
    def get(self, keys: Sequence[bytes]) -> Sequence[float | None]:
        return [1.0]

    def put(self, scores: Mapping[bytes, float]) -> None:
        pass


def test_a_store_that_answers_too_little_knows_nothing() -> None:
    assert CarefulStore(Short()).get([A, B]) == [None, None]


class Ones:
    def __init__(self) -> None:
        self.read = 0

    def read_until(self, query: str, passages: Sequence[str], stop: Stop) -> Reading:
        self.read += len(passages)
        return Reading(np.ones(len(passages), dtype=np.float32))


def test_scores_in_a_store_belong_to_one_model() -> None:
    store, ones = MemoryScores(), Ones()
    for model in ("a onnx", "a onnx", "a torch", "b onnx"):
        CachedReranker(ones, store, model).read_until("q", ["p"], Stop())
    assert ones.read == 3


def test_a_loaded_models_fingerprint_has_its_weights_and_backend() -> None:
    onnx, torch = load_reranker(backend="onnx"), load_reranker(backend="torch", device="cpu")
    assert isinstance(onnx, TokenizingReranker)
    assert isinstance(torch, TokenizingReranker)
    assert onnx.fingerprint() != torch.fingerprint()
    assert onnx.fingerprint().endswith(" onnx")


@pytest.mark.parametrize("wrong", [True, "32 MB", None])
def test_a_cache_is_a_number_of_bytes_or_a_store(wrong: Any) -> None:
    with pytest.raises(RequestError, match="score_cache"):
        HybridElasticsearch("http://localhost:9200", score_cache=wrong)
