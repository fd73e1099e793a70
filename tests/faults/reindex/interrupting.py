"""A job that is cut off at a chosen request, as by SIGKILL, while others write: in this process, on any engine.

Nothing of the job runs after the cut but what frees its threads, and what it had not acknowledged is not acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from elasticsearch import Elasticsearch

from connector.clients.exact_reading import transport_reading

Moment = Literal["before", "after"]
On = Callable[[Moment, str, str], None]


class Cut(BaseException):
    """The process is gone: nothing that a job handles."""


class _Watched:
    """A transport that tells of each request before it is sent and after it was answered."""

    def __init__(self, own: Any, on: On) -> None:
        self._own = own
        self._on = on

    def perform_request(self, method: str, target: str, **options: Any) -> Any:
        self._on("before", method, target)
        answer = self._own.perform_request(method, target, **options)
        self._on("after", method, target)
        return answer

    def reading(self, loads: Callable[[bytes], Any]) -> _Watched:
        """A watched transport that reads JSON answers with `loads`."""
        return _Watched(transport_reading(self._own, loads), self._on)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)


def watched(es: Elasticsearch, on: On) -> Elasticsearch:
    """Give a client on the same connections whose requests are told; what `on` raises ends the job."""
    client = es.options()
    client._transport = _Watched(client._transport, on)  # type: ignore[assignment]
    return client


class CutAt:
    """Cuts at the n-th request that begins like this, and acts before it does.

    Args:
        moment: before the request is sent, or after it was answered.
        request: how it begins, as "POST /_bulk".
        number: which of them, from 1.
        act: what another client does at this very moment.
    """

    def __init__(self, moment: Moment, request: str, number: int = 1, act: Callable[[], object] = lambda: None) -> None:
        self._moment = moment
        self._request = request
        self._left = number
        self._act = act
        self.is_cut = False

    def __call__(self, moment: Moment, method: str, target: str) -> None:
        if self.is_cut:
            if method in ("POST", "DELETE") and ("_bulk" in target or "_aliases" in target):
                raise Cut
            return
        if moment == self._moment and f"{method} {target}".startswith(self._request):
            self._left -= 1
            if self._left == 0:
                self.is_cut = True
                self._act()
                raise Cut
