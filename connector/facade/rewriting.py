"""Hooks that turn a query's text into others before retrieval: an expansion, a translation, an image's caption.

Each hook runs on its own thread and has a deadline; if one fails or is late, only its own texts are missing.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from itertools import chain, count
from time import monotonic
from typing import Any, TypeAlias

from connector.errors import RequestError
from connector.request.base_types import MAX_MODEL_TEXT
from connector.search.degradations import DEGRADATIONS, Degradation, DegradationCode
from connector.threads import raisable

_LOGGER = "connector.rewriting"

MAX_TEXTS = 8
"""How many texts one hook may return: each adds two legs."""

DEFAULT_TIMEOUT_S = 2.0

Hook: TypeAlias = Callable[[str], str | Sequence[str] | Awaitable[str | Sequence[str]]]
"""A query's text in, one or more texts out; sync or async."""


@dataclass(frozen=True)
class Rewritten:
    """What the hooks returned: texts by hook name (`name`, `name_2`, ...), and one degradation per hook that failed."""

    texts: dict[str, str] = field(default_factory=dict)
    degradations: tuple[Degradation, ...] = ()

    @property
    def failures(self) -> tuple[str, ...]:
        """Why each hook that failed did, as the response says it."""
        return tuple(each.sentence for each in self.degradations)


def checked_hooks(hooks: object) -> dict[str, Hook]:
    """Return hooks by name.

    Raises:
        RequestError: they are no mapping from names to functions.
    """
    if hooks is None:
        return {}
    if not isinstance(hooks, Mapping):
        raise RequestError("rewrite", hooks, 'must be functions by name, as {"expansion": expand}')
    for name, hook in hooks.items():
        if not isinstance(name, str) or not name:
            raise RequestError("rewrite", name, "must have a name for each function, which the provenance shows")
        if not callable(hook):
            raise RequestError(f"rewrite.{name}", hook, "must be a function from a text to one or several texts")
    return dict(hooks)


def checked_timeout(timeout: object) -> float:
    """Return a deadline in seconds.

    Raises:
        RequestError: it is no positive number, or too large to wait for.
    """
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < threading.TIMEOUT_MAX:
        raise RequestError("rewrite_timeout", timeout, "must be a number of seconds above 0")
    return float(timeout)


def rewritten(hooks: Mapping[str, Hook], text: str, timeout: float) -> Rewritten:
    """Run the hooks in parallel, each for at most `timeout` seconds."""
    running = {name: _started(hook, text) for name, hook in hooks.items()}
    deadline = monotonic() + timeout
    outcomes: dict[str, Any] = {}
    for name, future in running.items():
        try:
            outcomes[name] = future.result(max(deadline - monotonic(), 0))
        except Exception as error:  # whatever a user's hook raises, only its own texts are missing
            outcomes[name] = error
    return gathered(text, outcomes, timeout)


async def arewritten(hooks: Mapping[str, Hook], text: str, timeout: float) -> Rewritten:
    """Run the hooks without blocking the event loop: async ones on it, sync ones on threads."""
    waiting = (asyncio.wait_for(_awaited(hook, text), timeout) for hook in hooks.values())
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    return gathered(text, dict(zip(hooks, outcomes, strict=True)), timeout)


def gathered(text: str, outcomes: Mapping[str, Any], timeout: float) -> Rewritten:
    """Sort what the hooks returned or raised into texts and failures, which are logged and counted.

    The query itself and blank texts are dropped.
    """
    texts: dict[str, str] = {}
    failures: list[Degradation] = []
    for name, outcome in outcomes.items():
        if isinstance(outcome, TimeoutError | asyncio.TimeoutError | FutureTimeoutError):
            what = f"rewrite {name!r} was not done within {timeout:g} s"
            failures.append(Degradation(DegradationCode.REWRITE_LATE, what, _LOGGER, subject=name))
        elif isinstance(outcome, BaseException):
            what = f"rewrite {name!r} failed"
            failures.append(Degradation(DegradationCode.REWRITE_FAILED, what, _LOGGER, outcome, name))
        elif (reason := _fault(outcome)) is not None:
            what = f"rewrite {name!r} gave {reason}"
            failures.append(Degradation(DegradationCode.REWRITE_OUTPUT, what, _LOGGER, subject=name))
        else:
            found = [outcome] if isinstance(outcome, str) else outcome
            known = {text.strip(), *texts.values()}
            fresh = [each for each in dict.fromkeys(one.strip() for one in found) if each and each not in known]
            for each in fresh:
                texts[_free_name(name, texts)] = each
    for failure in failures:
        DEGRADATIONS.record(failure)
    return Rewritten(texts, tuple(failures))


def _free_name(name: str, taken: Container[str]) -> str:
    names = chain([name], (f"{name}_{number}" for number in count(2)))
    return next(each for each in names if each not in taken)


def _fault(outcome: Any) -> str | None:
    texts = [outcome] if isinstance(outcome, str) else outcome
    if not isinstance(texts, list | tuple) or not all(isinstance(each, str) for each in texts):
        return f"{type(outcome).__name__}, must be a text or a list of texts"
    if len(texts) > MAX_TEXTS:
        return f"{len(texts)} texts, at most {MAX_TEXTS} are searched"
    if any(len(each) > MAX_MODEL_TEXT for each in texts):
        return f"a text of more than {MAX_MODEL_TEXT:,} characters"
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return "a text with half of a surrogate pair"
    return None


def _started(hook: Hook, text: str) -> Future[Any]:
    """Run a hook on a daemon thread, which neither a search past its deadline nor the interpreter's exit waits for."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()  # nobody can cancel it from here on, so the thread can always set a result

    def work() -> None:
        try:
            outcome = hook(text)
            future.set_result(asyncio.run(_result(outcome)) if inspect.isawaitable(outcome) else outcome)
        except BaseException as error:  # even an exit or a cancellation only fails the hook
            future.set_exception(raisable(error))

    threading.Thread(target=work, name="rewrite", daemon=True).start()
    return future


async def _awaited(hook: Hook, text: str) -> Any:
    if inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(getattr(hook, "__call__", None)):  # noqa: B004
        try:
            return await _result(hook(text))
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            raise raisable(error) from error.__cause__
    return await asyncio.wrap_future(_started(hook, text))


async def _result(outcome: Any) -> Any:
    return await outcome
