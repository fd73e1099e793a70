"""Hooks that rewrite a query: what they give, and that one which fails costs its own texts only."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from connector.errors import RequestError
from connector.facade.rewriting import arewritten, checked_hooks, checked_timeout, gathered, rewritten

ENOUGH = 60.0
SHORT = 2.0
"""Enough for the hooks that wait for nothing, on a busy machine too."""


def expand(text: str) -> list[str]:
    return [f"{text} automobile", f"{text} vehicle"]


async def translate(text: str) -> str:
    await asyncio.sleep(0)
    return f"{text} auf Deutsch"


def fail(_: str) -> str:
    raise ConnectionError("no such host")


HOOKS: dict[str, Any] = {"expansion": expand, "translation": translate, "broken": fail}
TEXTS = {"expansion": "car automobile", "expansion_2": "car vehicle", "translation": "car auf Deutsch"}
FAILURES = ("rewrite 'broken' failed: ConnectionError (see the log of connector.rewriting)",)


def test_each_hook_gives_its_texts_and_a_failure_costs_no_other() -> None:
    found = rewritten(HOOKS, "car", ENOUGH)
    assert (found.texts, found.failures) == (TEXTS, FAILURES)


async def test_the_same_without_blocking_the_event_loop() -> None:
    found = await arewritten(HOOKS, "car", ENOUGH)
    assert (found.texts, found.failures) == (TEXTS, FAILURES)


class Late:
    """Hooks that wait until they are let go, which is after the deadline."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def hook(self, text: str) -> str:
        self.go.wait(ENOUGH)
        return f"late {text}"

    async def async_hook(self, text: str) -> str:
        await asyncio.sleep(ENOUGH)
        return f"late {text}"


def test_a_late_hook_is_left_behind() -> None:
    late = Late()
    found = rewritten({"late": late.hook, "expansion": expand}, "car", SHORT)
    late.go.set()
    assert found.texts == {name: text for name, text in TEXTS.items() if name != "translation"}
    assert found.failures == ("rewrite 'late' was not done within 2 s",)


async def test_a_late_hook_is_left_behind_on_the_event_loop_too() -> None:
    late = Late()
    found = await arewritten({"late": late.hook, "async": late.async_hook, "expansion": expand}, "car", SHORT)
    late.go.set()
    assert list(found.texts) == ["expansion", "expansion_2"]
    assert len(found.failures) == 2


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ("other", ["other"]),
        (["a", "b", "a"], ["a", "b"]),
        (("a",), ["a"]),
        (" car ", []),
        (["", "  "], []),
        ([], []),
    ],
)
def test_what_adds_nothing_is_left_out(given: Sequence[str], texts: list[str]) -> None:
    assert list(gathered("car", {"hook": given}, 1.0).texts.values()) == texts


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (None, "NoneType, must be a text or a list of texts"),
        (["a", 1], "list, must be"),
        ({"a": "b"}, "dict, must be"),
        ([str(number) for number in range(9)], "9 texts, at most 8"),
        ("x" * 40_000, "more than 32,768 characters"),
        ("\ud800", "half of a surrogate pair"),
    ],
)
def test_what_is_no_text_is_said_and_not_searched(given: Any, reason: str) -> None:
    found = gathered("car", {"hook": given}, 1.0)
    assert found.texts == {}
    assert reason in found.failures[0]


def test_two_hooks_never_share_a_name() -> None:
    found = gathered("car", {"a": ["1", "2"], "a_2": "3"}, 1.0)
    assert found.texts == {"a": "1", "a_2": "2", "a_2_2": "3"}


@pytest.mark.parametrize("hooks", [[expand], "expand", {"": expand}, {1: expand}, {"a": "no function"}])
def test_hooks_that_are_none_are_refused(hooks: object) -> None:
    with pytest.raises(RequestError, match="rewrite"):
        checked_hooks(hooks)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "1", True, None])
def test_a_deadline_is_a_number_of_seconds(timeout: object) -> None:
    with pytest.raises(RequestError, match="rewrite_timeout"):
        checked_timeout(timeout)
