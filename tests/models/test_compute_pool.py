from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from connector.models.compute_pool import Batcher, ComputePool, cores
from connector.models.network.device import keep_torch_to_one_thread
from connector.models.session import Arrays
from connector.models.stopping import Stop
from tests.forking import holds_in_forked_child, needs_fork

WAIT_S = 30


class Recorder:
    """A session that returns each number, records its batches, and can be paused."""

    def __init__(self, token_budget: int = 100) -> None:
        self.token_budget = token_budget
        self.batches: list[list[int]] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.begun = threading.Semaphore(0)
        self.running = self.most_running = 0
        self._lock = threading.Lock()

    def run(self, inputs: Arrays) -> NDArray[np.float32]:
        with self._lock:
            self.batches.append([int(value) for value in inputs["numbers"]])
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        self.begun.release()
        assert self.go_on.wait(WAIT_S)
        with self._lock:
            self.running -= 1
        if -1 in inputs["numbers"]:
            raise ValueError("-1 can't be computed")
        return np.asarray(inputs["numbers"], dtype=np.float32)


def batcher(session: Recorder, pool: ComputePool, length: int = 10) -> Batcher[int]:
    def split(output: NDArray[np.float32], rows: Sequence[int]) -> list[Any]:
        return [int(value) for value in output]

    return Batcher(session, lambda row: length, lambda rows: {"numbers": np.array(rows)}, split, pool)


def test_results_come_in_the_order_of_the_rows() -> None:
    assert batcher(Recorder(), ComputePool(2)).run(list(range(57))) == list(range(57))


def test_no_rows_take_no_turn() -> None:
    session = Recorder()
    assert batcher(session, ComputePool(1)).run([]) == []
    assert session.batches == []


def test_a_batch_stays_within_the_token_budget() -> None:
    session = Recorder(token_budget=100)
    batcher(session, ComputePool(1), length=30).run(list(range(10)))
    assert [len(batch) for batch in session.batches] == [3, 3, 3, 1]


def test_a_row_longer_than_the_budget_is_a_batch_of_its_own() -> None:
    session = Recorder(token_budget=20)
    assert batcher(session, ComputePool(1), length=500).run([1, 2]) == [1, 2]
    assert [len(batch) for batch in session.batches] == [1, 1]


def test_those_who_wait_share_a_batch() -> None:
    session, pool = Recorder(token_budget=100), ComputePool(1)
    shared = batcher(session, pool)
    session.go_on.clear()
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(shared.run, [0])
        assert session.begun.acquire(timeout=WAIT_S)
        others = [threads.submit(shared.run, [number]) for number in (1, 2, 3)]
        while len(pool.waiting()) < 3:  # until all are waiting
            pass
        session.go_on.set()
        assert [first.result(WAIT_S), *(other.result(WAIT_S) for other in others)] == [[0], [1], [2], [3]]
    assert sorted(map(sorted, session.batches)) == [[0], [1, 2, 3]]


def test_a_small_job_is_not_stuck_behind_a_large_one() -> None:
    session, pool = Recorder(token_budget=10), ComputePool(1)
    shared = batcher(session, pool)
    session.go_on.clear()
    with ThreadPoolExecutor(2) as threads:
        large = threads.submit(shared.run, list(range(100, 150)))
        assert session.begun.acquire(timeout=WAIT_S)
        small = threads.submit(shared.run, [1, 2])
        while len(pool.waiting()) < 2:
            pass
        session.go_on.set()
        assert small.result(WAIT_S) == [1, 2]
        assert len(large.result(WAIT_S)) == 50
    places = [place for place, batch in enumerate(session.batches) if batch[0] in (1, 2)]
    assert max(places) <= 5  # they take turns


def test_rows_that_fail_fail_their_own_job_only() -> None:
    session, pool = Recorder(token_budget=100), ComputePool(1)
    shared = batcher(session, pool)
    session.go_on.clear()
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(shared.run, [0])
        assert session.begun.acquire(timeout=WAIT_S)
        good, bad = threads.submit(shared.run, [5]), threads.submit(shared.run, [-1])
        while len(pool.waiting()) < 2:
            pass
        session.go_on.set()
        assert (first.result(WAIT_S), good.result(WAIT_S)) == ([0], [5])
        with pytest.raises(ValueError, match="can't be computed"):
            bad.result(WAIT_S)
    assert shared.run([7]) == [7]


@pytest.mark.parametrize(("asked", "expected"), [("", 6), ("2", 2), ("3,1", 3), ("64", 6), ("0", 6), ("many", 6)])
def test_no_more_cores_are_used_than_are_allowed(asked: str, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 6)
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert cores() == expected


def test_batches_run_in_parallel_one_per_thread() -> None:
    session, pool = Recorder(token_budget=10), ComputePool(2)
    session.go_on.clear()
    with ThreadPoolExecutor(1) as threads:
        job = threads.submit(batcher(session, pool).run, list(range(20)))
        for _ in range(2):
            assert session.begun.acquire(timeout=WAIT_S)
        session.go_on.set()
        assert job.result(WAIT_S) == list(range(20))
    assert session.most_running == 2


def test_torch_keeps_to_one_thread_in_the_pool_and_has_its_own_number_elsewhere() -> None:
    def threads_of_torch() -> int:
        keep_torch_to_one_thread()
        return torch.get_num_threads()

    class Asking(Recorder):
        def run(self, inputs: Arrays) -> NDArray[np.float32]:
            return np.full(len(inputs["numbers"]), threads_of_torch(), dtype=np.float32)

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        assert batcher(Asking(token_budget=10), ComputePool(8)).run(list(range(80))) == [1] * 80
        assert threads_of_torch() == 3
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(threads_of_torch).result(WAIT_S) == 3
    finally:
        torch.set_num_threads(before)


def test_too_few_results_are_an_error_and_no_one_waits_for_ever() -> None:
    pool = ComputePool(1)
    short: Batcher[int] = Batcher(
        Recorder(), lambda row: 1, lambda rows: {"numbers": np.array(rows)}, lambda output, rows: [1], pool
    )
    with pytest.raises(ValueError, match="1 results came back for 3 rows"):
        short.run([1, 2, 3])
    assert batcher(Recorder(), pool).run([4]) == [4]


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own() -> None:
    pool = ComputePool(1)
    assert batcher(Recorder(), pool).run([1]) == [1]
    assert holds_in_forked_child(lambda: batcher(Recorder(), pool).run([2]) == [2])


def lengths_are_rows(session: Recorder, pool: ComputePool) -> Batcher[int]:
    return Batcher(session, lambda row: row, lambda rows: {"numbers": np.array(rows)}, lambda out, _: list(out), pool)


def test_the_longest_rows_come_first_but_before_a_deadline_the_first() -> None:
    for stop, batches in (
        (None, [[50], [40], [20], [10]]),
        (Stop(monotonic() + WAIT_S), [[10, 20], [50], [40]]),
    ):
        session = Recorder(token_budget=50)
        assert lengths_are_rows(session, ComputePool(1)).run([10, 20, 50, 40], stop) == [10, 20, 50, 40]
        assert session.batches == batches


def test_at_a_deadline_rows_that_were_not_computed_have_no_result() -> None:
    session = Recorder(token_budget=10)
    session.go_on.clear()
    stop = Stop(monotonic() + 0.05)
    pool = ComputePool(1)
    assert batcher(session, pool).run([1, 2, 3], stop) == [None, None, None]
    assert pool.waiting() == []
    session.go_on.set()
    assert batcher(session, pool).run([4]) == [4]
    assert session.batches == [[1], [4]]
