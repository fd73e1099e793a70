"""Concurrent work in shared batches: one process, with no more busy threads than it has cores.

A caller hands its rows to a `Batcher` and waits.
The pool's threads, one per core, take batches from all waiting callers.
The least-served caller's rows run first, so a small search is not stuck behind a large one; the rest of its batch is
filled with other callers' rows for the same network.
Asyncio code calls a batcher from a thread (`connector.threads`).
Each batch is computed on one core.
Splitting a batch over all cores would make it as slow as the slowest one, which matters when cores are shared.

Source: fair queueing by served work, as in stride scheduling (Waldspurger and Weihl, 1995).
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from connector.models.once import ForkSafe
from connector.models.session import Arrays, Session
from connector.models.stopping import Stop

Row = TypeVar("Row")
_WIDEST_TO_NARROWEST = 1.5
_LONGEST_BATCH_S = 10.0

_thread = threading.local()


def cores() -> int:
    """Return how many cores this process may use: no more than its container's quota or OMP_NUM_THREADS."""
    from joblib import cpu_count

    limit = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(cpu_count(), int(limit)) if limit.isdigit() and int(limit) else int(cpu_count())


def is_pool_thread() -> bool:
    """True if the calling thread belongs to a compute pool."""
    return getattr(_thread, "is_in_pool", False)


def _one_result_per_row(output: NDArray[np.float32], _rows: Sequence[Any]) -> list[Any]:
    return list(output)


class _Job(Generic[Row]):
    """One caller's rows and their results; `waiting` has the next row last: the longest, or the first in order."""

    def __init__(self, batcher: Batcher[Row], rows: Sequence[Row], served: float, *, in_order: bool) -> None:
        self.batcher = batcher
        self.rows = rows
        self.lengths = [max(batcher.length(row), 1) for row in rows]
        self.waiting = list(reversed(range(len(rows))))
        if not in_order:
            self.waiting.sort(key=lambda place: self.lengths[place])
        self.tokens_waiting = sum(self.lengths)
        self.results: list[Any] = [None] * len(rows)
        self.left = len(rows)
        self.served = served
        self.error: Exception | None = None
        self.done = threading.Event()

    def next_length(self) -> int:
        return self.lengths[self.waiting[-1]]

    def take(self) -> int:
        place = self.waiting.pop()
        self.tokens_waiting -= self.lengths[place]
        return place

    def fail(self, error: Exception) -> None:
        self.error = self.error or error
        self.waiting.clear()
        self.done.set()


_Part = tuple[_Job[Any], list[int]]


class Batcher(Generic[Row]):
    """Batches the rows of one network across all callers.

    Args:
        session: runs the network.
        length: returns a row's number of tokens.
        collate: turns rows into padded inputs.
        split: turns the output and its rows into one result per row; by default the output's own rows.
        pool: the threads that compute; by default the process's own.
    """

    def __init__(
        self,
        session: Session,
        length: Callable[[Row], int],
        collate: Callable[[Sequence[Row]], Arrays],
        split: Callable[[NDArray[np.float32], Sequence[Row]], Sequence[Any]] = _one_result_per_row,
        pool: ComputePool | None = None,
    ) -> None:
        self.session = session
        self.length = length
        self._collate = collate
        self._split = split
        self._pool = pool or POOL

    def compute(self, rows: Sequence[Row]) -> Sequence[Any]:
        """Compute one batch on the calling thread, and return a result for each row."""
        return self._split(self.session.run(self._collate(rows)), rows)

    def run(self, rows: Sequence[Row], stop: Stop | None = None) -> list[Any]:
        """Return a result for each row, in their order, once the pool has computed them.

        Args:
            rows: what to compute.
            stop: when to stop; a row that is not computed by then has None for a result.

        Raises:
            Exception: whatever the session raised.
        """
        return self._pool.run(self, rows, stop or Stop())


class ComputePool(ForkSafe):
    """The threads that compute, at most one per core; they start on first use, and again in a forked child."""

    def __init__(self, count: int | None = None) -> None:
        self._wanted = count
        super().__init__()

    def after_fork_in_child(self) -> None:
        """Forget the parent's threads and their work."""
        self._changed = threading.Condition()
        self._jobs: list[_Job[Any]] = []
        self._threads: list[threading.Thread] = []
        self._is_closed = False

    def run(self, batcher: Batcher[Any], rows: Sequence[Any], stop: Stop) -> list[Any]:
        """Compute a batcher's rows: see `Batcher.run`."""
        if not rows:
            return []
        with self._changed:
            self._start()
            served = min((job.served for job in self._jobs), default=0.0)
            job = _Job(batcher, rows, served, in_order=stop.deadline_s is not None)
            self._jobs.append(job)
            self._changed.notify_all()
        try:
            stop.wait(job.done)
        finally:
            with self._changed:
                job.waiting.clear()
                self._jobs = [each for each in self._jobs if each is not job]
        if job.error is not None:
            raise job.error
        return list(job.results)  # a batch that is still running keeps filling the job's own

    def waiting(self) -> list[Any]:
        """Return the jobs that have rows no thread has taken yet."""
        with self._changed:
            return [job for job in self._jobs if job.waiting]

    def close(self) -> None:
        """Wait for the batches that are being computed, and end the threads: they must not outlive the interpreter.

        A library that computes on a thread when the interpreter ends aborts the process.
        """
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            threads = list(self._threads)
        for thread in threads:
            thread.join(_LONGEST_BATCH_S)

    def _start(self) -> None:
        if not self._threads:
            atexit.register(self.close)
            self._threads = [
                threading.Thread(target=self._work, name=f"connector-compute-{number}", daemon=True)
                for number in range(self._wanted or cores())
            ]
            for thread in self._threads:
                thread.start()

    def _work(self) -> None:
        _thread.is_in_pool = True
        changed = self._changed
        while True:
            with changed:
                while (parts := self._next_batch()) is None or self._is_closed:
                    if self._is_closed:
                        return
                    changed.wait()
            self._compute(parts)

    def _next_batch(self) -> list[_Part] | None:
        """Take a batch for the least-served job; None if no job has rows left."""
        waiting = [job for job in self._jobs if job.waiting]
        if not waiting:
            return None
        first = min(waiting, key=lambda job: job.served)
        same = [job for job in waiting if job.batcher is first.batcher]
        tokens = sum(job.tokens_waiting for job in same)
        budget = min(first.batcher.session.token_budget, -(-tokens // len(self._threads)))
        width, count = first.next_length(), 0
        parts: list[_Part] = []
        for job in sorted(same, key=lambda each: (each is not first, each.served)):
            taken: list[int] = []
            while job.waiting:
                length = job.next_length()
                is_alike = job is first or width / _WIDEST_TO_NARROWEST <= length <= width
                if count and not (is_alike and (count + 1) * max(width, length) <= budget):
                    break
                taken.append(job.take())
                width, count = max(width, length), count + 1
            if taken:
                job.served += width * len(taken)
                parts.append((job, taken))
        return parts

    def _compute(self, parts: list[_Part]) -> None:
        """Compute a batch; if it fails and several jobs share it, compute each job's rows separately."""
        batcher = parts[0][0].batcher
        rows = [job.rows[place] for job, places in parts for place in places]
        try:
            results = list(batcher.compute(rows))
            if len(results) != len(rows):
                raise ValueError(f"{len(results)} results came back for {len(rows)} rows")
        except Exception as error:
            if len(parts) == 1:
                with self._changed:
                    parts[0][0].fail(error)
            else:
                for part in parts:
                    self._compute([part])
            return
        each = iter(results)
        for job, places in parts:
            for place in places:
                job.results[place] = next(each)
            with self._changed:
                job.left -= len(places)
                if job.left == 0:
                    job.done.set()


POOL = ComputePool()
"""The process's own pool."""
