"""Concurrent work in shared batches: one process, no more threads busy than it has cores.

Whoever has texts to compute gives its rows to a `Batcher` and waits; threads, one a core, take batches from all who
wait. Who has been served least comes first, so that a small search is not stuck behind a large one, and what is left
of a batch is filled with others' rows of the same network. Asyncio code runs it on a thread (`connector.threads`).
A batch is computed on one core, which waits for no other: on cores that are shared, a batch that is split over all of
them goes at the pace of the slowest.
Source: fair queueing by served work, as stride scheduling (Waldspurger and Weihl, 1995).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from connector.models.loading import ForkSafe, ForkSafeLock
from connector.models.session import Arrays, Session

Row = TypeVar("Row")
_WIDEST_TO_NARROWEST = 1.5

_here = threading.local()
_one_at_a_time = ForkSafeLock()


def cores() -> int:
    """Return how many cores this process may use: no more than its container's quota and than OMP_NUM_THREADS."""
    from joblib import cpu_count

    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(cpu_count(), int(asked)) if asked.isdigit() and int(asked) else int(cpu_count())


def keep_torch_to_one_thread() -> None:
    """Let torch compute with one thread where this is one of the lanes; what computes in torch calls it first.

    `torch.set_num_threads` holds for the thread that calls it, and for all that compute for the first time after it;
    for these another thread puts it back. A forked child's lanes are new ones: they don't wait for OpenMP's other
    threads, which exist in the parent only.
    """
    if getattr(_here, "is_kept", True):
        return
    import torch

    with _one_at_a_time:
        elsewhere = torch.get_num_threads()
        torch.set_num_threads(1)
        putting_back = threading.Thread(target=torch.set_num_threads, args=(elsewhere,))
        putting_back.start()
        putting_back.join()
    _here.is_kept = True


class _Job(Generic[Row]):
    """One caller's rows, longest first, and what they came to."""

    def __init__(self, batcher: Batcher[Row], rows: Sequence[Row], served: float) -> None:
        self.batcher = batcher
        self.rows = rows
        self.lengths = [max(batcher.length(row), 1) for row in rows]
        self.waiting = sorted(range(len(rows)), key=lambda place: self.lengths[place])
        self.tokens_waiting = sum(self.lengths)
        self.results: list[Any] = [None] * len(rows)
        self.left = len(rows)
        self.served = served
        self.error: Exception | None = None
        self.done = threading.Event()

    def longest(self) -> int:
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
    """Rows of one network, batched over all who wait for it.

    Args:
        session: computes. length: tokens of a row. collate: rows into padded inputs.
        split: the output and the rows into one result a row.
    """

    def __init__(
        self,
        session: Session,
        length: Callable[[Row], int],
        collate: Callable[[Sequence[Row]], Arrays],
        split: Callable[[NDArray[np.float32], Sequence[Row]], Sequence[Any]],
        lanes: Lanes | None = None,
    ) -> None:
        self.session = session
        self.length = length
        self._collate = collate
        self._split = split
        self._lanes = lanes or LANES

    def compute(self, rows: Sequence[Row]) -> Sequence[Any]:
        """Return a result for each row of one batch, now, on this thread."""
        return self._split(self.session.run(self._collate(rows)), rows)

    def run(self, rows: Sequence[Row]) -> list[Any]:
        """Return a result for each row, in their order; waits for its turn. Raises: what the session raised."""
        return self._lanes.run(self, rows)


class Lanes(ForkSafe):
    """The threads that compute, at most one a core; they start on first use, and anew in a forked child."""

    def __init__(self, count: int | None = None) -> None:
        self._wanted = count
        super().__init__()

    def after_fork_in_child(self) -> None:
        """Forget the parent's threads and what they were at."""
        self._changed = threading.Condition()
        self._jobs: list[_Job[Any]] = []
        self._threads: list[threading.Thread] = []

    def run(self, batcher: Batcher[Any], rows: Sequence[Any]) -> list[Any]:
        """See `Batcher.run`."""
        if not rows:
            return []
        with self._changed:
            self._start()
            served = min((job.served for job in self._jobs), default=0.0)
            job = _Job(batcher, rows, served)
            self._jobs.append(job)
            self._changed.notify_all()
        try:
            job.done.wait()
        finally:
            with self._changed:
                job.waiting.clear()
                self._jobs = [each for each in self._jobs if each is not job]
        if job.error is not None:
            raise job.error
        return job.results

    def waiting(self) -> list[Any]:
        """Return those who have rows that no thread has taken yet."""
        with self._changed:
            return [job for job in self._jobs if job.waiting]

    def _start(self) -> None:
        if not self._threads:
            self._threads = [
                threading.Thread(target=self._work, name=f"connector-lane-{lane}", daemon=True)
                for lane in range(self._wanted or cores())
            ]
            for thread in self._threads:
                thread.start()

    def _work(self) -> None:
        _here.is_kept = False
        changed = self._changed
        while True:
            with changed:
                while (parts := self._next_batch()) is None:
                    changed.wait()
            self._compute(parts)

    def _next_batch(self) -> list[_Part] | None:
        """Take a batch for the job served least."""
        waiting = [job for job in self._jobs if job.waiting]
        if not waiting:
            return None
        first = min(waiting, key=lambda job: job.served)
        same = [job for job in waiting if job.batcher is first.batcher]
        tokens = sum(job.tokens_waiting for job in same)
        budget = min(first.batcher.session.token_budget, -(-tokens // len(self._threads)))
        width = first.longest()
        places = max(budget // width, 1)
        parts: list[_Part] = []
        for job in sorted(same, key=lambda each: (each is not first, each.served)):
            taken: list[int] = []
            while places and job.waiting and (job is first or width / _WIDEST_TO_NARROWEST <= job.longest() <= width):
                taken.append(job.take())
                places -= 1
            if taken:
                job.served += width * len(taken)
                parts.append((job, taken))
        return parts

    def _compute(self, parts: list[_Part]) -> None:
        """Run a batch; where one of several callers' rows make it fail, the others' run without them."""
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


LANES = Lanes()
"""The process's own."""
