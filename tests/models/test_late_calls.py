"""Calls that are late are given up, bounded, and after a few of them refused for a while."""

import threading
from collections.abc import Callable, Iterator
from time import monotonic, sleep
from typing import Any

import pytest

from connector.errors import CircuitOpenError, DeadlineError
from connector.models.called import CalledReranker
from connector.models.late_calls import LateCalls
from connector.models.stopping import Stop

WAIT_S = 30.0


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def late(released: threading.Event) -> Callable[[], bool]:
    return lambda: released.wait(WAIT_S)


def soon() -> Stop:
    return Stop(monotonic() + 0.02)


def be_late(calls: LateCalls, late: Callable[[], bool], times: int) -> None:
    for _ in range(times):
        with pytest.raises(DeadlineError):
            calls.run(late, soon())


def in_time(calls: LateCalls) -> str:
    return calls.run(lambda: "answer", Stop(monotonic() + WAIT_S))


def test_what_is_in_time_is_answered_and_what_it_raises_is_raised() -> None:
    calls = LateCalls("r")
    assert in_time(calls) == "answer"
    with pytest.raises(ZeroDivisionError):
        calls.run(lambda: 1 / 0, Stop(monotonic() + WAIT_S))


def test_three_late_calls_in_a_row_open_the_circuit(late: Callable[[], bool]) -> None:
    calls = LateCalls("r", Clock())
    be_late(calls, late, 2)
    assert in_time(calls) == "answer"
    be_late(calls, late, 3)
    assert calls.is_open
    with pytest.raises(CircuitOpenError):
        in_time(calls)


def test_a_probe_in_time_closes_the_circuit(late: Callable[[], bool]) -> None:
    clock = Clock()
    calls = LateCalls("r", clock)
    be_late(calls, late, 3)
    clock.now_s += 1.0
    assert in_time(calls) == "answer"
    assert not calls.is_open
    assert in_time(calls) == "answer"


def test_a_late_probe_opens_it_for_twice_as_long(late: Callable[[], bool]) -> None:
    clock = Clock()
    calls = LateCalls("r", clock)
    be_late(calls, late, 3)
    clock.now_s += 1.0
    be_late(calls, late, 1)
    clock.now_s += 1.9
    assert calls.is_open
    clock.now_s += 0.1
    assert in_time(calls) == "answer"


def test_only_one_call_probes(late: Callable[[], bool], released: threading.Event) -> None:
    clock = Clock()
    calls = LateCalls("r", clock)
    be_late(calls, late, 3)
    clock.now_s += 1.0
    probe = threading.Thread(target=lambda: calls.run(late, Stop(monotonic() + WAIT_S)))
    probe.start()
    while not calls.is_open:
        sleep(0.001)
    with pytest.raises(CircuitOpenError):
        in_time(calls)
    released.set()
    probe.join()
    assert not calls.is_open


def test_calls_that_hang_are_counted_until_they_return(late: Callable[[], bool], released: threading.Event) -> None:
    clock = Clock()
    calls = LateCalls("r", clock)
    while calls.late_running < 8:  # a call that has not begun when it is given up never runs
        be_late(calls, late, 1)
        clock.now_s += 1_000
    with pytest.raises(CircuitOpenError):
        in_time(calls)
    released.set()
    while calls.late_running:
        sleep(0.001)
    assert in_time(calls) == "answer"


def test_a_call_that_its_search_gave_up_is_not_late(released: threading.Event, late: Callable[[], bool]) -> None:
    calls = LateCalls("r", Clock())
    for _ in range(4):
        stop = Stop()
        threading.Timer(0.01, stop.cancel).start()
        with pytest.raises(DeadlineError):
            calls.run(late, stop)
    assert not calls.is_open


class Slow:
    name, source = "slow", ""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def score(self, query: str, passages: list[str]) -> Any:
        self.asked.append(len(passages))
        return [1.0] * len(passages)


def test_a_function_is_given_as_many_passages_as_it_reads_in_time() -> None:
    slow = Slow()
    called = CalledReranker(slow)
    called.pace.observe(called.pace.size(["a"] * 10), 1_000.0)
    reading = called.read_until("q", ["a"] * 10, Stop(monotonic() + 500))
    assert slow.asked == [4]
    assert reading.read == 4
    with pytest.raises(DeadlineError, match="can't read a passage in time"):
        called.read_until("q", ["a"] * 10, Stop(monotonic() + 0.5))
