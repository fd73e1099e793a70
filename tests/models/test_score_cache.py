"""Each pair is computed once, whoever asks for it at the same time; a score never belongs to another pair."""

import threading
from collections.abc import Sequence
from time import monotonic

import numpy as np

from connector.models.readings import Reading
from connector.models.score_cache import CachedReranker
from connector.models.score_stores import MemoryScores
from connector.models.stopping import Stop

WAIT_S = 30.0


class Lengths:
    """Scores a passage by its length; reads at most `most` passages a call."""

    def __init__(self, most: int = 1_000) -> None:
        self.read: list[str] = []
        self.most = most
        self.may_read = threading.Event()
        self.may_read.set()
        self.is_reading = threading.Event()

    def read_until(self, query: str, passages: Sequence[str], stop: Stop) -> Reading:
        self.is_reading.set()
        assert self.may_read.wait(WAIT_S)
        self.read += passages[: self.most]
        scores = [float(len(each)) if at < self.most else np.nan for at, each in enumerate(passages)]
        return Reading(np.array(scores, dtype=np.float32))


def test_a_pair_is_read_once() -> None:
    lengths = Lengths()
    cached = CachedReranker(lengths, MemoryScores())
    assert cached.read_until("q", ["a", "bb"], Stop()).scores.tolist() == [1.0, 2.0]
    again = cached.read_until("q", ["bb", "ccc", "a"], Stop())
    assert again.scores.tolist() == [2.0, 3.0, 1.0]
    assert again.cache_hits == 2
    assert lengths.read == ["a", "bb", "ccc"]


def test_another_query_is_another_pair() -> None:
    lengths = Lengths()
    cached = CachedReranker(lengths, MemoryScores())
    cached.read_until("q", ["ab"], Stop())
    cached.read_until("qa", ["b"], Stop())
    assert lengths.read == ["ab", "b"]


def test_what_was_not_read_in_time_is_read_next_time() -> None:
    lengths = Lengths(most=1)
    cached = CachedReranker(lengths, MemoryScores())
    assert cached.read_until("q", ["a", "bb"], Stop()).read == 1
    lengths.most = 2
    assert cached.read_until("q", ["a", "bb"], Stop()).scores.tolist() == [1.0, 2.0]
    assert lengths.read == ["a", "bb"]


def test_the_oldest_scores_make_room() -> None:
    lengths = Lengths()
    cached = CachedReranker(lengths, MemoryScores(400))
    for passage in ("a", "bb", "ccc", "a"):
        cached.read_until("q", [passage], Stop())
    assert lengths.read == ["a", "bb", "ccc", "a"]


def test_searches_at_the_same_time_compute_a_pair_once() -> None:
    lengths = Lengths()
    lengths.may_read.clear()
    cached = CachedReranker(lengths, MemoryScores())
    found: list[Reading] = []
    threads = [
        threading.Thread(target=lambda: found.append(cached.read_until("q", ["a", "bb"], Stop()))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    assert lengths.is_reading.wait(WAIT_S)
    lengths.may_read.set()
    for thread in threads:
        thread.join()
    assert [each.scores.tolist() for each in found] == [[1.0, 2.0]] * 4
    assert lengths.read == ["a", "bb"]


def test_a_pair_that_another_search_gives_up_is_read_by_who_waits() -> None:
    first = Lengths(most=0)
    first.may_read.clear()
    cached = CachedReranker(first, MemoryScores())
    gave_up = threading.Thread(target=lambda: cached.read_until("q", ["a"], Stop()))
    gave_up.start()
    assert first.is_reading.wait(WAIT_S)
    waits: list[Reading] = []
    waiting = threading.Thread(target=lambda: waits.append(cached.read_until("q", ["a", "bb"], Stop())))
    waiting.start()
    first.may_read.set()
    gave_up.join()
    first.most = 1_000
    waiting.join()
    final = cached.read_until("q", ["a", "bb"], Stop())
    assert final.scores.tolist() == [1.0, 2.0]


def test_waiting_for_another_search_ends_at_the_deadline() -> None:
    lengths = Lengths()
    lengths.may_read.clear()
    cached = CachedReranker(lengths, MemoryScores())
    slow = threading.Thread(target=lambda: cached.read_until("q", ["a"], Stop()))
    slow.start()
    assert lengths.is_reading.wait(WAIT_S)
    early = cached.read_until("q", ["a"], Stop(monotonic() + 0.02))
    assert early.read == 0
    lengths.may_read.set()
    slow.join()
    assert cached.read_until("q", ["a"], Stop()).cache_hits == 1
