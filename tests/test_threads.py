"""Work off the event loop: never on its default executor, never in a deadlock, dropped when cancelled."""

from __future__ import annotations

import ast
import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError as FutureCancelledError
from contextvars import ContextVar
from pathlib import Path

import pytest

import connector
from connector.threads import Threads, UnraisableError
from tests.forking import holds_in_forked_child, needs_fork

_PATIENCE_S = 60
SAID: ContextVar[str] = ContextVar("SAID", default="nothing")


def _uses_of_the_default_executor(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else None
        if name in ("to_thread", "run_in_executor"):
            yield f"{path.name}:{getattr(node, 'lineno', 0)}"


def test_nothing_in_the_package_runs_on_the_loops_default_executor() -> None:
    package = Path(connector.__file__).parent
    assert [use for path in package.rglob("*.py") for use in _uses_of_the_default_executor(path)] == []


@pytest.mark.parametrize("count", [1, 20, 200])
async def test_functions_that_wait_for_the_loops_own_work_all_end(count: int) -> None:
    loop, threads = asyncio.get_running_loop(), Threads("test", most=4)

    async def resolve() -> int:
        return len(await loop.getaddrinfo("127.0.0.1", 80))

    def wait_for_the_loop() -> int:
        return asyncio.run_coroutine_threadsafe(resolve(), loop).result(_PATIENCE_S)

    found = await asyncio.wait_for(asyncio.gather(*(threads.run(wait_for_the_loop) for _ in range(count))), _PATIENCE_S)
    assert all(found)


async def test_functions_that_wait_for_others_still_queued_all_end() -> None:
    loop, threads = asyncio.get_running_loop(), Threads("test", most=2, stalled_s=0.01)

    def outer(depth: int) -> int:
        if depth == 0:
            return 0
        return 1 + asyncio.run_coroutine_threadsafe(threads.run(outer, depth - 1), loop).result(_PATIENCE_S)

    found = await asyncio.wait_for(asyncio.gather(*(threads.run(outer, 3) for _ in range(20))), _PATIENCE_S)
    assert found == [3] * 20


async def test_no_more_threads_than_most_run_while_work_gets_done() -> None:
    threads = Threads("test", most=3)
    seen: set[int] = set()
    await asyncio.gather(*(threads.run(lambda: seen.add(threading.get_ident())) for _ in range(100)))
    assert len(seen) <= 3


async def test_a_function_runs_in_the_coroutines_context_on_a_daemon_thread() -> None:
    SAID.set("hello")
    said, is_daemon = await Threads("test").run(lambda: (SAID.get(), threading.current_thread().daemon))
    assert (said, is_daemon) == ("hello", True)


def _raise(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("error", [ValueError("v"), KeyError(1), OSError(), StopAsyncIteration(), RecursionError()])
async def test_an_error_is_the_functions_own(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        await Threads("test").run(_raise, error)
    assert caught.value is error


@pytest.mark.parametrize(
    "error",
    [StopIteration(), GeneratorExit(), SystemExit(3), asyncio.CancelledError(), FutureCancelledError()],
    ids=lambda error: f"{type(error).__module__}.{type(error).__name__}",
)
async def test_what_no_coroutine_can_raise_for_a_function_is_the_cause_of_an_error(error: BaseException) -> None:
    with pytest.raises(UnraisableError, match=type(error).__name__) as caught:
        await asyncio.wait_for(Threads("test").run(_raise, error), _PATIENCE_S)
    assert caught.value.__cause__ is error


async def test_a_cancelled_coroutine_drops_its_function_and_leaves_the_thread_to_others() -> None:
    threads = Threads("test", most=1)
    begun, may_end = threading.Event(), threading.Event()
    ran: list[str] = []

    def first() -> None:
        begun.set()
        may_end.wait(_PATIENCE_S)

    running = asyncio.create_task(threads.run(first))
    while not begun.is_set():
        await asyncio.sleep(0)
    waiting = asyncio.create_task(threads.run(ran.append, "cancelled before it began"))
    while not threads.queued:
        await asyncio.sleep(0)
    for task in (waiting, running):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert threads.queued == 0
    may_end.set()
    await threads.run(ran.append, "after")
    assert (ran, threads.count) == (["after"], 1)


@needs_fork
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own() -> None:
    threads = Threads("test")
    assert asyncio.run(threads.run(lambda: 7)) == 7
    assert holds_in_forked_child(lambda: asyncio.run(threads.run(lambda: 8)) == 8)
