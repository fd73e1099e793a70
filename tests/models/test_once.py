from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from connector.models.once import ForkSafeLock, Once, shared
from tests.forking import holds_in_forked_child, needs_fork


def test_fifty_threads_make_a_value_once() -> None:
    made: list[object] = []
    all_are_here = threading.Barrier(50)

    def make() -> object:
        made.append(object())
        return made[0]

    once = Once(make)

    def get(_: int) -> object:
        all_are_here.wait()
        return once.get()

    with ThreadPoolExecutor(50) as threads:
        values = list(threads.map(get, range(50)))
    assert len(made) == 1
    assert set(map(id, values)) == {id(made[0])}


def test_an_error_reaches_everyone_who_waited_for_that_attempt() -> None:
    is_started, may_fail = threading.Event(), threading.Event()
    attempts: list[int] = []

    def make() -> int:
        attempts.append(1)
        is_started.set()
        may_fail.wait()
        raise OSError("no such model")

    once = Once(make)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(once.get)
        is_started.wait()
        second = threads.submit(once.get)
        may_fail.set()
        errors = [first.exception(), second.exception()]
    assert all(isinstance(error, OSError) for error in errors)


def test_after_an_error_the_next_get_tries_again() -> None:
    answers = iter([OSError("not yet"), "model"])

    def make() -> str:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return str(answer)

    once = Once(make)
    with pytest.raises(OSError, match="not yet"):
        once.get()
    assert once.get() == "model"


def test_the_same_key_shares_one_value() -> None:
    key = ("test_loading", object())
    assert shared(key, object) is shared(key, object)


@needs_fork
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_makes_what_its_parent_was_still_making() -> None:
    in_parent = os.getpid()
    is_started, may_end = threading.Event(), threading.Event()

    def make() -> int:
        if os.getpid() == in_parent:
            is_started.set()
            may_end.wait()
        return os.getpid()

    once = Once(make)
    maker = threading.Thread(target=once.get)
    maker.start()
    is_started.wait()
    assert holds_in_forked_child(lambda: once.get() == os.getpid())
    may_end.set()
    maker.join()
    assert once.get() == in_parent


@needs_fork
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_lock_that_the_parent_holds_is_free_in_a_forked_child() -> None:
    lock = ForkSafeLock()

    def can_take() -> bool:
        with lock:
            return True

    with lock:
        assert holds_in_forked_child(can_take)
