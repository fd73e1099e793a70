"""Requests as a client sends them, the calls that they come from, and their headers and paths."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from time import monotonic
from typing import Any, TypeAlias, TypeVar
from urllib.parse import quote, unquote

from connector.clients.retries import Retries
from connector.search.keeping import caller_of
from connector.search.needs import Compute
from connector.threads import MODELS

ACCEPT_JSON = {"accept": "application/json"}
SEND_JSON = {**ACCEPT_JSON, "content-type": "application/json"}
SEND_NDJSON = {**ACCEPT_JSON, "content-type": "application/x-ndjson"}


@dataclass(frozen=True)
class Send:
    """One HTTP request. The answer: the cluster's response.

    Attributes:
        endpoint_id, path_parts: what elasticsearch-py says about a request.
        ignored: the statuses that opensearch-py answers with instead of raising an error.
    """

    method: str
    path: str
    params: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None
    body: Any = None
    endpoint_id: str | None = None
    path_parts: Mapping[str, Any] | None = None
    ignored: Collection[int] = ()


ClientNeed: TypeAlias = Send | Compute
"""All that a client performs."""

Answer = TypeVar("Answer")
ClientFlow: TypeAlias = Generator[ClientNeed, Any, Answer]


@dataclass(frozen=True)
class Call:
    """One call of a client.

    Attributes:
        request: the call as it came.
        params: its URL parameters, with values instead of text if the client knows their types.
        index: the index expression of its path; None if it names none.
        retries: how often its searches are sent again.
        sent_headers: those that the client sends with every request, which say who asks.
        ignored: the statuses that are answers instead of errors.
        changes_mappings: mappings read earlier may be wrong after it.
        started_s: when it came, in seconds of `time.monotonic`.
    """

    request: Send
    params: Mapping[str, Any] = field(default_factory=dict)
    index: str | None = None
    retries: Retries = field(default_factory=Retries)
    sent_headers: Mapping[str, str] | None = None
    ignored: Any = ()
    changes_mappings: bool = False
    started_s: float = field(default_factory=monotonic)

    @cached_property
    def caller(self) -> str:
        """Who asks, as `caller_of` names them."""
        return caller_of(self.sent_headers)


async def performed(need: Compute) -> Any:
    """Compute off the event loop; a task that is cancelled stops what it can of it."""
    try:
        return await MODELS.run(need.work)
    except CancelledError:
        need.stop.cancel()
        raise


def index_of(path_parts: Mapping[str, Any] | None) -> str | None:
    """Return the index expression of a path; None if it names no index."""
    index = (path_parts or {}).get("index")
    return unquote(str(index)) if index else None


def mapping_path(index: str | None) -> str:
    """Return the path of an index expression's mappings."""
    return "/_mapping" if index is None else f"/{quote(index, safe=',*')}/_mapping"
