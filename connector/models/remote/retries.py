"""Trying again what may pass, within the time there is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from time import monotonic, time
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from connector.errors import ModelError
from connector.models.stopping import Stop

T = TypeVar("T")

_ATTEMPTS = 4
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 5.0
_random_wait_s = wait_random_exponential(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S)


class TransientError(ModelError):
    """A request failed in a way that may pass; `after_s` is how many seconds the server asks to wait."""

    def __init__(self, message: str, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


def retried(ask: Callable[[], T], stop: Stop) -> T:
    """Return what `ask` returns; after a TransientError try again, at most three times.

    A wait that would end after the deadline is not begun, so a search gets the error while there is still time.

    Raises:
        ModelError: whatever `ask` raised last.
    """
    retrying = Retrying(
        retry=retry_if_exception_type(TransientError),
        stop=stop_after_attempt(_ATTEMPTS) | stop_before_delay(max(stop.left_s, 0.0)),
        wait=_wait_s,
        sleep=lambda seconds: stop.no_later_than(monotonic() + seconds).wait(threading.Event()),
        reraise=True,
    )
    try:
        return retrying(ask)
    except TransientError as error:
        raise ModelError(str(error)) from error.__cause__


def retry_after_s(value: str | None) -> float | None:
    """Return the seconds of a `Retry-After` header, which has a number or a date; None without a valid one.

    Source: RFC 9110, section 10.2.3.

    Examples:
        >>> from connector.models.remote.retries import retry_after_s
        >>> retry_after_s("120")
        120.0
    """
    if value is None:
        return None
    try:
        if value.strip().isdecimal():
            return float(value)
        return max(parsedate_to_datetime(value).timestamp() - time(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return None


def _wait_s(state: RetryCallState) -> float:
    """Return how long to wait before the next attempt: as the server asks, else longer each time, at random."""
    error = state.outcome.exception() if state.outcome is not None else None
    asked_s = error.after_s if isinstance(error, TransientError) else None
    return asked_s if asked_s is not None else _random_wait_s(state)
