"""Retries calls to a cluster that may be unavailable for a while.

Broken connections, timeouts, 429, 502, 503 and 504 are retried; any other answer is final.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from elastic_transport import SerializationError, TransportError
from elasticsearch import ApiError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    sleep_using_event,
    stop_after_delay,
    stop_any,
    stop_when_event_set,
)
from tenacity.wait import wait_exponential, wait_random

from connector.engines.answers import readable
from connector.errors import ReindexError

TRANSIENT_STATUSES = frozenset({429, 502, 503, 504})
Result = TypeVar("Result")


class NotYetError(Exception):
    """The same call should be tried again later."""


def is_transient(error: BaseException) -> bool:
    """True if the same call may succeed later."""
    if isinstance(error, ApiError):
        return error.status_code in TRANSIENT_STATUSES
    return isinstance(error, TransportError | NotYetError) and not isinstance(error, SerializationError)


class Patience:
    """Retries calls with exponential backoff and jitter until they have failed for `retry_for_s`.

    Args:
        retry_for_s: how long a call may fail before the job stops.
        stop: set to stop the job; a wait ends at once.
        on_retry: called with each failure that is retried.
        longest_wait_s: the longest wait between two attempts.
    """

    def __init__(
        self,
        retry_for_s: float,
        stop: threading.Event,
        on_retry: Callable[[BaseException], None] | None = None,
        longest_wait_s: float = 10.0,
    ) -> None:
        self.stop = stop
        self._retry_for_s = retry_for_s
        self._on_retry = on_retry
        self._longest_wait_s = longest_wait_s

    def call(self, function: Callable[[], Result]) -> Result:
        """Return the call's result.

        Raises:
            ReindexError: it failed for too long.
            elasticsearch.ApiError: the cluster rejected it.
        """
        retrying = Retrying(
            retry=retry_if_exception(is_transient),
            wait=wait_exponential(multiplier=0.1, max=self._longest_wait_s) + wait_random(0, 0.5),
            stop=stop_any(stop_after_delay(self._retry_for_s), stop_when_event_set(self.stop)),
            sleep=sleep_using_event(self.stop),
            before_sleep=self._report,
            reraise=True,
        )
        try:
            with readable("a call"):
                return retrying(function)
        except (ApiError, TransportError, NotYetError) as error:
            if not is_transient(error):
                raise
            raise ReindexError(
                f"the cluster does not answer as it should ({error}), after retries for up to {self._retry_for_s:g} s. "
                "Repair the cluster, then resume the job"
            ) from error

    def _report(self, state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome is not None else None
        if self._on_retry is not None and failure is not None:
            self._on_retry(failure)


def complete(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an answer if no shard is missing from it.

    Raises:
        NotYetError: a shard failed or ran out of time.
    """
    shards = answer.get("_shards", {})
    failed = shards.get("failed") if isinstance(shards, Mapping) else None
    if answer.get("timed_out") or failed:
        raise NotYetError(f"shards failed: {shards.get('failures') or shards}")
    return answer
