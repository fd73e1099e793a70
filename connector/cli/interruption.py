"""Ctrl-C and SIGTERM: both end a command in the same way, whatever it is doing, with 128 plus the signal's number."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible() -> Iterator[list[signal.Signals]]:
    """Raise KeyboardInterrupt on SIGINT and on SIGTERM, and provide the signals that were received.

    A thread other than the main one can't set handlers, so there nothing changes.
    """
    received: list[signal.Signals] = []

    def interrupt(number: signal.Signals) -> None:
        received.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    with handled(interrupt):
        yield received


@contextmanager
def handled(handle: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Call a function on SIGINT and on SIGTERM while the block runs."""

    def call(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        handle(signal.Signals(number))

    before = {number: signal.signal(number, call) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_code_of(received: list[signal.Signals]) -> int:
    """Return the exit code of a command that was interrupted: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + (received[0] if received else signal.SIGINT)


def leave(code: int) -> NoReturn:
    """End the process at once: models that still compute on other threads would abort an orderly end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # a pipe that nobody reads any more
            continue
    os._exit(code)
